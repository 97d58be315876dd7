#include "lib/wire/smtp/reply.h"
#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* From a buffer of the exact size, so that a sanitizer sees a step over its end. */
static int feed(struct smtp_reply *r, const char *line, size_t len)
{
	char *exact = malloc(len + !len);

	memcpy(exact, line, len);
	int err = smtp_reply_line(r, exact, len);
	free(exact);
	return err;
}

static const struct {
	const char *lines[4];
	int err; /* of the last line; those before it must give E_AGAIN */
	int code;
	const char *enhanced, *text;
} replies[] = {
	{{"250 OK"}, 0, 250, "", "OK"},
	{{"250"}, 0, 250, "", ""},
	{{"250 "}, 0, 250, "", ""},
	{{"250-"}, E_AGAIN, 0, 0, 0},
	{{"250 2.1.5 Recipient OK"}, 0, 250, "2.1.5", "Recipient OK"},
	{{"550 5.1.1"}, 0, 550, "5.1.1", ""},
	{{"550 5.1.1 "}, 0, 550, "5.1.1", ""},
	{{"550 5.123.456 x"}, 0, 550, "5.123.456", "x"},
	{{"550 5.1.1234 x"}, 0, 550, "", "5.1.1234 x"},
	{{"550 5.1234.1 x"}, 0, 550, "", "5.1234.1 x"},
	{{"550 5.1.1: x"}, 0, 550, "", "5.1.1: x"},
	{{"550 5.1. x"}, 0, 550, "", "5.1. x"},
	{{"550 5..1 x"}, 0, 550, "", "5..1 x"},
	{{"550 5.1"}, 0, 550, "", "5.1"},
	{{"550 4.1.1 x"}, 0, 550, "", "4.1.1 x"}, /* class contradicts the code */
	{{"571 5.7.1 no"}, 0, 571, "5.7.1", "no"},
	{{"354 go"}, 0, 354, "", "go"},
	{{"550-5.7.1 one", "550-5.7.1 two", "550 5.7.1 three"}, 0, 550, "5.7.1", "one\ntwo\nthree"},
	{{"550-5.7.1 one", "550 5.7.26 two"}, 0, 550, "5.7.1", "one\ntwo"},
	{{"550-one", "550 5.7.1 two"}, 0, 550, "5.7.1", "one\ntwo"},
	{{"250-a", "250"}, 0, 250, "", "a\n"},
	{{"250-a", "250-b"}, E_AGAIN, 0, 0, 0},
	{{"250 a\tb\rc\x7f\xe3\x81\x82"}, 0, 250, "", "a?b?c????"},
	{{"250-a", "251 b"}, E_SYNTAX, 0, 0, 0},
	{{"250-a", "b"}, E_SYNTAX, 0, 0, 0},
	{{"250-a", ""}, E_SYNTAX, 0, 0, 0},
	{{""}, E_SYNTAX, 0, 0, 0},
	{{"25"}, E_SYNTAX, 0, 0, 0},
	{{"250x"}, E_SYNTAX, 0, 0, 0},
	{{"250\tOK"}, E_SYNTAX, 0, 0, 0},
	{{"2500 OK"}, E_SYNTAX, 0, 0, 0},
	{{"150 OK"}, E_SYNTAX, 0, 0, 0},
	{{"650 OK"}, E_SYNTAX, 0, 0, 0},
	{{"2a0 OK"}, E_SYNTAX, 0, 0, 0},
	{{" 250 OK"}, E_SYNTAX, 0, 0, 0},
	{{"+OK"}, E_SYNTAX, 0, 0, 0},
	{{"\xff\xff\xff\xff"}, E_SYNTAX, 0, 0, 0},
};

static void test_replies(void **state)
{
	struct smtp_reply r;

	(void)state;
	for (size_t i = 0; i < COUNT(replies); i++) {
		int err = E_AGAIN;
		smtp_reply_init(&r);
		for (size_t k = 0; k < COUNT(replies[i].lines) && replies[i].lines[k]; k++) {
			assert_int_equal(err, E_AGAIN);
			err = feed(&r, replies[i].lines[k], strlen(replies[i].lines[k]));
		}
		if (err != replies[i].err)
			fail_msg("row %zu: %d", i, err);
		if (err)
			continue;
		assert_int_equal(r.code, replies[i].code);
		assert_string_equal(r.enhanced, replies[i].enhanced);
		assert_string_equal(r.text, replies[i].text);
		assert_int_equal(r.text_len, strlen(r.text));
		assert_false(r.is_cut);
	}
}

static void test_bounds(void **state)
{
	struct smtp_reply r;
	char line[3000] = "250-";

	(void)state;
	memset(line + 4, 'x', sizeof line - 4);
	smtp_reply_init(&r);
	for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++)
		assert_int_equal(feed(&r, line, sizeof line), E_AGAIN);
	assert_true(r.is_cut);
	assert_int_equal(r.text_len, SMTP_REPLY_TEXT_MAX);
	assert_int_equal(strlen(r.text), SMTP_REPLY_TEXT_MAX);
	assert_int_equal(feed(&r, "250 x", 5), E_TOO_LARGE);

	char widest[4 + SMTP_REPLY_TEXT_MAX + 1] = "250 ";
	memset(widest + 4, 'x', sizeof widest - 4);
	for (size_t over = 0; over < 2; over++) {
		smtp_reply_init(&r);
		assert_int_equal(feed(&r, widest, 4 + SMTP_REPLY_TEXT_MAX + over), 0);
		assert_int_equal(r.text_len, SMTP_REPLY_TEXT_MAX);
		assert_int_equal(r.is_cut, over);
	}

	smtp_reply_init(&r);
	assert_int_equal(feed(&r, "250 a\0b", 7), 0);
	assert_string_equal(r.text, "a?b");
	assert_false(r.is_cut);
}

static void test_keywords(void **state)
{
	static const char *const lines[] = {
		"250-SIZE.example XATOMIC", "250-SIZE 1000", "250-8BITMIME", "250-xatomic",
		"250-AUTH PLAIN LOGIN",     "250 SMTPUTF8"};
	static const struct {
		const char *keyword, *rest;
	} rows[] = {{"SIZE", "1000\n8BITMIME\nxatomic\nAUTH PLAIN LOGIN\nSMTPUTF8"},
		    {"8bitmime", "\nxatomic\nAUTH PLAIN LOGIN\nSMTPUTF8"},
		    {"XATOMIC", "\nAUTH PLAIN LOGIN\nSMTPUTF8"},
		    {"SMTPUTF8", ""},
		    {"AUTH", "PLAIN LOGIN\nSMTPUTF8"},
		    {"SIZ", NULL},
		    {"SMTPUTF88", NULL},
		    {"PLAIN", NULL},
		    {"SIZE.example", NULL}};
	struct smtp_reply r;

	(void)state;
	smtp_reply_init(&r);
	for (size_t i = 0; i < COUNT(lines); i++)
		feed(&r, lines[i], strlen(lines[i]));
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *rest = smtp_reply_keyword(&r, rows[i].keyword);
		if (!rest != !rows[i].rest || (rest && strcmp(rest, rows[i].rest) != 0))
			fail_msg("row %zu: %s", i, rest ? rest : "(null)");
	}
}

static const struct {
	int code;
	const char *enhanced, *text, *wire;
} formatted[] = {
	{250, "2.0.0", "OK", "250 2.0.0 OK\r\n"},
	{250, NULL, "OK", "250 OK\r\n"},
	{354, NULL, "", "354 \r\n"},
	{550, "5.1.1", "No such user", "550 5.1.1 No such user\r\n"},
	{250, NULL, "host\nSIZE 10\n8BITMIME", "250-host\r\n250-SIZE 10\r\n250 8BITMIME\r\n"},
	{421, "4.3.2", "a\nb", "421-4.3.2 a\r\n421 4.3.2 b\r\n"},
	{550, "5.7.1", "a\r\tb\x7f\xe3", "550 5.7.1 a??b??\r\n"},
};

static void test_format(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(formatted); i++)
		for (size_t size = 0; size < 80; size++) {
			size_t len = strlen(formatted[i].wire);
			char *buf = malloc(size + !size);
			int n = smtp_reply_format(buf, size, formatted[i].code,
						  formatted[i].enhanced, formatted[i].text);
			if (n != (size > len ? (int)len : E_TOO_LARGE))
				fail_msg("row %zu size %zu: %d", i, size, n);
			if (n > 0)
				assert_string_equal(buf, formatted[i].wire);
			free(buf);
		}
}

/* Whatever the text, the lines are within bounds and a client reads it back. */
static void test_long_text(void **state)
{
	char text[3001], buf[8000];
	struct smtp_reply r;

	(void)state;
	for (size_t len = 480; len <= 3000; len += 7)
		for (int kind = 0; kind < 3; kind++) {
			memset(text, 'x', len);
			text[len] = '\0';
			for (size_t i = 9; kind > 0 && i < len; i += kind == 1 ? 10 : 700)
				text[i] = ' ';
			int n = smtp_reply_format(buf, sizeof buf, 550, "5.7.1", text);
			assert_true(n > 0);
			smtp_reply_init(&r);
			int err = E_AGAIN;
			for (char *at = buf; *at; at = strchr(at, '\n') + 1) {
				size_t line = (size_t)(strchr(at, '\n') + 1 - at);
				assert_true(line <= SMTP_REPLY_LINE_MAX);
				assert_int_equal(err, E_AGAIN);
				err = feed(&r, at, line - 2);
			}
			assert_int_equal(err, 0);
			assert_string_equal(r.enhanced, "5.7.1");
			for (size_t i = 0; kind == 1 && i < len; i++) /* broken at spaces only */
				assert_int_equal(r.text[i] == '\n' ? ' ' : r.text[i], text[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),   cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_keywords),  cmocka_unit_test(test_format),
		cmocka_unit_test(test_long_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
