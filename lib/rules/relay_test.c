#include "lib/rules/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000000)

static struct relay_answer answer(enum relay_stage stage, int code, const char *enhanced)
{
	struct relay_answer a = {.stage = stage, .code = code};

	strcpy(a.enhanced, enhanced);
	return a;
}

static void an_answer_means(void **state)
{
	static const struct {
		enum relay_stage stage;
		int code;
		const char *enhanced;
		enum relay_fate fate;
	} rows[] = {{RELAY_STAGE_CONTENT, 250, "2.0.0", RELAY_DELIVERED},
		    {RELAY_STAGE_CONTENT, 451, "", RELAY_DEFERRED},
		    {RELAY_STAGE_CONTENT, 554, "5.7.1", RELAY_FAILED},
		    {RELAY_STAGE_CONTENT, 0, "4.4.2", RELAY_DEFERRED},
		    {RELAY_STAGE_MAIL, 550, "", RELAY_FAILED},
		    {RELAY_STAGE_RCPT, 550, "5.1.1", RELAY_FAILED},
		    {RELAY_STAGE_RCPT, 450, "4.2.1", RELAY_DEFERRED},
		    {RELAY_STAGE_RCPT, 552, "", RELAY_DEFERRED},
		    {RELAY_STAGE_RCPT, 552, "5.5.3", RELAY_DEFERRED},
		    {RELAY_STAGE_RCPT, 552, "5.2.2", RELAY_FAILED},
		    {RELAY_STAGE_DATA, 552, "", RELAY_FAILED},
		    {RELAY_STAGE_GREETING, 554, "", RELAY_DEFERRED},
		    {RELAY_STAGE_HELLO, 550, "5.7.1", RELAY_DEFERRED},
		    {RELAY_STAGE_TLS, 0, "4.7.4", RELAY_DEFERRED},
		    {RELAY_STAGE_CONNECT, 0, "4.4.1", RELAY_DEFERRED},
		    {RELAY_STAGE_ROUTE, 0, "5.1.2", RELAY_FAILED},
		    {RELAY_STAGE_ROUTE, 0, "4.4.3", RELAY_DEFERRED}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct relay_answer a = answer(rows[i].stage, rows[i].code, rows[i].enhanced);
		assert_int_equal(relay_judge(&a), rows[i].fate);
	}
}

static void a_code_stands_for_what_was_not_given(void **state)
{
	struct relay_answer a = answer(RELAY_STAGE_RCPT, 550, "");

	(void)state;
	assert_string_equal(relay_enhanced(&a), "5.0.0");
	a = answer(RELAY_STAGE_GREETING, 554, "");
	assert_string_equal(relay_enhanced(&a), "4.0.0");
	a = answer(RELAY_STAGE_RCPT, 550, "5.1.1");
	assert_string_equal(relay_enhanced(&a), "5.1.1");
}

static const struct relay_schedule schedule = {
	.give_up_us = 100 * MINUTE,
	.retry = {.us = {5 * MINUTE, 30 * MINUTE, 40 * MINUTE}, .count = 3}};

static int64_t next(int64_t received_us, uint32_t attempts, int64_t mail, int64_t now_us)
{
	int64_t next_us = -1;

	return relay_next(&schedule, received_us, attempts, mail, now_us, &next_us) ? next_us : -1;
}

static void waits_grow_and_the_last_repeats(void **state)
{
	static const int64_t gaps[] = {5, 30, 40, 40};

	(void)state;
	for (uint32_t n = 1; n <= 4; n++)
		for (int64_t mail = 1; mail < 100; mail++) {
			int64_t at_us = next(0, n, mail, MINUTE);
			assert_in_range(at_us - MINUTE, gaps[n - 1] * MINUTE * 9 / 10,
					gaps[n - 1] * MINUTE);
		}
	assert_int_not_equal(next(0, 1, 1, 0), next(0, 1, 2, 0));
}

static void the_last_attempt_is_at_the_end(void **state)
{
	(void)state;
	assert_int_equal(next(7, 3, 1, 90 * MINUTE), 100 * MINUTE + 7);
	assert_int_equal(next(7, 3, 1, 100 * MINUTE + 7), -1);
	assert_int_equal(next(7, 3, 1, 200 * MINUTE), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_means),
		cmocka_unit_test(a_code_stands_for_what_was_not_given),
		cmocka_unit_test(waits_grow_and_the_last_repeats),
		cmocka_unit_test(the_last_attempt_is_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
