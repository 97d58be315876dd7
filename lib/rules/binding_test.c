/* binding-rules 2: the table, cell by cell, and what a handset's word does */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "lib/rules/binding.h"

#define NOW   INT64_C(1700000000000000)
#define ALICE 1
#define BOB   2

static struct binding row(enum key_state s)
{
	struct binding b = {.state = s, .generation = 5};

	if (s != KEY_FREE) {
		b.subscriber = ALICE;
		b.session = 7;
		b.confirmed_us = NOW - 1;
	}
	memset(b.trigger_key, 1, sizeof b.trigger_key);
	return b;
}

static void test_table(void **state)
{
	(void)state;
	static const struct {
		enum key_state state;
		const char *cells; /* bare, proof, refresh, mail, UDP, SMS */
	} rows[] = {{KEY_FREE, "-----y"},
		    {KEY_UNCONFIRMED, "yy---y"},
		    {KEY_CONFIRMED, "yyyyyy"},
		    {KEY_CONTESTED, "-yyy-y"},
		    {KEY_QUARANTINED, "-y---y"}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (int use = 0; use < BINDING_USES; use++) {
			struct binding b = row(rows[i].state);
			assert_int_equal(binding_allows(&b, (enum binding_use)use, NOW),
					 rows[i].cells[use] == 'y');
		}
}

static void test_expiry(void **state)
{
	(void)state;
	struct binding b = row(KEY_CONFIRMED);

	b.expires_us = NOW;
	assert_true(binding_opens_mail(&b, ALICE, 5, NOW - 1));
	assert_false(binding_opens_mail(&b, ALICE, 5, NOW));
	assert_int_equal(binding_state_at(&b, NOW), KEY_FREE);
	b.state = KEY_QUARANTINED;
	assert_int_equal(binding_state_at(&b, NOW), KEY_QUARANTINED);
}

static void test_three_must_agree(void **state)
{
	(void)state;
	struct binding b = row(KEY_CONFIRMED);

	assert_true(binding_opens_mail(&b, ALICE, 5, NOW));
	assert_false(binding_opens_mail(&b, BOB, 5, NOW));
	assert_false(binding_opens_mail(&b, ALICE, 4, NOW));
	assert_false(binding_opens_mail(&b, ALICE, 6, NOW));
	b.subscriber = 0;
	assert_false(binding_opens_mail(&b, 0, 5, NOW));
}

static void test_bare_claims(void **state)
{
	(void)state;
	static const struct {
		enum key_state before;
		int64_t claimed;
		enum claim_answer answer;
		enum key_state after;
	} rows[] = {
		{KEY_FREE, ALICE, CLAIM_NO_BINDING, KEY_FREE},
		{KEY_UNCONFIRMED, ALICE, CLAIM_ACCEPTED, KEY_CONFIRMED},
		{KEY_UNCONFIRMED, BOB, CLAIM_MISMATCH, KEY_CONTESTED},
		{KEY_UNCONFIRMED, 0, CLAIM_MISMATCH, KEY_CONTESTED},
		{KEY_CONFIRMED, ALICE, CLAIM_ACCEPTED, KEY_CONFIRMED},
		{KEY_CONFIRMED, BOB, CLAIM_MISMATCH, KEY_CONTESTED},
		{KEY_CONTESTED, ALICE, CLAIM_CONTESTED, KEY_CONTESTED},
		{KEY_CONTESTED, BOB, CLAIM_CONTESTED, KEY_CONTESTED},
		{KEY_QUARANTINED, ALICE, CLAIM_QUARANTINED, KEY_QUARANTINED},
		{KEY_QUARANTINED, BOB, CLAIM_QUARANTINED, KEY_QUARANTINED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct binding b = row(rows[i].before);
		assert_int_equal(binding_claim_bare(&b, rows[i].claimed, NOW), rows[i].answer);
		assert_int_equal(b.state, rows[i].after);
		assert_int_equal(b.generation, 5); /* a bare word moves nobody */
	}
}

static void test_proofs(void **state)
{
	(void)state;
	static const struct {
		enum key_state before;
		int64_t proved, sqn;
		enum claim_answer answer;
		enum key_state after;
		uint32_t generation;
	} rows[] = {
		{KEY_FREE, ALICE, 9, CLAIM_NO_BINDING, KEY_FREE, 5},
		{KEY_FREE, BOB, 9, CLAIM_NO_BINDING, KEY_FREE, 5},
		{KEY_UNCONFIRMED, ALICE, 9, CLAIM_ACCEPTED, KEY_CONFIRMED, 5},
		{KEY_UNCONFIRMED, ALICE, 8, CLAIM_REPLAYED, KEY_UNCONFIRMED, 5},
		{KEY_UNCONFIRMED, BOB, 9, CLAIM_QUARANTINED, KEY_QUARANTINED, 5},
		{KEY_CONFIRMED, ALICE, 9, CLAIM_ACCEPTED, KEY_CONFIRMED, 5},
		{KEY_CONFIRMED, ALICE, 8, CLAIM_REPLAYED, KEY_CONFIRMED, 5},
		{KEY_CONFIRMED, ALICE, 1, CLAIM_REPLAYED, KEY_CONFIRMED, 5},
		{KEY_CONFIRMED, BOB, 9, CLAIM_QUARANTINED, KEY_QUARANTINED, 5},
		{KEY_CONFIRMED, BOB, 1, CLAIM_QUARANTINED, KEY_QUARANTINED, 5},
		{KEY_CONTESTED, ALICE, 9, CLAIM_ACCEPTED, KEY_CONFIRMED, 5},
		{KEY_CONTESTED, ALICE, 8, CLAIM_REPLAYED, KEY_CONTESTED, 5},
		{KEY_CONTESTED, BOB, 9, CLAIM_QUARANTINED, KEY_QUARANTINED, 5},
		{KEY_QUARANTINED, ALICE, 9, CLAIM_ACCEPTED, KEY_CONFIRMED, 6},
		{KEY_QUARANTINED, ALICE, 8, CLAIM_REPLAYED, KEY_QUARANTINED, 5},
		{KEY_QUARANTINED, BOB, 9, CLAIM_QUARANTINED, KEY_QUARANTINED, 5},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct binding b = row(rows[i].before);
		b.proved_sqn = 8;
		b.rival = rows[i].before == KEY_CONTESTED ? 9 : 0;
		assert_int_equal(binding_claim_proof(&b, rows[i].proved, rows[i].sqn, NOW),
				 rows[i].answer);
		assert_int_equal(b.state, rows[i].after);
		assert_int_equal(b.generation, rows[i].generation);
		bool accepted = rows[i].answer == CLAIM_ACCEPTED;
		assert_int_equal(b.proved_sqn, accepted ? rows[i].sqn : 8);
		if (accepted) {
			assert_int_equal(b.confirmed_us, NOW);
			assert_int_equal(b.rival, 0);
			assert_int_equal(b.reason, QUARANTINE_NONE);
		}
		if (rows[i].proved == BOB && rows[i].before != KEY_FREE &&
		    rows[i].before != KEY_QUARANTINED)
			assert_int_equal(b.reason, QUARANTINE_PROOF_OF_OTHER);
	}
}

static void test_what_no_proof_ends(void **state)
{
	(void)state;
	/* a contradiction: nobody is bound */
	struct binding b = row(KEY_QUARANTINED);
	b.subscriber = 0;
	assert_int_equal(binding_claim_proof(&b, ALICE, 9, NOW), CLAIM_QUARANTINED);
	assert_int_equal(binding_claim_proof(&b, 0, 9, NOW), CLAIM_QUARANTINED);
	/* her session is over */
	b = row(KEY_QUARANTINED);
	b.session = 0;
	assert_int_equal(binding_claim_proof(&b, ALICE, 9, NOW), CLAIM_QUARANTINED);
	b = row(KEY_QUARANTINED);
	b.expires_us = NOW;
	assert_int_equal(binding_claim_proof(&b, ALICE, 9, NOW), CLAIM_QUARANTINED);
	/* the counter is at its end */
	b = row(KEY_QUARANTINED);
	b.generation = UINT32_MAX;
	assert_int_equal(binding_claim_proof(&b, ALICE, 9, NOW), CLAIM_QUARANTINED);
	assert_int_equal(b.state, KEY_QUARANTINED);
	b = row(KEY_CONFIRMED);
	b.expires_us = NOW;
	assert_int_equal(binding_claim_proof(&b, BOB, 9, NOW), CLAIM_NO_BINDING);
}

static void test_a_proof_is_of_its_generation(void **state)
{
	(void)state;
	struct binding b = row(KEY_CONFIRMED);

	assert_int_equal(binding_claim_proof(&b, ALICE, 9, NOW), CLAIM_ACCEPTED);
	binding_restart(&b);
	assert_int_equal(b.proved_sqn, 0);
	assert_int_equal(binding_claim_proof(&b, ALICE, 3, NOW), CLAIM_ACCEPTED);
	assert_int_equal(binding_renew(&b, NOW + 99, 100), CLAIM_ACCEPTED);
	assert_int_equal(binding_renew(&b, NOW + 100, 100), CLAIM_STALE);
	binding_free_apply(&b);
	assert_int_equal(b.proved_sqn, 0);
}

static void test_refresh_ends_contested(void **state)
{
	(void)state;
	struct binding b = row(KEY_CONTESTED);

	b.rival = 9;
	assert_int_equal(binding_renew(&b, NOW, 100), CLAIM_ACCEPTED);
	assert_int_equal(b.state, KEY_CONFIRMED);
	assert_int_equal(b.rival, 0);
	assert_int_equal(binding_renew(&b, NOW + 100, 100), CLAIM_STALE);
	b = row(KEY_QUARANTINED);
	assert_int_equal(binding_renew(&b, NOW, 100), CLAIM_QUARANTINED);
	b = row(KEY_UNCONFIRMED);
	assert_int_equal(binding_renew(&b, NOW, 100), CLAIM_NO_BINDING);
}

static void test_generations(void **state)
{
	(void)state;
	static const uint8_t none[TRIGGER_KEY_BYTES];
	struct binding b = row(KEY_CONFIRMED);

	binding_restart(&b);
	assert_int_equal(b.generation, 6);
	assert_int_equal(b.state, KEY_UNCONFIRMED);
	assert_memory_equal(b.trigger_key, none, sizeof none);

	assert_true(binding_quarantine_apply(&b, QUARANTINE_OPERATOR));
	assert_false(binding_quarantine_apply(&b, QUARANTINE_OPERATOR));
	assert_false(binding_opens_mail(&b, ALICE, 6, NOW));
	assert_true(binding_release_apply(&b));
	assert_int_equal(b.generation, 7);
	assert_int_equal(b.state, KEY_UNCONFIRMED);
	assert_false(binding_release_apply(&b));

	binding_free_apply(&b);
	assert_int_equal(b.generation, 7);
	binding_restart(&b); /* nobody's: nothing to begin anew */
	assert_int_equal(b.generation, 7);
	assert_int_equal(b.state, KEY_FREE);

	/* at the end of its counter a key is shut, not begun again */
	b = row(KEY_CONFIRMED);
	b.generation = UINT32_MAX;
	binding_restart(&b);
	assert_int_equal(b.generation, UINT32_MAX);
	assert_int_equal(b.state, KEY_QUARANTINED);
	assert_false(binding_release_apply(&b));
}

static void test_quarantine_outlives_the_session(void **state)
{
	(void)state;
	struct binding b = row(KEY_CONFIRMED);

	binding_quarantine_apply(&b, QUARANTINE_MISDIRECTED);
	binding_free_apply(&b);
	assert_int_equal(b.state, KEY_QUARANTINED);
	assert_true(binding_release_apply(&b));
	assert_int_equal(b.state, KEY_FREE);
	assert_int_equal(b.subscriber, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_three_must_agree),
		cmocka_unit_test(test_bare_claims),
		cmocka_unit_test(test_proofs),
		cmocka_unit_test(test_what_no_proof_ends),
		cmocka_unit_test(test_a_proof_is_of_its_generation),
		cmocka_unit_test(test_refresh_ends_contested),
		cmocka_unit_test(test_generations),
		cmocka_unit_test(test_quarantine_outlives_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
