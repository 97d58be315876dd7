/* Whose mail it is, at every moment: a binding that moves, the maildrop's lock, a client that goes
 * while the store works. */
#include "popgw/testbed.h"

static void put_mail(void)
{
	bed_mail(10, "", "Subject: a\r\n\r\none\r\n", false);
	bed_mail(20, "", "Subject: b\r\n\r\ntwo\r\n", false);
}

static bool is_held(void)
{
	return bed.held_count > 0;
}

static size_t locks_held(void)
{
	return maildrop_locks_held(bed.popgw.locks);
}

/* ---- the binding moves ---- */

static const char *const shown_or_changed[] = {"STAT\r\n",    "LIST\r\n",   "LIST 1\r\n",
					       "UIDL\r\n",    "UIDL 1\r\n", "RETR 1\r\n",
					       "TOP 1 0\r\n", "DELE 1\r\n", "RSET\r\n"};

static const struct {
	const char *what;
	int64_t subscriber;
	uint32_t generation;
	enum key_state state;
} moves[] = {
	{"to another", 6, 4, KEY_CONFIRMED},
	{"to another, same generation (must not be)", 6, 3, KEY_CONFIRMED},
	{"new generation of the same", 5, 4, KEY_CONFIRMED},
	{"unconfirmed again", 5, 4, KEY_UNCONFIRMED},
	{"quarantined", 5, 3, KEY_QUARANTINED},
	{"free", 0, 3, KEY_FREE},
};

static void test_moved_before_each_command(void **state)
{
	(void)state;
	put_mail();
	for (size_t v = 0; v < COUNT(shown_or_changed); v++)
		for (size_t m = 0; m < COUNT(moves); m++) {
			bed_bind(2, 5, 3, KEY_CONFIRMED);
			struct client c = client_log_in(2, 3);
			client_ask(&c, "NOOP\r\n", "+OK");
			bed_bind(2, moves[m].subscriber, moves[m].generation, moves[m].state);
			client_send(&c, shown_or_changed[v]);
			client_expect_end(&c); /* not an octet */
			assert_int_equal(locks_held(), 0);
			client_close(&c);
		}
	assert_int_equal(bed.updates, 0);
}

static void test_contested_goes_on(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	bed_bind(2, 5, 3, KEY_CONTESTED);
	client_ask(&c, "STAT\r\n", "+OK 2 38");
	client_close(&c);
}

static void test_idle_session_is_cut_by_the_feed(void **state)
{
	(void)state;
	put_mail();
	for (size_t m = 0; m < COUNT(moves); m++) {
		bed_bind(2, 5, 3, KEY_CONFIRMED);
		struct client c = client_log_in(2, 3);
		client_ask(&c, "STAT\r\n", "+OK");
		bed_tell(bed_bind(3, 7, 1, KEY_CONFIRMED), 0); /* somebody else's key */
		client_ask(&c, "STAT\r\n", "+OK");
		struct binding *b =
			bed_bind(2, moves[m].subscriber, moves[m].generation, moves[m].state);
		bed_tell(b, 5);
		client_expect_end(&c);
		client_close(&c);
	}
}

/* The feed may name the session by its subscriber alone: as the former holder, or as one who was
 * removed. */
static void test_feed_by_subscriber(void **state)
{
	(void)state;
	for (int way = 0; way < 2; way++) {
		bed_bind(2, 5, 3, KEY_CONFIRMED);
		struct client c = client_log_in(2, 3);
		struct change told = {.kind = way ? CHANGE_GONE : CHANGE_BINDING};
		*(way ? &told.subscriber : &told.former) = 5;
		bed_bind(2, 0, 3, KEY_FREE);
		bed.watcher(bed.watcher_arg, &told);
		client_expect_end(&c);
		client_close(&c);
	}
}

/* The same numbers on another key are another binding: the token was made for this one. */
static void test_another_key_over_the_address(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	bed.bindings[0].key.plen = 120;
	addr_mask(&bed.bindings[0].key.addr, 120);
	client_send(&c, "STAT\r\n");
	client_expect_end(&c);
	client_close(&c);
}

/* A change that leaves the session in its right leaves it alone. */
static void test_feed_that_means_no_harm(void **state)
{
	(void)state;
	put_mail();
	struct client c = client_log_in(2, 3);
	bed_tell(bed_bind(2, 5, 3, KEY_CONTESTED), 5);
	client_ask(&c, "STAT\r\n", "+OK");
	bed.fail[OP_CHECK] = E_IO; /* not known: the next command will ask */
	bed_tell(bed_bind(2, 5, 3, KEY_CONFIRMED), 5);
	client_expect_silence(&c);
	bed.fail[OP_CHECK] = 0;
	client_ask(&c, "STAT\r\n", "+OK");
	client_close(&c);
}

static void test_moved_in_the_middle_of_a_mail(void **state)
{
	size_t size = 1 << 20;
	char *body = malloc(size);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', size);
	memcpy(body + size - 2, "\r\n", 2);
	bed_mail_octets(10, "", body, size, false);
	struct client c = client_log_in(2, 3);
	bed.hold[OP_READ] = true;
	client_send(&c, "RETR 1\r\n");
	bed_turn_until(is_held);
	bed_release();
	bed_turn_until(is_held);
	bed_bind(2, 6, 4, KEY_CONFIRMED);
	bed.hold[OP_READ] = false;
	bed_release();
	client_read_to_end(&c);
	assert_true(c.have <= 2 * OUTPUT_PIECE + 64);
	client_close(&c);
	free(body);
}

/* ---- the lock ---- */

static void test_second_login_waits(void **state)
{
	char line[128];

	(void)state;
	put_mail();
	struct client a = client_log_in(2, 3), b = client_connect(2);
	client_expect_line(&b, "+OK");
	snprintf(line, sizeof(line), "USER %s\r\n", bed_token(2, 5, 3));
	client_ask(&b, line, "+OK");
	client_ask(&b, "PASS x\r\n", "-ERR [IN-USE]");
	client_ask(&a, "STAT\r\n", "+OK");
	client_ask(&a, "QUIT\r\n", "+OK");
	client_ask(&b, line, "+OK");
	client_ask(&b, "PASS x\r\n", "+OK"); /* "+OK" to QUIT means that it is free */
	client_close(&a);
	client_close(&b);
}

/* The phone's last connection is just going: nobody is told of it. */
static void test_login_has_a_little_patience(void **state)
{
	char line[128];

	(void)state;
	put_mail();
	struct client a = client_log_in(2, 3), b = client_connect(2);
	client_expect_line(&b, "+OK");
	snprintf(line, sizeof(line), "USER %s\r\nPASS x\r\n", bed_token(2, 5, 3));
	client_send(&b, line);
	client_expect_line(&b, "+OK");
	bed_turn();
	client_close(&a);
	client_expect_line(&b, "+OK");
	client_close(&b);
	/* And one that goes away while it waits. */
	bed_turn_until(bed_is_empty);
	a = client_log_in(2, 3);
	b = client_connect(2);
	client_expect_line(&b, "+OK");
	client_send(&b, line);
	client_expect_line(&b, "+OK");
	bed_turn();
	client_close(&b);
	client_ask(&a, "STAT\r\n", "+OK");
	client_close(&a);
}

static void test_phone_that_moved_takes_over(void **state)
{
	(void)state;
	put_mail();
	struct client a = client_log_in(2, 3);
	client_ask(&a, "DELE 1\r\n", "+OK");
	bed_bind(2, 0, 3, KEY_FREE);
	bed_bind(4, 5, 8, KEY_CONFIRMED);
	struct client b = client_log_in(4, 8);
	client_expect_end(&a);
	client_ask(&b, "STAT\r\n", "+OK 2 38");
	assert_int_equal(locks_held(), 1);
	assert_int_equal(bed.updates, 0);
	client_close(&a);
	client_ask(&b, "STAT\r\n", "+OK 2 38");
	client_close(&b);
}

/* Same address, next generation: the same phone after a new lease. */
static void test_new_generation_takes_over(void **state)
{
	(void)state;
	put_mail();
	struct client a = client_log_in(2, 3);
	bed_bind(2, 5, 4, KEY_CONFIRMED);
	struct client b = client_log_in(2, 4);
	client_expect_end(&a);
	client_ask(&b, "STAT\r\n", "+OK 2 38");
	client_close(&a);
	client_close(&b);
}

static void test_lock_stays_while_deletions_are_in_flight(void **state)
{
	char line[128];

	(void)state;
	put_mail();
	struct client a = client_log_in(2, 3), b = client_connect(2);
	client_ask(&a, "DELE 1\r\n", "+OK");
	bed.hold[OP_UPDATE] = true;
	client_send(&a, "QUIT\r\n");
	bed_turn_until(is_held);
	client_close(&a); /* it does not wait for the answer */
	client_expect_line(&b, "+OK");
	snprintf(line, sizeof(line), "USER %s\r\n", bed_token(2, 5, 3));
	client_ask(&b, line, "+OK");
	client_ask(&b, "PASS x\r\n", "-ERR [IN-USE]");
	bed_release();
	client_ask(&b, line, "+OK");
	client_ask(&b, "PASS x\r\n", "+OK");
	client_close(&b);
}

/* The session is over and cut while its deletions are with the store; then another takes the
 * maildrop, and the store answers before the session has heard of that: it must live until it has.
 */
static void test_lost_is_heard_last(void **state)
{
	struct maildrop_holder rival;
	bool evicted = false;

	(void)state;
	put_mail();
	struct client a = client_log_in(2, 3);
	client_ask(&a, "DELE 1\r\n", "+OK");
	bed.hold[OP_UPDATE] = true;
	client_send(&a, "QUIT\r\n");
	bed_turn_until(is_held);
	session_end(bed.worker->sessions, CLOSE_TOTAL);
	client_expect_end(&a);
	assert_int_equal(locks_held(), 1); /* the deletions are not done */
	struct maildrop_lock other = {.subscriber = 5};
	assert_int_equal(maildrop_lock_take(bed.popgw.locks, &other, &rival), E_BUSY);
	assert_int_equal(maildrop_lock_take_over(bed.popgw.locks, &other, rival.ticket, &evicted),
			 0);
	bed_release();
	assert_non_null(bed.worker->sessions);
	bed_turn_until(bed_is_empty);
	assert_true(maildrop_lock_release(bed.popgw.locks, &other));
	client_close(&a);
}

/* ---- the client goes away while the store works ---- */

static void send_script(struct client *c, const char *script)
{
	char line[256];

	snprintf(line, sizeof(line), "USER %s\r\n", bed_token(2, 5, 3));
	client_send(c, script[0] == 'U' ? "USER u5@hato.example\r\n" : line);
	snprintf(line, sizeof(line), "PASS %s\r\n", bed_token(2, 5, 3));
	client_send(c, line);
	client_send(c, "STAT\r\nRETR 1\r\nDELE 1\r\nQUIT\r\n");
}

/* Every operation held back in turn, the socket closed or the maildrop taken over meanwhile. */
static void test_gone_at_every_step(void **state)
{
	static const enum bed_op ops[] = {OP_FIND,  OP_SUBSCRIBER, OP_OPEN,
					  OP_CHECK, OP_READ,       OP_UPDATE};

	(void)state;
	put_mail();
	for (size_t i = 0; i < COUNT(ops); i++)
		for (int later = 0; later < 4; later++) {
			struct client c = client_connect(2);
			client_expect_line(&c, "+OK");
			bed.hold[ops[i]] = true;
			send_script(&c, "U");
			bed_turn_until(is_held);
			for (int skip = 0; skip < later; skip++) {
				bed_release();
				for (int t = 0; t < 20; t++)
					bed_turn();
			}
			client_close(&c);
			for (int t = 0; t < 20; t++)
				bed_turn();
			bed.hold[ops[i]] = false;
			bed_release();
			bed_turn_until(bed_is_empty);
			assert_int_equal(locks_held(), 0);
		}
}

static void test_taken_over_at_every_step(void **state)
{
	static const enum bed_op ops[] = {OP_OPEN, OP_CHECK, OP_READ, OP_UPDATE};

	(void)state;
	put_mail();
	for (size_t i = 0; i < COUNT(ops); i++) {
		bed.binding_count = 0;
		bed_bind(2, 5, 3, KEY_CONFIRMED);
		struct client a = client_connect(2);
		client_expect_line(&a, "+OK");
		bed.hold[ops[i]] = true;
		send_script(&a, "U");
		bed_turn_until(is_held);
		bed.hold[ops[i]] = false;
		bed_bind(2, 0, 3, KEY_FREE);
		bed_bind(4, 5, 8, KEY_CONFIRMED);
		struct client b = client_log_in(4, 8);
		client_ask(&b, "STAT\r\n", "+OK 2 38");
		bed_release();
		client_read_to_end(&a);
		client_ask(&b, "STAT\r\n", "+OK 2 38");
		assert_int_equal(locks_held(), 1);
		client_close(&a);
		client_close(&b);
		bed_turn_until(bed_is_empty);
		assert_int_equal(locks_held(), 0);
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, bed_open, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_moved_before_each_command),
		TEST(test_contested_goes_on),
		TEST(test_idle_session_is_cut_by_the_feed),
		TEST(test_feed_by_subscriber),
		TEST(test_another_key_over_the_address),
		TEST(test_feed_that_means_no_harm),
		TEST(test_moved_in_the_middle_of_a_mail),
		TEST(test_second_login_waits),
		TEST(test_login_has_a_little_patience),
		TEST(test_phone_that_moved_takes_over),
		TEST(test_new_generation_takes_over),
		TEST(test_lock_stays_while_deletions_are_in_flight),
		TEST(test_lost_is_heard_last),
		TEST(test_gone_at_every_step),
		TEST(test_taken_over_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
