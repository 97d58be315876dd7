/* lmtp_test -- for the tests of lmtp_client and lmtp_pool: a pushsrv that is the test itself
 *
 * One thread, so nothing depends on who is faster: waiting for something turns the loop.
 */
#ifndef HATO_SMTPGW_LMTP_TEST_H
#define HATO_SMTPGW_LMTP_TEST_H

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

static inline void on_granted(void *arg, struct lmtp_client *l);

struct bed_times {
	int64_t step_us, wait_us, stall_us; /* 0: PATIENCE_US */
};

static inline int64_t or_patience(int64_t us)
{
	return us ? us : PATIENCE_US;
}

static inline void bed_open(struct bed *b, size_t size, struct bed_times times)
{
	memset(b, 0, sizeof *b);
	strcpy(b->dir, "/tmp/lmtp-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(b->path, sizeof b->path, "%s/lmtp", b->dir);
	assert_int_equal(loop_new(&b->loop), 0);
	const struct lmtp_settings settings = {.where.path = b->path,
					       .hostname = "mx.test",
					       .step_us = or_patience(times.step_us),
					       .stall_us = or_patience(times.stall_us)};
	assert_int_equal(
		lmtp_pool_new(b->loop, &settings, size, or_patience(times.wait_us), &b->pool), 0);
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
}

static inline void listen_now(struct bed *b)
{
	struct sockaddr_un where = {.sun_family = AF_UNIX};

	strcpy(where.sun_path, b->path);
	b->door = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(b->door, (struct sockaddr *)&where, sizeof where), 0);
	assert_int_equal(listen(b->door, 16), 0);
}

static inline void turn(struct bed *b)
{
	event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
	usleep(100);
}

static inline void until(struct bed *b, const int *counter, int n)
{
	int64_t end = clock_mono_us() + PATIENCE_US;

	while (*counter < n) {
		turn(b);
		assert_true(clock_mono_us() < end);
	}
	assert_int_equal(*counter, n);
}

static inline int answer_door(struct bed *b)
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
static inline void hear(struct bed *b, int fd, const char *text)
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

static inline void hear_end(struct bed *b, int fd)
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

static inline void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static inline int welcome(struct bed *b)
{
	int fd = answer_door(b);

	say(fd, "220 mx.test LMTP\r\n");
	hear(b, fd, "LHLO mx.test\r\n");
	say(fd, LHLO_OK);
	return fd;
}

static inline void on_pool_closed(void *arg)
{
	struct bed *b = arg;

	b->is_closed++;
}

static inline void bed_close(struct bed *b)
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

static inline void on_rcpt(void *arg, const struct session_answer *a)
{
	struct mail *m = arg;

	m->rcpts++;
	m->rcpt_code = a->code;
	snprintf(m->text, sizeof m->text, "%s %s", a->enhanced, a->text);
}

static inline void on_verdict(void *arg, const struct session_answer *a)
{
	struct mail *m = arg;

	m->l = NULL;
	m->verdicts++;
	m->verdict_code = a->code;
	snprintf(m->text, sizeof m->text, "%s %s", a->enhanced, a->text);
}

static inline void on_lost(void *arg)
{
	struct mail *m = arg;

	m->l = NULL;
	m->lost++;
}

static inline void on_drained(void *arg)
{
	((struct mail *)arg)->drained++;
}

static const struct lmtp_holder_ops ops = {on_rcpt, on_verdict, on_lost, on_drained};

static inline void begin(struct mail *m, struct lmtp_client *l)
{
	m->l = l;
	m->granted++;
	lmtp_client_begin(l, &m->tx, &ops, m);
	lmtp_client_rcpt(l, &m->tx.recipient);
}

static inline void on_granted(void *arg, struct lmtp_client *l)
{
	struct mail *m = arg;

	if (l)
		begin(m, l);
	else
		m->refused++;
}

static inline int take(struct bed *b, struct mail *m)
{
	struct lmtp_client *l;
	int err = lmtp_pool_take(b->pool, &m->ticket, &l);

	if (!err)
		begin(m, l);
	return err;
}

static inline void send_last(struct mail *m, const char *text)
{
	lmtp_client_content(m->l, (const uint8_t *)text, strlen(text), true);
}

/* One that has got as far as its recipient. */
static inline int opened(struct bed *b, struct mail *m)
{
	assert_int_equal(take(b, m), E_AGAIN);
	int fd = welcome(b);
	hear(b, fd, BEGUN);
	say(fd, "250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
	until(b, &m->rcpts, m->rcpts + 1);
	assert_int_equal(m->rcpt_code, 250);
	return fd;
}

/* For the group. */
static inline int bed_prepare(void **unused)
{
	(void)unused;
	signal(SIGPIPE, SIG_IGN);
	log_level_set("error");
	return 0;
}

#endif
