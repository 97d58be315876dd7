/* Every line of the table in schedule.h, and what moves a row from outside. */
#include "lib/rules/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define S INT64_C(1000000)
#define T (INT64_C(1800000000) * S)

static const struct schedule both = {
	.coalesce_us = S / 4,
	.retry = {.us = {2 * S, 10 * S}, .count = 2},
	.sms = true,
	.sms_coalesce_us = 30 * S,
	.sms_unconfirmed_us = 5 * S,
	.sms_retry = {.us = {600 * S, 3600 * S}, .count = 2},
	.expiry_us = 86400 * S,
};

static struct schedule udp_only(void)
{
	struct schedule s = both;

	s.sms = false;
	return s;
}

#define OWNER .has_owner = true
#define BOUND OWNER, .has_target = true
/* A mail that came at T, and its row. */
#define MAIL .newest_uid = 1, .covered_uid = 1, .mailed_us = T, .next_us = T
#define NEWS .newest_uid = 2, .covered_uid = 1, .mailed_us = T, .next_us = T

static const struct {
	const char *what;
	bool is_udp_only, has_no_room;
	struct schedule_facts facts;
	struct outbox_row row;
	enum schedule_verdict verdict;
	enum bearer bearer; /* the queue afterwards */
	int64_t next_us;
} steps[] = {
	{"nobody's", false, false, {0}, {MAIL}, SCHEDULE_WAIT, BEARER_UDP, SCHEDULE_NEVER},
	{"frozen: neither bearer",
	 false,
	 false,
	 {BOUND, .is_frozen = true},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 T + 60 * S},

	{"the first datagram", false, false, {BOUND}, {MAIL}, SCHEDULE_UDP, BEARER_UDP, T + 2 * S},
	{"its repeat",
	 false,
	 false,
	 {BOUND},
	 {MAIL, .attempts = 1, .sent_us = T - 2 * S},
	 SCHEDULE_UDP,
	 BEARER_UDP,
	 T + 10 * S},
	{"not yet",
	 false,
	 false,
	 {BOUND},
	 {MAIL, .attempts = 1, .sent_us = T - S},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 T + S},
	{"the last one: then SMS, after it had its time",
	 false,
	 false,
	 {BOUND},
	 {MAIL, .attempts = 2, .sent_us = T - 10 * S},
	 SCHEDULE_UDP,
	 BEARER_SMS,
	 T + 5 * S},
	{"the last one, without SMS",
	 true,
	 false,
	 {BOUND},
	 {MAIL, .attempts = 2, .sent_us = T - 10 * S},
	 SCHEDULE_UDP,
	 BEARER_UDP,
	 SCHEDULE_NEVER},
	{"used up, without SMS: asleep",
	 true,
	 false,
	 {BOUND},
	 {MAIL, .attempts = 3, .sent_us = T - 600 * S},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 SCHEDULE_NEVER},
	{"used up: SMS",
	 false,
	 false,
	 {BOUND},
	 {MAIL, .attempts = 3, .sent_us = T - 5 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},
	{"news inside the window",
	 false,
	 false,
	 {BOUND},
	 {NEWS, .attempts = 1, .sent_us = T - S / 10},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 T - S / 10 + S / 4},
	{"news after it begins the datagrams anew",
	 false,
	 false,
	 {BOUND},
	 {NEWS, .attempts = 3, .sent_us = T - S},
	 SCHEDULE_UDP,
	 BEARER_UDP,
	 T + 2 * S},
	{"quiet for datagrams: they wait",
	 false,
	 false,
	 {BOUND, .udp.from_us = T + 7},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 T + 7},
	{"no datagrams for this one: SMS",
	 false,
	 false,
	 {BOUND, .udp.from_us = SCHEDULE_NEVER},
	 {MAIL},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},

	{"no binding: SMS at once",
	 false,
	 false,
	 {OWNER},
	 {MAIL},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},
	{"no binding, without SMS: asleep",
	 true,
	 false,
	 {OWNER},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 SCHEDULE_NEVER},
	{"no binding, SMS not for this one: asleep",
	 false,
	 false,
	 {OWNER, .sms.from_us = SCHEDULE_NEVER},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 SCHEDULE_NEVER},
	{"held back by the network, without SMS: again in a while",
	 true,
	 false,
	 {OWNER, .is_held_back = true},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 T + 30 * S},
	{"no room at the SMSC: due, in its queue",
	 false,
	 true,
	 {OWNER},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 T},
	{"quiet hours",
	 false,
	 false,
	 {OWNER, .sms.from_us = T + 3600 * S},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 T + 3600 * S},

	{"an unconfirmed lease has five seconds",
	 false,
	 false,
	 {OWNER, .hopeful_us = T - S},
	 {MAIL},
	 SCHEDULE_WAIT,
	 BEARER_UDP,
	 T + 4 * S},
	{"and no more than that",
	 false,
	 false,
	 {OWNER, .hopeful_us = T - 6 * S},
	 {MAIL},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},
	{"whatever the network says of it meanwhile",
	 false,
	 false,
	 {OWNER, .hopeful_us = T - S},
	 {MAIL, .waiting_us = T - 5 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},

	{"not yet repeated",
	 false,
	 false,
	 {OWNER},
	 {MAIL, .sms_attempts = 1, .sms_state = SMS_DELIVERED, .sms_us = T - 599 * S},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 T + S},
	{"repeated",
	 false,
	 false,
	 {OWNER},
	 {MAIL, .sms_attempts = 1, .sms_state = SMS_FAILED, .sms_us = T - 600 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 3600 * S},
	{"a text that arrived is not",
	 false,
	 false,
	 {OWNER, .sms.is_once = true},
	 {MAIL, .sms_attempts = 1, .sms_state = SMS_DELIVERED, .sms_us = T - 600 * S},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 SCHEDULE_NEVER},
	{"one that did not is",
	 false,
	 false,
	 {OWNER, .sms.is_once = true},
	 {MAIL, .sms_attempts = 1, .sms_state = SMS_FAILED, .sms_us = T - 600 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 3600 * S},
	{"and news is told by another",
	 false,
	 false,
	 {OWNER, .sms.is_once = true},
	 {NEWS, .sms_attempts = 1, .sms_state = SMS_DELIVERED, .sms_us = T - 30 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},
	{"the last gap again and again",
	 false,
	 false,
	 {OWNER},
	 {MAIL, .sms_attempts = 7, .sms_state = SMS_UNDER_WAY, .sms_us = T - 3600 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 3600 * S},
	{"until the mail is old",
	 false,
	 false,
	 {OWNER},
	 {.newest_uid = 1,
	  .covered_uid = 1,
	  .mailed_us = T - 86400 * S,
	  .sms_attempts = 7,
	  .sms_us = T - 3600 * S},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 SCHEDULE_NEVER},
	{"the last before that",
	 false,
	 false,
	 {OWNER},
	 {.newest_uid = 1,
	  .covered_uid = 1,
	  .mailed_us = T - 86000 * S,
	  .sms_attempts = 7,
	  .sms_us = T - 3600 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 SCHEDULE_NEVER},
	{"a bearer that came back and went does not begin the SMS anew",
	 false,
	 false,
	 {OWNER},
	 {MAIL, .attempts = 1, .sent_us = T - 2 * S, .sms_attempts = 1, .sms_us = T - 10 * S},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 T + 590 * S},

	{"news while one is under way is told by it",
	 false,
	 false,
	 {OWNER},
	 {NEWS, .sms_attempts = 1, .sms_state = SMS_UNDER_WAY, .sms_us = T - 100 * S},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 T + 500 * S},
	{"news after it was delivered",
	 false,
	 false,
	 {OWNER},
	 {NEWS, .sms_attempts = 2, .sms_state = SMS_DELIVERED, .sms_us = T - 100 * S},
	 SCHEDULE_SMS,
	 BEARER_SMS,
	 T + 600 * S},
	{"but not sooner than the window's end",
	 false,
	 false,
	 {OWNER},
	 {NEWS, .sms_attempts = 2, .sms_state = SMS_FAILED, .sms_us = T - 10 * S},
	 SCHEDULE_WAIT,
	 BEARER_SMS,
	 T + 20 * S},
	{"a confirmed binding comes before any of this",
	 false,
	 false,
	 {BOUND},
	 {NEWS, .sms_attempts = 1, .sms_state = SMS_UNDER_WAY, .sms_us = T - S},
	 SCHEDULE_UDP,
	 BEARER_UDP,
	 T + 2 * S},
};

static void each_line_of_the_table(void **state)
{
	struct schedule alone = udp_only();

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		struct outbox_row row = steps[i].row;
		enum schedule_verdict got =
			schedule_step(steps[i].is_udp_only ? &alone : &both, &steps[i].facts,
				      !steps[i].has_no_room, T, &row);
		if (got != steps[i].verdict || row.bearer != steps[i].bearer ||
		    row.next_us != steps[i].next_us)
			fail_msg("%s: verdict %d, queue %d, next %jd", steps[i].what, (int)got,
				 (int)row.bearer, (intmax_t)(row.next_us - T));
		bool news = steps[i].row.newest_uid > steps[i].row.covered_uid;
		uint32_t before = news ? 0 : steps[i].row.attempts;
		uint32_t sms_before = news ? 0 : steps[i].row.sms_attempts;
		if (got == SCHEDULE_UDP)
			assert_true(row.attempts == before + 1 && row.sent_us == T);
		if (got == SCHEDULE_SMS)
			assert_true(row.sms_attempts == sms_before + 1 && row.sms_us == T &&
				    row.sms_state == SMS_UNDER_WAY);
	}
}

/* A phone that never answers: every sending and its time, until the mail is old. */
static void a_phone_that_never_answers(void **state)
{
	static const int64_t expected[] = {0, 2, 12, 17, 617, 4217, 7817, 11417, 15017, 18617};
	struct outbox_row row = {MAIL};
	const struct schedule_facts facts = {BOUND};

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		assert_int_equal(row.next_us - T, expected[i] * S);
		assert_int_equal(schedule_step(&both, &facts, true, row.next_us, &row),
				 i < 3 ? SCHEDULE_UDP : SCHEDULE_SMS);
	}
	while (row.next_us != SCHEDULE_NEVER) {
		assert_true(row.next_us - T < both.expiry_us);
		assert_int_equal(schedule_step(&both, &facts, true, row.next_us, &row),
				 SCHEDULE_SMS);
	}
}

static void a_lease_begins_the_datagrams_anew(void **state)
{
	struct outbox_row row = {MAIL,
				 .bearer = BEARER_SMS,
				 .attempts = 3,
				 .sent_us = T - S,
				 .sms_attempts = 2,
				 .sms_us = T - S};
	const struct schedule_facts facts = {BOUND};

	(void)state;
	schedule_wake(T, &row);
	assert_true(row.bearer == BEARER_UDP && row.next_us == T);
	assert_int_equal(schedule_step(&both, &facts, true, T, &row), SCHEDULE_UDP);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(row.sms_attempts, 2);
}

static void news_wakes_what_waits(void **state)
{
	struct outbox_row asleep = {.attempts = 4, .sent_us = T - 600 * S},
			  fresh = {.attempts = 4, .sent_us = T - S / 10};

	(void)state;
	asleep.next_us = fresh.next_us = SCHEDULE_NEVER;
	assert_true(schedule_news(&both, T, &asleep));
	assert_int_equal(asleep.next_us, T);
	assert_true(schedule_news(&both, T, &fresh));
	assert_int_equal(fresh.next_us, T - S / 10 + S / 4);
	asleep.next_us = T - S; /* due already, in whatever queue */
	asleep.bearer = BEARER_SMS;
	assert_false(schedule_news(&both, T, &asleep));
	assert_true(asleep.next_us == T - S && asleep.bearer == BEARER_SMS);
}

static void who_cannot_be_told_is_not_looked_at_with_every_mail(void **state)
{
	struct outbox_row untold = {.next_us = SCHEDULE_NEVER},
			  news = {.newest_uid = 2,
				  .covered_uid = 1,
				  .attempts = 2,
				  .next_us = T + 60 * S},
			  expired = {.next_us = SCHEDULE_NEVER, .bearer = BEARER_SMS},
			  texted = {.sms_attempts = 1,
				    .sms_us = T - S,
				    .sms_state = SMS_UNDER_WAY,
				    .bearer = BEARER_SMS,
				    .next_us = T + 600 * S};

	(void)state;
	assert_true(schedule_news(&both, T, &untold));
	assert_int_equal(untold.next_us, T + 10 * S);
	assert_false(schedule_news(&both, T + S / 2, &untold));
	assert_int_equal(untold.next_us, T + 10 * S);
	assert_true(schedule_news(&both, T, &news));
	assert_int_equal(news.next_us, T + 10 * S);
	assert_true(schedule_news(&both, T, &expired)); /* what is newer may go by SMS */
	assert_int_equal(expired.next_us, T);
	/* A message that is under way tells of all news but the first, which may want another. */
	assert_true(schedule_news(&both, T, &texted));
	texted.newest_uid = 2;
	texted.covered_uid = 1;
	texted.next_us = T + 600 * S;
	texted.bearer = BEARER_SMS;
	assert_false(schedule_news(&both, T, &texted));
	assert_true(texted.next_us == T + 600 * S && texted.bearer == BEARER_SMS);
	texted.sms_state = SMS_DELIVERED;
	assert_true(schedule_news(&both, T, &texted));
	assert_int_equal(texted.next_us, T);
}

static void a_missed_lease_is_told_from_a_phone_that_does_not_answer(void **state)
{
	const struct outbox_row unsent = {.attempts = 0},
				unanswered = {.attempts = 3, .sent_us = T};
	struct outbox_row gone_over = {.attempts = 1, .sent_us = T, .bearer = BEARER_SMS};

	(void)state;
	assert_true(schedule_missed(&both, &unsent, T - S));
	assert_false(schedule_missed(&both, &unanswered, T - S));
	assert_true(schedule_missed(&both, &unanswered, T + 1));
	assert_true(schedule_missed(&both, &gone_over, T - S));
	gone_over.attempts = 3;
	assert_false(schedule_missed(&both, &gone_over, T - S));
}

/* Without another bearer a network that refuses everything uses nothing up. */
static void what_did_not_leave_is_not_counted(void **state)
{
	struct schedule alone = udp_only();
	const struct schedule_facts facts = {BOUND};
	struct outbox_row row = {MAIL};

	(void)state;
	for (int i = 0; i < 9; i++) {
		int64_t now_us = row.next_us;
		assert_int_equal(schedule_step(&alone, &facts, true, now_us, &row), SCHEDULE_UDP);
		schedule_refused(&alone, now_us, &row);
		assert_int_equal(row.attempts, 0);
		assert_int_equal(row.next_us, now_us + 2 * S);
	}
	row.attempts = 2;
	row.sent_us = T;
	schedule_refused(&alone, T, &row);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(row.next_us, T + 10 * S);
	assert_int_equal(schedule_step(&alone, &facts, true, row.next_us, &row), SCHEDULE_UDP);
	/* With one it is what leads there. */
	row = (struct outbox_row){MAIL, .attempts = 2, .sent_us = T};
	schedule_refused(&both, T, &row);
	assert_int_equal(row.attempts, 2);
}

static void an_sms_that_was_put_off_is_not_counted(void **state)
{
	const struct schedule_facts facts = {OWNER};
	struct outbox_row row = {MAIL};

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(schedule_step(&both, &facts, true, row.next_us, &row),
				 SCHEDULE_SMS);
		schedule_put_off(&both, T + (i + 1) * S, &row);
		assert_int_equal(row.sms_attempts, 0);
		assert_int_equal(row.next_us, T + (i + 1) * S);
	}
	row = (struct outbox_row){MAIL, .sms_attempts = 2, .sms_us = T};
	schedule_put_off(&both, T + 20 * S, &row);
	assert_int_equal(schedule_step(&both, &facts, true, T + 19 * S, &row), SCHEDULE_WAIT);
	assert_int_equal(row.next_us, T + 20 * S);
	assert_int_equal(schedule_step(&both, &facts, true, T + 20 * S, &row), SCHEDULE_SMS);
}

/* One more than the schedule has, and not before its turn. */
static void what_may_not_have_left_is_sent_again(void **state)
{
	const struct schedule_facts facts = {BOUND};

	(void)state;
	for (uint32_t sent = 1; sent <= 3; sent++) {
		struct outbox_row row = {MAIL, .attempts = sent, .sent_us = T - S / 2};
		row.next_us = SCHEDULE_NEVER;
		schedule_doubt(T, &row);
		assert_int_equal(row.next_us, T);
		assert_int_equal(schedule_step(&both, &facts, true, T, &row), SCHEDULE_UDP);
		assert_int_equal(row.attempts, sent);
	}
}

static void lists_may_be_empty(void **state)
{
	const struct schedule none = {.sms = true, .expiry_us = 86400 * S};
	const struct schedule_facts bound = {BOUND}, alone = {OWNER};
	struct outbox_row row = {MAIL};

	(void)state;
	assert_int_equal(schedule_step(&none, &bound, true, T, &row), SCHEDULE_UDP);
	assert_int_equal(schedule_step(&none, &alone, true, T + 1, &row), SCHEDULE_SMS);
	assert_int_equal(row.next_us, SCHEDULE_NEVER);
	struct schedule udp = {.sms = false};
	row = (struct outbox_row){MAIL};
	assert_int_equal(schedule_step(&udp, &bound, true, T, &row), SCHEDULE_UDP);
	assert_int_equal(row.next_us, SCHEDULE_NEVER);
	schedule_refused(&udp, T, &row);
	assert_int_equal(row.next_us, T + S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_of_the_table),
		cmocka_unit_test(a_phone_that_never_answers),
		cmocka_unit_test(a_lease_begins_the_datagrams_anew),
		cmocka_unit_test(news_wakes_what_waits),
		cmocka_unit_test(who_cannot_be_told_is_not_looked_at_with_every_mail),
		cmocka_unit_test(a_missed_lease_is_told_from_a_phone_that_does_not_answer),
		cmocka_unit_test(what_did_not_leave_is_not_counted),
		cmocka_unit_test(an_sms_that_was_put_off_is_not_counted),
		cmocka_unit_test(what_may_not_have_left_is_sent_again),
		cmocka_unit_test(lists_may_be_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
