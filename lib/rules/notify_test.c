#include "lib/rules/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define S        INT64_C(1000000)
#define HOUR_US  (3600 * S)

static int64_t at(int year, int month, int day, int hour, int minute)
{
	struct tm tm = {.tm_year = year - 1900,
			.tm_mon = month - 1,
			.tm_mday = day,
			.tm_hour = hour,
			.tm_min = minute};

	return (int64_t)timegm(&tm) * S;
}

static struct notify_quiet quiet(int from, int to, const char *rule)
{
	struct notify_quiet q = {.from_min = (uint16_t)(from / 100 * 60 + from % 100),
				 .to_min = (uint16_t)(to / 100 * 60 + to % 100)};

	assert_int_equal(zone_parse(rule, &q.rule), 0);
	return q;
}

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3" /* 2026: 29 March and 25 October, 01:00 UTC */

static void quiet_hours_end(void **state)
{
	static const struct {
		int from, to;
		const char *rule;
		int now[5], until[5]; /* UTC */
	} cases[] = {
		/* the same day; its first and its last moment */
		{1300, 1500, "UTC0", {2026, 1, 5, 12, 59}, {2026, 1, 5, 12, 59}},
		{1300, 1500, "UTC0", {2026, 1, 5, 13, 0}, {2026, 1, 5, 15, 0}},
		{1300, 1500, "UTC0", {2026, 1, 5, 14, 59}, {2026, 1, 5, 15, 0}},
		{1300, 1500, "UTC0", {2026, 1, 5, 15, 0}, {2026, 1, 5, 15, 0}},
		/* over midnight and over the year's end */
		{2200, 700, "UTC0", {2026, 12, 31, 23, 30}, {2027, 1, 1, 7, 0}},
		{2200, 700, "UTC0", {2027, 1, 1, 0, 0}, {2027, 1, 1, 7, 0}},
		{2200, 700, "UTC0", {2026, 12, 31, 21, 59}, {2026, 12, 31, 21, 59}},
		/* Tokyo: 22:00 is 13:00 UTC */
		{2200, 700, "JST-9", {2026, 1, 5, 13, 0}, {2026, 1, 5, 22, 0}},
		{2200, 700, "JST-9", {2026, 1, 5, 12, 59}, {2026, 1, 5, 12, 59}},
		{2200, 700, "JST-9", {2026, 1, 5, 21, 59}, {2026, 1, 5, 22, 0}},
		{0, 600, "<+0545>-5:45", {2026, 1, 5, 18, 15}, {2026, 1, 6, 0, 15}},
		{2200, 700, "<-11>11", {2026, 1, 6, 9, 0}, {2026, 1, 6, 18, 0}},
		/* the night that is an hour shorter, the one that is longer */
		{2200, 700, BERLIN, {2026, 3, 28, 22, 0}, {2026, 3, 29, 5, 0}},
		{2200, 700, BERLIN, {2026, 10, 24, 22, 0}, {2026, 10, 25, 6, 0}},
		/* an end that the clock jumps over: they end with the jump */
		{2200, 230, BERLIN, {2026, 3, 28, 23, 0}, {2026, 3, 29, 1, 0}},
		/* 02:30 comes twice: they end with the first, and are not quiet again at 02:00 */
		{2200, 230, BERLIN, {2026, 10, 24, 23, 0}, {2026, 10, 25, 0, 30}},
		/* quiet from 02:15 to 02:45: the hour that comes twice is quiet twice */
		{215, 245, BERLIN, {2026, 10, 25, 0, 20}, {2026, 10, 25, 0, 45}},
		{215, 245, BERLIN, {2026, 10, 25, 1, 20}, {2026, 10, 25, 1, 45}},
		/* the end is the moment at which the clock is put back: it is 02:00 again, quiet */
		{2200, 300, BERLIN, {2026, 10, 24, 23, 0}, {2026, 10, 25, 2, 0}},
		/* none */
		{700, 700, "UTC0", {2026, 1, 5, 7, 0}, {2026, 1, 5, 7, 0}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct notify_quiet q = quiet(cases[i].from, cases[i].to, cases[i].rule);
		const int *n = cases[i].now, *u = cases[i].until;
		int64_t now_us = at(n[0], n[1], n[2], n[3], n[4]);
		int64_t until_us = notify_quiet_until(&q, now_us);

		if (until_us != at(u[0], u[1], u[2], u[3], u[4]))
			fail_msg("case %zu: %lld s after now", i,
				 (long long)((until_us - now_us) / S));
	}
}

static bool is_quiet(const struct notify_quiet *q, int64_t now_us)
{
	return notify_quiet_until(q, now_us) != now_us;
}

/* Minute by minute over a year: quiet is what the wall clock says, and the end is the first minute
 * that is not. */
static void quiet_hours_end_at_the_first_loud_minute(void **state)
{
	static const struct {
		int from, to;
		const char *rule;
	} cases[] = {
		{2200, 700, BERLIN},
		{130, 245, BERLIN},
		{2330, 15, "AEST-10AEDT,M10.1.0,M4.1.0/3"},
		{300, 200, "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
		{0, 1, "EST5EDT,M3.2.0,M11.1.0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct notify_quiet q = quiet(cases[i].from, cases[i].to, cases[i].rule);
		int64_t first = at(2026, 1, 1, 0, 0), end = 0;

		setenv("TZ", cases[i].rule, 1);
		tzset();
		for (int64_t us = at(2027, 1, 1, 0, 0); us >= first; us -= 60 * S) {
			time_t t = (time_t)(us / S);
			struct tm tm;

			localtime_r(&t, &tm);
			int m = tm.tm_hour * 60 + tm.tm_min;
			bool says = q.from_min < q.to_min ? m >= q.from_min && m < q.to_min
							  : m >= q.from_min || m < q.to_min;
			if (says != is_quiet(&q, us))
				fail_msg("case %zu at %lld", i, (long long)t);
			if (!says)
				end = us;
			else if (end && notify_quiet_until(&q, us) != end)
				fail_msg("case %zu at %lld: ends %lld s off", i, (long long)t,
					 (long long)(notify_quiet_until(&q, us) - end) / S);
		}
	}
}

static void inside_a_minute(void **state)
{
	struct notify_quiet q = quiet(2200, 700, "UTC0");
	int64_t end = at(2026, 1, 6, 7, 0);

	(void)state;
	assert_int_equal(notify_quiet_until(&q, end - 1), end);
	assert_int_equal(notify_quiet_until(&q, end), end);
	q = quiet(1300, 1500, "UTC0");
	assert_int_equal(notify_quiet_until(&q, at(2026, 1, 5, 15, 0)), at(2026, 1, 5, 15, 0));
	assert_false(is_quiet(&q, at(2026, 1, 5, 15, 0)));
	q = quiet(2200, 700, "UTC0");
	assert_int_equal(notify_quiet_until(&q, end + 1), end + 1);
	assert_int_equal(notify_quiet_until(&q, at(2026, 1, 5, 22, 0) - 1),
			 at(2026, 1, 5, 22, 0) - 1);
}

static void a_bucket_empties_and_fills(void **state)
{
	int64_t now_us = at(2026, 1, 5, 9, 0), spent = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(notify_rate_from(6, spent, now_us), 0);
		spent = notify_rate_spend(6, spent, now_us);
	}
	assert_int_equal(notify_rate_from(6, spent, now_us), now_us + HOUR_US / 6);
	assert_int_equal(notify_rate_from(6, spent, now_us + HOUR_US / 6), 0);
	spent = notify_rate_spend(6, spent, now_us + HOUR_US / 6);
	assert_int_equal(notify_rate_from(6, spent, now_us + HOUR_US / 6), now_us + HOUR_US / 3);
	/* an hour later it is full: six at once again */
	now_us += 2 * HOUR_US;
	for (int i = 0; i < 6; i++) {
		assert_int_equal(notify_rate_from(6, spent, now_us), 0);
		spent = notify_rate_spend(6, spent, now_us);
	}
	assert_true(notify_rate_from(6, spent, now_us) > now_us);
}

static void rates_bound_what_is_spent(void **state)
{
	int64_t now_us = at(2026, 1, 5, 9, 0);

	(void)state;
	/* no limit */
	assert_int_equal(notify_rate_from(0, INT64_MAX, now_us), 0);
	assert_int_equal(notify_rate_spend(0, INT64_MAX, now_us), 0);
	/* a clock that was far ahead */
	assert_int_equal(notify_rate_from(1, now_us + 1000 * HOUR_US, now_us), now_us + HOUR_US);
	assert_int_equal(notify_rate_from(60, now_us + 1000 * HOUR_US, now_us), now_us + 60 * S);
	assert_int_equal(notify_rate_from(1, INT64_MAX, now_us), now_us + HOUR_US);
	assert_int_equal(notify_rate_spend(1, INT64_MAX, now_us), now_us + 2 * HOUR_US);
	/* one an hour */
	int64_t spent = notify_rate_spend(1, 0, now_us);
	assert_int_equal(notify_rate_from(1, spent, now_us + HOUR_US - 1), now_us + HOUR_US);
	assert_int_equal(notify_rate_from(1, spent, now_us + HOUR_US), 0);
}

/* In any hour never more than twice the rate. */
static void no_hour_has_more_than_twice_the_rate(void **state)
{
	int64_t sent[64], spent = 0, now_us = at(2026, 1, 5, 9, 0), end = now_us + 4 * HOUR_US;
	size_t n = 0;

	(void)state;
	for (; now_us < end; now_us += 60 * S) {
		if (notify_rate_from(5, spent, now_us))
			continue;
		spent = notify_rate_spend(5, spent, now_us);
		sent[n++] = now_us;
		assert_true(n < 10 || sent[n - 1] - sent[n - 10] >= HOUR_US);
	}
	assert_int_equal(n, 5 + 19); /* what was in it, and five an hour */
}

static void the_table(void **state)
{
	const int64_t night = at(2026, 1, 5, 23, 0), morning = at(2026, 1, 6, 7, 0),
		      noon = at(2026, 1, 6, 12, 0);
	static const struct notify_rates none = {0, 0}, one = {1, 1};
	static const struct notify_spent fresh;
	struct notification n = notify_default();
	struct notify_permits p;

	(void)state;
	/* push, no quiet hours, no rates */
	p = notify_permits(&n, &none, &fresh, noon);
	assert_true(p.udp_us == 0 && p.sms_us == 0);
	/* quiet hours hold both */
	n.quiet = quiet(2200, 700, "UTC0");
	p = notify_permits(&n, &none, &fresh, night);
	assert_true(p.udp_us == morning && p.sms_us == morning);
	p = notify_permits(&n, &none, &fresh, noon);
	assert_true(p.udp_us == 0 && p.sms_us == 0);
	/* or let datagrams through */
	n.quiet.lets_udp_through = true;
	p = notify_permits(&n, &none, &fresh, night);
	assert_true(p.udp_us == 0 && p.sms_us == morning);
	/* the later of quiet hours and rate, each bearer by itself */
	const struct notify_spent spent = {night + HOUR_US / 2, morning + 20 * HOUR_US};
	p = notify_permits(&n, &one, &spent, night);
	assert_true(p.udp_us == night + HOUR_US / 2 && p.sms_us == morning);
	p = notify_permits(&n, &one, &spent, noon);
	assert_true(p.udp_us == 0 && p.sms_us == noon + HOUR_US);
	/* text: no datagrams; off: nothing */
	n.mode = NOTIFY_TEXT;
	p = notify_permits(&n, &none, &fresh, noon);
	assert_true(p.udp_us == NOTIFY_NEVER && p.sms_us == 0);
	n.mode = NOTIFY_OFF;
	p = notify_permits(&n, &none, &fresh, noon);
	assert_true(p.udp_us == NOTIFY_NEVER && p.sms_us == NOTIFY_NEVER);
}

static void own_rates_stand_before_the_defaults(void **state)
{
	const struct notify_rates defaults = {10, 20};
	struct notification n = notify_default();
	struct notify_rates r = notify_rates_of(&n, &defaults);

	(void)state;
	assert_true(r.udp_per_hour == 10 && r.sms_per_hour == 20);
	n.udp_per_hour = 0;
	n.sms_per_hour = 3;
	r = notify_rates_of(&n, &defaults);
	assert_true(r.udp_per_hour == 0 && r.sms_per_hour == 3);
}

static void modes_have_names(void **state)
{
	enum notify_mode mode;

	(void)state;
	for (int i = NOTIFY_PUSH; i <= NOTIFY_OFF; i++) {
		assert_int_equal(notify_mode_parse(notify_mode_name((enum notify_mode)i), &mode),
				 0);
		assert_int_equal(mode, i);
	}
	assert_int_equal(notify_mode_parse("Push", &mode), E_SYNTAX);
	assert_int_equal(notify_mode_parse("", &mode), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_hours_end),
		cmocka_unit_test(quiet_hours_end_at_the_first_loud_minute),
		cmocka_unit_test(inside_a_minute),
		cmocka_unit_test(a_bucket_empties_and_fills),
		cmocka_unit_test(rates_bound_what_is_spent),
		cmocka_unit_test(no_hour_has_more_than_twice_the_rate),
		cmocka_unit_test(the_table),
		cmocka_unit_test(own_rates_stand_before_the_defaults),
		cmocka_unit_test(modes_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
