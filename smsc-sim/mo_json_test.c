/* What a phone may be made to say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "smsc-sim/mo_json.h"

static struct mo mo;

static const char *read(const char *members)
{
	char body[9000];
	int n = snprintf(body, sizeof body,
			 "{\"source\":\"+819012345678\",\"destination\":\"2000\"%s}", members);

	return mo_json_read(body, (size_t)n, &mo);
}

static void texts(void **state)
{
	(void)state;
	assert_null(read(",\"text\":\"h€\""));
	assert_string_equal(mo.source, "819012345678");
	assert_string_equal(mo.destination, "2000");
	assert_int_equal(mo.data_coding, 0);
	assert_int_equal(mo.length, 3);
	assert_memory_equal(mo.octets, "h\x1b\x65", 3);
	assert_null(read(",\"text\":\"新\""));
	assert_int_equal(mo.data_coding, 8);
	assert_memory_equal(mo.octets, "\x65\xb0", 2);
	assert_null(read(",\"text\":\"\""));
	assert_int_equal(mo.length, 0);
}

static void octets(void **state)
{
	(void)state;
	assert_null(read(",\"udh\":\"0605040B8423f0\",\"data\":\"2a06\""));
	assert_int_equal(mo.data_coding, 4);
	assert_int_equal(mo.udh_len, 7);
	assert_int_equal(mo.length, 9);
	assert_memory_equal(mo.octets, "\x06\x05\x04\x0b\x84\x23\xf0\x2a\x06", 9);
	assert_null(read(",\"data\":\"00\""));
	assert_true(mo.udh_len == 0 && mo.length == 1);
	assert_null(read(",\"udh\":\"0605040B8423f0\""));
	assert_true(mo.udh_len == 7 && mo.length == 7);
}

static void mistakes(void **state)
{
	static const struct {
		const char *members, *wrong;
	} cases[] = {
		{"", "text, or udh and data, is needed"},
		{",\"text\":7", "text is a text without NUL"},
		{",\"text\":\"a\\u0000b\"", "text is a text without NUL"},
		{",\"text\":\"a\",\"data\":\"00\"", "either text, or udh and data"},
		{",\"data\":\"0\"", "udh and data are pairs of hexadecimal digits"},
		{",\"data\":\"0g\"", "udh and data are pairs of hexadecimal digits"},
		{",\"data\":1", "udh and data are pairs of hexadecimal digits"},
		{",\"udh\":\"0705040B8423f0\"", "udh is no user data header"},
		{",\"udh\":\"0605040B8423f000\"", "udh is no user data header"},
		{",\"text\":\"a\",\"to\":1", "its members are source"},
		{",\"source\":\"1\",\"text\":\"a\"", "the body is no JSON object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *wrong = read(cases[i].members);
		if (!wrong || strncmp(wrong, cases[i].wrong, strlen(cases[i].wrong)) != 0)
			fail_msg("%s: %s", cases[i].members, wrong ? wrong : "taken");
	}
	assert_non_null(mo_json_read("", 0, &mo));
	assert_non_null(mo_json_read("[]", 2, &mo));
	static const char number[] = "{\"source\":\"a\",\"destination\":\"1\",\"text\":\"\"}";
	assert_string_equal(mo_json_read(number, strlen(number), &mo), "source is 1 to 20 digits");
}

static void too_long(void **state)
{
	char members[8500], digits[8300];

	(void)state;
	memset(digits, '0', sizeof digits);
	snprintf(members, sizeof members, ",\"data\":\"%.*s\"", 2 * MO_OCTETS_MAX, digits);
	assert_null(read(members));
	snprintf(members, sizeof members, ",\"data\":\"%.*s\"", 2 * MO_OCTETS_MAX + 2, digits);
	assert_string_equal(read(members), "udh and data are too long");
	snprintf(members, sizeof members, ",\"text\":\"%.*s\"", MO_OCTETS_MAX + 1, digits);
	assert_string_equal(read(members), "text is too long");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(octets),
					   cmocka_unit_test(mistakes), cmocka_unit_test(too_long)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
