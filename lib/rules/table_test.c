/* docs/binding-table.md is what the code says: a row for each (state, event) pair, asked of
 * lease_verdict and the binding_* functions themselves. With --print it writes the page (`make
 * docs`); alone it compares. From the root of the tree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rules/lease.h"

#define PAGE "docs/binding-table.md"
#define NOW  INT64_C(1700000000000000)
#define W    (NOW - 1000000) /* the watermark */

enum { NOBODY, HOLDER, OTHER };
enum { NO_SESSION, BOUND = 7, ANOTHER = 8, RIVAL = 9 };

static struct binding row_in(enum key_state s)
{
	struct binding b = {.state = s, .generation = 5, .watermark_us = W, .watermark_batch = 1};

	if (s == KEY_FREE)
		return b;
	b.subscriber = HOLDER;
	b.session = BOUND;
	b.confirmed_us = NOW - 1;
	b.proved_sqn = 100;
	if (s == KEY_CONTESTED) {
		b.rival = RIVAL;
		b.rival_us = W + 1;
	}
	return b;
}

/* ---- leases ---- */

struct lease_case {
	const char *event;
	struct key_question q;
	bool needs_holder, needs_rival;
};

#define START(t, s, who)                                                                           \
	.kind = LEASE_START, .time_us = W + (t), .session = (s), .subscriber = (who)
#define UPDATE(t, s, who)                                                                          \
	.kind = LEASE_UPDATE, .time_us = W + (t), .session = (s), .subscriber = (who)

static const struct lease_case leases[] = {
	{"Start, newer, of another subscriber", {START(1, 0, OTHER)}, false, false},
	{"Start, newer, of somebody unknown", {START(1, 0, NOBODY)}, false, false},
	{"Start, newer, two subscribers' identities",
	 {START(1, 0, NOBODY), .contradictory = true},
	 false,
	 false},
	{"Start, newer, of a session that is over",
	 {START(1, ANOTHER, OTHER), .session_known = true, .session_ended = true},
	 false,
	 false},
	{"Start, older", {START(-1, 0, OTHER)}, false, false},
	{"Start, equal time, later in the same batch",
	 {START(0, 0, OTHER), .batch = 1},
	 false,
	 false},
	{"Start, equal time, of a session that is over",
	 {START(0, ANOTHER, OTHER), .session_known = true, .session_ended = true},
	 false,
	 false},
	{"Start, equal time, of a known session",
	 {START(0, ANOTHER, OTHER), .session_known = true},
	 false,
	 false},
	{"Start, equal time, new session of another subscriber",
	 {START(0, 0, OTHER)},
	 false,
	 false},
	{"Start, equal time, new session of the holder's subscriber",
	 {START(0, 0, HOLDER)},
	 true,
	 false},
	{"Start of the bound session",
	 {START(-1, BOUND, HOLDER), .session_known = true},
	 true,
	 false},
	{"Start of the bound session, naming another subscriber",
	 {START(1, BOUND, OTHER), .session_known = true},
	 true,
	 false},
	{"Start of the bound session, newer, naming somebody unknown",
	 {START(1, BOUND, NOBODY), .session_known = true},
	 true,
	 false},
	{"Start of the bound session, not newer, naming somebody unknown",
	 {START(0, BOUND, NOBODY), .session_known = true},
	 true,
	 false},
	{"Update, newer, of another subscriber's session",
	 {UPDATE(2, ANOTHER, OTHER), .newest = true},
	 false,
	 false},
	{"Update, newer, the rival's second",
	 {UPDATE(2, RIVAL, OTHER), .session_known = true, .newest = true},
	 false,
	 true},
	{"Update, a copy of the rival's first",
	 {UPDATE(1, RIVAL, OTHER), .session_known = true, .newest = true},
	 false,
	 true},
	{"Update, newer, of another session of the holder's subscriber, his newest",
	 {UPDATE(2, ANOTHER, HOLDER), .newest = true},
	 true,
	 false},
	{"Update, newer, of another session of the holder's subscriber, not his newest",
	 {UPDATE(2, ANOTHER, HOLDER)},
	 true,
	 false},
	{"Update, newer, of a session that is not its subscriber's newest",
	 {UPDATE(2, ANOTHER, OTHER)},
	 false,
	 false},
	{"Update, not newer", {UPDATE(0, ANOTHER, OTHER), .newest = true}, false, false},
	{"Update of a session that is over",
	 {UPDATE(2, ANOTHER, OTHER), .session_ended = true, .newest = true},
	 false,
	 false},
	{"Update of the bound session", {UPDATE(-1, BOUND, HOLDER)}, true, false},
	{"Update of the bound session, naming another subscriber",
	 {UPDATE(2, BOUND, OTHER)},
	 true,
	 false},
	{"Update that names another subscriber than its session's",
	 {UPDATE(2, ANOTHER, OTHER), .session_changed = true},
	 false,
	 false},
	{"Update, newer, two subscribers' identities",
	 {UPDATE(2, ANOTHER, NOBODY), .contradictory = true},
	 false,
	 false},
	{"Update, not newer, two subscribers' identities",
	 {UPDATE(0, ANOTHER, NOBODY), .contradictory = true},
	 false,
	 false},
};

static void print_leases(FILE *f)
{
	fprintf(f, "\n## What a Start or an update means for a key\n\n"
		   "From `lease_verdict`. Newer, equal, older: than the watermark.\n\n"
		   "| state | event | verdict |\n|---|---|---|\n");
	for (int s = 0; s < KEY_STATES; s++)
		for (size_t i = 0; i < sizeof leases / sizeof *leases; i++) {
			const struct lease_case *c = &leases[i];
			struct binding b = row_in((enum key_state)s);
			if ((c->needs_holder && s == KEY_FREE) ||
			    (c->needs_rival && s != KEY_CONTESTED))
				continue;
			fprintf(f, "| %s | %s | %s |\n", key_state_name(b.state), c->event,
				key_verdict_name(lease_verdict(&b, &c->q)));
		}
	fprintf(f,
		"\n- **wins**: the holder is evicted: new generation, watermark raised. Then the "
		"event's session comes: *unconfirmed*, another new\n  generation. The key stays "
		"free where the subscriber is unknown, the session is over or the subscriber has a "
		"newer one; it is\n  quarantined where the identities are two subscribers'.\n"
		"- **refreshes**: renewed, the rival forgotten; a newer Start raises the "
		"watermark.\n"
		"- **contests**: contested, the event's session is the rival.\n"
		"- **conflict**: quarantined, in the generation that it has; a free key in a new "
		"one, of nobody; a newer Start raises the watermark.\n"
		"- **stale**, **refused**: history only.\n"
		"- A Stop, an On/Off, an expiry free the keys of the sessions that end: *free*, in "
		"the same generation; a quarantined key stays so.\n");
}

/* ---- handsets, operators ---- */

static const char *const answers[] = {
	[CLAIM_ACCEPTED] = "accepted",       [CLAIM_NO_BINDING] = "no-binding",
	[CLAIM_MISMATCH] = "claim-mismatch", [CLAIM_CONTESTED] = "contested",
	[CLAIM_QUARANTINED] = "quarantined", [CLAIM_PROOF_REQUIRED] = "proof-required",
	[CLAIM_STALE] = "proof-required",    [CLAIM_REPLAYED] = "replayed",
};

struct word {
	const char *event;
	const char *(*apply)(struct binding *b);
};

static const char *claim_agrees(struct binding *b)
{
	return answers[binding_claim_bare(b, HOLDER, NOW)];
}
static const char *claim_differs(struct binding *b)
{
	return answers[binding_claim_bare(b, OTHER, NOW)];
}
static const char *proof(struct binding *b)
{
	return answers[binding_claim_proof(b, HOLDER, 101, NOW)];
}
static const char *proof_again(struct binding *b)
{
	return answers[binding_claim_proof(b, HOLDER, 100, NOW)];
}
static const char *proof_of_other(struct binding *b)
{
	return answers[binding_claim_proof(b, OTHER, 101, NOW)];
}
static const char *renewal(struct binding *b)
{
	return answers[binding_renew(b, NOW, 1000)];
}
static const char *late_renewal(struct binding *b)
{
	return answers[binding_renew(b, NOW + 1000, 1000)];
}
static const char *evidence(struct binding *b)
{
	return binding_quarantine_apply(b, QUARANTINE_OPERATOR) ? "done" : "nothing to do";
}
static const char *release(struct binding *b)
{
	return binding_release_apply(b) ? "done" : "nothing to do";
}
static const char *release_of_nobodys(struct binding *b)
{
	binding_free_apply(b);
	return release(b);
}
static const char *end_of_tokens(struct binding *b)
{
	binding_restart(b);
	return "done";
}
static const char *end_of_session(struct binding *b)
{
	binding_free_apply(b);
	return "done";
}

static const struct word words[] = {
	{"claim that agrees", claim_agrees},
	{"claim of another SIM", claim_differs},
	{"SIM proof of the bound SIM", proof},
	{"the same proof again", proof_again},
	{"SIM proof of another SIM", proof_of_other},
	{"refresh with a token of the generation", renewal},
	{"refresh, the last claim too old", late_renewal},
	{"hard evidence", evidence},
	{"operator's release", release},
	{"operator's release, the session over", release_of_nobodys},
	{"end of tokens, SIM change", end_of_tokens},
	{"Stop, On/Off, expiry", end_of_session},
};

static void print_words(FILE *f)
{
	fprintf(f,
		"\n## What handsets and operators do to a key\n\n"
		"| state | event | answer | state after | generation |\n|---|---|---|---|---|\n");
	for (int s = 0; s < KEY_STATES; s++)
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			struct binding b = row_in((enum key_state)s);
			const char *answer = words[i].apply(&b);
			fprintf(f, "| %s | %s | %s | %s | %s |\n",
				key_state_name((enum key_state)s), words[i].event, answer,
				key_state_name(b.state), b.generation == 5 ? "stays" : "new");
		}
}

static void print_uses(FILE *f)
{
	static const char *const uses[BINDING_USES] = {
		[USE_TOKEN_BARE] = "token for a claim", [USE_TOKEN_PROOF] = "token for a proof",
		[USE_TOKEN_RENEW] = "refresh",          [USE_MAIL] = "mail",
		[USE_UDP_TRIGGER] = "UDP trigger",      [USE_SMS_TRIGGER] = "SMS trigger",
	};

	fprintf(f, "\n## What each state allows\n\n| state |");
	for (int u = 0; u < BINDING_USES; u++)
		fprintf(f, " %s |", uses[u]);
	fprintf(f, "\n|---|---|---|---|---|---|---|\n");
	for (int s = 0; s < KEY_STATES; s++) {
		struct binding b = row_in((enum key_state)s);
		fprintf(f, "| %s |", key_state_name(b.state));
		for (int u = 0; u < BINDING_USES; u++)
			fprintf(f, " %s |",
				binding_allows(&b, (enum binding_use)u, NOW) ? "yes" : "-");
		fprintf(f, "\n");
	}
}

static void print_page(FILE *f)
{
	fprintf(f, "# The table of states and events\n\nMade from the code by `make docs`; the "
		   "unit test "
		   "`lib/rules/table_test` sees that it is up to date. The law in words is\n"
		   "[binding-rules.md](binding-rules.md).\n");
	print_uses(f);
	print_leases(f);
	print_words(f);
}

static void test_page(void **state)
{
	(void)state;
	char *made = NULL, *kept = NULL;
	size_t made_size = 0, kept_size = 0;
	FILE *f = open_memstream(&made, &made_size);

	print_page(f);
	fclose(f);
	f = fopen(PAGE, "r");
	if (!f)
		fail_msg("%s is not here", PAGE);
	kept = calloc(1, made_size + 2);
	kept_size = fread(kept, 1, made_size + 1, f);
	fclose(f);
	if (kept_size != made_size || memcmp(kept, made, made_size) != 0)
		fail_msg("%s is not what the code says: make docs", PAGE);
	free(made);
	free(kept);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_page)};

	if (argc > 1 && !strcmp(argv[1], "--print")) {
		print_page(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
