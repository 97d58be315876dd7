#include "handset-sim/trigger_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)

static const struct trigger_limits limits = {.most = {3, 2}, .apart_us = SECOND};

static struct trigger_tally two_phones(unsigned mails)
{
	struct trigger_tally t;

	assert_int_equal(trigger_tally_init(&t, 2, &limits), 0);
	for (unsigned i = 0; i < mails; i++)
		trigger_tally_mail(&t, 1);
	return t;
}

static struct trigger_verdict judge(struct trigger_tally *t)
{
	struct trigger_verdict v;

	trigger_tally_judge(t, &v);
	trigger_tally_free(t);
	return v;
}

static void nothing_heard_is_clean(void **state)
{
	struct trigger_tally t = two_phones(1);
	struct trigger_verdict v = judge(&t);

	(void)state;
	assert_true(v.is_clean);
	assert_int_equal(v.news, 0);
}

static void as_often_as_the_schedule_says(void **state)
{
	struct trigger_tally t = two_phones(2);

	(void)state;
	for (int i = 0; i < 3; i++)
		trigger_tally_heard(&t, 1, BEARER_UDP, 100, (uint8_t)i, i * 2 * SECOND);
	for (int i = 0; i < 2; i++)
		trigger_tally_heard(&t, 1, BEARER_SMS, 100, (uint8_t)(10 + i), i);
	trigger_tally_heard(&t, 1, BEARER_UDP, 101, 9, 0);
	struct trigger_verdict v = judge(&t);
	assert_true(v.is_clean);
	assert_int_equal(v.news, 2);
	assert_int_equal(v.heard[BEARER_UDP], 4);
	assert_int_equal(v.heard[BEARER_SMS], 2);
	assert_int_equal(v.most[BEARER_UDP], 3);
}

static void one_datagram_more_is_told(void **state)
{
	struct trigger_tally t = two_phones(1);

	(void)state;
	for (int i = 0; i < 4; i++)
		trigger_tally_heard(&t, 1, BEARER_UDP, 100, (uint8_t)i, i * 2 * SECOND);
	struct trigger_verdict v = judge(&t);
	assert_false(v.is_clean);
	assert_int_equal(v.over[BEARER_UDP], 1);
}

static void a_lease_since_the_first_allows_one_more(void **state)
{
	struct trigger_tally t = two_phones(1);

	(void)state;
	trigger_tally_lease(&t, 1); /* before it: allows nothing */
	for (int i = 0; i < 3; i++)
		trigger_tally_heard(&t, 1, BEARER_UDP, 100, (uint8_t)i, i * 2 * SECOND);
	trigger_tally_lease(&t, 1);
	trigger_tally_heard(&t, 1, BEARER_UDP, 100, 3, 4 * SECOND + 1); /* and at once */
	assert_true(judge(&t).is_clean);
	t = two_phones(1);
	trigger_tally_lease(&t, 1);
	for (int i = 0; i < 4; i++)
		trigger_tally_heard(&t, 1, BEARER_UDP, 100, (uint8_t)i, i * 2 * SECOND);
	assert_false(judge(&t).is_clean);
}

static void one_sms_more_is_told_but_not_the_networks_repeats(void **state)
{
	struct trigger_tally t = two_phones(1);

	(void)state;
	for (int i = 0; i < 10; i++)
		trigger_tally_heard(&t, 1, BEARER_SMS, 100, (uint8_t)(i % 2), i);
	struct trigger_verdict v = judge(&t);
	assert_true(v.is_clean);
	assert_int_equal(v.repeated_by_network, 8);
	t = two_phones(1);
	for (int i = 0; i < 3; i++)
		trigger_tally_heard(&t, 1, BEARER_SMS, 100, (uint8_t)(250 + i), i);
	v = judge(&t);
	assert_false(v.is_clean);
	assert_int_equal(v.over[BEARER_SMS], 1);
}

static void too_close_is_told(void **state)
{
	struct trigger_tally t = two_phones(1);

	(void)state;
	trigger_tally_heard(&t, 1, BEARER_UDP, 100, 1, 0);
	trigger_tally_heard(&t, 1, BEARER_UDP, 100, 2, SECOND - 1);
	struct trigger_verdict v = judge(&t);
	assert_false(v.is_clean);
	assert_int_equal(v.too_close, 1);
}

static void more_news_than_mails_is_told(void **state)
{
	struct trigger_tally t = two_phones(2);

	(void)state;
	for (int i = 0; i < 3; i++)
		trigger_tally_heard(&t, 1, BEARER_SMS, 100 + i, (uint8_t)i, i);
	struct trigger_verdict v = judge(&t);
	assert_false(v.is_clean);
	assert_int_equal(v.over_mails, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_heard_is_clean),
		cmocka_unit_test(as_often_as_the_schedule_says),
		cmocka_unit_test(one_datagram_more_is_told),
		cmocka_unit_test(a_lease_since_the_first_allows_one_more),
		cmocka_unit_test(one_sms_more_is_told_but_not_the_networks_repeats),
		cmocka_unit_test(too_close_is_told),
		cmocka_unit_test(more_news_than_mails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
