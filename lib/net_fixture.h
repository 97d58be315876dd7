/* net_fixture -- for tests of conn, listener and tls: a line service on a loop's thread, a client
 * here
 *
 * The service runs on a thread of its own; the test is the client, with blocking sockets, and may
 * assert. What the service saw is read under its lock, or after service_stop.
 *
 * Commands of a session: see COMMANDS below. Everything else is echoed with "plain " or "tls ".
 */
#ifndef HATO_LIB_NET_FIXTURE_H
#define HATO_LIB_NET_FIXTURE_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/conn_private.h"
#include "lib/err.h"
#include "lib/listener.h"

#define COUNT(a)      (sizeof(a) / sizeof(a)[0])
#define PATIENCE_S    20
#define STREAM_PIECE  30000
#define SERVICE_LIMIT 100

struct service {
	struct loop *loop;
	struct listener *listener;
	struct connections *all;
	struct listener_options options;
	struct tls_server *tls; /* for STLS */
	const char *goodbye;    /* said in timed_out; null: it just returns */
	size_t line_limit;
	pthread_t thread;
	pthread_mutex_t lock; /* protects what follows */
	pthread_cond_t changed;
	int opened, closed, asked, ended, secured;
	int wrong;           /* called when it must not be */
	size_t most_waiting; /* input seen at once */
	enum conn_end last_end, last_asked;
	struct conn *last; /* for tasks on the loop's thread */
	struct conn_peer last_peer;
};

struct session {
	struct service *service;
	struct conn *conn;
	struct loop_timer *timer;
	size_t left;  /* of a stream */
	size_t raw;   /* octets to be taken as they are */
	bool raw_bad; /* they were not the alphabet over and over */
	size_t raw_seen;
};

static inline void service_note(struct service *s, int *counter)
{
	pthread_mutex_lock(&s->lock);
	++*counter;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static inline int service_read(struct service *s, const int *counter)
{
	pthread_mutex_lock(&s->lock);
	int seen = *counter;
	pthread_mutex_unlock(&s->lock);
	return seen;
}

/* Waits until *counter is at least `n`. */
static inline void service_wait(struct service *s, const int *counter, int n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&s->lock);
	while (*counter < n && !pthread_cond_timedwait(&s->changed, &s->lock, &until)) {
	}
	int seen = *counter;
	pthread_mutex_unlock(&s->lock);
	assert_in_range(seen, n, 1000000);
}

/* ---- the session ---- */

static inline char pattern_at(size_t i)
{
	return (char)('a' + i % 23);
}

static inline void write_pattern(struct conn *c, size_t from, size_t n)
{
	char *octets = malloc(n);

	for (size_t i = 0; i < n; i++)
		octets[i] = pattern_at(from + i);
	conn_write(c, octets, n);
	free(octets);
}

/* Sent at once, then closed. */
static inline void command_flood(struct session *e, size_t n)
{
	write_pattern(e->conn, 0, n);
	conn_close(e->conn);
}

/* Sent at once, then cut. */
static inline void command_abort(struct session *e, size_t n)
{
	write_pattern(e->conn, 0, n);
	conn_abort(e->conn);
}

/* Sent piece by piece, as it drains, then closed. */
static inline void command_stream(struct session *e, size_t n)
{
	e->left = n;
	conn_printf(e->conn, "%zu\r\n", n);
}

static inline void session_resume(void *arg)
{
	struct session *e = arg;

	conn_printf(e->conn, "resumed\r\n");
	conn_resume(e->conn);
}

/* As while the store works: no input for so many milliseconds. 0: for ever. */
static inline void command_pause(struct session *e, size_t ms)
{
	conn_pause(e->conn);
	if (ms)
		loop_timer_set(e->timer, (int64_t)ms * 1000);
}

static inline void command_idle(struct session *e, size_t s)
{
	conn_set_idle(e->conn, (int64_t)s);
	conn_printf(e->conn, "ok\r\n");
}

static inline void command_total(struct session *e, size_t s)
{
	conn_set_total(e->conn, (int64_t)s);
	conn_printf(e->conn, "ok\r\n");
}

static inline void command_limit(struct session *e, size_t n)
{
	e->service->line_limit = n;
	conn_printf(e->conn, "ok\r\n");
}

/* The next n octets are taken by conn_peek. */
static inline void command_raw(struct session *e, size_t n)
{
	e->raw = n;
	e->raw_seen = 0;
	e->raw_bad = false;
}

static inline void command_stls(struct session *e, size_t n)
{
	(void)n;
	conn_printf(e->conn, "begin\r\n");
	conn_start_tls(e->conn, e->service->tls);
}

static inline void command_quit(struct session *e, size_t n)
{
	(void)n;
	conn_printf(e->conn, "bye\r\n");
	conn_close(e->conn);
}

static const struct {
	const char *name;
	void (*run)(struct session *e, size_t n);
} COMMANDS[] = {
	{"flood", command_flood}, {"abort", command_abort}, {"stream", command_stream},
	{"pause", command_pause}, {"idle", command_idle},   {"total", command_total},
	{"limit", command_limit}, {"raw", command_raw},     {"STLS", command_stls},
	{"QUIT", command_quit},
};

static inline void session_line(struct session *e, const char *line, bool bare)
{
	size_t verb = strcspn(line, " ");

	for (size_t i = 0; i < COUNT(COMMANDS); i++) {
		if (strlen(COMMANDS[i].name) == verb && !memcmp(line, COMMANDS[i].name, verb)) {
			COMMANDS[i].run(e, strtoul(line + verb, NULL, 10));
			return;
		}
	}
	conn_printf(e->conn, "%s%s %s\r\n", bare ? "bare " : "",
		    conn_is_tls(e->conn) ? "tls" : "plain", line);
}

static inline void session_raw(struct session *e)
{
	size_t n;
	const uint8_t *octets = conn_peek(e->conn, e->raw, &n);

	for (size_t i = 0; i < n; i++)
		e->raw_bad = e->raw_bad || (char)octets[i] != pattern_at(e->raw_seen + i);
	conn_take(e->conn, n);
	e->raw_seen += n;
	e->raw -= n;
	if (!e->raw)
		conn_printf(e->conn, "%s %zu\r\n", e->raw_bad ? "bad" : "good", e->raw_seen);
}

static inline void session_input(void *session)
{
	struct session *e = session;
	struct service *s = e->service;
	char *line;
	size_t length;
	bool bare;

	pthread_mutex_lock(&s->lock);
	s->wrong += e->conn->paused;
	if (conn_waiting(e->conn) > s->most_waiting)
		s->most_waiting = conn_waiting(e->conn);
	pthread_mutex_unlock(&s->lock);
	while (!e->conn->paused) {
		if (e->raw) {
			session_raw(e);
			if (e->raw)
				return;
			continue;
		}
		int rc = conn_line(e->conn, s->line_limit, &line, &length, &bare);
		if (rc == E_AGAIN)
			return;
		if (rc)
			conn_printf(e->conn, "too long\r\n");
		else
			session_line(e, line, bare);
	}
}

static inline void session_drained(void *session)
{
	struct session *e = session;
	size_t n = e->left < STREAM_PIECE ? e->left : STREAM_PIECE;

	if (!e->left)
		return;
	write_pattern(e->conn, 0, n);
	e->left -= n;
	if (!e->left)
		conn_close(e->conn);
}

static inline void session_secured(void *session)
{
	struct session *e = session;

	service_note(e->service, &e->service->secured);
}

static inline void session_timed_out(void *session, enum conn_end why)
{
	struct session *e = session;

	e->service->last_asked = why;
	if (e->service->goodbye) {
		conn_printf(e->conn, "%s", e->service->goodbye);
		conn_close(e->conn);
	}
	service_note(e->service, &e->service->asked);
}

static inline void session_closed(void *session, enum conn_end why)
{
	struct session *e = session;
	struct service *s = e->service;

	s->last_end = why;
	loop_timer_free(e->timer);
	free(e);
	service_note(s, &s->closed);
}

static const struct conn_ops SESSION_OPS = {.input = session_input,
					    .drained = session_drained,
					    .secured = session_secured,
					    .timed_out = session_timed_out,
					    .closed = session_closed};

static inline void service_accepted(void *arg, struct conn *c)
{
	struct service *s = arg;
	struct session *e = calloc(1, sizeof *e);

	e->service = s;
	e->conn = c;
	e->timer = loop_timer_new(s->loop, session_resume, e);
	s->last = c;
	s->last_peer = *conn_peer(c);
	conn_attach(c, &SESSION_OPS, e);
	conn_printf(c, "hello\r\n");
	service_note(s, &s->opened);
}

/* ---- the service ---- */

static inline void *service_thread(void *arg)
{
	struct service *s = arg;

	loop_run(s->loop);
	return NULL;
}

static inline void service_open(struct service *s)
{
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	if (!s->line_limit)
		s->line_limit = SERVICE_LIMIT;
	s->options.accepted = service_accepted;
	s->options.arg = s;
	s->all = connections_new();
	s->options.connections = s->all;
	static const struct addr unset;
	if (!s->options.unix_path && addr_equal(&s->options.addr, &unset))
		assert_int_equal(addr_parse("127.0.0.1", &s->options.addr), 0);
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(listener_open(s->loop, &s->options, &s->listener), 0);
}

static inline void service_start(struct service *s)
{
	service_open(s);
	assert_int_equal(pthread_create(&s->thread, NULL, service_thread, s), 0);
}

struct service_call {
	struct loop_task task;
	struct service *service;
	void (*fn)(struct service *s);
	int done;
};

static inline void service_called(struct loop_task *task)
{
	struct service_call *call = (struct service_call *)task;

	call->fn(call->service);
	service_note(call->service, &call->done);
}

/* Runs fn on the loop's thread and waits for it. */
static inline void service_do(struct service *s, void (*fn)(struct service *s))
{
	struct service_call call = {.task.run = service_called, .service = s, .fn = fn};

	loop_post(s->loop, &call.task);
	service_wait(s, &call.done, 1);
}

static inline void service_all_ended(void *arg)
{
	struct service *s = arg;

	service_note(s, &s->ended);
}

static inline void service_close_all(struct service *s)
{
	connections_close_all(s->all, service_all_ended, s);
}

static inline void service_stop(struct service *s)
{
	service_do(s, service_close_all);
	service_wait(s, &s->ended, 1);
	loop_stop(s->loop);
	pthread_join(s->thread, NULL);
	listener_close(s->listener);
	assert_int_equal(connections_count(s->all), 0);
	assert_int_equal(s->wrong, 0);
	connections_free(s->all);
	loop_free(s->loop);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

/* ---- the client ---- */

static inline void be_patient(int fd)
{
	struct timeval tv = {.tv_sec = PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static inline int client_connect(uint16_t port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	be_patient(fd);
	return fd;
}

static inline int client_of(struct service *s)
{
	return client_connect(listener_port(s->listener));
}

static inline void client_say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads exactly this. */
static inline void client_expect(int fd, const char *text)
{
	char got[512] = {0};
	size_t n = strlen(text);

	assert_true(n < sizeof got);
	ssize_t r = recv(fd, got, n, MSG_WAITALL);
	if (r >= 0)
		got[r] = '\0';
	assert_string_equal(got, text);
}

static inline void client_expect_end(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
	close(fd);
}

#endif
