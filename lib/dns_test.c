/* Questions to a name server that is a few functions on the same loop. What it does with a question
 * stands in the first label of the name: see `kinds`. */
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

static void put(struct out *o, const void *data, size_t n)
{
	memcpy(o->octets + o->n, data, n);
	o->n += n;
}

/* Answers by name of the question's name. */
static void put_record(struct out *o, unsigned type, unsigned ttl_s, const void *data, size_t n)
{
	put(o, "\300\14", 2);
	put(o,
	    (uint8_t[]){0, (uint8_t)type, 0, 1, 0, (uint8_t)(ttl_s >> 16), (uint8_t)(ttl_s >> 8),
			(uint8_t)ttl_s, (uint8_t)(n >> 8), (uint8_t)n},
	    10);
	put(o, data, n);
	o->octets[7]++;
}

static void say_address(struct out *o)
{
	put_record(o, 1, 60, "\300\0\2\1", 4);
}

static void say_brief(struct out *o)
{
	put_record(o, 1, 0, "\300\0\2\1", 4);
}

static void say_long(struct out *o)
{
	put_record(o, 1, 0xffffff, "\300\0\2\1", 4);
}

static void say_mx(struct out *o)
{
	put_record(o, 15, 60, "\0\24\1b\0", 5);
	put_record(o, 15, 60, "\0\12\1a\0", 5);
	put_record(o, 15, 60, "\0\24\1c\0", 5);
}

static void say_text(struct out *o)
{
	put_record(o, 16, 60, "\3v=s\3pf1", 8);
}

static void put_soa(struct out *o)
{
	put_record(o, 6, 60, "\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\24", 22);
	o->octets[7]--;
	o->octets[9]++;
}

static void say_nobody(struct out *o)
{
	o->octets[3] |= 3;
	put_soa(o);
}

static void say_nothing_here(struct out *o)
{
	put_soa(o);
}

static void say_servfail(struct out *o)
{
	o->octets[3] |= 2;
}

static void say_loop(struct out *o)
{
	put_record(o, 5, 60, "\300\14", 2);
}

static void say_garbage(struct out *o)
{
	put_record(o, 1, 60, "\300\0", 2);
}

/* More than a UDP answer may have. */
static void say_much(struct out *o)
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

static bool is_about(const uint8_t *question, const char *label)
{
	return question[12] == strlen(label) && !memcmp(question + 13, label, strlen(label));
}

/* False: the question was of none of the kinds. */
static bool answer(const uint8_t *question, size_t n, struct out *o)
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

static void send_to(struct server *s, const struct out *o, const struct sockaddr_in *to)
{
	sendto(s->udp, o->octets, o->n, 0, (const struct sockaddr *)to, sizeof *to);
}

static void on_udp(void *arg, int fd, bool can_read, bool can_write)
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

static void say_held(struct server *s)
{
	struct out o;

	assert_true(s->held_n > 0);
	assert_true(answer(s->held, s->held_n, &o));
	send_to(s, &o, &s->held_from);
}

static void on_stream(void *arg, int fd, bool can_read, bool can_write)
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

static void on_connection(void *arg, int fd, bool can_read, bool can_write)
{
	struct server *s = arg;

	(void)can_read;
	(void)can_write;
	s->stream = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	s->stream_watch = loop_watch_new(s->loop, s->stream, on_stream, s);
	loop_watch_want(s->stream_watch, true, false);
}

static void server_open(struct server *s, struct loop *loop)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof in;

	*s = (struct server){.loop = loop};
	s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->udp, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(getsockname(s->udp, (struct sockaddr *)&in, &n), 0);
	s->port = ntohs(in.sin_port);
	s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s->tcp, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	assert_int_equal(bind(s->tcp, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(s->tcp, 4), 0);
	s->udp_watch = loop_watch_new(loop, s->udp, on_udp, s);
	s->tcp_watch = loop_watch_new(loop, s->tcp, on_connection, s);
	loop_watch_want(s->udp_watch, true, false);
	loop_watch_want(s->tcp_watch, true, false);
}

static void server_close(struct server *s)
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

static void on_impatience(void *arg)
{
	(void)arg;
	fail_msg("no answer");
}

static void write_records(struct asker *x, const struct dns_answer *a)
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

static void on_answer(void *arg, const struct dns_answer *a)
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

static struct dns_question *ask(struct stage *g, struct asker *x, const char *name,
				enum dns_type type)
{
	x->stage = g;
	return dns_ask(g->dns, name, type, 0, on_answer, x);
}

/* Until so many answers came since the beginning. */
static void wait_answers(struct stage *g, unsigned n)
{
	g->wanted = n;
	loop_timer_set(g->patience, PATIENCE_US);
	if (g->answers < n)
		loop_run(g->loop);
	loop_timer_stop(g->patience);
	assert_int_equal(g->answers, n);
}

static void on_pause(void *arg)
{
	loop_stop(arg);
}

static void pass_time(struct stage *g, int64_t us)
{
	struct loop_timer *t = loop_timer_new(g->loop, on_pause, g->loop);

	loop_timer_set(t, us);
	loop_run(g->loop);
	loop_timer_free(t);
}

static void restart(struct stage *g, const struct dns_settings *wanted)
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

static int set_up(void **state)
{
	struct stage *g = calloc(1, sizeof *g);

	assert_int_equal(loop_new(&g->loop), 0);
	server_open(&g->server, g->loop);
	g->patience = loop_timer_new(g->loop, on_impatience, g);
	restart(g, &usual);
	*state = g;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *g = *state;

	dns_close(g->dns);
	server_close(&g->server);
	loop_timer_free(g->patience);
	loop_free(g->loop);
	free(g);
	return 0;
}

/* ---- tests ---- */

static void what_is_known_is_not_asked_again(void **state)
{
	struct stage *g = *state;
	struct asker a = {0}, b = {0};

	assert_non_null(ask(g, &a, "Found.example", DNS_A));
	wait_answers(g, 1);
	assert_int_equal(a.outcome, DNS_FOUND);
	assert_string_equal(a.text, "192.0.2.1;");
	assert_int_equal(a.ttl_s, 60);
	assert_null(ask(g, &b, "found.EXAMPLE.", DNS_A));
	assert_int_equal(b.outcome, DNS_FOUND);
	assert_string_equal(b.text, "192.0.2.1;");
	assert_in_range(b.ttl_s, 50, 60);
	assert_int_equal(g->server.asked, 1);
	assert_non_null(ask(g, &b, "found.example", DNS_MX)); /* another question */
	wait_answers(g, 3);
	assert_int_equal(g->server.asked, 2);
}

static void records_come_in_order(void **state)
{
	struct stage *g = *state;
	struct asker a = {0}, b = {0};

	ask(g, &a, "mx.example", DNS_MX);
	ask(g, &b, "text.example", DNS_TXT);
	wait_answers(g, 2);
	assert_string_equal(a.text, "10 a;20 b;20 c;");
	assert_string_equal(b.text, "6 v=spf1;");
}

static void absence_and_failure_are_told_apart(void **state)
{
	static const struct {
		const char *name;
		enum dns_outcome outcome;
		unsigned more; /* questions when it is asked again */
	} cases[] = {
		{"nobody.example", DNS_NO_NAME, 0},
		{"nothing.example", DNS_NO_DATA, 0},
		{"fail.example", DNS_TEMPORARY, 0},
		{"loop.example", DNS_TEMPORARY, 0},
		{"garbage.example", DNS_TEMPORARY, 0},
		{"brief.example", DNS_FOUND, 1},
		{"a..b", DNS_NO_NAME, 0},
	};
	struct stage *g = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct asker a = {0}, b = {0};
		ask(g, &a, cases[i].name, DNS_A);
		wait_answers(g, (unsigned)(2 * i + 1));
		unsigned before = g->server.asked;
		ask(g, &b, cases[i].name, DNS_A);
		wait_answers(g, (unsigned)(2 * i + 2));
		assert_int_equal(a.outcome, cases[i].outcome);
		assert_int_equal(b.outcome, cases[i].outcome);
		assert_int_equal(g->server.asked - before, cases[i].more);
	}
}

static void times_to_live_are_clamped(void **state)
{
	struct stage *g = *state;
	struct asker a = {0}, b = {0};
	struct dns_settings s = usual;

	s.ttl_max_s = 7;
	s.ttl_none_s = 3;
	restart(g, &s);
	ask(g, &a, "long.example", DNS_A);
	ask(g, &b, "nobody.example", DNS_A);
	wait_answers(g, 2);
	assert_int_equal(a.ttl_s, 7);
	assert_int_equal(b.ttl_s, 3);
}

static void equal_questions_go_once(void **state)
{
	struct stage *g = *state;
	struct asker x[3] = {{0}};

	assert_non_null(ask(g, &x[0], "found.example", DNS_A));
	struct dns_question *q = ask(g, &x[1], "FOUND.example", DNS_A);
	assert_non_null(ask(g, &x[2], "found.example.", DNS_A));
	dns_cancel(q);
	wait_answers(g, 2);
	assert_int_equal(x[0].answers + 2 * x[1].answers + 4 * x[2].answers, 5);
	assert_int_equal(g->server.asked, 1);
}

static void an_answer_may_ask_and_cancel(void **state)
{
	struct stage *g = *state;
	struct asker x[4] = {{0}};

	x[0].asks = &x[2]; /* in the cache by then: answered inside the answer */
	x[0].asks_for = "found.example";
	x[2].asks = &x[3];
	x[2].asks_for = "nobody.example";
	ask(g, &x[0], "found.example", DNS_A);
	x[0].cancels = ask(g, &x[1], "found.example", DNS_A);
	wait_answers(g, 3);
	assert_int_equal(x[1].answers, 0);
	assert_int_equal(x[3].outcome, DNS_NO_NAME);
}

static void nobody_waits_past_his_deadline(void **state)
{
	struct stage *g = *state;
	struct asker a = {.stage = g}, b = {0};
	int64_t began_us = clock_mono_us();

	dns_ask(g->dns, "held.example", DNS_A, began_us + 20000, on_answer, &a);
	wait_answers(g, 1);
	assert_int_equal(a.outcome, DNS_TEMPORARY);
	assert_in_range(clock_mono_us() - began_us, 15000, 2000000);
	ask(g, &b, "held.example", DNS_A); /* it is still on its way */
	say_held(&g->server);
	wait_answers(g, 2);
	assert_int_equal(b.outcome, DNS_FOUND);
	assert_int_equal(g->server.asked, 1);
	dns_ask(g->dns, "found.example", DNS_A, 1, on_answer, &a);
	assert_int_equal(a.outcome, DNS_TEMPORARY);
	assert_int_equal(g->server.asked, 1);
}

static void questions_in_flight_are_bounded(void **state)
{
	struct stage *g = *state;
	struct asker x[10] = {{0}}, late = {0};
	char name[32];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "found.n%d", i);
		assert_non_null(ask(g, &x[i], name, DNS_A));
	}
	assert_false(dns_is_up(g->dns));
	assert_null(ask(g, &late, "found.n10", DNS_A));
	assert_int_equal(late.outcome, DNS_TEMPORARY);
	wait_answers(g, 11);
	assert_true(dns_is_up(g->dns));
	assert_non_null(ask(g, &late, "found.n10", DNS_A));
	wait_answers(g, 12);
	assert_int_equal(late.outcome, DNS_FOUND);
}

static void long_answers_come_by_tcp(void **state)
{
	struct stage *g = *state;
	struct asker a = {0};

	ask(g, &a, "much.example", DNS_TXT);
	wait_answers(g, 1);
	assert_int_equal(a.count, 4);
	assert_string_equal(a.text, "255 xxxxxxxx;255 xxxxxxxx;255 xxxxxxxx;");
	assert_int_equal(g->server.by_tcp, 1);
}

static void a_wrong_id_is_nobody(void **state)
{
	struct stage *g = *state;
	struct asker a = {0};

	ask(g, &a, "wrong.example", DNS_A);
	wait_answers(g, 1);
	assert_int_equal(a.outcome, DNS_FOUND);
}

static void silence_is_not_waited_for(void **state)
{
	struct stage *g = *state;
	struct asker x[5] = {{0}}, a = {0};
	struct dns_settings s = usual;
	char name[32];

	s.timeout_us = 70000;
	restart(g, &s);
	g->server.is_dead = true;
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "found.n%d", i);
		ask(g, &x[i], name, DNS_A);
	}
	wait_answers(g, 5);
	while (dns_is_up(g->dns)) /* c-ares's own clock is a little behind ours */
		pass_time(g, 5000);
	unsigned before = g->server.asked;
	for (unsigned i = 0; i < 100; i++) {
		assert_null(ask(g, &a, "found.example", DNS_A));
		assert_int_equal(a.outcome, DNS_TEMPORARY);
	}
	assert_int_equal(g->server.asked, before);
	g->server.is_dead = false;
	while (!dns_is_up(g->dns))
		pass_time(g, 50000);
	ask(g, &x[0], "found.example", DNS_A);
	assert_null(ask(g, &a, "found.n1", DNS_A)); /* one to find out */
	wait_answers(g, 107);
	assert_int_equal(x[0].outcome, DNS_FOUND);
	assert_non_null(ask(g, &a, "found.n1", DNS_A));
	wait_answers(g, 108);
	assert_int_equal(a.outcome, DNS_FOUND);
}

static void no_dns_is_temporary(void **state)
{
	struct stage *g = *state;
	struct asker a = {0};
	struct dns_settings s = usual;

	s.servers = "none";
	restart(g, &s);
	assert_false(dns_is_up(g->dns));
	assert_null(ask(g, &a, "found.example", DNS_A));
	assert_int_equal(a.outcome, DNS_TEMPORARY);
	s.servers = "";
	restart(g, &s); /* the system's: nobody is asked */
	assert_true(dns_is_up(g->dns));
}

static void servers_are_listed(void **state)
{
	static const struct {
		const char *text;
		int err;
		size_t count;
		uint16_t last_port;
	} cases[] = {
		{"", 0, 0, 0},
		{"127.0.0.1", 0, 1, 53},
		{"127.0.0.1:53, [::1]:5353 ::1,[2001:db8::1]:99", 0, 4, 99},
		{"127.0.0.1:0", E_SYNTAX, 0, 0},
		{"127.0.0.1:65536", E_SYNTAX, 0, 0},
		{"127.0.0.1:", E_SYNTAX, 0, 0},
		{"[::1", E_SYNTAX, 0, 0},
		{"[::1]53", E_SYNTAX, 0, 0},
		{"dns.example", E_SYNTAX, 0, 0},
		{"none", E_SYNTAX, 0, 0},
		{"::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1", E_TOO_LARGE, 0, 0},
	};
	struct dns_server servers[DNS_SERVERS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = 0;
		assert_int_equal(dns_servers_parse(cases[i].text, servers, DNS_SERVERS_MAX, &n),
				 cases[i].err);
		assert_int_equal(n, cases[i].count);
		if (n)
			assert_int_equal(servers[n - 1].port, cases[i].last_port);
	}
}

static void whoever_asks_at_the_end_is_not_told(void **state)
{
	struct stage *g = *state;
	struct asker x[3] = {{0}};

	ask(g, &x[0], "held.example", DNS_A);
	ask(g, &x[1], "held.example", DNS_A);
	ask(g, &x[2], "found.example", DNS_A);
	restart(g, &usual);
	assert_int_equal(g->answers, 0);
}

static void the_cache_is_bounded(void **state)
{
	struct dns_cache *c;
	char name[32];

	(void)state;
	assert_int_equal(dns_cache_new(10, 1000000, &c), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d", i);
		struct dns_known *k = dns_known_new(name, DNS_A, NULL, 0);
		k->expires_us = 1000;
		dns_cache_put(c, k);
		dns_known_unref(k);
		if (i >= 5)
			assert_non_null(dns_cache_find(c, "n5", DNS_A, 999)); /* in use: stays */
	}
	assert_int_equal(dns_cache_count(c), 10);
	assert_non_null(dns_cache_find(c, "n99", DNS_A, 999));
	assert_null(dns_cache_find(c, "n90", DNS_A, 999));
	assert_null(dns_cache_find(c, "n99", DNS_MX, 999));
	assert_null(dns_cache_find(c, "n99", DNS_A, 1000));
	assert_int_equal(dns_cache_count(c), 9);
	dns_cache_free(c);

	assert_int_equal(dns_cache_new(1000, 1000, &c), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d", i);
		struct dns_known *k = dns_known_new(name, DNS_A, NULL, 0);
		k->expires_us = 1000;
		dns_cache_put(c, k);
		dns_known_unref(k);
		assert_true(dns_cache_octets(c) <= 1000);
	}
	assert_true(dns_cache_count(c) > 1);
	dns_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_known_is_not_asked_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(records_come_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(absence_and_failure_are_told_apart, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(times_to_live_are_clamped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(equal_questions_go_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_may_ask_and_cancel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_waits_past_his_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(questions_in_flight_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_answers_come_by_tcp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_id_is_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silence_is_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_dns_is_temporary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_asks_at_the_end_is_not_told, set_up,
						tear_down),
		cmocka_unit_test(servers_are_listed),
		cmocka_unit_test(the_cache_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
