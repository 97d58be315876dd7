#include "smtpgw/session_test.h"

/* What the inspection rules, at once or late, decides what goes to pushsrv. */
static void rcpt_is_refused(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (int late = 0; late < 2; late++) {
		play_open(p);
		p->rules_late = late;
		p->rcpt_ruling.refusal = (struct session_answer){550, "5.7.23", "SPF says no"};
		play_say(p, HELLO BEGIN "DATA\r\n");
		assert_string_equal(play_codes(p), "250 250 550 503 ");
		assert_non_null(strstr(p->said, "550 5.7.23 SPF says no\r\n"));
		assert_int_equal(p->asked, 0);
		assert_int_equal(p->begun, 1);
		play_close(p);
	}
	free(p);
}

/* Answers come in the order of RCPT, also that of one who never was put to pushsrv. */
static void order_of_answers(void **unused)
{
	static const char many[] =
		"MAIL FROM:<a@b.test>\r\nRCPT TO:<one@ours.test>\r\nRCPT TO:<two@ours.test>\r\n"
		"RCPT TO:<three@ours.test>\r\nDATA\r\n";
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (int late = 0; late < 2; late++) {
		play_open(p);
		p->rules_late = late;
		strcpy(p->refused, "two");
		p->rcpt_ruling.refusal = (struct session_answer){451, "4.7.1", "come again"};
		play_say(p, HELLO);
		play_say(p, many);
		assert_string_equal(play_codes(p), "250 250 451 250 354 ");
		assert_int_equal(p->asked, 2);
		assert_int_equal(p->s.tx.accepted, 2);
		play_close(p);
	}
	free(p);
}

static void content_is_refused(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (int late = 0; late < 2; late++) {
		play_open(p);
		p->rules_late = late;
		p->content_ruling.refusal = (struct session_answer){550, "5.7.26", "DMARC"};
		play_say(p, HELLO BEGIN "DATA\r\nS: x\r\n\r\n..y\r\n.\r\nNOOP\r\n");
		assert_string_equal(play_codes(p), "250 250 250 354 550 250 ");
		assert_string_equal(p->seen, "S: x\r\n\r\n.y\r\n");
		assert_int_equal(p->commits, 0);
		assert_int_equal(p->abandons, 1);
		play_close(p);
	}
	free(p);
}

static void trace_goes_before_the_end(void **unused)
{
	static const char *const ways[] = {"DATA\r\nS: x\r\n\r\ny\r\n.\r\n",
					   "BDAT 4\r\nS: xBDAT 7 LAST\r\n\r\n\r\ny\r\n",
					   "BDAT 9 LAST\r\nS: x\r\n\r\ny"};
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (size_t i = 0; i < 2 * COUNT(ways); i++) {
		play_open(p);
		p->rules_late = i % 2;
		p->content_ruling.trace = "A: b\r\n";
		p->content_ruling.trace_n = 6;
		play_say(p, HELLO BEGIN);
		play_say(p, ways[i / 2]);
		assert_int_equal(p->commits, 1);
		assert_string_equal(p->traced, "A: b\r\n");
		assert_string_equal(p->seen, "S: x\r\n\r\ny\r\n");
		assert_string_equal(play_content_of(p), p->seen);
		play_close(p);
	}
	free(p);
}

/* While the ruling is awaited nothing is promised, and losing pushsrv makes 451. */
static void store_is_lost_meanwhile(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	play_say(p, HELLO BEGIN);
	play_feed(p, "DATA\r\n", 6, 6, false);
	p->rules_late = true;
	session_octets(&p->s, (const uint8_t *)"y\r\n.\r\n", 6);
	assert_int_equal(p->s.need, SESSION_NEED_RULING);
	assert_false(session_is_committing(&p->s));
	play_lose(p);
	assert_int_equal(p->s.need, SESSION_NEED_RULING);
	play_rule(p);
	assert_string_equal(play_codes(p), "250 250 250 354 451 ");
	assert_int_equal(p->s.need, SESSION_NEED_LINE);

	play_say(p, "MAIL FROM:<a@b.test>\r\n");
	assert_true(session_line(&p->s, "RCPT TO:<one@ours.test>", 23, SESSION_LINE_WHOLE));
	assert_int_equal(p->s.need, SESSION_NEED_RULING);
	play_rule(p);
	assert_int_equal(p->s.need, SESSION_NEED_LINE);
	assert_int_equal(p->pending_n, 1);
	play_close(p);
	free(p);
}

static void goodbye_while_it_is_awaited(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	play_say(p, HELLO BEGIN "DATA\r\n");
	p->rules_late = true;
	session_octets(&p->s, (const uint8_t *)"y\r\n.\r\n", 6);
	session_goodbye(&p->s, CLOSE_SHUTDOWN);
	assert_int_equal(p->s.need, SESSION_NEED_CLOSE);
	play_close(p);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rcpt_is_refused),
		cmocka_unit_test(order_of_answers),
		cmocka_unit_test(content_is_refused),
		cmocka_unit_test(trace_goes_before_the_end),
		cmocka_unit_test(store_is_lost_meanwhile),
		cmocka_unit_test(goodbye_while_it_is_awaited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
