#include "handset-sim/report.h"

#include <stdio.h>

#include "handset-sim/day.h"

static json_t *latency_json(struct latency *l)
{
	return json_pack("{s:I, s:f, s:f, s:f}", "count", (json_int_t)l->count, "p50",
			 latency_ms(l, 0.5), "p99", latency_ms(l, 0.99), "max", latency_ms(l, 1));
}

/* What the radio side came to. */
static json_t *radio_json(const struct world *w, const struct trigger_verdict *v)
{
	const struct texts *t = &w->texts;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o}", "sleepers", (json_int_t)w->sleepers,
			 "sms_triggers", (json_int_t)v->heard[BEARER_SMS], "udp_triggers",
			 (json_int_t)v->heard[BEARER_UDP], "sms_repeated_by_network",
			 (json_int_t)v->repeated_by_network, "wakes", (json_int_t)w->wakes, "texts",
			 json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "written",
				   (json_int_t)t->written, "taken", (json_int_t)t->taken, "refused",
				   (json_int_t)t->refused, "arrived", (json_int_t)t->arrived,
				   "again", (json_int_t)t->again, "altered", (json_int_t)t->altered,
				   "stranger", (json_int_t)t->stranger));
}

/* What phones submitted. */
static json_t *letters_json(struct letters *l)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "wanted",
			 (json_int_t)l->wanted, "accepted", (json_int_t)l->accepted, "refused",
			 (json_int_t)l->refused, "arrived", (json_int_t)l->arrived, "bounced",
			 (json_int_t)l->bounced, "lost", (json_int_t)letters_lost(l), "again",
			 (json_int_t)l->again, "altered", (json_int_t)l->altered, "stranger",
			 (json_int_t)l->stranger, "accept", latency_json(&l->accept));
}

static void json_report(struct world *w, const struct trigger_verdict *v)
{
	struct ledger *l = &w->ledger;
	json_t *o = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:f}",
		"handsets", (json_int_t)w->scenario->handsets, "sent", (json_int_t)l->sent,
		"fetched", (json_int_t)l->fetched, "lost", (json_int_t)ledger_lost(l), "altered",
		(json_int_t)(l->altered + l->unknown), "stranger", (json_int_t)l->stranger,
		"attach", latency_json(&l->attach), "token", latency_json(&l->token),
		"accept_trigger", latency_json(&l->accept_trigger), "trigger_fetched",
		latency_json(&l->trigger_fetched), "refused", (json_int_t)l->refused, "again",
		(json_int_t)l->again, "moves", (json_int_t)l->moves, "triggers",
		(json_int_t)l->triggers, "misdirected", (json_int_t)l->misdirected, "reported",
		(json_int_t)l->reported, "denied", (json_int_t)l->denied, "loop_seconds",
		w->sending_us ? (double)(w->ended_us - w->sending_us) / 1e6 : 0.0);

	json_object_set_new(o, "accept", latency_json(&l->accept));
	json_object_set_new(o, "sent_trigger", latency_json(&l->sent_trigger));
	json_object_set_new(o, "accept_next", latency_json(&l->accept_next));
	if (w->sms)
		json_object_set_new(o, "radio", radio_json(w, v));
	if (w->scenario->submit)
		json_object_set_new(o, "submissions", letters_json(&w->letters));
	if (w->day) {
		json_t *day = day_json(w->day, v);
		json_object_update(o, day);
		json_decref(day);
	}
	json_dumpf(o, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(o);
}

static void count_row(const char *what, uint32_t n)
{
	printf("  %-28s %10u\n", what, n);
}

static void latency_row(const char *what, struct latency *l)
{
	printf("  %-28s %10.2f %10.2f %10.2f\n", what, latency_ms(l, 0.5), latency_ms(l, 0.99),
	       latency_ms(l, 1));
}

static void radio_rows(const struct world *w, const struct trigger_verdict *v)
{
	const struct texts *t = &w->texts;

	count_row("asleep until an SMS comes", w->sleepers);
	count_row("  woken", w->wakes);
	count_row("  triggers by SMS", (uint32_t)v->heard[BEARER_SMS]);
	if (!t->count)
		return;
	count_row("texts written", t->written);
	count_row("  taken by the SMSC", t->taken);
	count_row("  arrived", t->arrived);
	count_row("  altered", t->altered);
	count_row("  read by another", t->stranger);
}

static void letters_rows(const struct letters *l)
{
	count_row("mails submitted by phones", l->accepted);
	count_row("  arrived", l->arrived);
	count_row("  refused", l->refused);
	count_row("  bounced", l->bounced);
	count_row("  lost", letters_lost(l));
	count_row("  altered", l->altered);
	count_row("  seen by another", l->stranger);
}

bool report_is_clean(const struct world *w)
{
	struct trigger_verdict v;

	trigger_tally_judge(&w->ledger.tally, &v);
	return ledger_is_clean(&w->ledger) && w->ledger.fetched == w->scenario->mails &&
	       texts_are_clean(&w->texts) && letters_are_clean(&w->letters) &&
	       (!w->day || day_is_clean(w->day, &v));
}

void report_print(struct world *w)
{
	struct ledger *l = &w->ledger;
	struct trigger_verdict v;

	trigger_tally_judge(&l->tally, &v);
	if (w->scenario->json) {
		json_report(w, &v);
		return;
	}
	count_row("handsets", w->scenario->handsets);
	count_row("mails accepted", l->sent);
	count_row("mails fetched", l->fetched);
	count_row("lost", ledger_lost(l));
	count_row("altered", l->altered + l->unknown);
	count_row("seen by another", l->stranger);
	count_row("refused", l->refused);
	count_row("changes of address", l->moves);
	count_row("triggers heard", l->triggers);
	count_row("fetched twice", l->again);
	if (w->sms)
		radio_rows(w, &v);
	if (w->scenario->submit)
		letters_rows(&w->letters);
	if (w->day)
		day_print(w->day, &v);
	printf("\n  %-28s %10s %10s %10s\n", "milliseconds", "p50", "p99", "max");
	latency_row("attach (lease event)", &l->attach);
	latency_row("token", &l->token);
	latency_row("content -> accepted", &l->accept);
	latency_row("accepted -> trigger", &l->accept_trigger);
	latency_row("  while another is pending", &l->accept_next);
	latency_row("trigger -> fetched", &l->trigger_fetched);
	if (w->sending_us)
		printf("\n  %u mails through the whole loop in %.2f s\n", l->fetched,
		       (double)(w->ended_us - w->sending_us) / 1e6);
}
