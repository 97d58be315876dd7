/* One connection: whose answer is this, and what is nobody's. */
#include "smtpgw/lmtp_test.h"

static void one_mail_after_the_other(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){0});
	listen_now(&b);
	int fd = opened(&b, m);
	lmtp_client_rcpt(m->l, &m->tx.recipient);
	lmtp_client_rcpt(m->l, &m->tx.recipient);
	hear(&b, fd, "RCPT TO:<one@ours.test>\r\nRCPT TO:<one@ours.test>\r\n");
	say(fd, "550 5.1.1 nobody\r\n250 2.1.5 ok\r\n");
	until(&b, &m->rcpts, 3);
	lmtp_client_content(m->l, (const uint8_t *)"ab", 2, false);
	send_last(m, "cde");
	hear(&b, fd, "BDAT 2\r\nabBDAT 3 LAST\r\ncde");
	say(fd, "250 2.0.0 chunk\r\n250 2.0.0 stored\r\n");
	turn(&b);
	assert_int_equal(m->verdicts, 0); /* two recipients: two answers */
	say(fd, "250 2.0.0 stored\r\n");
	until(&b, &m->verdicts, 1);
	assert_int_equal(m->verdict_code, 250);
	assert_int_equal(take(&b, m), 0); /* the same connection, at once */
	hear(&b, fd, BEGUN);
	say(fd, "250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
	until(&b, &m->rcpts, 4);
	send_last(m, "");
	hear(&b, fd, "BDAT 0 LAST\r\n");
	say(fd, "452 4.2.2 full\r\n");
	until(&b, &m->verdicts, 2);
	assert_string_equal(m->text, "4.2.2 full");
	lmtp_pool_close(b.pool, NULL, NULL);
	hear(&b, fd, "QUIT\r\n");
	bed_close(&b);
}

static void refusals(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){0});
	listen_now(&b);
	assert_int_equal(take(&b, m), E_AGAIN);
	int fd = welcome(&b);
	hear(&b, fd, BEGUN);
	say(fd,
	    "552 5.3.4 too large\r\n503 5.5.1 no mail\r\n"); /* MAIL's words go to the recipient */
	until(&b, &m->rcpts, 1);
	assert_int_equal(m->rcpt_code, 552);
	assert_string_equal(m->text, "5.3.4 too large");
	lmtp_client_abandon(m->l);
	hear(&b, fd, "RSET\r\n");
	assert_int_equal(take(&b, &b.mail[1]), E_AGAIN); /* not before RSET is answered */
	say(fd, "250 ok\r\n");
	int second = welcome(&b); /* but a new one was opened meanwhile */
	until(&b, &b.mail[1].granted, 1);
	hear(&b, fd, BEGUN);
	say(fd, "250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
	m = &b.mail[1];
	until(&b, &m->rcpts, 1);
	lmtp_client_content(m->l, (const uint8_t *)"ab", 2, false); /* refused in the middle */
	hear(&b, fd, "BDAT 2\r\nab");
	say(fd, "451 4.3.0 disk\r\n");
	for (int i = 0; i < 20; i++)
		turn(&b);
	lmtp_client_content(m->l, (const uint8_t *)"cd", 2, false);
	assert_int_equal(m->verdicts, 0);
	send_last(m, "ef");
	assert_int_equal(m->verdicts, 1);
	assert_string_equal(m->text, "4.3.0 disk");
	hear(&b, fd, "RSET\r\n");
	say(fd, "250 ok\r\n");
	assert_true(second != fd);
	bed_close(&b);
}

static void whatever_goes_wrong_is_lost(void **unused)
{
	static const char *const answers[] = {
		"421 4.3.2 bye\r\n",
		"250 2.0.0 ok\r\n550 5.0.0 not all\r\n",
		"hello\r\n",
		"250 2.0.0\0x\r\n",
		"250 2.0.0 ok\r\n250 2.0.0 ok\r\n250 2.0.0 ok\r\n",
		"",
		"250-2.0.0 ok\r\n550 x\r\n",
	};
	(void)unused;
	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		struct bed b;
		struct mail *m = &b.mail[0];
		bed_open(&b, 4, (struct bed_times){0});
		listen_now(&b);
		int fd = opened(&b, m);
		lmtp_client_rcpt(m->l, &m->tx.recipient);
		hear(&b, fd, "RCPT TO:<one@ours.test>\r\n");
		say(fd, "250 ok\r\n");
		until(&b, &m->rcpts, 2);
		send_last(m, "x");
		hear(&b, fd, "BDAT 1 LAST\r\nx");
		say(fd, answers[i]);
		shutdown(fd, SHUT_RDWR);
		if (i == 4) { /* the mail is through; the third answer costs the connection only */
			until(&b, &m->verdicts, 1);
			assert_int_equal(m->lost, 0);
		} else {
			until(&b, &m->lost, 1);
			assert_int_equal(m->verdicts, 0);
		}
		bed_close(&b);
	}
}

static void goodbye_is_no_answer(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){0});
	listen_now(&b);
	int fd = opened(&b, m);
	lmtp_client_rcpt(m->l, &m->tx.recipient);
	say(fd, "421 4.3.2 shutting down\r\n");
	until(&b, &m->lost, 1);
	assert_int_equal(m->rcpts, 1);
	bed_close(&b);
}

static void silence(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){.step_us = 60000});
	listen_now(&b);
	int fd = opened(&b, m);
	for (int64_t end = clock_mono_us() + 150000; clock_mono_us() < end;)
		turn(&b);
	assert_int_equal(m->lost, 0); /* nothing was asked: the client may take its time */
	int64_t before = clock_mono_us();
	send_last(m, "x");
	until(&b, &m->lost, 1);
	assert_true(clock_mono_us() - before >= 60000);
	hear_end(&b, fd);
	shutdown(fd, SHUT_RDWR);
	assert_int_equal(take(&b, m), E_AGAIN); /* and one that never greets */
	until(&b, &m->refused, 1);
	bed_close(&b);
}

static void who_gives_up_late_hears_nothing(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 1, (struct bed_times){0});
	listen_now(&b);
	int fd = opened(&b, m);
	send_last(m, "x");
	lmtp_client_abandon(m->l);
	hear(&b, fd, "BDAT 1 LAST\r\nx"); /* no RSET: pushsrv may have committed */
	assert_int_equal(take(&b, &b.mail[1]), E_AGAIN);
	say(fd, "250 2.0.0 stored\r\n");
	until(&b, &b.mail[1].granted, 1);
	assert_int_equal(m->verdicts + m->lost, 0);
	bed_close(&b);
}

static void not_pushsrv(void **unused)
{
	static const char *const greetings[] = {"421 4.7.0 too many\r\n", "554 no\r\n",
						"+OK POP3\r\n"};
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	for (int i = 0; i < 4; i++) {
		bed_open(&b, 4, (struct bed_times){0});
		listen_now(&b);
		assert_int_equal(take(&b, m), E_AGAIN);
		int fd = answer_door(&b);
		say(fd, i < 3 ? greetings[i] : "220 hello\r\n");
		if (i == 3) {
			hear(&b, fd, "LHLO mx.test\r\n");
			say(fd, "250-other\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-"
				"SMTPUTF8\r\n250 CHUNKING\r\n");
		}
		until(&b, &m->refused, 1);
		hear_end(&b, fd);
		bed_close(&b);
	}
}

/* Fields for the top of the mail: before its last content, where that is understood. */
static void trace(void **unused)
{
	static const char *const answers[] = {"250 2.0.0 fields\r\n", "501 5.5.4 what?\r\n"};
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	for (int i = 0; i < 3; i++) { /* the last pushsrv does not offer it */
		bed_open(&b, 4, (struct bed_times){0});
		listen_now(&b);
		assert_int_equal(take(&b, m), E_AGAIN);
		int fd = answer_door(&b);
		say(fd, "220 mx.test LMTP\r\n");
		hear(&b, fd, "LHLO mx.test\r\n");
		say(fd, i < 2 ? "250-mx.test\r\n250-XTRACE\r\n" LHLO_OK : LHLO_OK);
		hear(&b, fd, BEGUN);
		say(fd, "250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
		until(&b, &m->rcpts, 1);
		lmtp_client_content(m->l, (const uint8_t *)"ab", 2, false);
		lmtp_client_trace(m->l, "A: b\r\n", 6);
		send_last(m, "cd");
		if (i < 2)
			hear(&b, fd, "BDAT 2\r\nabXTRACE 6\r\nA: b\r\nBDAT 2 LAST\r\ncd");
		else
			hear(&b, fd, "BDAT 2\r\nabBDAT 2 LAST\r\ncd");
		say(fd, "250 2.0.0 chunk\r\n");
		if (i < 2)
			say(fd, answers[i]);
		say(fd, "250 2.0.0 stored\r\n");
		until(&b, &m->verdicts, 1);
		assert_int_equal(m->verdict_code, 250);
		bed_close(&b);
	}
}

/* A mail out of the queue has a name, for a pushsrv that wants it. */
static void name(void **unused)
{
	static const char *const begun[] = {
		BEGUN, "MAIL FROM:<a@b.test> SIZE=5 BODY=8BITMIME SMTPUTF8 XATOMIC "
		       "XID=7.1325376000\r\nRCPT TO:<one@ours.test>\r\n"};
	struct bed b;

	(void)unused;
	for (int i = 0; i < 2; i++) {
		bed_open(&b, 4, (struct bed_times){0});
		listen_now(&b);
		strcpy(b.mail[0].tx.xid, "7.1325376000");
		assert_int_equal(take(&b, &b.mail[0]), E_AGAIN);
		int fd = answer_door(&b);
		say(fd, "220 mx.test LMTP\r\n");
		hear(&b, fd, "LHLO mx.test\r\n");
		say(fd, i ? "250-mx.test\r\n250-XID\r\n" LHLO_OK : LHLO_OK);
		hear(&b, fd, begun[i]);
		bed_close(&b);
	}
}

static void full(void **unused)
{
	static uint8_t octets[300000];
	struct bed b;
	struct mail *m = &b.mail[0];
	char sink[65536];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){0});
	listen_now(&b);
	int fd = opened(&b, m);
	assert_false(lmtp_client_is_full(m->l));
	lmtp_client_content(m->l, octets, sizeof octets, false);
	lmtp_client_content(m->l, octets, sizeof octets, false);
	turn(&b);
	assert_true(lmtp_client_is_full(m->l));
	int before = m->drained;
	int64_t end = clock_mono_us() + PATIENCE_US;
	while (m->drained == before && clock_mono_us() < end) {
		if (recv(fd, sink, sizeof sink, 0) < 0)
			turn(&b);
	}
	assert_false(lmtp_client_is_full(m->l));
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_mail_after_the_other),
		cmocka_unit_test(refusals),
		cmocka_unit_test(whatever_goes_wrong_is_lost),
		cmocka_unit_test(goodbye_is_no_answer),
		cmocka_unit_test(silence),
		cmocka_unit_test(who_gives_up_late_hears_nothing),
		cmocka_unit_test(not_pushsrv),
		cmocka_unit_test(trace),
		cmocka_unit_test(name),
		cmocka_unit_test(full),
	};

	return cmocka_run_group_tests(tests, bed_prepare, NULL);
}
