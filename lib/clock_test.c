#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *text;
	int64_t us;
} GOOD[] = {
	{"1970-01-01T00:00:00Z", 0},
	{"1970-01-01T00:00:00.000001Z", 1},
	{"1970-01-01T00:00:00-00:00", 0},
	{"1970-01-01T01:00:00+01:00", 0},
	{"1969-12-31T23:00:00-01:00", 0}, /* the instant counts, not the year as written */
	{"2011-12-20T12:22:00+09:00", 1324351320000000},
	{"2026-08-01T12:00:00.000001Z", 1785585600000001},
	{"2026-08-01T12:00:00.5Z", 1785585600500000},
	{"2026-08-01t12:00:00.50z", 1785585600500000},
	{"2026-08-01T12:00:00.123456789Z", 1785585600123456}, /* cut, not rounded */
	{"2026-08-01T12:00:00.0000009Z", 1785585600000000},
	{"2000-02-29T23:59:59Z", 951868799000000},
	{"2024-02-29T00:00:00Z", 1709164800000000},
	{"2100-03-01T00:00:00Z", 4107542400000000},
	{"2100-02-28T23:59:59+23:59", 4107456059000000},
	{"9999-12-31T23:59:59.999999Z", CLOCK_MAX_US},
	/* Leap seconds, the last two as RFC 3339 5.8 writes them. */
	{"2016-12-31T23:59:60Z", 1483228799999999},
	{"2016-12-31T23:59:60.25Z", 1483228799999999},
	{"2012-07-01T08:59:60+09:00", 1341100799999999},
	{"1990-12-31T23:59:60Z", 662687999999999},
	{"1990-12-31T15:59:60-08:00", 662687999999999},
};

static void parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(GOOD); i++) {
		int64_t us = -1;

		if (clock_parse(GOOD[i].text, strlen(GOOD[i].text), &us) || us != GOOD[i].us)
			fail_msg("%s: %lld", GOOD[i].text, (long long)us);
	}
}

static void parse_refuses(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", E_SYNTAX},
		{"2026", E_SYNTAX},
		{"2026-08-01", E_SYNTAX},
		{"2026-08-01T12:00:00", E_SYNTAX},
		{"2026-08-01T12:00Z", E_SYNTAX},
		{"2026-08-01 12:00:00Z", E_SYNTAX},
		{" 2026-08-01T12:00:00Z", E_SYNTAX},
		{"2026-08-01T12:00:00Z ", E_SYNTAX},
		{"2026-08-01T12:00:00ZZ", E_SYNTAX},
		{"2026-8-01T12:00:00Z", E_SYNTAX},
		{"20260801T120000Z", E_SYNTAX},
		{"+026-08-01T12:00:00Z", E_SYNTAX},
		{"-026-08-01T12:00:00Z", E_SYNTAX},
		{"12026-08-01T12:00:00Z", E_SYNTAX},
		{"2026-08-01T12:00:00.Z", E_SYNTAX},
		{"2026-08-01T12:00:00,5Z", E_SYNTAX},
		{"2026-08-01T12:00:00.1234567890Z", E_SYNTAX},
		{"2026-08-01T12:00:00.5", E_SYNTAX},
		{"2026-08-01T12:00:00+0900", E_SYNTAX},
		{"2026-08-01T12:00:00+09", E_SYNTAX},
		{"2026-08-01T12:00:00+9:00", E_SYNTAX},
		{"2026-08-01T12:00:00+09:00Z", E_SYNTAX},
		{"2026-08-01T12:00:0xZ", E_SYNTAX},
		{"\xef\xbc\x92"
		 "026-08-01T12:00:00Z",
		 E_SYNTAX}, /* a full-width 2 */
		{"2026-00-01T12:00:00Z", E_RANGE},
		{"2026-13-01T12:00:00Z", E_RANGE},
		{"2026-08-00T12:00:00Z", E_RANGE},
		{"2026-08-32T12:00:00Z", E_RANGE},
		{"2026-04-31T12:00:00Z", E_RANGE},
		{"2026-02-29T12:00:00Z", E_RANGE},
		{"2024-02-30T12:00:00Z", E_RANGE},
		{"2100-02-29T12:00:00Z", E_RANGE},
		{"2026-08-01T24:00:00Z", E_RANGE},
		{"2026-08-01T12:60:00Z", E_RANGE},
		{"2026-08-01T12:00:61Z", E_RANGE},
		{"2026-08-01T12:00:60Z", E_RANGE},
		{"2026-08-01T23:59:60Z", E_RANGE},      /* not the end of a month */
		{"2016-12-31T23:59:60+09:00", E_RANGE}, /* not there in UTC */
		{"1969-12-31T23:59:60Z", E_RANGE},
		{"2026-08-01T12:00:00+24:00", E_RANGE},
		{"2026-08-01T12:00:00+23:60", E_RANGE},
		{"1969-12-31T23:59:59Z", E_RANGE},
		{"1970-01-01T00:00:00+00:01", E_RANGE},
		{"9999-12-31T23:59:59-00:01", E_RANGE},
		{"9999-12-31T23:59:60Z", 0},
		{"0000-01-01T00:00:00Z", E_RANGE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t us = -7;
		int err = clock_parse(cases[i].text, strlen(cases[i].text), &us);

		if (err != cases[i].err)
			fail_msg("'%s': %d", cases[i].text, err);
		if (err)
			assert_int_equal(us, -7);
	}
	assert_int_equal(clock_parse("2026-08-01T12:00:00\0Z", 21, &(int64_t){0}), E_SYNTAX);
}

/* Every proper prefix of a good text is bad: nothing reads past `len`. */
static void parse_stops_at_len(void **state)
{
	static const char TEXT[] = "2026-08-01T12:00:00.123456+09:00";

	(void)state;
	for (size_t len = 0; len < sizeof TEXT - 1; len++) {
		char *exact = malloc(len + 1);
		int64_t us;

		assert_non_null(exact);
		memcpy(exact, TEXT, len);
		assert_int_equal(clock_parse(exact, len, &us), E_SYNTAX);
		free(exact);
	}
}

static void format(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1, "1970-01-01T00:00:00.000001Z"},
		{1785585600500000, "2026-08-01T12:00:00.500000Z"},
		{951868799000000, "2000-02-29T23:59:59Z"},
		{4107542400000000, "2100-03-01T00:00:00Z"},
		{CLOCK_MAX_US, "9999-12-31T23:59:59.999999Z"},
		{-1, "1970-01-01T00:00:00Z"},
		{INT64_MIN, "1970-01-01T00:00:00Z"},
		{CLOCK_MAX_US + 1, "9999-12-31T23:59:59.999999Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999999Z"},
	};
	char text[CLOCK_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(clock_format(cases[i].us, text), cases[i].text);
}

/* Each day of 1970..9999, against the C library's calendar, there and back. */
static void every_day(void **state)
{
	char text[CLOCK_TEXT_MAX], expected[CLOCK_TEXT_MAX + 8];

	(void)state;
	for (int64_t day = 0; day <= CLOCK_MAX_US / CLOCK_S / 86400; day++) {
		time_t at = day * 86400 + day % 86400;
		struct tm tm;
		int64_t back;

		assert_non_null(gmtime_r(&at, &tm));
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
		clock_format(at * CLOCK_S, text);
		if (strcmp(text, expected) != 0)
			fail_msg("%s is not %s", text, expected);
		if (clock_parse(text, strlen(text), &back) || back != at * CLOCK_S)
			fail_msg("%s does not come back", text);
	}
}

static void now(void **state)
{
	int64_t before = (int64_t)time(NULL), us = clock_now_us(), mono = clock_mono_us();

	(void)state;
	assert_true(us / CLOCK_S >= before - 1 && us / CLOCK_S <= before + 60);
	assert_true(clock_now_s() >= us / CLOCK_S);
	assert_true(clock_mono_us() >= mono);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(parse_stops_at_len),
		cmocka_unit_test(format),
		cmocka_unit_test(every_day),
		cmocka_unit_test(now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
