/* The trigger's outbox: what makes a row, moves it, and clears it; binding-rules 5 and 6. */
#include "db/containment.h"
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

/* Takes what is due at now_us of a queue, and wakes somebody first. */
static struct heard *take(struct bench_store *s, enum bearer queue, int64_t now_us, int64_t woken,
			  size_t sms_room)
{
	struct heard *h = calloc(1, sizeof *h);
	const struct trigger_take what = {.bearer = queue,
					  .now_us = now_us,
					  .limit = 32,
					  .sms_room = sms_room,
					  .woken = &woken,
					  .woken_count = woken ? 1 : 0};

	h->s = s;
	triggers_take(s->port, &what, on_taken, h);
	assert_int_equal(wait_for(h), 0);
	return h;
}

/* The one sending that a take brings. */
static struct trigger_out take_one(struct bench_store *s, enum bearer queue, int64_t now_us)
{
	struct heard *h = take(s, queue, now_us, 0, 8);
	struct trigger_out out = h->out[0];

	assert_int_equal(h->n, 1);
	free(h);
	return out;
}

static size_t take_count(struct bench_store *s, enum bearer queue, int64_t now_us)
{
	struct heard *h = take(s, queue, now_us, 0, 8);
	size_t n = h->n;

	free(h);
	return n;
}

/* Rules for the store of this test: on with the triggers. */
static void with_rules(struct bench_store *s, bool sms)
{
	s->options.schedule = (struct schedule){
		.coalesce_us = SECOND_US / 4,
		.retry = {.us = {2 * SECOND_US, 10 * SECOND_US}, .count = 2},
		.sms = sms,
		.sms_coalesce_us = 30 * SECOND_US,
		.sms_unconfirmed_us = 5 * SECOND_US,
		.sms_retry = {.us = {600 * SECOND_US}, .count = 1},
		.expiry_us = 86400 * SECOND_US,
		.realm_count = 1,
		.realms = {{REALM_DEFAULT, 2948}},
	};
	reopen_store(s);
}

static void on_receipt(void *arg, int err, int64_t subscriber, int64_t accepted_us)
{
	struct heard *h = arg;

	h->id = subscriber;
	h->next_us = accepted_us;
	heard_one(h, err);
}

static void on_frozen(void *arg, int err, int64_t id)
{
	((struct heard *)arg)->id = id;
	heard_one(arg, err);
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

/* In order of time, and no more than are asked for. */
static void test_due(void **state)
{
	struct bench_store *s = *state;
	struct access_via via[5];

	for (int i = 0; i < 5; i++) {
		via[i] = attach(s, i + 1);
		accept_mail(s, via[i].subscriber, "x", T0 + (4 - i) * SECOND_US);
	}
	with_rules(s, false);
	static const struct {
		int64_t now_us;
		size_t n;
		int64_t next_us;
	} cases[] = {{T0 - 1, 0, T0},
		     {T0, 1, T0 + SECOND_US},
		     {T0 + SECOND_US, 1, T0 + 2 * SECOND_US}, /* the first one repeats then, too */
		     {T0 + 2 * SECOND_US, 2, T0 + 3 * SECOND_US}};
	for (size_t i = 0; i < 4; i++) {
		struct heard *h = take(s, BEARER_UDP, cases[i].now_us, 0, 0);
		assert_int_equal(h->n, cases[i].n);
		assert_true(h->next_us == cases[i].next_us);
		free(h);
	}
}

/* Committed before it is sent: the log, the count, the next time, the access record. */
static void test_logged_before_it_is_sent(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	struct heard *h = HEARD(s);

	accept_mail(s, via.subscriber, "x", T0);
	with_rules(s, false);
	struct trigger_out out = take_one(s, BEARER_UDP, T0 + 5);
	assert_int_equal(out.bearer, BEARER_UDP);
	assert_true(key_equal(&out.key, &via.key));
	assert_int_equal(out.generation, via.generation);
	assert_int_equal(out.subscriber, via.subscriber);
	assert_string_equal(out.mailbox, "U819000000001@Hato.example");
	assert_int_equal(out.attempts, 1);
	assert_int_equal(out.mailed_us, T0);
	send_log_find(s->port, &via.key, out.tid, out.timestamp_s, on_send_log, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->id, via.subscriber);
	struct outbox_row row = row_of(s, via.subscriber);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(row.next_us, T0 + 5 + 2 * SECOND_US);
	/* Nobody sent it: the schedule does, with the same timestamp and another TID. */
	assert_int_equal(take_count(s, BEARER_UDP, T0 + SECOND_US), 0);
	struct trigger_out again = take_one(s, BEARER_UDP, T0 + 3 * SECOND_US);
	assert_int_equal(again.timestamp_s, out.timestamp_s);
	assert_int_not_equal(again.tid, out.tid);
	assert_int_equal(again.attempts, 2);
}

/* News is covered by a newer timestamp, in the commit that logs it. */
static void test_news_renews(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);

	accept_mail(s, via.subscriber, "x", T0);
	accept_mail(s, via.subscriber, "x", T0 + 1);
	with_rules(s, false);
	struct trigger_out out = take_one(s, BEARER_UDP, T0 + 2);
	assert_int_equal(out.covered_uid, 2);
	assert_int_equal(out.timestamp_s, T0 / SECOND_US + 1);
	struct outbox_row row = row_of(s, via.subscriber);
	assert_int_equal(row.covered_uid, 2);
	assert_int_equal(row.timestamp_s, out.timestamp_s);

	/* Within the window of that datagram: at its end. */
	accept_mail(s, via.subscriber, "x", T0 + 10);
	row = row_of(s, via.subscriber);
	assert_int_equal(row.next_us, T0 + 2 + SECOND_US / 4);
	assert_int_equal(take_count(s, BEARER_UDP, T0 + 10), 0);
	out = take_one(s, BEARER_UDP, row.next_us);
	assert_int_equal(out.covered_uid, 3);
	assert_int_equal(out.attempts, 1);
	assert_int_equal(out.timestamp_s, T0 / SECOND_US + 2);
}

/* A lease: at once and from the beginning, wherever the row stood. */
static void test_woken(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);

	accept_mail(s, via.subscriber, "x", T0);
	with_rules(s, false);
	for (int i = 0; i < 3; i++)
		take_one(s, BEARER_UDP, T0 + i * 20 * SECOND_US);
	assert_true(row_of(s, via.subscriber).next_us == INT64_MAX);
	struct heard *h = take(s, BEARER_UDP, T0 + 100 * SECOND_US, via.subscriber, 0);
	assert_int_equal(h->n, 1);
	assert_int_equal(h->out[0].attempts, 1);
	free(h);
	h = take(s, BEARER_UDP, T0 + 100 * SECOND_US, 99, 0); /* without a row */
	assert_int_equal(h->n, 0);
	free(h);
}

/* What the owner and the bindings say in that very transaction. */
static void test_who_gets_it(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1), other = attach(s, 2);
	struct heard *h = HEARD(s);
	int64_t now_us = clock_now_us(); /* the leases' five seconds are of this clock */

	accept_mail(s, via.subscriber, "x", now_us);
	accept_mail(s, other.subscriber, "x", now_us);
	with_rules(s, true);
	/* His address is the other's now: no datagram for it, an SMS to his number. */
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "s9", clock_now_us()));
	binding_quarantine(s->port, &other.key, other.generation, QUARANTINE_OPERATOR, "test",
			   on_done, h);
	wait_for(h);
	h = take(s, BEARER_UDP, now_us, 0, 8);
	assert_int_equal(h->n, 1);
	assert_int_equal(h->out[0].bearer, BEARER_SMS);
	assert_string_equal(h->out[0].msisdn, "819000000001");
	assert_int_equal(h->out[0].generation, 0);
	free(h);
	/* The other's lease is unconfirmed: five seconds. */
	struct outbox_row row = row_of(s, other.subscriber);
	assert_true(row.bearer == BEARER_UDP && row.waiting_us == now_us);
	assert_true(row.next_us <= now_us + 5 * SECOND_US);

	/* Without room it stands in the other queue; a removed subscriber gets nothing. */
	h = take(s, BEARER_UDP, now_us + 6 * SECOND_US, 0, 0);
	assert_int_equal(h->n, 0);
	free(h);
	assert_int_equal(row_of(s, other.subscriber).bearer, BEARER_SMS);
	h = HEARD(s);
	subscriber_remove(s->port, "819000000002", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(take_count(s, BEARER_SMS, now_us + 7 * SECOND_US), 0);
	assert_true(row_of(s, other.subscriber).next_us == INT64_MAX);
}

/* The mail's own transaction logs the first datagram; the change feed says so. */
struct told {
	int64_t first;
	uint32_t n;
	unsigned mails, joined;
};

static void on_change(void *arg, const struct change *c)
{
	struct told *told = arg;

	if (c->kind != CHANGE_MAIL)
		return;
	told->mails++;
	told->joined += c->former == CHANGE_MAIL_JOINED;
	told->first = c->former;
	told->n = c->generation;
}

static void on_logged(void *arg, int err, const struct trigger_out *out, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	for (size_t i = 0; i < n; i++)
		h->out[i] = out[i];
	heard_one(h, err);
}

static void test_first_datagram(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	struct told told = {0};
	struct heard *h = HEARD(s);

	with_rules(s, false);
	db_watch(s->port, DB_MAIL, on_change, &told);
	accept_mail(s, via.subscriber, "x", T0);
	while (told.mails < 1)
		put_subscriber(s, &(struct subscriber_put){0}, NULL);
	assert_int_equal(told.n, 1);
	trigger_logged(s->port, told.first, told.n, on_logged, h);
	assert_int_equal(h->n, 1);
	assert_true(key_equal(&h->out[0].key, &via.key));
	assert_int_equal(h->out[0].timestamp_s, T0 / SECOND_US);
	assert_int_equal(h->out[0].tid, (uint8_t)told.first);
	assert_string_equal(h->out[0].mailbox, "U819000000001@Hato.example");
	assert_int_equal(row_of(s, via.subscriber).attempts, 1);
	/* The next ones are the schedule's: they share a datagram. Where it is due already they
	 * move nothing, and are heard of with somebody else's. */
	struct outbox_row before = row_of(s, via.subscriber);
	accept_mail(s, via.subscriber, "x", T0 + 1);
	accept_mail(s, via.subscriber, "x", T0 + 2);
	struct outbox_row row = row_of(s, via.subscriber);
	assert_true(row.next_us == before.next_us && row.newest_uid == 3);
	assert_int_equal(row.mailed_us, T0 + 2);
	accept_mail(s, attach(s, 2).subscriber, "x", T0 + 2);
	while (told.mails < 4)
		put_subscriber(s, &(struct subscriber_put){0}, NULL);
	assert_int_equal(told.joined, 2);
}

/* ---- short messages ---- */

static void receipt(struct bench_store *s, const char *id, enum sms_state state, int expected)
{
	struct heard *h = HEARD(s);

	sms_receipt(s->port, "smsc", id, state, on_receipt, h);
	assert_int_equal(wait_for(h), expected);
}

static void test_receipts_find_their_trigger(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1);
	struct heard *h = HEARD(s);

	accept_mail(s, id, "x", T0);
	with_rules(s, true);
	struct trigger_out out = take_one(s, BEARER_UDP, T0);
	assert_int_equal(out.bearer, BEARER_SMS);
	assert_int_equal(sms_check(s->port, &out), 0);
	assert_int_equal(row_of(s, id).sms_state, SMS_UNDER_WAY);
	struct sms_accepted sms = {"smsc", "4711", id, out.timestamp_s, T0 + 1};
	sms_accepted(s->port, &sms, on_done, h);
	assert_int_equal(wait_for(h), 0);
	reopen_store(s); /* a receipt that comes after a restart */
	receipt(s, "4712", SMS_DELIVERED, E_NOT_FOUND);
	receipt(s, "4711", SMS_DELIVERED, 0);
	assert_int_equal(row_of(s, id).sms_state, SMS_DELIVERED);
	receipt(s, "4711", SMS_DELIVERED, 0); /* twice */
	/* Delivered or not, the schedule goes on until the mailbox is read. */
	out = take_one(s, BEARER_SMS, T0 + 600 * SECOND_US);
	assert_int_equal(out.attempts, 2);
	receipt(s, "4711", SMS_FAILED, 0);
	assert_int_equal(row_of(s, id).sms_state, SMS_FAILED);

	h = HEARD(s);
	mail_sweep(s->port, T0 + 9 * DAY_US_, on_done, h);
	assert_int_equal(wait_for(h), 0);
	receipt(s, "4711", SMS_DELIVERED, E_NOT_FOUND);
}

/* Between the commit and the link. */
static void test_the_last_look_before_an_sms(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	struct heard *h = HEARD(s);
	struct trigger_out out = {.bearer = BEARER_SMS, .subscriber = via.subscriber};

	strcpy(out.msisdn, "819000000001");
	accept_mail(s, via.subscriber, "x", T0);
	out.timestamp_s = row_of(s, via.subscriber).timestamp_s;
	assert_int_equal(sms_check(s->port, &out), 0);
	out.timestamp_s++; /* renewed */
	assert_int_equal(sms_check(s->port, &out), E_CONFLICT);
	out.timestamp_s--;
	strcpy(out.msisdn, "819000000009"); /* the number is not his any more */
	assert_int_equal(sms_check(s->port, &out), E_CONFLICT);
	strcpy(out.msisdn, "819000000001");
	const struct freeze freeze = {
		.kind = FREEZE_SUBSCRIBER, .realm = REALM_DEFAULT, .msisdn = "819000000001"};
	freeze_put(s->port, &freeze, 10, on_frozen, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(sms_check(s->port, &out), E_CONFLICT);
	h = HEARD(s);
	freeze_remove(s->port, REALM_DEFAULT, 1, "test", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(sms_check(s->port, &out), 0);
	list(s, &via, 1); /* read */
	assert_int_equal(sms_check(s->port, &out), E_CONFLICT);
	h = HEARD(s);
	subscriber_remove(s->port, "819000000001", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(sms_check(s->port, &out), E_CONFLICT);
}

static void test_unsent(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1);
	struct access_via via = attach(s, 2);
	struct heard *h = HEARD(s);

	accept_mail(s, id, "x", T0);
	accept_mail(s, via.subscriber, "x", T0);
	with_rules(s, true);
	h = take(s, BEARER_UDP, T0, 0, 8);
	assert_int_equal(h->n, 2);
	const struct trigger_unsent unsent[] = {
		{id, row_of(s, id).timestamp_s, BEARER_SMS, T0 + 9 * SECOND_US},
		{via.subscriber, 1, BEARER_SMS, T0}, /* of another timestamp */
	};
	free(h);
	h = HEARD(s);
	triggers_unsent(s->port, unsent, 2, on_done, h);
	assert_int_equal(wait_for(h), 0);
	struct outbox_row row = row_of(s, id);
	assert_true(row.sms_attempts == 0 && row.next_us == T0 + 9 * SECOND_US);
	assert_int_equal(row_of(s, via.subscriber).attempts, 1);
	h = HEARD(s);
	sms_failed(s->port, id, row.timestamp_s, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_of(s, id).sms_state, SMS_FAILED);
}

/* The process died: what it had logged last may not have left. */
static void test_doubt(void **state)
{
	struct bench_store *s = *state;
	struct access_via old = attach(s, 1), last = attach(s, 2), read = attach(s, 3);
	struct heard *h = HEARD(s);

	with_rules(s, false);
	h = HEARD(s);
	triggers_doubt(s->port, 10, INT64_MAX, 10 * SECOND_US, on_done, h); /* an empty log */
	assert_int_equal(wait_for(h), 0);
	accept_mail(s, old.subscriber, "x", T0);
	free(take(s, BEARER_UDP, T0, 0, 0));
	free(take(s, BEARER_UDP, T0 + 2 * SECOND_US, 0, 0));
	s->options.schedule.realm_count = 0; /* so that the mail's own commit sends none */
	reopen_store(s);
	accept_mail(s, last.subscriber, "x", T0 + 60 * SECOND_US);
	accept_mail(s, read.subscriber, "x", T0 + 60 * SECOND_US);
	with_rules(s, false);
	free(take(s, BEARER_UDP, T0 + 60 * SECOND_US, 0, 0));
	list(s, &read, 1);
	uint32_t before = row_of(s, old.subscriber).attempts;
	assert_int_equal(row_of(s, last.subscriber).attempts, 1);
	h = HEARD(s);
	triggers_doubt(s->port, 10, INT64_MAX, 10 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_of(s, last.subscriber).attempts, 0);
	assert_true(row_of(s, last.subscriber).next_us <= clock_now_us());
	assert_int_equal(row_of(s, old.subscriber).attempts, before > 2 ? before - 1 : before);
	/* After an orderly end nothing is doubtful. */
	free(take(s, BEARER_UDP, T0 + 80 * SECOND_US, last.subscriber, 0));
	assert_int_equal(row_of(s, last.subscriber).attempts, 1);
	h = HEARD(s);
	triggers_all_left(s->port, 0, on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	triggers_doubt(s->port, 10, INT64_MAX, 10 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_of(s, last.subscriber).attempts, 1);
}

static void ignore_change(void *arg, const struct change *change)
{
	(void)arg;
	(void)change;
}

static void on_missed(void *arg, int err, const int64_t *ids, size_t n, int64_t last)
{
	struct heard *h = arg;

	h->n = n;
	h->id = n ? ids[0] : 0;
	h->next_us = last;
	heard_one(h, err);
}

/* Page by page: who is not due and had a lease confirmed since. */
static void test_missed(void **state)
{
	struct bench_store *s = *state;
	struct access_via via[7];
	int64_t after = 0;
	size_t total = 0;

	for (int i = 0; i < 7; i++) {
		via[i] = attach(s, i + 1);
		accept_mail(s, via[i].subscriber, "x", T0);
	}
	with_rules(s, false);
	free(take(s, BEARER_UDP, T0, 0, 0)); /* T0 is after the leases */
	do {
		struct heard *h = HEARD(s);
		outbox_missed(s->port, after, 3, T0 + 1, on_missed, h);
		assert_int_equal(h->err, 0);
		total += h->n;
		after = h->next_us;
	} while (after);
	assert_int_equal(total, 0);
	/* One sleeps, and was last told before his lease was confirmed. */
	free(take(s, BEARER_UDP, 1, via[4].subscriber, 0));
	do {
		struct heard *h = HEARD(s);
		outbox_missed(s->port, after, 3, 2, on_missed, h);
		total += h->n;
		if (h->n)
			assert_int_equal(h->id, via[4].subscriber);
		after = h->next_us;
	} while (after);
	assert_int_equal(total, 1);
}

/* What the feed of the bindings tells from `after` on, in pieces of 2; E_NOT_FOUND: not all. */
static int missed_since(struct bench_store *s, int64_t after, int64_t upto, int64_t found[8],
			size_t *n)
{
	*n = 0;
	do {
		struct heard *h = HEARD(s);
		outbox_missed_since(s->port, after, upto, 2, clock_now_us(), on_missed, h);
		if (h->err)
			return h->err;
		assert_in_range(h->n, 0, 1);
		if (h->n)
			found[(*n)++] = h->id;
		after = h->next_us;
	} while (after);
	return 0;
}

static int64_t feed_end(struct bench_store *s)
{
	assert_int_equal(db_watch(s->port, DB_BINDINGS, ignore_change, NULL), 0);
	return db_watched(s->port, DB_BINDINGS);
}

/* By the feed: who has mail waiting and had a lease confirmed since, each once, and nobody else. */
static void test_missed_since(void **state)
{
	struct bench_store *s = *state;
	int64_t found[8], ids[7];
	struct heard *h;
	size_t n;

	with_rules(s, false);
	for (int i = 0; i < 7; i++) { /* without a lease: they sleep */
		ids[i] = make_subscriber(s, i + 1);
		accept_mail(s, ids[i], "x", clock_now_us());
	}
	free(take(s, BEARER_UDP, clock_now_us(), 0, 0));
	assert_int_equal(row_of(s, ids[1]).next_us, INT64_MAX);
	make_subscriber(s, 8);
	attach(s, 1);
	int64_t start = feed_end(s);
	assert_int_equal(missed_since(s, start, start, found, &n), 0);
	assert_int_equal(n, 0);
	attach(s, 2);
	attach(s, 8); /* no mail */
	struct access_via via = attach(s, 3);
	apply(s, an_event(LEASE_START, "10.0.0.4", 4, "s4", clock_now_us())); /* not confirmed */
	apply(s, an_event(LEASE_START, "10.0.0.5", 5, "s5", clock_now_us()));
	int64_t end = feed_end(s);
	attach(s, 6); /* after it: the watcher's own */
	assert_int_equal(missed_since(s, start, end, found, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(found[0], ids[1]);
	assert_int_equal(found[1], ids[2]);
	/* Who was told since is not told again. */
	free(take(s, BEARER_UDP, clock_now_us(), via.subscriber, 0));
	assert_int_equal(missed_since(s, start, end, found, &n), 0);
	assert_int_equal(n, 1);
	/* A feed that is not this one's, one that does not reach back. */
	assert_int_equal(missed_since(s, end + 1000, end + 1000, found, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(missed_since(s, end + 1000, end, found, &n), E_NOT_FOUND);
	h = HEARD(s);
	bindings_sweep(s->port, clock_now_us() + 3600 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(missed_since(s, start, end, found, &n), E_NOT_FOUND);
	/* A thaw of many. */
	start = feed_end(s);
	struct freeze f = {.kind = FREEZE_NAS};
	snprintf(f.realm, sizeof f.realm, "%s", REALM_DEFAULT);
	snprintf(f.nas_id, sizeof f.nas_id, "%s", "nas-1");
	h = HEARD(s);
	freeze_put(s->port, &f, 3, on_frozen, h);
	assert_int_equal(wait_for(h), 0);
	int64_t id = h->id;
	assert_int_equal(missed_since(s, start, feed_end(s), found, &n), 0);
	h = HEARD(s);
	freeze_remove(s->port, REALM_DEFAULT, id, "test", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(missed_since(s, start, feed_end(s), found, &n), E_NOT_FOUND);
}

/* How far the feed was followed is committed with the group that shows its effect, or not. */
static void test_heard(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	const struct trigger_take what = {
		.limit = 8, .woken = &via.subscriber, .woken_count = 1, .heard = 41};
	int64_t seq = -1;

	assert_int_equal(bindings_heard(s->port, &seq), 0);
	assert_int_equal(seq, 0);
	with_rules(s, false);
	free(take(s, BEARER_UDP, T0, 0, 0)); /* one that does not know */
	struct heard *h = HEARD(s);
	triggers_take(s->port, &what, on_taken, h);
	assert_int_equal(wait_for(h), 0);
	reopen_store(s);
	assert_int_equal(bindings_heard(s->port, &seq), 0);
	assert_int_equal(seq, 41);
	free(take(s, BEARER_UDP, T0, 0, 0));
	assert_int_equal(bindings_heard(s->port, &seq), 0);
	assert_int_equal(seq, 41);
	h = HEARD(s);
	triggers_all_left(s->port, 43, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(bindings_heard(s->port, &seq), 0);
	assert_int_equal(seq, 43);
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
	with_rules(s, false);
	struct trigger_out row = take_one(s, BEARER_UDP, T0 + 1);
	assert_int_equal(find_sent(s, &via.key, row.tid, row.timestamp_s, h), 0);
	assert_int_equal(h->id, via.subscriber);
	assert_int_equal(h->generation, via.generation);
	assert_int_equal(find_sent(s, &via.key, (uint8_t)(row.tid + 1), row.timestamp_s, h),
			 E_NOT_FOUND);
	assert_int_equal(find_sent(s, &via.key, row.tid, row.timestamp_s + 1, h), E_NOT_FOUND);
	assert_int_equal(find_sent(s, &elsewhere, row.tid, row.timestamp_s, h), E_NOT_FOUND);
	assert_int_equal(find_sent(s, &other_realm, row.tid, row.timestamp_s, h), E_NOT_FOUND);

	/* Kept for a day. */
	*h = (struct heard){.s = s};
	mail_sweep(s->port, T0 + DAY_US_ - SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(find_sent(s, &via.key, row.tid, row.timestamp_s, h), 0);
	*h = (struct heard){.s = s};
	mail_sweep(s->port, T0 + DAY_US_ + SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(find_sent(s, &via.key, row.tid, row.timestamp_s, h), E_NOT_FOUND);
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_row_of_a_mail),
		TEST(test_timestamps_grow),
		TEST(test_due),
		TEST(test_logged_before_it_is_sent),
		TEST(test_news_renews),
		TEST(test_woken),
		TEST(test_who_gets_it),
		TEST(test_first_datagram),
		TEST(test_receipts_find_their_trigger),
		TEST(test_the_last_look_before_an_sms),
		TEST(test_unsent),
		TEST(test_doubt),
		TEST(test_missed),
		TEST(test_missed_since),
		TEST(test_heard),
		TEST(test_cleared_up_to),
		TEST(test_send_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
