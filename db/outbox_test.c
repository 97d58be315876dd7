/* The trigger's outbox: what makes a row, moves it, and clears it; binding-rules 5 and 6. */
#include "db/db_testing.h"

#define T0 (INT64_C(1800000000) * SECOND_US)

static struct access_via attach(struct bench_store *s, int n)
{
	char ip[32], session[32];
	int64_t id = make_subscriber(s, n);
	struct binding b = {0};

	snprintf(ip, sizeof ip, "10.0.0.%d", n);
	snprintf(session, sizeof session, "s%d", n);
	apply(s, an_event(LEASE_START, ip, n, session, clock_now_us()));
	check(s, ip, &b);
	assert_int_equal(claim(s, ip, b.generation, id, &b), CLAIM_ACCEPTED);
	return (struct access_via){b.key, b.generation, id};
}

static struct outbox_row row_of(struct bench_store *s, int64_t subscriber)
{
	struct outbox_row row = {0};

	assert_int_equal(get_outbox_row(s, subscriber, &row), 0);
	return row;
}

static struct outbox_row renew(struct bench_store *s, int64_t subscriber)
{
	struct heard *h = HEARD(s);

	outbox_renew(s->port, subscriber, on_row, h);
	assert_int_equal(wait_for(h), 0);
	return h->row;
}

static void record(struct bench_store *s, const struct access_via *via, uint8_t tid,
		   const struct outbox_row *row, int64_t next_us)
{
	struct heard *h = HEARD(s);

	trigger_record(s->port,
		       &(struct trigger_sent){.via = *via,
					      .tid = tid,
					      .timestamp_s = row->timestamp_s,
					      .sent_us = T0 + 1,
					      .covered_uid = row->covered_uid,
					      .attempts = row->attempts + 1,
					      .next_us = next_us},
		       on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static void list(struct bench_store *s, const struct access_via *via, uint32_t listed_uid)
{
	struct heard *h = HEARD(s);

	maildrop_update(s->port, &(struct maildrop_update){.via = *via, .listed_uid = listed_uid},
			on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static void test_row_of_a_mail(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1);
	struct outbox_row row;

	assert_int_equal(get_outbox_row(s, id, &row), E_NOT_FOUND);
	accept_mail(s, id, "1", T0 + 700000);
	row = row_of(s, id);
	assert_int_equal(row.subscriber, id);
	assert_int_equal(row.newest_uid, 1);
	assert_int_equal(row.covered_uid, 1);
	assert_int_equal(row.timestamp_s, T0 / SECOND_US);
	assert_int_equal(row.attempts, 0);
	assert_int_equal(row.next_us, T0 + 700000);
	assert_int_equal(row.mailed_us, T0 + 700000);

	/* A second mail raises it only: the datagram that may be under way has its own timestamp.
	 */
	accept_mail(s, id, "2", T0 + 800000);
	row = row_of(s, id);
	assert_int_equal(row.newest_uid, 2);
	assert_int_equal(row.covered_uid, 1);
	assert_int_equal(row.timestamp_s, T0 / SECOND_US);
	assert_int_equal(row.next_us, T0 + 700000);

	/* Renewed in the same second: the timestamp still grows, once. */
	row = renew(s, id);
	assert_int_equal(row.covered_uid, 2);
	assert_int_equal(row.timestamp_s, T0 / SECOND_US + 1);
	row = renew(s, id);
	assert_int_equal(row.timestamp_s, T0 / SECOND_US + 1);
	assert_int_equal(row_of(s, id).timestamp_s, T0 / SECOND_US + 1);
	struct heard *h = HEARD(s);
	outbox_renew(s->port, 99, on_row, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
}

/* Timestamps of one mailbox only grow, over fetches, restarts and a clock that was set back. */
static void test_timestamps_grow(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	int64_t last = 0;
	static const int64_t times[] = {
		T0, T0, T0 + 10, T0 - 60 * SECOND_US, T0 + 5 * SECOND_US, T0 + 5 * SECOND_US};

	for (uint32_t i = 0; i < 6; i++) {
		accept_mail(s, via.subscriber, "x", times[i]);
		struct outbox_row row = row_of(s, via.subscriber);
		assert_true(row.timestamp_s > last);
		assert_true(row.timestamp_s >= times[i] / SECOND_US);
		last = row.timestamp_s;
		list(s, &via, i + 1);
		assert_int_equal(get_outbox_row(s, via.subscriber, &row), E_NOT_FOUND);
		if (i == 2)
			reopen_store(s);
	}
	assert_int_equal(last, T0 / SECOND_US + 6);
}

static void test_due(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t ids[5];

	for (int i = 0; i < 5; i++) {
		ids[i] = make_subscriber(s, i + 1);
		accept_mail(s, ids[i], "x", T0 + (4 - i) * SECOND_US);
	}
	static const struct {
		int64_t now_us;
		size_t limit, n;
		int64_t next_us;
	} cases[] = {{T0 - 1, 10, 0, T0},
		     {T0, 10, 1, T0 + SECOND_US},
		     {T0 + 2 * SECOND_US, 10, 3, T0 + 3 * SECOND_US},
		     {T0 + 2 * SECOND_US, 2, 2, T0 + 3 * SECOND_US},
		     {T0 + 9 * SECOND_US, 10, 5, INT64_MAX}};
	for (size_t i = 0; i < 5; i++) {
		*h = (struct heard){.s = s};
		outbox_due(s->port, cases[i].now_us, cases[i].limit, on_rows, h);
		assert_int_equal(wait_for(h), 0);
		assert_int_equal(h->n, cases[i].n);
		assert_true(h->next_us == cases[i].next_us);
		for (size_t j = 0; j < h->n; j++)
			assert_int_equal(h->rows[j].subscriber, ids[4 - j]); /* soonest first */
	}
	free(h);
}

/* Page by page, due or not. */
static void test_all_rows(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t after = 0;
	size_t total = 0;

	for (int i = 0; i < 7; i++)
		accept_mail(s, make_subscriber(s, i + 1), "x", T0 * 2);
	do {
		*h = (struct heard){.s = s};
		outbox_after(s->port, after, 3, on_rows, h);
		assert_int_equal(wait_for(h), 0);
		for (size_t i = 0; i < h->n; i++) {
			assert_true(h->rows[i].subscriber > after);
			after = h->rows[i].subscriber;
		}
		total += h->n;
	} while (h->n);
	assert_int_equal(total, 7);
	free(h);
}

static void test_attempts(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	struct outbox_row row, sent;
	struct heard *h;

	accept_mail(s, via.subscriber, "x", T0);
	sent = row_of(s, via.subscriber);
	record(s, &via, 7, &sent, T0 + 60 * SECOND_US);
	row = row_of(s, via.subscriber);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(row.next_us, T0 + 60 * SECOND_US);

	/* News while it waits to repeat: due at once. */
	accept_mail(s, via.subscriber, "x", T0 + 10 * SECOND_US);
	row = row_of(s, via.subscriber);
	assert_int_equal(row.next_us, T0 + 10 * SECOND_US);
	assert_int_equal(row.newest_uid, 2);

	/* A record that comes after the renewal is of the old datagram: it changes nothing. */
	row = renew(s, via.subscriber);
	assert_int_equal(row.attempts, 0);
	record(s, &via, 8, &sent, INT64_MAX);
	row = row_of(s, via.subscriber);
	assert_int_equal(row.attempts, 0);
	assert_int_equal(row.next_us, T0 + 10 * SECOND_US);

	/* Mail between the datagram and its record: counted, and still due. */
	sent = row;
	accept_mail(s, via.subscriber, "x", T0 + 20 * SECOND_US);
	record(s, &via, 9, &sent, T0 + 90 * SECOND_US);
	row = row_of(s, via.subscriber);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(row.next_us, T0 + 10 * SECOND_US);

	/* No more by this bearer; a lease wakes it. */
	sent = renew(s, via.subscriber);
	record(s, &via, 10, &sent, INT64_MAX);
	h = HEARD(s);
	trigger_wake(s->port, via.subscriber, T0 + 30 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	row = row_of(s, via.subscriber);
	assert_int_equal(row.attempts, 0);
	assert_int_equal(row.next_us, T0 + 30 * SECOND_US);
	h = HEARD(s);
	trigger_postpone(s->port, via.subscriber, T0 + 99 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_of(s, via.subscriber).next_us, T0 + 99 * SECOND_US);
	/* Of nobody: no matter. */
	trigger_wake(s->port, 99, T0, NULL, NULL);
	trigger_postpone(s->port, 99, T0, NULL, NULL);
	h = HEARD(s);
	trigger_wake(s->port, 99, T0, on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static void test_cleared_up_to(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	struct outbox_row row;

	for (int i = 0; i < 3; i++)
		accept_mail(s, via.subscriber, "x", T0);
	list(s, &via, 2); /* the third came after its list */
	assert_int_equal(row_of(s, via.subscriber).newest_uid, 3);
	list(s, &via, 0);
	assert_int_equal(row_of(s, via.subscriber).newest_uid, 3);
	list(s, &via, 3);
	assert_int_equal(get_outbox_row(s, via.subscriber, &row), E_NOT_FOUND);
}

static int find_sent(struct bench_store *s, const struct key *k, uint8_t tid, int64_t timestamp_s,
		     struct heard *h)
{
	*h = (struct heard){.s = s};
	send_log_find(s->port, k, tid, timestamp_s, on_send_log, h);
	return wait_for(h);
}

static void test_send_log(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	struct heard *h = malloc(sizeof *h);
	struct key elsewhere = key_at("10.0.0.9"), other_realm = via.key;

	snprintf(other_realm.realm, sizeof other_realm.realm, "other");
	accept_mail(s, via.subscriber, "x", T0);
	struct outbox_row row = row_of(s, via.subscriber);
	record(s, &via, 7, &row, INT64_MAX);
	assert_int_equal(find_sent(s, &via.key, 7, row.timestamp_s, h), 0);
	assert_int_equal(h->id, via.subscriber);
	assert_int_equal(h->generation, via.generation);
	assert_int_equal(find_sent(s, &via.key, 8, row.timestamp_s, h), E_NOT_FOUND);
	assert_int_equal(find_sent(s, &via.key, 7, row.timestamp_s + 1, h), E_NOT_FOUND);
	assert_int_equal(find_sent(s, &elsewhere, 7, row.timestamp_s, h), E_NOT_FOUND);
	assert_int_equal(find_sent(s, &other_realm, 7, row.timestamp_s, h), E_NOT_FOUND);

	/* Kept for a day. */
	*h = (struct heard){.s = s};
	mail_sweep(s->port, T0 + DAY_US_ - SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(find_sent(s, &via.key, 7, row.timestamp_s, h), 0);
	*h = (struct heard){.s = s};
	mail_sweep(s->port, T0 + DAY_US_ + SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(find_sent(s, &via.key, 7, row.timestamp_s, h), E_NOT_FOUND);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_row_of_a_mail), TEST(test_timestamps_grow), TEST(test_due),
		TEST(test_attempts),      TEST(test_cleared_up_to),   TEST(test_send_log),
		TEST(test_all_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
