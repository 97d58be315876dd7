#include "db/db_testing.h"

static int get_by(struct bench_store *s,
		  void (*by)(struct db_port *, const char *, subscriber_got *, void *),
		  const char *text, struct subscriber *out)
{
	struct heard *h = malloc(sizeof *h);

	*h = (struct heard){.s = s};
	by(s->port, text, on_subscriber, h);
	int err = wait_for(h);
	if (!err)
		*out = h->subscriber;
	free(h);
	return err;
}

static int remove_subscriber(struct bench_store *s, const char *msisdn)
{
	struct heard *h = HEARD(s);

	subscriber_remove(s->port, msisdn, on_done, h);
	return wait_for(h);
}

static void test_put_and_get(void **state)
{
	struct bench_store *s = *state;
	struct subscriber_put put = a_subscriber("819012345678", "440101234567890");
	struct heard *h = HEARD(s);
	struct subscriber got;
	int64_t id;

	put.subscriber.address_count = 2;
	snprintf(put.subscriber.addresses[1].shown, ADDRESS_MAX, "Second@hato.example");
	snprintf(put.subscriber.addresses[1].canonical, ADDRESS_MAX, "second@hato.example");
	assert_int_equal(put_subscriber(s, &put, &id), 0);
	assert_true(id > 0);
	assert_int_equal(get_by(s, subscriber_by_msisdn, "819012345678", &got), 0);
	assert_int_equal(got.id, id);
	assert_string_equal(got.imsi, "440101234567890");
	assert_int_equal(got.address_count, 2);
	assert_string_equal(got.addresses[0].shown, "U819012345678@Hato.example");
	assert_string_equal(got.addresses[1].canonical, "second@hato.example");
	assert_false(got.has_sim_key);
	assert_int_equal(get_by(s, subscriber_by_imsi, "440101234567890", &got), 0);
	assert_int_equal(get_by(s, subscriber_by_address, "second@hato.example", &got), 0);
	assert_int_equal(get_by(s, subscriber_by_address, "Second@hato.example", &got),
			 E_NOT_FOUND);
	assert_int_equal(get_by(s, subscriber_by_msisdn, "", &got), E_NOT_FOUND);
	assert_int_equal(get_by(s, subscriber_by_imsi, "", &got), E_NOT_FOUND);
	subscriber_by_id(s->port, id, on_subscriber, h);
	assert_int_equal(wait_for(h), 0);
	assert_string_equal(h->subscriber.msisdn, "819012345678");

	/* Again, with one address less: the same person. */
	put.subscriber.address_count = 1;
	h = HEARD(s);
	subscriber_put(s->port, &put, on_put, h);
	assert_int_equal(wait_for(h), 0);
	assert_false(h->created);
	assert_int_equal(h->id, id);
	assert_int_equal(get_by(s, subscriber_by_address, "second@hato.example", &got),
			 E_NOT_FOUND);
}

static void test_conflicts(void **state)
{
	struct bench_store *s = *state;
	struct subscriber_put put;
	struct subscriber got;

	make_subscriber(s, 1);
	make_subscriber(s, 2);

	put = a_subscriber("81900000099", "440100000000001"); /* the IMSI of 1 */
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);
	put = a_subscriber("81900000099", "440100000000099");
	snprintf(put.subscriber.addresses[0].canonical, ADDRESS_MAX, "u819000000001@hato.example");
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);
	put = a_subscriber("81900000099", "440100000000099"); /* twice the same */
	put.subscriber.address_count = 2;
	put.subscriber.addresses[1] = put.subscriber.addresses[0];
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);
	assert_int_equal(get_by(s, subscriber_by_msisdn, "81900000099", &got), E_NOT_FOUND);

	/* What was refused left nothing behind: 2 still has his address and IMSI. */
	put = a_subscriber("819000000002", "440100000000001");
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);
	assert_int_equal(get_by(s, subscriber_by_msisdn, "819000000002", &got), 0);
	assert_string_equal(got.imsi, "440100000000002");
	assert_int_equal(got.address_count, 1);

	/* Two without an IMSI do not collide. */
	put = a_subscriber("81900000050", "");
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	put = a_subscriber("81900000051", "");
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
}

static void test_removed_and_unused(void **state)
{
	struct bench_store *s = *state;
	struct subscriber_put put = a_subscriber("819000000001", "440100000000001");
	int64_t now_us = clock_now_us();
	int64_t first = make_subscriber(s, 1), second;
	struct binding b = {0};

	assert_int_equal(remove_subscriber(s, "819099999999"), E_NOT_FOUND);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	assert_int_equal(remove_subscriber(s, "819000000001"), 0);
	assert_int_equal(check(s, "10.0.0.1", &b), E_NOT_FOUND);
	assert_int_equal(remove_subscriber(s, "819000000001"), E_NOT_FOUND);

	/* Number and address are unused; so is the address for another number. */
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);
	put.subscriber.addresses[0] = a_subscriber("81900000078", "").subscriber.addresses[0];
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);
	put = a_subscriber("81900000077", "440100000000077");
	put.subscriber.addresses[0] = a_subscriber("819000000001", "").subscriber.addresses[0];
	assert_int_equal(put_subscriber(s, &put, NULL), E_CONFLICT);

	/* After their time they are free, and the new person is a new one. */
	struct heard *h = HEARD(s);
	bindings_sweep(s->port, now_us + 91 * DAY_US_, on_done, h);
	assert_int_equal(wait_for(h), 0);
	put = a_subscriber("819000000001", "440100000000001");
	assert_int_equal(put_subscriber(s, &put, &second), 0);
	assert_true(second > first);
}

static void confirm(struct bench_store *s, const char *ip, int64_t id, struct binding *b)
{
	assert_int_equal(check(s, ip, b), 0);
	assert_int_equal(claim(s, ip, b->generation, id, b), CLAIM_ACCEPTED);
	assert_int_equal(b->state, KEY_CONFIRMED);
}

static void test_sim_change(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();
	int64_t id = make_subscriber(s, 1);
	struct subscriber_put put = a_subscriber("819000000001", "440100000000001");
	struct subscriber got;
	struct binding before = {0}, b = {0};

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	confirm(s, "10.0.0.1", id, &before);
	assert_int_equal(put_subscriber(s, &put, NULL), 0); /* nothing new */
	check(s, "10.0.0.1", &b);
	assert_int_equal(b.generation, before.generation);

	/* A first K, another K, another IMSI: each ends the tokens. The same K does not. */
	static const struct {
		uint8_t k;
		const char *imsi;
		bool changes;
	} cases[] = {{1, "440100000000001", true},
		     {1, "440100000000001", false},
		     {2, "440100000000001", true},
		     {2, "440100000000009", true},
		     {2, "440100000000009", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		before = b;
		put = a_subscriber("819000000001", cases[i].imsi);
		put.set_sim_key = true;
		memset(put.k, cases[i].k, sizeof put.k);
		assert_int_equal(put_subscriber(s, &put, NULL), 0);
		check(s, "10.0.0.1", &b);
		assert_int_equal(b.generation, before.generation + cases[i].changes);
		if (cases[i].changes)
			assert_int_equal(b.state, KEY_UNCONFIRMED);
	}
	assert_int_equal(get_by(s, subscriber_by_msisdn, "819000000001", &got), 0);
	assert_true(got.has_sim_key);
	/* Now a bare word is not enough, and changes nothing. */
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &b), CLAIM_PROOF_REQUIRED);
	assert_int_equal(b.state, KEY_UNCONFIRMED);
	/* A put without K leaves it. */
	put.set_sim_key = false;
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	assert_int_equal(get_by(s, subscriber_by_msisdn, "819000000001", &got), 0);
	assert_true(got.has_sim_key);
}

static bool file_contains(const char *dir, const char *name, const void *needle, size_t n)
{
	char path[512];
	static char buf[4 << 20];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	size_t size = f ? fread(buf, 1, sizeof buf, f) : 0;
	if (f)
		fclose(f);
	return memmem(buf, size, needle, n) != NULL;
}

static void test_keys_at_rest(void **state)
{
	struct bench_store *s = *state;
	struct subscriber_put put = a_subscriber("819000000001", "440100000000001");

	put.set_sim_key = true;
	memcpy(put.k, "SECRET-K-OCTETS.", 16);
	memcpy(put.opc, "SECRET-OPC-OCTET", 16);
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	assert_true(file_contains(s->dir, "bindings.db-wal", "819000000001", 12));
	assert_false(file_contains(s->dir, "bindings.db-wal", "SECRET-K", 8));
	assert_false(file_contains(s->dir, "bindings.db-wal", "SECRET-OPC", 10));
}

static void on_subscribers(void *arg, int err, const struct subscriber *list, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(list[i].address_count, 1);
	if (n)
		h->subscriber = list[n - 1];
	heard_one(h, err);
}

static void test_list(void **state)
{
	struct bench_store *s = *state;
	char after[MSISDN_MAX] = "";
	size_t total = 0;

	for (int i = 1; i <= 25; i++)
		make_subscriber(s, 26 - i);
	for (;;) {
		struct heard *h = HEARD(s);
		subscriber_list(s->port, after, 10, on_subscribers, h);
		assert_int_equal(wait_for(h), 0);
		total += h->n;
		if (!h->n)
			break;
		assert_true(strcmp(h->subscriber.msisdn, after) > 0);
		memcpy(after, h->subscriber.msisdn, sizeof after);
	}
	assert_int_equal(total, 25);
	assert_string_equal(after, "819000000025");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_put_and_get, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_conflicts, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_removed_and_unused, setup_store,
						teardown_store),
		cmocka_unit_test_setup_teardown(test_sim_change, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_keys_at_rest, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_list, setup_store, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
