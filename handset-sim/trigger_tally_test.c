#include "handset-sim/trigger_tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND INT64_C(1000000)
#define NEWS_S INT64_C(1000) /* Unix; at 0 of the monotonic clock */
/* When so much has passed since the news for the schedule. */
#define AFTER(seconds) ((seconds)*SECOND - TALLY_SLACK_US)

static const struct trigger_limits limits = {
	.by = {{.us = {2 * SECOND, 10 * SECOND}, .count = 2},
	       {.us = {5 * SECOND, 20 * SECOND}, .count = 2, .repeats_last = true}},
	.clock_ahead_us = NEWS_S * SECOND,
};

static struct trigger_tally tally(unsigned mails)
{
	struct trigger_tally t;

	assert_int_equal(trigger_tally_init(&t, 2), 0);
	t.limits = limits;
	for (unsigned i = 0; i < mails; i++)
		trigger_tally_mail(&t, 1, 0);
	return t;
}

static struct trigger_verdict judge(struct trigger_tally *t)
{
	struct trigger_verdict v;

	trigger_tally_judge(t, &v);
	trigger_tally_free(t);
	return v;
}

static void hear(struct trigger_tally *t, enum bearer by, uint8_t tid, int64_t now_us)
{
	trigger_tally_heard(t, 1, by, NEWS_S, tid, now_us);
}

static void nothing_heard_is_clean(void **state)
{
	struct trigger_tally t = tally(1);
	struct trigger_verdict v = judge(&t);

	(void)state;
	assert_true(v.is_clean);
	assert_int_equal(v.news, 0);
}

static void as_often_as_the_schedule_says(void **state)
{
	struct trigger_tally t = tally(2);

	(void)state;
	hear(&t, BEARER_UDP, 0, AFTER(0));
	hear(&t, BEARER_UDP, 1, AFTER(2));
	hear(&t, BEARER_UDP, 2, AFTER(12));
	hear(&t, BEARER_SMS, 3, AFTER(12));
	hear(&t, BEARER_SMS, 4, AFTER(12)); /* sent earlier, held up by the network */
	hear(&t, BEARER_SMS, 5, AFTER(25));
	hear(&t, BEARER_SMS, 6, AFTER(45));
	hear(&t, BEARER_SMS, 7, AFTER(65));
	trigger_tally_heard(&t, 1, BEARER_UDP, NEWS_S + 1, 9, AFTER(65));
	struct trigger_verdict v = judge(&t);
	assert_true(v.is_clean);
	assert_int_equal(v.news, 2);
	assert_int_equal(v.heard[BEARER_UDP], 4);
	assert_int_equal(v.heard[BEARER_SMS], 5);
	assert_int_equal(v.most[BEARER_UDP], 3);
}

static void a_datagram_too_early_or_too_many_is_told(void **state)
{
	struct trigger_tally t = tally(1);

	(void)state;
	hear(&t, BEARER_UDP, 0, AFTER(0));
	hear(&t, BEARER_UDP, 1, AFTER(2) - 1);
	assert_int_equal(judge(&t).over[BEARER_UDP], 1);
	t = tally(1);
	for (uint8_t i = 0; i < 4; i++)
		hear(&t, BEARER_UDP, i, AFTER(1000));
	struct trigger_verdict v = judge(&t);
	assert_int_equal(v.over[BEARER_UDP], 1);
	assert_false(v.is_clean);
}

static void a_lease_since_the_first_begins_the_datagrams_anew(void **state)
{
	struct trigger_tally t = tally(1);

	(void)state;
	trigger_tally_lease(&t, 1); /* before it: allows nothing */
	hear(&t, BEARER_UDP, 0, AFTER(0));
	trigger_tally_lease(&t, 1);
	hear(&t, BEARER_UDP, 1, AFTER(0));
	assert_true(judge(&t).is_clean);
	t = tally(1);
	trigger_tally_lease(&t, 1);
	hear(&t, BEARER_UDP, 0, AFTER(0));
	hear(&t, BEARER_UDP, 1, AFTER(0));
	assert_false(judge(&t).is_clean);
}

static void a_death_since_the_first_costs_one_datagram(void **state)
{
	struct trigger_tally t = tally(1);

	(void)state;
	trigger_tally_death(&t); /* before it: allows nothing */
	hear(&t, BEARER_UDP, 0, AFTER(0));
	trigger_tally_death(&t);
	hear(&t, BEARER_UDP, 0, AFTER(0));
	assert_true(judge(&t).is_clean);
	t = tally(1);
	trigger_tally_death(&t);
	hear(&t, BEARER_UDP, 0, AFTER(0));
	trigger_tally_death(&t);
	hear(&t, BEARER_UDP, 0, AFTER(0));
	hear(&t, BEARER_UDP, 1, AFTER(0));
	assert_int_equal(judge(&t).over[BEARER_UDP], 1);
}

static void an_sms_too_many_is_told_but_not_the_networks_repeats(void **state)
{
	struct trigger_tally t = tally(1);

	(void)state;
	for (int i = 0; i < 10; i++)
		hear(&t, BEARER_SMS, 7, AFTER(0));
	struct trigger_verdict v = judge(&t);
	assert_true(v.is_clean);
	assert_int_equal(v.repeated_by_network, 9);
	t = tally(1);
	trigger_tally_lease(&t, 1); /* no lease has another SMS follow */
	hear(&t, BEARER_SMS, 250, AFTER(0));
	trigger_tally_lease(&t, 1);
	hear(&t, BEARER_SMS, 251, AFTER(5) - 1);
	v = judge(&t);
	assert_false(v.is_clean);
	assert_int_equal(v.over[BEARER_SMS], 1);
}

static void news_closer_than_coalescing_is_told_but_for_a_read_mailbox(void **state)
{
	struct trigger_tally t = tally(9);

	(void)state;
	t.limits.by[BEARER_UDP].coalesce_us = SECOND;
	trigger_tally_heard(&t, 1, BEARER_UDP, NEWS_S, 0, 0);
	trigger_tally_heard(&t, 1, BEARER_UDP, NEWS_S + 1, 1, SECOND);
	trigger_tally_read(&t, 1);
	trigger_tally_heard(&t, 1, BEARER_UDP, NEWS_S + 2, 2, SECOND);
	struct trigger_verdict v;
	trigger_tally_judge(&t, &v);
	assert_true(v.is_clean);
	trigger_tally_heard(&t, 1, BEARER_UDP, NEWS_S + 3, 3, 2 * SECOND - 1);
	v = judge(&t);
	assert_int_equal(v.too_dense[BEARER_UDP], 1);
	assert_false(v.is_clean);
}

static void more_news_than_mails_is_told(void **state)
{
	struct trigger_tally t = tally(2);

	(void)state;
	for (int i = 0; i < 3; i++)
		trigger_tally_heard(&t, 1, BEARER_SMS, NEWS_S + i, (uint8_t)i, AFTER(100));
	struct trigger_verdict v = judge(&t);
	assert_false(v.is_clean);
	assert_int_equal(v.over_mails, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_heard_is_clean),
		cmocka_unit_test(as_often_as_the_schedule_says),
		cmocka_unit_test(a_datagram_too_early_or_too_many_is_told),
		cmocka_unit_test(a_lease_since_the_first_begins_the_datagrams_anew),
		cmocka_unit_test(a_death_since_the_first_costs_one_datagram),
		cmocka_unit_test(an_sms_too_many_is_told_but_not_the_networks_repeats),
		cmocka_unit_test(news_closer_than_coalescing_is_told_but_for_a_read_mailbox),
		cmocka_unit_test(more_news_than_mails_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
