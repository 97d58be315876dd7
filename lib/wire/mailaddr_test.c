#include "lib/wire/mailaddr.h"
#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define A8           "aaaaaaaa"
#define A64          A8 A8 A8 A8 A8 A8 A8 A8
#define A63          "aaaaaaa" A8 A8 A8 A8 A8 A8 A8
#define TO_DOT       "aaaaaaaa.aaaaaaaa.aaaaaaaa.aaaaaaaa.aaaaaaaa.aaaaaaaa.aaaaaaaa." /* 63 octets */
#define ALL          (MAILADDR_UTF8 | MAILADDR_NULL | MAILADDR_POSTMASTER)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *path;
	unsigned flags;
	int err;
	const char *local, *domain, *format; /* format null: the canonical form */
	const char *rest;                    /* what follows the path */
} paths[] = {
	/* plain */
	{"<a@b>", 0, 0, "a", "b", 0, ""},
	{"<User.Name+tag@Mail.Example.COM>", 0, 0, "User.Name+tag", "mail.example.com", 0, ""},
	{"<a@b> SIZE=1", 0, 0, "a", "b", 0, " SIZE=1"},
	{"<a@b>>", 0, 0, "a", "b", 0, ">"},
	{"<!#$%&'*+-/=?^_`{|}~@x-y.z>", 0, 0, "!#$%&'*+-/=?^_`{|}~", "x-y.z", 0, ""},
	{"<1@1.2.3.4>", 0, 0, "1", "1.2.3.4", 0, ""},
	/* null and postmaster */
	{"<>", MAILADDR_NULL, 0, "", "", 0, ""},
	{"<>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<>", MAILADDR_POSTMASTER, E_SYNTAX, 0, 0, 0, 0},
	{"< >", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<Postmaster>", MAILADDR_POSTMASTER, 0, "postmaster", "", 0, ""},
	{"<postmaster>", MAILADDR_NULL, E_SYNTAX, 0, 0, 0, 0},
	{"<postmaster@B>", ALL, 0, "postmaster", "b", 0, ""},
	{"<postmasters>", ALL, E_SYNTAX, 0, 0, 0, 0},
	/* source routes */
	{"<@r:a@b>", 0, 0, "a", "b", 0, ""},
	{"<@r,@s.t,@[192.0.2.1]:a@b>", 0, 0, "a", "b", 0, ""},
	{"<@r,s:a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@r,a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@\xe4\xbe\x8b:a@b>", ALL, 0, "a", "b", 0, ""},
	{"<@\xe4\xbe\x8b:a@b>", 0, E_RANGE, 0, 0, 0, 0},
	{"<@r,:a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@r a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@:a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@r:>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<@r", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	/* the carriers' local parts */
	{"<a..b@docomo.ne.jp>", 0, 0, "a..b", "docomo.ne.jp", "\"a..b\"@docomo.ne.jp", ""},
	{"<a.@docomo.ne.jp>", 0, 0, "a.", "docomo.ne.jp", "\"a.\"@docomo.ne.jp", ""},
	{"<.a@ezweb.ne.jp>", 0, 0, ".a", "ezweb.ne.jp", "\".a\"@ezweb.ne.jp", ""},
	{"<-a@ezweb.ne.jp>", 0, 0, "-a", "ezweb.ne.jp", 0, ""},
	{"<a---b-@ezweb.ne.jp>", 0, 0, "a---b-", "ezweb.ne.jp", 0, ""},
	{"<\"a..b\"@docomo.ne.jp>", 0, 0, "a..b", "docomo.ne.jp", "\"a..b\"@docomo.ne.jp", ""},
	{"<\"a\\..b\"@docomo.ne.jp>", 0, 0, "a..b", "docomo.ne.jp", "\"a..b\"@docomo.ne.jp", ""},
	{"<.@b>", 0, 0, ".", "b", "\".\"@b", ""},
	/* quoted */
	{"<\"a\"@b>", 0, 0, "a", "b", 0, ""},
	{"<\"a b\"@c>", 0, 0, "a b", "c", "\"a b\"@c", ""},
	{"<\"a@b>\"@c>", 0, 0, "a@b>", "c", "\"a@b>\"@c", ""},
	{"<\"a\\\"\\\\b\"@c>", 0, 0, "a\"\\b", "c", "\"a\\\"\\\\b\"@c", ""},
	{"<\"\"@c>", 0, 0, "", "c", "\"\"@c", ""},
	{"<\"a\"b@c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<\"a\".b@c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<\"a@c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<\"a\\", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<\"", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<\"a\\\xe3\x81\x82\"@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	/* controls */
	{"<\"a\tb\"@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<\"a\\\rb\"@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<\"a\nb\"@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<a\rb@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<a\x7f@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<a@c\n>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<a@c\r\n", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<\xc2\x85@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<\"\xc2\x85\"@c>", ALL, E_SYNTAX, 0, 0, 0, 0},
	/* literals */
	{"<a@[192.0.2.1]>", 0, 0, "a", "[192.0.2.1]", 0, ""},
	{"<a@[IPv6:2001:DB8:0:0::1]>", 0, 0, "a", "[ipv6:2001:db8::1]", 0, ""},
	{"<a@[ipV6:::ffff:192.0.2.1]>", 0, 0, "a", "[ipv6:::ffff:192.0.2.1]", 0, ""},
	{"<a@[2001:db8::1]>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[192.0.2.256]>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[192.0.2]>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[]>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[IPv6:]>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[x400:foo]>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[192.0.2.1>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[192.0.2.1]x>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@[" A64 A64 "]>", 0, E_SYNTAX, 0, 0, 0, 0},
	/* not a path */
	{"", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"a@b", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b@c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"< a@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b >", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a b@c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<(x)a@c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<<a@b>>", 0, E_SYNTAX, 0, 0, 0, 0},
	/* domains */
	{"<a@b.>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@.b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b..c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@-b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b-.c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b_c>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<a@b--c>", 0, 0, "a", "b--c", 0, ""},
	{"<a@" A63 ".b>", 0, 0, "a", A63 ".b", 0, ""},
	{"<a@" A64 ".b>", 0, E_TOO_LARGE, 0, 0, 0, 0},
	/* lengths */
	{"<" A64 "@b>", 0, 0, A64, "b", 0, ""},
	{"<" A64 "a@b>", 0, E_TOO_LARGE, 0, 0, 0, 0},
	{"<\"" A64 "\"@b>", 0, 0, A64, "b", 0, ""},
	{"<\"" A64 "a\"@b>", 0, E_TOO_LARGE, 0, 0, 0, 0},
	{"<\"" A63 "\\\"\\\"\"@b>", 0, E_TOO_LARGE, 0, 0, 0, 0},
	{"<a@" TO_DOT TO_DOT TO_DOT TO_DOT "bcdef>", 0, E_TOO_LARGE, 0, 0, 0, 0},
	{"<@" TO_DOT TO_DOT TO_DOT "x:" A64 "@b>", 0, E_TOO_LARGE, 0, 0, 0, 0},
	/* SMTPUTF8 */
	{"<\xe7\x94\xb0@b>", ALL, 0, "\xe7\x94\xb0", "b", 0, ""},
	{"<a@\xe4\xbe\x8b.B>", ALL, 0, "a", "\xe4\xbe\x8b.b", 0, ""},
	{"<\"\xe7\x94\xb0 x\"@b>", ALL, 0, "\xe7\x94\xb0 x", "b", "\"\xe7\x94\xb0 x\"@b", ""},
	{"<\xe7\x94\xb0.@b>", ALL, 0, "\xe7\x94\xb0.", "b", "\"\xe7\x94\xb0.\"@b", ""},
	{"<\xe7\x94\xb0@b>", 0, E_RANGE, 0, 0, 0, 0},
	{"<a@\xe4\xbe\x8b.b>", 0, E_RANGE, 0, 0, 0, 0},
	{"<\xe7\x94@b>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<\xc0\xaf@b>", ALL, E_SYNTAX, 0, 0, 0, 0},
	{"<\xff@b>", 0, E_SYNTAX, 0, 0, 0, 0},
	{"<\xe7\x94\xb0" A63 "@b>", ALL, E_TOO_LARGE, 0, 0, 0, 0},
};

static void check_path(size_t row, const struct mailaddr *a, size_t used)
{
	char text[MAILADDR_TEXT_MAX + 1], canonical[MAILADDR_TEXT_MAX + 1];
	struct mailaddr again;

	assert_string_equal(a->local, paths[row].local);
	assert_string_equal(a->domain, paths[row].domain);
	assert_string_equal(paths[row].path + used, paths[row].rest);
	mailaddr_canonical(a, canonical);
	mailaddr_format(a, text);
	assert_string_equal(text, paths[row].format ? paths[row].format : canonical);
	if (a->domain[0]) {
		assert_int_equal(mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &again), 0);
		assert_memory_equal(&again, a, sizeof again);
	}
}

static void test_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct mailaddr a = {.local = "untouched"};
		size_t used = 12345, len = strlen(paths[i].path);
		char *exact = malloc(len + !len); /* so that a sanitizer sees a step over the end */
		memcpy(exact, paths[i].path, len);
		int err = mailaddr_parse_path(exact, len, paths[i].flags, &a, &used);
		free(exact);
		if (err != paths[i].err)
			fail_msg("row %zu %s: %d", i, paths[i].path, err);
		if (err) {
			assert_string_equal(a.local, "untouched");
			assert_int_equal(used, 12345);
			continue;
		}
		check_path(i, &a, used);
	}
}

static void test_path_limit(void **state)
{
	struct mailaddr a;
	size_t used;
	char path[400];

	(void)state;
	for (size_t pad = 1; pad < 60; pad++) {
		int n = snprintf(path, sizeof path, "<a@" TO_DOT TO_DOT TO_DOT "%.*s>", (int)pad,
				 A64);
		int err = mailaddr_parse_path(path, (size_t)n, 0, &a, &used);
		assert_int_equal(err, n <= MAILADDR_PATH_MAX ? 0 : E_TOO_LARGE);
	}
	int n = snprintf(path, sizeof path, "<a@" TO_DOT TO_DOT TO_DOT "%.*s>", 63, A64);
	assert_int_equal(n, 256);
	assert_int_equal(mailaddr_parse_path(path, 256, 0, &a, &used), 0);
	n = snprintf(path, sizeof path, "<ab@" TO_DOT TO_DOT TO_DOT "%.*s>", 63, A64);
	assert_int_equal(mailaddr_parse_path(path, 257, 0, &a, &used), E_TOO_LARGE);
	assert_int_equal(n, 257);
}

static void test_nul_inside(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {{"<a\0b@c>", 7}, {"<\"a\0\"@c>", 8},        {"<\"a\\\0\"@c>", 9},
		    {"<a@c\0>", 6},  {"<a@[192.0.2.1\0]>", 16}, {"<\0>", 3}};
	struct mailaddr a;
	size_t used;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(mailaddr_parse_path(rows[i].text, rows[i].len, ALL, &a, &used),
				 E_SYNTAX);
}

static const struct {
	const char *text;
	int err;
	const char *canonical, *folded;
	bool is_carrier;
} bare[] = {
	{"A.b@C.d", 0, "A.b@c.d", "a.b@c.d", false},
	{"\"A.b\"@C.d", 0, "A.b@c.d", "a.b@c.d", false},
	{"Taro.@docomo.ne.jp", 0, "Taro.@docomo.ne.jp", "taro.@docomo.ne.jp", true},
	{"\"Taro.\"@DOCOMO.ne.jp", 0, "Taro.@docomo.ne.jp", "taro.@docomo.ne.jp", true},
	{"-x@ezweb.ne.jp", 0, "-x@ezweb.ne.jp", "-x@ezweb.ne.jp", false},
	{"\"a b\"@c", 0, "a b@c", "a b@c", false},
	{"\"a@b\"@c", 0, "a@b@c", "a@b@c", false},
	{"\"\"@c", 0, "@c", "@c", false},
	{"\xc3\x84@c", 0, "\xc3\x84@c", "\xc3\x84@c", false},
	{"", E_SYNTAX, 0, 0, false},
	{"<>", E_SYNTAX, 0, 0, false},
	{"<a@b>", E_SYNTAX, 0, 0, false},
	{"a@b>", E_SYNTAX, 0, 0, false},
	{"a@b ", E_SYNTAX, 0, 0, false},
	{"@r:a@b", E_SYNTAX, 0, 0, false},
	{"postmaster", E_SYNTAX, 0, 0, false},
};

static void test_bare(void **state)
{
	char text[MAILADDR_TEXT_MAX + 1];
	struct mailaddr a;

	(void)state;
	for (size_t i = 0; i < COUNT(bare); i++) {
		int err = mailaddr_parse(bare[i].text, strlen(bare[i].text), MAILADDR_UTF8, &a);
		if (err != bare[i].err)
			fail_msg("row %zu %s: %d", i, bare[i].text, err);
		if (err)
			continue;
		assert_string_equal(mailaddr_canonical(&a, text), bare[i].canonical);
		assert_string_equal(mailaddr_folded(&a, text), bare[i].folded);
		assert_int_equal(mailaddr_is_carrier(&a), bare[i].is_carrier);
		assert_false(mailaddr_is_null(&a));
	}
}

static void test_widest_format(void **state)
{
	struct mailaddr a = {0}, again;
	char text[MAILADDR_TEXT_MAX + 1];

	(void)state;
	memset(a.local, '"', MAILADDR_LOCAL_MAX);
	for (size_t i = 0; i < MAILADDR_DOMAIN_MAX; i++)
		a.domain[i] = i % 2 ? '.' : 'd';
	mailaddr_format(&a, text);
	assert_int_equal(strlen(text), MAILADDR_TEXT_MAX);
	assert_int_equal(mailaddr_parse(text, strlen(text), 0, &again), 0);
	assert_memory_equal(&again, &a, sizeof a);
}

static void test_null(void **state)
{
	struct mailaddr a;
	size_t used;
	char text[MAILADDR_TEXT_MAX + 1];

	(void)state;
	assert_int_equal(mailaddr_parse_path("<>", 2, MAILADDR_NULL, &a, &used), 0);
	assert_true(mailaddr_is_null(&a));
	assert_false(mailaddr_is_carrier(&a));
	assert_string_equal(mailaddr_format(&a, text), "");
	assert_string_equal(mailaddr_canonical(&a, text), "");
	assert_string_equal(mailaddr_folded(&a, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),      cmocka_unit_test(test_path_limit),
		cmocka_unit_test(test_nul_inside), cmocka_unit_test(test_bare),
		cmocka_unit_test(test_null),       cmocka_unit_test(test_widest_format),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
