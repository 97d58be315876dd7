/* Who gets a connection, and who does not. */
#include "smtpgw/lmtp_test.h"

static void turns(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b, 1, (struct bed_times){.wait_us = 80000});
	listen_now(&b);
	int fd = opened(&b, &b.mail[0]);
	assert_int_equal(take(&b, &b.mail[1]), E_AGAIN);
	assert_int_equal(take(&b, &b.mail[2]), E_AGAIN);
	lmtp_pool_leave(b.pool, &b.mail[1].ticket);
	assert_int_equal(take(&b, &b.mail[1]), E_AGAIN); /* behind the other one now */
	send_last(&b.mail[0], "x");
	hear(&b, fd, "BDAT 1 LAST\r\nx");
	say(fd, "250 2.0.0 stored\r\n");
	until(&b, &b.mail[2].granted, 1);
	assert_int_equal(b.mail[1].granted, 0);
	until(&b, &b.mail[1].refused, 1); /* nobody waits for ever */
	lmtp_pool_leave(b.pool, &b.mail[1].ticket);
	bed_close(&b);
}

static void out_of_reach(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){0});
	assert_true(lmtp_pool_is_up(b.pool));
	assert_int_equal(take(&b, m), E_AGAIN);
	assert_int_equal(take(&b, &b.mail[1]), E_AGAIN);
	int64_t before = clock_mono_us();
	until(&b, &m->refused, 1);
	until(&b, &b.mail[1].refused, 1);
	assert_true(clock_mono_us() - before < CLOCK_S);
	assert_false(lmtp_pool_is_up(b.pool));
	assert_int_equal(take(&b, m), E_CLOSED);
	listen_now(&b);
	while (!lmtp_pool_is_up(b.pool))
		turn(&b);
	opened(&b, m);
	bed_close(&b);
}

static void stalled_ones_give_way(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 1, (struct bed_times){.stall_us = 100000});
	listen_now(&b);
	int fd = opened(&b, m);
	for (int64_t end = clock_mono_us() + 150000; clock_mono_us() < end;)
		turn(&b);
	assert_int_equal(m->lost, 0); /* nobody waits: let it */
	assert_int_equal(take(&b, &b.mail[1]), E_AGAIN);
	until(&b, &m->lost, 1);
	hear(&b, fd, "RSET\r\n");
	assert_int_equal(b.mail[1].granted, 0);
	say(fd, "250 ok\r\n");
	until(&b, &b.mail[1].granted, 1);
	assert_int_equal(take(&b, m), E_AGAIN);
	for (int64_t end = clock_mono_us() + 700000; clock_mono_us() < end;)
		turn(&b);
	assert_int_equal(b.mail[1].lost, 0); /* pushsrv has the word, not the client */
	bed_close(&b);
}

static void idle_ones_that_go(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, (struct bed_times){0});
	listen_now(&b);
	int fd = opened(&b, m);
	lmtp_client_abandon(m->l);
	hear(&b, fd, "RSET\r\n");
	say(fd, "250 ok\r\n421 4.4.2 idle\r\n"); /* pushsrv lets the idle one go */
	hear_end(&b, fd);
	shutdown(fd, SHUT_RDWR);
	for (int i = 0; i < 20; i++)
		turn(&b);
	fd = opened(&b, m);
	assert_int_equal(m->granted, 2);
	assert_int_equal(m->lost, 0);
	bed_close(&b);
}

static void stop_waits_for_the_commit(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 2, (struct bed_times){0});
	listen_now(&b);
	int fd = opened(&b, m);
	send_last(m, "x");
	hear(&b, fd, "BDAT 1 LAST\r\nx");
	lmtp_pool_close(b.pool, on_pool_closed, &b);
	assert_int_equal(take(&b, &b.mail[1]), E_CLOSED);
	for (int i = 0; i < 20; i++)
		turn(&b);
	assert_int_equal(b.is_closed, 0);
	say(fd, "250 2.0.0 stored\r\n");
	until(&b, &m->verdicts, 1);
	hear_end(&b, fd);
	shutdown(fd, SHUT_RDWR);
	until(&b, &b.is_closed, 1);
	b.is_closed = 0;
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns),
		cmocka_unit_test(out_of_reach),
		cmocka_unit_test(stalled_ones_give_way),
		cmocka_unit_test(idle_ones_that_go),
		cmocka_unit_test(stop_waits_for_the_commit),
	};

	return cmocka_run_group_tests(tests, bed_prepare, NULL);
}
