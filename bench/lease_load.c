/* lease_load -- lease events as fast as a server takes them, each answer checked
 *
 * lease_load radius HOST PORT SECRET SUBSCRIBERS SECONDS IN_FLIGHT [RATE]
 *	Accounting-Requests (Start) over four sockets; an answer counts only if its authenticator is
 *	right; what is not answered in 5 s is sent again, as it was. With a RATE (a second) each is
 *	sent when it is due, and its time runs from then.
 * lease_load rest HOST PORT KEY SUBSCRIBERS SECONDS IN_FLIGHT BATCH
 *	POST /v1/lease-events over IN_FLIGHT kept connections, BATCH events each (1: an object, not
 *an array); an answer counts only if it is 200 and accepts all.
 *
 * Each event is a Start of a random subscriber (81 and ten digits) at a random address of
 * 10.0.0.0/8, as bare_store's. No event time is said: the server's clock orders. One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/wire/radius/radius.h"

#define SOCKETS      4
#define AGAIN_US     (5 * CLOCK_S)
#define ANSWER_MAX   (1 << 20)
#define LATENCY_MAX  (1 << 22)
#define EVENT_OCTETS 160

struct load {
	struct sockaddr_in to;
	const char *secret;
	int64_t subscribers, until_us, serial;
	uint64_t seed;
	int64_t events, again;
	double rate; /* 0: as fast as they are answered */
	int64_t begun_us, offered;
	uint32_t *latency_us; /* of the answers */
	size_t answers;
};

static void die(const char *what)
{
	fprintf(stderr, "lease_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t any(struct load *l)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	return 1 + (int64_t)(l->seed % (uint64_t)l->subscribers);
}

/* The next one may go; when it was due. 0: not yet. */
static int64_t due(struct load *l)
{
	int64_t now_us = clock_mono_us(), at_us = now_us;

	if (l->rate > 0)
		at_us = l->begun_us + (int64_t)((double)l->offered * 1e6 / l->rate);
	if (at_us > now_us || now_us >= l->until_us)
		return 0;
	l->offered++;
	return at_us;
}

static void answered(struct load *l, int64_t sent_us)
{
	if (l->answers < LATENCY_MAX)
		l->latency_us[l->answers++] = (uint32_t)(clock_mono_us() - sent_us);
}

/* ---- RADIUS ---- */

struct request {
	struct radius_builder packet;
	int64_t sent_us; /* 0: free */
	int64_t first_us;
};

struct nas {
	int fd;
	uint8_t next_id;
	size_t in_flight;
	struct request requests[256];
};

static void build(struct load *l, struct radius_builder *b, uint8_t id)
{
	char number[32], session[32];
	uint32_t address = (uint32_t)(0x0a000000 + any(l));
	uint8_t octets[4] = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
			     (uint8_t)(address >> 8), (uint8_t)address};

	snprintf(number, sizeof number, "81%010lld", (long long)any(l));
	snprintf(session, sizeof session, "%016llx", (unsigned long long)++l->serial);
	radius_begin(b, RADIUS_ACCOUNTING_REQUEST, id);
	radius_put_u32(b, RADIUS_ACCT_STATUS_TYPE, RADIUS_START);
	radius_put_text(b, RADIUS_ACCT_SESSION_ID, session);
	radius_put(b, RADIUS_FRAMED_IP_ADDRESS, octets, 4);
	radius_put_text(b, RADIUS_CALLING_STATION_ID, number);
	radius_put_text(b, 1, number); /* User-Name */
	radius_put_text(b, RADIUS_NAS_IDENTIFIER, "bench");
	radius_put(b, RADIUS_NAS_IP_ADDRESS, (const uint8_t[]){127, 0, 0, 1}, 4);
	if (radius_finish_request(b, l->secret, strlen(l->secret)))
		die("building a packet");
}

static void send_request(struct nas *n, struct request *r)
{
	r->sent_us = clock_mono_us();
	if (send(n->fd, r->packet.octets, r->packet.length, 0) < 0 && errno != ECONNREFUSED)
		die("send");
}

static void fill_up(struct load *l, struct nas *n, size_t in_flight)
{
	while (n->in_flight < in_flight) {
		struct request *r = &n->requests[n->next_id];
		if (r->sent_us) { /* an old one that waits for its repeat */
			n->next_id++;
			continue;
		}
		int64_t due_us = due(l);
		if (!due_us)
			return;
		build(l, &r->packet, n->next_id++);
		n->in_flight++;
		send_request(n, r);
		r->first_us = due_us;
	}
}

static void take_answers(struct load *l, struct nas *n)
{
	uint8_t octets[RADIUS_PACKET_MAX];
	ssize_t got;

	while ((got = recv(n->fd, octets, sizeof octets, MSG_DONTWAIT)) > 0) {
		struct radius_packet p;
		if (radius_parse(octets, (size_t)got, &p) != RADIUS_GOOD)
			die("an answer that is no RADIUS");
		struct request *r = &n->requests[p.id];
		if (!r->sent_us)
			continue; /* the second answer to a repeat */
		if (p.code != RADIUS_ACCOUNTING_RESPONSE ||
		    radius_response_verify(&p, r->packet.octets + 4, l->secret, strlen(l->secret)))
			die("a wrong answer");
		answered(l, r->first_us);
		l->events++;
		r->sent_us = 0;
		n->in_flight--;
	}
}

static void repeat_old(struct load *l, struct nas *n)
{
	int64_t now_us = clock_mono_us();

	for (int id = 0; id < 256; id++) {
		struct request *r = &n->requests[id];
		if (r->sent_us && now_us - r->sent_us > AGAIN_US) {
			l->again++;
			send_request(n, r);
		}
	}
}

static void radius(struct load *l, size_t in_flight)
{
	static struct nas nases[SOCKETS];
	struct pollfd polls[SOCKETS];
	size_t open = 0;

	for (int i = 0; i < SOCKETS; i++) {
		nases[i].fd = socket(AF_INET, SOCK_DGRAM, 0);
		if (nases[i].fd < 0 ||
		    connect(nases[i].fd, (struct sockaddr *)&l->to, sizeof l->to))
			die("socket");
		polls[i] = (struct pollfd){.fd = nases[i].fd, .events = POLLIN};
	}
	do {
		open = 0;
		for (int i = 0; i < SOCKETS; i++) {
			fill_up(l, &nases[i], in_flight / SOCKETS);
			open += nases[i].in_flight;
		}
		if (poll(polls, SOCKETS, l->rate > 0 ? 1 : 100) < 0)
			die("poll");
		for (int i = 0; i < SOCKETS; i++) {
			take_answers(l, &nases[i]);
			repeat_old(l, &nases[i]);
		}
	} while ((open || clock_mono_us() < l->until_us) &&
		 clock_mono_us() < l->until_us + 20 * CLOCK_S);
	if (open)
		die("no answer for 20 s");
}

/* ---- REST ---- */

struct caller {
	int fd;
	bool busy;
	int64_t sent_us;
	size_t got;
	char *answer;
};

static void put_event(struct load *l, char *out)
{
	int64_t a = 0x0a000000 + any(l);

	snprintf(out, EVENT_OCTETS,
		 "{\"event\":\"start\",\"ip\":\"%d.%d.%d.%d\",\"msisdn\":\"81%010lld\",\"session_"
		 "id\":\"%016llx\",\"nas_id\":\"bench\"}",
		 (int)(a >> 24 & 255), (int)(a >> 16 & 255), (int)(a >> 8 & 255), (int)(a & 255),
		 (long long)any(l), (unsigned long long)++l->serial);
}

static void post(struct load *l, struct caller *c, const char *key, int64_t batch)
{
	char *body = malloc((size_t)batch * (EVENT_OCTETS + 1) + 256), *at;
	char head[256];

	if (!body)
		die("memory");
	at = body + 256;
	if (batch > 1)
		*at++ = '[';
	for (int64_t i = 0; i < batch; i++) {
		put_event(l, at);
		at += strlen(at);
		*at++ = ',';
	}
	if (batch > 1)
		at[-1] = ']';
	else
		at--;
	int n = snprintf(
		head, sizeof head,
		"POST /v1/lease-events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
		"%s\r\nContent-Type: application/json\r\nContent-Length: %td\r\n\r\n",
		key, at - (body + 256));
	memcpy(body + 256 - n, head, (size_t)n);
	c->sent_us = clock_mono_us();
	for (char *from = body + 256 - n; from < at;) {
		ssize_t sent = send(c->fd, from, (size_t)(at - from), 0);
		if (sent < 0)
			die("send");
		from += sent;
	}
	c->busy = true;
	c->got = 0;
	free(body);
}

/* Is the answer whole? It must be 200 and accept all. */
static bool whole(const struct caller *c, int64_t batch)
{
	const char *end = strstr(c->answer, "\r\n\r\n"), *length, *accepted;

	if (!end)
		return false;
	length = strcasestr(c->answer, "\r\nContent-Length:");
	if (!length)
		die("an answer without a length");
	if (c->got < (size_t)(end + 4 - c->answer) + strtoul(length + 17, NULL, 10))
		return false;
	accepted = strstr(end, "\"accepted\":");
	if (strncmp(c->answer, "HTTP/1.1 200", 12) != 0 || !accepted ||
	    strtoll(accepted + 11, NULL, 10) != batch) {
		fprintf(stderr, "lease_load: %.300s\n", c->answer);
		exit(1);
	}
	return true;
}

static void take_answer(struct load *l, struct caller *c, int64_t batch)
{
	ssize_t got = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0)
		die("an answer");
	c->got += (size_t)got;
	c->answer[c->got] = '\0';
	if (!whole(c, batch))
		return;
	answered(l, c->sent_us);
	l->events += batch;
	c->busy = false;
}

static void rest(struct load *l, size_t in_flight, int64_t batch)
{
	struct caller *callers = calloc(in_flight, sizeof *callers);
	struct pollfd *polls = calloc(in_flight, sizeof *polls);
	size_t open;

	if (!callers || !polls)
		die("memory");
	for (size_t i = 0; i < in_flight; i++) {
		struct caller *c = &callers[i];
		c->fd = socket(AF_INET, SOCK_STREAM, 0);
		c->answer = malloc(ANSWER_MAX);
		if (c->fd < 0 || !c->answer ||
		    connect(c->fd, (struct sockaddr *)&l->to, sizeof l->to))
			die("connect");
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		polls[i] = (struct pollfd){.fd = c->fd, .events = POLLIN};
	}
	do {
		open = 0;
		for (size_t i = 0; i < in_flight; i++) {
			if (!callers[i].busy && clock_mono_us() < l->until_us)
				post(l, &callers[i], l->secret, batch);
			open += callers[i].busy;
		}
		if (open && poll(polls, in_flight, 1000) < 0)
			die("poll");
		for (size_t i = 0; i < in_flight; i++) {
			if (polls[i].revents && callers[i].busy)
				take_answer(l, &callers[i], batch);
		}
	} while (open);
	for (size_t i = 0; i < in_flight; i++) {
		close(callers[i].fd);
		free(callers[i].answer);
	}
	free(callers);
	free(polls);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	struct load l = {.to = {.sin_family = AF_INET}, .seed = (uint64_t)clock_now_us() | 1};

	if (argc < 8 || inet_pton(AF_INET, argv[2], &l.to.sin_addr) != 1) {
		fprintf(stderr, "usage: lease_load radius HOST PORT SECRET SUBSCRIBERS SECONDS "
				"IN_FLIGHT [RATE] | rest HOST PORT KEY SUBSCRIBERS SECONDS "
				"IN_FLIGHT BATCH\n");
		return 2;
	}
	l.to.sin_port = htons((uint16_t)atoi(argv[3]));
	l.secret = argv[4];
	l.subscribers = atoll(argv[5]);
	l.serial = clock_now_us();
	l.latency_us = calloc(LATENCY_MAX, sizeof *l.latency_us);
	int64_t begun_us = clock_mono_us();
	l.until_us = begun_us + (int64_t)(atof(argv[6]) * 1e6);
	l.begun_us = begun_us;
	l.rate = argc > 8 && strcmp(argv[1], "radius") == 0 ? atof(argv[8]) : 0;
	if (strcmp(argv[1], "radius") == 0)
		radius(&l, (size_t)atoll(argv[7]));
	else
		rest(&l, (size_t)atoll(argv[7]), argc > 8 ? atoll(argv[8]) : 1);
	double took_s = (double)(clock_mono_us() - begun_us) / 1e6;
	qsort(l.latency_us, l.answers, sizeof *l.latency_us, by_value);
	printf("{\"events\":%lld,\"seconds\":%.2f,\"per_second\":%.0f,\"sent_again\":%lld,\"p50_"
	       "ms\":%."
	       "2f,\"p99_ms\":%.2f}\n",
	       (long long)l.events, took_s, (double)l.events / took_s, (long long)l.again,
	       l.answers ? l.latency_us[l.answers / 2] / 1e3 : 0,
	       l.answers ? l.latency_us[l.answers * 99 / 100] / 1e3 : 0);
	free(l.latency_us);
	return 0;
}
