#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <time.h>

#include "lib/wire/civil.h"

static void agrees_with_the_c_library(void **state)
{
	(void)state;
	/* from 1900 to 2200, in steps that meet every month and hour */
	for (time_t s = -2208988800; s < 7258118400; s += 86400 * 5 + 3607) {
		struct civil c;
		struct tm tm;

		gmtime_r(&s, &tm);
		civil_of_seconds(s, &c);
		assert_true(c.year == tm.tm_year + 1900 && c.month == (unsigned)tm.tm_mon + 1 &&
			    c.day == (unsigned)tm.tm_mday && c.hour == (unsigned)tm.tm_hour &&
			    c.minute == (unsigned)tm.tm_min && c.second == (unsigned)tm.tm_sec);
		assert_true(civil_is_valid(&c));
		assert_int_equal(civil_seconds(&c), s);
	}
}

static void knows_what_is_none(void **state)
{
	static const struct civil none[] = {
		{0, 1, 1, 0, 0, 0},     {2026, 0, 1, 0, 0, 0},  {2026, 13, 1, 0, 0, 0},
		{2026, 1, 0, 0, 0, 0},  {2026, 1, 32, 0, 0, 0}, {2026, 2, 29, 0, 0, 0},
		{2100, 2, 29, 0, 0, 0}, {2028, 2, 30, 0, 0, 0}, {2026, 4, 31, 0, 0, 0},
		{2026, 1, 1, 24, 0, 0}, {2026, 1, 1, 0, 60, 0}, {2026, 1, 1, 0, 0, 60},
	};
	static const struct civil some[] = {
		{1, 1, 1, 0, 0, 0},
		{2028, 2, 29, 23, 59, 59},
		{2000, 2, 29, 0, 0, 0},
		{9999, 12, 31, 23, 59, 59},
	};

	(void)state;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		assert_false(civil_is_valid(&none[i]));
	for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
		struct civil c;

		assert_true(civil_is_valid(&some[i]));
		civil_of_seconds(civil_seconds(&some[i]), &c);
		assert_true(c.year == some[i].year && c.month == some[i].month &&
			    c.day == some[i].day && c.second == some[i].second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(knows_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
