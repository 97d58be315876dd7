/* The operator's hand on the queue, and what he is shown of it. */
#include "db/queue_testing.h"

#define T0   (1700000000 * SECOND_US)
#define MANY 1200 /* more than a piece of a lane's work */

struct filling {
	struct bench_store *s;
	size_t waits;
};

static void on_filled(void *arg, int err, int64_t mail)
{
	struct filling *f = arg;

	(void)mail;
	assert_int_equal(err, 0);
	if (--f->waits == 0)
		loop_stop(f->s->loop);
}

/* All in one lane, all due at T0 + 1000. */
static void fill(struct bench_store *s, const char *lane, size_t n)
{
	struct queue_recipient_new r = to("u@b.example", lane);
	struct queue_new m = mail_of("x", T0, &r, 1);
	struct filling f = {.s = s, .waits = n};

	m.next_us = T0 + 1000;
	for (size_t i = 0; i < n; i++)
		queue_put(s->port, &m, on_filled, &f);
	loop_run(s->loop);
	assert_int_equal(f.waits, 0);
}

/* ---- a mail ---- */

static void test_retry(void **state)
{
	struct bench_store *s = *state;
	int64_t mail = put_simple(s, "b.example", T0);
	struct seen_jobs seen;

	settle_as(s, mail, 1, QUEUE_DEFERRED, T0 + 1000);
	assert_int_equal(take_from(s, "b.example", T0 + 5, 9, 9, &seen), 0);
	assert_int_equal(steer(s, QUEUE_RETRY, mail, NULL, T0 + 5), 1);
	assert_int_equal(take_from(s, "b.example", T0 + 5, 9, 9, &seen), 1);
	assert_int_equal(steer(s, QUEUE_RETRY, mail + 1, NULL, T0 + 5), -1);
}

static void test_hold(void **state)
{
	struct bench_store *s = *state;
	int64_t mail = put_simple(s, "b.example", T0);
	struct seen_jobs seen;

	assert_int_equal(steer(s, QUEUE_HOLD, mail, NULL, T0), 1);
	assert_int_equal(steer(s, QUEUE_HOLD, mail, NULL, T0), 1);
	assert_int_equal(stats_of(s).held, 1);
	assert_int_equal(take_from(s, "b.example", T0 + 5, 9, 9, &seen), 0);
	assert_true(lanes_at(s, T0).next_us == INT64_MAX);
	assert_int_equal(steer(s, QUEUE_RETRY, mail, NULL, T0), 1); /* held is held */
	assert_int_equal(take_from(s, "b.example", T0 + 5, 9, 9, &seen), 0);
	put_simple(s, "b.example", T0); /* others go */
	assert_int_equal(take_from(s, "b.example", T0 + 5, 9, 9, &seen), 1);

	assert_int_equal(steer(s, QUEUE_RELEASE, mail, NULL, T0 + 5), 1);
	assert_int_equal(stats_of(s).held, 0);
	assert_int_equal(take_from(s, "b.example", T0 + 5, 9, 9, &seen), 1);
	assert_int_equal(seen.jobs[0].mail, mail);
	/* Held while it is on its way: what became of it counts, and it is not tried again. */
	steer(s, QUEUE_HOLD, mail, NULL, T0 + 6);
	settle_as(s, mail, 1, QUEUE_DEFERRED, T0 + 7);
	assert_int_equal(stats_of(s).held, 1);
	assert_int_equal(take_from(s, "b.example", T0 + 9, 9, 9, &seen), 0);
	assert_int_equal(settle_as(s, mail, 1, QUEUE_DELIVERED, 0), 0);
	assert_int_equal(stats_of(s).held, 0);
}

static void test_drop(void **state)
{
	struct bench_store *s = *state;
	struct queue_recipient_new r[2] = {to("a@b.example", "b.example"),
					   to("c@d.example", "d.example")};
	struct queue_new m = mail_of("x", T0, r, 2);
	struct seen_jobs seen;
	int64_t mail = 0;

	assert_int_equal(put_mail(s, &m, &mail), 0);
	take_from(s, "b.example", T0, 9, 9, &seen);
	assert_int_equal(steer(s, QUEUE_DROP, mail, NULL, T0), 1);
	assert_int_equal(stats_of(s).mails, 0);
	assert_int_equal(stats_of(s).lanes, 0);
	assert_int_equal(stats_of(s).octets, 0);
	assert_int_equal(settle_as(s, mail, 1, QUEUE_FAILED, 0), E_NOT_FOUND);
	assert_int_equal(steer(s, QUEUE_DROP, mail, NULL, T0), -1);
}

/* ---- a lane ---- */

static void test_lane_in_pieces(void **state)
{
	struct bench_store *s = *state;
	struct seen_jobs seen;

	fill(s, "b.example", MANY);
	put_simple(s, "c.example", T0);
	assert_int_equal(steer(s, QUEUE_RETRY, 0, "b.example", T0), MANY);
	assert_int_equal(take_from(s, "b.example", T0, 3, 9, &seen), 3);
	assert_int_equal(steer(s, QUEUE_RETRY, 0, "b.example", T0), 0);
	assert_int_equal(steer(s, QUEUE_RETRY, 0, "nothing.example", T0), -1);
	assert_int_equal(steer(s, QUEUE_DROP, 0, "b.example", T0), MANY);
	assert_int_equal(stats_of(s).mails, 1);
	assert_int_equal(stats_of(s).lanes, 1);
	assert_int_equal(take_from(s, "c.example", T0, 3, 9, &seen), 1);
}

static void test_lane_held(void **state)
{
	struct bench_store *s = *state;
	struct seen_jobs seen;

	/* Also before anything is in it. */
	assert_int_equal(steer(s, QUEUE_HOLD, 0, "b.example", T0), 0);
	int64_t mail = put_simple(s, "b.example", T0);
	assert_int_equal(lanes_at(s, T0).n, 0);
	settle_as(s, mail, 1, QUEUE_DELIVERED, 0);
	put_simple(s, "b.example", T0);
	assert_int_equal(lanes_at(s, T0).n, 0);
	assert_int_equal(steer(s, QUEUE_RELEASE, 0, "b.example", T0), 0);
	assert_int_equal(take_from(s, "b.example", T0, 3, 9, &seen), 1);

	/* In the middle of work: the id is known, and nothing is given out. */
	int64_t id = lane_named(s, "b.example", T0);
	put_simple(s, "b.example", T0);
	steer(s, QUEUE_HOLD, 0, "b.example", T0);
	struct queue_take take = {.lane = id, .now_us = T0, .jobs = 9, .recipients = 9};
	queue_lane_take(s->port, &take, on_jobs, &seen);
	assert_int_equal(seen.err, 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(steer(s, QUEUE_DROP, 0, "b.example", T0), 2);
	assert_int_equal(stats_of(s).lanes, 1); /* held, and empty */
	steer(s, QUEUE_RELEASE, 0, "b.example", T0);
	assert_int_equal(stats_of(s).lanes, 0);
}

/* ---- lists ---- */

struct page {
	int err;
	size_t n;
	int64_t ids[64];
	struct queue_place next;
	char lane[64], first[64], text[64], msisdn[MSISDN_MAX];
	size_t left, recipients;
	int64_t next_us;
	bool is_held;
};

static void see_mail(struct page *p, const struct queue_mail *m)
{
	p->ids[p->n++] = m->id;
	snprintf(p->lane, sizeof p->lane, "%s", m->lane);
	snprintf(p->first, sizeof p->first, "%s", m->first);
	snprintf(p->text, sizeof p->text, "%s", m->last.text);
	snprintf(p->msisdn, sizeof p->msisdn, "%s", m->msisdn);
	p->left = m->left;
	p->next_us = m->next_us;
	p->is_held = m->is_held;
}

static void on_page(void *arg, int err, const struct queue_mail *m, size_t n,
		    const struct queue_place *next)
{
	struct page *p = arg;

	p->err = err;
	p->n = 0;
	for (size_t i = 0; i < n && i < 64; i++)
		see_mail(p, &m[i]);
	p->next = *next;
}

static void on_mail(void *arg, int err, const struct queue_mail *m,
		    const struct queue_waiting *recipients, size_t n)
{
	struct page *p = arg;

	p->err = err;
	p->recipients = n;
	if (m)
		see_mail(p, m);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(recipients[i].recipient.id, i + 1);
}

/* All pages of a question, in order; how many there were. */
static size_t list_all(struct bench_store *s, struct queue_question q, int64_t *ids, size_t *n)
{
	struct page p;
	size_t pages = 0;

	*n = 0;
	do {
		queue_list(s->port, &q, on_page, &p);
		assert_int_equal(p.err, 0);
		for (size_t i = 0; i < p.n; i++)
			ids[(*n)++] = p.ids[i];
		q.after = p.next;
		pages++;
	} while (p.next.mail || p.next.next_us);
	return pages;
}

static void test_list(void **state)
{
	struct bench_store *s = *state;
	int64_t mails[10], ids[64];
	size_t n;

	for (int i = 0; i < 10; i++) /* the later ones are due first */
		mails[i] = put_simple(s, i % 2 ? "b.example" : "c.example", T0 - i);
	steer(s, QUEUE_HOLD, mails[5], NULL, T0);
	list_all(s, (struct queue_question){.limit = 3}, ids, &n);
	assert_int_equal(n, 10);
	assert_memory_equal(ids, mails, sizeof mails);
	list_all(s, (struct queue_question){.limit = 2, .lane = "b.example"}, ids, &n);
	assert_int_equal(n, 5);
	assert_true(ids[0] == mails[5]); /* held ones first, then what is due first */
	assert_true(ids[1] == mails[9] && ids[2] == mails[7] && ids[3] == mails[3] &&
		    ids[4] == mails[1]);
	struct page p = {0};
	queue_list(s->port, &(struct queue_question){.limit = 2, .lane = "none.example"}, on_page,
		   &p);
	assert_int_equal(p.err, E_NOT_FOUND);
}

static void test_list_of_sender(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), id = make_subscriber(s, 1), mail = 0, ids[64];
	struct queue_recipient_new r[2] = {to("a@b.example", "b.example"),
					   to("c@b.example", "b.example")};
	struct queue_new m = mail_of("x\r\n", T0, r, 2);
	struct access_via via = {.key = key_at("10.0.0.1"), .subscriber = id};
	struct binding b = {0};
	struct page p = {0};
	size_t n;

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	check(s, "10.0.0.1", &b);
	claim(s, "10.0.0.1", b.generation, id, &b);
	via.generation = b.generation;
	for (int i = 0; i < 5; i++) {
		m.via = i == 3 ? &via : NULL;
		int64_t one;
		assert_int_equal(put_mail(s, &m, &one), 0);
		mail = i == 3 ? one : mail;
	}
	list_all(s, (struct queue_question){.limit = 3, .sender = id}, ids, &n);
	assert_int_equal(n, 1);
	assert_true(ids[0] == mail);
	list_all(s, (struct queue_question){.limit = 1, .sender = id, .lane = "b.example"}, ids,
		 &n);
	assert_int_equal(n, 1);
	assert_true(ids[0] == mail);

	settle_as(s, mail, 1, QUEUE_DEFERRED, T0 + 9);
	queue_get(s->port, mail, on_mail, &p);
	assert_int_equal(p.err, 0);
	assert_int_equal(p.recipients, 2);
	assert_int_equal(p.left, 2);
	assert_string_equal(p.msisdn, "819000000001");
	assert_string_equal(p.lane, "b.example");
	assert_string_equal(p.first, "a@b.example");
	assert_string_equal(p.text, "later");
	assert_true(p.next_us == T0 + 9);
	queue_get(s->port, mail + 100, on_mail, &p);
	assert_int_equal(p.err, E_NOT_FOUND);
	assert_true(stats_of(s).oldest_us == T0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(test_retry),          QUEUE_TEST(test_hold),      QUEUE_TEST(test_drop),
		QUEUE_TEST(test_lane_in_pieces), QUEUE_TEST(test_lane_held), QUEUE_TEST(test_list),
		QUEUE_TEST(test_list_of_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
