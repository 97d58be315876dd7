/* The look at a datagram's binding at the moment of sending: what was seen when it was decided
 * counts for as long as no commit was made to the bindings, and not a moment longer. */
#include "db/containment.h"
#include "db/db_testing.h"

#define T0    (INT64_C(1800000000) * SECOND_US)
#define PLACE "10.0.0.1"

/* A sending to PLACE, logged. */
static struct trigger_out logged(struct bench_store *s)
{
	struct heard *h = HEARD(s);
	int64_t id = make_subscriber(s, 1);
	struct binding b = {0};

	apply(s, an_event(LEASE_START, PLACE, 1, "s1", clock_now_us()));
	assert_int_equal(check(s, PLACE, &b), 0);
	assert_int_equal(claim(s, PLACE, b.generation, id, &b), CLAIM_ACCEPTED);
	accept_mail(s, id, "x", T0);
	s->options.schedule = (struct schedule){
		.retry = {.us = {2 * SECOND_US, 2 * SECOND_US, 2 * SECOND_US}, .count = 3},
		.realm_count = 1,
		.realms = {{REALM_DEFAULT, 2948}}};
	reopen_store(s);
	*h = (struct heard){.s = s};
	const struct trigger_take what = {.now_us = T0, .limit = 32};
	triggers_take(s->port, &what, on_taken, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 1);
	return h->out[0];
}

static struct binding looked(struct bench_store *s, const struct trigger_out *out, bool *behind)
{
	struct heard *h = HEARD(s);

	assert_int_equal(triggers_check(s->port, out, 1, on_checked, h), 0);
	assert_int_equal(h->calls, 1);
	*behind = h->behind;
	if (h->err)
		h->binding = (struct binding){.state = KEY_FREE};
	return h->binding;
}

/* Would it be sent (pushsrv/outgoing.c)? */
static bool goes(struct bench_store *s, const struct trigger_out *out)
{
	bool behind;
	struct binding b = looked(s, out, &behind);

	return !behind && key_equal(&b.key, &out->key) && b.generation == out->generation &&
	       b.subscriber == out->subscriber && binding_host(&b) &&
	       binding_allows(&b, USE_UDP_TRIGGER, clock_now_us());
}

static void test_what_was_seen_is_the_row(void **state)
{
	struct bench_store *s = *state;
	struct trigger_out out = logged(s), unseen = out;
	struct binding row;
	bool behind;

	unseen.seen.commit = 0;
	row = looked(s, &unseen, &behind);
	assert_true(out.seen.commit > 0);
	struct binding b = looked(s, &out, &behind);
	assert_false(behind);
	assert_true(key_equal(&b.key, &row.key));
	assert_int_equal(b.state, row.state);
	assert_int_equal(b.generation, row.generation);
	assert_int_equal(b.subscriber, row.subscriber);
	assert_int_equal(b.expires_us, row.expires_us);
	assert_memory_equal(&b.host, &row.host, sizeof b.host);
	assert_memory_equal(b.trigger_key, row.trigger_key, sizeof b.trigger_key);
	assert_true(goes(s, &out));
}

static void next_holder(struct bench_store *s)
{
	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, PLACE, 2, "s2", clock_now_us()));
}

static void stopped(struct bench_store *s)
{
	apply(s, an_event(LEASE_STOP, PLACE, 1, "s1", clock_now_us()));
}

static void on_frozen(void *arg, int err, int64_t id)
{
	((struct heard *)arg)->id = id;
	heard_one(arg, err);
}

static void frozen(struct bench_store *s)
{
	struct heard *h = HEARD(s);
	struct freeze f = {.kind = FREEZE_NAS};

	snprintf(f.realm, sizeof f.realm, "%s", REALM_DEFAULT);
	snprintf(f.nas_id, sizeof f.nas_id, "%s", "nas-1");
	freeze_put(s->port, &f, 3, on_frozen, h);
	assert_int_equal(wait_for(h), 0);
}

static void contradicted(struct bench_store *s)
{
	struct binding b = {0};

	assert_int_equal(check(s, PLACE, &b), 0);
	assert_int_equal(claim(s, PLACE, b.generation, make_subscriber(s, 2), NULL),
			 CLAIM_MISMATCH);
}

static void test_a_commit_ends_it(void **state)
{
	static void (*const moves[])(struct bench_store *) = {next_holder, stopped, frozen,
							      contradicted};
	(void)state;
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
		void *store;
		assert_int_equal(setup_store(&store), 0);
		struct trigger_out out = logged(store);
		assert_true(goes(store, &out));
		moves[i](store);
		assert_false(goes(store, &out));
		teardown_store(&store);
	}
}

/* An end that comes by itself is no commit. */
static void test_it_expires(void **state)
{
	struct trigger_out out = logged(*state);

	out.seen.expires_us = clock_now_us() - 1;
	assert_false(goes(*state, &out));
}

/* The name in the datagram is that of the first address, also when it is another one now. */
static void test_names_the_first_address(void **state)
{
	struct bench_store *s = *state;
	struct trigger_out out = logged(s);
	struct subscriber_put put = a_subscriber("819000000001", "440100000000001");

	assert_string_equal(out.mailbox, "U819000000001@Hato.example");
	put.subscriber.address_count = 2;
	put.subscriber.addresses[1] = put.subscriber.addresses[0];
	snprintf(put.subscriber.addresses[0].shown, ADDRESS_MAX, "New@hato.example");
	snprintf(put.subscriber.addresses[0].canonical, ADDRESS_MAX, "new@hato.example");
	assert_int_equal(put_subscriber(s, &put, NULL), 0);
	for (int i = 1; i <= 2; i++) {
		struct heard *h = HEARD(s);
		const struct trigger_take what = {.now_us = T0 + i * 3 * SECOND_US, .limit = 32};
		triggers_take(s->port, &what, on_taken, h);
		assert_int_equal(wait_for(h), 0);
		if (i == 1) {
			assert_int_equal(h->n, 1);
			assert_string_equal(h->out[0].mailbox, "New@hato.example");
			put.subscriber.address_count = 0;
			assert_int_equal(put_subscriber(s, &put, NULL), 0);
		} else {
			assert_int_equal(h->n, 0); /* no name, no trigger */
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_seen_is_the_row),
		TEST(test_a_commit_ends_it),
		TEST(test_it_expires),
		TEST(test_names_the_first_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
