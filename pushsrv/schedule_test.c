#include "pushsrv/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "lib/clock.h"

#define T INT64_C(1000000000000)

static const struct {
	const char *what;
	struct outbox_row row;
	enum schedule_cause cause;
	int64_t window_us;
	enum schedule_verdict verdict;
	int64_t at_us;
} looks[] = {
	{"the first mail goes at once",
	 {.newest_uid = 1, .next_us = T},
	 SCHEDULE_MAIL,
	 0,
	 SCHEDULE_SEND,
	 0},
	{"covered already, due",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = T},
	 SCHEDULE_MAIL,
	 0,
	 SCHEDULE_SEND,
	 0},
	{"news during a long wait",
	 {.newest_uid = 2, .covered_uid = 1, .next_us = T + 600 * CLOCK_S},
	 SCHEDULE_MAIL,
	 0,
	 SCHEDULE_SEND,
	 0},
	{"news inside the window",
	 {.newest_uid = 2, .covered_uid = 1, .next_us = T},
	 SCHEDULE_MAIL,
	 400,
	 SCHEDULE_HOLD,
	 T + 400},
	{"a repeat does not mind the window",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = T - 1},
	 SCHEDULE_MAIL,
	 400,
	 SCHEDULE_SEND,
	 0},
	{"not yet",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = T + 1},
	 SCHEDULE_MAIL,
	 0,
	 SCHEDULE_WAIT,
	 T + 1},
	{"asleep",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = SCHEDULE_NEVER},
	 SCHEDULE_MAIL,
	 0,
	 SCHEDULE_WAIT,
	 SCHEDULE_NEVER},
	{"a lease wakes what sleeps",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = SCHEDULE_NEVER},
	 SCHEDULE_LEASE,
	 0,
	 SCHEDULE_SEND,
	 0},
	{"a lease does not mind the window",
	 {.newest_uid = 2, .covered_uid = 1, .next_us = T},
	 SCHEDULE_LEASE,
	 400,
	 SCHEDULE_SEND,
	 0},
	{"at start, asleep",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = SCHEDULE_NEVER},
	 SCHEDULE_START,
	 0,
	 SCHEDULE_ASK,
	 0},
	{"at start, unsent",
	 {.newest_uid = 1, .next_us = SCHEDULE_NEVER},
	 SCHEDULE_START,
	 0,
	 SCHEDULE_SEND,
	 0},
	{"at start, a repeat waits unless the phone has moved",
	 {.newest_uid = 1, .covered_uid = 1, .next_us = T + 7},
	 SCHEDULE_START,
	 0,
	 SCHEDULE_ASK,
	 0},
};

static void looks_at_a_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
		int64_t at_us = 0;
		enum schedule_verdict got =
			schedule_look(&looks[i].row, looks[i].cause, T, looks[i].window_us, &at_us);
		if (got != looks[i].verdict || at_us != looks[i].at_us)
			fail_msg("%s: verdict %d at %jd", looks[i].what, (int)got, (intmax_t)at_us);
	}
}

static void repeats_by_the_list_then_sleeps(void **state)
{
	const struct schedule s = {
		.retry_us = {2 * CLOCK_S, 10 * CLOCK_S, 60 * CLOCK_S, 600 * CLOCK_S},
		.retry_count = 4};
	const int64_t gaps_s[] = {2, 10, 60, 600};
	int64_t now_us = T;

	(void)state;
	for (uint32_t attempts = 0; attempts < 4; attempts++) {
		int64_t next_us = schedule_after(&s, attempts, now_us);
		assert_int_equal(next_us - now_us, gaps_s[attempts] * CLOCK_S);
		now_us = next_us;
	}
	assert_true(schedule_after(&s, 4, now_us) == SCHEDULE_NEVER);
	assert_true(schedule_after(&s, UINT32_MAX, now_us) == SCHEDULE_NEVER);
}

static void an_error_is_tried_again_for_ever(void **state)
{
	const struct schedule s = {.retry_us = {2 * CLOCK_S, 10 * CLOCK_S}, .retry_count = 2};
	const struct schedule none = {0};

	(void)state;
	assert_int_equal(schedule_after_error(&s, 0, T), T + 2 * CLOCK_S);
	assert_int_equal(schedule_after_error(&s, 1, T), T + 10 * CLOCK_S);
	assert_int_equal(schedule_after_error(&s, 99, T), T + 10 * CLOCK_S);
	assert_int_equal(schedule_after_error(&none, 0, T), T + CLOCK_S);
	assert_true(schedule_after(&none, 0, T) == SCHEDULE_NEVER);
}

static void a_missed_lease_is_told_from_a_phone_that_does_not_answer(void **state)
{
	const struct outbox_row unsent = {.attempts = 0, .mailed_us = T};
	const struct outbox_row unanswered = {.attempts = 5, .mailed_us = T};

	(void)state;
	assert_true(schedule_missed(&unsent, T - 1));
	assert_false(schedule_missed(&unanswered, T - 1));
	assert_true(schedule_missed(&unanswered, T + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_at_a_row),
		cmocka_unit_test(repeats_by_the_list_then_sleeps),
		cmocka_unit_test(an_error_is_tried_again_for_ever),
		cmocka_unit_test(a_missed_lease_is_told_from_a_phone_that_does_not_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
