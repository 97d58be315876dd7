/* What goes out: every octet of RETR and TOP, the arithmetic of STAT, LIST and UIDL, and how much
 * of it lies in memory. */
#include "popgw/testbed.h"

#define PREFIX "Return-Path: <a@b.example>\r\nReceived: by x; now\r\n"

/* What RFC 1939 3 makes of octets: dots doubled at the beginning of a line, CRLF at the end, the
 * final dot. Octet by octet. */
static size_t expected(const char *head, const char *octets, size_t n, char *out)
{
	size_t used = strlen(head);
	bool at_line = true;

	memcpy(out, head, used);
	for (size_t i = 0; i < n; i++) {
		if (at_line && octets[i] == '.')
			out[used++] = '.';
		out[used++] = octets[i];
		at_line = octets[i] == '\n';
	}
	if (!at_line) {
		memcpy(out + used, "\r\n", 2);
		used += 2;
	}
	memcpy(out + used, ".\r\n", 3);
	return used + 3;
}

static void expect_message(struct client *c, const char *head, const char *prefix, const char *body,
			   size_t size)
{
	size_t n = strlen(prefix) + size;
	char *whole = malloc(n + 1), *want = malloc(2 * n + 256);

	assert_true(whole && want);
	memcpy(whole, prefix, strlen(prefix));
	memcpy(whole + strlen(prefix), body, size);
	client_expect_octets(c, want, expected(head, whole, n, want));
	free(whole);
	free(want);
}

static const struct {
	const char *prefix, *body;
	bool dots;
} mails[] = {
	{PREFIX, "Subject: a\r\n\r\nhello\r\n", false},
	{PREFIX, "Subject: b\r\n\r\n.\r\n..\r\n.x\r\nx.\r\n", true},
	{PREFIX, ".Subject: c\r\n\r\nx\r\n", true}, /* the body begins with a dot */
	{PREFIX, "Subject: d\r\n\r\nno end", false},
	{PREFIX, "Subject: e\r\n\r\n.no end", true},
	{PREFIX, "", false},
	{"", "Subject: f\r\n\r\nno prefix\r\n", false},
	{"", "", false},
	{"", "x", false},
	{"", "\r", false},
	{"", "\r\n", false},
	{".odd: prefix\r\n..\r\n", "Subject: g\r\n\r\nflag unset\r\n", false},
};

static void put_mails(void)
{
	for (size_t i = 0; i < COUNT(mails); i++)
		bed_mail((uint32_t)(10 + i), mails[i].prefix, mails[i].body, mails[i].dots);
}

static size_t size_of(size_t i)
{
	return strlen(mails[i].prefix) + strlen(mails[i].body);
}

static void test_every_octet(void **state)
{
	char head[64], line[64];

	(void)state;
	put_mails();
	struct client c = client_log_in(2, 3);
	for (size_t i = 0; i < COUNT(mails); i++) {
		snprintf(line, sizeof(line), "RETR %zu\r\n", i + 1);
		snprintf(head, sizeof(head), "+OK %zu octets\r\n", size_of(i));
		client_send(&c, line);
		expect_message(&c, head, mails[i].prefix, mails[i].body, strlen(mails[i].body));
	}
	client_ask(&c, "NOOP\r\n", "+OK\r"); /* nothing was left over */
	client_close(&c);
}

static void test_top(void **state)
{
	(void)state;
	bed_mail(10, PREFIX, "Subject: b\r\n\r\n.\r\n..\r\nthree\r\n", true);
	struct client c = client_log_in(2, 3);
	client_send(&c, "TOP 1 0\r\n");
	client_expect(&c, "+OK\r\n" PREFIX "Subject: b\r\n\r\n.\r\n");
	client_send(&c, "TOP 1 1\r\n");
	client_expect(&c, "+OK\r\n" PREFIX "Subject: b\r\n\r\n..\r\n.\r\n");
	client_send(&c, "TOP 1 99999999999999\r\n");
	client_expect(&c, "+OK\r\n" PREFIX "Subject: b\r\n\r\n..\r\n...\r\nthree\r\n.\r\n");
	client_ask(&c, "TOP 1\r\n", "-ERR");
	client_ask(&c, "TOP 2 0\r\n", "-ERR no such message");
	client_ask(&c, "NOOP\r\n", "+OK\r");
	client_close(&c);
}

#define BIG ((size_t)3 << 20)

/* Lines of all lengths, some of them dots; exactly `size` octets, ends with CRLF. */
static char *big_body(size_t size)
{
	char *body = malloc(size);
	size_t at = 0, line = 0;

	assert_non_null(body);
	while (at < size) {
		size_t length = line++ % 97;
		for (size_t i = 0; i < length && at < size; i++)
			body[at++] = i == 0 && line % 5 == 0 ? '.' : (char)('a' + (line + i) % 26);
		if (at < size)
			body[at++] = '\r';
		if (at < size)
			body[at++] = '\n';
	}
	memcpy(body + size - 2, "\r\n", 2);
	return body;
}

static void test_big_message(void **state)
{
	char *body = big_body(BIG);
	char head[64];

	(void)state;
	bed_mail_octets(10, PREFIX, body, BIG, true);
	snprintf(head, sizeof(head), "+OK %zu octets\r\n", strlen(PREFIX) + BIG);
	struct client c = client_log_in(2, 3);
	bed.calls[OP_CHECK] = 0;
	client_send(&c, "RETR 1\r\n");
	expect_message(&c, head, PREFIX, body, BIG);
	/* Before the command, and every 64 KiB of its output. */
	assert_true(bed.calls[OP_CHECK] >= (int)(BIG / OUTPUT_CHECK));
	client_close(&c);
	free(body);
}

/* A client that takes nothing: what waits for it stays below the limit, whatever it asks for. */
static void test_slow_client_costs_little(void **state)
{
	char *body = big_body(BIG);

	(void)state;
	bed_mail_octets(10, PREFIX, body, BIG, true);
	bed_mail(11, PREFIX, "Subject: small\r\n\r\nx\r\n", false);
	struct client c = client_log_in(2, 3);
	for (int i = 0; i < 100; i++)
		client_send(&c, i % 2 ? "RETR 1\r\n" : "RETR 2\r\nLIST\r\nUIDL\r\n");
	for (int i = 0; i < 2000; i++) {
		bed_turn();
		assert_true(conn_unsent(bed.worker->sessions->conn) <=
			    2 * (OUTPUT_HIGH + OUTPUT_PIECE));
	}
	client_close(&c);
	free(body);
}

static void test_slow_client_gets_it_all(void **state)
{
	char *body = big_body(BIG);
	char head[64];

	(void)state;
	bed_mail_octets(10, PREFIX, body, BIG, true);
	snprintf(head, sizeof(head), "+OK %zu octets\r\n", strlen(PREFIX) + BIG);
	struct client c = client_log_in(2, 3);
	client_send(&c, "RETR 1\r\nNOOP\r\nRETR 1\r\nQUIT\r\n");
	for (int i = 0; i < 500; i++)
		bed_turn();
	expect_message(&c, head, PREFIX, body, BIG);
	client_expect(&c, "+OK\r\n");
	expect_message(&c, head, PREFIX, body, BIG);
	client_expect_line(&c, "+OK bye");
	client_expect_end(&c);
	client_close(&c);
	free(body);
}

static void test_numbers(void **state)
{
	(void)state;
	bed_mail(10, "", "0123456789\r\n", false);
	bed_mail(20, "ab\r\n", "01234567\r\n", false);
	bed_mail(30, "", "x\r\n", false);
	struct client c = client_log_in(2, 3);
	client_ask(&c, "STAT\r\n", "+OK 3 29\r");
	client_send(&c, "LIST\r\n");
	client_expect(&c, "+OK\r\n1 12\r\n2 14\r\n3 3\r\n.\r\n");
	client_send(&c, "UIDL\r\n");
	client_expect(&c, "+OK\r\n1 77.10\r\n2 77.20\r\n3 77.30\r\n.\r\n");
	client_ask(&c, "LIST 2\r\n", "+OK 2 14\r");
	client_ask(&c, "UIDL 2\r\n", "+OK 2 77.20\r");
	client_ask(&c, "DELE 2\r\n", "+OK");
	client_ask(&c, "STAT\r\n", "+OK 2 15\r");
	client_send(&c, "LIST\r\n");
	client_expect(&c, "+OK\r\n1 12\r\n3 3\r\n.\r\n");
	client_send(&c, "UIDL\r\n");
	client_expect(&c, "+OK\r\n1 77.10\r\n3 77.30\r\n.\r\n");
	client_ask(&c, "LIST 2\r\n", "-ERR no such message");
	client_ask(&c, "UIDL 2\r\n", "-ERR no such message");
	client_ask(&c, "RETR 2\r\n", "-ERR no such message");
	client_ask(&c, "TOP 2 1\r\n", "-ERR no such message");
	client_ask(&c, "DELE 2\r\n", "-ERR no such message");
	client_ask(&c, "RETR 0\r\n", "-ERR no such message");
	client_ask(&c, "RETR 4\r\n", "-ERR no such message");
	client_ask(&c, "RETR 4294967297\r\n", "-ERR no such message");
	client_ask(&c, "RSET\r\n", "+OK");
	client_ask(&c, "STAT\r\n", "+OK 3 29\r");
	client_ask(&c, "RETR 2\r\n", "+OK 14 octets");
	client_expect(&c, "ab\r\n01234567\r\n.\r\n");
	client_ask(&c, "QUIT\r\n", "+OK");
	client_expect_end(&c);
	client_close(&c);
}

static void test_empty_maildrop(void **state)
{
	(void)state;
	struct client c = client_log_in(2, 3);
	client_ask(&c, "STAT\r\n", "+OK 0 0\r");
	client_send(&c, "LIST\r\nUIDL\r\n");
	client_expect(&c, "+OK\r\n.\r\n+OK\r\n.\r\n");
	client_ask(&c, "RETR 1\r\n", "-ERR");
	client_ask(&c, "QUIT\r\n", "+OK");
	assert_int_equal(bed.updates, 0);
	client_close(&c);
}

/* ---- the store fails ---- */

static void test_failure_before_the_answer(void **state)
{
	(void)state;
	bed_mail(10, PREFIX, "Subject: a\r\n\r\nhello\r\n", false);
	struct client c = client_log_in(2, 3);
	bed.fail[OP_READ] = E_IO;
	client_ask(&c, "RETR 1\r\n", "-ERR [SYS/TEMP]");
	bed.fail[OP_READ] = E_NOT_FOUND;
	client_ask(&c, "TOP 1 0\r\n", "-ERR [SYS/TEMP]");
	bed.fail[OP_READ] = 0;
	bed.fail[OP_CHECK] = E_IO;
	client_ask(&c, "RETR 1\r\n", "-ERR [SYS/TEMP]");
	client_ask(&c, "STAT\r\n", "-ERR [SYS/TEMP]");
	client_ask(&c, "DELE 1\r\n", "-ERR [SYS/TEMP]");
	bed.fail[OP_CHECK] = 0;
	client_ask(&c, "RETR 1\r\n", "+OK");
	client_close(&c);
}

static bool is_held(void)
{
	return bed.held_count > 0;
}

/* Half a mail must not end like a whole one. */
static void test_failure_in_the_middle(void **state)
{
	char *body = big_body(BIG);

	(void)state;
	bed_mail_octets(10, PREFIX, body, BIG, true);
	struct client c = client_log_in(2, 3);
	bed.hold[OP_READ] = true;
	client_send(&c, "RETR 1\r\n");
	for (int piece = 0; piece < 3; piece++) {
		bed_turn_until(is_held);
		bed_release();
	}
	client_expect_line(&c, "+OK");
	bed_turn_until(is_held);
	bed.fail[OP_READ] = E_IO;
	bed_release();
	client_read_to_end(&c);
	assert_true(c.have <= 2 * 3 * OUTPUT_PIECE);
	assert_false(c.have >= 5 && memcmp(c.got + c.have - 5, "\r\n.\r\n", 5) == 0);
	assert_int_equal(maildrop_locks_held(bed.popgw.locks), 0);
	client_close(&c);
	free(body);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, bed_open, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_octet),
		TEST(test_top),
		TEST(test_big_message),
		TEST(test_slow_client_costs_little),
		TEST(test_slow_client_gets_it_all),
		TEST(test_numbers),
		TEST(test_empty_maildrop),
		TEST(test_failure_before_the_answer),
		TEST(test_failure_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
