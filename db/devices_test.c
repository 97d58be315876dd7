/* The device table, and lease events that name devices. */
#include "db/db_testing.h"

struct devices_heard {
	struct heard base;
	struct device_row rows[8];
};

static void on_device_put(void *arg, int err, bool created)
{
	struct heard *h = arg;

	h->created = created;
	heard_one(h, err);
}

static void on_device(void *arg, int err, const struct device_row *row)
{
	struct devices_heard *h = arg;

	if (!err)
		h->rows[0] = *row;
	heard_one(&h->base, err);
}

static void on_devices(void *arg, int err, const struct device_row *rows, size_t n)
{
	struct devices_heard *h = arg;

	h->base.n = n;
	for (size_t i = 0; i < n && i < 8; i++)
		h->rows[i] = rows[i];
	heard_one(&h->base, err);
}

static struct device device_of(enum device_kind kind, const char *text)
{
	struct device d = {.kind = kind};

	assert_int_equal(device_parse(text, &d), 0);
	return d;
}

static int put(struct bench_store *s, enum device_kind kind, const char *text, const char *msisdn,
	       bool *created)
{
	struct heard *h = HEARD(s);
	struct device d = device_of(kind, text);

	device_put(s->port, REALM_DEFAULT, &d, msisdn, on_device_put, h);
	int err = wait_for(h);
	*created = h->created;
	return err;
}

static int get(struct bench_store *s, const char *realm, enum device_kind kind, const char *text,
	       char msisdn[MSISDN_MAX])
{
	struct devices_heard h = {.base.s = s};
	struct device d = device_of(kind, text);

	device_get(s->port, realm, &d, on_device, &h);
	int err = wait_for(&h.base);
	if (!err)
		memcpy(msisdn, h.rows[0].msisdn, MSISDN_MAX);
	return err;
}

static int take_away(struct bench_store *s, enum device_kind kind, const char *text)
{
	struct heard *h = HEARD(s);
	struct device d = device_of(kind, text);

	device_remove(s->port, REALM_DEFAULT, &d, on_done, h);
	return wait_for(h);
}

static struct lease_outcome apply_device(struct bench_store *s, struct lease_event ev,
					 enum device_kind kind, const char *text)
{
	struct lease_devices devices = {.count = 1, .list = {device_of(kind, text)}};

	ev.devices = &devices;
	ev.session_recurs = true;
	return apply(s, ev);
}

static void test_table(void **state)
{
	struct bench_store *s = *state;
	char msisdn[MSISDN_MAX];
	bool created;

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	assert_int_equal(put(s, DEVICE_HW_ADDRESS, "02:00:00:00:00:01", "819000000001", &created),
			 0);
	assert_true(created);
	assert_int_equal(put(s, DEVICE_HW_ADDRESS, "020000000001", "819000000001", &created), 0);
	assert_false(created);
	assert_int_equal(put(s, DEVICE_HW_ADDRESS, "020000000003", "819099999999", &created),
			 E_NOT_FOUND);
	assert_int_equal(get(s, REALM_DEFAULT, DEVICE_HW_ADDRESS, "020000000001", msisdn), 0);
	assert_string_equal(msisdn, "819000000001");
	/* another kind, another realm, another length: another device */
	assert_int_equal(get(s, REALM_DEFAULT, DEVICE_CLIENT_ID, "020000000001", msisdn),
			 E_NOT_FOUND);
	assert_int_equal(get(s, "other", DEVICE_HW_ADDRESS, "020000000001", msisdn), E_NOT_FOUND);
	assert_int_equal(get(s, REALM_DEFAULT, DEVICE_HW_ADDRESS, "0200000000", msisdn),
			 E_NOT_FOUND);
	/* it changes hands */
	assert_int_equal(put(s, DEVICE_HW_ADDRESS, "020000000001", "819000000002", &created), 0);
	assert_false(created);
	assert_int_equal(get(s, REALM_DEFAULT, DEVICE_HW_ADDRESS, "020000000001", msisdn), 0);
	assert_string_equal(msisdn, "819000000002");
	assert_int_equal(take_away(s, DEVICE_HW_ADDRESS, "020000000001"), 0);
	assert_int_equal(take_away(s, DEVICE_HW_ADDRESS, "020000000001"), E_NOT_FOUND);
}

static void test_list(void **state)
{
	static const struct {
		enum device_kind kind;
		const char *text;
	} all[] = {{DEVICE_CIRCUIT_ID, "ff"},
		   {DEVICE_CLIENT_ID, "01"},
		   {DEVICE_CLIENT_ID, "0102"},
		   {DEVICE_CLIENT_ID, "02"},
		   {DEVICE_SUBSCRIBER_ID, "00"}};
	struct bench_store *s = *state;
	struct devices_heard h = {.base.s = s};
	bool created;

	make_subscriber(s, 1);
	for (size_t i = 5; i-- > 0;)
		assert_int_equal(put(s, all[i].kind, all[i].text, "819000000001", &created), 0);
	struct device after;
	for (size_t i = 0; i < 5; i += h.base.n) {
		h.base.calls = 0;
		device_list(s->port, REALM_DEFAULT, i ? &after : NULL, 2, on_devices, &h);
		assert_int_equal(wait_for(&h.base), 0);
		assert_int_equal(h.base.n, i == 4 ? 1 : 2);
		for (size_t j = 0; j < h.base.n; j++) {
			struct device d = device_of(all[i + j].kind, all[i + j].text);
			assert_true(device_equal(&h.rows[j].device, &d));
			after = d;
		}
	}
}

static void test_leases(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), one = make_subscriber(s, 1);
	struct heard *h = HEARD(s);
	struct binding b = {0};
	char msisdn[MSISDN_MAX];
	bool created;

	assert_int_equal(put(s, DEVICE_CLIENT_ID, "01aa", "819000000001", &created), 0);
	struct lease_event start = an_event(LEASE_START, "10.0.0.1", 0, "01aa@10.0.0.1", now_us);
	struct lease_outcome out = apply_device(s, start, DEVICE_CLIENT_ID, "01aa");
	assert_int_equal(out.result, LEASE_APPLIED);
	assert_int_equal(out.subscriber, one);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
	assert_int_equal(b.subscriber, one);

	/* The history knows the number that the device led to. */
	struct key k = key_at("10.0.0.1");
	binding_history(s->port, &k, &(struct history_question){.limit = 10}, on_history, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 1);
	assert_string_equal(h->history[0].msisdn, "819000000001");

	/* The device is taken away: so is the address, and a renewal does not bring it back. */
	assert_int_equal(take_away(s, DEVICE_CLIENT_ID, "01aa"), 0);
	assert_int_equal(check(s, "10.0.0.1", &b), E_NOT_FOUND);
	start.time_us = start.received_us = clock_now_us() + SECOND_US;
	out = apply_device(s, start, DEVICE_CLIENT_ID, "01aa");
	assert_int_equal(out.result, LEASE_ERROR);
	assert_string_equal(out.problem, "unknown-subscriber");
	assert_int_equal(check(s, "10.0.0.1", &b), E_NOT_FOUND);

	/* A removed subscriber's devices go with him. */
	assert_int_equal(put(s, DEVICE_CLIENT_ID, "01aa", "819000000001", &created), 0);
	h = HEARD(s);
	subscriber_remove(s->port, "819000000001", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(get(s, REALM_DEFAULT, DEVICE_CLIENT_ID, "01aa", msisdn), E_NOT_FOUND);
}

/* Another's device from now on: the lease of the old owner ends, its renewal is the new one's. */
static void test_moved(void **state)
{
	struct bench_store *s = *state;
	struct binding b = {0};
	bool created;

	make_subscriber(s, 1);
	int64_t two = make_subscriber(s, 2);
	assert_int_equal(put(s, DEVICE_HW_ADDRESS, "02", "819000000001", &created), 0);
	struct lease_event start =
		an_event(LEASE_START, "10.0.0.1", 0, "02@10.0.0.1", clock_now_us());
	apply_device(s, start, DEVICE_HW_ADDRESS, "02");
	assert_int_equal(put(s, DEVICE_HW_ADDRESS, "02", "819000000002", &created), 0);
	assert_int_equal(check(s, "10.0.0.1", &b), E_NOT_FOUND);
	start.time_us = start.received_us = clock_now_us() + SECOND_US;
	assert_int_equal(apply_device(s, start, DEVICE_HW_ADDRESS, "02").result, LEASE_APPLIED);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
	assert_int_equal(b.subscriber, two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_list, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_leases, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_moved, setup_store, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
