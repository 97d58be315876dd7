/* testbed -- for popgw's *_test.c only: the whole of popgw over a store that obeys the test
 * (testbed_store.h)
 *
 * Server and client run on one thread: whoever waits for octets turns the loop. A wait that lasts
 * BED_PATIENCE_US is a failure.
 */
#ifndef HATO_POPGW_TESTBED_H
#define HATO_POPGW_TESTBED_H

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyring.h"
#include "lib/token.h"
#include "lib/wire/base64.h"
#include "popgw/testbed_store.h"

#define BED_PATIENCE_US INT64_C(20000000)

/* ---- what is stored ---- */

/* Subscriber `who` holds 127.0.0.`last` in generation `generation`; a former holder is told of by
 * the feed if `tell`. */
static inline struct binding *bed_bind(int last, int64_t who, uint32_t generation,
				       enum key_state state)
{
	char text[32];
	struct addr a;

	snprintf(text, sizeof(text), "127.0.0.%d", last);
	assert_int_equal(addr_parse(text, &a), 0);
	struct binding *b = bed_binding_at(&a);
	if (!b) {
		assert_true(bed.binding_count < BED_BINDINGS);
		b = &bed.bindings[bed.binding_count++];
		assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &b->key), 0);
	}
	b->subscriber = who;
	b->generation = generation;
	b->state = state;
	return b;
}

static inline void bed_tell(const struct binding *b, int64_t former)
{
	struct change c = {.kind = CHANGE_BINDING,
			   .subscriber = b->subscriber,
			   .former = former,
			   .key = b->key,
			   .generation = b->generation,
			   .state = b->state};

	bed.watcher(bed.watcher_arg, &c);
}

static inline void bed_mail_octets(uint32_t uid, const char *prefix, const char *body, size_t size,
				   bool dots)
{
	struct bed_message *m = &bed.messages[bed.message_count++];

	assert_true(bed.message_count <= BED_MESSAGES);
	*m = (struct bed_message){.uid = uid, .body_size = size, .has_dot_lines = dots};
	m->prefix = strdup(prefix);
	m->body = malloc(size + 1);
	assert_true(m->prefix && m->body);
	memcpy(m->body, body, size);
}

static inline void bed_mail(uint32_t uid, const char *prefix, const char *body, bool dots)
{
	bed_mail_octets(uid, prefix, body, strlen(body), dots);
}

static inline const char *bed_token_until(int last, int64_t who, uint32_t generation,
					  int64_t expires_s)
{
	static char text[TOKEN_TEXT + 1];
	struct token t = {.subscriber = who, .generation = generation, .expires_s = expires_s};
	char addr[32];
	struct addr a;
	struct key k;

	snprintf(addr, sizeof(addr), "127.0.0.%d", last);
	assert_int_equal(addr_parse(addr, &a), 0);
	assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &k), 0);
	assert_int_equal(token_seal(bed.ring, &t, &k, text), 0);
	return text;
}

static inline const char *bed_token(int last, int64_t who, uint32_t generation)
{
	return bed_token_until(last, who, generation, clock_now_s() + 3600);
}

/* ---- the client ---- */

struct client {
	int fd;
	size_t have;
	char *got;
	size_t room;
	bool ended;
};

static inline void bed_turn(void)
{
	event_base_loop(loop_base(bed.loop), EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static inline void bed_turn_until(bool (*is_so)(void))
{
	int64_t until = clock_mono_us() + BED_PATIENCE_US;

	while (!is_so()) {
		assert_true(clock_mono_us() < until);
		bed_turn();
	}
}

static inline struct client client_connect(int last)
{
	struct client c = {.room = 1 << 16};
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};

	c.got = malloc(c.room);
	c.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(c.got && c.fd >= 0);
	from.sin_addr.s_addr = htonl(0x7F000000u + (uint32_t)last);
	to.sin_addr.s_addr = htonl(0x7F000001u);
	to.sin_port = htons(bed.port);
	assert_int_equal(bind(c.fd, (struct sockaddr *)&from, sizeof(from)), 0);
	assert_int_equal(connect(c.fd, (struct sockaddr *)&to, sizeof(to)), 0);
	fcntl(c.fd, F_SETFL, O_NONBLOCK);
	return c;
}

static inline void client_close(struct client *c)
{
	close(c->fd);
	free(c->got);
	c->got = NULL;
}

/* One look at the socket. */
static inline void client_look(struct client *c)
{
	if (c->have == c->room) {
		c->room *= 2;
		c->got = realloc(c->got, c->room);
		assert_non_null(c->got);
	}
	ssize_t n = recv(c->fd, c->got + c->have, c->room - c->have, 0);
	if (n > 0)
		c->have += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		c->ended = true;
}

static inline void client_send_octets(struct client *c, const char *text, size_t n)
{
	int64_t until = clock_mono_us() + BED_PATIENCE_US;

	while (n) {
		ssize_t sent = send(c->fd, text, n, MSG_NOSIGNAL);
		if (sent > 0) {
			text += sent;
			n -= (size_t)sent;
		} else if (errno != EAGAIN) {
			return; /* the other side has hung up: what the test expects will tell */
		}
		assert_true(clock_mono_us() < until);
		bed_turn();
	}
}

static inline void client_send(struct client *c, const char *text)
{
	client_send_octets(c, text, strlen(text));
}

static inline void client_drop(struct client *c, size_t n)
{
	memmove(c->got, c->got + n, c->have - n);
	c->have -= n;
}

/* Exactly these octets come next. */
static inline void client_expect_octets(struct client *c, const char *want, size_t n)
{
	int64_t until = clock_mono_us() + BED_PATIENCE_US;

	while (c->have < n && !c->ended && clock_mono_us() < until) {
		bed_turn();
		client_look(c);
	}
	size_t same = 0;
	while (same < n && same < c->have && c->got[same] == want[same])
		same++;
	if (same != n)
		print_error(
			"expected %zu octets, equal up to %zu; then:\n<%.*s>\nwanted:\n<%.*s>\n", n,
			same, (int)(c->have - same < 200 ? c->have - same : 200), c->got + same,
			(int)(n - same < 200 ? n - same : 200), want + same);
	assert_int_equal(same, n);
	client_drop(c, n);
}

static inline void client_expect(struct client *c, const char *want)
{
	client_expect_octets(c, want, strlen(want));
}

/* A line that begins like this comes next. */
static inline void client_expect_line(struct client *c, const char *beginning)
{
	int64_t until = clock_mono_us() + BED_PATIENCE_US;
	char *end;

	while (!(end = c->have ? memchr(c->got, '\n', c->have) : NULL) && !c->ended &&
	       clock_mono_us() < until) {
		bed_turn();
		client_look(c);
	}
	if (!end || strncmp(c->got, beginning, strlen(beginning)))
		print_error("expected a line <%s...>, got <%.*s>\n", beginning,
			    (int)(c->have < 200 ? c->have : 200), c->got);
	assert_non_null(end);
	assert_int_equal(strncmp(c->got, beginning, strlen(beginning)), 0);
	client_drop(c, (size_t)(end - c->got) + 1);
}

/* Whatever comes, up to the end. */
static inline void client_read_to_end(struct client *c)
{
	int64_t until = clock_mono_us() + BED_PATIENCE_US;

	while (!c->ended && clock_mono_us() < until) {
		bed_turn();
		client_look(c);
	}
	assert_true(c->ended);
}

/* Nothing more, and the end. */
static inline void client_expect_end(struct client *c)
{
	client_read_to_end(c);
	if (c->have)
		print_error("expected the end, got <%.*s>\n", (int)(c->have < 200 ? c->have : 200),
			    c->got);
	assert_int_equal(c->have, 0);
}

/* Turns the loop for a while: nothing comes. For what must wait for a held completion; it passes at
 * once in the good case only because nothing is expected, so it is short. */
static inline void client_expect_silence(struct client *c)
{
	int64_t until = clock_mono_us() + 30000;

	while (clock_mono_us() < until) {
		bed_turn();
		client_look(c);
	}
	assert_int_equal(c->have, 0);
	assert_false(c->ended);
}

static inline void client_ask(struct client *c, const char *command, const char *answer)
{
	client_send(c, command);
	client_expect_line(c, answer);
}

/* Subscriber 5 at 127.0.0.`last` in `generation`, greeted and logged in. */
static inline struct client client_log_in(int last, uint32_t generation)
{
	struct client c = client_connect(last);
	char line[128];

	client_expect_line(&c, "+OK");
	snprintf(line, sizeof(line), "USER %s\r\n", bed_token(last, 5, generation));
	client_ask(&c, line, "+OK");
	client_ask(&c, "PASS x\r\n", "+OK");
	return c;
}

/* ---- the program ---- */

static inline bool bed_is_empty(void)
{
	return !bed.worker->sessions && !connections_count(bed.worker->connections);
}

static inline uint16_t bed_free_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &length), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static const char *const
	*bed_more_sets; /* settings of one group of tests, null-terminated; may be null */

static inline int bed_open(void **state)
{
	char port[48], keys[128], cert[128], key[128], error[256] = "";
	const char *sets[16] = {"popgw.pop3s_port=0", "popgw.auth_requires_tls=no",
				"popgw.max_errors=5"};
	size_t n = 3;

	(void)state;
	signal(SIGPIPE, SIG_IGN); /* as lib/daemon does */
	memset(&bed, 0, sizeof(bed));
	snprintf(bed.dir, sizeof(bed.dir), "/tmp/hato-popgw-test.XXXXXX");
	if (!mkdtemp(bed.dir))
		return -1;
	bed.port = bed_free_port();
	snprintf(port, sizeof(port), "popgw.pop3_port=%u", bed.port);
	sets[n++] = port;
	sets[n++] = "paths.token_keys=token.keys";
	for (size_t i = 0; bed_more_sets && bed_more_sets[i]; i++)
		sets[n++] = bed_more_sets[i];
	snprintf(keys, sizeof(keys), "%s/token.keys", bed.dir);
	snprintf(cert, sizeof(cert), "%s/cert.pem", bed.dir);
	snprintf(key, sizeof(key), "%s/key.pem", bed.dir);
	if (conf_load(NULL, bed.dir, sets, n, &bed.conf, error)) {
		print_error("%s\n", error);
		return -1;
	}
	log_init("popgw");
	log_level_set("error");
	assert_int_equal(keyring_create(keys, clock_now_s()), 0);
	assert_int_equal(keyring_open(keys, &bed.ring), 0);
	assert_int_equal(tls_self_signed("localhost", cert, key), 0);
	assert_int_equal(tls_server_new(cert, key, &bed.popgw.tls, error), 0);
	bed.popgw.conf = bed.conf;
	bed.popgw.locks = maildrop_locks_new();
	bed.popgw.admission =
		admission_new(1000, (size_t)bed.conf->popgw_max_connections_per_address);
	assert_int_equal(login_ids_parse(bed.conf->popgw_login_id, &bed.popgw.login_ids), 0);
	assert_int_equal(addr_parse("127.0.0.1", &bed.popgw.listen), 0);
	assert_int_equal(loop_new(&bed.loop), 0);
	void *worker = NULL;
	assert_int_equal(worker_start(NULL, &bed.popgw, bed.loop, 0, &worker), 0);
	bed.worker = worker;
	bed_bind(2, 5, 3, KEY_CONFIRMED);
	return 0;
}

static inline int bed_close(void **state)
{
	char command[128];

	(void)state;
	memset(bed.hold, 0, sizeof(bed.hold));
	bed_release();
	bed_turn_until(bed_is_empty);
	assert_int_equal(maildrop_locks_held(bed.popgw.locks), 0);
	worker_free(bed.worker);
	loop_free(bed.loop);
	keyring_free(bed.ring);
	tls_server_free(bed.popgw.tls);
	admission_free(bed.popgw.admission);
	maildrop_locks_free(bed.popgw.locks);
	conf_free(bed.conf);
	for (size_t i = 0; i < bed.message_count; i++) {
		free(bed.messages[i].prefix);
		free(bed.messages[i].body);
	}
	snprintf(command, sizeof(command), "rm -r '%s'", bed.dir);
	return system(command);
}

#endif
