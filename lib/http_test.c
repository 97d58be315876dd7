#include "lib/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/listener.h"
#include "lib/tls.h"

#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define PATIENCE_S 20
#define MAX_BODY   100000
#define HELD_MAX   200

static char dir[] = "/tmp/http-test-XXXXXX";
static char certificate[64], key[64];
static char certificate_pem[4096], key_pem[4096];

/* ---- the server, on a thread of its own ---- */

struct site {
	struct loop *loop;
	struct http_server *server;
	struct http_options options;
	size_t max_body; /* 0: MAX_BODY */
	pthread_t thread;
	struct http_request *held[HELD_MAX]; /* loop's thread */
	/* Protects what follows. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int held_count, done;
};

static void note_count(struct site *s, int *counter, int n)
{
	pthread_mutex_lock(&s->lock);
	*counter += n;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void wait_count(struct site *s, const int *counter, int n)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&s->lock);
	while (*counter < n && !pthread_cond_timedwait(&s->changed, &s->lock, &until)) {
	}
	int seen = *counter;
	pthread_mutex_unlock(&s->lock);
	assert_int_equal(seen, n);
}

static void show(void *arg, struct http_request *r)
{
	char peer[ADDR_TEXT_MAX], local[ADDR_TEXT_MAX];
	const char *id = http_param(r, "id"), *at = http_query(r, "at");
	uint16_t port;

	(void)arg;
	addr_format(http_peer(r, &port), peer);
	addr_format(http_local(r), local);
	http_add_header(r, "X-Answer", "42");
	http_reply_json(r, 200,
			json_pack("{s:s, s:s, s:s*, s:s*, s:s, s:s, s:b, s:s*, s:s*}", "method",
				  http_method(r), "path", http_path(r), "id", id, "at", at, "peer",
				  peer, "local", local, "tls", http_is_tls(r), "realm",
				  http_realm(r), "note", (const char *)http_note(r)));
}

static void measure(void *arg, struct http_request *r)
{
	size_t length, sum = 0;
	const char *body = http_body(r, &length);

	(void)arg;
	for (size_t i = 0; i < length; i++)
		sum += (unsigned char)body[i];
	http_reply_json(r, 201,
			json_pack("{s:i, s:i, s:b}", "length", (int)length, "sum", (int)sum,
				  "ended", body[length] == '\0'));
}

static void hold(void *arg, struct http_request *r)
{
	struct site *s = arg;

	s->held[s->held_count] = r;
	note_count(s, &s->held_count, 1);
}

static void text(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_text(r, 200, "text/plain", "a\0b", 3);
}

static void empty(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 204, NULL);
}

static void problem(void *arg, struct http_request *r)
{
	(void)arg;
	http_problem(r, 403, "no-binding", "nobody \"holds\" it", 7);
}

static void large(void *arg, struct http_request *r)
{
	size_t n = 3000000;
	char *body = malloc(n);

	(void)arg;
	memset(body, 'x', n);
	http_reply_text(r, 200, "text/plain", body, n);
	free(body);
}

static bool guard(void *arg, struct http_request *r)
{
	if (http_header(r, "X-Deny")) {
		http_problem(r, 401, "unauthorized", NULL, 0);
		return true;
	}
	if (http_header(r, "X-Hold")) {
		hold(arg, r);
		return true;
	}
	http_set_note(r, http_header(r, "X-Who"));
	return false;
}

static const struct http_route ROUTES[] = {
	{"GET", "/v1/things/{id}", show}, {"PUT", "/v1/things/{id}", measure},
	{"POST", "/measure", measure},    {"GET", "/hold", hold},
	{"POST", "/hold", hold},          {"GET", "/text", text},
	{"GET", "/empty", empty},         {"GET", "/problem", problem},
	{"GET", "/large", large},         {0},
};

static void *site_thread(void *arg)
{
	struct site *s = arg;

	loop_run(s->loop);
	return NULL;
}

static void site_start(struct site *s)
{
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->options.routes = ROUTES;
	s->options.guard = guard;
	s->options.arg = s;
	s->options.max_body = s->max_body ? s->max_body : MAX_BODY;
	if (!s->options.max_connections)
		s->options.max_connections = 1000;
	if (!s->options.max_connections_per_address)
		s->options.max_connections_per_address = 1000;
	if (!s->options.idle_s)
		s->options.idle_s = 60;
	addr_parse("127.0.0.1", &s->options.addr);
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(http_server_open(s->loop, &s->options, &s->server), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, site_thread, s), 0);
}

struct site_call {
	struct loop_task task;
	struct site *site;
	void (*fn)(struct site *s);
	int done;
};

static void site_called(struct loop_task *task)
{
	struct site_call *call = (struct site_call *)task;

	call->fn(call->site);
	note_count(call->site, &call->done, 1);
}

static void site_do(struct site *s, void (*fn)(struct site *s))
{
	struct site_call call = {.task.run = site_called, .site = s, .fn = fn};

	loop_post(s->loop, &call.task);
	wait_count(s, &call.done, 1);
}

static void close_server(struct site *s)
{
	http_server_close(s->server);
	s->server = NULL;
}

static void site_stop(struct site *s)
{
	site_do(s, close_server);
	loop_stop(s->loop);
	pthread_join(s->thread, NULL);
	loop_free(s->loop);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

static void release(struct site *s)
{
	int n = s->held_count;

	for (int i = 0; i < n; i++)
		http_reply_json(s->held[i], 200, json_pack("{s:i}", "held", i));
	note_count(s, &s->held_count, -n);
}

/* ---- the client ---- */

struct client {
	int fd;
	SSL *ssl;
	char buffer[8192];
	size_t have;
};

struct reply {
	int status;
	char head[4096];
	char body[4096];
	size_t length; /* the body may be longer than what is kept of it */
};

static void be_patient(int fd)
{
	struct timeval tv = {.tv_sec = PATIENCE_S};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static struct client *client_open(struct site *s)
{
	struct client *c = calloc(1, sizeof *c);
	struct sockaddr_in in = {.sin_family = AF_INET,
				 .sin_port = htons(http_server_port(s->server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (s->options.unix_path) {
		snprintf(sun.sun_path, sizeof sun.sun_path, "%s", s->options.unix_path);
		c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(c->fd, (struct sockaddr *)&sun, sizeof sun), 0);
	} else {
		c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(connect(c->fd, (struct sockaddr *)&in, sizeof in), 0);
	}
	be_patient(c->fd);
	return c;
}

static void client_close(struct client *c)
{
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
}

static void client_send(struct client *c, const char *octets, size_t n)
{
	while (n) {
		ssize_t sent = c->ssl ? SSL_write(c->ssl, octets, (int)n)
				      : send(c->fd, octets, n, MSG_NOSIGNAL);

		assert_true(sent > 0);
		octets += sent;
		n -= (size_t)sent;
	}
}

static void client_say(struct client *c, const char *said)
{
	client_send(c, said, strlen(said));
}

static ssize_t client_fill(struct client *c)
{
	size_t room = sizeof c->buffer - 1 - c->have;
	ssize_t n = c->ssl ? SSL_read(c->ssl, c->buffer + c->have, (int)room)
			   : recv(c->fd, c->buffer + c->have, room, 0);

	if (n > 0)
		c->have += (size_t)n;
	c->buffer[c->have] = '\0';
	return n;
}

static void client_drop(struct client *c, size_t n)
{
	c->have -= n;
	memmove(c->buffer, c->buffer + n, c->have + 1);
}

static const char *head_field(const struct reply *r, const char *name)
{
	static char value[256];
	size_t n = strlen(name);

	for (const char *line = r->head; (line = strstr(line, "\r\n")); line += 2) {
		if (strncasecmp(line + 2, name, n) == 0 && line[2 + n] == ':') {
			const char *from = line + 2 + n + 2;

			snprintf(value, sizeof value, "%.*s", (int)strcspn(from, "\r"), from);
			return value;
		}
	}
	return NULL;
}

static void read_body(struct client *c, struct reply *r, size_t length)
{
	r->length = 0;
	while (r->length < length) {
		if (!c->have)
			assert_true(client_fill(c) > 0);
		size_t n = c->have < length - r->length ? c->have : length - r->length;
		size_t kept = r->length < sizeof r->body ? sizeof r->body - 1 - r->length : 0;

		if (kept)
			memcpy(r->body + r->length, c->buffer, n < kept ? n : kept);
		r->length += n;
		client_drop(c, n);
	}
}

/* One reply; `bodyless`: to HEAD. */
static void client_read(struct client *c, struct reply *r, bool bodyless)
{
	char *end;

	memset(r, 0, sizeof *r);
	while (!(end = strstr(c->buffer, "\r\n\r\n")))
		assert_true(client_fill(c) > 0);
	memcpy(r->head, c->buffer, (size_t)(end - c->buffer) + 2);
	client_drop(c, (size_t)(end - c->buffer) + 4);
	assert_int_equal(sscanf(r->head, "HTTP/1.1 %d", &r->status), 1);
	const char *length = head_field(r, "Content-Length");
	if (length && !bodyless)
		read_body(c, r, strtoul(length, NULL, 10));
}

static void client_get(struct client *c, const char *path, struct reply *r)
{
	char said[512];

	snprintf(said, sizeof said, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	client_say(c, said);
	client_read(c, r, false);
}

static void expect_json(const struct reply *r, const char *expected)
{
	json_t *got = json_loads(r->body, 0, NULL), *want = json_loads(expected, 0, NULL);

	assert_non_null(want);
	if (!json_equal(got, want))
		assert_string_equal(r->body, expected);
	json_decref(got);
	json_decref(want);
}

static void expect_problem(const struct reply *r, int status, const char *name)
{
	char type[96];
	json_t *got = json_loads(r->body, 0, NULL);

	snprintf(type, sizeof type, "urn:hato:problem:%s", name);
	assert_int_equal(r->status, status);
	assert_string_equal(head_field(r, "Content-Type"), "application/problem+json");
	assert_string_equal(json_string_value(json_object_get(got, "type")), type);
	assert_int_equal(json_integer_value(json_object_get(got, "status")), status);
	json_decref(got);
}

/* Closed by the server, cleanly or not. */
static void expect_end(struct client *c)
{
	assert_int_equal(c->have, 0);
	assert_true(client_fill(c) <= 0);
	assert_int_not_equal(errno, EAGAIN);
	client_close(c);
}

/* ---- requests and replies ---- */

static void keep_alive(void **state)
{
	struct site s = {.options.realm = "default"};
	struct reply r;

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	for (int i = 0; i < 3; i++) {
		client_say(c, "GET /v1/things/a%2Fb?at=1%2B1 HTTP/1.1\r\nHost: x\r\n"
			      "X-Who: me\r\n\r\n");
		client_read(c, &r, false);
		assert_int_equal(r.status, 200);
		assert_string_equal(head_field(&r, "Content-Type"), "application/json");
		assert_string_equal(head_field(&r, "Cache-Control"), "no-store");
		assert_string_equal(head_field(&r, "X-Answer"), "42");
		expect_json(&r, "{\"method\":\"GET\",\"path\":\"/v1/things/a%2Fb\",\"id\":\"a/b\","
				"\"at\":\"1+1\",\"peer\":\"127.0.0.1\",\"local\":\"127.0.0.1\","
				"\"tls\":false,\"realm\":\"default\",\"note\":\"me\"}");
		assert_null(strchr(r.body, ' ')); /* compact */
	}
	/* Two at once, a late one among them: in order. */
	client_say(c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\nGET /text HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_count(&s, &s.held_count, 1);
	site_do(&s, release);
	client_read(c, &r, false);
	expect_json(&r, "{\"held\":0}");
	client_read(c, &r, false);
	assert_int_equal(r.length, 3);
	assert_memory_equal(r.body, "a\0b", 3);
	assert_string_equal(head_field(&r, "Content-Type"), "text/plain");
	client_say(c, "GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	client_read(c, &r, false);
	assert_int_equal(r.status, 200);
	expect_end(c);
	site_stop(&s);
}

static void replies(void **state)
{
	struct site s = {0};
	struct reply r;

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	client_get(c, "/empty", &r);
	assert_int_equal(r.status, 204);
	assert_int_equal(r.length, 0);
	client_get(c, "/problem", &r);
	expect_problem(&r, 403, "no-binding");
	assert_string_equal(head_field(&r, "Retry-After"), "7");
	expect_json(&r, "{\"type\":\"urn:hato:problem:no-binding\",\"title\":\"No binding\","
			"\"status\":403,\"detail\":\"nobody \\\"holds\\\" it\"}");
	client_get(c, "/nowhere", &r);
	expect_problem(&r, 404, "not-found");
	assert_null(head_field(&r, "Retry-After"));
	client_say(c, "DELETE /v1/things/1 HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(c, &r, false);
	expect_problem(&r, 405, "method-not-allowed");
	assert_string_equal(head_field(&r, "Allow"), "GET, PUT");
	client_say(c, "HEAD /v1/things/1 HTTP/1.1\r\nHost: x\r\n\r\n");
	client_read(c, &r, true);
	assert_int_equal(r.status, 200);
	client_get(c, "/v1/things/%zz", &r);
	expect_problem(&r, 400, "malformed");
	client_say(c, "GET http://other/text HTTP/1.1\r\nHost: other\r\n\r\n");
	client_read(c, &r, false);
	assert_int_equal(r.status, 200);
	client_get(c, "/large", &r);
	assert_int_equal(r.length, 3000000);
	client_close(c);
	site_stop(&s);
}

static void peer_is_the_sockets(void **state)
{
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010203)};
	struct site s = {0};
	struct reply r;

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	struct sockaddr_in to;
	socklen_t len = sizeof to;
	getpeername(c->fd, (struct sockaddr *)&to, &len);
	close(c->fd);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(c->fd, (struct sockaddr *)&me, sizeof me), 0);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
	be_patient(c->fd);
	client_say(c, "GET /v1/things/1 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.1.1.1\r\n"
		      "Forwarded: for=10.1.1.1\r\n\r\n");
	client_read(c, &r, false);
	assert_non_null(strstr(r.body, "\"peer\":\"127.1.2.3\""));
	client_close(c);
	site_stop(&s);
}

/* ---- bodies ---- */

static void put_body(struct client *c, size_t declared, size_t sent, const char *more)
{
	char said[512], *body = malloc(sent + 1);

	memset(body, 1, sent);
	snprintf(said, sizeof said,
		 "POST /measure HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n", more,
		 declared);
	client_say(c, said);
	client_send(c, body, sent);
	free(body);
}

static void bodies(void **state)
{
	static const size_t lengths[] = {0, 1, 4095, 4096, 65537, MAX_BODY};
	struct site s = {0};
	struct reply r;
	char expected[128];

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		put_body(c, lengths[i], lengths[i], "");
		client_read(c, &r, false);
		assert_int_equal(r.status, 201);
		snprintf(expected, sizeof expected, "{\"length\":%zu,\"sum\":%zu,\"ended\":true}",
			 lengths[i], lengths[i]);
		expect_json(&r, expected);
	}
	client_say(c, "POST /measure HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
	client_read(c, &r, false);
	expect_json(&r, "{\"length\":5,\"sum\":495,\"ended\":true}");
	client_say(c, "POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
		      "Expect: 100-continue\r\n\r\n");
	client_read(c, &r, false);
	assert_int_equal(r.status, 100);
	client_say(c, "abc");
	client_read(c, &r, false);
	assert_int_equal(r.status, 201);
	client_close(c);
	site_stop(&s);
}

/* Refused bodies are heard out, so that the client, which sends first and then listens, hears why;
 * and the connection lives. */
static void bodies_too_large(void **state)
{
	static const size_t lengths[] = {MAX_BODY + 1, 1000000, 4000000};
	struct site s = {0};
	struct reply r;
	char chunk[5000];

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	for (size_t i = 0; i < COUNT(lengths); i++) {
		put_body(c, lengths[i], lengths[i], "");
		client_read(c, &r, false);
		expect_problem(&r, 413, "too-large");
	}
	client_say(c, "POST /measure HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	memset(chunk, 'x', sizeof chunk);
	memcpy(chunk, "1000\r\n", 6);
	memcpy(chunk + 6 + 4096, "\r\n", 2);
	for (int i = 0; i < 100; i++)
		client_send(c, chunk, 6 + 4096 + 2);
	client_say(c, "0\r\n\r\n");
	client_read(c, &r, false);
	expect_problem(&r, 413, "too-large");
	client_get(c, "/text", &r);
	assert_int_equal(r.status, 200);
	client_close(c);
	site_stop(&s);
}

static void bodies_refused_at_once(void **state)
{
	struct site s = {0};
	struct reply r;
	struct client *c;

	(void)state;
	site_start(&s);
	c = client_open(&s);
	put_body(c, (size_t)1 << 40, 0, "");
	client_read(c, &r, false);
	expect_problem(&r, 413, "too-large");
	expect_end(c);
	c = client_open(&s);
	put_body(c, MAX_BODY + 1, 0, "Expect: 100-continue\r\n");
	client_read(c, &r, false);
	expect_problem(&r, 413, "too-large");
	expect_end(c);
	/* Who is not let in is not asked for its body; who sends it anyway is heard out. */
	c = client_open(&s);
	put_body(c, 10, 0, "X-Deny: 1\r\nExpect: 100-continue\r\n");
	client_read(c, &r, false);
	expect_problem(&r, 401, "unauthorized");
	expect_end(c);
	c = client_open(&s);
	put_body(c, 50000, 50000, "X-Deny: 1\r\n");
	client_read(c, &r, false);
	expect_problem(&r, 401, "unauthorized");
	client_get(c, "/text", &r);
	assert_int_equal(r.status, 200);
	client_close(c);
	site_stop(&s);
}

static void endless_body(void **state)
{
	struct site s = {0};
	struct client *c;
	char *chunk = calloc(1, 0x10000 + 9);
	ssize_t n = 1;

	(void)state;
	memcpy(chunk, "10000\r\n", 7);
	memcpy(chunk + 7 + 0x10000, "\r\n", 2);
	site_start(&s);
	c = client_open(&s);
	client_say(c, "POST /measure HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 4096 && n > 0; i++)
		n = send(c->fd, chunk, 0x10000 + 9, MSG_NOSIGNAL);
	assert_int_equal(n, -1);
	client_close(c);
	free(chunk);
	site_stop(&s);
}

/* Bodies that are not yet answered take so much and no more. */
static void bodies_in_all(void **state)
{
	enum { LENGTH = 4000000, CLIENTS = 20 };
	struct site s = {.max_body = LENGTH};
	struct client *clients[CLIENTS];
	struct reply r;
	char *body = malloc(LENGTH);

	(void)state;
	memset(body, 'x', LENGTH);
	site_start(&s);
	for (int i = 0; i < CLIENTS; i++) {
		clients[i] = client_open(&s);
		client_say(clients[i], "POST /hold HTTP/1.1\r\nHost: x\r\n"
				       "Content-Length: 4000000\r\n\r\n");
		client_send(clients[i], body, LENGTH);
		if (i < 16)
			wait_count(&s, &s.held_count, i + 1);
	}
	for (int i = 16; i < CLIENTS; i++) {
		client_read(clients[i], &r, false);
		expect_problem(&r, 503, "overloaded");
		assert_string_equal(head_field(&r, "Retry-After"), "1");
	}
	site_do(&s, release);
	for (int i = 0; i < 16; i++) {
		client_read(clients[i], &r, false);
		assert_int_equal(r.status, 200);
	}
	put_body(clients[19], 1000000, 1000000, "");
	client_read(clients[19], &r, false);
	assert_int_equal(r.status, 201);
	for (int i = 0; i < CLIENTS; i++)
		client_close(clients[i]);
	free(body);
	site_stop(&s);
}

/* ---- late answers ---- */

static void many_wait(void **state)
{
	struct client *clients[HELD_MAX];
	struct site s = {0};
	struct reply r;

	(void)state;
	site_start(&s);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < HELD_MAX; i++) {
			if (!round)
				clients[i] = client_open(&s);
			client_say(clients[i], "POST /hold HTTP/1.1\r\nHost: x\r\n"
					       "Content-Length: 2\r\n\r\n{}");
		}
		wait_count(&s, &s.held_count, HELD_MAX);
		site_do(&s, release); /* as a group commit does */
		for (size_t i = 0; i < HELD_MAX; i++) {
			client_read(clients[i], &r, false);
			assert_int_equal(r.status, 200);
		}
	}
	for (size_t i = 0; i < HELD_MAX; i++)
		client_close(clients[i]);
	site_stop(&s);
}

static void guard_may_answer_late(void **state)
{
	struct site s = {0};
	struct reply r;

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	/* The answer comes while the body does, and after it. */
	client_say(c, "POST /measure HTTP/1.1\r\nHost: x\r\nX-Hold: 1\r\n"
		      "Content-Length: 4\r\n\r\nab");
	wait_count(&s, &s.held_count, 1);
	site_do(&s, release);
	client_say(c, "cd");
	client_read(c, &r, false);
	expect_json(&r, "{\"held\":0}");
	client_say(c, "GET /text HTTP/1.1\r\nHost: x\r\nX-Hold: 1\r\n\r\n");
	wait_count(&s, &s.held_count, 1);
	site_do(&s, release);
	client_read(c, &r, false);
	expect_json(&r, "{\"held\":0}");
	/* The client leaves in the middle: the guard still answers. */
	client_say(c, "POST /measure HTTP/1.1\r\nHost: x\r\nX-Hold: 1\r\n"
		      "Content-Length: 4\r\n\r\nab");
	wait_count(&s, &s.held_count, 1);
	client_close(c);
	c = client_open(&s);
	client_get(c, "/text", &r);
	site_do(&s, release);
	client_close(c);
	site_stop(&s);
}

static void client_leaves(void **state)
{
	struct linger at_once = {.l_onoff = 1};
	struct site s = {0};
	struct reply r;
	struct client *c;

	(void)state;
	site_start(&s);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 10; i++) {
			c = client_open(&s);
			client_say(c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
			wait_count(&s, &s.held_count, i + 1);
			if (i % 2) /* by a reset */
				setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
			client_close(c);
		}
		site_do(&s, release);
		c = client_open(&s);
		client_get(c, "/text", &r);
		assert_int_equal(r.status, 200);
		client_close(c);
	}
	c = client_open(&s); /* in its headers, and in its body */
	client_say(c, "GET /te");
	client_close(c);
	c = client_open(&s);
	client_say(c, "GET /text HTTP/1.1\r\nHost: x\r\nX-");
	client_close(c);
	c = client_open(&s);
	put_body(c, 10000, 5000, "");
	client_close(c);
	c = client_open(&s);
	client_get(c, "/text", &r);
	client_close(c);
	site_stop(&s);
}

static void late_into_the_void(struct site *s)
{
	for (int i = 0; i < s->held_count; i++) {
		assert_null(http_header(s->held[i], "Host"));
		assert_string_equal(http_method(s->held[i]), "GET");
		http_problem(s->held[i], 503, "overloaded", NULL, 1);
	}
}

static void server_leaves(void **state)
{
	struct client *clients[20];
	struct site s = {0};
	struct reply r;

	(void)state;
	site_start(&s);
	for (size_t i = 0; i < COUNT(clients); i++) {
		clients[i] = client_open(&s);
		client_say(clients[i], "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	wait_count(&s, &s.held_count, COUNT(clients));
	struct client *half = client_open(&s), *idle = client_open(&s);
	put_body(half, 1000, 10, "");
	client_get(idle, "/text", &r);
	site_do(&s, close_server);
	for (size_t i = 0; i < COUNT(clients); i++) {
		client_read(clients[i], &r, false);
		expect_problem(&r, 503, "overloaded");
		assert_string_equal(head_field(&r, "Retry-After"), "2");
		expect_end(clients[i]);
	}
	expect_end(half);
	expect_end(idle);
	site_do(&s, late_into_the_void);
	site_stop(&s);
}

/* ---- who does not keep to the rules ---- */

static void nonsense(void **state)
{
	static const char *const said[] = {
		"\r\n\r\n\r\n",
		"\x16\x03\x01\x02",
		"GET\r\n\r\n",
		"GET /text\r\n\r\n",
		"GET /text HTTP/9.9\r\nHost: x\r\n\r\n",
		"GET /text HTTP/1.1\r\n\r\n",
		"POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
		"POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /measure HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"POST /measure HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"THISISAMETHODTHATNOBODYKNOWSANDTHATISLONG /text HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /v1/things/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
	};
	struct timeval short_wait = {.tv_usec = 200000}; /* not everything is answered */
	struct site s = {0};
	struct reply r;
	char *header = malloc(70000);

	(void)state;
	site_start(&s);
	for (size_t i = 0; i < COUNT(said); i++) {
		struct client *c = client_open(&s);

		setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &short_wait, sizeof short_wait);
		client_say(c, said[i]);
		while (client_fill(c) > 0)
			if (c->have > 4000)
				break;
		/* Nothing, or a refusal. */
		if (c->have)
			assert_int_equal(c->buffer[9] == '4' || c->buffer[9] == '5', true);
		client_close(c);
	}
	memset(header, 'x', 70000);
	memcpy(header, "GET /text HTTP/1.1\r\nHost: x\r\nX-Long: ", 38);
	struct client *c = client_open(&s);
	send(c->fd, header, 70000, MSG_NOSIGNAL);
	client_read(c, &r, false);
	assert_in_range(r.status, 400, 499);
	client_close(c);
	free(header);
	c = client_open(&s);
	client_get(c, "/text", &r);
	assert_int_equal(r.status, 200);
	client_close(c);
	site_stop(&s);
}

static void limits(void **state)
{
	struct admission *a = admission_new(100, 2);
	struct site s = {.options.admission = a};
	struct reply r;

	(void)state;
	site_start(&s);
	for (int round = 0; round < 3; round++) {
		struct client *one = client_open(&s), *two = client_open(&s), *three;

		client_get(one, "/text", &r);
		client_get(two, "/text", &r);
		assert_int_equal(admission_open(a), 2);
		three = client_open(&s);
		client_read(three, &r, false);
		expect_problem(&r, 503, "overloaded");
		assert_string_equal(head_field(&r, "Retry-After"), "2");
		expect_end(three);
		client_close(one);
		client_close(two);
		for (int i = 0; i < 2000 && admission_open(a); i++)
			usleep(1000);
		assert_int_equal(admission_open(a), 0);
	}
	struct client *last = client_open(&s);
	client_get(last, "/text", &r);
	site_stop(&s);
	assert_int_equal(admission_open(a), 0);
	admission_free(a);
	client_close(last);
}

static void idle_ends(void **state)
{
	struct site s = {.options.idle_s = 1};
	struct reply r;
	int64_t from = clock_mono_us();

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s), *silent = client_open(&s), *waits = client_open(&s);
	client_say(waits, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	client_get(c, "/text", &r);
	expect_end(c);
	expect_end(silent);
	assert_in_range(clock_mono_us() - from, 900000, 4000000);
	usleep(1500000);
	site_do(&s, release); /* who waits for us is not idle */
	client_read(waits, &r, false);
	assert_int_equal(r.status, 200);
	client_close(waits);
	site_stop(&s);
}

/* ---- doors ---- */

static void unix_socket(void **state)
{
	char path[64];
	struct site s = {.options.unix_path = path};
	struct reply r;

	(void)state;
	snprintf(path, sizeof path, "%s/http", dir);
	site_start(&s);
	assert_int_equal(http_server_port(s.server), 0);
	struct client *c = client_open(&s);
	client_get(c, "/text", &r);
	assert_int_equal(r.status, 200);
	client_get(c, "/v1/things/1", &r);
	assert_non_null(strstr(r.body, "\"peer\":\"::\""));
	client_close(c);
	site_stop(&s);
	assert_int_equal(access(path, F_OK), -1);
}

static void https(void **state)
{
	struct site s = {.options.certificate_pem = certificate_pem, .options.key_pem = key_pem};
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct reply r;

	(void)state;
	assert_int_equal(SSL_CTX_load_verify_locations(ctx, certificate, NULL), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	site_start(&s);
	struct client *c = client_open(&s), *plain = client_open(&s);
	c->ssl = SSL_new(ctx);
	X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), "127.0.0.1");
	SSL_set_fd(c->ssl, c->fd);
	assert_int_equal(SSL_connect(c->ssl), 1);
	client_get(c, "/v1/things/1", &r);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, "\"tls\":true"));
	assert_non_null(strstr(r.body, "\"peer\":\"127.0.0.1\""));
	put_body(c, 50000, 50000, "");
	client_read(c, &r, false);
	assert_int_equal(r.status, 201);
	put_body(c, 1000000, 1000000, "");
	client_read(c, &r, false);
	expect_problem(&r, 413, "too-large");
	client_say(c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
	wait_count(&s, &s.held_count, 1);
	site_do(&s, release);
	client_read(c, &r, false);
	assert_int_equal(r.status, 200);
	client_get(c, "/large", &r);
	assert_int_equal(r.length, 3000000);
	client_say(plain, "GET /text HTTP/1.1\r\nHost: x\r\n\r\n");
	while (client_fill(plain) > 0) {
	}
	client_close(plain);
	client_close(c);
	SSL_CTX_free(ctx);
	site_stop(&s);
}

static void doors_in_use(void **state)
{
	struct site s = {0};
	struct http_server *other;
	struct http_options o;

	(void)state;
	site_start(&s);
	struct client *c = client_open(&s);
	o = s.options;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof in;
	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&in, &len);
	o.port = ntohs(in.sin_port);
	assert_int_equal(http_server_open(s.loop, &o, &other), E_EXISTS);
	o.port = 0;
	o.certificate_pem = "nonsense";
	o.key_pem = "nonsense";
	assert_int_equal(http_server_open(s.loop, &o, &other), E_IO);
	close(fd);
	client_close(c);
	site_stop(&s);
}

static void read_file(const char *path, char *into, size_t size)
{
	FILE *f = fopen(path, "re");
	size_t n = fread(into, 1, size - 1, f);

	into[n] = '\0';
	fclose(f);
}

static int make_certificate(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(certificate, sizeof certificate, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	if (tls_self_signed("localhost,127.0.0.1", certificate, key))
		return -1;
	read_file(certificate, certificate_pem, sizeof certificate_pem);
	read_file(key, key_pem, sizeof key_pem);
	return 0;
}

static int remove_certificate(void **state)
{
	(void)state;
	unlink(certificate);
	unlink(key);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keep_alive),
		cmocka_unit_test(replies),
		cmocka_unit_test(peer_is_the_sockets),
		cmocka_unit_test(bodies),
		cmocka_unit_test(bodies_too_large),
		cmocka_unit_test(bodies_refused_at_once),
		cmocka_unit_test(endless_body),
		cmocka_unit_test(bodies_in_all),
		cmocka_unit_test(many_wait),
		cmocka_unit_test(guard_may_answer_late),
		cmocka_unit_test(client_leaves),
		cmocka_unit_test(server_leaves),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(limits),
		cmocka_unit_test(idle_ends),
		cmocka_unit_test(unix_socket),
		cmocka_unit_test(https),
		cmocka_unit_test(doors_in_use),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
