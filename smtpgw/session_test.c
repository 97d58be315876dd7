#include "smtpgw/session_test.h"

/* ---- who may say what, when ---- */

static const struct {
	enum session_state state;
	const char *way; /* how to get there */
} states[] = {
	{SESSION_START, ""},
	{SESSION_READY, HELLO},
	{SESSION_MAIL, HELLO "MAIL FROM:<a@b.test>\r\n"},
	{SESSION_RCPT, HELLO BEGIN},
	{SESSION_BDAT, HELLO BEGIN "BDAT 3\r\nabc"},
};

static const struct {
	const char *line;
	int codes[COUNT(states)]; /* by state */
} cells[] = {
	{"HELO c.test", {250, 250, 250, 250, 250}},
	{"EHLO c.test", {250, 250, 250, 250, 250}},
	{"STARTTLS", {220, 220, 503, 503, 503}},
	{"MAIL FROM:<x@y.test>", {503, 250, 503, 503, 503}},
	{"RCPT TO:<two@ours.test>", {503, 503, 250, 250, 503}},
	{"RCPT TO:<gone@ours.test>", {503, 503, 550, 550, 503}},
	{"RCPT TO:<full@ours.test>", {503, 503, 452, 452, 503}},
	{"RCPT TO:<busy@ours.test>", {503, 503, 451, 451, 503}},
	{"RCPT TO:<one@theirs.test>", {503, 503, 550, 550, 503}},
	{"RCPT TO:<one@second.test>", {503, 503, 250, 250, 503}},
	{"RCPT TO:<Postmaster>", {503, 503, 250, 250, 503}},
	{"RCPT TO:<one@[192.0.2.1]>", {503, 503, 550, 550, 503}},
	{"DATA", {503, 503, 503, 354, 503}},
	{"BDAT 0", {503, 503, 503, 250, 250}},
	{"BDAT 0 LAST", {503, 503, 503, 250, 250}},
	{"BDAT x", {501, 501, 501, 501, 501}},
	{"RSET", {250, 250, 250, 250, 250}},
	{"NOOP", {250, 250, 250, 250, 250}},
	{"VRFY one", {252, 252, 252, 252, 252}},
	{"HELP", {214, 214, 214, 214, 214}},
	{"EXPN list", {502, 502, 502, 502, 502}},
	{"EXPN", {502, 502, 502, 502, 502}},
	{"AUTH PLAIN AGEAYg==", {502, 502, 502, 502, 502}},
	{"QUIT", {221, 221, 221, 221, 221}},
	{"LHLO c.test", {500, 500, 500, 500, 500}},
	{"DATA now", {501, 501, 501, 501, 501}},
	{"MAIL FROM:<x@y.test> XATOMIC", {555, 555, 555, 555, 555}},
	{"MAIL FROM:<x@y.test> AUTH=<>", {555, 555, 555, 555, 555}},
	{"MAIL FROM:<x@y.test> SIZE=300001", {503, 552, 503, 503, 503}},
	{"MAIL FROM:<x@y.test> BODY=BINARYMIME", {503, 501, 503, 503, 503}},
	{"RCPT TO:<two@ours.test> NOTIFY=NEVER", {555, 555, 555, 555, 555}},
	{"", {500, 500, 500, 500, 500}},
};

static void verbs_in_states(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (size_t i = 0; i < COUNT(cells); i++)
		for (size_t j = 0; j < COUNT(states); j++) {
			char line[200];
			play_open(p);
			play_say(p, states[j].way);
			assert_int_equal(p->s.state, states[j].state);
			snprintf(line, sizeof line, "%s\r\n", cells[i].line);
			play_say(p, line);
			char expected[8];
			snprintf(expected, sizeof expected, "%d ", cells[i].codes[j]);
			if (strcmp(play_codes(p), expected) != 0)
				fail_msg("%s in state %d: %s", cells[i].line, states[j].state,
					 p->said);
			play_close(p);
		}
	free(p);
}

/* ---- whole dialogues ---- */

static const struct {
	const char *name, *said, *codes;
	const char *stored; /* of the last mail, less the trace; null: there is none */
} talks[] = {
	{"a mail", HELLO BEGIN "DATA\r\nS: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n",
	 "220 250 250 250 354 250 221 ", "S: x\r\n\r\n.dot\r\n"},
	{"two mails", HELLO BEGIN "DATA\r\nS: 1\r\n.\r\n" BEGIN "DATA\r\nS: 2\r\n.\r\n",
	 "220 250 250 250 354 250 250 250 354 250 ", "S: 2\r\n"},
	{"an empty one", HELLO BEGIN "DATA\r\n.\r\n", "220 250 250 250 354 250 ", ""},
	{"chunks", HELLO BEGIN "BDAT 6\r\nS: x\r\nBDAT 2\r\n\r\nBDAT 4 LAST\r\n.\r\n.NOOP\r\n",
	 "220 250 250 250 250 250 250 250 ", "S: x\r\n\r\n.\r\n.\r\n"},
	{"an empty last chunk", HELLO BEGIN "BDAT 2\r\nabBDAT 0 LAST\r\n",
	 "220 250 250 250 250 250 ", "ab\r\n"},
	{"nothing at all", HELLO BEGIN "BDAT 0 LAST\r\n", "220 250 250 250 250 ", ""},
	{"chunk for nobody",
	 HELLO "MAIL FROM:<>\r\nRCPT TO:<gone@ours.test>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
	 "220 250 250 550 503 250 ", NULL},
	{"RSET between chunks",
	 HELLO BEGIN "BDAT 2\r\nabRSET\r\nBDAT 2 LAST\r\ncd" BEGIN "BDAT 2 LAST\r\nef",
	 "220 250 250 250 250 250 503 250 250 250 ", "ef\r\n"},
	{"EHLO in a mail ends it", HELLO BEGIN HELLO "DATA\r\n", "220 250 250 250 250 503 ", NULL},
	{"some recipients",
	 HELLO "MAIL FROM:<>\r\nRCPT TO:<gone@ours.test>\r\nRCPT TO:<one@ours.test>\r\nRCPT "
	       "TO:<full@ours.test>\r\n"
	       "DATA\r\nx\r\n.\r\n",
	 "220 250 250 550 250 452 354 250 ", "x\r\n"},
	{"answers in the order of RCPT",
	 HELLO "MAIL FROM:<>\r\nRCPT TO:<one@ours.test>\r\nRCPT TO:<x@theirs.test>\r\n"
	       "RCPT TO:<full@ours.test>\r\nRCPT TO:x\r\nRCPT TO:<two@ours.test>\r\n",
	 "220 250 250 250 550 452 501 250 ", NULL},
	{"too many recipients",
	 HELLO BEGIN
	 "RCPT TO:<two@ours.test>\r\nRCPT TO:<three@ours.test>\r\nRCPT TO:<one@ours.test>\r\n"
	 "RCPT TO:<gone@ours.test>\r\nDATA\r\nx\r\n.\r\n",
	 "220 250 250 250 250 250 452 452 354 250 ", "x\r\n"},
	{"too many recipients that are refused",
	 HELLO BEGIN GONE GONE GONE "RCPT TO:<x@theirs.test>\r\nRSET\r\n" BEGIN GONE GONE GONE GONE
				    "RCPT TO:<two@ours.test>\r\nDATA\r\n",
	 "220 250 250 250 550 550 550 550 250 250 250 550 550 550 550 421 ", NULL},
	{"bare LF ends no line", HELLO "NOOP\nNOOP\r\n", "220 250 500 250 ", NULL},
	{"BDAT with bare LF", HELLO BEGIN "BDAT 6 LAST\nQUIT\r\nNOOP\r\n", "220 250 250 250 500 ",
	 NULL},
	{"BDAT that is none", HELLO BEGIN "BDAT 6 MORE\r\nQUIT\r\nNOOP\r\n", "220 250 250 250 501 ",
	 NULL},
	{"six errors", HELLO "A\r\nB\r\nC\r\nD\r\nE\r\nF\r\nNOOP\r\n",
	 "220 250 500 500 500 500 500 500 421 ", NULL},
	{"long line in content",
	 HELLO BEGIN "DATA\r\n"
		     "01234567890123456789012345678901234567890123456789012345678901234567890123456"
		     "78901234567890123456789\r\n.\r\n" BEGIN "DATA\r\n"
		     "01234567890123456789012345678901234567890123456789012345678901234567890123456"
		     "789012345678901234567890\r\n.\r\nNOOP\r\n",
	 "220 250 250 250 354 250 250 250 354 554 250 ",
	 "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
	 "90123456789\r\n"},
	{"three Received",
	 HELLO BEGIN
	 "DATA\r\nReceived: 1\r\nreceived: 2\r\nRECEIVED: 3\r\n\r\nReceived: 4\r\n.\r\n",
	 "220 250 250 250 354 250 ",
	 "Received: 1\r\nreceived: 2\r\nRECEIVED: 3\r\n\r\nReceived: 4\r\n"},
	{"a loop",
	 HELLO BEGIN
	 "DATA\r\nReceived: 1\r\nReceived: 2\r\nReceived: 3\r\nReceived: 4\r\n\r\n.\r\nNOOP\r\n",
	 "220 250 250 250 354 554 250 ", NULL},
	{"HELO too", "HELO c.test\r\n" BEGIN "DATA\r\nx\r\n.\r\n", "220 250 250 250 354 250 ",
	 "x\r\n"},
};

static void dialogues(void **unused)
{
	static const size_t steps[] = {1, 2, 7, 64, 100000};
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (size_t i = 0; i < COUNT(talks); i++)
		for (size_t j = 0; j < COUNT(steps); j++) {
			play_open(p);
			play_feed(p, talks[i].said, strlen(talks[i].said), steps[j], false);
			if (strncmp(play_codes(p), "220 ", 4) != 0 ||
			    strcmp(play_codes(p), talks[i].codes) != 0)
				fail_msg("%s, by %zu: %s", talks[i].name, steps[j], p->said);
			assert_int_equal(p->commits > 0, talks[i].stored != NULL);
			if (talks[i].stored)
				assert_string_equal(play_content_of(p), talks[i].stored);
			play_close(p);
		}
	free(p);
}

static void tls_forgets(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	play_say(p, HELLO "STARTTLS\r\n" BEGIN);
	assert_string_equal(play_codes(p), "250 220 ");
	assert_int_equal(p->s.need, SESSION_NEED_TLS);
	session_secured(&p->s);
	play_say(p, "MAIL FROM:<a@b.test>\r\n" HELLO "STARTTLS\r\n" BEGIN "DATA\r\nx\r\n.\r\n");
	assert_string_equal(play_codes(p), "503 250 503 250 250 354 250 ");
	assert_null(strstr(p->said, "STARTTLS\r\n"));
	assert_non_null(strstr(p->stored, "with ESMTPS id label.1\r\n\tfor <one@ours.test>;"));
	play_close(p);
	play_open(p);
	p->limits.has_tls = false;
	play_say(p, HELLO "STARTTLS\r\n");
	assert_string_equal(play_codes(p), "250 502 ");
	play_close(p);
	free(p);
}

/* ---- pushsrv ---- */

static void recipients_are_asked_together(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	p->is_mute = true;
	play_say(p, HELLO BEGIN "RCPT TO:<gone@ours.test>\r\nRCPT "
				"TO:<two@second.test>\r\nNOOP\r\nRCPT TO:<three@ours.test>\r\n");
	assert_int_equal(p->pending_n, 3);
	assert_int_equal(p->s.need, SESSION_NEED_STORE);
	assert_string_equal(play_codes(p), "250 250 "); /* EHLO, MAIL */
	p->is_mute = false;
	while (p->pending_n > 0)
		play_store(p);
	assert_string_equal(play_codes(p), "250 250 250 550 250 ");
	assert_int_equal(p->s.need, SESSION_NEED_LINE);
	assert_int_equal(p->s.tx.accepted, 2);
	play_close(p);
	free(p);
}

static void pushsrv_out_of_reach(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	p->is_down = true;
	play_say(p, HELLO "MAIL FROM:<>\r\nRCPT TO:<one@ours.test>\r\n");
	assert_string_equal(play_codes(p), "250 451 503 ");
	p->is_down = false;
	play_say(p, "MAIL FROM:<>\r\n");
	p->is_down = true;
	play_say(p, "RCPT TO:<one@ours.test>\r\nRCPT TO:<two@ours.test>\r\nDATA\r\n");
	assert_string_equal(play_codes(p), "451 451 503 ");
	p->is_down = false; /* nothing was accepted, so it can begin anew */
	play_say(p, "RCPT TO:<one@ours.test>\r\nDATA\r\nx\r\n.\r\n");
	assert_string_equal(play_codes(p), "250 354 250 ");
	play_close(p);
	free(p);
}

static void pushsrv_lost_on_the_way(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p); /* between two recipients */
	play_say(p, HELLO BEGIN);
	p->loses_rcpt = true;
	play_say(p, "RCPT TO:<two@ours.test>\r\nRCPT TO:<three@ours.test>\r\n");
	p->loses_rcpt = false;
	play_say(p, "RCPT TO:<three@ours.test>\r\nDATA\r\nMAIL FROM:<>\r\n");
	play_close(p);

	play_open(p);
	p->loses_rcpt = true;
	play_say(p, HELLO BEGIN "RCPT TO:<two@ours.test>\r\n");
	assert_string_equal(play_codes(p), "250 250 451 451 ");
	play_close(p);

	play_open(p); /* before DATA */
	play_say(p, HELLO BEGIN);
	play_lose(p);
	play_say(p, "DATA\r\n" BEGIN);
	assert_string_equal(play_codes(p), "451 250 250 ");
	play_close(p);

	play_open(p); /* in the middle of the content */
	play_say(p, HELLO BEGIN "DATA\r\nx\r\n");
	play_lose(p);
	play_say(p, "y\r\n.\r\nNOOP\r\n");
	assert_string_equal(play_codes(p), "451 250 ");
	assert_int_equal(p->commits, 0);
	play_close(p);

	play_open(p); /* between chunks */
	play_say(p, HELLO BEGIN "BDAT 2\r\nab");
	play_lose(p);
	play_say(p, "BDAT 2 LAST\r\ncdNOOP\r\n");
	assert_string_equal(play_codes(p), "451 250 ");
	play_close(p);

	play_open(p); /* after the end */
	p->loses_mail = true;
	play_say(p, HELLO BEGIN "DATA\r\nx\r\n.\r\nNOOP\r\n");
	assert_string_equal(play_codes(p), "250 250 250 354 451 250 ");
	play_close(p);
	free(p);
}

static void pushsrv_has_the_last_word(void **unused)
{
	static const struct {
		struct session_answer verdict;
		const char *said;
	} rows[] = {
		{{452, "4.2.2", "the mailbox is full"}, "452 4.2.2 the mailbox is full\r\n"},
		{{550, "5.7.1", "no"}, "550 5.7.1 no\r\n"},
		{{451, "", "one\ntwo"}, "451-one\r\n451 two\r\n"},
	};
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (size_t i = 0; i < COUNT(rows); i++) {
		play_open(p);
		play_say(p, HELLO BEGIN);
		p->verdict = rows[i].verdict;
		play_say(p, "BDAT 1 LAST\r\nx");
		assert_string_equal(p->said, rows[i].said);
		assert_int_equal(p->s.state, SESSION_READY);
		assert_int_equal(p->commits, 0);
		play_close(p);
	}
	free(p);
}

/* ---- the rest ---- */

static void too_long_and_nul(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	play_say(p, HELLO);
	p->said_n = 0;
	assert_true(session_line(&p->s, "", 0, SESSION_LINE_TOO_LONG));
	assert_true(session_line(&p->s, "NO\0OP", 5, SESSION_LINE_WHOLE));
	assert_string_equal(play_codes(p), "500 500 ");
	assert_int_equal(p->s.errors, 2);
	p->said_n = 0;
	assert_true(session_line(&p->s, "BDAT 5\0", 7, SESSION_LINE_WHOLE));
	assert_string_equal(play_codes(p), "500 ");
	assert_int_equal(p->s.need, SESSION_NEED_CLOSE);
	play_close(p);
	free(p);
}

/* A goodbye does not take the outcome of a commit away. */
static void goodbye(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	p->is_mute = true;
	play_say(p, HELLO "MAIL FROM:<>\r\nRCPT TO:<one@ours.test>\r\n");
	p->is_mute = false;
	play_store(p);
	p->is_mute = true;
	play_say(p, "DATA\r\nx\r\n.\r\n");
	assert_true(session_is_committing(&p->s));
	session_goodbye(&p->s, CLOSE_TOTAL);
	assert_true(session_is_committing(&p->s));
	p->is_mute = false;
	play_store(p);
	assert_int_equal(p->s.accepted, 1);
	assert_string_equal(play_codes(p), "354 421 250 ");
	session_goodbye(&p->s, CLOSE_IDLE);
	assert_int_equal(p->s.need, SESSION_NEED_CLOSE);
	play_close(p);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verbs_in_states),
		cmocka_unit_test(dialogues),
		cmocka_unit_test(tls_forgets),
		cmocka_unit_test(recipients_are_asked_together),
		cmocka_unit_test(pushsrv_out_of_reach),
		cmocka_unit_test(pushsrv_lost_on_the_way),
		cmocka_unit_test(pushsrv_has_the_last_word),
		cmocka_unit_test(too_long_and_nul),
		cmocka_unit_test(goodbye),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
