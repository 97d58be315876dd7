/* The trigger thread with more mailboxes than it can have at work at a time. */
#include "pushsrv/push_scene.h"

enum { MANY = 1000 };

/* Each has asked the store, so that one commit serves hundreds; now all are waited for. */
static void all_heard(struct heard *h)
{
	for (int i = 0; i < MANY; i++)
		assert_int_equal(wait_for(&h[i]), 0);
}

static struct heard *nothing_heard(struct scene *s)
{
	struct heard *h = calloc(MANY, sizeof *h);

	assert_non_null(h);
	for (int i = 0; i < MANY; i++)
		h[i].s = &s->store;
	return h;
}

static void many_subscribers(struct scene *s, int64_t ids[MANY])
{
	struct heard *h = nothing_heard(s);

	for (int i = 0; i < MANY; i++) {
		char msisdn[MSISDN_MAX], imsi[IMSI_MAX];
		snprintf(msisdn, sizeof msisdn, "8190%08d", 1000 + i);
		snprintf(imsi, sizeof imsi, "440100%09d", 1000 + i);
		struct subscriber_put put = a_subscriber(msisdn, imsi);
		subscriber_put(s->store.port, &put, on_put, &h[i]);
	}
	all_heard(h);
	for (int i = 0; i < MANY; i++)
		ids[i] = h[i].id;
	free(h);
}

static void many_leases(struct scene *s, const int64_t ids[MANY])
{
	struct heard *started = nothing_heard(s), *claimed = nothing_heard(s);
	char ip[MANY][32];

	for (int i = 0; i < MANY; i++) {
		char session[32];
		snprintf(ip[i], sizeof ip[i], "127.2.%d.%d", i / 250, i % 250 + 1);
		snprintf(session, sizeof session, "m%d", i);
		struct lease_event start =
			an_event(LEASE_START, ip[i], 1000 + i, session, clock_now_us());
		binding_apply(s->store.port, &start, 1, on_applied, &started[i]);
	}
	all_heard(started);
	for (int i = 0; i < MANY; i++) {
		struct binding b = {.generation = 0};
		struct key k = key_at(ip[i]);
		assert_int_equal(check(&s->store, ip[i], &b), 0);
		binding_claim(s->store.port, &k, b.generation, ids[i], &k.addr, on_claimed,
			      &claimed[i]);
	}
	all_heard(claimed);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(claimed[i].answer, CLAIM_ACCEPTED);
	free(started);
	free(claimed);
}

/* Some have mail before the start, the others during the run. */
static void many_mailboxes(void **state)
{
	struct scene *s = scene_new(NULL, 0);
	bool got[MANY] = {false};
	int size = 4 << 20, seen = 0;
	int64_t ids[MANY];

	(void)state;
	setsockopt(s->phones, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	many_subscribers(s, ids);
	many_leases(s, ids);
	for (int i = 0; i < MANY / 2; i++)
		assert_int_equal(accept_mail(&s->store, ids[i], "x\r\n", clock_now_us()), 0);
	start(s);
	for (int i = MANY / 2; i < MANY; i++)
		assert_int_equal(accept_mail(&s->store, ids[i], "x\r\n", clock_now_us()), 0);
	while (seen < MANY) {
		struct caught c = catch_one(s);
		int n = atoi(c.trigger.mailbox + 5) - 1000;
		assert_in_range(n, 0, MANY - 1);
		seen += !got[n];
		got[n] = true;
	}
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(many_mailboxes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
