#include "lib/wire/smtp/authres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void a_field(void **unused)
{
	char buf[1000];
	struct authres a;

	(void)unused;
	authres_begin(&a, "mx.test", buf, sizeof buf);
	authres_add(&a, "spf", AUTHRES_PASS);
	authres_property(&a, "smtp.mailfrom", "a@b.test");
	authres_add(&a, "spf", AUTHRES_UNCHECKED);
	authres_property(&a, "smtp.helo", "not.said");
	authres_add(&a, "dkim", AUTHRES_NONE);
	authres_property(&a, "header.d", "");
	size_t n = authres_end(&a);
	assert_string_equal(buf, "Authentication-Results: mx.test;\r\n"
				 "\tspf=pass smtp.mailfrom=a@b.test;\r\n\tdkim=none\r\n");
	assert_int_equal(n, strlen(buf));
	authres_begin(&a, "mx.test", buf, sizeof buf);
	authres_add(&a, "spf", AUTHRES_UNCHECKED);
	assert_int_equal(authres_end(&a), 0);
}

static void values_are_harmless(void **unused)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{"b.test", "b.test"},
		{"a+b_c@x-y.test", "a+b_c@x-y.test"},
		{"a; spf=pass", "\"a; spf=pass\""},
		{"\"a b\"@c", "\"\\\"a b\\\"@c\""},
		{"x\r\nEvil: y", "\"x??Evil: y\""},
		{"\xe7\xb5\xb5", "\"???\""},
		{"[192.0.2.1]", "\"[192.0.2.1]\""},
		{"(c)", "\"(c)\""},
		{"\\", "\"\\\\\""},
	};
	char buf[1000], expected[1000];
	struct authres a;

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++) {
		authres_begin(&a, "mx.test", buf, sizeof buf);
		authres_add(&a, "spf", AUTHRES_FAIL);
		authres_property(&a, "smtp.helo", cases[i].value);
		authres_end(&a);
		strcpy(expected, "Authentication-Results: mx.test;\r\n\tspf=fail smtp.helo=");
		strcat(strcat(expected, cases[i].written), "\r\n");
		assert_string_equal(buf, expected);
	}
}

/* Whatever the room, what is there is whole. */
static void what_does_not_fit(void **unused)
{
	static const char whole[] =
		"Authentication-Results: mx.test;\r\n\tspf=pass smtp.helo=a.test;"
		"\r\n\tdkim=fail header.d=b.test;\r\n\tdmarc=none\r\n";
	static const char first[] =
		"Authentication-Results: mx.test;\r\n\tspf=pass smtp.helo=a.test\r\n";

	(void)unused;
	for (size_t size = 1; size <= sizeof whole; size++) {
		char *buf = malloc(size);
		struct authres a;
		authres_begin(&a, "mx.test", buf, size);
		authres_add(&a, "spf", AUTHRES_PASS);
		authres_property(&a, "smtp.helo", "a.test");
		authres_add(&a, "dkim", AUTHRES_FAIL);
		authres_property(&a, "header.d", "b.test");
		authres_add(&a, "dmarc", AUTHRES_NONE);
		size_t n = authres_end(&a);
		assert_true(n < size && (n == 0 || strcmp(buf + n - 2, "\r\n") == 0));
		if (size == sizeof first)
			assert_string_equal(buf, first);
		if (size == sizeof whole)
			assert_string_equal(buf, whole);
		free(buf);
	}
}

static void whose_it_is(void **unused)
{
	static const struct {
		const char *value;
		bool is_ours;
	} cases[] = {
		{"mx.test; spf=pass", true},
		{"MX.Test;spf=pass", true},
		{"mx.test", true},
		{"mx.test 1; none", true},
		{"mx.test.; none", true},
		{" \r\n\t (a (nested) c\\)) mx.test(x); none", true},
		{"\"mx.test\"; none", true},
		{"\"m\\x.test\"; none", true},
		{"(open; mx.other; none", true},
		{"\"open; none", true},
		{"; none", true},
		{"", true},
		{"mx.test.example; none", false},
		{"amx.test; none", false},
		{"mx.tes; none", false},
		{"\"mx.test \"; none", false},
		{"other.test; x=mx.test", false},
		{"other.test (mx.test)", false},
		{"mx\xe3.test; none", false},
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (authres_is_ours(cases[i].value, strlen(cases[i].value), "mx.test") !=
		    cases[i].is_ours)
			fail_msg("%s", cases[i].value);
	assert_false(authres_is_ours("mx\0.test", 8, "mx.test"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field),
		cmocka_unit_test(values_are_harmless),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(whose_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
