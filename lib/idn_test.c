#include "lib/idn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

static void names(void **unused)
{
	static const struct {
		const char *domain, *ascii; /* null: E_SYNTAX */
	} cases[] = {
		{"B.Example", "b.example"},
		{"", ""},
		{"\xe6\x97\xa5\xe6\x9c\xac.example", "xn--wgv71a.example"},
		{"stra\xc3\x9f"
		 "e.example",
		 "xn--strae-oqa.example"},
		{"\xff.example", NULL},
	};
	char out[254];

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int err = idn_to_ascii(cases[i].domain, out, sizeof out);
		assert_int_equal(err, cases[i].ascii ? 0 : E_SYNTAX);
		if (!err)
			assert_string_equal(out, cases[i].ascii);
	}
	assert_int_equal(idn_to_ascii("b.example", out, 9), E_SYNTAX);
	assert_int_equal(idn_to_ascii("b.example", out, 10), 0);
}

static void letters(void **unused)
{
	char out[30];

	(void)unused;
	assert_int_equal(idn_to_unicode("a.xn--wgv71a.example", out, sizeof out), 0);
	assert_string_equal(out, "a.\xe6\x97\xa5\xe6\x9c\xac.example");
	assert_int_equal(idn_to_unicode("xn--99999999999.example", out, sizeof out), E_SYNTAX);
	assert_int_equal(idn_to_unicode("xn--wgv71a.example", out, 15), 0);
	assert_int_equal(idn_to_unicode("xn--wgv71a.example", out, 14), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(letters)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
