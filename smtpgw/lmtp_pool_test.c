/* The pool and its clients against a pushsrv that is this test: one thread, so nothing depends on
 * who is faster. */
#include "smtpgw/lmtp_pool.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define PATIENCE_US (20 * CLOCK_S)
#define LHLO_OK                                                                                    \
	"250-mx.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250 "    \
	"XATOMIC\r\n"
#define BEGUN                                                                                      \
	"MAIL FROM:<a@b.test> SIZE=5 BODY=8BITMIME SMTPUTF8 XATOMIC\r\nRCPT "                      \
	"TO:<one@ours.test>\r\n"

/* A mail that wants a connection. */
struct mail {
	struct lmtp_ticket ticket;
	struct lmtp_client *l;
	struct transaction tx;
	int granted, refused, lost, drained;
	int rcpts, rcpt_code, verdicts, verdict_code;
	char text[200];
};

struct bed {
	char dir[64], path[100];
	struct loop *loop;
	struct lmtp_pool *pool;
	int door, fds[8], fd_count;
	int is_closed; /* the pool told so */
	struct mail mail[3];
};

static void on_granted(void *arg, struct lmtp_client *l);

static int bed_open(struct bed *b, size_t size, int64_t step_us, int64_t wait_us)
{
	memset(b, 0, sizeof *b);
	strcpy(b->dir, "/tmp/lmtp-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/lmtp", b->dir);
	assert_int_equal(loop_new(&b->loop), 0);
	const struct lmtp_settings settings = {
		.where.path = b->path, .hostname = "mx.test", .step_us = step_us};
	assert_int_equal(lmtp_pool_new(b->loop, &settings, size, wait_us, &b->pool), 0);
	for (size_t i = 0; i < 3; i++) {
		struct mail *m = &b->mail[i];
		m->ticket = (struct lmtp_ticket){.granted = on_granted, .arg = m};
		m->tx.is_utf8 = m->tx.has_size = true;
		m->tx.body = SMTP_BODY_8BITMIME;
		m->tx.declared = 5;
		assert_int_equal(mailaddr_parse("a@b.test", 8, 0, &m->tx.reverse_path), 0);
		assert_int_equal(mailaddr_parse("one@ours.test", 13, 0, &m->tx.recipient), 0);
	}
	b->door = -1;
	return 0;
}

static void listen_now(struct bed *b)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};

	strcpy(where.sun_path, b->path);
	b->door = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(b->door, (struct sockaddr *)&where, sizeof where), 0);
	assert_int_equal(listen(b->door, 16), 0);
}

static void turn(struct bed *b)
{
	event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
	usleep(100);
}

static void until(struct bed *b, const int *counter, int n)
{
	int64_t end = clock_mono_us() + PATIENCE_US;

	while (*counter < n) {
		turn(b);
		assert_true(clock_mono_us() < end);
	}
	assert_int_equal(*counter, n);
}

static int answer_door(struct bed *b)
{
	int64_t end = clock_mono_us() + PATIENCE_US;
	int fd;

	while ((fd = accept4(b->door, NULL, NULL, SOCK_NONBLOCK)) < 0) {
		assert_true(errno == EAGAIN && clock_mono_us() < end);
		turn(b);
	}
	b->fds[b->fd_count++] = fd;
	return fd;
}

/* Exactly this comes. */
static void hear(struct bed *b, int fd, const char *text)
{
	char got[4096];
	size_t n = 0, want = strlen(text);
	int64_t end = clock_mono_us() + PATIENCE_US;

	while (n < want) {
		ssize_t r = recv(fd, got + n, want - n, 0);
		assert_true(r > 0 || (r < 0 && errno == EAGAIN && clock_mono_us() < end));
		n += r > 0 ? (size_t)r : 0;
		turn(b);
	}
	assert_memory_equal(got, text, want);
	ssize_t more = recv(fd, got, 1, MSG_PEEK);
	assert_true(more == 0 || (more < 0 && errno == EAGAIN));
}

static void hear_end(struct bed *b, int fd)
{
	char got[100];
	int64_t end = clock_mono_us() + PATIENCE_US;
	ssize_t r;

	while ((r = recv(fd, got, sizeof got, 0)) != 0) {
		if (r < 0 && errno == ECONNRESET)
			return;
		assert_true(r > 0 || (errno == EAGAIN && clock_mono_us() < end));
		turn(b);
	}
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static int welcome(struct bed *b)
{
	int fd = answer_door(b);

	say(fd, "220 mx.test LMTP\r\n");
	hear(b, fd, "LHLO mx.test\r\n");
	say(fd, LHLO_OK);
	return fd;
}

static void on_pool_closed(void *arg)
{
	struct bed *b = arg;

	b->is_closed++;
}

static void bed_close(struct bed *b)
{
	lmtp_pool_close(b->pool, on_pool_closed, b);
	while (b->fd_count > 0)
		close(b->fds[--b->fd_count]);
	until(b, &b->is_closed, 1);
	lmtp_pool_free(b->pool);
	loop_free(b->loop);
	if (b->door >= 0)
		close(b->door);
	unlink(b->path);
	rmdir(b->dir);
}

/* ---- the holder ---- */

static void on_rcpt(void *arg, const struct session_answer *a)
{
	struct mail *m = arg;

	m->rcpts++;
	m->rcpt_code = a->code;
	snprintf(m->text, sizeof m->text, "%s %s", a->enhanced, a->text);
}

static void on_verdict(void *arg, const struct session_answer *a)
{
	struct mail *m = arg;

	m->l = NULL;
	m->verdicts++;
	m->verdict_code = a->code;
	snprintf(m->text, sizeof m->text, "%s %s", a->enhanced, a->text);
}

static void on_lost(void *arg)
{
	struct mail *m = arg;

	m->l = NULL;
	m->lost++;
}

static void on_drained(void *arg)
{
	((struct mail *)arg)->drained++;
}

static const struct lmtp_holder_ops ops = {on_rcpt, on_verdict, on_lost, on_drained};

static void begin(struct mail *m, struct lmtp_client *l)
{
	m->l = l;
	m->granted++;
	lmtp_client_begin(l, &m->tx, &ops, m);
	lmtp_client_rcpt(l, &m->tx.recipient);
}

static void on_granted(void *arg, struct lmtp_client *l)
{
	struct mail *m = arg;

	if (l)
		begin(m, l);
	else
		m->refused++;
}

static int take(struct bed *b, struct mail *m)
{
	struct lmtp_client *l;
	int err = lmtp_pool_take(b->pool, &m->ticket, &l);

	if (!err)
		begin(m, l);
	return err;
}

static void send_last(struct mail *m, const char *text)
{
	lmtp_client_content(m->l, (const uint8_t *)text, strlen(text), true);
}

/* One that has got as far as its recipient. */
static int opened(struct bed *b, struct mail *m)
{
	assert_int_equal(take(b, m), E_AGAIN);
	int fd = welcome(b);
	hear(b, fd, BEGUN);
	say(fd, "250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
	until(b, &m->rcpts, m->rcpts + 1);
	assert_int_equal(m->rcpt_code, 250);
	return fd;
}

/* ---- tests ---- */

static void one_mail_after_the_other(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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
	bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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
		bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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
	bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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
	bed_open(&b, 4, 60000, PATIENCE_US);
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
	bed_open(&b, 1, PATIENCE_US, PATIENCE_US);
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

static void turns(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b, 1, PATIENCE_US, 80000);
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
	bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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

static void not_pushsrv(void **unused)
{
	static const char *const greetings[] = {"421 4.7.0 too many\r\n", "554 no\r\n",
						"+OK POP3\r\n"};
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	for (int i = 0; i < 4; i++) {
		bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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

static void idle_ones_that_go(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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

static void full(void **unused)
{
	static uint8_t octets[300000];
	struct bed b;
	struct mail *m = &b.mail[0];
	char sink[65536];

	(void)unused;
	bed_open(&b, 4, PATIENCE_US, PATIENCE_US);
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

static void stop_waits_for_the_commit(void **unused)
{
	struct bed b;
	struct mail *m = &b.mail[0];

	(void)unused;
	bed_open(&b, 2, PATIENCE_US, PATIENCE_US);
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
		cmocka_unit_test(one_mail_after_the_other),
		cmocka_unit_test(refusals),
		cmocka_unit_test(whatever_goes_wrong_is_lost),
		cmocka_unit_test(goodbye_is_no_answer),
		cmocka_unit_test(silence),
		cmocka_unit_test(who_gives_up_late_hears_nothing),
		cmocka_unit_test(turns),
		cmocka_unit_test(out_of_reach),
		cmocka_unit_test(not_pushsrv),
		cmocka_unit_test(idle_ones_that_go),
		cmocka_unit_test(full),
		cmocka_unit_test(stop_waits_for_the_commit),
	};

	signal(SIGPIPE, SIG_IGN);
	log_level_set("error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
