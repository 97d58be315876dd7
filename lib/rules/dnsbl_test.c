/* Lists of senders: how they are named, what their answers mean, about whom they are asked. */
#include "lib/rules/dnsbl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

static void lists_are_read(void **state)
{
	struct dnsbl_list l[4];
	const char *bad;
	size_t n = 9;

	(void)state;
	assert_int_equal(dnsbl_parse("", l, 4, &n, &bad), 0);
	assert_int_equal(n, 0);
	assert_int_equal(
		dnsbl_parse(" BL.example.=5, zen.example=+3:4-7+9,bits.example=1:&12 w.x=-4:2", l,
			    4, &n, &bad),
		0);
	assert_int_equal(n, 4);
	assert_string_equal(l[0].zone, "bl.example");
	assert_int_equal(l[0].score, 5);
	assert_int_equal(l[0].code_count, 0);
	assert_int_equal(l[1].code_count, 2);
	assert_int_equal(l[1].codes[0].last, 7);
	assert_int_equal(l[1].codes[1].first, 9);
	assert_true(l[2].codes[0].is_bits);
	assert_int_equal(l[3].score, -4);
}

static void bad_lists_are_shown(void **state)
{
	static const struct {
		const char *text;
		int err;
		size_t at;
	} cases[] = {
		{"a", E_SYNTAX, 0},
		{"a=1 b", E_SYNTAX, 4},
		{"a=", E_SYNTAX, 0},
		{"a=0", E_SYNTAX, 0},
		{"a=1001", E_SYNTAX, 0},
		{"a=1x", E_SYNTAX, 0},
		{"=1", E_SYNTAX, 0},
		{"a..b=1", E_SYNTAX, 0},
		{"a=1:", E_SYNTAX, 0},
		{"a=1:256", E_SYNTAX, 0},
		{"a=1:7-4", E_SYNTAX, 0},
		{"a=1:4-", E_SYNTAX, 0},
		{"a=1:4+", E_SYNTAX, 0},
		{"a=1:&0", E_SYNTAX, 0},
		{"a=1:0000004", E_SYNTAX, 0},
		{"a=1:4;5", E_SYNTAX, 0},
		{"a=1,b=1,c=1", E_TOO_LARGE, 8},
	};
	struct dnsbl_list l[2];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *bad = NULL;
		size_t n = 9;
		assert_int_equal(dnsbl_parse(cases[i].text, l, 2, &n, &bad), cases[i].err);
		assert_ptr_equal(bad, cases[i].text + cases[i].at);
		assert_int_equal(n, 9);
	}
}

static void answers_are_judged(void **state)
{
	static const struct {
		const char *list;
		const char *answers[3];
		enum dnsbl_says says;
	} cases[] = {
		{"a=1", {"127.0.0.2"}, DNSBL_LISTED},
		{"a=1", {0}, DNSBL_CLEAR},
		{"a=1", {"192.0.2.1", "::1"}, DNSBL_CLEAR}, /* a dead zone's parking place */
		{"a=1", {"127.255.255.254"}, DNSBL_ERROR},
		{"a=1", {"127.0.0.2", "127.255.255.252"}, DNSBL_ERROR},
		{"a=1:255", {"127.255.255.255"}, DNSBL_ERROR},
		{"a=1:4-7", {"127.0.0.3"}, DNSBL_CLEAR},
		{"a=1:4-7", {"127.0.0.8"}, DNSBL_CLEAR},
		{"a=1:4-7", {"127.0.0.2", "127.9.9.4"}, DNSBL_LISTED},
		{"a=1:2+7", {"127.0.0.7"}, DNSBL_LISTED},
		{"a=1:&12", {"127.0.0.3"}, DNSBL_CLEAR},
		{"a=1:&12", {"127.0.0.8"}, DNSBL_LISTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct dnsbl_list l;
		struct addr answers[3];
		const char *bad;
		size_t one, n = 0;
		assert_int_equal(dnsbl_parse(cases[i].list, &l, 1, &one, &bad), 0);
		for (; n < 3 && cases[i].answers[n]; n++)
			addr_parse(cases[i].answers[n], &answers[n]);
		assert_int_equal(dnsbl_judge(&l, answers, n), cases[i].says);
	}
}

static void nobody_asks_about_what_is_not_public(void **state)
{
	static const char *const no[] = {
		"127.0.0.1",   "10.255.0.1",  "172.31.0.1", "192.168.0.1", "100.64.0.1",
		"169.254.1.1", "198.19.0.1",  "192.0.2.1",  "224.0.0.1",   "255.255.255.255",
		"0.0.0.0",     "::1",         "fd00::1",    "fe80::1",     "ff02::1",
		"2001:db8::1", "203.0.113.9",
	};
	static const char *const yes[] = {
		"1.1.1.1",    "172.32.0.1", "172.15.0.1",  "100.128.0.1",  "126.0.0.1",
		"198.20.0.1", "223.0.0.1",  "2001:db9::1", "2a00:1450::1", "192.0.3.1",
	};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
		addr_parse(no[i], &a);
		assert_false(dnsbl_is_public(&a));
	}
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
		addr_parse(yes[i], &a);
		assert_true(dnsbl_is_public(&a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_are_read),
		cmocka_unit_test(bad_lists_are_shown),
		cmocka_unit_test(answers_are_judged),
		cmocka_unit_test(nobody_asks_about_what_is_not_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
