/* The outbound queue: what was put in comes out, in its lane, once at a time; what became of it and
 * what follows from that is one transaction. */
#include "db/queue_testing.h"

#define T0 (1700000000 * SECOND_US)

/* ---- octets ---- */

static int octets_of(struct bench_store *s, int64_t mail, uint64_t offset, uint8_t *out, size_t *n)
{
	struct heard h = {.s = s};

	queue_octets(s->port, mail, offset, on_octets, &h);
	*n = h.n;
	if (!h.err)
		memcpy(out, h.octets, h.n);
	free(h.octets);
	return h.err;
}

static void test_what_was_put_is_taken(void **state)
{
	struct bench_store *s = *state;
	static const char octets[] = "Subject: \xe3\x81\x82\r\n\r\n.a dot\r\n";
	struct queue_recipient_new r[3] = {to("\"a.\"@b.example", "b.example"),
					   to("c@d.example", "d.example"),
					   to("e@b.example", "b.example")};
	struct queue_new m = mail_of(octets, T0, r, 3);
	struct seen_jobs seen;
	uint8_t got[64];
	int64_t mail;
	size_t n;

	r[0].notify = SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY;
	r[0].orcpt = "rfc822;x@b.example";
	m.envid = "an id";
	m.ret = SMTP_RET_HDRS;
	m.is_utf8 = m.is_8bit = true;
	assert_int_equal(put_mail(s, &m, &mail), 0);
	assert_int_equal(lanes_at(s, T0 - 1).n, 0);
	assert_true(lanes_at(s, T0 - 1).next_us == T0);
	assert_int_equal(lanes_at(s, T0).n, 2);

	assert_int_equal(take_from(s, "b.example", T0, 10, 10, &seen), 1);
	struct seen_job *j = &seen.jobs[0];
	assert_int_equal(j->mail, mail);
	assert_int_equal(j->sender, 0);
	assert_int_equal(j->size, strlen(octets));
	assert_true(j->is_utf8 && j->is_8bit && j->ret == SMTP_RET_HDRS && j->received_us == T0);
	assert_string_equal(j->envid, "an id");
	assert_string_equal(j->reverse_path, "sender@hato.example");
	assert_int_equal(j->count, 2);
	assert_string_equal(j->r[0].address, "\"a.\"@b.example");
	assert_string_equal(j->r[0].orcpt, "rfc822;x@b.example");
	assert_int_equal(j->r[0].notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY);
	assert_int_equal(j->r[0].id, 1);
	assert_int_equal(j->r[1].id, 3);
	assert_string_equal(j->r[1].address, "e@b.example");
	assert_int_equal(octets_of(s, mail, 0, got, &n), 0);
	assert_int_equal(n, strlen(octets));
	assert_memory_equal(got, octets, n);
	assert_int_equal(octets_of(s, mail, 9, got, &n), 0);
	assert_memory_equal(got, octets + 9, n);
	assert_int_equal(octets_of(s, mail, strlen(octets), got, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(octets_of(s, mail + 1, 0, got, &n), E_NOT_FOUND);
}

static int append(struct bench_store *s, int64_t *body, uint32_t piece, const uint8_t *p, size_t n)
{
	struct heard h = {.s = s};

	queue_body_append(s->port, *body, piece, p, n, on_body, &h);
	int err = wait_for(&h);
	if (!err)
		*body = h.id;
	return err;
}

static void test_large_mail_in_pieces(void **state)
{
	struct bench_store *s = *state;
	size_t size = 2 * BODY_PIECE_MAX + 1000, done = 0, n;
	uint8_t *octets = malloc(size), *got = malloc(BODY_PIECE_MAX);
	struct queue_recipient_new r = to("a@b.example", "b.example");
	struct queue_new m = mail_of("", T0, &r, 1);
	int64_t body = 0, mail;

	for (size_t i = 0; i < size; i++)
		octets[i] = (uint8_t)(i * 7 + i / 251);
	for (uint32_t piece = 0; done < size; piece++) {
		n = size - done < BODY_PIECE_MAX ? size - done : BODY_PIECE_MAX;
		assert_int_equal(append(s, &body, piece, octets + done, n), 0);
		done += n;
	}
	m.octets = NULL;
	m.body = body;
	m.size = size - 1;
	assert_int_equal(put_mail(s, &m, &mail), E_CONFLICT);
	assert_int_equal(stats_of(s).mails, 0);
	m.size = size;
	assert_int_equal(put_mail(s, &m, &mail), 0);
	assert_int_equal(put_mail(s, &m, &mail), E_CONFLICT); /* it is somebody's already */
	for (done = 0; !octets_of(s, mail, done, got, &n) && n; done += n)
		assert_memory_equal(got, octets + done, n);
	assert_int_equal(done, size);
	assert_int_equal(settle_as(s, mail, 1, QUEUE_DELIVERED, 0), 0);
	assert_int_equal(octets_of(s, mail, 0, got, &n), E_NOT_FOUND);
	free(octets);
	free(got);
}

/* ---- who may put ---- */

static void test_binding_is_checked_where_it_is_stored(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), id = make_subscriber(s, 1), mail = 0;
	struct queue_recipient_new r = to("a@b.example", "b.example");
	struct queue_new m = mail_of("x\r\n", T0, &r, 1);
	struct access_via via = {.key = key_at("10.0.0.1"), .subscriber = id};
	struct binding b = {0};
	struct seen_jobs seen;

	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	check(s, "10.0.0.1", &b);
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &b), CLAIM_ACCEPTED);
	m.via = &via;
	via.generation = b.generation - 1;
	assert_int_equal(put_mail(s, &m, &mail), E_CONFLICT);
	via.generation = b.generation;
	via.subscriber = id + 1;
	assert_int_equal(put_mail(s, &m, &mail), E_CONFLICT);
	via.subscriber = id;
	assert_int_equal(put_mail(s, &m, &mail), 0);
	assert_int_equal(take_from(s, "b.example", T0, 9, 9, &seen), 1);
	assert_int_equal(seen.jobs[0].sender, id);

	/* The address is somebody else's now: from that commit on nothing is taken. */
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "s2", now_us + 1));
	assert_int_equal(put_mail(s, &m, &mail), E_CONFLICT);
	assert_int_equal(stats_of(s).mails, 1);
	via.key = key_at("10.0.0.99"); /* never bound */
	assert_int_equal(put_mail(s, &m, &mail), E_CONFLICT);
}

static void test_limits(void **state)
{
	struct bench_store *s = *state;
	struct queue_recipient_new r = to("a@b.example", "b.example");
	struct queue_new m = mail_of("0123456789", T0, &r, 1), notice = m;
	struct queue_outcome o = {
		.recipient = 1, .fate = QUEUE_FAILED, .reply = reply(550, "", "")};
	int64_t first, mail;

	s->options.queue_mails = 2;
	reopen_store(s);
	assert_int_equal(put_mail(s, &m, &first), 0);
	assert_int_equal(put_mail(s, &m, &mail), 0);
	assert_int_equal(put_mail(s, &m, &mail), E_FULL);
	/* A bounce is never turned away. */
	struct queue_new notices[2] = {notice, notice};
	assert_int_equal(settle(s, &(struct queue_settlement){.mail = first,
							      .outcomes = &o,
							      .count = 1,
							      .notices = notices,
							      .notice_count = 2}),
			 0);
	assert_int_equal(stats_of(s).mails, 3);
	s->options.queue_mails = 0;
	s->options.queue_octets = 39;
	reopen_store(s);
	assert_int_equal(put_mail(s, &m, &mail), E_FULL);
	m.size = 9;
	assert_int_equal(put_mail(s, &m, &mail), 0);
	assert_int_equal(stats_of(s).octets, 39);
	m.recipient_count = 0;
	assert_int_equal(put_mail(s, &m, &mail), E_RANGE);
}

/* ---- lanes ---- */

static void test_lanes_in_order(void **state)
{
	struct bench_store *s = *state;
	struct seen_lanes page = {0};

	put_simple(s, "c.example", T0 + 30);
	put_simple(s, "a.example", T0 + 20);
	put_simple(s, "", T0 + 10);
	put_simple(s, "a.example", T0 + 15); /* sooner than what is in it */
	put_simple(s, "c.example", T0 + 40);
	struct seen_lanes l = lanes_at(s, T0 + 30);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.lanes[0].name, "");
	assert_string_equal(l.lanes[1].name, "a.example");
	assert_true(l.lanes[1].next_us == T0 + 15);
	assert_string_equal(l.lanes[2].name, "c.example");
	assert_true(l.next_us == INT64_MAX);
	queue_lanes(s->port, T0 + 30, &l.lanes[0], 1, on_lanes, &page);
	assert_int_equal(page.n, 1);
	assert_string_equal(page.lanes[0].name, "a.example");
	queue_lanes(s->port, T0 + 29, &l.lanes[1], 1, on_lanes, &page);
	assert_int_equal(page.n, 0);
	assert_true(page.next_us == T0 + 30);
}

/* A dead destination's mail costs the others nothing: what is read for them is what is taken. */
static void test_many_in_a_lane(void **state)
{
	struct bench_store *s = *state;
	struct queue_recipient_new r[300];
	struct queue_new m = mail_of("x", T0, r, 300);
	struct seen_jobs seen;
	int64_t mail;

	for (size_t i = 0; i < 300; i++)
		r[i] = to("a@dead.example", "dead.example");
	assert_int_equal(put_mail(s, &m, &mail), 0);
	put_simple(s, "b.example", T0 + 1);
	struct seen_lanes l = lanes_at(s, T0 + 1);
	assert_int_equal(l.n, 2);
	assert_int_equal(take_from(s, "b.example", T0 + 1, 9, 9, &seen), 1);

	/* One mail, cut into jobs; each recipient once. */
	bool was_seen[301] = {false};
	size_t all = 0;
	while (take_from(s, "dead.example", T0 + 1, 5, 16, &seen)) {
		for (size_t i = 0; i < seen.n; i++) {
			assert_int_equal(seen.jobs[i].mail, mail);
			assert_true(seen.jobs[i].count <= 16);
			for (size_t k = 0; k < seen.jobs[i].count; k++, all++) {
				assert_false(was_seen[seen.jobs[i].r[k].id]);
				was_seen[seen.jobs[i].r[k].id] = true;
			}
		}
	}
	assert_int_equal(all, 300);
}

static void test_in_flight(void **state)
{
	struct bench_store *s = *state;
	int64_t a = put_simple(s, "b.example", T0), b = put_simple(s, "b.example", T0 + 1);
	struct seen_jobs seen;
	uint32_t one = 1;

	assert_int_equal(take_from(s, "b.example", T0 + 9, 1, 9, &seen), 1);
	assert_int_equal(seen.jobs[0].mail, a);
	assert_int_equal(take_from(s, "b.example", T0 + 9, 9, 9, &seen), 1);
	assert_int_equal(seen.jobs[0].mail, b);
	assert_int_equal(take_from(s, "b.example", T0 + 9, 9, 9, &seen), 0);
	queue_give_back(s->port, a, &one, 1);
	assert_int_equal(take_from(s, "b.example", T0 + 9, 9, 9, &seen), 1);
	assert_int_equal(seen.jobs[0].mail, a);
	queue_give_back(s->port, b, NULL, 0);
	assert_int_equal(take_from(s, "b.example", T0 + 9, 9, 9, &seen), 1);

	/* A settled one is free to be taken again; an unsettled one is due for the next process. */
	assert_int_equal(settle_as(s, a, 1, QUEUE_DEFERRED, T0 + 20), 0);
	assert_int_equal(take_from(s, "b.example", T0 + 19, 9, 9, &seen), 0);
	assert_int_equal(take_from(s, "b.example", T0 + 20, 9, 9, &seen), 1);
	reopen_store(s);
	assert_int_equal(take_from(s, "b.example", T0 + 20, 9, 9, &seen), 2);
}

/* ---- settling ---- */

static void test_deferred(void **state)
{
	struct bench_store *s = *state;
	int64_t mail = put_simple(s, "b.example", T0);
	struct queue_outcome o = {.recipient = 1,
				  .fate = QUEUE_DEFERRED,
				  .next_us = T0 + 100,
				  .is_warned = true,
				  .reply = reply(451, "4.3.0", "not now")};
	struct queue_settlement what = {.mail = mail, .outcomes = &o, .count = 1, .now_us = T0 + 5};
	struct seen_jobs seen;

	assert_int_equal(settle(s, &what), 0);
	assert_int_equal(lanes_at(s, T0 + 99).n, 0);
	assert_true(lanes_at(s, T0 + 99).next_us == T0 + 100);
	o.is_warned = false;
	o.reply = reply(0, "", "connection refused");
	assert_int_equal(settle(s, &what), 0);
	reopen_store(s);
	assert_int_equal(take_from(s, "b.example", T0 + 100, 9, 9, &seen), 1);
	assert_int_equal(seen.jobs[0].r[0].attempts, 2);
	assert_true(seen.jobs[0].r[0].is_warned);
	assert_int_equal(seen.jobs[0].r[0].code, 0);
	assert_string_equal(seen.jobs[0].r[0].text, "connection refused");
	assert_string_equal(seen.jobs[0].r[0].remote, "mx.example [192.0.2.1]");
}

static void test_long_reply_is_cut_between_characters(void **state)
{
	struct bench_store *s = *state;
	int64_t mail = put_simple(s, "b.example", T0);
	char text[QUEUE_TEXT_MAX + 50];
	struct queue_outcome o = {.recipient = 1, .fate = QUEUE_DEFERRED, .next_us = T0};
	struct seen_jobs seen;

	for (size_t i = 0; i + 3 < sizeof text; i += 3)
		memcpy(text + i, "\xe3\x81\x82", 4);
	o.reply = reply(450, "4.0.0", text);
	assert_int_equal(
		settle(s, &(struct queue_settlement){.mail = mail, .outcomes = &o, .count = 1}), 0);
	assert_int_equal(take_from(s, "b.example", T0, 9, 9, &seen), 1);
	assert_int_equal(strlen(seen.jobs[0].r[0].text), (QUEUE_TEXT_MAX - 1) / 3 * 3);
}

static void on_suppression(void *arg, int err, const struct suppression *found)
{
	struct heard *h = arg;

	h->err = err;
	h->id = found ? found->reason.code : 0;
}

/* The bounce and the entry of the suppression list come with the failure, and only with it. */
static void test_failed_with_notice(void **state)
{
	struct bench_store *s = *state;
	struct queue_recipient_new r[2] = {to("a@b.example", "b.example"),
					   to("c@d.example", "d.example")};
	struct queue_new m = mail_of("original", T0, r, 2);
	struct queue_recipient_new back = to("sender@hato.example", "");
	struct queue_new notice = mail_of("a bounce", T0 + 1, &back, 1);
	struct suppression sup = {.sender = 5,
				  .address = "a@b.example",
				  .reason = reply(550, "5.1.1", "no such user"),
				  .since_us = T0 + 1,
				  .expires_us = T0 + DAY_US_};
	struct queue_outcome o = {
		.recipient = 1, .fate = QUEUE_FAILED, .reply = reply(550, "5.1.1", "no such user")};
	struct queue_settlement what = {.outcomes = &o,
					.count = 1,
					.notices = &notice,
					.notice_count = 1,
					.suppressions = &sup,
					.suppression_count = 1,
					.now_us = T0 + 1};
	struct heard h = {.s = s};
	struct seen_jobs seen;
	uint8_t got[64];
	size_t n;

	notice.reverse_path = "";
	assert_int_equal(put_mail(s, &m, &what.mail), 0);
	assert_int_equal(settle(s, &what), 0);
	assert_int_equal(stats_of(s).mails, 2); /* d.example's part still waits */
	assert_int_equal(take_from(s, "", T0 + 1, 9, 9, &seen), 1);
	assert_string_equal(seen.jobs[0].reverse_path, "");
	assert_int_equal(octets_of(s, seen.jobs[0].mail, 0, got, &n), 0);
	assert_memory_equal(got, "a bounce", n);
	suppression_find(s->port, 5, "a@b.example", T0 + 2, on_suppression, &h);
	assert_int_equal(h.err, 0);
	assert_int_equal(h.id, 550);
	assert_int_equal(lane_named(s, "b.example", T0 + 9), 0);

	/* Once more: it is settled already, and nobody hears of it twice. */
	assert_int_equal(settle(s, &what), E_NOT_FOUND);
	assert_int_equal(stats_of(s).mails, 2);

	/* One that fails leaves nothing of itself: a notice that has no recipient. */
	o.recipient = 2;
	notice.recipient_count = 0;
	assert_int_equal(settle(s, &what), E_RANGE);
	notice.recipient_count = 1;
	notice.octets = NULL;
	notice.body = 4711; /* there is no such body */
	assert_int_equal(settle(s, &what), E_CONFLICT);
	assert_int_equal(take_from(s, "d.example", T0 + 1, 9, 9, &seen), 1);

	assert_int_equal(settle_as(s, what.mail, 2, QUEUE_DELIVERED, 0), 0);
	assert_int_equal(octets_of(s, what.mail, 0, got, &n), E_NOT_FOUND);
	assert_int_equal(stats_of(s).mails, 1);
	assert_int_equal(stats_of(s).lanes, 1);
}

static void test_ids_are_not_used_twice(void **state)
{
	struct bench_store *s = *state;
	int64_t first = put_simple(s, "b.example", T0);

	assert_int_equal(settle_as(s, first, 1, QUEUE_DELIVERED, 0), 0);
	reopen_store(s);
	assert_true(put_simple(s, "b.example", T0) > first);
	assert_int_equal(settle_as(s, first, 1, QUEUE_DELIVERED, 0), E_NOT_FOUND);
	assert_int_equal(stats_of(s).mails, 1);
}

/* ---- the change feed ---- */

struct watcher {
	struct bench_store *s;
	size_t n, wanted;
	int64_t lanes[16];
};

static void on_change(void *arg, const struct change *c)
{
	struct watcher *w = arg;

	assert_int_equal(c->kind, CHANGE_QUEUE);
	w->lanes[w->n++] = c->former;
	if (w->n >= w->wanted)
		loop_stop(w->s->loop);
}

static void wait_changes(struct watcher *w, size_t n)
{
	w->wanted = n;
	while (w->n < n)
		loop_run(w->s->loop);
	assert_int_equal(w->n, n);
}

static void test_feed(void **state)
{
	struct bench_store *s = *state;
	struct watcher w = {.s = s};
	struct queue_recipient_new r[12];
	struct queue_new m = mail_of("x", T0, r, 12);
	char names[12][16];
	int64_t mail;

	assert_int_equal(db_watch(s->port, DB_QUEUE, on_change, &w), 0);
	mail = put_simple(s, "b.example", T0);
	wait_changes(&w, 1);
	assert_int_equal(w.lanes[0], lane_named(s, "b.example", T0));
	settle_as(s, mail, 1, QUEUE_DEFERRED, T0 + 5); /* the taker knows */
	for (size_t i = 0; i < 12; i++) {
		snprintf(names[i], sizeof names[i], "d%u.example", (unsigned)i);
		r[i] = to("x@y.example", names[i]);
	}
	assert_int_equal(put_mail(s, &m, &mail), 0);
	wait_changes(&w, 2);
	assert_int_equal(w.lanes[1], 0); /* many lanes are told of once */
}

/* ---- sweeping ---- */

static void test_sweep(void **state)
{
	struct bench_store *s = *state;
	uint8_t octet = 'x';
	int64_t orphan = 0, kept = put_simple(s, "b.example", T0), other;
	struct queue_recipient_new r = to("a@b.example", "b.example");
	struct queue_new m = mail_of("", T0, &r, 1);
	struct heard *h = HEARD(s);

	assert_int_equal(append(s, &orphan, 0, &octet, 1), 0);
	queue_sweep(s->port, clock_now_us(), on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	queue_sweep(s->port, clock_now_us() + 2 * 3600 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	m.octets = NULL;
	m.body = orphan;
	m.size = 1;
	assert_int_equal(put_mail(s, &m, &other), E_CONFLICT);
	size_t n;
	uint8_t got[64];
	assert_int_equal(octets_of(s, kept, 0, got, &n), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(test_what_was_put_is_taken),
		QUEUE_TEST(test_large_mail_in_pieces),
		QUEUE_TEST(test_binding_is_checked_where_it_is_stored),
		QUEUE_TEST(test_limits),
		QUEUE_TEST(test_lanes_in_order),
		QUEUE_TEST(test_many_in_a_lane),
		QUEUE_TEST(test_in_flight),
		QUEUE_TEST(test_deferred),
		QUEUE_TEST(test_long_reply_is_cut_between_characters),
		QUEUE_TEST(test_failed_with_notice),
		QUEUE_TEST(test_ids_are_not_used_twice),
		QUEUE_TEST(test_feed),
		QUEUE_TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
