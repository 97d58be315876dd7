/* What the incident came to: a table, or a JSON object. */
#include <stdio.h>

#include "handset-sim/incident.h"

bool incident_is_clean(const struct incident *in)
{
	const struct tally *t = &in->tally;

	return ledger_is_clean(&in->ledger) && !in->ledger.refused && !t->wrong_tokens &&
	       !t->wrong_bindings && in->is_synchronised && !in->unfinished;
}

static uint64_t mismatches(const struct tally *t)
{
	return t->no[NO_MISMATCH] + t->no[NO_CONTESTED] + t->no[NO_QUARANTINED];
}

static json_t *events_json(const struct feed_counts *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sent", (json_int_t)f->sent,
			 "repeated", (json_int_t)f->repeated, "applied",
			 (json_int_t)f->results[FEED_APPLIED], "stale",
			 (json_int_t)f->results[FEED_STALE], "duplicate",
			 (json_int_t)f->results[FEED_DUPLICATE], "quarantined",
			 (json_int_t)f->results[FEED_QUARANTINED], "error",
			 (json_int_t)f->results[FEED_ERROR]);
}

static json_t *refusals_json(const struct tally *t)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "no_binding", (json_int_t)t->no[NO_BINDING],
		"claim_mismatch", (json_int_t)t->no[NO_MISMATCH], "contested",
		(json_int_t)t->no[NO_CONTESTED], "quarantined", (json_int_t)t->no[NO_QUARANTINED],
		"overloaded", (json_int_t)t->no[NO_OVERLOADED], "no_answer",
		(json_int_t)t->no[NO_ANSWER], "other", (json_int_t)t->no[NO_OTHER]);
}

static json_t *seconds_json(const struct incident *in)
{
	json_t *o = json_object();

	for (int p = 0; p < PHASE_OVER; p++)
		json_object_set_new(o, incident_phase_name((enum phase)p),
				    json_real(in->seconds[p]));
	return o;
}

static void json_report(const struct incident *in)
{
	const struct tally *t = &in->tally;
	const struct ledger *l = &in->ledger;
	json_t *o = json_pack(
		"{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:o}", "scenario",
		"incident-2011", "faulty_feed", (int)in->scenario->faulty_feed, "scale",
		(json_int_t)in->scenario->scale, "subscribers",
		(json_int_t)in->carrier.customer_count, "live", (json_int_t)in->phone_count,
		"kansai", (json_int_t)in->kansai, "reattached", (json_int_t)in->reattached,
		"events", events_json(lease_feed_counts(in->feed)), "wrong_events",
		(json_int_t)t->wrong_starts, "corrections", (json_int_t)t->corrections, "lists",
		(json_int_t)t->lists, "breakers_tripped", (json_int_t)t->breakers, "refusals",
		refusals_json(t));
	json_t *more = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:f, s:b}", "mismatches",
		(json_int_t)mismatches(t), "tokens", (json_int_t)t->tokens, "tokens_refused",
		(json_int_t)t->tokens_refused, "wrong_tokens", (json_int_t)t->wrong_tokens, "lies",
		(json_int_t)t->lies, "held", (json_int_t)t->held, "held_cut",
		(json_int_t)t->held_cut, "audited", (json_int_t)t->audited, "wrong_bindings",
		(json_int_t)t->wrong_bindings, "synchronised", (int)in->is_synchronised,
		"resync_seconds", in->resync_s, "authsrv_killed", (int)(in->killer.kills != 0));
	json_t *mail = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:f}", "sent", (json_int_t)l->sent,
		"fetched", (json_int_t)l->fetched, "lost", (json_int_t)ledger_lost(l), "altered",
		(json_int_t)(l->altered + l->unknown), "stranger", (json_int_t)l->stranger, "again",
		(json_int_t)l->again, "triggers", (json_int_t)l->triggers, "misdirected",
		(json_int_t)l->misdirected, "seconds", seconds_json(in), "took",
		(double)(in->ended_us - in->began_us) / 1e6);

	json_object_update(o, more);
	json_object_update(o, mail);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
	json_decref(more);
	json_decref(mail);
}

static void row(const char *what, uint64_t n)
{
	printf("  %-44s %10llu\n", what, (unsigned long long)n);
}

static void text_network(const struct incident *in)
{
	const struct feed_counts *f = lease_feed_counts(in->feed);
	const struct tally *t = &in->tally;

	printf("20 December 2011, 1:%u%s\n", in->scenario->scale,
	       in->scenario->faulty_feed ? ", by a feed that gives wrong bindings" : "");
	row("subscribers", in->carrier.customer_count);
	row("  of them live phones", in->phone_count);
	row("behind the fibre that was cut", in->kansai);
	row("lease events sent", f->sent);
	row("  of them repeated without an answer", f->repeated);
	row("  applied", f->results[FEED_APPLIED]);
	row("  stale", f->results[FEED_STALE]);
	row("  duplicate", f->results[FEED_DUPLICATE]);
	row("  quarantined", f->results[FEED_QUARANTINED]);
	row("  errors", f->results[FEED_ERROR]);
	row("  wrong ones among them", t->wrong_starts);
	if (t->lists)
		row("bindings that the NAS's whole list corrected", t->corrections);
	else
		row("  corrections among them", t->corrections);
	row("circuit breakers that tripped", t->breakers);
	printf("  %-44s %10s\n", "authsrv killed in the storm", in->killer.kills ? "yes" : "no");
}

static void text_handsets(const struct incident *in)
{
	const struct tally *t = &in->tally;

	row("tokens given", t->tokens);
	row("mismatches caught", mismatches(t));
	row("  claim-mismatch", t->no[NO_MISMATCH]);
	row("  contested", t->no[NO_CONTESTED]);
	row("  quarantined", t->no[NO_QUARANTINED]);
	row("other refusals: no binding", t->no[NO_BINDING]);
	row("  overloaded", t->no[NO_OVERLOADED]);
	row("  no answer", t->no[NO_ANSWER]);
	row("  other", t->no[NO_OTHER]);
	row("tokens refused by POP3", t->tokens_refused);
	row("claims with another's IMSI", t->lies);
	row("mail sessions held open across the cut", t->held);
	row("  cut before they showed anything", t->held_cut);
	if (in->is_synchronised)
		printf("  %-44s %8.2f s\n", "last event -> every phone has a token", in->resync_s);
	else
		printf("  %-44s %10s\n", "last event -> every phone has a token", "never");
}

void incident_report(struct incident *in)
{
	const struct ledger *l = &in->ledger;

	if (in->scenario->json) {
		json_report(in);
		return;
	}
	text_network(in);
	text_handsets(in);
	row("mails accepted", l->sent);
	row("mails read by their owners", l->fetched);
	row("triggers seen by another phone", l->misdirected);
	row("bindings audited", in->tally.audited);
	row("  wrong", in->tally.wrong_bindings);
	row("wrong tokens that were given or opened", in->tally.wrong_tokens);
	row("mails lost", ledger_lost(l));
	row("mails altered", l->altered + l->unknown);
	row("stranger's mail read", l->stranger);
	printf("  took %.1f s\n", (double)(in->ended_us - in->began_us) / 1e6);
}
