/* The examples of RFC 6376 3.4.5 and 3.4.6, and bodies that end in every way, cut everywhere. */
#include "lib/wire/smtp/dkim_canon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pile {
	char octets[1024];
	size_t n;
};

static void pile_up(void *arg, const void *octets, size_t n)
{
	struct pile *p = arg;

	assert_true(n < sizeof p->octets - p->n);
	memcpy(p->octets + p->n, octets, n);
	p->n += n;
	p->octets[p->n] = '\0';
}

static void body(enum dkim_form form, const char *text, const char *expected)
{
	size_t n = strlen(text);

	for (size_t cut = 0; cut <= n; cut++) {
		struct pile p = {.n = 0};
		struct dkim_sink sink = {pile_up, &p};
		struct dkim_body b;
		dkim_body_init(&b, form, &sink);
		dkim_body_feed(&b, (const uint8_t *)text, cut);
		dkim_body_feed(&b, (const uint8_t *)text + cut, n - cut);
		dkim_body_finish(&b);
		assert_string_equal(p.octets, expected);
	}
}

static void field(enum dkim_form form, const char *raw, const char *expected)
{
	struct pile p = {.n = 0};
	struct dkim_sink sink = {pile_up, &p};

	dkim_canon_field(form, raw, strlen(raw), &sink);
	assert_string_equal(p.octets, expected);
}

static void signature(enum dkim_form form, const char *raw, const char *expected)
{
	struct pile p = {.n = 0};
	struct dkim_sink sink = {pile_up, &p};

	dkim_canon_signature(form, raw, strlen(raw), &sink);
	assert_string_equal(p.octets, expected);
}

static void examples_of_the_rfc(void **unused)
{
	(void)unused;
	field(DKIM_RELAXED, "A: X\r\n", "a:X\r\n");
	field(DKIM_RELAXED, "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n");
	field(DKIM_SIMPLE, "B : Y\t\r\n\tZ  \r\n", "B : Y\t\r\n\tZ  \r\n");
	body(DKIM_RELAXED, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n");
	body(DKIM_SIMPLE, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n");
}

static void ends_of_bodies(void **unused)
{
	(void)unused;
	body(DKIM_SIMPLE, "", "\r\n");
	body(DKIM_SIMPLE, "\r\n\r\n", "\r\n");
	body(DKIM_SIMPLE, "a", "a\r\n");
	body(DKIM_SIMPLE, " \r\n\r\n", " \r\n");
	body(DKIM_SIMPLE, "a\r\n\r\nb\r\r\n", "a\r\n\r\nb\r\r\n");
	body(DKIM_SIMPLE, "a\nb\r", "a\nb\r\r\n");
	body(DKIM_RELAXED, "", "");
	body(DKIM_RELAXED, "\r\n \t\r\n", "");
	body(DKIM_RELAXED, "  ", "");
	body(DKIM_RELAXED, "a \t", "a\r\n");
	body(DKIM_RELAXED, "a\r\n \r\n\r\n  b", "a\r\n\r\n\r\n b\r\n");
	body(DKIM_RELAXED, "a \rb\r\r\n", "a \rb\r\r\n");
}

static void fields(void **unused)
{
	(void)unused;
	field(DKIM_RELAXED, "A:\r\n", "a:\r\n");
	field(DKIM_RELAXED, "A:  \r\n\r\n", "a:\r\n");
	field(DKIM_RELAXED, "aB: x:Y\xe3\x81", "ab:x:Y\xe3\x81\r\n");
	field(DKIM_SIMPLE, "A:x", "A:x\r\n");
}

static void its_own_value_is_not_signed(void **unused)
{
	(void)unused;
	signature(DKIM_SIMPLE, "D: v=1;\r\n b = ab\r\n\tcd; bh=xx\r\n", "D: v=1;\r\n b =; bh=xx");
	signature(DKIM_RELAXED, "D: v=1;\r\n b = ab\r\n\tcd; bh=xx\r\n", "d:v=1; b =; bh=xx");
	signature(DKIM_SIMPLE, "D: bh=b; b= ab\r\n cd\r\n", "D: bh=b; b=");
	signature(DKIM_RELAXED, "D: bh=b; b= ab\r\n cd\r\n", "d:bh=b; b=");
	signature(DKIM_RELAXED, "D: v=1\r\n", "d:v=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(ends_of_bodies),
		cmocka_unit_test(fields),
		cmocka_unit_test(its_own_value_is_not_signed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
