/* Messages, and what a walk tells of them, however they are cut. */
#include "lib/wire/smtp/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

struct told {
	char text[8192]; /* "<text/plain>body<text/html>..." */
	size_t n;
};

static bool on_part(void *arg, const struct mime_type *type)
{
	struct told *t = arg;

	t->n += (size_t)snprintf(t->text + t->n, sizeof t->text - t->n, "<%s%s%s>", type->type,
				 *type->charset ? " " : "", type->charset);
	return strncmp(type->type, "text/", 5) == 0;
}

static void on_octets(void *arg, const uint8_t *octets, size_t n)
{
	struct told *t = arg;

	assert_true(n > 0 && t->n + n < sizeof t->text);
	memcpy(t->text + t->n, octets, n);
	t->n += n;
	t->text[t->n] = '\0';
}

static const struct mime_sink sink = {on_part, on_octets};

/* Is it over? */
static bool walk(const char *message, size_t n, size_t piece, struct told *t)
{
	const struct mime_limits limits = {5, 20, 300};
	struct mime m;

	*t = (struct told){.n = 0};
	mime_init(&m, &limits, &sink, t);
	for (size_t at = 0; at < n; at += piece)
		assert_int_equal(mime_feed(&m, (const uint8_t *)message + at,
					   n - at < piece ? n - at : piece),
				 0);
	assert_int_equal(mime_finish(&m), 0);
	bool is_over = m.is_over;
	mime_fini(&m);
	return is_over;
}

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"

static const struct {
	const char *name, *message, *told;
	bool is_over;
} rows[] = {
	{"no header", "\r\nbody\r\n", "<text/plain>body\r\n", false},
	{"no body", "Subject: s\r\n", "", false},
	{"nothing", "", "", false},
	{"plain", "Subject: s\r\n\r\none\r\n--b\r\n", "<text/plain>one\r\n--b\r\n", false},
	{"a type that is none", "Content-Type: text\r\n\r\nx", "<text/plain>x", false},
	{"a character set", "CONTENT-type: Text/HTML; x=y; (c) CharSet=\"ISO-2022-JP\"\r\n\r\nx",
	 "<text/html iso-2022-jp>x", false},
	{"base64", "Content-Transfer-Encoding: BASE64\r\n\r\naHR0\r\ncDovL\r\n2IudGVzdA==\r\neA==",
	 "<text/plain>http://b.testx", false},
	{"base64 with dirt", "Content-Transfer-Encoding: base64 (c)\r\n\r\naH!R 0\r\n-cA",
	 "<text/plain>http", false},
	{"quoted",
	 "Content-Transfer-Encoding: Quoted-Printable\r\n\r\nh=74tp=\r\n:=2F=2f=  \r\nx=\r\n",
	 "<text/plain>http://x", false},
	{"quoted, badly", "Content-Transfer-Encoding: quoted-printable\r\n\r\n=zz=4=3d==41=\n.=\rx",
	 "<text/plain>=zz=4==A.=\rx", false},
	{"mixed",
	 MIXED "pre\r\n--b\r\n\r\none\r\n--b \t\r\nContent-Type: "
	       "text/html\r\n\r\ntwo\r\n--b--\r\nepi\r\n",
	 "<text/plain>one\r\n<text/html>two\r\n", false},
	{"not a boundary",
	 MIXED "--b\r\n\r\n--bb\r\n--b-\r\n-b\r\n-eb\r\n--\r\n -- b\r\n--b--x\r\n--B\r\n",
	 "<text/plain>--bb\r\n--b-\r\n-b\r\n-eb\r\n--\r\n -- b\r\n--b--x\r\n--B\r\n", false},
	{"a part's header without an end", MIXED "--b\r\nContent-Type: text/html\r\n--b\r\n\r\ntwo",
	 "<text/plain>two", false},
	{"in each other",
	 MIXED "--b\r\nContent-Type: multipart/alternative; boundary=\"b c\"\r\n\r\n--b "
	       "c\r\n\r\none\r\n--b\r\n\r\ntwo\r\n"
	       "--b c\r\nstill two\r\n--b--\r\n--b c\r\n\r\nno\r\n",
	 "<text/plain>one\r\n<text/plain>two\r\n--b c\r\nstill two\r\n", false},
	{"a message in it",
	 MIXED "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: "
	       "text/html\r\n\r\none\r\n--b\r\n\r\ntwo",
	 "<text/html>one\r\n<text/plain>two", false},
	{"a message that is encoded",
	 "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\naHR0cA==",
	 "<text/plain>http", false},
	{"digest",
	 "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: "
	 "s\r\n\r\none\r\n--b--",
	 "<text/plain>one\r\n", false},
	{"an attachment is not given",
	 MIXED "--b\r\nContent-Type: image/png\r\n\r\nxxx\r\n--b\r\n\r\nyes",
	 "<image/png><text/plain>yes", false},
	{"a multipart without a boundary", "Content-Type: multipart/mixed\r\n\r\none",
	 "<text/plain>one", false},
	{"a boundary in pieces",
	 "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\none", "",
	 true},
	{"two boundaries",
	 "Content-Type: multipart/mixed; boundary=a; boundary=b\r\n\r\n--b\r\n\r\none", "", true},
	{"two types", "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\none", "", true},
	{"a long boundary that is none", MIXED "--b\r\n\r\n--bx\r\n", "<text/plain>--bx\r\n",
	 false},
};

static void the_table(void **state)
{
	static const size_t pieces[] = {SIZE_MAX / 2, 1, 2, 3, 7, 64};
	struct told t;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		for (size_t k = 0; k < COUNT(pieces); k++) {
			bool is_over =
				walk(rows[i].message, strlen(rows[i].message), pieces[k], &t);
			if (is_over != rows[i].is_over || strcmp(t.text, rows[i].told) != 0)
				fail_msg("%s in pieces of %zu: %d %s", rows[i].name, pieces[k],
					 is_over, t.text);
		}
}

/* A line of dashes that is longer than any boundary is content, whole. */
static void a_long_line_of_dashes(void **state)
{
	char message[2000] = MIXED "--b\r\n\r\n";
	size_t head = strlen(message);
	struct told t;

	(void)state;
	for (size_t len = 190; len < 300; len++) {
		memset(message + head, '-', len);
		strcpy(message + head + len, "\r\nx");
		assert_false(walk(message, head + len + 3, 50, &t));
		assert_int_equal(t.n, strlen("<text/plain>") + len + 3);
	}
}

/* What is too deep, or too many, is not gone into. */
static void over_the_limits(void **state)
{
	static char message[1024 * 1024];
	size_t n = 0;
	struct told t;

	(void)state;
	for (int i = 0; i < 10000; i++)
		n += (size_t)sprintf(message + n,
				     "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
				     i, i);
	assert_true(walk(message, n, 4096, &t));
	assert_int_equal(t.n, 0);
	n = 0;
	for (int i = 0; i < 10000; i++)
		n += (size_t)sprintf(message + n, "Content-Type: message/rfc822\r\n\r\n");
	assert_true(walk(message, n, 4096, &t));
	n = (size_t)sprintf(message, MIXED);
	for (int i = 0; i < 10000; i++)
		n += (size_t)sprintf(message + n, "--b\r\n\r\nx\r\n");
	assert_true(walk(message, n, 4096, &t));
	n = (size_t)sprintf(message, MIXED "--b\r\nContent-Type: text/plain; x=");
	memset(message + n, 'x', 1000);
	n += 1000;
	n += (size_t)sprintf(message + n, "\r\n\r\nx");
	assert_true(walk(message, n, 4096, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(a_long_line_of_dashes),
		cmocka_unit_test(over_the_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
