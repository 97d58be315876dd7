#include "lib/wire/pop3.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)      (sizeof(a) / sizeof(a)[0])
#define SPAN(literal) literal, sizeof(literal) - 1

/* Reads a copy of exactly the line, so that a sanitizer sees a read past its end; *line is to be
 * freed after the command's texts were looked at. */
static int parse(const char *text, size_t len, struct pop3_command *out, char **line)
{
	*line = malloc(len + (len == 0));
	assert_non_null(*line);
	memcpy(*line, text, len);
	return pop3_command_parse(*line, len, out);
}

static bool is_text(const char *at, size_t len, const char *expected)
{
	return expected ? at && len == strlen(expected) && memcmp(at, expected, len) == 0 : !at;
}

static void takes(void **state)
{
	static const struct {
		const char *line;
		enum pop3_verb verb;
		bool has_arg;
		uint32_t msgno, lines;
		const char *text, *initial;
	} cases[] = {
		{"USER taro", POP3_USER, true, 0, 0, "taro", NULL},
		{"user  taro yamada ", POP3_USER, true, 0, 0, "taro yamada", NULL},
		{"USER \xe9\xb3\xa9", POP3_USER, true, 0, 0, "\xe9\xb3\xa9", NULL},
		{"PASS secret", POP3_PASS, true, 0, 0, "secret", NULL},
		{"PASS  two words ", POP3_PASS, true, 0, 0, " two words ", NULL},
		{"PASS ", POP3_PASS, true, 0, 0, "", NULL},
		{"APOP taro c4c9334bac560ecc979e58001b3e22fb", POP3_APOP, true, 0, 0, "taro",
		 "c4c9334bac560ecc979e58001b3e22fb"},
		{"QUIT", POP3_QUIT, false, 0, 0, NULL, NULL},
		{"qUiT ", POP3_QUIT, false, 0, 0, NULL, NULL},
		{"STAT", POP3_STAT, false, 0, 0, NULL, NULL},
		{"LIST", POP3_LIST, false, 0, 0, NULL, NULL},
		{"LIST ", POP3_LIST, false, 0, 0, NULL, NULL},
		{"LIST 1", POP3_LIST, true, 1, 0, NULL, NULL},
		{"RETR 4294967295", POP3_RETR, true, UINT32_MAX, 0, NULL, NULL},
		{"RETR 00000000000000000000001", POP3_RETR, true, 1, 0, NULL, NULL},
		{"  DELE  2  ", POP3_DELE, true, 2, 0, NULL, NULL},
		{"NOOP", POP3_NOOP, false, 0, 0, NULL, NULL},
		{"RSET", POP3_RSET, false, 0, 0, NULL, NULL},
		{"TOP 3 0", POP3_TOP, true, 3, 0, NULL, NULL},
		{"TOP 3 10", POP3_TOP, true, 3, 10, NULL, NULL},
		{"TOP 3 99999999999999999999999", POP3_TOP, true, 3, UINT32_MAX, NULL, NULL},
		{"UIDL", POP3_UIDL, false, 0, 0, NULL, NULL},
		{"UIDL 9", POP3_UIDL, true, 9, 0, NULL, NULL},
		{"CAPA", POP3_CAPA, false, 0, 0, NULL, NULL},
		{"STLS", POP3_STLS, false, 0, 0, NULL, NULL},
		{"AUTH", POP3_AUTH, false, 0, 0, NULL, NULL},
		{"AUTH PLAIN", POP3_AUTH, true, 0, 0, "PLAIN", NULL},
		{"AUTH PLAIN =", POP3_AUTH, true, 0, 0, "PLAIN", "="},
		{"auth XOAUTH2 dXNlcj0=", POP3_AUTH, true, 0, 0, "XOAUTH2", "dXNlcj0="},
		{"UTF8", POP3_UTF8, false, 0, 0, NULL, NULL},
		{"LANG", POP3_LANG, false, 0, 0, NULL, NULL},
		{"LANG *", POP3_LANG, true, 0, 0, "*", NULL},
		{"LANG ja", POP3_LANG, true, 0, 0, "ja", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pop3_command c;
		char *line;
		int err = parse(cases[i].line, strlen(cases[i].line), &c, &line);

		if (err || c.verb != cases[i].verb || c.has_arg != cases[i].has_arg ||
		    c.msgno != cases[i].msgno || c.lines != cases[i].lines ||
		    !is_text(c.text, c.text_len, cases[i].text) ||
		    !is_text(c.initial, c.initial_len, cases[i].initial))
			fail_msg("'%s': %s", cases[i].line, err_text(err));
		free(line);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *line;
		size_t len;
		enum pop3_verb verb;
		int err;
	} cases[] = {
		{SPAN(""), POP3_UNKNOWN, E_SYNTAX},
		{SPAN(" "), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("STA"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("STATS"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("unknown"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("XTND"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("STAT\t"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("\x16\x03\x01"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("STAT 1"), POP3_STAT, E_SYNTAX},
		{SPAN("QUIT now"), POP3_QUIT, E_SYNTAX},
		{SPAN("NOOP x"), POP3_NOOP, E_SYNTAX},
		{SPAN("CAPA x"), POP3_CAPA, E_SYNTAX},
		{SPAN("UTF8 USER"), POP3_UTF8, E_SYNTAX},
		{SPAN("USER"), POP3_USER, E_SYNTAX},
		{SPAN("USER  "), POP3_USER, E_SYNTAX},
		{SPAN("PASS"), POP3_PASS, E_SYNTAX},
		{SPAN("APOP taro"), POP3_APOP, E_SYNTAX},
		{SPAN("APOP taro d x"), POP3_APOP, E_SYNTAX},
		{SPAN("RETR"), POP3_RETR, E_SYNTAX},
		{SPAN("RETR "), POP3_RETR, E_SYNTAX},
		{SPAN("RETR 1 2"), POP3_RETR, E_SYNTAX},
		{SPAN("RETR -1"), POP3_RETR, E_SYNTAX},
		{SPAN("RETR +1"), POP3_RETR, E_SYNTAX},
		{SPAN("RETR 1a"), POP3_RETR, E_SYNTAX},
		{SPAN("RETR 0x1"), POP3_RETR, E_SYNTAX},
		{SPAN("RETR \xef\xbc\x91"), POP3_RETR, E_SYNTAX},
		{SPAN("LIST x"), POP3_LIST, E_SYNTAX},
		{SPAN("TOP"), POP3_TOP, E_SYNTAX},
		{SPAN("TOP 1"), POP3_TOP, E_SYNTAX},
		{SPAN("TOP 1 -1"), POP3_TOP, E_SYNTAX},
		{SPAN("TOP 1 2 3"), POP3_TOP, E_SYNTAX},
		{SPAN("TOP x 1"), POP3_TOP, E_SYNTAX},
		{SPAN("AUTH PLAIN a b"), POP3_AUTH, E_SYNTAX},
		{SPAN("LANG a b"), POP3_LANG, E_SYNTAX},
		/* numbers that no message can have; a malformed line is worse than those */
		{SPAN("RETR 0"), POP3_RETR, E_RANGE},
		{SPAN("DELE 4294967296"), POP3_DELE, E_RANGE},
		{SPAN("DELE 4294967297"), POP3_DELE, E_RANGE},
		{SPAN("LIST 18446744073709551617"), POP3_LIST, E_RANGE},
		{SPAN("UIDL 99999999999999999999999999999999999999999999"), POP3_UIDL, E_RANGE},
		{SPAN("TOP 0 1"), POP3_TOP, E_RANGE},
		{SPAN("TOP 0 x"), POP3_TOP, E_SYNTAX},
		{SPAN("RETR 0 x"), POP3_RETR, E_SYNTAX},
		/* octets that no line holds */
		{SPAN("STAT\0"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("\0STAT"), POP3_UNKNOWN, E_SYNTAX},
		{SPAN("USER ta\0ro"), POP3_USER, E_SYNTAX},
		{SPAN("PASS to\0ken"), POP3_PASS, E_SYNTAX},
		{SPAN("RETR 1\0"), POP3_RETR, E_SYNTAX},
		{SPAN("PASS to\rken"), POP3_PASS, E_SYNTAX},
		{SPAN("PASS to\nken"), POP3_PASS, E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pop3_command c;
		char *line;
		int err = parse(cases[i].line, cases[i].len, &c, &line);

		free(line);
		if (err != cases[i].err || c.verb != cases[i].verb)
			fail_msg("'%s': %s, %s", cases[i].line, pop3_verb_name(c.verb),
				 err_text(err));
		assert_null(c.text);
		assert_int_equal(c.msgno, 0);
	}
	/* nothing at all */
	assert_int_equal(pop3_command_parse(NULL, 0, &(struct pop3_command){0}), E_SYNTAX);
}

static void limits(void **state)
{
	static const struct {
		const char *start;
		enum pop3_verb verb;
		size_t limit;
	} cases[] = {
		{"PASS ", POP3_PASS, POP3_LINE_MAX},
		{"USER ", POP3_USER, POP3_LINE_MAX},
		{"AUTH PLAIN ", POP3_AUTH, POP3_AUTH_LINE_MAX},
	};
	char *text = malloc(POP3_AUTH_LINE_MAX + 1), *line;
	struct pop3_command c;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < COUNT(cases); i++) {
		memset(text, 'x', POP3_AUTH_LINE_MAX + 1);
		memcpy(text, cases[i].start, strlen(cases[i].start));
		assert_int_equal(parse(text, cases[i].limit, &c, &line), 0);
		free(line);
		assert_int_equal(parse(text, cases[i].limit + 1, &c, &line), E_TOO_LARGE);
		free(line);
		assert_int_equal(c.verb, cases[i].verb);
	}
	memset(text, 'x', POP3_LINE_MAX + 1);
	assert_int_equal(parse(text, POP3_LINE_MAX + 1, &c, &line), E_TOO_LARGE);
	free(line);
	assert_int_equal(c.verb, POP3_UNKNOWN);
	free(text);
}

static void names_verbs(void **state)
{
	(void)state;
	assert_string_equal(pop3_verb_name(POP3_UNKNOWN), "unknown");
	assert_string_equal(pop3_verb_name(POP3_USER), "USER");
	assert_string_equal(pop3_verb_name(POP3_LANG), "LANG");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(limits),
		cmocka_unit_test(names_verbs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
