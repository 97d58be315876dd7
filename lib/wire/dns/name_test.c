/* Names: what can be one, and where addresses are looked up. */
#include "lib/wire/dns/name.h"

#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void names_are_kept_alike(void **state)
{
	static const struct {
		const char *text, *kept; /* null: cannot be a name */
	} cases[] = {
		{"Example.ORG.", "example.org"},
		{"_dmarc.example.org", "_dmarc.example.org"},
		{"", ""},
		{".", ""},
		{"a b\\c.\xc3\xa4.x", "a b\\c.\xc3\xa4.x"},
		{"..", NULL},
		{".a", NULL},
		{"a..b", NULL},
		{"a..", NULL},
		{"a\n.b", NULL},
		{"\x7f.b", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[DNS_NAME_MAX] = "untouched";
		int err = dns_name(cases[i].text, out);
		assert_int_equal(err, cases[i].kept ? 0 : E_SYNTAX);
		assert_string_equal(out, cases[i].kept ? cases[i].kept : "untouched");
	}
}

static void names_have_an_end(void **state)
{
	char text[300], out[DNS_NAME_MAX];

	(void)state;
	memset(text, 'a', sizeof text);
	text[63] = '\0';
	assert_int_equal(dns_name(text, out), 0);
	text[63] = 'a';
	text[64] = '\0';
	assert_int_equal(dns_name(text, out), E_SYNTAX);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = i % 2 ? '.' : 'a';
	text[253] = '\0';
	assert_int_equal(dns_name(text, out), 0);
	assert_int_equal(strlen(out), 253);
	text[253] = '.';
	text[254] = '\0';
	assert_int_equal(dns_name(text, out), 0);
	text[254] = 'a';
	text[255] = '\0';
	assert_int_equal(dns_name(text, out), E_SYNTAX);
}

static void addresses_are_looked_up_backwards(void **state)
{
	char out[DNS_NAME_MAX] = "untouched", zone[DNS_NAME_MAX];
	struct addr a;

	(void)state;
	addr_parse("192.0.2.99", &a);
	assert_int_equal(dns_name_of(&a, "bl.example", out), 0);
	assert_string_equal(out, "99.2.0.192.bl.example");
	assert_int_equal(dns_name_of(&a, NULL, out), 0);
	assert_string_equal(out, "99.2.0.192.in-addr.arpa");
	/* RFC 5782 2.4 */
	addr_parse("2001:db8:1:2:3:4:567:89ab", &a);
	assert_int_equal(dns_name_of(&a, "ugly.example.com", out), 0);
	assert_string_equal(out, "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2."
				 "ugly.example.com");
	assert_int_equal(dns_name_of(&a, NULL, out), 0);
	assert_string_equal(out + 64, "ip6.arpa");
	memset(zone, 'z', sizeof zone);
	zone[189] = '\0';
	assert_int_equal(dns_name_of(&a, zone, out), 0);
	zone[189] = 'z';
	zone[190] = '\0';
	strcpy(out, "untouched");
	assert_int_equal(dns_name_of(&a, zone, out), E_RANGE);
	assert_string_equal(out, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_kept_alike),
		cmocka_unit_test(names_have_an_end),
		cmocka_unit_test(addresses_are_looked_up_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
