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

static void one_attempt_is_when_the_sender_is_warned(void **state)
{
	struct relay_schedule s = schedule;
	int64_t next_us;

	(void)state;
	s.warn_us = 20 * MINUTE;
	assert_true(relay_next(&s, 7, 3, 1, 10 * MINUTE, &next_us));
	assert_int_equal(next_us, 20 * MINUTE + 7);
	assert_true(relay_next(&s, 7, 1, 1, 10 * MINUTE, &next_us)); /* sooner anyway */
	assert_in_range(next_us, 14 * MINUTE, 15 * MINUTE);
	assert_true(relay_next(&s, 7, 3, 1, 20 * MINUTE + 7, &next_us));
	assert_in_range(next_us, 56 * MINUTE, 61 * MINUTE);
}

#define F     SMTP_NOTIFY_FAILURE
#define D     SMTP_NOTIFY_DELAY
#define S     SMTP_NOTIFY_SUCCESS
#define NEVER SMTP_NOTIFY_NEVER

static void who_is_told(void **state)
{
	static const struct {
		struct relay_course course; /* has_sender is set below */
		enum relay_notice notice;
	} rows[] = {
		{{.fate = RELAY_FAILED}, RELAY_NOTICE_FAILED},
		{{.fate = RELAY_FAILED, .notify = F | S}, RELAY_NOTICE_FAILED},
		{{.fate = RELAY_FAILED, .notify = D | S}, RELAY_NO_NOTICE},
		{{.fate = RELAY_FAILED, .notify = NEVER}, RELAY_NO_NOTICE},
		{{.fate = RELAY_DEFERRED, .is_expired = true}, RELAY_NOTICE_FAILED},
		{{.fate = RELAY_DEFERRED, .is_expired = true, .notify = D}, RELAY_NO_NOTICE},
		{{.fate = RELAY_DEFERRED, .waited_us = 20 * MINUTE - 1}, RELAY_NO_NOTICE},
		{{.fate = RELAY_DEFERRED, .waited_us = 20 * MINUTE}, RELAY_NOTICE_DELAYED},
		{{.fate = RELAY_DEFERRED, .waited_us = 20 * MINUTE, .notify = D},
		 RELAY_NOTICE_DELAYED},
		{{.fate = RELAY_DEFERRED, .waited_us = 20 * MINUTE, .notify = F | S},
		 RELAY_NO_NOTICE},
		{{.fate = RELAY_DEFERRED, .waited_us = 20 * MINUTE, .notify = NEVER},
		 RELAY_NO_NOTICE},
		{{.fate = RELAY_DEFERRED, .waited_us = 99 * MINUTE, .is_warned = true},
		 RELAY_NO_NOTICE},
		{{.fate = RELAY_DELIVERED}, RELAY_NO_NOTICE},
		{{.fate = RELAY_DELIVERED, .notify = F | D}, RELAY_NO_NOTICE},
		{{.fate = RELAY_DELIVERED, .notify = S}, RELAY_NOTICE_RELAYED},
		{{.fate = RELAY_DELIVERED, .notify = S, .passes_notify = true}, RELAY_NO_NOTICE},
		{{.fate = RELAY_DELIVERED, .notify = S, .is_final = true}, RELAY_NOTICE_DELIVERED},
		{{.fate = RELAY_DELIVERED, .is_final = true}, RELAY_NO_NOTICE},
	};
	struct relay_schedule s = schedule;

	(void)state;
	s.warn_us = 20 * MINUTE;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct relay_course c = rows[i].course;
		assert_int_equal(relay_notice(&s, &c), RELAY_NO_NOTICE); /* a bounce of a bounce */
		c.has_sender = true;
		if (relay_notice(&s, &c) != rows[i].notice)
			fail_msg("row %zu", i);
	}
	s.warn_us = 0;
	assert_int_equal(relay_notice(&s, &(struct relay_course){.fate = RELAY_DEFERRED,
								 .has_sender = true,
								 .waited_us = 99 * MINUTE}),
			 RELAY_NO_NOTICE);
}

static void whom_not_to_try_again(void **state)
{
	static const struct {
		enum relay_stage stage;
		int code;
		const char *enhanced;
		enum relay_suppression suppression;
	} rows[] = {{RELAY_STAGE_RCPT, 550, "5.1.1", RELAY_SUPPRESS},
		    {RELAY_STAGE_RCPT, 550, "5.1.2", RELAY_SUPPRESS},
		    {RELAY_STAGE_ROUTE, 0, "5.1.2", RELAY_SUPPRESS},
		    {RELAY_STAGE_ROUTE, 0, "5.1.10", RELAY_SUPPRESS},
		    {RELAY_STAGE_RCPT, 550, "5.2.1", RELAY_SUPPRESS_REPEATED},
		    {RELAY_STAGE_RCPT, 550, "", RELAY_SUPPRESS_NOT},
		    {RELAY_STAGE_RCPT, 550, "5.7.1", RELAY_SUPPRESS_NOT},
		    {RELAY_STAGE_RCPT, 550, "5.1.15", RELAY_SUPPRESS_NOT},
		    {RELAY_STAGE_RCPT, 450, "4.1.1", RELAY_SUPPRESS_NOT},
		    {RELAY_STAGE_RCPT, 450, "5.1.1", RELAY_SUPPRESS_NOT},
		    {RELAY_STAGE_CONTENT, 550, "5.1.1", RELAY_SUPPRESS_NOT},
		    {RELAY_STAGE_CONTENT, 250, "2.1.5", RELAY_SUPPRESS_NOT}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct relay_answer a = answer(rows[i].stage, rows[i].code, rows[i].enhanced);
		if (relay_suppression(&a) != rows[i].suppression)
			fail_msg("row %zu", i);
	}
	assert_true(relay_suppresses("5.1.1", 1));
	assert_false(relay_suppresses("5.2.1", 1));
	assert_true(relay_suppresses("5.2.1", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_means),
		cmocka_unit_test(a_code_stands_for_what_was_not_given),
		cmocka_unit_test(waits_grow_and_the_last_repeats),
		cmocka_unit_test(the_last_attempt_is_at_the_end),
		cmocka_unit_test(one_attempt_is_when_the_sender_is_warned),
		cmocka_unit_test(who_is_told),
		cmocka_unit_test(whom_not_to_try_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
