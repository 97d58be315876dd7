/* What looks like what, and what must not. */
#include "lib/rules/lookalike.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

static bool alike(const char *a, const char *b)
{
	struct lookalike x, y;

	assert_int_equal(lookalike_of(a, &x), 0);
	assert_int_equal(lookalike_of(b, &y), 0);
	return strcmp(x.domain, y.domain) != 0 && strcmp(x.skeleton, y.skeleton) == 0;
}

static void lookalikes(void **unused)
{
	static const char *const rows[][2] = {
		{"amazon.com", "arnazon.com"},
		{"amazon.com", "amaz0n.com"},
		{"amazon.com", "ama-zon.com"},
		{"amazon.com", "xn--mazon-3ve.com"}, /* Cyrillic a */
		{"amazon.com", "\xd0\xb0mazon.com"}, /* the same, not in A-labels */
		{"amazon.co.jp", "arnazon.co.jp"},
		{"amazon.com", "signin.mail.arnazon.com"},
		{"paypal.com", "paypa1.com"},
		{"paypal.com", "paypai.com"},
		{"paypal.com", "PayPaI.com"},
		{"wikipedia.org", "vvikipedia.org"},
		{"docomo.ne.jp", "clocomo.ne.jp"},
		{"docomo.ne.jp", "doc0mo.ne.jp"},
		{"rakuten-card.co.jp", "rakutencard.co.jp"},
		{"smbc.co.jp", "srnbc.co.jp"},
		{"google.com", "\xce\xbfg.goo\xc9\xa1le.com"}, /* script g; below it, omicron */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!alike(rows[i][0], rows[i][1]))
			fail_msg("%s is not like %s", rows[i][1], rows[i][0]);
}

static void others(void **unused)
{
	static const char *const rows[][2] = {
		{"amazon.co.jp", "amazon.com"}, /* both are real */
		{"amazon.com", "amazon.com"},
		{"amazon.com", "mail.amazon.com"},
		{"amazon.com", "AMAZON.com"},
		{"amazon.com", "amazom.com"},
		{"amazon.com", "amazon.net"},
		{"docomo.ne.jp", "kddi.ne.jp"},
		{"example.com", "examp.com"},
		{"a.test", "b.test"},
		{"xn--wgv71a.example", "xn--r8jz45g.example"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (alike(rows[i][0], rows[i][1]))
			fail_msg("%s is like %s", rows[i][1], rows[i][0]);
}

static void no_domains(void **unused)
{
	static const char *const rows[] = {"", "[192.0.2.1]", "\xff.test"};
	char longest[300];
	struct lookalike l;

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(lookalike_of(rows[i], &l), E_SYNTAX);
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(lookalike_of(longest, &l), E_SYNTAX);
	/* One label that is no A-label although it says so. */
	assert_int_equal(lookalike_of("xn--99999999999.test", &l), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lookalikes),
		cmocka_unit_test(others),
		cmocka_unit_test(no_domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
