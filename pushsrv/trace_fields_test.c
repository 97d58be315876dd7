#include "pushsrv/trace_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static bool is_good(const char *text, size_t n, size_t step)
{
	struct trace_fields f = {0};

	assert_int_equal(trace_fields_begin(&f, n), 0);
	for (size_t at = 0; at < n; at += step)
		trace_fields_add(&f, (const uint8_t *)text + at, n - at < step ? n - at : step);
	assert_memory_equal(f.octets, text, n);
	bool good = trace_fields_are_good(&f);
	trace_fields_clear(&f);
	return good;
}

static void only_header_lines(void **unused)
{
	static const struct {
		const char *text;
		bool is_good;
	} cases[] = {
		{"", true},
		{"A: b\r\n", true},
		{"A:\r\n", true},
		{"A: b\r\n\tc\r\nD: e\r\n", true},
		{"A: \xe7\xb5\xb5\r\n", true},
		{"A: b", false},
		{"A: b\n", false},
		{"\n", false},
		{"\r\n", false},
		{"A: b\r\n\r\n", false},
		{"A: b\r\n\r\nbody\r\n", false},
		{" A: b\r\n", false},
		{"A: b\r\n \t\r\n", false},
		{"A b\r\n", false},
		{"A b: c\r\n", false},
		{": b\r\n", false},
		{"\xc3\xa9: b\r\n", false},
		{"A: b\rc\r\n", false},
		{"A: b\x1b\r\n", false},
		{"A: b\x7f\r\n", false},
		{"A: b\r\nc\r\n", false},
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t step = 1; step < 4; step++)
			if (is_good(cases[i].text, strlen(cases[i].text), step) != cases[i].is_good)
				fail_msg("%s", cases[i].text);
	assert_false(is_good("A: b\0c\r\n", 8, 8));
}

static void limits(void **unused)
{
	struct trace_fields f = {0};
	char line[1002];

	(void)unused;
	assert_int_equal(trace_fields_begin(&f, TRACE_FIELDS_MAX + 1), E_TOO_LARGE);
	assert_int_equal(trace_fields_begin(&f, TRACE_FIELDS_MAX), 0);
	assert_int_equal(trace_fields_begin(&f, 1), 0); /* once more */
	trace_fields_clear(&f);
	for (size_t n = 998; n <= 999; n++) {
		memset(line, 'x', n);
		line[1] = ':';
		memcpy(line + n, "\r\n", 2);
		assert_int_equal(is_good(line, n + 2, 100), n == 998);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_header_lines),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
