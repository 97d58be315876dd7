/* submit_load -- phones that submit mail at a rate, each from its own address with its own token
 *
 * submit_load PORT PHONES SECONDS IN_FLIGHT TOKENS RATE OCTETS
 *	RATE mails a second through the submission port, a session each: EHLO, AUTH PLAIN, one mail
 *of OCTETS to a recipient outside, QUIT; a session begins when it is due, and its time runs from
 *then to the 250. Phone n (from 1) sits on 127.16.0.0
 *	+ n, has number 8190 and eight digits, address uN@hato.example, and the n-th line of TOKENS
 *(as token_load writes them).
 *
 * "Later" (4yz) is counted as refused; another answer that is not the one of success ends the run
 *with status 1. One line of JSON.
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
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/wire/base64.h"

#define TOKEN_CHARS 40
#define REPLY_MAX   8192
#define SILENCE_US  (30 * CLOCK_S)

enum step { GREETING, HELLO, AUTH, ENVELOPE, CONTENT, QUIT };

struct session {
	int fd; /* -1: free */
	int64_t phone, due_us;
	enum step step;
	unsigned answers; /* of ENVELOPE */
	size_t held;
	char in[REPLY_MAX];
};

struct load {
	uint16_t port;
	int64_t phones, next_phone, begun_us, until_us, heard_us;
	double rate;
	char (*tokens)[TOKEN_CHARS + 1];
	struct session *sessions;
	size_t session_count, open;
	int64_t offered, done, refused;
	int64_t *latency_us;
	char *content;
	int epoll;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "submit_load: %s: %s\n", what, detail ? detail : strerror(errno));
	exit(1);
}

static void say(const struct session *s, const char *text)
{
	size_t n = strlen(text);

	if (send(s->fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
		die("send", NULL);
}

static void next_phone(struct load *l, struct session *s)
{
	for (int64_t tried = 0; tried < l->phones; tried++) {
		s->phone = l->next_phone = l->next_phone % l->phones + 1;
		if (l->tokens[s->phone][0])
			return;
	}
	die("tokens", "nobody has one");
}

static void dial(struct load *l, struct session *s, int64_t due_us)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(l->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	next_phone(l, s);
	from.sin_addr.s_addr = htonl((uint32_t)(0x7f100000 + s->phone));
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
	s->due_us = due_us;
	s->step = GREETING;
	s->answers = 0;
	s->held = 0;
	l->offered++;
	l->open++;
}

static void dial_due(struct load *l)
{
	for (size_t i = 0; i < l->session_count; i++) {
		int64_t now_us = clock_mono_us();
		int64_t due_us = l->begun_us + (int64_t)((double)l->offered * 1e6 / l->rate);
		if (due_us > now_us || now_us >= l->until_us)
			return;
		if (l->sessions[i].fd < 0)
			dial(l, &l->sessions[i], due_us);
	}
}

static void say_auth(struct load *l, struct session *s)
{
	char plain[96], coded[160], line[192];
	int n = snprintf(plain, sizeof plain, "%c8190%08lld%c%s", 0, (long long)s->phone, 0,
			 l->tokens[s->phone]);

	base64_encode(BASE64_STD, plain, (size_t)n, coded);
	snprintf(line, sizeof line, "AUTH PLAIN %s\r\n", coded);
	say(s, line);
}

static void say_envelope(struct session *s)
{
	char text[256];

	snprintf(text, sizeof text,
		 "MAIL FROM:<u%lld@hato.example>\r\nRCPT TO:<r%lld@out.example>\r\nDATA\r\n",
		 (long long)s->phone, (long long)s->phone);
	say(s, text);
}

static void say_content(struct load *l, struct session *s)
{
	char head[256];

	snprintf(head, sizeof head,
		 "From: <u%lld@hato.example>\r\nTo: <r%lld@out.example>\r\nSubject: load\r\n"
		 "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n\r\n",
		 (long long)s->phone, (long long)s->phone);
	say(s, head);
	say(s, l->content);
}

/* The last line of an answer came. False: the session is over. */
static bool answered(struct load *l, struct session *s, const char *line)
{
	static const char *const wants[] = {"220", "250", "235", "250", "250", "221"};
	const char *want = s->step == ENVELOPE && s->answers == 2 ? "354" : wants[s->step];

	if (line[0] == '4') {
		l->refused++;
		return false;
	}
	if (strncmp(line, want, 3) != 0)
		die("refused", line);
	switch (s->step) {
	case GREETING:
		say(s, "EHLO phone\r\n");
		break;
	case HELLO:
		say_auth(l, s);
		break;
	case AUTH:
		say_envelope(s);
		break;
	case ENVELOPE:
		if (++s->answers < 3)
			return true;
		say_content(l, s);
		break;
	case CONTENT:
		l->latency_us[l->done++] = clock_mono_us() - s->due_us;
		say(s, "QUIT\r\n");
		break;
	case QUIT:
		return false;
	}
	s->step++;
	return true;
}

static bool read_answers(struct load *l, struct session *s)
{
	ssize_t n = recv(s->fd, s->in + s->held, sizeof s->in - 1 - s->held, 0);
	char *line = s->in, *end;

	if (n <= 0)
		die("the server ended a session", n < 0 ? NULL : s->in);
	s->held += (size_t)n;
	s->in[s->held] = 0;
	while ((end = strstr(line, "\r\n"))) {
		*end = 0;
		if ((end - line < 4 || line[3] == ' ') && !answered(l, s, line))
			return false;
		line = end + 2;
	}
	s->held -= (size_t)(line - s->in);
	memmove(s->in, line, s->held);
	return true;
}

static void run(struct load *l)
{
	struct epoll_event events[64];

	l->heard_us = clock_mono_us();
	while (l->open || clock_mono_us() < l->until_us) {
		dial_due(l);
		int n = epoll_wait(l->epoll, events, 64, 1);
		if (n > 0 || !l->open)
			l->heard_us = clock_mono_us();
		if (clock_mono_us() - l->heard_us > SILENCE_US)
			die("silence", "for 30 s");
		for (int i = 0; i < n; i++) {
			struct session *s = events[i].data.ptr;
			if (read_answers(l, s))
				continue;
			close(s->fd);
			s->fd = -1;
			l->open--;
		}
	}
}

static void read_tokens(struct load *l, const char *path)
{
	FILE *f = fopen(path, "r");

	l->tokens = calloc((size_t)l->phones + 1, sizeof *l->tokens);
	if (!f || !l->tokens)
		die(path, NULL);
	for (int64_t n = 1; n <= l->phones; n++)
		if (fscanf(f, "%40s", l->tokens[n]) != 1 || l->tokens[n][0] == '-')
			l->tokens[n][0] = 0;
	fclose(f);
}

/* Lines of 76 letters, and the final dot. */
static void make_content(struct load *l, size_t octets)
{
	size_t at = 0;

	l->content = malloc(octets + 90);
	if (!l->content)
		die("memory", NULL);
	while (at < octets) {
		memset(l->content + at, 'a', 76);
		memcpy(l->content + at + 76, "\r\n", 2);
		at += 78;
	}
	memcpy(l->content + at, ".\r\n", 4);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void tell(struct load *l)
{
	double took_s = (double)(clock_mono_us() - l->begun_us) / 1e6;
	size_t n = (size_t)l->done;

	qsort(l->latency_us, n, sizeof *l->latency_us, by_value);
	printf("{\"answers\":%zu,\"refused\":%lld,\"seconds\":%.2f,\"per_second\":%.0f,\"p50_ms\":%"
	       ".2f,"
	       "\"p99_ms\":%.2f}\n",
	       n, (long long)l->refused, took_s, (double)n / took_s,
	       n ? (double)l->latency_us[n / 2] / 1e3 : 0,
	       n ? (double)l->latency_us[n * 99 / 100] / 1e3 : 0);
}

int main(int argc, char **argv)
{
	struct load l = {.epoll = epoll_create1(0)};

	if (argc != 8 || atof(argv[6]) <= 0) {
		fprintf(stderr, "usage: submit_load PORT PHONES SECONDS IN_FLIGHT TOKENS RATE "
				"OCTETS\n");
		return 2;
	}
	l.port = (uint16_t)atoi(argv[1]);
	l.phones = atoll(argv[2]);
	l.session_count = (size_t)atoll(argv[4]);
	l.rate = atof(argv[6]);
	read_tokens(&l, argv[5]);
	make_content(&l, (size_t)atoll(argv[7]));
	l.sessions = calloc(l.session_count, sizeof *l.sessions);
	l.latency_us = calloc((size_t)(atof(argv[3]) * l.rate) + l.session_count + 2,
			      sizeof *l.latency_us);
	if (!l.sessions || !l.latency_us)
		die("memory", NULL);
	for (size_t i = 0; i < l.session_count; i++)
		l.sessions[i].fd = -1;
	l.begun_us = clock_mono_us();
	l.until_us = l.begun_us + (int64_t)(atof(argv[3]) * 1e6);
	run(&l);
	tell(&l);
	free(l.tokens);
	free(l.content);
	free(l.sessions);
	free(l.latency_us);
	return 0;
}
