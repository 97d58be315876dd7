#include "smtpgw/relay/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define RECIPIENTS 4

/* A host that is the test: what was said to it, and what it is told happened. */
struct scene {
	struct client client;
	struct client_settings settings;
	struct client_mail mail;
	struct client_recipient to[RECIPIENTS];
	char said[65536];
	size_t said_n;
	int ready, done, ended, tls, content;
};

static void op_write(void *arg, const void *octets, size_t n)
{
	struct scene *s = arg;

	assert_true(s->said_n + n < sizeof s->said);
	memcpy(s->said + s->said_n, octets, n);
	s->said_n += n;
	s->said[s->said_n] = '\0';
}

static void op_tls(void *arg)
{
	((struct scene *)arg)->tls++;
}

static void op_ready(void *arg)
{
	((struct scene *)arg)->ready++;
}

static void op_content(void *arg)
{
	((struct scene *)arg)->content++;
}

static void op_done(void *arg)
{
	struct scene *s = arg;

	for (size_t i = 0; i < s->mail.count; i++)
		assert_int_not_equal(s->to[i].answer.stage, RELAY_STAGE_NONE);
	s->done++;
}

static void op_ended(void *arg)
{
	((struct scene *)arg)->ended++;
}

static const struct client_ops ops = {op_write, op_tls, op_ready, op_content, op_done, op_ended};

static struct scene *scene_new(enum client_tls tls)
{
	struct scene *s = calloc(1, sizeof *s);

	s->settings = (struct client_settings){.hostname = "out.test", .tls = tls};
	for (size_t i = 0; i < RECIPIENTS; i++)
		s->to[i] = (struct client_recipient){.address = "x@there.test", .orcpt = ""};
	s->to[0].address = "one@there.test";
	s->to[1].address = "two@there.test";
	s->mail = (struct client_mail){.reverse_path = "me@here.test",
				       .envid = "",
				       .size = 10,
				       .recipients = s->to,
				       .count = 1};
	client_init(&s->client, &s->settings, &ops, s);
	return s;
}

/* Lines, separated by \n. */
static void hear(struct scene *s, const char *lines)
{
	char copy[8192];
	char *at = copy;

	snprintf(copy, sizeof copy, "%s", lines);
	for (char *line; (line = strsep(&at, "\n"));)
		client_line(&s->client, line, strlen(line));
}

/* What was said since it was asked last. */
static void said(struct scene *s, const char *text)
{
	assert_string_equal(s->said_n ? s->said : "", text);
	s->said_n = 0;
	*s->said = '\0';
}

static void content(struct scene *s, const char *text, bool is_last)
{
	client_content(&s->client, (const uint8_t *)text, strlen(text), is_last);
}

/* Greeted, with these keywords (each "\n250-..."). */
static struct scene *scene_ready(const char *keywords)
{
	struct scene *s = scene_new(CLIENT_TLS_OPPORTUNISTIC);
	char reply[1024];

	hear(s, "220 there.test hello");
	snprintf(reply, sizeof reply, "250-there.test%s\n250 HELP", keywords);
	hear(s, reply);
	said(s, "EHLO out.test\r\n");
	assert_int_equal(s->ready, 1);
	return s;
}

static void answer_is(const struct scene *s, size_t i, enum relay_stage stage, int code,
		      const char *enhanced)
{
	assert_int_equal(s->to[i].answer.stage, stage);
	assert_int_equal(s->to[i].answer.code, code);
	assert_string_equal(s->to[i].answer.enhanced, enhanced);
}

/* ---- the session ---- */

static void greets_and_falls_back(void **state)
{
	struct scene *s = scene_new(CLIENT_TLS_OPPORTUNISTIC);

	(void)state;
	assert_int_equal(client_waits_for(&s->client), CLIENT_WAIT_GREETING);
	hear(s, "220-there.test\n220 hello");
	said(s, "EHLO out.test\r\n");
	hear(s, "502 what?");
	said(s, "HELO out.test\r\n");
	hear(s, "250 there.test");
	assert_int_equal(s->ready, 1);
	assert_int_equal(client_waits_for(&s->client), CLIENT_WAIT_NOTHING);
	client_quit(&s->client);
	said(s, "QUIT\r\n");
	assert_int_equal(s->ended, 1);
	free(s);
}

static void is_not_welcome(void **state)
{
	static const struct {
		const char *words;
		enum relay_stage stage;
		int code;
	} rows[] = {{"421 4.3.2 busy", RELAY_STAGE_GREETING, 421},
		    {"554 no", RELAY_STAGE_GREETING, 554},
		    {"220 hi\n421 bye", RELAY_STAGE_HELLO, 421},
		    {"220 hi\n550 no\n550 neither", RELAY_STAGE_HELLO, 550},
		    {"HTTP/1.1 400 Bad", RELAY_STAGE_GREETING, 0},
		    {"220-a\n250 b", RELAY_STAGE_GREETING, 0},
		    {"220 hi\n250 out.test", RELAY_STAGE_ROUTE, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scene *s = scene_new(CLIENT_TLS_OFF);
		hear(s, rows[i].words);
		assert_int_equal(s->ended, 1);
		assert_int_equal(s->ready, 0);
		assert_int_equal(s->client.failure.stage, rows[i].stage);
		assert_int_equal(s->client.failure.code, rows[i].code);
		hear(s, "220 again");
		assert_int_equal(s->ended, 1);
		free(s);
	}
}

static void a_reply_without_end_is_bounded(void **state)
{
	struct scene *s = scene_new(CLIENT_TLS_OFF);

	(void)state;
	for (int i = 0; i < 100000; i++)
		hear(s, "220-and more");
	assert_int_equal(s->ended, 1);
	assert_string_equal(s->client.failure.enhanced, "4.5.0");
	free(s);
}

static void secures(void **state)
{
	struct scene *s = scene_new(CLIENT_TLS_REQUIRED);

	(void)state;
	hear(s, "220 hi\n250-there.test\n250-SIZE 5\n250 STARTTLS");
	said(s, "EHLO out.test\r\nSTARTTLS\r\n");
	hear(s, "220 go");
	assert_int_equal(s->tls, 1);
	client_secured(&s->client);
	said(s, "EHLO out.test\r\n");
	assert_int_equal(s->client.offers, 0);
	hear(s, "250-there.test\n250-STARTTLS\n250 DSN");
	assert_int_equal(s->ready, 1);
	assert_true(s->client.is_tls);
	assert_int_equal(s->client.offers & CLIENT_DSN, CLIENT_DSN);
	free(s);
}

static void tls_is_required(void **state)
{
	static const char *const words[] = {"220 hi\n250 there.test",
					    "220 hi\n250-there.test\n250 STARTTLS\n454 later"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct scene *s = scene_new(CLIENT_TLS_REQUIRED);
		hear(s, words[i]);
		assert_int_equal(s->ended, 1);
		assert_int_equal(s->client.failure.stage, RELAY_STAGE_TLS);
		assert_int_equal(relay_judge(&s->client.failure), RELAY_DEFERRED);
		free(s);
		s = scene_new(CLIENT_TLS_OPPORTUNISTIC);
		hear(s, words[i]);
		assert_int_equal(s->ready, 1);
		free(s);
	}
}

/* ---- the envelope ---- */

static void one_by_one_without_pipelining(void **state)
{
	struct scene *s = scene_ready("");

	(void)state;
	s->mail.count = 2;
	assert_int_equal(client_mail(&s->client, &s->mail), 0);
	said(s, "MAIL FROM:<me@here.test>\r\n");
	hear(s, "250 ok");
	said(s, "RCPT TO:<one@there.test>\r\n");
	hear(s, "550 5.1.1 nobody");
	said(s, "RCPT TO:<two@there.test>\r\n");
	hear(s, "250 ok");
	said(s, "DATA\r\n");
	assert_int_equal(client_waits_for(&s->client), CLIENT_WAIT_DATA);
	hear(s, "354 go");
	assert_int_equal(s->content, 1);
	assert_int_equal(client_waits_for(&s->client), CLIENT_WAIT_BLOCK);
	content(s, "a: b\r\n\r\n.dot\r\n", true);
	said(s, "a: b\r\n\r\n..dot\r\n.\r\n");
	assert_int_equal(client_waits_for(&s->client), CLIENT_WAIT_FINAL);
	hear(s, "250 2.0.0 queued");
	assert_int_equal(s->done, 1);
	answer_is(s, 0, RELAY_STAGE_RCPT, 550, "5.1.1");
	answer_is(s, 1, RELAY_STAGE_CONTENT, 250, "2.0.0");
	/* The next one begins without RSET. */
	s->mail.count = 1;
	client_mail(&s->client, &s->mail);
	said(s, "MAIL FROM:<me@here.test>\r\n");
	free(s);
}

static void all_at_once_with_pipelining(void **state)
{
	struct scene *s = scene_ready("\n250-PIPELINING\n250-SIZE 100\n250-8BITMIME\n250-DSN");

	(void)state;
	s->mail.is_8bit = true;
	s->mail.ret = SMTP_RET_HDRS;
	s->mail.envid = "a+b";
	s->to[0].notify = SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;
	s->to[0].orcpt = "rfc822;first=one@there.test";
	client_mail(&s->client, &s->mail);
	said(s, "MAIL FROM:<me@here.test> SIZE=10 BODY=8BITMIME RET=HDRS ENVID=a+2Bb\r\n"
		"RCPT TO:<one@there.test> NOTIFY=FAILURE,DELAY "
		"ORCPT=rfc822;first+3Done@there.test\r\nDATA\r\n");
	hear(s, "250 ok\n450 4.2.0 later\n554 no recipients");
	assert_int_equal(s->done, 1);
	answer_is(s, 0, RELAY_STAGE_RCPT, 450, "4.2.0");
	client_mail(&s->client, &s->mail);
	assert_memory_equal(s->said, "RSET\r\nMAIL", 10);
	free(s);
}

static void sender_is_refused(void **state)
{
	struct scene *s = scene_ready("\n250-PIPELINING");

	(void)state;
	s->mail.count = 3;
	client_mail(&s->client, &s->mail);
	hear(s, "550 5.7.1 not you\n503 what\n503 what\n503 what");
	assert_int_equal(s->done, 0);
	hear(s, "503 what");
	assert_int_equal(s->done, 1);
	for (size_t i = 0; i < 3; i++)
		answer_is(s, i, RELAY_STAGE_MAIL, 550, "5.7.1");
	free(s);
}

static void data_without_recipients_is_ended(void **state)
{
	struct scene *s = scene_ready("\n250-PIPELINING");

	(void)state;
	client_mail(&s->client, &s->mail);
	hear(s, "250 ok\n550 no");
	s->said_n = 0;
	hear(s, "354 go");
	said(s, ".\r\n");
	assert_int_equal(s->content, 0);
	assert_int_equal(s->done, 0);
	hear(s, "554 nothing");
	assert_int_equal(s->done, 1);
	answer_is(s, 0, RELAY_STAGE_RCPT, 550, "");
	free(s);
}

static void too_many_recipients_come_again(void **state)
{
	struct scene *s = scene_ready("\n250-PIPELINING");

	(void)state;
	s->mail.count = 3;
	client_mail(&s->client, &s->mail);
	hear(s, "250 ok\n250 ok\n452 4.5.3 many\n452 4.2.2 full\n354 go");
	content(s, "x\r\n", true);
	hear(s, "250 ok");
	assert_false(s->to[0].is_again);
	assert_true(s->to[1].is_again);
	assert_false(s->to[2].is_again);
	free(s);
}

static void what_the_host_lacks(void **state)
{
	struct scene *s = scene_ready("\n250-SIZE 9");

	(void)state;
	client_mail(&s->client, &s->mail);
	assert_int_equal(s->done, 1);
	answer_is(s, 0, RELAY_STAGE_MAIL, 0, "5.3.4");
	assert_int_equal(relay_judge(&s->to[0].answer), RELAY_FAILED);
	s->mail.size = 5;
	s->mail.needs_utf8 = true;
	client_mail(&s->client, &s->mail);
	answer_is(s, 0, RELAY_STAGE_MAIL, 0, "5.6.7");
	said(s, "");
	s->mail.needs_utf8 = false;
	s->mail.is_8bit = true; /* goes as it is */
	client_mail(&s->client, &s->mail);
	said(s, "MAIL FROM:<me@here.test> SIZE=5\r\n");
	free(s);
}

static void an_envelope_is_no_place_for_commands(void **state)
{
	static const char *const bad[] = {"a\r\nRCPT TO:<b@c.test>", "a\nb@c.test", "\x01@c.test",
					  "\xc3\xa4@c.test"};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct scene *s = scene_ready("");
		s->to[0].address = bad[i];
		assert_int_equal(client_mail(&s->client, &s->mail), E_SYNTAX);
		s->to[0].address = "one@there.test";
		s->mail.reverse_path = bad[i];
		assert_int_equal(client_mail(&s->client, &s->mail), E_SYNTAX);
		said(s, "");
		free(s);
	}
}

/* ---- the content ---- */

static struct scene *scene_content(const char *keywords)
{
	struct scene *s = scene_ready(keywords);

	client_mail(&s->client, &s->mail);
	hear(s, "250 ok\n250 ok");
	if (!strstr(keywords, "CHUNKING"))
		hear(s, "354 go");
	assert_int_equal(s->content, 1);
	s->said_n = 0;
	return s;
}

static void line_ends_are_made_whole(void **state)
{
	static const struct {
		const char *in[3];
		const char *out;
	} rows[] = {{{"a\r\nb\r\n", "", ""}, "a\r\nb\r\n.\r\n"},
		    {{"a", "", ""}, "a\r\n.\r\n"},
		    {{"", "", ""}, ".\r\n"},
		    {{"a\r", "\nb", ""}, "a\r\nb\r\n.\r\n"},
		    {{"a\r", "b", ""}, "a\r\nb\r\n.\r\n"},
		    {{"a\r", "", ""}, "a\r\n.\r\n"},
		    {{"a\n.\nb\n", "", ""}, "a\r\n..\r\nb\r\n.\r\n"},
		    {{"a\r\n", ".\r\nMAIL", "\r.\r"}, "a\r\n..\r\nMAIL\r\n..\r\n.\r\n"},
		    {{"\n.\r\n", "\r\r\n", ""}, "\r\n..\r\n\r\n\r\n.\r\n"}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scene *s = scene_content("");
		for (size_t k = 0; k < 3; k++)
			content(s, rows[i].in[k], k == 2);
		said(s, rows[i].out);
		free(s);
	}
}

static void chunks(void **state)
{
	struct scene *s = scene_content("\n250-CHUNKING\n250-PIPELINING");

	(void)state;
	content(s, ".a\nb\r", false);
	said(s, "BDAT 5\r\n.a\r\nb");
	content(s, "\nc", true);
	said(s, "BDAT 5 LAST\r\n\r\nc\r\n");
	assert_int_equal(client_waits_for(&s->client), CLIENT_WAIT_FINAL);
	hear(s, "250 5 octets");
	assert_int_equal(s->done, 0);
	hear(s, "250 2.0.0 ok");
	assert_int_equal(s->done, 1);
	assert_int_equal(s->ended, 0);
	answer_is(s, 0, RELAY_STAGE_CONTENT, 250, "2.0.0");
	free(s);
}

static void a_chunk_is_refused(void **state)
{
	struct scene *s = scene_content("\n250-CHUNKING");

	(void)state;
	content(s, "a\r\n", false);
	hear(s, "552 5.3.4 large");
	assert_int_equal(s->done, 1);
	assert_int_equal(s->ended, 1);
	answer_is(s, 0, RELAY_STAGE_DATA, 552, "5.3.4");
	content(s, "b\r\n", true);
	free(s);
}

static void answers_too_early(void **state)
{
	static const struct {
		const char *words;
		int code;
		enum relay_fate fate;
	} rows[] = {{"554 5.7.1 spam", 554, RELAY_FAILED},
		    {"421 4.3.0 bye", 421, RELAY_DEFERRED},
		    {"250 2.0.0 fine", 0, RELAY_DEFERRED},
		    {"354 go", 0, RELAY_DEFERRED},
		    {"garbage", 0, RELAY_DEFERRED}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scene *s = scene_content("");
		content(s, "a\r\n", false);
		hear(s, rows[i].words);
		assert_int_equal(s->done, 1);
		assert_int_equal(s->ended, 1);
		assert_int_equal(s->to[0].answer.code, rows[i].code);
		assert_int_equal(relay_judge(&s->to[0].answer), rows[i].fate);
		free(s);
	}
}

static void is_lost_at_any_moment(void **state)
{
	(void)state;
	for (int moment = 0; moment < 4; moment++) {
		struct scene *s = scene_ready("\n250-PIPELINING");
		s->mail.count = 2;
		client_mail(&s->client, &s->mail);
		if (moment > 0)
			hear(s, "250 ok\n550 5.1.1 nobody");
		if (moment > 1)
			hear(s, "250 ok\n354 go");
		if (moment > 2)
			content(s, "a\r\n", true);
		client_broken(&s->client, "4.4.2", "the connection was lost");
		assert_int_equal(s->done, 1);
		assert_int_equal(s->ended, 1);
		assert_int_equal(s->to[1].answer.code, 0);
		assert_int_equal(relay_judge(&s->to[1].answer), RELAY_DEFERRED);
		if (moment > 0)
			answer_is(s, 0, RELAY_STAGE_RCPT, 550, "5.1.1");
		client_broken(&s->client, "4.4.2", "again");
		assert_int_equal(s->done, 1);
		free(s);
	}
}

static void ends_after_the_last_mail(void **state)
{
	struct scene *s = scene_content("");

	(void)state;
	content(s, "a\r\n", true);
	client_quit(&s->client);
	hear(s, "250 ok");
	assert_int_equal(s->done, 1);
	assert_int_equal(s->ended, 1);
	free(s);
	s = scene_ready("");
	hear(s, "421 idle");
	assert_int_equal(s->ended, 1);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(greets_and_falls_back),
		cmocka_unit_test(is_not_welcome),
		cmocka_unit_test(a_reply_without_end_is_bounded),
		cmocka_unit_test(secures),
		cmocka_unit_test(tls_is_required),
		cmocka_unit_test(one_by_one_without_pipelining),
		cmocka_unit_test(all_at_once_with_pipelining),
		cmocka_unit_test(sender_is_refused),
		cmocka_unit_test(data_without_recipients_is_ended),
		cmocka_unit_test(too_many_recipients_come_again),
		cmocka_unit_test(what_the_host_lacks),
		cmocka_unit_test(an_envelope_is_no_place_for_commands),
		cmocka_unit_test(line_ends_are_made_whole),
		cmocka_unit_test(chunks),
		cmocka_unit_test(a_chunk_is_refused),
		cmocka_unit_test(answers_too_early),
		cmocka_unit_test(is_lost_at_any_moment),
		cmocka_unit_test(ends_after_the_last_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
