/* scale_pop -- POP3 sessions of phones chosen by chance among many, every answer checked
 *
 * scale_pop poll PORT KEYRING FIRST PHONES MESSAGES SECONDS SESSIONS
 *	SESSIONS at a time, each of a phone of its own at random: USER (its token), PASS, STAT,
 *LIST, UIDL, RETR 1, QUIT, and the next one when the server has hung up. A command waits for the
 *answer before it. Wrong is: another answer than +OK, a STAT, LIST or UIDL of another number of
 *messages than MESSAGES, a message without its owner's mark: then the status is 1. scale_pop hold
 *PORT KEYRING FIRST CONNECTIONS so many connections, each of another phone; the one half logs in,
 *the other half only has its greeting. "held" is said when all are there; they stay until stdin
 *ends, then each logged in one has to answer NOOP.
 *
 * Phone n is subscriber n, sits on 127.16.0.0 + n with generation 1 (bare_store phones), and its
 *mails begin "X-Owner: " and n in ten digits (mail_fill). Its token is sealed here, with the
 *daemons' own keyring. One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/token.h"

#define IN_MAX      4096
#define LIFE_S      7200
#define LATENCY_MAX (1 << 22)

enum step { GREETING, USER, PASS, STAT, LIST, UIDL, RETR, QUIT, BYE, HELD, NOOP };

struct session {
	int fd;
	enum step step;
	bool body;      /* its answer's further lines come now */
	bool has_owner; /* RETR: the mark was there */
	bool logs_in;
	uint32_t phone;
	size_t lines, got;
	int64_t began_us;
	char in[IN_MAX];
};

struct load {
	struct keyring *ring;
	uint16_t port;
	uint32_t first, phones, index, sessions;
	size_t messages, open, held;
	bool holds, over;
	int64_t until_us, done;
	uint64_t seed;
	int epoll;
	uint32_t *latency_us;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "scale_pop: %s: %s\n", what, detail ? detail : strerror(errno));
	exit(1);
}

static uint32_t below(struct load *l, uint32_t n)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	return (uint32_t)(l->seed % n);
}

static struct in_addr address_of(uint32_t phone)
{
	return (struct in_addr){htonl(0x7f100000 + phone)};
}

static void say(const struct session *s, const char *text)
{
	size_t n = strlen(text);

	if (send(s->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send", NULL);
}

static void say_user(struct load *l, struct session *s)
{
	char text[TOKEN_TEXT + 1], shown[INET_ADDRSTRLEN], line[64];
	struct in_addr in = address_of(s->phone);
	struct token t = {
		.subscriber = s->phone, .generation = 1, .expires_s = time(NULL) + LIFE_S};
	struct addr a;
	struct key k;

	inet_ntop(AF_INET, &in, shown, sizeof shown);
	if (addr_parse(shown, &a) || key_of_addr(REALM_DEFAULT, &a, &k) ||
	    token_seal(l->ring, &t, &k, text))
		die("a token", "could not be sealed");
	snprintf(line, sizeof line, "USER %s\r\n", text);
	say(s, line);
}

static void dial(struct load *l, struct session *s)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr = address_of(s->phone)};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(l->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (s->fd < 0)
		die("socket", NULL);
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	if (bind(s->fd, (struct sockaddr *)&from, sizeof from) ||
	    connect(s->fd, (struct sockaddr *)&to, sizeof to))
		die("connect", NULL);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &e))
		die("epoll", NULL);
	s->step = GREETING;
	s->body = s->has_owner = false;
	s->got = 0;
	s->began_us = clock_mono_us();
	l->open++;
}

/* Each place has phones of its own: no mailbox is asked for by two at a time. */
static void dial_random(struct load *l, struct session *s, uint32_t place)
{
	s->logs_in = true;
	s->phone = l->first + place + l->sessions * below(l, l->phones / l->sessions);
	dial(l, s);
}

static void check_count(const struct load *l, const struct session *s, const char *what,
			size_t count)
{
	char detail[96];

	if (count == l->messages)
		return;
	snprintf(detail, sizeof detail, "phone %u has %zu messages, not %zu", s->phone, count,
		 l->messages);
	die(what, detail);
}

/* What was asked for is there: the next command. */
static void go_on(struct load *l, struct session *s)
{
	static const char *const says[] = {
		[USER] = "PASS x\r\n", [PASS] = "STAT\r\n",   [STAT] = "LIST\r\n",
		[LIST] = "UIDL\r\n",   [UIDL] = "RETR 1\r\n", [RETR] = "QUIT\r\n"};

	if (s->step == GREETING && s->logs_in)
		say_user(l, s);
	if (l->holds && (s->step == PASS || (s->step == GREETING && !s->logs_in))) {
		s->step = HELD;
		l->held++;
		return;
	}
	if (s->step == UIDL && !l->messages)
		s->step = RETR;
	if (s->step >= USER && s->step <= RETR)
		say(s, says[s->step]);
	s->step++;
	s->lines = 0;
}

static void take_first(struct load *l, struct session *s, const char *line)
{
	if (strncmp(line, "+OK", 3) != 0)
		die("an answer", line);
	if (s->step == STAT)
		check_count(l, s, "STAT", strtoul(line + 4, NULL, 10));
	s->body = s->step == LIST || s->step == UIDL || s->step == RETR;
	if (s->step == NOOP)
		l->held--;
	else if (!s->body)
		go_on(l, s);
}

static void take_line(struct load *l, struct session *s, const char *line)
{
	char mark[32];

	if (!s->body) {
		take_first(l, s, line);
	} else if (strcmp(line, ".") != 0) {
		snprintf(mark, sizeof mark, "X-Owner: %010u", s->phone);
		s->lines++;
		s->has_owner |= s->step == RETR && !strcmp(line, mark);
	} else {
		s->body = false;
		if (s->step == RETR && !s->has_owner)
			die("a message", "is not its owner's");
		if (s->step != RETR)
			check_count(l, s, s->step == LIST ? "LIST" : "UIDL", s->lines);
		go_on(l, s);
	}
}

/* False: the server has hung up, after QUIT. */
static bool take(struct load *l, struct session *s)
{
	ssize_t n = recv(s->fd, s->in + s->got, sizeof s->in - 1 - s->got, 0);
	char *line = s->in, *end;

	if (n <= 0 && s->step == BYE)
		return false;
	if (n <= 0)
		die("the server ended a session", n < 0 ? NULL : "");
	s->got += (size_t)n;
	s->in[s->got] = 0;
	while ((end = strstr(line, "\r\n"))) {
		*end = 0;
		take_line(l, s, line);
		line = end + 2;
	}
	s->got -= (size_t)(line - s->in);
	memmove(s->in, line, s->got);
	return true;
}

static void ended(struct load *l, struct session *s, uint32_t place)
{
	if (l->done < LATENCY_MAX)
		l->latency_us[l->done] = (uint32_t)(clock_mono_us() - s->began_us);
	l->done++;
	l->open--;
	close(s->fd);
	if (clock_mono_us() < l->until_us)
		dial_random(l, s, place);
}

static void wait_some(struct load *l, struct session *all)
{
	struct epoll_event events[128];
	int n = epoll_wait(l->epoll, events, 128, 30000);

	if (n <= 0)
		die("silence", "for 30 s");
	for (int i = 0; i < n; i++) {
		struct session *s = events[i].data.ptr;
		if (!take(l, s))
			ended(l, s, (uint32_t)(s - all));
	}
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void poll_boxes(struct load *l, struct session *all, double seconds)
{
	int64_t began_us = clock_mono_us();

	l->latency_us = calloc(LATENCY_MAX, sizeof *l->latency_us);
	if (!l->latency_us)
		die("memory", NULL);
	l->until_us = began_us + (int64_t)(seconds * 1e6);
	for (uint32_t i = 0; i < l->sessions; i++)
		dial_random(l, &all[i], i);
	while (l->open)
		wait_some(l, all);
	double took_s = (double)(clock_mono_us() - began_us) / 1e6;
	size_t n = (size_t)(l->done < LATENCY_MAX ? l->done : LATENCY_MAX);
	qsort(l->latency_us, n, sizeof *l->latency_us, by_value);
	printf("{\"sessions\":%lld,\"seconds\":%.2f,\"per_second\":%.0f,\"p50_ms\":%.3f,\"p99_ms\":"
	       "%.3f}\n",
	       (long long)l->done, took_s, (double)l->done / took_s, l->latency_us[n / 2] / 1e3,
	       l->latency_us[n * 99 / 100] / 1e3);
	free(l->latency_us);
}

static void hold(struct load *l, struct session *all)
{
	size_t logged_in = 0;

	for (uint32_t i = 0; i < l->phones; i++) {
		all[i].phone = l->first + i;
		all[i].logs_in = i % 2 == 0;
		logged_in += all[i].logs_in;
		dial(l, &all[i]);
		while (l->held + 64 < l->open) /* no more than the listener's backlog takes */
			wait_some(l, all);
	}
	while (l->held < l->phones)
		wait_some(l, all);
	puts("held");
	fflush(stdout);
	while (getchar() != EOF)
		continue;
	l->held = logged_in;
	for (uint32_t i = 0; i < l->phones; i++) {
		if (!all[i].logs_in)
			continue;
		all[i].step = NOOP;
		say(&all[i], "NOOP\r\n");
	}
	while (l->held)
		wait_some(l, all);
	printf("{\"connections\":%u,\"answered\":%zu}\n", l->phones, logged_in);
}

static void raise_files(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

int main(int argc, char **argv)
{
	struct load l = {.seed = (uint64_t)clock_now_us() | 1, .epoll = epoll_create1(0)};

	l.holds = argc == 6 && !strcmp(argv[1], "hold");
	if (!l.holds && (argc != 9 || strcmp(argv[1], "poll") != 0)) {
		fprintf(stderr, "usage: scale_pop poll PORT KEYRING FIRST PHONES MESSAGES SECONDS "
				"SESSIONS | hold PORT KEYRING FIRST "
				"CONNECTIONS\n");
		return 2;
	}
	l.port = (uint16_t)atoi(argv[2]);
	if (keyring_open(argv[3], &l.ring))
		die(argv[3], "no keyring");
	l.first = (uint32_t)atoll(argv[4]);
	l.phones = (uint32_t)atoll(argv[5]);
	l.messages = l.holds ? 0 : (size_t)atoll(argv[6]);
	l.sessions = l.holds ? l.phones : (uint32_t)atoi(argv[8]);
	struct session *all = calloc(l.sessions, sizeof *all);
	if (!all || !l.phones || !l.sessions || l.phones < l.sessions)
		die("usage", "as many phones as sessions, at least");
	raise_files();
	if (l.holds)
		hold(&l, all);
	else
		poll_boxes(&l, all, atof(argv[7]));
	keyring_free(l.ring);
	free(all);
	return 0;
}
