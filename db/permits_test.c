/* What a subscriber chose, and his rates, where a sending is decided. */
#include "db/db_testing.h"
#include "db/notification.h"

#define MSISDN    "819000000001"
#define HOUR_US   (3600 * SECOND_US)
#define MINUTE_US (60 * SECOND_US)

static void with_rates(struct bench_store *s, uint32_t udp_per_hour, uint32_t sms_per_hour)
{
	s->options.schedule = (struct schedule){
		.coalesce_us = SECOND_US / 4,
		.retry = {.us = {2 * SECOND_US, 10 * SECOND_US}, .count = 2},
		.sms = true,
		.sms_coalesce_us = 30 * SECOND_US,
		.sms_unconfirmed_us = 5 * SECOND_US,
		.sms_retry = {.us = {600 * SECOND_US}, .count = 1},
		.expiry_us = 7 * 24 * HOUR_US,
		.rates = {udp_per_hour, sms_per_hour},
		.realm_count = 1,
		.realms = {{REALM_DEFAULT, 2948}},
	};
	reopen_store(s);
}

static void choose(struct bench_store *s, const struct notification *n)
{
	struct heard *h = HEARD(s);

	notification_put(s->port, MSISDN, n, on_done, h);
	assert_int_equal(wait_for(h), 0);
}

/* Quiet from an hour before a time to two hours after it. */
static struct notification quiet_round(int64_t now_us, bool lets_udp_through, int64_t *end_us)
{
	struct notification n = notify_default();
	int64_t minute = now_us / MINUTE_US;

	n.quiet.from_min = (uint16_t)((minute - 60) % 1440);
	n.quiet.to_min = (uint16_t)((minute + 120) % 1440);
	n.quiet.lets_udp_through = lets_udp_through;
	strcpy(n.quiet.zone, "Z");
	strcpy(n.quiet.rule_text, "UTC0");
	assert_int_equal(zone_parse(n.quiet.rule_text, &n.quiet.rule), 0);
	*end_us = (minute + 120) * MINUTE_US;
	return n;
}

static int64_t attach(struct bench_store *s)
{
	int64_t id = make_subscriber(s, 1);
	struct binding b = {0};

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	check(s, "10.0.0.1", &b);
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &b), CLAIM_ACCEPTED);
	return id;
}

/* How many sendings are due in either queue; the last of them. */
static size_t take(struct bench_store *s, int64_t now_us, struct trigger_out *out)
{
	size_t n = 0;

	for (int queue = 0; queue < BEARERS; queue++) {
		struct heard *h = calloc(1, sizeof *h);
		const struct trigger_take what = {
			.bearer = (enum bearer)queue, .now_us = now_us, .limit = 32, .sms_room = 8};

		h->s = s;
		triggers_take(s->port, &what, on_taken, h);
		assert_int_equal(wait_for(h), 0);
		if (h->n > 0)
			*out = h->out[h->n - 1];
		n += h->n;
		free(h);
	}
	return n;
}

static void mail(struct bench_store *s, int64_t id, const char *body)
{
	accept_mail(s, id, body, clock_now_us());
}

static void mail_from(struct bench_store *s, int64_t id, const char *sender)
{
	struct heard *h = HEARD(s);
	struct mail_recipient r = {id, "Return-Path: <>\r\n", 17};
	struct mail_accept a = {.recipients = &r,
				.recipient_count = 1,
				.reverse_path = sender,
				.octets = (const uint8_t *)"1",
				.size = 1,
				.received_us = clock_now_us()};

	mail_accept(s->port, &a, on_accepted, h);
	assert_int_equal(wait_for(h), 0);
}

static void on_receipt(void *arg, int err, int64_t subscriber, int64_t accepted_us)
{
	(void)subscriber;
	(void)accepted_us;
	heard_one(arg, err);
}

static void look(struct bench_store *s, int64_t id, int64_t now_us)
{
	struct heard *h = HEARD(s);

	outbox_look(s->port, id, now_us, on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static void test_who_chose_nothing_is_pushed(void **state)
{
	struct bench_store *s = *state;
	struct trigger_out out;

	with_rates(s, 0, 0);
	mail(s, make_subscriber(s, 1), "1");
	assert_int_equal(take(s, clock_now_us() + 6 * SECOND_US, &out), 1);
	assert_int_equal(out.bearer, BEARER_SMS);
	assert_int_equal(out.form, SMS_FORM_PUSH);
}

/* Also where there is a confirmed binding; and what arrived is not said twice. */
static void test_text_goes_by_sms_alone(void **state)
{
	struct bench_store *s = *state;
	struct notification n = notify_default();
	struct heard *h = HEARD(s);
	int64_t now_us = clock_now_us() + 6 * SECOND_US;
	struct sms_accepted sms = {"a", "1", 0, 0, now_us};
	struct trigger_out out;

	with_rates(s, 0, 0);
	sms.subscriber = attach(s);
	n.mode = NOTIFY_TEXT;
	choose(s, &n);
	mail(s, sms.subscriber, "1");
	assert_int_equal(take(s, now_us, &out), 1);
	assert_int_equal(out.bearer, BEARER_SMS);
	assert_int_equal(out.form, SMS_FORM_TEXT);
	assert_string_equal(out.msisdn, MSISDN);
	/* not heard of: repeated */
	assert_int_equal(take(s, now_us += 601 * SECOND_US, &out), 1);
	sms.timestamp_s = out.timestamp_s;
	sms_accepted(s->port, &sms, on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	sms_receipt(s->port, "a", "1", SMS_DELIVERED, on_receipt, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(take(s, now_us += 601 * SECOND_US, &out), 0);
	assert_int_equal(take(s, now_us += 24 * HOUR_US, &out), 0);
	/* news is */
	mail(s, sms.subscriber, "2");
	assert_int_equal(take(s, now_us + 60 * SECOND_US, &out), 1);
	assert_int_equal(out.form, SMS_FORM_TEXT);
}

static void test_off_is_silence_until_it_is_over(void **state)
{
	struct bench_store *s = *state;
	struct notification n = notify_default();
	struct heard *h = HEARD(s);
	struct trigger_out out;

	with_rates(s, 0, 0);
	int64_t id = attach(s), now_us;
	n.mode = NOTIFY_OFF;
	choose(s, &n);
	mail(s, id, "1");
	now_us = clock_now_us();
	for (int hour = 0; hour < 48; hour++)
		assert_int_equal(take(s, now_us + hour * HOUR_US, &out), 0);
	notification_reset(s->port, MSISDN, on_done, h);
	assert_int_equal(wait_for(h), 0);
	look(s, id, now_us);
	assert_int_equal(take(s, now_us, &out), 1);
	assert_int_equal(out.bearer, BEARER_UDP);
	/* a look at what was sent sends nothing more */
	look(s, id, now_us + SECOND_US);
	assert_int_equal(take(s, now_us + SECOND_US, &out), 0);
}

/* Nobody was there to hear of the change: it is found within hours. */
static void find_a_change(struct bench_store *s)
{
	struct notification n = notify_default();
	struct trigger_out out;

	int64_t id = attach(s), now_us;
	n.mode = NOTIFY_OFF;
	choose(s, &n);
	mail(s, id, "1");
	now_us = clock_now_us();
	assert_int_equal(take(s, now_us, &out), 0);
	n.mode = NOTIFY_PUSH;
	choose(s, &n);
	assert_int_equal(take(s, now_us + 5 * HOUR_US, &out), 0);
	assert_int_equal(take(s, now_us + 6 * HOUR_US + SECOND_US, &out), 1);
}

static void test_a_change_is_found_without_a_word(void **state)
{
	struct bench_store *s = *state;

	with_rates(s, 0, 0);
	find_a_change(s);
}

static void test_a_change_is_found_where_there_is_no_sms(void **state)
{
	struct bench_store *s = *state;

	with_rates(s, 0, 0);
	s->options.schedule.sms = false;
	reopen_store(s);
	find_a_change(s);
}

static void test_quiet_hours_hold_both(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), end_us;
	struct notification n = quiet_round(now_us, false, &end_us);
	struct trigger_out out;

	with_rates(s, 0, 0);
	int64_t id = attach(s);
	choose(s, &n);
	mail(s, id, "1");
	mail(s, id, "2");
	assert_int_equal(take(s, clock_now_us(), &out), 0);
	assert_int_equal(take(s, end_us - SECOND_US, &out), 0);
	assert_int_equal(take(s, end_us, &out), 1);
	assert_int_equal(out.bearer, BEARER_UDP);
	assert_int_equal(out.covered_uid, 2);
}

static void test_quiet_hours_may_let_datagrams_through(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), end_us;
	struct notification n = quiet_round(now_us, true, &end_us);
	struct trigger_out out;

	with_rates(s, 0, 0);
	int64_t id = attach(s);
	choose(s, &n);
	mail(s, id, "1"); /* its own transaction sent the first */
	now_us = clock_now_us();
	assert_int_equal(take(s, now_us + 3 * SECOND_US, &out), 1);
	assert_int_equal(out.bearer, BEARER_UDP);
	assert_int_equal(take(s, now_us + 20 * SECOND_US, &out), 1);
	assert_int_equal(out.bearer, BEARER_UDP);
	/* they are used up: the short message waits */
	assert_int_equal(take(s, end_us - SECOND_US, &out), 0);
	assert_int_equal(take(s, end_us, &out), 1);
	assert_int_equal(out.bearer, BEARER_SMS);
}

/* News comes every minute: an hour has two texts, and the third is sent when the bucket has one. */
static void test_rates(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us() + MINUTE_US, first_us = now_us;
	struct trigger_out out;
	size_t sent = 0;

	with_rates(s, 0, 2);
	int64_t id = make_subscriber(s, 1);
	mail(s, id, "1");
	for (int minute = 0; minute < 59; minute++, now_us += MINUTE_US) {
		size_t n = take(s, now_us, &out);

		sent += n;
		if (n == 1) {
			struct heard *h = HEARD(s);

			sms_failed(s->port, id, out.timestamp_s, on_done, h);
			assert_int_equal(wait_for(h), 0);
			mail(s, id, "news");
		}
		assert_true(sent <= 2 || now_us - first_us >= HOUR_US / 2);
	}
	assert_int_equal(sent, 3);
}

static void test_own_rates_and_what_is_given_back(void **state)
{
	struct bench_store *s = *state;
	struct notification n = notify_default();
	int64_t now_us = clock_now_us() + MINUTE_US;
	struct trigger_out out;
	struct heard *h = HEARD(s);

	with_rates(s, 0, 60);
	int64_t id = make_subscriber(s, 1);
	n.sms_per_hour = 1;
	choose(s, &n);
	mail(s, id, "1");
	assert_int_equal(take(s, now_us, &out), 1);
	/* the SMSC would not have it now: it is not counted, and may go again then */
	const struct trigger_unsent unsent = {id, out.timestamp_s, BEARER_SMS, now_us + MINUTE_US};
	triggers_unsent(s->port, &unsent, 1, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(take(s, now_us + MINUTE_US, &out), 1);
	/* and then not before an hour is over, whatever the schedule would like */
	assert_int_equal(take(s, now_us + 12 * MINUTE_US, &out), 0);
	assert_int_equal(take(s, now_us + 60 * MINUTE_US, &out), 0);
	assert_int_equal(take(s, now_us + 62 * MINUTE_US, &out), 1);
}

static int64_t told_rows(struct bench_store *s, int64_t id)
{
	struct engine *e;
	struct query q;
	int64_t n = 0;

	assert_int_equal(engine_open(s->dir, DB_MAIL, ENGINE_READER, &e), 0);
	query_begin(&q, e, STMT_TOLD_GET);
	query_int(&q, id);
	while (query_next(&q))
		n++;
	assert_int_equal(query_end(&q), 0);
	engine_close(e);
	return n;
}

static void test_full_buckets_take_no_room(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us() + MINUTE_US;
	struct trigger_out out;

	with_rates(s, 0, 6);
	int64_t id = make_subscriber(s, 1);
	mail(s, id, "1");
	assert_int_equal(take(s, now_us, &out), 1);
	assert_int_equal(told_rows(s, id), 1);
	for (int i = 0; i < 2; i++) {
		struct heard *h = HEARD(s);
		mail_sweep(s->port, now_us + 9 * MINUTE_US + i * 2 * MINUTE_US, on_done, h);
		assert_int_equal(wait_for(h), 0);
		assert_int_equal(told_rows(s, id), 1 - i);
	}
}

static void test_what_a_text_says(void **state)
{
	struct bench_store *s = *state;
	struct notification n = notify_default();
	struct notice notice;
	int64_t id = make_subscriber(s, 1);

	assert_int_equal(notice_get(s->port, id, 1, &notice), E_NOT_FOUND);
	mail_from(s, id, "taro@spmail.example");
	assert_int_equal(notice_get(s->port, id, 1, &notice), 0);
	assert_string_equal(notice.sender, "taro@spmail.example");
	assert_int_equal(notice.messages, 1);
	assert_false(notice.replaces);
	/* one that was read and deleted meanwhile */
	assert_int_equal(notice_get(s->port, id, 7, &notice), 0);
	assert_string_equal(notice.sender, "");
	n.hides_sender = true;
	n.replaces = true;
	choose(s, &n);
	assert_int_equal(notice_get(s->port, id, 1, &notice), 0);
	assert_string_equal(notice.sender, "");
	assert_true(notice.replaces);
}

#define a_test(f) cmocka_unit_test_setup_teardown(f, setup_store, teardown_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		a_test(test_who_chose_nothing_is_pushed),
		a_test(test_text_goes_by_sms_alone),
		a_test(test_off_is_silence_until_it_is_over),
		a_test(test_a_change_is_found_without_a_word),
		a_test(test_a_change_is_found_where_there_is_no_sms),
		a_test(test_quiet_hours_hold_both),
		a_test(test_quiet_hours_may_let_datagrams_through),
		a_test(test_rates),
		a_test(test_own_rates_and_what_is_given_back),
		a_test(test_full_buckets_take_no_room),
		a_test(test_what_a_text_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
