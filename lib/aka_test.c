/* AKA: sequence numbers, AUTN, AUTS and the proof, with answers computed elsewhere */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "lib/aka.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define NOW   INT64_C(1800000000000000)
#define TICKS (NOW / AKA_TICK_US)

static struct sim_key sim; /* set 1 of TS 35.208 */
static uint8_t rand_1[RAND_BYTES];

static int read_sim(void **state)
{
	(void)state;
	return keyfile_unhex("465b5ce8b199b49faa5f0a2ee238a6bc", sim.k, 16) &&
			       keyfile_unhex("cd63cb71954a9f4e48a5994e37a02baf", sim.opc, 16) &&
			       keyfile_unhex("23553cbe9637a89d218ae64dae47bf35", rand_1, 16)
		       ? 0
		       : -1;
}

static void expect(const char *hex, const uint8_t *got, size_t n)
{
	uint8_t want[64];

	assert_true(keyfile_unhex(hex, want, n));
	assert_memory_equal(want, got, n);
}

static void test_autn(void **state)
{
	(void)state;
	uint8_t autn[AUTN_BYTES];

	assert_int_equal(aka_autn(&sim, rand_1, 0xff9bb4d0b607, 0xb9b9, autn), 0);
	expect("55f328b43577b9b94a9ffac354dfafb3", autn, sizeof autn);
}

/* As another implementation computed them from the page in docs/. */
static void test_derived(void **state)
{
	(void)state;
	char challenge[84];
	uint8_t proof[PROOF_BYTES];
	struct sim_session s;

	memset(challenge, 'A', sizeof challenge);
	assert_int_equal(aka_session(&sim, rand_1, &s), 0);
	expect("ca8ef165fde87cd4161b3d31b885d7e3142ab2a77a480f5235028bfd88a020c4", s.proof_key, 32);
	expect("373e1664e2412155801697aad93d9da5", s.trigger_key, 16);
	assert_int_equal(aka_proof(s.proof_key, "token", "default", "127.1.0.1", challenge,
				   sizeof challenge, proof),
			 0);
	expect("61dbdf3cc1793a8af50900efc51747f9f1dad8c805c5d5cbf16a7848624e935e", proof, 32);
	assert_int_equal(aka_proof(s.proof_key, "sim", "default", "127.1.0.1", challenge,
				   sizeof challenge, proof),
			 0);
	expect("8a5a40422afc416e64b7c1a740135e932ef4861bcc385d6d0351783ef7a1e44b", proof, 32);
}

static void test_a_proof_has_an_end(void **state)
{
	(void)state;
	char challenge[600];
	uint8_t key[SHA256_LEN] = {1};
	uint8_t proof[PROOF_BYTES];

	memset(challenge, 'A', sizeof challenge);
	assert_int_equal(
		aka_proof(key, "token", "default", "127.1.0.1", challenge, sizeof challenge, proof),
		E_RANGE);
}

static void test_sqn(void **state)
{
	(void)state;
	uint8_t octets[SQN_BYTES];
	uint64_t sqn = 0, next = 0;

	assert_int_equal(aka_sqn(NOW, 0, 31, &sqn), 0);
	assert_int_equal(sqn, (uint64_t)TICKS << 5 | 31);
	aka_sqn_put(sqn, octets);
	assert_int_equal(aka_sqn_take(octets), sqn);
	assert_int_equal(aka_sqn(NOW + AKA_TICK_US, 0, 31, &next), 0);
	assert_int_equal(next - sqn, 32); /* a tick is one of SEQ, in the same slot */
	assert_int_equal(aka_sqn(NOW, AKA_SEQ_MAX - TICKS, 0, &sqn), 0);
	assert_int_equal(sqn >> 5, AKA_SEQ_MAX);
	assert_int_equal(aka_sqn(NOW, AKA_SEQ_MAX - TICKS + 1, 0, &sqn), E_RANGE);
	assert_int_equal(aka_sqn(NOW, -TICKS, 0, &sqn), E_RANGE);
	assert_int_equal(aka_sqn(NOW, 0, 32, &sqn), E_RANGE);
}

/* What a SIM sends: its highest SQN under AK*, and MAC-S with an AMF of zeros. */
static void make_auts(uint64_t sqn_ms, uint8_t auts[AUTS_BYTES])
{
	static const uint8_t amf[AMF_BYTES];
	uint8_t sqn[SQN_BYTES];
	struct milenage m;

	aka_sqn_put(sqn_ms, sqn);
	assert_int_equal(milenage(sim.k, sim.opc, rand_1, sqn, amf, &m), 0);
	for (int i = 0; i < SQN_BYTES; i++)
		auts[i] = sqn[i] ^ m.ak_s[i];
	memcpy(auts + SQN_BYTES, m.mac_s, MAC_BYTES);
}

static void test_auts(void **state)
{
	(void)state;
	uint8_t auts[AUTS_BYTES], other_rand[RAND_BYTES] = {1};
	uint64_t sqn_ms = 0;

	make_auts(0x123456789abc, auts);
	assert_int_equal(aka_auts_open(&sim, rand_1, auts, &sqn_ms), 0);
	assert_int_equal(sqn_ms, 0x123456789abc);
	assert_int_equal(aka_auts_open(&sim, other_rand, auts, &sqn_ms), E_AUTH);
	for (int i = 0; i < AUTS_BYTES; i++) {
		auts[i] ^= 1;
		assert_int_equal(aka_auts_open(&sim, rand_1, auts, &sqn_ms), E_AUTH);
		auts[i] ^= 1;
	}
}

static void test_resync(void **state)
{
	(void)state;
	static const struct {
		int64_t seq_ms, dif, want;
	} rows[] = {
		{TICKS - 1, 0, 0},                              /* in step */
		{TICKS - AKA_SEQ_DELTA, 0, 0},                  /* just inside what it takes */
		{TICKS - AKA_SEQ_DELTA - 1, 0, -AKA_SEQ_DELTA}, /* too far ahead of it */
		{0, 0, 1 - TICKS},                              /* a new SIM */
		{TICKS, 0, 1},                                  /* the second challenge of a tick */
		{TICKS + 1000, 0, 1001},                        /* our clock went back */
		{4, 1 - TICKS + 5, 1 - TICKS + 5},              /* an AUTS that comes twice */
		{AKA_SEQ_MAX, 0, AKA_SEQ_MAX + 1 - TICKS},      /* the end of its counter */
	};
	uint64_t sqn;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t dif = aka_resync(NOW, rows[i].dif, (uint64_t)rows[i].seq_ms << 5 | 7);
		assert_int_equal(dif, rows[i].want);
		if (rows[i].seq_ms == AKA_SEQ_MAX) {
			assert_int_equal(aka_sqn(NOW, dif, 31, &sqn), E_RANGE);
			continue;
		}
		assert_int_equal(aka_sqn(NOW, dif, 31, &sqn), 0);
		assert_true((int64_t)(sqn >> 5) > rows[i].seq_ms);
		assert_true((int64_t)(sqn >> 5) - rows[i].seq_ms <= AKA_SEQ_DELTA);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_autn), cmocka_unit_test(test_derived),
		cmocka_unit_test(test_sqn),  cmocka_unit_test(test_a_proof_has_an_end),
		cmocka_unit_test(test_auts), cmocka_unit_test(test_resync),
	};
	return cmocka_run_group_tests(tests, read_sim, NULL);
}
