/* A SIM believes its network, once an SQN, and says when it is out of step */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "handset-sim/sim.h"
#include "lib/err.h"

#define IND 31

static const uint8_t rand_1[RAND_BYTES] = {1, 2, 3};

static struct sim card(int64_t seq)
{
	struct sim s;

	assert_int_equal(sim_init(&s, "440200000000001", seq), 0);
	return s;
}

static enum sim_answer ask(struct sim *s, int64_t seq, unsigned ind, struct sim_session *session,
			   uint8_t auts[AUTS_BYTES])
{
	uint8_t autn[AUTN_BYTES];

	assert_int_equal(
		aka_autn(&s->key, rand_1, (uint64_t)seq << AKA_IND_BITS | ind, 0x8000, autn), 0);
	return sim_challenge(s, rand_1, autn, session, auts);
}

static void test_both_sides_derive_the_same(void **state)
{
	(void)state;
	struct sim s = card(100);
	struct sim_session here, there;
	uint8_t auts[AUTS_BYTES];

	assert_int_equal(ask(&s, 101, IND, &here, auts), SIM_PROVES);
	assert_int_equal(aka_session(&s.key, rand_1, &there), 0);
	assert_memory_equal(&here, &there, sizeof here);
	assert_int_equal(s.seq[IND], 101);
}

static void test_freshness(void **state)
{
	(void)state;
	static const struct {
		int64_t seq;
		unsigned ind;
		enum sim_answer answer;
	} rows[] = {
		{100, IND, SIM_OUT_OF_STEP}, /* where it stands */
		{99, IND, SIM_OUT_OF_STEP},
		{101, IND, SIM_PROVES},
		{101, IND, SIM_OUT_OF_STEP}, /* a replay */
		{150, 3, SIM_PROVES},        /* another AuC, in its own slot, ahead of ours: */
		{102, IND, SIM_PROVES},      /* ours goes on */
		{150 + AKA_SEQ_DELTA, IND, SIM_PROVES},
		{151 + 2 * AKA_SEQ_DELTA, IND, SIM_OUT_OF_STEP},
	};
	struct sim s = card(100);
	struct sim_session session;
	uint8_t auts[AUTS_BYTES];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(ask(&s, rows[i].seq, rows[i].ind, &session, auts), rows[i].answer);
}

static void test_auts_says_the_highest(void **state)
{
	(void)state;
	struct sim s = card(100);
	struct sim_session session;
	uint8_t auts[AUTS_BYTES];
	uint64_t sqn_ms = 0;

	s.seq[7] = 777;
	assert_int_equal(ask(&s, 100, IND, &session, auts), SIM_OUT_OF_STEP);
	assert_int_equal(aka_auts_open(&s.key, rand_1, auts, &sqn_ms), 0);
	assert_int_equal(sqn_ms, 777 << AKA_IND_BITS | 7);
	assert_int_equal(s.seq[IND], 100);
}

static void test_strangers(void **state)
{
	(void)state;
	struct sim s = card(100), other;
	struct sim_session session;
	uint8_t autn[AUTN_BYTES], auts[AUTS_BYTES];

	assert_int_equal(sim_init(&other, "440200000000002", 100), 0);
	assert_memory_not_equal(&s.key, &other.key, sizeof s.key);
	assert_int_equal(aka_autn(&other.key, rand_1, 999 << AKA_IND_BITS, 0, autn), 0);
	assert_int_equal(sim_challenge(&s, rand_1, autn, &session, auts), SIM_REFUSES);
	assert_int_equal(aka_autn(&s.key, rand_1, 999 << AKA_IND_BITS, 0, autn), 0);
	for (int i = 0; i < AUTN_BYTES; i++) {
		autn[i] ^= 0x10;
		assert_int_equal(sim_challenge(&s, rand_1, autn, &session, auts), SIM_REFUSES);
		autn[i] ^= 0x10;
	}
	assert_int_equal(sim_challenge(&s, rand_1, autn, &session, auts), SIM_PROVES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_derive_the_same),
		cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_auts_says_the_highest),
		cmocka_unit_test(test_strangers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
