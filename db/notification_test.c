/* What a subscriber chose, in the store. */
#include "db/notification.h"

#include "db/db_testing.h"

struct notification_heard {
	struct heard base;
	struct notification notification;
	bool is_own;
};

static void on_notification(void *arg, int err, const struct notification *n, bool is_own)
{
	struct notification_heard *h = arg;

	if (n)
		h->notification = *n;
	h->is_own = is_own;
	heard_one(&h->base, err);
}

static int get(struct bench_store *s, const char *msisdn, struct notification *out, bool *is_own)
{
	struct notification_heard h = {.base.s = s};

	notification_get(s->port, msisdn, on_notification, &h);
	int err = wait_for(&h.base);
	*out = h.notification;
	*is_own = h.is_own;
	return err;
}

static int put(struct bench_store *s, const char *msisdn, const struct notification *n)
{
	struct heard *h = HEARD(s);

	notification_put(s->port, msisdn, n, on_done, h);
	return wait_for(h);
}

static int reset(struct bench_store *s, const char *msisdn)
{
	struct heard *h = HEARD(s);

	notification_reset(s->port, msisdn, on_done, h);
	return wait_for(h);
}

static struct notification a_choice(void)
{
	struct notification n = {.mode = NOTIFY_TEXT,
				 .replaces = true,
				 .hides_sender = true,
				 .quiet = {.from_min = 1320,
					   .to_min = 420,
					   .lets_udp_through = true,
					   .zone = "Europe/Berlin",
					   .rule_text = "CET-1CEST,M3.5.0,M10.5.0/3"},
				 .udp_per_hour = 0,
				 .sms_per_hour = 5};

	assert_int_equal(zone_parse(n.quiet.rule_text, &n.quiet.rule), 0);
	return n;
}

static void test_kept_and_reset(void **state)
{
	struct bench_store *s = *state;
	struct notification n, want = a_choice(), otherwise = notify_default();
	bool is_own;

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	assert_int_equal(get(s, "819000000001", &n, &is_own), 0);
	assert_false(is_own);
	assert_memory_equal(&n, &otherwise, sizeof n);
	assert_int_equal(put(s, "819000000001", &want), 0);
	assert_int_equal(get(s, "819000000001", &n, &is_own), 0);
	assert_true(is_own);
	assert_memory_equal(&n, &want, sizeof n);
	assert_int_equal(get(s, "819000000002", &n, &is_own), 0);
	assert_false(is_own);
	/* the next choice takes the place of the whole of it */
	otherwise.mode = NOTIFY_OFF;
	assert_int_equal(put(s, "819000000001", &otherwise), 0);
	assert_int_equal(get(s, "819000000001", &n, &is_own), 0);
	assert_memory_equal(&n, &otherwise, sizeof n);
	assert_int_equal(reset(s, "819000000001"), 0);
	assert_int_equal(reset(s, "819000000001"), 0);
	assert_int_equal(get(s, "819000000001", &n, &is_own), 0);
	assert_false(is_own);
}

static void test_of_nobody(void **state)
{
	struct bench_store *s = *state;
	struct notification n = notify_default();
	bool is_own;

	assert_int_equal(put(s, "819000000009", &n), E_NOT_FOUND);
	assert_int_equal(reset(s, "819000000009"), E_NOT_FOUND);
	assert_int_equal(get(s, "819000000009", &n, &is_own), E_NOT_FOUND);
}

/* It goes with him: who has his number one day has not chosen. */
static void test_goes_with_the_subscriber(void **state)
{
	struct bench_store *s = *state;
	struct notification n, want = a_choice();
	struct heard *h = HEARD(s);
	int64_t id = make_subscriber(s, 1);
	struct engine *e;
	bool is_own;

	assert_int_equal(put(s, "819000000001", &want), 0);
	subscriber_remove(s->port, "819000000001", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(engine_open(s->dir, DB_BINDINGS, ENGINE_READER, &e), 0);
	assert_int_equal(notification_read(e, id, &n, &is_own), 0);
	assert_false(is_own);
	engine_close(e);
}

static void on_change(void *arg, const struct change *c)
{
	struct heard *h = arg;

	if (c->kind != CHANGE_NOTIFICATION)
		return;
	h->id = c->subscriber;
	heard_one(h, 0);
}

static void test_a_change_is_told(void **state)
{
	struct bench_store *s = *state;
	struct notification want = a_choice();
	int64_t id = make_subscriber(s, 1);
	struct heard *h = HEARD(s);

	assert_int_equal(db_watch(s->port, DB_BINDINGS, on_change, h), 0);
	notification_put(s->port, "819000000001", &want, on_done, HEARD(s));
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->id, id);
	h->calls = 0;
	notification_reset(s->port, "819000000001", on_done, HEARD(s));
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->id, id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept_and_reset, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_of_nobody, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_goes_with_the_subscriber, setup_store,
						teardown_store),
		cmocka_unit_test_setup_teardown(test_a_change_is_told, setup_store, teardown_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
