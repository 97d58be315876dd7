#include "lib/wire/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct {
	const char *text;
	size_t len;
	size_t char_len;
} cases[] = {
	{"", 0, 0},
	{"a", 1, 1},
	{"~", 1, 1},
	{"\0", 1, 0},
	{"\r", 1, 0},
	{"\x1f", 1, 0},
	{"\x7f", 1, 0},
	{"\xc2\x80", 2, 0}, /* C1 */
	{"\xc2\x9f", 2, 0},
	{"\xc2\xa0", 2, 2},
	{"\xc0\x8a", 2, 0}, /* overlong LF */
	{"\xc1\xbf", 2, 0},
	{"\xe3\x81\x82", 3, 3},
	{"\xe3\x81\x82z", 4, 3},
	{"\xe3\x81", 2, 0}, /* cut */
	{"\xe3", 1, 0},
	{"\xe0\x9f\xbf", 3, 0}, /* overlong */
	{"\xed\x9f\xbf", 3, 3},
	{"\xed\xa0\x80", 3, 0}, /* surrogate */
	{"\xf0\x9f\x98\x80", 4, 4},
	{"\xf0\x8f\xbf\xbf", 4, 0}, /* overlong */
	{"\xf4\x8f\xbf\xbf", 4, 4},
	{"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
	{"\xf5\x80\x80\x80", 4, 0},
	{"\x80", 1, 0},
	{"\xff", 1, 0},
	{"\xe3"
	 "a"
	 "\x82",
	 3, 0},
};

static void test_char_len(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t got = utf8_char_len(cases[i].text, cases[i].len);
		if (got != cases[i].char_len)
			fail_msg("row %zu: %zu", i, got);
	}
}

static void test_printable(void **state)
{
	(void)state;
	assert_true(utf8_is_printable("", 0, true));
	assert_true(utf8_is_printable("a \xe3\x81\x82", 5, true));
	assert_true(utf8_is_printable("a b~", 4, false));
	assert_false(utf8_is_printable("a \xe3\x81\x82", 5, false));
	assert_false(utf8_is_printable("a\tb", 3, false));
	assert_false(utf8_is_printable("a\tb", 3, true));
	assert_false(utf8_is_printable("a\xe3\x81", 3, true));
	assert_false(utf8_is_printable("a\0b", 3, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_char_len),
		cmocka_unit_test(test_printable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
