#include "lib/wire/smtp/xtext.h"
#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *text;
	bool with_utf8;
	int err;
	const char *plain;
} decoded[] = {
	{"", false, 0, ""},
	{"a@b", false, 0, "a@b"},
	{"a+2Bb+3Dc+20d", false, 0, "a+b=c d"},
	{"+41", false, 0, "A"},
	{"a=b", false, E_SYNTAX, 0},
	{"+", false, E_SYNTAX, 0},
	{"+4", false, E_SYNTAX, 0},
	{"+4g", false, E_SYNTAX, 0},
	{"+2b", false, E_SYNTAX, 0}, /* lower case */
	{"++2B", false, E_SYNTAX, 0},
	{"+0D+0A", true, E_SYNTAX, 0},
	{"+00", true, E_SYNTAX, 0},
	{"+7F", true, E_SYNTAX, 0},
	{"+C2+85", true, E_SYNTAX, 0},
	{"a\tb", true, E_SYNTAX, 0},
	{"+E3+81+82", true, 0, "\xe3\x81\x82"},
	{"\xe3\x81\x82", true, 0, "\xe3\x81\x82"},
	{"+E3+81+82", false, E_SYNTAX, 0},
	{"\xe3\x81\x82", false, E_SYNTAX, 0},
	{"+E3+81", true, E_SYNTAX, 0},
};

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(decoded); i++) {
		char buf[64];
		int err = xtext_decode(decoded[i].text, strlen(decoded[i].text),
				       decoded[i].with_utf8, buf);
		if (err != decoded[i].err)
			fail_msg("row %zu %s: %d", i, decoded[i].text, err);
		if (!err)
			assert_string_equal(buf, decoded[i].plain);
	}
	char buf[4];
	assert_int_equal(xtext_decode("a\0b", 3, true, buf), E_SYNTAX);
}

static void test_encode(void **state)
{
	char buf[32];

	(void)state;
	assert_int_equal(xtext_encode("a+b=c d@e", buf, sizeof buf), 0);
	assert_string_equal(buf, "a+2Bb+3Dc+20d@e");
	assert_int_equal(xtext_encode("\xe3\x81\n", buf, sizeof buf), 0);
	assert_string_equal(buf, "+E3+81+0A");
}

static void test_encode_limits(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		int err;
	} rows[] = {{"", 0, E_TOO_LARGE},   {"", 1, 0},   {"ab", 2, E_TOO_LARGE}, {"ab", 3, 0},
		    {"a ", 4, E_TOO_LARGE}, {"a ", 5, 0}, {" a", 4, E_TOO_LARGE}, {" a", 5, 0}};
	char buf[8];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(xtext_encode(rows[i].text, buf, rows[i].size), rows[i].err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_encode_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
