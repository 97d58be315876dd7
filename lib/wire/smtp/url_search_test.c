#include "lib/wire/smtp/url_search.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define JIS      "iso-2022-jp"
#define UTF      "utf-8"

static bool search(const char *text, size_t n, bool is_html, const char *charset, size_t piece)
{
	struct url_search s;

	url_search_begin(&s, is_html, charset);
	for (size_t at = 0; at < n; at += piece)
		url_search_feed(&s, (const uint8_t *)text + at, n - at < piece ? n - at : piece);
	return s.is_found;
}

static const struct {
	const char *charset, *text;
	bool in_text, in_html;
} rows[] = {
	{UTF, "see http://b.test/", true, true},
	{UTF, "HTTPS://B.test", true, true},
	{UTF, "xhttp://b", true, true},
	{UTF, "http://[2001:db8::1]/", true, true},
	{UTF, "http://\xe7\xb5\xb5.test", true, true},
	{UTF, "http:// is how it begins", false, false},
	{UTF, "http:/b.test", false, false},
	{UTF, "www.b.test", true, true},
	{UTF, "(WWW.b.test)", true, true},
	{UTF, "www. x", false, false},
	{UTF, "awww.cute", false, false},
	{UTF, "mail me at taro@b.test", false, false},
	{UTF, "", false, false},
	{UTF, "<a href=\"http://b.test\">", true, true},
	{UTF, "<a href = 'b.test'>", false, true},
	{UTF, "<A HREF=//b.test>", false, true},
	{UTF, "<a href=\"&#104;ttp://b.test\">", false, true},
	{UTF, "<a href\r\n=\r\n\"b\">", false, true},
	{UTF, "<a href=\"mailto:a@b.test\">", false, false},
	{UTF, "<a href='MAILTO:a@b'> <a href=tel:110> <a href=#top> <a href=\"cid:x\">", false,
	 false},
	{UTF, "<a href=\"mail\">", false, true},
	{UTF, "<a href=\"mailto:a@b\" href=x>", false, true},
	{UTF, "<a href=> b", false, false},
	{UTF, "an href is a thing", false, false},
	{"", "h\0t\0t\0p\0:\0/\0/\0b\0", false, false}, /* see utf16 */
	/* kanji whose octets spell it */
	{JIS, "\x1b$Bhttp://b\x1b(B", false, false},
	{JIS, "\x1b$@www.b.test", false, false},
	{JIS, "\x1b(Iwww.b.test", false, false},
	{JIS, "\x1b$(Dwww.b.test", false, false},
	{JIS, "\x1b$B$3$s\x1b(Bhttp://b.test", true, true},
	{JIS, "\x1b$B$3$s\x1b(Jwww.b.test", true, true},
	{JIS, "\x1b$B$3$s\r\nhttp://b.test", true, true}, /* the line's end is the kanji's */
	{JIS, "http:\x1b$B//b\x1b(B", false, false},
	{UTF, "\x1b$Bhttp://b.test", true, true}, /* nobody hides behind an escape that is none */
};

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t piece = 1; piece < 100; piece += piece < 10 ? 1 : 80) {
			size_t n = strlen(rows[i].text);
			if (search(rows[i].text, n, false, rows[i].charset, piece) !=
				    rows[i].in_text ||
			    search(rows[i].text, n, true, rows[i].charset, piece) !=
				    rows[i].in_html)
				fail_msg("%s", rows[i].text);
		}
}

static void utf16(void **state)
{
	static const char text[] = "h\0t\0t\0p\0:\0/\0/\0b\0";

	(void)state;
	assert_true(search(text, sizeof text, false, "utf-16le", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(utf16),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
