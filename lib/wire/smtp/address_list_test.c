#include "lib/wire/smtp/address_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define J            ADDRESS_LIST_JAPANESE
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is found, written down: an address as its canonical form, `name:` for a group, `?` for junk;
 * behind '=' the name if there is one. */
static const struct {
	const char *text;
	unsigned flags;
	const char *found;
} lists[] = {
	{"", 0, ""},
	{" \t\r\n ", 0, ""},
	{"a@b", 0, "a@b"},
	{"A@B.Example", 0, "A@b.example"},
	{" a@b , c@d,,e@f, ", 0, "a@b c@d e@f"},
	{"a@b; c@d", 0, "a@b c@d"},
	{"Taro <a@b>", 0, "a@b=Taro"},
	{"\"Suzuki, Taro\" <a@b>", 0, "a@b=\"Suzuki, Taro\""},
	{"Suzuki, Taro <a@b>", 0, "? a@b=Taro"},
	{"=?UTF-8?B?6bOp?= <a@b>,\r\n <c@d>", 0, "a@b==?UTF-8?B?6bOp?= c@d"},
	{"a@b (Taro)", 0, "a@b"},
	{"a@b (Taro (of (S@x)) \\) )", 0, "a@b"},
	{"(x, y@z) a@b", 0, "a@b"},
	{"a (x) @ (y) b . c", 0, "a@b.c"},
	{"Taro <a(x)@b\r\n .c>", 0, "a@b.c=Taro"},
	{"Mr. T. <a@b>", 0, "a@b=Mr. T."},
	{"[bug 7] <a@b>", 0, "a@b=[bug 7]"},
	{"a@b <c@d>", 0, "c@d=a@b"},
	{"\"a@b\" <c@d>", 0, "c@d=\"a@b\""},
	{"<a@[192.0.2.1]>, a@[IPv6:2001:db8::1]", 0, "a@[192.0.2.1] a@[ipv6:2001:db8::1]"},
	{"<@r,@s.t:a@b>, <@r:a@b>", 0, "a@b a@b"},
	/* groups */
	{"undisclosed-recipients:;", 0, "undisclosed-recipients:"},
	{"Friends: a@b, Taro <c@d>; e@f", 0, "Friends: (a@b) (c@d=Taro) e@f"},
	{"A B:;, c@d", 0, "A B: c@d"},
	{"x: a@b", 0, "x: (a@b)"},
	{"x: y: a@b;", 0, "x: (?)"},
	/* the carriers' */
	{"a..b.@docomo.ne.jp", 0, "a..b.@docomo.ne.jp"},
	{"<.a@ezweb.ne.jp>", 0, ".a@ezweb.ne.jp"},
	{"\"a..b.\"@docomo.ne.jp", 0, "a..b.@docomo.ne.jp"},
	{"T <\"a.\"@docomo.ne.jp>", 0, "a.@docomo.ne.jp=T"},
	/* quoted local parts */
	{"\"a b\"@c", 0, "a b@c"},
	{"\"a\\\"b\"@c", 0, "a\"b@c"},
	{"\"a\".b.\"c\"@d", 0, "a.b.c@d"},
	{"\"a\"b@d, a\"b\"@d, \"a.\"b@d", 0, "? ? ?"},
	{"\"\"@c", 0, "@c"},
	{"\"a\tb\"@c", 0, "?"},
	/* junk */
	{"Taro", 0, "?"},
	{"<>", 0, "?"},
	{"<a@b", 0, "?"},
	{"a@b>", 0, "?"},
	{"<a@b> c", 0, "?"},
	{"<a@b> <c@d>", 0, "?"},
	{"<a@b><c@d>", 0, "?"},
	{"<<a@b>>", 0, "?"},
	{"<@r>", 0, "?"},
	{"<@r,@s", 0, "?"},
	{"a@b@c", 0, "?"},
	{"@b", 0, "?"},
	{"a@", 0, "?"},
	{"a b@c", 0, "?"},
	{"a@b c", 0, "?"},
	{"a@-b", 0, "?"},
	{"a@b.", 0, "?"},
	{"\"x <a@b>", 0, "?"},
	{"(x <a@b>", 0, "?"},
	{"a@b (x", 0, "?"},
	{"x <a@b> (", 0, "?"},
	{"x <a@b> \"", 0, "?"},
	{"a\\@b@c", 0, "?"},
	{":a@b", 0, "?"},
	{",;,;", 0, ""},
	/* octets over 127 */
	{"\xe9\xb3\xa9@\xe4\xbe\x8b.jp", 0, "\xe9\xb3\xa9@\xe4\xbe\x8b.jp"},
	{"\xe9\xb3\xa9 <a@b>", 0, "a@b=\xe9\xb3\xa9"},
	{"\x94\xb5 <a@b>", 0, "a@b=\x94\xb5"},
	{"\x94\xb5@b", 0, "?"},
	{"\"\x94\\\" <a@b>", 0, "?"}, /* Shift_JIS 945C */
	{"\"\x94\\\" <a@b>", J, "a@b=\"\x94\\\""},
	{"\"\xe9\xb3\xa9\\\"\" <a@b>", J, "a@b=\"\xe9\xb3\xa9\\\"\""},
	/* ISO-2022-JP, raw: octets like `"` `(` and `<` */
	{"\033$B\"(<x@y>\033(B <a@b>", J, "a@b=\033$B\"(<x@y>\033(B"},
	{"\033$B\"(<x@y>\033(B <a@b>", 0, "?"},
	{"\033$B<x@y>\033(B <a@b>", 0, "?"},
	{"\033$B7\033(B <a@b>", 0, "?"}, /* a comment that does not close */
	{"\033$B7\033(B <a@b>", J, "a@b=\033$B7\033(B"},
	{"\033$B <a@b>", J, "?"},
	{"\033$", J, "?"},
	{"\"\033$B\"\\\033(B\" <a@b>", J, "a@b=\"\033$B\"\\\033(B\""},
};

static void write_item(const struct address_item *i, char *out, size_t room)
{
	char text[MAILADDR_TEXT_MAX + 1];
	size_t at = strlen(out);
	const char *what = i->kind == ADDRESS_MAILBOX ? mailaddr_canonical(&i->address, text) : "?";

	if (i->kind == ADDRESS_GROUP) {
		snprintf(out + at, room - at, "%s%.*s:", at ? " " : "", (int)i->name_len, i->name);
		return;
	}
	snprintf(out + at, room - at, "%s%s%s%s%.*s%s", at ? " " : "", i->in_group ? "(" : "", what,
		 i->kind == ADDRESS_MAILBOX && i->name_len ? "=" : "",
		 i->kind == ADDRESS_MAILBOX ? (int)i->name_len : 0, i->name ? i->name : "",
		 i->in_group ? ")" : "");
}

static void test_lists(void **state)
{
	(void)state;
	for (size_t n = 0; n < COUNT(lists); n++) {
		struct address_list l;
		struct address_item item;
		char found[512] = "";

		address_list_init(&l, lists[n].text, strlen(lists[n].text), lists[n].flags);
		while (address_list_next(&l, &item))
			write_item(&item, found, sizeof found);
		if (strcmp(found, lists[n].found) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", lists[n].text, found,
				 lists[n].found);
	}
}

/* Someone who replaces an address wants to know where it stood. */
static void test_text(void **state)
{
	static const char text[] = " T <a@b> , (c) x@y (z) ,w";
	struct address_list l;
	struct address_item item;

	(void)state;
	address_list_init(&l, text, strlen(text), 0);
	assert_true(address_list_next(&l, &item));
	assert_int_equal(item.text - text, 1);
	assert_int_equal(item.text_len, 7);
	assert_true(address_list_next(&l, &item));
	assert_int_equal(item.text_len, 3);
	assert_memory_equal(item.text, "x@y", 3);
	assert_int_equal(item.name_len, 0);
	assert_true(address_list_next(&l, &item));
	assert_false(address_list_next(&l, &item));
}

static void test_limits(void **state)
{
	char text[600];
	struct address_list l;
	struct address_item item;

	(void)state;
	for (size_t n = 63; n <= 66; n++) {
		memset(text, 'a', n);
		strcpy(text + n, "@b");
		address_list_init(&l, text, strlen(text), 0);
		assert_true(address_list_next(&l, &item));
		assert_int_equal(item.kind, n <= 64 ? ADDRESS_MAILBOX : ADDRESS_JUNK);
	}
	memset(text, '.', sizeof text);
	text[0] = 'a';
	text[1] = '@';
	address_list_init(&l, text, sizeof text, 0);
	assert_true(address_list_next(&l, &item));
	assert_int_equal(item.kind, ADDRESS_JUNK);
	assert_int_equal(item.text_len, sizeof text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
