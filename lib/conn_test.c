#include "lib/conn.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <signal.h>

#include "lib/clock.h"
#include "lib/net_fixture.h"

static void say_and_hear(struct service *s, const char *said, const char *heard)
{
	int fd = client_of(s);

	client_expect(fd, "hello\r\n");
	client_say(fd, said);
	client_expect(fd, heard);
	client_say(fd, "QUIT\r\n");
	client_expect(fd, "bye\r\n");
	client_expect_end(fd);
}

/* ---- lines ---- */

static void lines(void **state)
{
	static const struct {
		const char *said, *heard;
	} cases[] = {
		{"one\r\n", "plain one\r\n"},
		{"one\r\ntwo\r\n\r\n", "plain one\r\nplain two\r\nplain \r\n"},
		{"one\n", "bare plain one\r\n"},
		{"\n", "bare plain \r\n"},
		{"one\rtwo\r\n", "plain one\rtwo\r\n"},
		{"one\r\r\n", "plain one\r\r\n"},
		{"limit 4\r\nfour\r\n", "ok\r\nplain four\r\n"},
		{"limit 4\r\nfours\r\none\r\n", "ok\r\ntoo long\r\nplain one\r\n"},
		{"limit 4\r\nfour\n", "ok\r\nbare plain four\r\n"},
		{"limit 4\r\nfours\n\r\n", "ok\r\ntoo long\r\nplain \r\n"},
		{"limit 4\r\nfour\r\r\nx\r\n", "ok\r\ntoo long\r\nplain x\r\n"},
	};
	struct service s = {0};

	(void)state;
	service_start(&s);
	for (size_t i = 0; i < COUNT(cases); i++) {
		s.line_limit = SERVICE_LIMIT;
		say_and_hear(&s, cases[i].said, cases[i].heard);
		s.line_limit = SERVICE_LIMIT;
	}
	service_stop(&s);
	assert_int_equal(s.opened, COUNT(cases));
	assert_int_equal(s.closed, COUNT(cases));
	assert_int_equal(s.last_end, CONN_END_LOCAL);
}

/* Octet by octet: lines are found again wherever the pieces end. */
static void lines_in_pieces(void **state)
{
	static const char SAID[] =
		"one\r\ntwo\n\r\nthis line is too long for the limit\r\nfive\r\n";
	static const char HEARD[] =
		"plain one\r\nbare plain two\r\nplain \r\ntoo long\r\nplain five\r\n";
	struct service s = {.line_limit = 20};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof one);
	for (const char *p = SAID; *p; p++) {
		assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
		usleep(500);
	}
	client_expect(fd, HEARD);
	close(fd);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_PEER);
	service_stop(&s);
}

static void send_all(int fd, const char *octets, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, octets, n, MSG_NOSIGNAL);

		assert_true(sent > 0);
		octets += sent;
		n -= (size_t)sent;
	}
}

/* A limit beyond what we hold of a peer by default, and a line that fills it. */
static void line_longer_than_cap(void **state)
{
	enum { LENGTH = 3 * CONN_INPUT_CAP };
	char *line = malloc(LENGTH + 2), text[32];
	struct service s = {.line_limit = LENGTH};
	size_t got = 0;

	(void)state;
	memset(line, 'x', LENGTH);
	memcpy(line + LENGTH, "\r\n", 2);
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	send_all(fd, line, LENGTH + 2);
	client_expect(fd, "plain ");
	while (got < LENGTH + 2) {
		ssize_t n = recv(fd, line, LENGTH + 2 - got, 0);

		assert_true(n > 0);
		got += (size_t)n;
	}
	snprintf(text, sizeof text, "limit %d\r\n", LENGTH - 1);
	client_say(fd, text);
	client_expect(fd, "ok\r\n");
	memset(line, 'x', LENGTH);
	memcpy(line + LENGTH, "\r\n", 2);
	send_all(fd, line, LENGTH + 2);
	client_expect(fd, "too long\r\n");
	client_say(fd, "QUIT\r\n");
	client_expect(fd, "bye\r\n");
	client_expect_end(fd);
	service_stop(&s);
	free(line);
}

/* A line without an end costs us the cap, whatever comes. */
static void endless_line(void **state)
{
	char *octets = calloc(1, 1 << 20);
	struct service s = {.line_limit = 1000};

	(void)state;
	memset(octets, 'x', 1 << 20);
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	for (int i = 0; i < 16; i++)
		send_all(fd, octets, 1 << 20);
	client_say(fd, "\r\nnext\r\n");
	client_expect(fd, "too long\r\nplain next\r\n");
	close(fd);
	service_stop(&s);
	assert_in_range(s.most_waiting, 1, CONN_INPUT_CAP);
	free(octets);
}

static void raw_octets(void **state)
{
	enum { LENGTH = 1000000 };
	char *octets = malloc(LENGTH), text[32];
	struct service s = {0};

	(void)state;
	for (size_t i = 0; i < LENGTH; i++)
		octets[i] = pattern_at(i);
	service_start(&s);
	int fd = client_of(&s);
	snprintf(text, sizeof text, "raw %d\r\n", LENGTH);
	client_expect(fd, "hello\r\n");
	client_say(fd, text);
	send_all(fd, octets, LENGTH);
	client_say(fd, "after\r\n");
	client_expect(fd, "good 1000000\r\nplain after\r\n");
	close(fd);
	service_stop(&s);
	free(octets);
}

/* ---- pausing ---- */

static void pause_keeps_order(void **state)
{
	struct service s = {0};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "one\r\npause 50\r\ntwo\r\npause 50\r\nQUIT\r\n");
	client_expect(fd, "plain one\r\nresumed\r\nplain two\r\nresumed\r\nbye\r\n");
	client_expect_end(fd);
	service_stop(&s);
	assert_int_equal(s.last_end, CONN_END_LOCAL);
}

/* The peer says all and hangs up (half) while we work: it gets every answer. */
static void half_close_while_paused(void **state)
{
	struct service s = {0};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_say(fd, "pause 50\r\none\r\npause 50\r\ntwo\r\n");
	shutdown(fd, SHUT_WR);
	client_expect(fd, "hello\r\nresumed\r\nplain one\r\nresumed\r\nplain two\r\n");
	client_expect_end(fd);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_PEER);
	service_stop(&s);
}

static void note_input(struct service *s)
{
	s->most_waiting = evbuffer_get_length(s->last->in);
}

static void flood_while_paused(void **state)
{
	char *octets = calloc(1, 1 << 20);
	struct timeval soon = {.tv_usec = 200000};
	struct service s = {0};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "one\r\npause 0\r\n");
	client_expect(fd, "plain one\r\n");
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
	for (int i = 0; i < 64 && send(fd, octets, 1 << 20, MSG_NOSIGNAL) > 0; i++) {
	}
	service_do(&s, note_input);
	assert_in_range(s.most_waiting, 0, 16384); /* and not all that we might hold */
	service_stop(&s);
	close(fd);
	free(octets);
}

/* ---- output and the end ---- */

static void hold_and_say(struct service *s)
{
	conn_hold(s->last, true);
	conn_printf(s->last, "a\r\n");
}

static void say_more(struct service *s)
{
	conn_printf(s->last, "b\r\n");
}

static void let_go(struct service *s)
{
	conn_hold(s->last, false);
}

/* Held output comes in one piece, and with the end at the latest. */
static void held_output(void **state)
{
	struct service s = {0};
	char octets[16];

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	service_do(&s, hold_and_say);
	service_do(&s, say_more);
	assert_int_equal(recv(fd, octets, sizeof octets, MSG_DONTWAIT), -1);
	service_do(&s, let_go);
	assert_int_equal(recv(fd, octets, sizeof octets, 0), 6);
	service_do(&s, hold_and_say);
	client_say(fd, "QUIT\r\n");
	client_expect(fd, "a\r\nbye\r\n");
	client_expect_end(fd);
	service_stop(&s);
}

static size_t read_pattern(int fd)
{
	char octets[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = recv(fd, octets, sizeof octets, 0)) > 0)
		for (ssize_t i = 0; i < n; i++, total++)
			if (octets[i] != pattern_at(total))
				return 0;
	return n < 0 ? 0 : total;
}

/* Close with much output, and with input that nobody reads: the peer gets all of it, and no reset.
 */
static void close_loses_nothing(void **state)
{
	enum { LENGTH = 20000000 };
	struct service s = {0};
	char text[64];

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	snprintf(text, sizeof text, "flood %d\r\nnever read\r\n", LENGTH);
	client_say(fd, text);
	usleep(50000);
	client_say(fd, "nor this\r\n");
	assert_int_equal(read_pattern(fd), LENGTH);
	close(fd);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_LOCAL);
	service_stop(&s);
}

/* What a peer still says after our last words does not undo those that are under way: were the
 * socket gone, the kernel would answer with a reset and forget them. */
static void parting_loses_nothing(void **state)
{
	enum {
		LENGTH = 150000
	}; /* more than the peer's kernel takes at once, less than ours does */
	struct service s = {0};
	char text[64];

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	snprintf(text, sizeof text, "flood %d\r\n", LENGTH);
	client_say(fd, text);
	usleep(300000);
	client_say(fd, "still here\r\n");
	usleep(100000);
	assert_int_equal(read_pattern(fd), LENGTH);
	close(fd);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_LOCAL);
	service_stop(&s);
}

/* The last words and the end are one packet: who has heard the one has heard the other. */
static void end_comes_with_the_last_words(void **state)
{
	struct service s = {0};
	char octet;

	(void)state;
	service_start(&s);
	for (int i = 0; i < 20; i++) {
		int fd = client_of(&s);

		client_expect(fd, "hello\r\n");
		client_say(fd, "QUIT\r\n");
		client_expect(fd, "bye\r\n");
		assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), 0);
		close(fd);
	}
	service_wait(&s, &s.closed, 20);
	service_stop(&s);
}

static void stream_by_drained(void **state)
{
	enum { LENGTH = 5000000 };
	struct service s = {0};
	char text[64];
	size_t total = 0;
	char octets[STREAM_PIECE];

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	snprintf(text, sizeof text, "stream %d\r\n", LENGTH);
	client_say(fd, text);
	client_expect(fd, "5000000\r\n");
	for (ssize_t n; (n = recv(fd, octets, sizeof octets, MSG_WAITALL)) > 0; total += (size_t)n)
		assert_int_equal(octets[n - 1], pattern_at((size_t)n - 1));
	assert_int_equal(total, LENGTH);
	close(fd);
	service_stop(&s);
	assert_int_equal(s.last_end, CONN_END_LOCAL);
}

/* The binding moved: what is in our buffer and in the kernel's is not for who reads there now. */
static void abort_sends_nothing_more(void **state)
{
	struct service s = {0};
	char octet;

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "abort 10000000\r\n");
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_ABORT);
	assert_int_equal(recv(fd, &octet, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	service_stop(&s);
}

static void peer_resets(void **state)
{
	struct linger at_once = {.l_onoff = 1};
	struct service s = {0};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(fd);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_PEER);
	service_stop(&s);
}

static void make_time_pass(struct service *s)
{
	s->last->last_us -= CONN_STALL_US - CLOCK_S;
	s->last->armed_us = 0;
	conn_timer_arm(s->last);
}

/* conn_close to a peer that takes nothing ends all the same. */
static void close_to_a_stalled_peer(void **state)
{
	struct service s = {0};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "flood 50000000\r\n");
	while (recv(fd, &(char){0}, 1, MSG_PEEK) != 1) {
	}
	usleep(200000);
	service_do(&s, make_time_pass);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_IDLE);
	close(fd);
	service_stop(&s);
}

/* ---- time ---- */

static void idle_asks(void **state)
{
	struct service s = {.goodbye = "too slow\r\n"};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	int64_t from = clock_mono_us();
	client_expect(fd, "hello\r\n");
	client_say(fd, "idle 1\r\n");
	client_expect(fd, "ok\r\n");
	for (int i = 0; i < 4; i++) { /* who talks is not idle */
		usleep(400000);
		client_say(fd, "x\r\n");
		client_expect(fd, "plain x\r\n");
	}
	client_expect(fd, "too slow\r\n");
	client_expect_end(fd);
	assert_in_range(clock_mono_us() - from, 2600000, 4500000);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_asked, CONN_END_IDLE);
	assert_int_equal(s.last_end, CONN_END_IDLE);
	service_stop(&s);
}

static void idle_cuts_who_says_nothing(void **state)
{
	struct service s = {0};

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "idle 1\r\n");
	client_expect(fd, "ok\r\n");
	client_expect_end(fd);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.asked, 1);
	assert_int_equal(s.last_end, CONN_END_IDLE);
	service_stop(&s);
}

/* A peer that takes a little now and then is not idle; a session that waits for the store neither.
 */
static void idle_spares(void **state)
{
	struct service s = {0};
	char octets[100000];

	(void)state;
	service_start(&s);
	int slow = client_of(&s), waiting = client_of(&s);
	client_expect(waiting, "hello\r\n");
	client_say(waiting, "idle 1\r\npause 2500\r\n");
	client_expect(waiting, "ok\r\n");
	client_expect(slow, "hello\r\n");
	client_say(slow, "idle 1\r\nstream 12000000\r\n");
	client_expect(slow, "ok\r\n12000000\r\n");
	size_t total = 0;
	for (int i = 0; i < 25; i++) {
		size_t want = sizeof octets;
		for (ssize_t n; want && (n = recv(slow, octets, want, 0)) > 0; want -= (size_t)n)
			total += (size_t)n;
		usleep(100000);
	}
	client_expect(waiting, "resumed\r\n");
	for (ssize_t n; (n = recv(slow, octets, sizeof octets, 0)) > 0;)
		total += (size_t)n;
	assert_int_equal(total, 12000000);
	close(slow);
	close(waiting);
	service_stop(&s);
}

static void total_ends_the_busy(void **state)
{
	struct service s = {.goodbye = "long enough\r\n"};
	int64_t from = clock_mono_us();

	(void)state;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "idle 1\r\ntotal 2\r\n");
	client_expect(fd, "ok\r\nok\r\n");
	for (int i = 0; i < 6; i++) {
		usleep(250000);
		client_say(fd, "x\r\n");
		client_expect(fd, "plain x\r\n");
	}
	client_expect(fd, "long enough\r\n");
	client_expect_end(fd);
	assert_in_range(clock_mono_us() - from, 1900000, 4000000);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_TOTAL);
	service_stop(&s);
}

/* ---- as a client ---- */

struct caller {
	struct service *service;
	struct conn *conn;
	char text[64];
	size_t n;
	int connected, closed;
	enum conn_end end;
	uint16_t port;
	const char *path;
	const char *from;
};

static void caller_input(void *session)
{
	struct caller *k = session;
	char *line;
	size_t length;

	while (conn_line(k->conn, 100, &line, &length, NULL) == 0)
		k->n += (size_t)snprintf(k->text + k->n, sizeof k->text - k->n, "%s|", line);
}

static void caller_connected(void *session)
{
	struct caller *k = session;

	conn_printf(k->conn, "ping\r\nQUIT\r\n");
	service_note(k->service, &k->connected);
}

static void caller_closed(void *session, enum conn_end why)
{
	struct caller *k = session;

	k->end = why;
	service_note(k->service, &k->closed);
}

static const struct conn_ops CALLER_OPS = {
	.input = caller_input, .connected = caller_connected, .closed = caller_closed};

static struct caller *calling;

static void call(struct service *s)
{
	struct addr loopback, from;
	struct caller *k = calling;

	addr_parse("127.0.0.1", &loopback);
	k->service = s;
	if (k->path)
		assert(!conn_connect_unix(s->loop, k->path, &CALLER_OPS, k, &k->conn));
	else if (k->from)
		assert(!addr_parse(k->from, &from) &&
		       !conn_connect_from(s->loop, &from, &loopback, k->port, &CALLER_OPS, k,
					  &k->conn));
	else
		assert(!conn_connect(s->loop, &loopback, k->port, &CALLER_OPS, k, &k->conn));
}

static void run_call(struct service *s, struct caller *k)
{
	calling = k;
	service_do(s, call);
	service_wait(s, &k->closed, 1);
}

static void connect_by_tcp(void **state)
{
	struct service s = {0};
	struct caller k = {0};

	(void)state;
	service_start(&s);
	k.port = listener_port(s.listener);
	run_call(&s, &k);
	assert_int_equal(k.connected, 1);
	assert_string_equal(k.text, "hello|plain ping|bye|");
	assert_int_equal(k.end, CONN_END_PEER);
	service_stop(&s);
}

static void connect_from_an_address(void **state)
{
	struct service s = {0};
	struct caller k = {.from = "127.9.8.7"};
	struct addr not_ours, loopback;
	struct conn *c;
	char text[ADDR_TEXT_MAX];

	(void)state;
	service_start(&s);
	k.port = listener_port(s.listener);
	run_call(&s, &k);
	assert_int_equal(k.connected, 1);
	assert_string_equal(addr_format(&s.last_peer.addr, text), "127.9.8.7");
	addr_parse("127.0.0.1", &loopback);
	addr_parse("192.0.2.1", &not_ours);
	assert_int_equal(
		conn_connect_from(s.loop, &not_ours, &loopback, k.port, &CALLER_OPS, &k, &c), E_IO);
	addr_parse("2001:db8::1", &not_ours);
	assert_int_equal(
		conn_connect_from(s.loop, &not_ours, &loopback, k.port, &CALLER_OPS, &k, &c),
		E_RANGE);
	service_stop(&s);
}

static void connect_by_unix(void **state)
{
	char dir[] = "/tmp/conn-test-XXXXXX", path[64];
	struct service s = {0};
	struct caller k = {0}, none = {0};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/door", dir);
	s.options.unix_path = path;
	service_start(&s);
	k.path = path;
	run_call(&s, &k);
	assert_string_equal(k.text, "hello|plain ping|bye|");
	assert_true(s.last_peer.is_unix);
	none.path = dir;
	run_call(&s, &none);
	assert_int_equal(none.connected, 0);
	assert_int_equal(none.end, CONN_END_PEER);
	service_stop(&s);
	assert_int_equal(rmdir(dir), 0); /* the socket is gone */
}

static void connect_to_nobody(void **state)
{
	struct service s = {0}, gone = {0};
	struct caller k = {0};

	(void)state;
	service_start(&gone);
	k.port = listener_port(gone.listener);
	service_stop(&gone);
	service_start(&s);
	run_call(&s, &k);
	assert_int_equal(k.connected, 0);
	assert_int_equal(k.end, CONN_END_PEER);
	service_stop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(lines_in_pieces),
		cmocka_unit_test(line_longer_than_cap),
		cmocka_unit_test(endless_line),
		cmocka_unit_test(raw_octets),
		cmocka_unit_test(pause_keeps_order),
		cmocka_unit_test(half_close_while_paused),
		cmocka_unit_test(flood_while_paused),
		cmocka_unit_test(held_output),
		cmocka_unit_test(close_loses_nothing),
		cmocka_unit_test(parting_loses_nothing),
		cmocka_unit_test(end_comes_with_the_last_words),
		cmocka_unit_test(stream_by_drained),
		cmocka_unit_test(abort_sends_nothing_more),
		cmocka_unit_test(peer_resets),
		cmocka_unit_test(close_to_a_stalled_peer),
		cmocka_unit_test(idle_asks),
		cmocka_unit_test(idle_cuts_who_says_nothing),
		cmocka_unit_test(idle_spares),
		cmocka_unit_test(total_ends_the_busy),
		cmocka_unit_test(connect_by_tcp),
		cmocka_unit_test(connect_from_an_address),
		cmocka_unit_test(connect_by_unix),
		cmocka_unit_test(connect_to_nobody),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
