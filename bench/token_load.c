/* token_load -- phones that ask for tokens, each from its own address, a connection a request
 *
 * token_load hello   PORT PHONES SECONDS IN_FLIGHT         GET /, for the limit
 * token_load first   PORT PHONES SECONDS IN_FLIGHT TOKENS  POST /v1/token; the tokens go into the
 *	file TOKENS. Each phone asks once: a second one would find its binding confirmed already.
 * token_load refresh PORT PHONES SECONDS IN_FLIGHT TOKENS  POST /v1/token/refresh with those tokens
 *
 * Phone n (from 1) sits on 127.16.0.0 + n and has IMSI 44010 and ten digits. An answer counts only
 *if it is 200 or 201 and carries a token of 40 characters (hello: the page). With a RATE (a second)
 *each is asked for when it is due, and its time runs from then; a 503 is counted as refused
 *(RATE 0: as fast as they are answered). PHONE asks first. One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

#define TOKEN_CHARS 40
#define ANSWER_MAX  8192
#define HEAD        "Host: 127.0.0.1\r\nConnection: close\r\n"

enum mode { HELLO, FIRST, REFRESH };

struct call {
	int fd;
	int64_t phone, sent_us; /* phone 0: nobody's */
	bool sent;
	size_t got;
	char answer[ANSWER_MAX];
};

struct load {
	enum mode mode;
	uint16_t port;
	int64_t phones, next_phone, until_us, done;
	double rate; /* 0: as fast as they are answered */
	int64_t begun_us, offered, refused;
	size_t open;
	char (*tokens)[TOKEN_CHARS + 1]; /* by phone; "" : it has none */
	int64_t *latency_us;
	int epoll;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "token_load: %s: %s\n", what, detail ? detail : strerror(errno));
	exit(1);
}

/* The next phone that can ask; 0: there is none. */
static int64_t pick(struct load *l)
{
	for (int64_t tried = 0; tried < l->phones; tried++) {
		if (l->next_phone == l->phones) {
			if (l->mode == FIRST)
				return 0;
			l->next_phone = 0;
		}
		int64_t phone = ++l->next_phone;
		if (l->mode != REFRESH || l->tokens[phone][0])
			return phone;
	}
	return 0;
}

/* The next one may be asked for; when it was due. 0: not yet, or no more. */
static int64_t due(const struct load *l)
{
	int64_t now_us = clock_mono_us(), at_us = now_us;

	if (l->rate > 0)
		at_us = l->begun_us + (int64_t)((double)l->offered * 1e6 / l->rate);
	return at_us > now_us || now_us >= l->until_us ? 0 : at_us;
}

static bool dial(struct load *l, struct call *c, int64_t due_us)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(l->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	c->phone = pick(l);
	if (!c->phone)
		return false;
	from.sin_addr.s_addr = htonl((uint32_t)(0x7f100000 + c->phone));
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		die("socket", NULL);
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	if (bind(c->fd, (struct sockaddr *)&from, sizeof from))
		die("bind", NULL);
	if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
		die("connect", NULL);
	c->sent = false;
	c->got = 0;
	c->sent_us = due_us;
	l->offered++;
	struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e))
		die("epoll", NULL);
	l->open++;
	return true;
}

static void ask(struct load *l, struct call *c)
{
	char request[512];
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	if (l->mode == HELLO)
		snprintf(request, sizeof request, "GET / HTTP/1.1\r\n" HEAD "\r\n");
	else if (l->mode == FIRST)
		snprintf(request, sizeof request,
			 "POST /v1/token HTTP/1.1\r\n" HEAD "Content-Type: application/json\r\n"
			 "Content-Length: 26\r\n\r\n{\"imsi\":\"44010%010lld\"}",
			 (long long)c->phone);
	else
		snprintf(request, sizeof request,
			 "POST /v1/token/refresh HTTP/1.1\r\n" HEAD
			 "Authorization: Bearer %s\r\nContent-Length: 0\r\n\r\n",
			 l->tokens[c->phone]);
	if (send(c->fd, request, strlen(request), 0) != (ssize_t)strlen(request))
		die("send", NULL);
	c->sent = true;
	if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, c->fd, &e))
		die("epoll", NULL);
}

static void judge(struct load *l, struct call *c)
{
	c->answer[c->got] = '\0';
	if (l->rate > 0 && !strncmp(c->answer, "HTTP/1.1 503", 12)) {
		l->refused++;
		return;
	}
	if (strncmp(c->answer, "HTTP/1.1 20", 11) != 0)
		die("an answer", c->answer);
	if (l->mode == HELLO) {
		if (!strstr(c->answer, "Hello"))
			die("a page", c->answer);
	} else {
		const char *token = strstr(c->answer, "\"token\":\"");
		if (!token || strcspn(token + 9, "\"") != TOKEN_CHARS)
			die("a token", c->answer);
		memcpy(l->tokens[c->phone], token + 9, TOKEN_CHARS);
	}
	l->latency_us[l->done++] = clock_mono_us() - c->sent_us;
}

/* False: the call goes on. */
static bool take(struct load *l, struct call *c)
{
	ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, 0);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0)
		die("recv", NULL);
	c->got += (size_t)n;
	if (n > 0 && c->got < ANSWER_MAX - 1)
		return false;
	judge(l, c);
	close(c->fd);
	c->phone = 0;
	l->open--;
	return true;
}

/* False: nobody is left to ask. */
static bool dial_due(struct load *l, struct call *calls, size_t in_flight)
{
	for (size_t i = 0; i < in_flight; i++) {
		int64_t due_us = calls[i].phone ? 0 : due(l);
		if (due_us && !dial(l, &calls[i], due_us))
			return false;
	}
	return true;
}

static void run_events(struct load *l, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		struct call *c = events[i].data.ptr;
		int64_t due_us = 0;
		if (!c->sent)
			ask(l, c);
		else if (take(l, c) && l->rate <= 0 && (due_us = due(l)))
			dial(l, c, due_us);
	}
}

static void run(struct load *l, size_t in_flight)
{
	struct call *calls = calloc(in_flight, sizeof *calls);
	struct epoll_event events[64];
	int64_t heard_us = clock_mono_us();
	bool more = true;

	if (!calls)
		die("memory", NULL);
	more = dial_due(l, calls, in_flight);
	while (l->open || (l->rate > 0 && more && clock_mono_us() < l->until_us)) {
		int n = epoll_wait(l->epoll, events, 64, l->rate > 0 ? 1 : 10000);
		if (n < 0 || (n == 0 && l->open && clock_mono_us() - heard_us > 10 * CLOCK_S))
			die("epoll_wait", n < 0 ? NULL : "no answer for 10 s");
		if (n > 0 || !l->open)
			heard_us = clock_mono_us();
		run_events(l, events, n);
		more = more && (l->rate <= 0 || dial_due(l, calls, in_flight));
	}
	free(calls);
}

static void tokens_file(struct load *l, const char *path, bool write)
{
	FILE *f = fopen(path, write ? "w" : "r");

	if (!f)
		die(path, NULL);
	for (int64_t n = 1; n <= l->phones; n++) {
		if (write)
			fprintf(f, "%s\n", l->tokens[n][0] ? l->tokens[n] : "-");
		else if (fscanf(f, "%40s", l->tokens[n]) != 1 || l->tokens[n][0] == '-')
			l->tokens[n][0] = '\0';
	}
	fclose(f);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static const char *const modes[] = {"hello", "first", "refresh"};
	struct load l = {.epoll = epoll_create1(0)};

	while (argc > 1 && l.mode <= REFRESH && strcmp(argv[1], modes[l.mode]) != 0)
		l.mode++;
	if (argc < 6 || l.mode > REFRESH || (l.mode != HELLO && argc < 7)) {
		fprintf(stderr,
			"usage: token_load hello|first|refresh PORT PHONES SECONDS IN_FLIGHT "
			"[TOKENS [RATE [PHONE]]]\n");
		return 2;
	}
	l.port = (uint16_t)atoi(argv[2]);
	l.phones = atoll(argv[3]);
	l.tokens = calloc((size_t)l.phones + 1, sizeof *l.tokens);
	l.latency_us = calloc(10000000, sizeof *l.latency_us);
	if (!l.tokens || !l.latency_us)
		die("memory", NULL);
	if (l.mode == REFRESH)
		tokens_file(&l, argv[6], false);
	int64_t begun_us = clock_mono_us();
	l.begun_us = begun_us;
	l.rate = argc > 7 ? atof(argv[7]) : 0;
	l.next_phone = argc > 8 ? atoll(argv[8]) - 1 : 0;
	l.until_us = begun_us + (int64_t)(atof(argv[4]) * 1e6);
	run(&l, (size_t)atoll(argv[5]));
	double took_s = (double)(clock_mono_us() - begun_us) / 1e6;
	if (l.mode != HELLO)
		tokens_file(&l, argv[6], true);
	qsort(l.latency_us, (size_t)l.done, sizeof *l.latency_us, by_value);
	printf("{\"answers\":%lld,\"refused\":%lld,\"seconds\":%.2f,\"per_second\":%.0f,\"p50_ms\":"
	       "%.2f,"
	       "\"p99_ms\":%.2f}\n",
	       (long long)l.done, (long long)l.refused, took_s, (double)l.done / took_s,
	       l.done ? (double)l.latency_us[l.done / 2] / 1e3 : 0,
	       l.done ? (double)l.latency_us[l.done * 99 / 100] / 1e3 : 0);
	free(l.tokens);
	free(l.latency_us);
	return 0;
}
