#include "smtpgw/local_domains.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/err.h"

static void good(void **unused)
{
	struct local_domains *l;
	const char *bad;

	(void)unused;
	assert_int_equal(
		local_domains_new(" Hato.Example,b.test ,\tc.test,, \xe4\xbe\x8b.test", &l, &bad),
		0);
	assert_string_equal(local_domains_first(l), "hato.example");
	assert_true(local_domains_has(l, "hato.example") && local_domains_has(l, "b.test") &&
		    local_domains_has(l, "c.test"));
	assert_true(local_domains_has(l, "\xe4\xbe\x8b.test"));
	assert_false(local_domains_has(l, "x.hato.example") || local_domains_has(l, "example") ||
		     local_domains_has(l, ""));
	local_domains_free(l);
	local_domains_free(NULL);
}

static void wrong(void **unused)
{
	static const struct {
		const char *text, *bad;
	} rows[] = {
		{"", ""},
		{" , ,", ""},
		{"a.test, b..test c.test", "b..test c.test"},
		{"a.test.", "a.test."},
		{"[192.0.2.1]", "[192.0.2.1]"},
		{"a@b.test", "a@b.test"},
		{"-a.test", "-a.test"},
		{"a.test,x>y", "x>y"},
	};
	struct local_domains *l;
	const char *bad;

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(local_domains_new(rows[i].text, &l, &bad), E_SYNTAX);
		assert_string_equal(bad, rows[i].bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(good), cmocka_unit_test(wrong)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
