/* dns_fixture -- for tests of dns: a name server that is a few functions on the same loop, and who
 * asks
 *
 * What the server does with a question stands in the first label of the name: see `kinds`.
 */
#ifndef HATO_LIB_DNS_FIXTURE_H
#define HATO_LIB_DNS_FIXTURE_H

#include "lib/dns.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/dns_known.h"
#include "lib/dns_servers.h"
#include "lib/err.h"
#include "lib/loop.h"

#define PATIENCE_US (20 * CLOCK_S)
#define MESSAGE_MAX 2048

/* ---- the server ---- */

struct server {
	struct loop *loop;
	int udp, tcp, stream;
	struct loop_watch *udp_watch, *tcp_watch, *stream_watch;
	uint16_t port;
	unsigned asked, by_tcp;
	bool is_dead;              /* says nothing */
	uint8_t held[MESSAGE_MAX]; /* the question to `held`, which is answered when a test wants it
				    */
	size_t held_n;
	struct sockaddr_in held_from;
};

struct out {
	uint8_t octets[MESSAGE_MAX];
	size_t n;
};

static inline void put(struct out *o, const void *data, size_t n)
{
	memcpy(o->octets + o->n, data, n);
	o->n += n;
}

/* Answers by name of the question's name. */
static inline void put_record(struct out *o, unsigned type, unsigned ttl_s, const void *data,
			      size_t n)
{
	put(o, "\300\14", 2);
	put(o,
	    (uint8_t[]){0, (uint8_t)type, 0, 1, 0, (uint8_t)(ttl_s >> 16), (uint8_t)(ttl_s >> 8),
			(uint8_t)ttl_s, (uint8_t)(n >> 8), (uint8_t)n},
	    10);
	put(o, data, n);
	o->octets[7]++;
}

static inline void say_address(struct out *o)
{
	put_record(o, 1, 60, "\300\0\2\1", 4);
}

static inline void say_brief(struct out *o)
{
	put_record(o, 1, 0, "\300\0\2\1", 4);
}

static inline void say_long(struct out *o)
{
	put_record(o, 1, 0xffffff, "\300\0\2\1", 4);
}

static inline void say_mx(struct out *o)
{
	put_record(o, 15, 60, "\0\24\1b\0", 5);
	put_record(o, 15, 60, "\0\12\1a\0", 5);
	put_record(o, 15, 60, "\0\24\1c\0", 5);
}

static inline void say_text(struct out *o)
{
	put_record(o, 16, 60, "\3v=s\3pf1", 8);
}

static inline void put_soa(struct out *o)
{
	put_record(o, 6, 60, "\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\24", 22);
	o->octets[7]--;
	o->octets[9]++;
}

static inline void say_nobody(struct out *o)
{
	o->octets[3] |= 3;
	put_soa(o);
}

static inline void say_nothing_here(struct out *o)
{
	put_soa(o);
}

static inline void say_servfail(struct out *o)
{
	o->octets[3] |= 2;
}

static inline void say_loop(struct out *o)
{
	put_record(o, 5, 60, "\300\14", 2);
}

static inline void say_garbage(struct out *o)
{
	put_record(o, 1, 60, "\300\0", 2);
}

/* More than a UDP answer may have. */
static inline void say_much(struct out *o)
{
	char text[256];

	memset(text, 'x', sizeof text);
	text[0] = (char)255;
	for (int i = 0; i < 4; i++)
		put_record(o, 16, 60, text, sizeof text);
}

static const struct {
	const char *label;
	void (*say)(struct out *o);
} kinds[] = {
	{"found", say_address},
	{"brief", say_brief},
	{"long", say_long},
	{"mx", say_mx},
	{"text", say_text},
	{"nobody", say_nobody},
	{"nothing", say_nothing_here},
	{"fail", say_servfail},
	{"loop", say_loop},
	{"garbage", say_garbage},
	{"much", say_much},
	{"held", say_address},
	{"wrong", say_address},
};

static inline bool is_about(const uint8_t *question, const char *label)
{
	return question[12] == strlen(label) && !memcmp(question + 13, label, strlen(label));
}

/* False: the question was of none of the kinds. */
static inline bool answer(const uint8_t *question, size_t n, struct out *o)
{
	o->n = 0;
	put(o, question, n);
	o->octets[2] = 0x81;
	o->octets[3] = 0x80;
	memset(o->octets + 6, 0, 6);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (is_about(question, kinds[i].label)) {
			kinds[i].say(o);
			return true;
		}
	}
	return false;
}

static inline void send_to(struct server *s, const struct out *o, const struct sockaddr_in *to)
{
	sendto(s->udp, o->octets, o->n, 0, (const struct sockaddr *)to, sizeof *to);
}

static inline void on_udp(void *arg, int fd, bool can_read, bool can_write)
{
	struct server *s = arg;
	uint8_t in[512];
	struct sockaddr_in from;
	socklen_t from_n = sizeof from;
	struct out o;
	ssize_t n = recvfrom(fd, in, sizeof in, 0, (struct sockaddr *)&from, &from_n);

	(void)can_read;
	(void)can_write;
	assert_true(n > 12);
	s->asked++;
	if (s->is_dead || !answer(in, (size_t)n, &o))
		return;
	if (is_about(in, "held")) {
		memcpy(s->held, in, (size_t)n);
		s->held_n = (size_t)n;
		s->held_from = from;
		return;
	}
	if (is_about(in, "wrong")) { /* somebody who guesses the id, before the true one */
		o.octets[0] ^= 1;
		send_to(s, &o, &from);
		o.octets[0] ^= 1;
	}
	if (o.n > 512) {
		o.octets[2] |= 2;
		o.octets[7] = 0;
		o.n = (size_t)n;
	}
	send_to(s, &o, &from);
}

static inline void say_held(struct server *s)
{
	struct out o;

	assert_true(s->held_n > 0);
	assert_true(answer(s->held, s->held_n, &o));
	send_to(s, &o, &s->held_from);
}

static inline void on_stream(void *arg, int fd, bool can_read, bool can_write)
{
	struct server *s = arg;
	uint8_t in[2 + 512];
	struct out o;
	ssize_t n = recv(fd, in, sizeof in, 0);

	(void)can_read;
	(void)can_write;
	if (n > 14 && answer(in + 2, (size_t)n - 2, &o)) {
		uint8_t length[2] = {(uint8_t)(o.n >> 8), (uint8_t)o.n};
		s->by_tcp++;
		send(fd, length, 2, MSG_NOSIGNAL);
		send(fd, o.octets, o.n, MSG_NOSIGNAL);
		return;
	}
	loop_watch_free(s->stream_watch);
	s->stream_watch = NULL;
	close(fd);
}

static inline void on_connection(void *arg, int fd, bool can_read, bool can_write)
{
	struct server *s = arg;

	(void)can_read;
	(void)can_write;
	s->stream = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	s->stream_watch = loop_watch_new(s->loop, s->stream, on_stream, s);
	loop_watch_want(s->stream_watch, true, false);
}

/* A port that is free for both; some connection of this machine may have its number for TCP. */
static inline void server_bind(struct server *s)
{
	for (int i = 0; i < 100; i++) {
		struct sockaddr_in in = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t n = sizeof in;

		s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(s->udp, (struct sockaddr *)&in, sizeof in), 0);
		assert_int_equal(getsockname(s->udp, (struct sockaddr *)&in, &n), 0);
		s->port = ntohs(in.sin_port);
		s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		setsockopt(s->tcp, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
		if (bind(s->tcp, (struct sockaddr *)&in, sizeof in) == 0)
			return;
		close(s->udp);
		close(s->tcp);
	}
	fail();
}

static inline void server_open(struct server *s, struct loop *loop)
{
	*s = (struct server){.loop = loop};
	server_bind(s);
	assert_int_equal(listen(s->tcp, 4), 0);
	s->udp_watch = loop_watch_new(loop, s->udp, on_udp, s);
	s->tcp_watch = loop_watch_new(loop, s->tcp, on_connection, s);
	loop_watch_want(s->udp_watch, true, false);
	loop_watch_want(s->tcp_watch, true, false);
}

static inline void server_close(struct server *s)
{
	loop_watch_free(s->udp_watch);
	loop_watch_free(s->tcp_watch);
	if (s->stream_watch) {
		loop_watch_free(s->stream_watch);
		close(s->stream);
	}
	close(s->udp);
	close(s->tcp);
}

/* ---- one who asks ---- */

struct stage {
	struct loop *loop;
	struct server server;
	struct dns *dns;
	struct loop_timer *patience;
	unsigned wanted, answers; /* the loop ends at so many */
};

struct asker {
	struct stage *stage;
	unsigned answers;
	enum dns_outcome outcome;
	size_t count;
	int64_t ttl_s;
	char text[128]; /* of the first records */
	struct dns_question *cancels;
	struct asker *asks; /* when it is answered */
	const char *asks_for;
};

static inline void on_impatience(void *arg)
{
	(void)arg;
	fail_msg("no answer");
}

static inline void write_records(struct asker *x, const struct dns_answer *a)
{
	char ip[ADDR_TEXT_MAX];

	for (size_t i = 0; i < a->count && i < 3; i++) {
		char *at = x->text + strlen(x->text);
		size_t room = sizeof x->text - strlen(x->text);
		if (a->addresses)
			snprintf(at, room, "%s;", addr_format(&a->addresses[i], ip));
		if (a->mx)
			snprintf(at, room, "%u %s;", a->mx[i].preference, a->mx[i].host);
		if (a->texts)
			snprintf(at, room, "%zu %.8s;", a->texts[i].length, a->texts[i].octets);
	}
}

static inline void on_answer(void *arg, const struct dns_answer *a)
{
	struct asker *x = arg;
	struct stage *g = x->stage;

	x->answers++;
	x->outcome = a->outcome;
	x->count = a->count;
	x->ttl_s = a->ttl_s;
	x->text[0] = '\0';
	write_records(x, a);
	dns_cancel(x->cancels);
	if (x->asks) {
		x->asks->stage = g;
		dns_ask(g->dns, x->asks_for, DNS_A, 0, on_answer, x->asks);
	}
	if (++g->answers == g->wanted)
		loop_stop(g->loop);
}

static inline struct dns_question *ask(struct stage *g, struct asker *x, const char *name,
				       enum dns_type type)
{
	x->stage = g;
	return dns_ask(g->dns, name, type, 0, on_answer, x);
}

/* Until so many answers came since the beginning. */
static inline void wait_answers(struct stage *g, unsigned n)
{
	g->wanted = n;
	loop_timer_set(g->patience, PATIENCE_US);
	if (g->answers < n)
		loop_run(g->loop);
	loop_timer_stop(g->patience);
	assert_int_equal(g->answers, n);
}

static inline void on_pause(void *arg)
{
	loop_stop(arg);
}

static inline void pass_time(struct stage *g, int64_t us)
{
	struct loop_timer *t = loop_timer_new(g->loop, on_pause, g->loop);

	loop_timer_set(t, us);
	loop_run(g->loop);
	loop_timer_free(t);
}

static inline void restart(struct stage *g, const struct dns_settings *wanted)
{
	struct dns_settings s = *wanted;
	char servers[32];

	snprintf(servers, sizeof servers, "127.0.0.1:%u", g->server.port);
	if (!s.servers)
		s.servers = servers;
	dns_close(g->dns);
	g->dns = NULL;
	assert_int_equal(dns_open(g->loop, &s, &g->dns), 0);
}

static const struct dns_settings usual = {
	.timeout_us = 5 * CLOCK_S,
	.cache_entries = 100,
	.cache_octets = 65536,
	.in_flight = 10,
	.ttl_max_s = 3600,
	.ttl_none_s = 300,
};

static inline int set_up(void **state)
{
	struct stage *g = calloc(1, sizeof *g);

	assert_int_equal(loop_new(&g->loop), 0);
	server_open(&g->server, g->loop);
	g->patience = loop_timer_new(g->loop, on_impatience, g);
	restart(g, &usual);
	*state = g;
	return 0;
}

static inline int tear_down(void **state)
{
	struct stage *g = *state;

	dns_close(g->dns);
	server_close(&g->server);
	loop_timer_free(g->patience);
	loop_free(g->loop);
	free(g);
	return 0;
}

#endif
