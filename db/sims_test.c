/* SIMs at rest, on their way to a subscriber, and what their proofs write */
#include "db/db_testing.h"

#define PRELOADED "440109999999999"
#define SPARE     "440108888888888"

struct secret_heard {
	struct heard heard;
	struct sim_secret secret;
};

static void on_secret(void *arg, int err, const struct sim_secret *secret)
{
	struct secret_heard *h = arg;

	if (secret)
		h->secret = *secret;
	heard_one(&h->heard, err);
}

static int secret_of(struct bench_store *s, const char *imsi, struct sim_secret *out)
{
	struct secret_heard *h = calloc(1, sizeof *h);

	h->heard.s = s;
	sim_secret_get(s->port, imsi, on_secret, h);
	int err = wait_for(&h->heard);
	*out = h->secret;
	free(h);
	return err;
}

static struct sim_key key_of(uint8_t octet)
{
	struct sim_key key;

	memset(key.k, octet, sizeof key.k);
	memset(key.opc, octet + 1, sizeof key.opc);
	return key;
}

static int preload(struct bench_store *s, const char *imsi, uint8_t octet)
{
	struct heard *h = HEARD(s);
	struct sim_key key = key_of(octet);

	sim_put(s->port, imsi, &key, on_done, h);
	return wait_for(h);
}

/* Subscriber n with a SIM key of this octet. */
static int64_t make_with_key(struct bench_store *s, int n, uint8_t octet)
{
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX];
	int64_t id = 0;

	snprintf(msisdn, sizeof msisdn, "81900000%04d", n);
	snprintf(imsi, sizeof imsi, "44010000000%04d", n);
	struct subscriber_put put = a_subscriber(msisdn, imsi);
	put.set_sim_key = true;
	memset(put.k, octet, sizeof put.k);
	memset(put.opc, octet + 1, sizeof put.opc);
	assert_int_equal(put_subscriber(s, &put, &id), 0);
	return id;
}

static struct binding binding_at(struct bench_store *s, const char *ip)
{
	struct heard *h = HEARD(s);
	struct key k = key_at(ip);

	binding_check(s->port, k.realm, &k.addr, 1, &(struct binding_told){0}, on_checked, h);
	assert_int_equal(wait_for(h), 0);
	return h->binding;
}

static int allow(struct bench_store *s, int n, const char *imsi, int64_t until_us)
{
	struct heard *h = HEARD(s);
	char msisdn[MSISDN_MAX];

	snprintf(msisdn, sizeof msisdn, "81900000%04d", n);
	sim_change_allow(s->port, msisdn, imsi, until_us, on_done, h);
	return wait_for(h);
}

static int allowed(struct bench_store *s, int64_t id, const char *imsi)
{
	struct heard *h = HEARD(s);

	sim_change_check(s->port, id, imsi, on_done, h);
	return wait_for(h);
}

static int sign_up(struct bench_store *s, const char *ip, uint32_t generation, const char *imsi,
		   enum claim_answer *answer)
{
	struct heard *h = HEARD(s);
	struct key k = key_at(ip);

	sim_sign_up(s->port, &k, generation, imsi, 77, on_claimed, h);
	int err = wait_for(h);
	*answer = h->answer;
	return err;
}

static void test_secrets(void **state)
{
	struct bench_store *s = *state;
	struct sim_secret secret = {0};
	struct sim_key one = key_of(1), nine = key_of(9);
	int64_t id = make_with_key(s, 1, 1);

	assert_int_equal(preload(s, PRELOADED, 9), 0);
	assert_int_equal(secret_of(s, "440100000000001", &secret), 0);
	assert_int_equal(secret.owner, id);
	assert_memory_equal(&secret.key, &one, sizeof one);
	assert_int_equal(secret_of(s, PRELOADED, &secret), 0);
	assert_int_equal(secret.owner, 0);
	assert_memory_equal(&secret.key, &nine, sizeof nine);
	assert_int_equal(secret_of(s, SPARE, &secret), E_NOT_FOUND);
	assert_int_equal(preload(s, "440100000000001", 9), E_CONFLICT);

	struct heard *h = HEARD(s);
	sim_resync(s->port, "440100000000001", -5, on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	sim_resync(s->port, PRELOADED, INT64_C(1) << 40, on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	sim_resync(s->port, SPARE, 1, on_done, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
	secret_of(s, "440100000000001", &secret);
	assert_int_equal(secret.seq_dif, -5);
	secret_of(s, PRELOADED, &secret);
	assert_int_equal(secret.seq_dif, INT64_C(1) << 40);

	h = HEARD(s);
	sim_remove(s->port, PRELOADED, on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	sim_remove(s->port, PRELOADED, on_done, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
}

/* Other daemons have no secret key, and nothing to read. */
static void test_without_the_secret_key(void **state)
{
	struct bench_store *s = *state;
	struct sim_secret secret = {0};
	struct db *other;
	struct db_options options;
	struct secret_heard h = {.heard.s = s};
	struct db_port *port;

	make_with_key(s, 1, 1);
	options = s->options;
	options.secret_key = NULL;
	options.daemon = "other";
	assert_int_equal(db_open(&options, &other), 0);
	assert_int_equal(db_port_open(other, s->loop, &port), 0);
	sim_secret_get(port, "440100000000001", on_secret, &h);
	assert_int_equal(wait_for(&h.heard), E_IO);
	assert_memory_equal(&h.secret, &secret, sizeof secret);
	db_port_close(port);
	db_close(other);
}

static void test_another_sim_by_provisioning(void **state)
{
	struct bench_store *s = *state;
	struct sim_secret secret = {0};
	struct sim_key nine = key_of(9);
	int64_t id = make_with_key(s, 1, 1);

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	uint32_t generation = binding_at(s, "10.0.0.1").generation;

	/* one that was left for it: its key comes with it, and the binding begins anew */
	assert_int_equal(preload(s, PRELOADED, 9), 0);
	struct subscriber_put put = a_subscriber("819000000001", PRELOADED);
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	assert_int_equal(secret_of(s, PRELOADED, &secret), 0);
	assert_int_equal(secret.owner, id);
	assert_memory_equal(&secret.key, &nine, sizeof nine);
	assert_int_equal(binding_at(s, "10.0.0.1").generation, generation + 1);
	assert_int_equal(preload(s, PRELOADED, 9), E_CONFLICT);

	/* the same again changes nothing */
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	assert_int_equal(secret_of(s, PRELOADED, &secret), 0);
	assert_int_equal(binding_at(s, "10.0.0.1").generation, generation + 1);

	/* one without a key: the old SIM's key does not stay with it */
	put = a_subscriber("819000000001", SPARE);
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	assert_int_equal(secret_of(s, SPARE, &secret), E_NOT_FOUND);
	assert_int_equal(secret_of(s, PRELOADED, &secret), E_NOT_FOUND);
	assert_int_equal(binding_at(s, "10.0.0.1").generation, generation + 2);
}

static void test_allowing(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1), now_us = clock_now_us();

	make_subscriber(s, 2);
	assert_int_equal(allowed(s, id, PRELOADED), E_NOT_FOUND);
	assert_int_equal(allow(s, 9, "", now_us + DAY_US_), E_NOT_FOUND);
	assert_int_equal(allow(s, 1, "440100000000002", now_us + DAY_US_), E_CONFLICT);
	assert_int_equal(allow(s, 1, SPARE, now_us + DAY_US_), 0);
	assert_int_equal(allowed(s, id, SPARE), 0);
	assert_int_equal(allowed(s, id, PRELOADED), E_NOT_FOUND);
	assert_int_equal(allow(s, 1, "", now_us + DAY_US_), 0);
	assert_int_equal(allowed(s, id, PRELOADED), 0);
	assert_int_equal(allowed(s, id + 1, PRELOADED), E_NOT_FOUND);
	assert_int_equal(allow(s, 1, "", now_us - 1), 0);
	assert_int_equal(allowed(s, id, PRELOADED), E_NOT_FOUND);
}

static void test_sign_up(void **state)
{
	struct bench_store *s = *state;
	struct sim_secret secret = {0};
	enum claim_answer answer;
	int64_t id = make_with_key(s, 1, 1), now_us = clock_now_us();

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	uint32_t generation = binding_at(s, "10.0.0.1").generation;
	assert_int_equal(preload(s, PRELOADED, 9), 0);
	assert_int_equal(preload(s, SPARE, 5), 0);

	/* not allowed; not of this generation; not where nobody is */
	assert_int_equal(sign_up(s, "10.0.0.1", generation, PRELOADED, &answer), 0);
	assert_int_equal(answer, CLAIM_MISMATCH);
	assert_int_equal(allow(s, 1, PRELOADED, now_us + DAY_US_), 0);
	assert_int_equal(sign_up(s, "10.0.0.1", generation + 1, PRELOADED, &answer), E_CONFLICT);
	assert_int_equal(sign_up(s, "10.0.0.2", 1, PRELOADED, &answer), E_CONFLICT);
	assert_int_equal(sign_up(s, "10.0.0.1", generation, SPARE, &answer), 0);
	assert_int_equal(answer, CLAIM_MISMATCH);
	assert_int_equal(binding_at(s, "10.0.0.1").state, KEY_UNCONFIRMED);

	assert_int_equal(allow(s, 1, "", now_us + DAY_US_), 0);
	assert_int_equal(sign_up(s, "10.0.0.1", generation, PRELOADED, &answer), 0);
	assert_int_equal(answer, CLAIM_ACCEPTED);
	assert_int_equal(secret_of(s, PRELOADED, &secret), 0);
	assert_int_equal(secret.owner, id);
	assert_int_equal(binding_at(s, "10.0.0.1").generation, generation + 1);
	assert_int_equal(secret_of(s, "440100000000001", &secret), E_NOT_FOUND);

	/* once */
	assert_int_equal(sign_up(s, "10.0.0.1", generation + 1, SPARE, &answer), 0);
	assert_int_equal(answer, CLAIM_MISMATCH);
	assert_int_equal(allowed(s, id, SPARE), E_NOT_FOUND);
}

static void test_sign_up_in_doubt(void **state)
{
	struct bench_store *s = *state;
	enum claim_answer answer;
	int64_t now_us = clock_now_us(), id = make_subscriber(s, 1);
	struct key k = key_at("10.0.0.1");

	make_with_key(s, 2, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	uint32_t generation = binding_at(s, "10.0.0.1").generation;
	assert_int_equal(preload(s, PRELOADED, 9), 0);
	assert_int_equal(allow(s, 1, "", now_us + DAY_US_), 0);

	struct heard *h = HEARD(s);
	binding_claim(s->port, &k, generation, id + 1, &k.addr, on_claimed, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->answer, CLAIM_MISMATCH);
	assert_int_equal(sign_up(s, "10.0.0.1", generation, PRELOADED, &answer), 0);
	assert_int_equal(answer, CLAIM_CONTESTED);
	assert_int_equal(allowed(s, id, PRELOADED), 0);

	/* a proof of a SIM that has become another's is hard evidence */
	assert_int_equal(sign_up(s, "10.0.0.1", generation, "440100000000002", &answer), 0);
	assert_int_equal(answer, CLAIM_QUARANTINED);
	struct binding b = binding_at(s, "10.0.0.1");
	assert_int_equal(b.state, KEY_QUARANTINED);
	assert_int_equal(b.reason, QUARANTINE_PROOF_OF_OTHER);
	assert_int_equal(sign_up(s, "10.0.0.1", generation, PRELOADED, &answer), 0);
	assert_int_equal(answer, CLAIM_QUARANTINED);
}

static enum claim_answer prove(struct bench_store *s, const char *ip, uint32_t generation,
			       int64_t id, int64_t sqn, struct binding *now)
{
	struct heard *h = HEARD(s);
	struct key k = key_at(ip);
	struct binding_proof proof = {.subscriber = id, .sqn = sqn};

	memset(proof.trigger_key, (int)sqn, sizeof proof.trigger_key);
	binding_prove(s->port, &k, generation, &proof, &k.addr, on_claimed, h);
	assert_int_equal(wait_for(h), 0);
	*now = h->binding;
	return h->answer;
}

static void test_proofs(void **state)
{
	struct bench_store *s = *state;
	struct binding b, now;
	int64_t id = make_with_key(s, 1, 1), other = make_with_key(s, 2, 2);
	static const uint8_t nine[TRIGGER_KEY_BYTES] = {9, 9, 9, 9, 9, 9, 9, 9,
							9, 9, 9, 9, 9, 9, 9, 9};

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	b = binding_at(s, "10.0.0.1");
	assert_int_equal(prove(s, "10.0.0.1", b.generation, id, 9, &now), CLAIM_ACCEPTED);
	assert_memory_equal(now.trigger_key, nine, sizeof nine);

	/* what was proved outlives the process, and a replay changes nothing */
	reopen_store(s);
	now = binding_at(s, "10.0.0.1");
	assert_int_equal(now.state, KEY_CONFIRMED);
	assert_int_equal(now.proved_sqn, 9);
	assert_int_equal(prove(s, "10.0.0.1", b.generation, id, 9, &now), CLAIM_REPLAYED);
	assert_int_equal(prove(s, "10.0.0.1", b.generation, id, 8, &now), CLAIM_REPLAYED);
	now = binding_at(s, "10.0.0.1");
	assert_memory_equal(now.trigger_key, nine, sizeof nine);

	/* another's: quarantine; the bound one's ends it with a new generation */
	assert_int_equal(prove(s, "10.0.0.1", b.generation, other, 10, &now), CLAIM_QUARANTINED);
	assert_int_equal(binding_at(s, "10.0.0.1").state, KEY_QUARANTINED);
	assert_int_equal(prove(s, "10.0.0.1", b.generation, id, 11, &now), CLAIM_ACCEPTED);
	now = binding_at(s, "10.0.0.1");
	assert_int_equal(now.state, KEY_CONFIRMED);
	assert_int_equal(now.generation, b.generation + 1);
	assert_int_equal(now.proved_sqn, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_secrets),
		TEST(test_without_the_secret_key),
		TEST(test_another_sim_by_provisioning),
		TEST(test_allowing),
		TEST(test_sign_up),
		TEST(test_sign_up_in_doubt),
		TEST(test_proofs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
