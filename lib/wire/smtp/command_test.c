#include "lib/wire/smtp/command.h"
#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define X10          "xxxxxxxxxx"
#define X100         X10 X10 X10 X10 X10 X10 X10 X10 X10 X10
#define X250         X100 X100 X10 X10 X10 X10 X10

#define P_MX (SMTP_PARAM_SIZE | SMTP_PARAM_BODY | SMTP_PARAM_SMTPUTF8 | SMTP_PARAMS_DSN)

static const struct smtp_dialect bare = {0};
static const struct smtp_dialect smtp = {.params = P_MX | SMTP_PARAM_AUTH};
static const struct smtp_dialect smtp_utf8 = {.params = P_MX | SMTP_PARAM_AUTH, .is_utf8 = true};
static const struct smtp_dialect lmtp = {.is_lmtp = true,
					 .params = P_MX | SMTP_PARAM_XATOMIC | SMTP_PARAM_XID};

/* From a buffer of the exact size, so that a sanitizer sees a step over its end. */
static int parse(const char *line, size_t len, const struct smtp_dialect *d,
		 struct smtp_command *out)
{
	char *exact = malloc(len + !len);

	memcpy(exact, line, len);
	int err = smtp_command_parse(exact, len, d, out);
	if (out->argument)
		out->argument = line + (out->argument - exact);
	if (out->parameter)
		out->parameter = line + (out->parameter - exact);
	free(exact);
	return err;
}

#define V  SMTP_FAULT_VERB
#define S  SMTP_FAULT_SYNTAX
#define P  SMTP_FAULT_PATH
#define UP SMTP_FAULT_PARAMETER
#define BV SMTP_FAULT_VALUE
#define U8 SMTP_FAULT_UTF8

static const struct {
	const char *line;
	const struct smtp_dialect *dialect;
	enum smtp_verb verb;
	enum smtp_fault fault;
	int err;
} lines[] = {
	/* verbs */
	{"", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"   ", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"GET / HTTP/1.1", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"MAILX FROM:<a@b>", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"MAI", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"MAIL:", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"DATA\t", &smtp, SMTP_DATA, 0, 0},
	{"\tDATA", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"\xff\xfe", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"unknown", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"LHLO a", &smtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"EHLO a", &lmtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"HELO a", &lmtp, SMTP_UNKNOWN, V, E_SYNTAX},
	{"lhlo a", &lmtp, SMTP_LHLO, 0, 0},
	{"helo a", &smtp, SMTP_HELO, 0, 0},
	{"EhLo a", &smtp, SMTP_EHLO, 0, 0},
	/* hello */
	{"EHLO", &smtp, SMTP_EHLO, S, E_SYNTAX},
	{"EHLO ", &smtp, SMTP_EHLO, S, E_SYNTAX},
	{"EHLO a b", &smtp, SMTP_EHLO, S, E_SYNTAX},
	{"EHLO a\x01", &smtp, SMTP_EHLO, S, E_SYNTAX},
	{"EHLO a\rb", &smtp, SMTP_EHLO, S, E_SYNTAX},
	{"EHLO \xe3\x81\x82", &smtp_utf8, SMTP_EHLO, S, E_SYNTAX},
	{"EHLO [IPv6:::1]  ", &smtp, SMTP_EHLO, 0, 0},
	{"EHLO my_pc", &smtp, SMTP_EHLO, 0, 0},
	{"EHLO " X250 "xxxxx", &smtp, SMTP_EHLO, 0, 0},
	{"EHLO " X250 "xxxxxx", &smtp, SMTP_EHLO, S, E_SYNTAX},
	/* without arguments */
	{"data", &smtp, SMTP_DATA, 0, 0},
	{"DATA  ", &smtp, SMTP_DATA, 0, 0},
	{"DATA x", &smtp, SMTP_DATA, S, E_SYNTAX},
	{"RSET", &smtp, SMTP_RSET, 0, 0},
	{"RSET x", &smtp, SMTP_RSET, S, E_SYNTAX},
	{"QUIT", &smtp, SMTP_QUIT, 0, 0},
	{"QUIT now", &smtp, SMTP_QUIT, S, E_SYNTAX},
	{"STARTTLS", &smtp, SMTP_STARTTLS, 0, 0},
	{"STARTTLS x", &smtp, SMTP_STARTTLS, S, E_SYNTAX},
	/* texts */
	{"NOOP", &smtp, SMTP_NOOP, 0, 0},
	{"NOOP any thing", &smtp, SMTP_NOOP, 0, 0},
	{"NOOP a\rb", &smtp, SMTP_NOOP, S, E_SYNTAX},
	{"HELP", &smtp, SMTP_HELP, 0, 0},
	{"HELP MAIL", &smtp, SMTP_HELP, 0, 0},
	{"VRFY a", &smtp, SMTP_VRFY, 0, 0},
	{"VRFY", &smtp, SMTP_VRFY, S, E_SYNTAX},
	{"VRFY \xe3\x81\x82", &smtp, SMTP_VRFY, 0, 0},
	{"VRFY \xe3\x81\x82", &bare, SMTP_VRFY, S, E_SYNTAX},
	{"VRFY \xe3\x81", &smtp, SMTP_VRFY, S, E_SYNTAX},
	{"EXPN list", &smtp, SMTP_EXPN, 0, 0},
	{"EXPN", &smtp, SMTP_EXPN, S, E_SYNTAX},
	/* MAIL */
	{"MAIL FROM:<a@b>", &smtp, SMTP_MAIL, 0, 0},
	{"mail from:<a@b>", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM: <a@b>", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL  FROM:   <a@b>   ", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<>", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM :<a@b>", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL TO:<a@b>", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL <a@b>", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:a@b", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:Name <a@b>", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:\t<a@b>", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b", &smtp, SMTP_MAIL, P, E_SYNTAX},
	{"MAIL FROM:<a>", &smtp, SMTP_MAIL, P, E_SYNTAX},
	{"MAIL FROM:<postmaster>", &smtp, SMTP_MAIL, P, E_SYNTAX},
	{"MAIL FROM:<a\rb@c>", &smtp, SMTP_MAIL, P, E_SYNTAX},
	{"MAIL FROM:<" X100 "@c>", &smtp, SMTP_MAIL, P, E_TOO_LARGE},
	{"MAIL FROM:<a@b>SIZE=1", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b>\tSIZE=1", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b>>", &smtp, SMTP_MAIL, S, E_SYNTAX},
	/* MAIL's parameters */
	{"MAIL FROM:<a@b> SIZE=1 BODY=8BITMIME", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b>   size=1   body=7bit  ", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b> SIZE=1", &bare, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> FUTURE", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> FUTURE=1", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> SIZ=1", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> SIZES=1", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> NOTIFY=NEVER", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> XATOMIC", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> XATOMIC", &lmtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b> XATOMIC=1", &lmtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> XID=7", &smtp, SMTP_MAIL, UP, E_RANGE},
	{"MAIL FROM:<a@b> XID=7.x-Y", &lmtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b> XID=", &lmtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> XID=a_b", &lmtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> XID=1234567890123456789012345678901234567890123456789", &lmtp, SMTP_MAIL,
	 BV, E_SYNTAX},
	{"MAIL FROM:<a@b> =1", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b> -X=1", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b> SI\x01ZE=1", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b> \xe3\x81\x82=1", &smtp, SMTP_MAIL, S, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE=", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE= 1", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE=-1", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE=1k", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE=1=1", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SIZE=1 SIZE=1", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> BODY=9BIT", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> BODY=", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> SMTPUTF8=1", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> RET=NO", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=" X100, &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b> ENVID=" X100 "x", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a=b", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a+0D+0Ab", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a+00", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a+4", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a+", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a+4g", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a+E3+81+82", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> ENVID=a\x01", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> AUTH=<>", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b> AUTH=x", &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> AUTH=" X250 X250 X250 X250 X250, &smtp, SMTP_MAIL, BV, E_SYNTAX},
	{"MAIL FROM:<a@b> AUTH=a@b", &lmtp, SMTP_MAIL, UP, E_RANGE},
	/* RCPT */
	{"RCPT TO:<a@b>", &smtp, SMTP_RCPT, 0, 0},
	{"rcpt to: <Postmaster>", &smtp, SMTP_RCPT, 0, 0},
	{"RCPT TO:<>", &smtp, SMTP_RCPT, P, E_SYNTAX},
	{"RCPT FROM:<a@b>", &smtp, SMTP_RCPT, S, E_SYNTAX},
	{"RCPT TO:a@b", &smtp, SMTP_RCPT, S, E_SYNTAX},
	{"RCPT TO:<a@b> SIZE=1", &smtp, SMTP_RCPT, UP, E_RANGE},
	{"RCPT TO:<a@b> NOTIFY=NEVER", &bare, SMTP_RCPT, UP, E_RANGE},
	{"RCPT TO:<a@b> NOTIFY=never ORCPT=rfc822;a@b", &smtp, SMTP_RCPT, 0, 0},
	{"RCPT TO:<a@b> NOTIFY=NEVER,DELAY", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> NOTIFY=DELAY,NEVER", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> NOTIFY=,", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> NOTIFY=DELAY,", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> NOTIFY", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=a@b", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=;a@b", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=rfc822;", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=rfc822;a+0Ab", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=rfc_22;a", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=utf-8;\xe3\x81\x82@b", &smtp_utf8, SMTP_RCPT, 0, 0},
	{"RCPT TO:<a@b> ORCPT=utf-8;\xe3\x81\x82@b", &smtp, SMTP_RCPT, BV, E_SYNTAX},
	{"RCPT TO:<a@b> ORCPT=rfc822;" X250 X100 X100 X10 X10 X10 X10 "xxx", &smtp, SMTP_RCPT, 0,
	 0},
	{"RCPT TO:<a@b> ORCPT=rfc822;" X250 X100 X100 X10 X10 X10 X10 "xxxx", &smtp, SMTP_RCPT, BV,
	 E_SYNTAX},
	/* SMTPUTF8 */
	{"MAIL FROM:<\xe3\x81\x82@b> SMTPUTF8", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<\xe3\x81\x82@b>", &smtp, SMTP_MAIL, U8, E_RANGE},
	{"MAIL FROM:<\xe3\x81\x82@b> SMTPUTF8", &bare, SMTP_MAIL, U8, E_RANGE},
	{"MAIL FROM:<\xe3\x81@b> SMTPUTF8", &smtp, SMTP_MAIL, P, E_SYNTAX},
	{"MAIL FROM:<a@b> AUTH=\xe3\x81\x82@b SMTPUTF8", &smtp, SMTP_MAIL, 0, 0},
	{"MAIL FROM:<a@b> AUTH=\xe3\x81\x82@b", &smtp, SMTP_MAIL, U8, E_RANGE},
	{"RCPT TO:<\xe3\x81\x82@b>", &smtp_utf8, SMTP_RCPT, 0, 0},
	{"RCPT TO:<\xe3\x81\x82@b>", &smtp, SMTP_RCPT, U8, E_RANGE},
	/* BDAT */
	{"XTRACE 10", &lmtp, SMTP_XTRACE, 0, 0},
	{"XTRACE", &lmtp, SMTP_XTRACE, S, E_SYNTAX},
	{"XTRACE 10 LAST", &lmtp, SMTP_XTRACE, S, E_SYNTAX},
	{"XTRACE 10", &smtp, SMTP_UNKNOWN, SMTP_FAULT_VERB, E_SYNTAX},
	{"BDAT 0", &smtp, SMTP_BDAT, 0, 0},
	{"bdat 10 last", &smtp, SMTP_BDAT, 0, 0},
	{"BDAT", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT LAST", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT -1", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT +1", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT 0x10", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT 10 LAST x", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT 10 FIRST", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT 10\tLAST", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT 18446744073709551614", &smtp, SMTP_BDAT, 0, 0},
	{"BDAT 18446744073709551616", &smtp, SMTP_BDAT, S, E_SYNTAX},
	{"BDAT 99999999999999999999999", &smtp, SMTP_BDAT, S, E_SYNTAX},
	/* AUTH */
	{"AUTH PLAIN", &smtp, SMTP_AUTH, 0, 0},
	{"auth plain =", &smtp, SMTP_AUTH, 0, 0},
	{"AUTH", &smtp, SMTP_AUTH, S, E_SYNTAX},
	{"AUTH PLAIN AAAA BBBB", &smtp, SMTP_AUTH, S, E_SYNTAX},
	{"AUTH PL\x01IN", &smtp, SMTP_AUTH, S, E_SYNTAX},
	{"AUTH PLAIN \xe3\x81\x82", &smtp_utf8, SMTP_AUTH, S, E_SYNTAX},
	{"AUTH xxxxxxxxxxxxxxxxxxxx", &smtp, SMTP_AUTH, 0, 0},
	{"AUTH xxxxxxxxxxxxxxxxxxxxx", &smtp, SMTP_AUTH, S, E_SYNTAX},
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct smtp_command c;
		memset(&c, 0xa5, sizeof c);
		int err = parse(lines[i].line, strlen(lines[i].line), lines[i].dialect, &c);
		if (err != lines[i].err || c.fault != lines[i].fault || c.verb != lines[i].verb)
			fail_msg("row %zu %s: err %d fault %d verb %d", i, lines[i].line, err,
				 (int)c.fault, (int)c.verb);
		if (!err)
			continue;
		struct smtp_refusal answer = smtp_command_refusal(&c);
		assert_true(answer.code >= 500 && answer.code < 560);
		assert_int_equal(answer.enhanced[0], '5');
		assert_non_null(answer.text);
	}
}

static struct smtp_command must_parse(const char *line, const struct smtp_dialect *d)
{
	struct smtp_command c;
	int err = parse(line, strlen(line), d, &c);

	if (err)
		fail_msg("%s: %d", line, err);
	return c;
}

static void test_mail_values(void **state)
{
	(void)state;
	struct smtp_command c = must_parse(
		"MAIL FROM:<A.@docomo.ne.jp> SIZE=12345 BODY=BINARYMIME SMTPUTF8 RET=HDRS "
		"ENVID=QQ+2B+3D+20x AUTH=e+3Dmc2@example.com",
		&smtp);
	assert_string_equal(c.path.local, "A.");
	assert_string_equal(c.path.domain, "docomo.ne.jp");
	assert_int_equal(c.size_bytes, 12345);
	assert_int_equal(c.body, SMTP_BODY_BINARYMIME);
	assert_int_equal(c.ret, SMTP_RET_HDRS);
	assert_string_equal(c.envid, "QQ+= x");
	assert_string_equal(c.auth.local, "e=mc2");
	assert_string_equal(c.auth.domain, "example.com");
	assert_int_equal(c.params, SMTP_PARAM_SIZE | SMTP_PARAM_BODY | SMTP_PARAM_SMTPUTF8 |
					   SMTP_PARAM_RET | SMTP_PARAM_ENVID | SMTP_PARAM_AUTH);
	assert_null(c.parameter);

	c = must_parse("MAIL FROM:<> AUTH=<> BODY=7BIT RET=FULL SIZE=18446744073709551615", &smtp);
	assert_true(mailaddr_is_null(&c.path));
	assert_true(mailaddr_is_null(&c.auth));
	assert_int_equal(c.body, SMTP_BODY_7BIT);
	assert_int_equal(c.ret, SMTP_RET_FULL);
	assert_true(c.size_bytes == UINT64_MAX);

	c = must_parse("MAIL FROM:<a@b> SIZE=99999999999999999999 BODY=8BITMIME", &smtp);
	assert_true(c.size_bytes == UINT64_MAX);
	assert_int_equal(c.body, SMTP_BODY_8BITMIME);

	c = must_parse("MAIL FROM:<a@b> xatomic", &lmtp);
	assert_int_equal(c.params, SMTP_PARAM_XATOMIC);
	c = must_parse("MAIL FROM:<a@b> xid=12.ab", &lmtp);
	assert_string_equal(c.xid, "12.ab");
	assert_int_equal(c.body, SMTP_BODY_UNSAID);
	assert_int_equal(c.ret, SMTP_RET_UNSAID);
}

static void test_rcpt_values(void **state)
{
	(void)state;
	struct smtp_command c = must_parse(
		"RCPT TO:<@old:\"x y\"@B> NOTIFY=SUCCESS,delay ORCPT=RFC822;a+2Bb+40c", &smtp);
	assert_string_equal(c.path.local, "x y");
	assert_string_equal(c.path.domain, "b");
	assert_int_equal(c.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY);
	assert_string_equal(c.orcpt, "rfc822;a+b@c");

	c = must_parse("RCPT TO:<POSTMASTER> NOTIFY=NEVER", &smtp);
	assert_string_equal(c.path.local, "postmaster");
	assert_string_equal(c.path.domain, "");
	assert_int_equal(c.notify, SMTP_NOTIFY_NEVER);
	c = must_parse("RCPT TO:<a@b> NOTIFY=FAILURE", &smtp);
	assert_int_equal(c.notify, SMTP_NOTIFY_FAILURE);
}

static void assert_argument(const char *line, const char *want)
{
	struct smtp_command c = must_parse(line, &smtp);

	if (!want) {
		assert_null(c.argument);
		return;
	}
	assert_non_null(c.argument);
	assert_int_equal(c.argument_len, strlen(want));
	assert_memory_equal(c.argument, want, strlen(want));
}

static void test_other_values(void **state)
{
	(void)state;
	struct smtp_command c = must_parse("EHLO  Mail.Example ", &smtp);
	assert_string_equal(c.domain, "Mail.Example");
	c = must_parse("bdat 1000 last", &smtp);
	assert_int_equal(c.chunk_bytes, 1000);
	assert_true(c.is_last);
	c = must_parse("BDAT 007", &smtp);
	assert_int_equal(c.chunk_bytes, 7);
	assert_false(c.is_last);
	c = must_parse("auth oauthBearer  bixh", &smtp);
	assert_string_equal(c.mechanism, "OAUTHBEARER");
	assert_argument("AUTH PLAIN AGEAYg==", "AGEAYg==");
	assert_argument("AUTH PLAIN =", "");
	assert_argument("AUTH PLAIN", NULL);
	assert_argument("VRFY  <a@b> c ", "<a@b> c");
	assert_argument("NOOP", "");
}

static void test_faulty_parameter_is_named(void **state)
{
	static const struct {
		const char *line, *name;
		int code;
	} rows[] = {{"MAIL FROM:<a@b> SIZE=1 HOLDFOR=9", "HOLDFOR", 555},
		    {"MAIL FROM:<a@b> SIZE=x BODY=7BIT", "SIZE", 501},
		    {"RCPT TO:<a@b> RRVS=1", "RRVS", 555}};
	struct smtp_command c;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_not_equal(parse(rows[i].line, strlen(rows[i].line), &smtp, &c), 0);
		assert_int_equal(c.parameter_len, strlen(rows[i].name));
		assert_memory_equal(c.parameter, rows[i].name, c.parameter_len);
		assert_int_equal(smtp_command_refusal(&c).code, rows[i].code);
	}
}

static void test_refusals(void **state)
{
	static const struct {
		const char *line;
		int code;
		const char *enhanced;
	} rows[] = {{"XYZZY", 500, "5.5.1"},
		    {"MAIL", 501, "5.5.4"},
		    {"MAIL FROM:<@>", 501, "5.1.7"},
		    {"RCPT TO:<@>", 501, "5.1.3"},
		    {"MAIL FROM:<a@b> X=1", 555, "5.5.4"},
		    {"MAIL FROM:<a@b> SIZE=x", 501, "5.5.4"},
		    {"RCPT TO:<\xe3\x81\x82@b>", 553, "5.6.7"}};
	struct smtp_command c;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		parse(rows[i].line, strlen(rows[i].line), &smtp, &c);
		struct smtp_refusal answer = smtp_command_refusal(&c);
		assert_int_equal(answer.code, rows[i].code);
		assert_string_equal(answer.enhanced, rows[i].enhanced);
	}
}

/* Every line above, with one octet replaced by NUL, CR, LF or 0xff: no crash, nothing forbidden in
 * the result. */
static void test_mutations(void **state)
{
	static const char bad[] = {'\0', '\r', '\n', '\xff'};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		size_t len = strlen(lines[i].line);
		char *line = strdup(lines[i].line);
		for (size_t at = 0; at < len; at++)
			for (size_t b = 0; b < COUNT(bad); b++) {
				struct smtp_command c;
				char old = line[at];
				line[at] = bad[b];
				int err = parse(line, len, lines[i].dialect, &c);
				if (err == 0 && bad[b] != '\xff')
					fail_msg("row %zu octet %zu: accepted", i, at);
				line[at] = old;
			}
		free(line);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(smtp_verb_name(SMTP_UNKNOWN), "unknown");
	assert_string_equal(smtp_verb_name(SMTP_HELO), "HELO");
	assert_string_equal(smtp_verb_name(SMTP_AUTH), "AUTH");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_mail_values),
		cmocka_unit_test(test_rcpt_values),
		cmocka_unit_test(test_other_values),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_faulty_parameter_is_named),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
