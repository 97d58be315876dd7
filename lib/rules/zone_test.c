#include "lib/rules/zone.h"

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

static const char *const rules[] = {
	"JST-9",
	"UTC0",
	"<+0545>-5:45",
	"<-03>3",
	"CET-1CEST,M3.5.0,M10.5.0/3",
	"EST5EDT,M3.2.0,M11.1.0",
	"AEST-10AEDT,M10.1.0,M4.1.0/3",         /* summer over new year */
	"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", /* half an hour */
	"IST-1GMT0,M10.5.0,M3.5.0/1",           /* summer time is the lesser */
	"<-02>2<-01>,M3.5.0/-1,M10.5.0/0",      /* before midnight */
	"EET-2EEST,M3.4.4/50,M10.4.4/50",       /* two days later */
	"QQQ3RRR,J60,J300/12:30",
	"QQQ-3RRR-4:30:15,59/3,299",
};

/* glibc is the judge, over twelve years, every 100 minutes and round every change. */
static void offsets_are_glibcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		int64_t first = 1704067200 /* 2024 */, last = first + 12 * 365 * INT64_C(86400);
		struct zone z;

		assert_int_equal(zone_parse(rules[i], &z), 0);
		setenv("TZ", rules[i], 1);
		tzset();
		for (int64_t at = first; at < last;) {
			time_t t = (time_t)at;
			struct tm tm;
			int64_t change = zone_next_change(&z, at);

			localtime_r(&t, &tm);
			if (zone_offset_s(&z, at) != tm.tm_gmtoff)
				fail_msg("%s at %lld: %d, not %ld", rules[i], (long long)at,
					 zone_offset_s(&z, at), tm.tm_gmtoff);
			assert_true(change > at);
			if (change == at + 1 || change > at + 6000)
				at = change == at + 1 ? change : at + 6000;
			else
				at = change - 1;
		}
	}
}

static void changes_are_where_the_offset_changes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rules); i++) {
		struct zone z;
		int64_t at = 1767225600; /* 2026 */

		assert_int_equal(zone_parse(rules[i], &z), 0);
		if (!z.has_summer) {
			assert_int_equal(zone_next_change(&z, at), INT64_MAX);
			continue;
		}
		for (int n = 0; n < 40; n++) {
			int64_t change = zone_next_change(&z, at);

			assert_true(zone_offset_s(&z, change) != zone_offset_s(&z, change - 1));
			assert_int_equal(zone_offset_s(&z, at), zone_offset_s(&z, change - 1));
			at = change;
		}
		assert_in_range(at, 1767225600 + 19 * INT64_C(31500000),
				1767225600 + 21 * INT64_C(31557600));
	}
}

static void what_is_no_rule(void **state)
{
	static const char *const wrong[] = {
		"",
		"JST",
		"J-9",
		"JST-25",
		"JST-9:60",
		"JST-9 ",
		"<JST-9",
		"<>-9",
		"CET-1CEST",
		"CET-1CEST,M3.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/3x",
		"CET-1CEST,M13.5.0,M10.5.0",
		"CET-1CEST,M3.6.0,M10.5.0",
		"CET-1CEST,M3.5.7,M10.5.0",
		"CET-1CEST,J0,J300",
		"CET-1CEST,J366,J300",
		"CET-1CEST,366,300",
		"CET-1CEST,M3.5.0/168,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0/",
		"JST-99999999999999999999",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-9",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct zone z = {.standard_s = 77};

		if (zone_parse(wrong[i], &z) != E_SYNTAX)
			fail_msg("%s", wrong[i]);
		assert_int_equal(z.standard_s, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_glibcs),
		cmocka_unit_test(changes_are_where_the_offset_changes),
		cmocka_unit_test(what_is_no_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
