#include "smtpgw/session_test.h"

/* Each ends the data somewhere in the world. Here it is content, and the whole is refused. */
static void ends_that_are_none(void **unused)
{
	static const struct {
		const char *octets;
		size_t n;
	} ends[] = {
		{"\n.\n", 3},     {"\n.\r\n", 4},     {"\r\n.\n", 4},   {"\r.\r", 3},
		{"\r.\r\n", 4},   {"\r\n\0.\r\n", 6}, {"\r\n.\r", 4},   {"\r\n.\r\r\n", 6},
		{"\n\n.\r\n", 5}, {"\r\n.\0\r\n", 6}, {"\r\r\n.\n", 5},
	};
	struct play *p = malloc(sizeof *p);
	char in[1000];

	(void)unused;
	for (size_t i = 0; i < COUNT(ends); i++)
		for (size_t step = 1; step < 400; step += 23) {
			size_t n = (size_t)sprintf(in, "%s", HELLO BEGIN "DATA\r\nouter");
			memcpy(in + n, ends[i].octets, ends[i].n);
			n += ends[i].n;
			n += (size_t)sprintf(in + n, "%s", BEGIN "DATA\r\ninner\r\n.\r\nNOOP\r\n");
			play_open(p);
			play_feed(p, in, n, step, false);
			assert_string_equal(play_codes(p), "220 250 250 250 354 550 250 ");
			assert_non_null(strstr(p->said, "550 5.5.2"));
			assert_int_equal(p->commits, 0);
			assert_int_equal(p->abandons, 1);
			play_close(p);
		}
	free(p);
}

static void chunks_are_no_way_round(void **unused)
{
	static const char *const bad[] = {"BDAT 3 LAST\r\na\nb", "BDAT 3 LAST\r\na\rb",
					  "BDAT 2 LAST\r\na\r", "BDAT 2\r\na\rBDAT 1 LAST\r\nb"};
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (size_t i = 0; i < COUNT(bad); i++) {
		play_open(p);
		play_say(p, HELLO BEGIN);
		play_say(p, bad[i]);
		assert_non_null(strstr(p->said, "550 5.5.2"));
		assert_int_equal(p->commits, 0);
		play_close(p);
	}
	play_open(p);
	play_say(p, HELLO BEGIN);
	play_say(p, "BDAT 2\r\na\rBDAT 1 LAST\r\n\n"); /* one CRLF, in two chunks */
	assert_string_equal(play_codes(p), "250 250 ");
	assert_string_equal(play_content_of(p), "a\r\n");
	play_close(p);
	free(p);
}

static void content_that_does_not_wait(void **unused)
{
	static const char *const openings[] = {
		BEGIN, "MAIL FROM:<>\r\nRCPT TO:<gone@ours.test>\r\n", "MAIL FROM:<>\r\n"};
	struct play *p = malloc(sizeof *p);
	char in[500];

	(void)unused;
	for (size_t i = 0; i < COUNT(openings); i++) {
		play_open(p);
		int n = sprintf(in, HELLO "%sDATA\r\nS: x\r\n\r\n.\r\nNOOP\r\n", openings[i]);
		play_feed(p, in, (size_t)n, 1000, true);
		assert_non_null(strstr(p->said, "554 5.5.0"));
		assert_int_equal(p->s.need, SESSION_NEED_CLOSE);
		assert_int_equal(p->s.reason, CLOSE_AHEAD);
		assert_int_equal(p->commits, 0);
		play_close(p);
	}
	free(p);
}

/* What claims to be our word about the mail goes; every other octet stays. */
static void weed(void **unused)
{
	static const char in[] =
		HELLO BEGIN "DATA\r\nSubject: a\r\nAuthentication-Results: other.test; spf=pass\r\n"
			    "authentication-results : (x)\r\n\tMX.test 1;\r\n spf=pass\r\n"
			    "X: b\r\n c\r\nAuthentication-Results:mx.test\r\nY: d\r\n\r\n"
			    "Authentication-Results: mx.test; none\r\n.\r\n";
	static const char kept[] =
		"Subject: a\r\nAuthentication-Results: other.test; spf=pass\r\nX: b\r\n c\r\n"
		"Y: d\r\n\r\nAuthentication-Results: mx.test; none\r\n";
	struct play *p = malloc(sizeof *p);

	(void)unused;
	for (size_t step = 1; step < sizeof in; step += 7) {
		play_open(p);
		play_feed(p, in, sizeof in - 1, step, false);
		assert_string_equal(play_content_of(p), kept);
		assert_non_null(strstr(p->seen, "MX.test 1")); /* who checks signatures needs it */
		play_close(p);
	}
	free(p);
}

/* One that is longer than what is held of a field goes as a whole; another passes. */
static void long_fields(void **unused)
{
	struct play *p = malloc(sizeof *p);
	char *in = malloc(9000), *end;

	(void)unused;
	for (int ours = 0; ours < 2; ours++) {
		end = in + sprintf(in, "%s%s", HELLO BEGIN "DATA\r\nA: b\r\n",
				   ours ? "Authentication-Results:" : "X-Other:");
		for (int i = 0; i < 100; i++)
			end += sprintf(end, " x;\r\n\t%040d", i);
		end += sprintf(end, "\r\nC: d\r\n\r\nbody\r\n.\r\n");
		play_open(p);
		play_feed(p, in, (size_t)(end - in), 100, false);
		assert_int_equal(p->commits, 1);
		if (ours)
			assert_string_equal(play_content_of(p), "A: b\r\nC: d\r\n\r\nbody\r\n");
		else
			assert_int_equal(strlen(play_content_of(p)), p->seen_n);
		play_close(p);
	}
	free(in);
	free(p);
}

/* Neither bad content nor what was sent of it before stays with pushsrv, and its connection is free
 * at once. */
static void large_content(void **unused)
{
	enum { LINES = 3000, LINE = 80 };
	struct play *p = malloc(sizeof *p);
	char *big = malloc(LINES * LINE + 1);

	(void)unused;
	for (size_t i = 0; i < LINES; i++)
		sprintf(big + i * LINE, "%078zu\r\n", i);
	play_open(p);
	play_say(p, HELLO BEGIN "DATA\r\n");
	play_feed(p, big, LINES * LINE, 4096, false);
	assert_true(p->pieces >= 3 && p->stored_n <= LINES * LINE);
	assert_true(p->s.tx.room <= 2 * (TRANSACTION_PIECE + 4096));
	play_say(p, ".\r\n");
	assert_string_equal(play_codes(p), "250 ");
	assert_string_equal(play_content_of(p), big);
	assert_int_equal(p->commits, 1);

	play_say(p, BEGIN "DATA\r\n");
	play_feed(p, big, LINES * LINE, 4096, false);
	play_say(p, "bare\nlf\r\n");
	assert_int_equal(p->abandons, 1);
	play_feed(p, big, LINES * LINE, 4096, false);
	play_say(p, ".\r\n");
	assert_string_equal(play_codes(p), "550 ");

	play_say(p, BEGIN "DATA\r\n");
	for (int i = 0; i < 3; i++)
		play_feed(p, big, LINES * LINE, 4096, false);
	assert_int_equal(p->abandons, 2);
	play_say(p, ".\r\n");
	assert_string_equal(play_codes(p), "552 ");
	assert_int_equal(p->commits, 1);
	play_close(p);
	free(big);
	free(p);
}

static void trace(void **unused)
{
	struct play *p = malloc(sizeof *p);

	(void)unused;
	play_open(p);
	play_say(p, "HELO (evil)\t\r\nHELO c.test;x\r\n" BEGIN "DATA\r\n.\r\n");
	static const char field[] = "Received: from c.test?x ([192.0.2.7])\r\n"
				    "\tby mx.test with SMTP id label.1\r\n"
				    "\tfor <one@ours.test>;\r\n\t";
	assert_int_equal(strncmp(p->stored, field, sizeof field - 1), 0);
	play_say(p, HELLO "MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<one@ours.test>\r\nRCPT "
			  "TO:<two@ours.test>\r\nDATA\r\n.\r\n");
	assert_non_null(strstr(p->stored, "with UTF8SMTP id label.2;\r\n\t"));
	play_close(p);
	free(p);
}

static void slow_content_goes_on(void **unused)
{
	struct transaction t;
	const struct smtp_command mail = {.verb = SMTP_MAIL};
	const struct transaction_limits limits = {.max_size = 1000,
						  .max_line = 100,
						  .max_received = 3,
						  .hostname = "mx.test",
						  .max_field = 1000};

	(void)unused;
	transaction_begin(&t, "id", &mail, &limits);
	transaction_trace(&t, (struct received){.by = "mx.test"}, 1000);
	assert_true(t.held > 0);
	assert_false(transaction_is_due(&t, 1000 + TRANSACTION_STALE_S * INT64_C(1000000)));
	assert_true(transaction_is_due(&t, 1001 + TRANSACTION_STALE_S * INT64_C(1000000)));
	transaction_passed(&t, 5);
	assert_false(transaction_is_due(&t, INT64_C(1) << 60));
	transaction_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_that_are_none),
		cmocka_unit_test(chunks_are_no_way_round),
		cmocka_unit_test(content_that_does_not_wait),
		cmocka_unit_test(weed),
		cmocka_unit_test(long_fields),
		cmocka_unit_test(large_content),
		cmocka_unit_test(trace),
		cmocka_unit_test(slow_content_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
