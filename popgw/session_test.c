/* The session's states: lines of all kinds, timeouts, QUIT. binding_test.c has the binding and the
 * lock. */
#include "popgw/testbed.h"

static void put_mail(void)
{
	bed_mail(10, "", "Subject: a\r\n\r\none\r\n", false);
	bed_mail(20, "", "Subject: b\r\n\r\ntwo\r\n", false);
}

static size_t locks_held(void)
{
	return maildrop_locks_held(bed.popgw.locks);
}

/* ---- lines ---- */

static void test_wrong_lines_cost(void **state)
{
	static const char *const wrong[] = {"\r\n", "STAT\r\n", "XYZZY 1\r\n", "USER\r\n"};
	struct client c = client_connect(2);

	(void)state;
	client_expect_line(&c, "+OK");
	for (size_t i = 0; i < COUNT(wrong); i++)
		client_ask(&c, wrong[i], "-ERR");
	client_ask(&c, "RETR 1\r\n", "-ERR too many wrong commands");
	client_expect_end(&c);
	client_close(&c);
}

static void test_nul_and_long_lines(void **state)
{
	struct client c = client_connect(2);
	size_t size = 1 << 20;
	char *junk = malloc(size);

	(void)state;
	assert_non_null(junk);
	memset(junk, 'A', size);
	client_expect_line(&c, "+OK");
	client_send_octets(&c, "CA\0PA\r\n", 7);
	client_expect_line(&c, "-ERR");
	client_send_octets(&c, junk, size); /* one line of a megabyte: one answer */
	client_expect_line(&c, "-ERR the line is too long");
	client_send(&c, "\r\nCAPA\r\n");
	client_expect(&c, "+OK\r\nTOP\r\n");
	client_close(&c);
	free(junk);
}

static void test_commands_in_the_wrong_state(void **state)
{
	static const char *const early[] = {"STAT", "LIST", "RETR 1",  "DELE 1",
					    "NOOP", "RSET", "TOP 1 0", "UIDL"};
	static const char *const late[] = {"USER x", "PASS x", "AUTH", "STLS", "UTF8"};

	(void)state;
	put_mail();
	bed.conf->popgw_max_errors = 100;
	struct client c = client_connect(2);
	client_expect_line(&c, "+OK");
	for (size_t i = 0; i < COUNT(early); i++) {
		client_send(&c, early[i]);
		client_ask(&c, "\r\n", "-ERR log in first");
	}
	client_close(&c);
	c = client_log_in(2, 3);
	for (size_t i = 0; i < COUNT(late); i++) {
		client_send(&c, late[i]);
		client_ask(&c, "\r\n", "-ERR not after the login");
	}
	client_ask(&c, "APOP x y\r\n", "-ERR");
	client_ask(&c, "LANG\r\n", "-ERR");
	client_close(&c);
}

static void test_a_line_in_any_cut(void **state)
{
	struct client c = client_connect(2);
	const char *text = "NOOP\r\nSTAT\r\nQUIT\r\n";

	(void)state;
	put_mail();
	client_close(&c);
	c = client_log_in(2, 3);
	for (const char *p = text; *p; p++) {
		client_send_octets(&c, p, 1);
		for (int i = 0; i < 3; i++)
			bed_turn();
	}
	client_expect(&c, "+OK\r\n+OK 2 38\r\n+OK bye\r\n");
	client_expect_end(&c);
	client_close(&c);
}

#define MANY 5000

static void test_pipelining(void **state)
{
	char *text = malloc(MANY * 6 + 16), *want = malloc(MANY * 16 + 16);
	size_t n = 0, w = 0;

	(void)state;
	put_mail();
	assert_true(text && want);
	for (int i = 0; i < MANY; i++) {
		memcpy(text + n, i % 2 ? "STAT\r\n" : "NOOP\r\n", 6);
		n += 6;
		w += (size_t)sprintf(want + w, i % 2 ? "+OK 2 38\r\n" : "+OK\r\n");
	}
	struct client c = client_log_in(2, 3);
	assert_int_equal(send(c.fd, text, n, MSG_NOSIGNAL), n);
	/* Its many commands keep nobody from his turn. */
	for (int before = bed.calls[OP_CHECK]; before < MANY / 2; before = bed.calls[OP_CHECK]) {
		bed_turn();
		assert_true(bed.calls[OP_CHECK] - before <= 64);
	}
	client_expect_octets(&c, want, w);
	/* The last one is answered although nothing more will come from the client. */
	client_send(&c, "DELE 1\r\nQUIT\r\n");
	shutdown(c.fd, SHUT_WR);
	client_expect(&c, "+OK marked\r\n+OK bye\r\n");
	client_expect_end(&c);
	assert_int_equal(bed.deleted_count, 1);
	client_close(&c);
	free(text);
	free(want);
}

static void test_login_time(void **state)
{
	struct client c = client_connect(2);

	(void)state;
	client_expect_line(&c, "+OK");
	client_expect_line(&c, "-ERR [SYS/TEMP] the login took too long");
	client_expect_end(&c);
	client_close(&c);
}

static int bed_open_hasty(void **state)
{
	static const char *const sets[] = {"popgw.login_seconds=1", NULL};

	bed_more_sets = sets;
	int rc = bed_open(state);
	bed_more_sets = NULL;
	return rc;
}

/* ---- QUIT ---- */

static void test_quit_deletes(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	client_send(&c, "RETR 1\r\n");
	client_expect(&c, "+OK 19 octets\r\nSubject: a\r\n\r\none\r\n.\r\n");
	client_ask(&c, "DELE 1\r\n", "+OK");
	bed.hold[OP_UPDATE] = true;
	client_send(&c, "QUIT\r\n");
	client_expect_silence(&c); /* "+OK" is a promise: not before the commit */
	assert_int_equal(locks_held(), 1);
	assert_int_equal(bed.updates, 1);
	assert_int_equal(bed.deleted_count, 1);
	assert_int_equal(bed.deleted[0], 10);
	assert_int_equal(bed.read_count, 1);
	assert_int_equal(bed.read[0], 10);
	assert_int_equal(bed.listed_uid, 10);
	bed_release();
	assert_int_equal(locks_held(), 0);
	client_expect(&c, "+OK bye\r\n");
	client_expect_end(&c);
	client_close(&c);
}

static void test_quit_without_deletions_waits_for_nothing(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	client_ask(&c, "STAT\r\n", "+OK");
	bed.hold[OP_UPDATE] = true;
	client_ask(&c, "QUIT\r\n", "+OK");
	client_expect_end(&c);
	assert_int_equal(bed.updates, 1);
	assert_int_equal(bed.deleted_count, 0);
	assert_int_equal(bed.listed_uid, 20);
	assert_int_equal(locks_held(), 0);
	client_close(&c);
}

static void test_quit_that_saw_nothing_tells_nothing(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	client_ask(&c, "NOOP\r\n", "+OK");
	client_ask(&c, "DELE 1\r\n", "+OK");
	client_ask(&c, "RSET\r\n", "+OK");
	client_ask(&c, "QUIT\r\n", "+OK");
	assert_int_equal(bed.updates, 0);
	client_close(&c);
	c = client_connect(2);
	client_expect_line(&c, "+OK");
	client_ask(&c, "QUIT\r\n", "+OK");
	client_expect_end(&c);
	client_close(&c);
}

/* What LIST with a number showed is no news any more; what was not shown still is. */
static void test_listed_is_what_was_shown(void **state)
{
	static const struct {
		const char *command;
		uint32_t uid;
	} shows[] = {{"LIST 1\r\n", 10},  {"UIDL 1\r\n", 10}, {"RETR 1\r\n", 10},
		     {"TOP 1 0\r\n", 10}, {"LIST 2\r\n", 20}, {"LIST\r\n", 20},
		     {"UIDL\r\n", 20},    {"STAT\r\n", 20}};

	(void)state;
	put_mail();
	for (size_t i = 0; i < COUNT(shows); i++) {
		struct client c = client_log_in(2, 3);
		client_send(&c, shows[i].command);
		client_send(&c, "QUIT\r\n");
		client_read_to_end(&c);
		assert_int_equal(bed.listed_uid, shows[i].uid);
		client_close(&c);
	}
}

static void test_store_refuses_the_update(void **state)
{
	static const int errors[] = {E_IO, E_BUSY, E_CLOSED};

	(void)state;
	put_mail();
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct client c = client_log_in(2, 3);
		client_ask(&c, "DELE 1\r\n", "+OK");
		bed.fail[OP_UPDATE] = errors[i];
		client_ask(&c, "QUIT\r\n", "-ERR [SYS/TEMP]");
		client_expect_end(&c);
		assert_int_equal(locks_held(), 0);
		client_close(&c);
	}
}

static void test_binding_moved_inside_the_update(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	client_ask(&c, "DELE 1\r\n", "+OK");
	bed.fail[OP_UPDATE] = E_CONFLICT;
	client_send(&c, "QUIT\r\n");
	client_expect_end(&c); /* no "+OK", no "-ERR" */
	assert_int_equal(locks_held(), 0);
	client_close(&c);
}

static void test_gone_without_quit(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	client_ask(&c, "DELE 1\r\n", "+OK");
	client_close(&c);
	bed_turn_until(bed_is_empty);
	assert_int_equal(bed.updates, 0);
	assert_int_equal(locks_held(), 0);

	c = client_log_in(2, 3);
	client_send(&c, "LIST\r\nRETR 2\r\nDELE 2\r\n");
	client_expect_line(&c, "+OK");
	client_expect(&c, "1 19\r\n2 19\r\n.\r\n+OK 19 octets\r\nSubject: b\r\n\r\ntwo\r\n.\r\n+OK "
			  "marked\r\n");
	client_close(&c);
	bed_turn_until(bed_is_empty);
	/* On record: that uid 20 was read. Deleted or cleared: nothing. */
	assert_int_equal(bed.updates, 1);
	assert_int_equal(bed.read_count, 1);
	assert_int_equal(bed.read[0], 20);
	assert_int_equal(bed.deleted_count, 0);
	assert_int_equal(bed.listed_uid, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, bed_open, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_wrong_lines_cost),
		TEST(test_nul_and_long_lines),
		TEST(test_commands_in_the_wrong_state),
		TEST(test_a_line_in_any_cut),
		TEST(test_pipelining),
		cmocka_unit_test_setup_teardown(test_login_time, bed_open_hasty, bed_close),
		TEST(test_quit_deletes),
		TEST(test_quit_without_deletions_waits_for_nothing),
		TEST(test_quit_that_saw_nothing_tells_nothing),
		TEST(test_listed_is_what_was_shown),
		TEST(test_store_refuses_the_update),
		TEST(test_binding_moved_inside_the_update),
		TEST(test_gone_without_quit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
