#include "lib/addr_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct addr address(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void a_range_holds_its_own_family(void **state)
{
	static const struct {
		const char *range, *address;
		bool holds;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.7", "192.0.2.7", true},
		{"192.0.2.7/32", "192.0.2.6", false},
		{"0.0.0.0/0", "203.0.113.9", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "203.0.113.9", false},
		{"::ffff:192.0.2.0/120", "192.0.2.9", true},
		{"2001:db8::/32", "2001:db8:ffff::1", true},
		{"2001:db8::/32", "2001:db9::1", false},
		{"2001:db8::1", "2001:db8::1", true},
		{"2001:db8::1", "2001:db8::2", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr_range r;
		struct addr a = address(cases[i].address);

		assert_int_equal(addr_range_parse(cases[i].range, &r), 0);
		assert_int_equal(addr_range_holds(&r, &a), cases[i].holds);
	}
}

static void what_is_no_range_is_refused(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", E_SYNTAX},
		{"192.0.2", E_SYNTAX},
		{"192.0.2.0/", E_SYNTAX},
		{"192.0.2.0/33", E_SYNTAX},
		{"192.0.2.0/-1", E_SYNTAX},
		{"192.0.2.1/24", E_RANGE},
		{"2001:db8::/129", E_SYNTAX},
		{"2001:db8::1/64", E_RANGE},
		{"host/8", E_SYNTAX},
		{"1.2.3.4/0008", E_SYNTAX},
		{"1.2.3.4/8x", E_SYNTAX},
	};
	struct addr_range r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(addr_range_parse(cases[i].text, &r), cases[i].err);
}

static void a_list_has_commas_or_blanks(void **state)
{
	struct addr_range ranges[3];
	struct addr inside = address("10.9.8.7"), outside = address("11.0.0.0");
	size_t n = 9;

	(void)state;
	assert_int_equal(addr_ranges_parse(" 192.0.2.1, 10.0.0.0/8 2001:db8::/64,", ranges, 3, &n),
			 0);
	assert_int_equal(n, 3);
	assert_true(addr_ranges_hold(ranges, n, &inside));
	assert_false(addr_ranges_hold(ranges, n, &outside));
	assert_int_equal(addr_ranges_parse(" , ", ranges, 3, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(addr_ranges_parse("1.1.1.1,2.2.2.2,3.3.3.3,4.4.4.4", ranges, 3, &n),
			 E_TOO_LARGE);
	assert_int_equal(addr_ranges_parse("1.1.1.1,nobody", ranges, 3, &n), E_SYNTAX);
	assert_int_equal(
		addr_ranges_parse("2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:1",
				  ranges, 3, &n),
		E_SYNTAX);
}

static void a_range_has_a_last_address_and_a_text(void **state)
{
	static const struct {
		const char *text, *shown, *last;
	} cases[] = {
		{"10.0.0.0/8", "10.0.0.0/8", "10.255.255.255"},
		{"192.0.2.7/32", "192.0.2.7", "192.0.2.7"},
		{"0.0.0.0/0", "0.0.0.0/0", "255.255.255.255"},
		{"2001:db8::/32", "2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8::1", "2001:db8::1", "2001:db8::1"},
	};
	char text[ADDR_RANGE_TEXT_MAX], last[ADDR_TEXT_MAX];
	struct addr_range r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(addr_range_parse(cases[i].text, &r), 0);
		assert_string_equal(addr_range_format(&r, text), cases[i].shown);
		struct addr end = addr_range_last(&r);
		assert_string_equal(addr_format(&end, last), cases[i].last);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_holds_its_own_family),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(a_list_has_commas_or_blanks),
		cmocka_unit_test(a_range_has_a_last_address_and_a_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
