/* A submission port's conversation, with a store that is a few words: who may say what, when, and
 * how each verdict sounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smtpgw/session.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define PLAIN    "AUTH PLAIN AHUAdA==\r\n" /* u, t */
#define KNOWN    "EHLO c\r\n" PLAIN
#define MAILED   KNOWN "MAIL FROM:<a@b.test>\r\n"

struct play {
	struct session s;
	struct session_limits limits;
	char said[8192];
	size_t said_n;
	enum identity_verdict verdict; /* to credentials */
	struct session_answer refusal; /* to senders and recipients; code 0: none */
	bool ends;
	char login[64], notified[600];
	unsigned stored;
};

static void hear(void *arg, const char *octets, size_t n)
{
	struct play *p = arg;

	assert_true(p->said_n + n < sizeof p->said);
	memcpy(p->said + p->said_n, octets, n);
	p->said_n += n;
	p->said[p->said_n] = '\0';
}

static bool is_ahead(void *arg)
{
	(void)arg;
	return false;
}

static bool can_store(void *arg)
{
	(void)arg;
	return true;
}

static void authenticate(void *arg)
{
	struct play *p = arg;

	snprintf(p->login, sizeof p->login, "%.20s:%.20s", p->s.auth.sasl.credentials.login,
		 p->s.auth.sasl.credentials.token);
	session_authenticated(&p->s, p->verdict);
}

static void inspect_sender(void *arg)
{
	struct play *p = arg;

	session_ruled(&p->s, &(struct session_ruling){.refusal = p->refusal, .ends = p->ends});
}

static void inspect_rcpt(void *arg, const struct mailaddr *to)
{
	struct play *p = arg;

	snprintf(p->notified, sizeof p->notified, "%.60s@%.60s %u %.300s", to->local, to->domain,
		 p->s.asking_notify, p->s.asking_orcpt);
	session_ruled(&p->s, &(struct session_ruling){.refusal = p->refusal});
}

static void inspect_content(void *arg)
{
	session_ruled(&((struct play *)arg)->s, &(struct session_ruling){.ends = false});
}

static void rcpt(void *arg, const struct mailaddr *to)
{
	(void)to;
	session_rcpt_answered(&((struct play *)arg)->s,
			      &(struct session_answer){250, "2.1.5", "ok"});
}

static void content(void *arg, const uint8_t *octets, size_t n, bool is_last)
{
	struct play *p = arg;

	(void)octets, (void)n;
	p->stored += is_last;
	if (is_last)
		session_mail_answered(&p->s, &(struct session_answer){250, "2.0.0", "ok"});
}

static void ignore(void *arg)
{
	(void)arg;
}

static void ignore_octets(void *arg, const uint8_t *octets, size_t n)
{
	(void)arg, (void)octets, (void)n;
}

static const struct session_ops ops = {
	.reply = hear,
	.is_ahead = is_ahead,
	.can_store = can_store,
	.rcpt = rcpt,
	.content = content,
	.abandon = ignore,
	.inspect_sender = inspect_sender,
	.authenticate = authenticate,
	.inspect = ignore,
	.inspect_octets = ignore_octets,
	.inspect_rcpt = inspect_rcpt,
	.inspect_content = inspect_content,
};

static void begin(struct play *p)
{
	static struct local_domains *domains;
	const char *bad;

	if (!domains)
		assert_int_equal(local_domains_new("ours.test", &domains, &bad), 0);
	memset(p, 0, sizeof *p);
	p->limits = (struct session_limits){
		.kind = &session_submission,
		.hostname = "mx.test",
		.domains = domains,
		.mail = {.max_size = 3000, .max_line = 100, .max_received = 3},
		.max_recipients = 3,
		.max_errors = 5,
		.max_refused = 8,
		.has_tls = true,
	};
	session_open(&p->s, &p->limits, "label", "192.0.2.7", &ops, p);
}

static void say(struct play *p, const char *text)
{
	size_t n = strlen(text);

	p->said_n = 0;
	p->said[0] = '\0';
	while (n > 0 && p->s.need != SESSION_NEED_CLOSE && p->s.need != SESSION_NEED_TLS) {
		size_t used = strcspn(text, "\n") + 1;
		if (p->s.need == SESSION_NEED_OCTETS)
			used = session_octets(&p->s, (const uint8_t *)text, n);
		else
			session_line(&p->s, text, used - 2, SESSION_LINE_WHOLE);
		text += used;
		n -= used;
	}
}

/* "250 354 ": of each reply the code. */
static const char *codes(const struct play *p)
{
	static char text[1024];
	size_t n = 0;

	for (const char *line = p->said; *line; line = strchr(line, '\n') + 1)
		if (line[3] == ' ')
			n += (size_t)snprintf(text + n, sizeof text - n, "%.3s ", line);
	text[n] = '\0';
	return text;
}

static const struct {
	const char *before, *line, *codes;
} cells[] = {
	{"", "AUTH PLAIN AHUAdA==\r\n", "503 "},
	{"", "MAIL FROM:<a@b.test>\r\n", "503 "},
	{"EHLO c\r\n", "MAIL FROM:<a@b.test>\r\n", "530 "},
	{"HELO c\r\n", PLAIN, "235 "},
	{"EHLO c\r\n", PLAIN, "235 "},
	{"EHLO c\r\n", "auth plain\r\nAHUAdA==\r\n", "334 235 "},
	{"EHLO c\r\n", "AUTH LOGIN\r\ndQ==\r\ndA==\r\n", "334 334 235 "},
	{"EHLO c\r\n", "AUTH LOGIN dQ==\r\ndA==\r\n", "334 235 "},
	{"EHLO c\r\n", "AUTH PLAIN\r\n*\r\n", "334 501 "},
	{"EHLO c\r\n", "AUTH PLAIN\r\nQUIT\r\n", "334 501 "},
	{"EHLO c\r\n", "AUTH PLAIN =\r\n", "501 "},
	{"EHLO c\r\n", "AUTH DIGEST-MD5\r\n", "504 "},
	{"EHLO c\r\n", "AUTH\r\n", "501 "},
	{KNOWN, PLAIN, "503 "},
	{KNOWN, "EHLO again\r\nMAIL FROM:<a@b.test>\r\n", "250 250 "},
	{KNOWN, "MAIL FROM:<> RET=FULL ENVID=x+2B AUTH=a@b.test SIZE=3000\r\n", "250 "},
	{KNOWN, "MAIL FROM:<a@b.test> SIZE=3001\r\n", "552 "},
	{KNOWN, "MAIL FROM:<a@b.test> RET=x\r\n", "501 "},
	{KNOWN, "MAIL FROM:<a@b.test> XATOMIC\r\n", "555 "},
	{MAILED, PLAIN, "503 "},
	{MAILED, "RCPT TO:<x@anywhere.test>\r\n", "250 "},
	{MAILED, "RCPT TO:<x@[192.0.2.1]>\r\n", "550 "},
	{MAILED, "RCPT TO:<postmaster>\r\n", "250 "},
	{MAILED, "RCPT TO:<x@y> NOTIFY=SUCCESS,NEVER\r\n", "501 "},
	{MAILED, "RCPT TO:<x@y>\r\nRCPT TO:<x@y>\r\nRCPT TO:<x@y>\r\nRCPT TO:<x@y>\r\n",
	 "250 250 250 452 "},
	{MAILED, "RCPT TO:<x@y>\r\nDATA\r\nSubject: s\r\n\r\n.\r\nMAIL FROM:<>\r\n",
	 "250 354 250 250 "},
};

static void verbs(void **state)
{
	struct play p;

	(void)state;
	for (size_t i = 0; i < COUNT(cells); i++) {
		begin(&p);
		say(&p, cells[i].before);
		say(&p, cells[i].line);
		if (strcmp(codes(&p), cells[i].codes) != 0)
			fail_msg("%s%s: %s", cells[i].before, cells[i].line, p.said);
		session_close(&p.s);
	}
}

static void verdicts(void **state)
{
	struct play p;

	(void)state;
	for (int v = IDENTITY_GOOD; v < IDENTITY_VERDICTS; v++) {
		const char *want = v == IDENTITY_GOOD    ? "235 2.7.0 "
				   : v == IDENTITY_STORE ? "454 4.7.0 "
							 : "535 5.7.8 ";
		begin(&p);
		p.verdict = (enum identity_verdict)v;
		say(&p, KNOWN);
		assert_non_null(strstr(p.said, want));
		assert_string_equal(p.login, "u:t");
		assert_int_equal(p.s.auth.is_done, v == IDENTITY_GOOD);
		assert_int_equal(p.s.errors, v != IDENTITY_GOOD && v != IDENTITY_STORE);
		session_close(&p.s);
	}
}

/* OAUTHBEARER's and XOAUTH2's extra round; any line will do, and no rest of it logs in. */
static void extra_round(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.verdict = IDENTITY_EXPIRED;
	say(&p, "EHLO c\r\nAUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\r\n");
	assert_string_equal(codes(&p), "250 334 ");
	p.verdict = IDENTITY_GOOD;
	say(&p, "AHUAdA==\r\nMAIL FROM:<a@b.test>\r\n");
	assert_string_equal(codes(&p), "535 530 ");
	session_close(&p.s);
}

static void tls_first(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.limits.auth_requires_tls = true;
	say(&p, "EHLO c\r\n");
	assert_null(strstr(p.said, "AUTH"));
	say(&p, PLAIN "MAIL FROM:<a@b.test>\r\nSTARTTLS\r\n");
	assert_string_equal(codes(&p), "538 530 220 ");
	session_secured(&p.s);
	say(&p, "EHLO c\r\n");
	assert_non_null(strstr(p.said, "250-AUTH PLAIN LOGIN OAUTHBEARER XOAUTH2\r\n"));
	assert_null(strstr(p.said, "STARTTLS"));
	assert_non_null(strstr(p.said, "250-DSN\r\n"));
	say(&p, PLAIN);
	assert_string_equal(codes(&p), "235 ");
	session_close(&p.s);
	begin(&p); /* what was shown before the handshake is not known after it */
	say(&p, KNOWN "STARTTLS\r\n");
	session_secured(&p.s);
	say(&p, "EHLO c\r\nMAIL FROM:<a@b.test>\r\n");
	assert_string_equal(codes(&p), "250 530 ");
	session_close(&p.s);
}

static void sender_refused(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.refusal = (struct session_answer){550, "5.7.1", "not yours"};
	say(&p, MAILED "RCPT TO:<x@y>\r\n");
	assert_string_equal(codes(&p), "250 235 550 503 ");
	p.refusal = (struct session_answer){530, "5.7.0", "moved"};
	p.ends = true;
	say(&p, "MAIL FROM:<a@b.test>\r\nNOOP\r\n");
	assert_string_equal(codes(&p), "530 ");
	assert_int_equal(p.s.reason, CLOSE_MOVED);
	session_close(&p.s);
}

/* POP before SMTP: the ruling alone decides. */
static void pop_before_smtp(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.limits.trusts_pop = true;
	say(&p, "EHLO c\r\nMAIL FROM:<a@b.test>\r\n");
	assert_string_equal(codes(&p), "250 250 ");
	p.refusal = (struct session_answer){530, "5.7.0", "who?"};
	say(&p, "RSET\r\nMAIL FROM:<a@b.test>\r\n");
	assert_string_equal(codes(&p), "250 530 ");
	session_close(&p.s);
}

static void dsn(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	say(&p, KNOWN "MAIL FROM:<a@b.test> RET=HDRS ENVID=Q+2B\r\n"
		      "RCPT TO:<x@y> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A+40b\r\n");
	assert_int_equal(p.s.tx.ret, SMTP_RET_HDRS);
	assert_string_equal(p.s.tx.envid, "Q+");
	assert_string_equal(p.notified, "x@y 10 rfc822;A@b");
	say(&p, "RCPT TO:<z@y>\r\n");
	assert_string_equal(p.notified, "z@y 0 ");
	session_close(&p.s);
}

static void guesses(void **state)
{
	struct play p;

	(void)state;
	begin(&p);
	p.verdict = IDENTITY_TOKEN;
	say(&p, KNOWN PLAIN PLAIN PLAIN PLAIN PLAIN);
	assert_string_equal(codes(&p), "250 535 535 535 535 535 421 ");
	session_close(&p.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(extra_round),
		cmocka_unit_test(tls_first),
		cmocka_unit_test(sender_refused),
		cmocka_unit_test(pop_before_smtp),
		cmocka_unit_test(dsn),
		cmocka_unit_test(guesses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
