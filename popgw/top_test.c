#include "popgw/top.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *mail;
	uint32_t lines;
	const char *shown;
} cases[] = {
	{"A: b\r\n\r\none\r\ntwo\r\n", 0, "A: b\r\n\r\n"},
	{"A: b\r\n\r\none\r\ntwo\r\n", 1, "A: b\r\n\r\none\r\n"},
	{"A: b\r\n\r\none\r\ntwo\r\n", 2, "A: b\r\n\r\none\r\ntwo\r\n"},
	{"A: b\r\n\r\none\r\ntwo\r\n", UINT32_MAX, "A: b\r\n\r\none\r\ntwo\r\n"},
	{"A: b\r\n\r\n\r\n\r\nx\r\n", 2, "A: b\r\n\r\n\r\n\r\n"},
	{"\r\nbody\r\n", 0, "\r\n"},
	{"A: b\r\nC: d\r\n", 0, "A: b\r\nC: d\r\n"}, /* no body at all */
	{"A: b\r\nx\r\r\n\r\none\r\n", 0, "A: b\r\nx\r\r\n\r\n"},
	{"A: b\r\n\r\nno end", 1, "A: b\r\n\r\nno end"},
	{"A: b\r\n\r\nno end", 0, "A: b\r\n\r\n"},
	{"", 3, ""},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Feeds in pieces of `step`; compares with what should be shown. */
static void check(const char *mail, uint32_t lines, const char *shown, size_t step)
{
	struct top t;
	size_t length = strlen(mail), at = 0, out = 0;
	char got[256];

	top_init(&t, lines);
	while (at < length && !t.is_done) {
		size_t n = length - at < step ? length - at : step;
		size_t used = top_feed(&t, (const uint8_t *)mail + at, n);
		assert_true(used == n || t.is_done);
		memcpy(got + out, mail + at, used);
		out += used;
		at += n;
	}
	assert_int_equal(out, strlen(shown));
	assert_memory_equal(got, shown, out);
}

static void test_cases_in_any_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (size_t step = 1; step <= strlen(cases[i].mail) + 1; step++)
			check(cases[i].mail, cases[i].lines, cases[i].shown, step);
}

static void test_after_the_end_nothing_is_shown(void **state)
{
	struct top t;

	(void)state;
	top_init(&t, 0);
	assert_int_equal(top_feed(&t, (const uint8_t *)"\r\nbody\r\n", 8), 2);
	assert_true(t.is_done);
	assert_int_equal(top_feed(&t, (const uint8_t *)"more\r\n", 6), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases_in_any_cut),
		cmocka_unit_test(test_after_the_end_nothing_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
