/* mail_load -- mails by SMTP or LMTP from many sessions at a time, every answer checked
 *
 * mail_load smtp|lmtp HOST:PORT|PATH SESSIONS MAILS OCTETS PER_SESSION RECIPIENTS FORMAT [FIRST]
 *	MAILS mails of OCTETS each, PER_SESSION over one connection, SESSIONS connections at a time;
 *each to one of RECIPIENTS addresses in turn, FORMAT with its number (printf's %u once). With FIRST
 *their numbers begin there, and they do not come in order but scattered.
 *
 * A client as a busy relay is one: where the server offers PIPELINING, MAIL, RCPT and DATA go
 *together. An answer that is not the one of success ends the run with status 1: a figure is of
 *mails that were all accepted. Each mail has a Message-ID of its own. One line of JSON: seconds
 *from the first connection to the last 250.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define SESSIONS_MAX 4096
#define REPLY_MAX    8192

enum step { GREETING, HELLO, ENVELOPE, CONTENT, QUIT };

struct load {
	bool is_lmtp;
	struct sockaddr_storage where;
	socklen_t where_size;
	unsigned sessions, mails, octets, per_session, recipients, first;
	bool scattered;
	const char *format;
	int epoll;
	unsigned begun, done, open;
	char *body; /* what follows the header fields, with the final dot */
	size_t body_size;
	unsigned long run; /* in each Message-ID */
};

struct session {
	int fd;
	enum step step;
	unsigned answers, mails; /* answers of the step so far; mails of this connection */
	char in[REPLY_MAX];
	size_t held;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "mail_load: %s: %s\n", what, detail);
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void parse_where(struct load *l, const char *text)
{
	char host[64];
	const char *colon = strrchr(text, ':');

	if (*text == '/') {
		struct sockaddr_un *u = (struct sockaddr_un *)&l->where;
		u->sun_family = AF_UNIX;
		snprintf(u->sun_path, sizeof u->sun_path, "%s", text);
		l->where_size = sizeof *u;
		return;
	}
	struct sockaddr_in *in = (struct sockaddr_in *)&l->where;
	if (!colon || (size_t)(colon - text) >= sizeof host)
		die("no address", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, host, &in->sin_addr) != 1)
		die("no address", text);
	l->where_size = sizeof *in;
}

/* Lines of 76 octets of text that compresses as badly as letters do. */
static void make_body(struct load *l)
{
	uint32_t seed = 1;
	size_t at = 0;

	l->body = malloc(l->octets + 80 + 5);
	if (!l->body)
		die("no memory", "");
	while (at < l->octets) {
		for (int i = 0; i < 76; i++) {
			seed = seed * 1664525 + 1013904223;
			l->body[at++] = (char)('a' + (seed >> 24) % 26);
		}
		l->body[at++] = '\r';
		l->body[at++] = '\n';
	}
	memcpy(l->body + at, ".\r\n", 3);
	l->body_size = at + 3;
}

static void say(const struct session *s, const char *octets, size_t n)
{
	while (n) {
		ssize_t sent = send(s->fd, octets, n, MSG_NOSIGNAL);
		if (sent < 0)
			die("send", strerror(errno));
		octets += sent;
		n -= (size_t)sent;
	}
}

static void open_session(struct load *l, struct session *s)
{
	int one = 1;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

	*s = (struct session){.fd = socket(l->where.ss_family, SOCK_STREAM, 0), .step = GREETING};
	if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&l->where, l->where_size))
		die("connect", strerror(errno));
	if (l->where.ss_family == AF_INET)
		setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &event))
		die("epoll_ctl", strerror(errno));
	l->open++;
}

static unsigned recipient(const struct load *l)
{
	/* A prime that is greater than any number of recipients: each has his turn. */
	return l->scattered ? l->first + (unsigned)(l->begun * UINT64_C(2654435761) % l->recipients)
			    : l->begun % l->recipients;
}

static void say_envelope(struct load *l, struct session *s)
{
	char to[256], text[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(to, sizeof to, l->format, recipient(l));
#pragma GCC diagnostic pop
	int n = snprintf(text, sizeof text,
			 "MAIL FROM:<load@sender.example>\r\nRCPT TO:<%s>\r\nDATA\r\n", to);
	l->begun++;
	s->step = ENVELOPE;
	say(s, text, (size_t)n);
}

static void say_content(struct load *l, struct session *s)
{
	char *mail = malloc(l->body_size + 512);

	if (!mail)
		die("no memory", "");
	int n = snprintf(mail, 512,
			 "From: <load@sender.example>\r\nTo: somebody\r\nSubject: load\r\n"
			 "Date: Sun, 22 Nov 2026 00:00:00 +0000\r\nMessage-ID: "
			 "<%lx.%d.%u@sender.example>\r\n\r\n",
			 l->run, s->fd, l->begun);
	memcpy(mail + n, l->body, l->body_size);
	s->step = CONTENT;
	say(s, mail, (size_t)n + l->body_size);
	free(mail);
}

/* The next mail, or the end of the session. */
static void go_on(struct load *l, struct session *s)
{
	if (l->begun < l->mails && s->mails < l->per_session) {
		s->mails++;
		say_envelope(l, s);
	} else {
		s->step = QUIT;
		say(s, "QUIT\r\n", 6);
	}
}

/* A last line of an answer came. False: the session is over. */
static bool answered(struct load *l, struct session *s, const char *line)
{
	static const char *const wants[] = {"220", "250", "250", "250", "221"};
	const char *want = s->step == ENVELOPE && s->answers == 2 ? "354" : wants[s->step];

	if (strncmp(line, want, 3) != 0)
		die("refused", line);
	s->answers++;
	switch (s->step) {
	case GREETING:
		s->step = HELLO;
		say(s, l->is_lmtp ? "LHLO load.example\r\n" : "EHLO load.example\r\n", 19);
		break;
	case HELLO:
		go_on(l, s);
		break;
	case ENVELOPE:
		if (s->answers < 3)
			return true;
		say_content(l, s);
		break;
	case CONTENT:
		l->done++;
		go_on(l, s);
		break;
	case QUIT:
		return false;
	}
	s->answers = 0;
	return true;
}

/* False: the session is over. */
static bool read_answers(struct load *l, struct session *s)
{
	ssize_t n = recv(s->fd, s->in + s->held, sizeof s->in - 1 - s->held, 0);
	char *line = s->in, *end;

	if (n <= 0)
		die("the server ended a session", n < 0 ? strerror(errno) : "");
	s->held += (size_t)n;
	s->in[s->held] = 0;
	while ((end = strstr(line, "\r\n"))) {
		*end = 0;
		if (end - line < 4 || line[3] == ' ') {
			if (!answered(l, s, line))
				return false;
		}
		line = end + 2;
	}
	s->held -= (size_t)(line - s->in);
	memmove(s->in, line, s->held);
	return true;
}

static void run(struct load *l, struct session *sessions)
{
	struct epoll_event events[64];

	for (unsigned i = 0; i < l->sessions; i++)
		open_session(l, &sessions[i]);
	while (l->open) {
		int n = epoll_wait(l->epoll, events, 64, 60000);
		if (n <= 0)
			die("silence", "for a minute");
		for (int i = 0; i < n; i++) {
			struct session *s = events[i].data.ptr;
			if (read_answers(l, s))
				continue;
			close(s->fd);
			l->open--;
			if (l->begun < l->mails)
				open_session(l, s);
		}
	}
}

int main(int argc, char **argv)
{
	static struct session sessions[SESSIONS_MAX];
	struct load l = {.epoll = epoll_create1(0), .run = (unsigned long)time(NULL)};

	if (argc != 9 && argc != 10)
		die("usage", "mail_load smtp|lmtp WHERE SESSIONS MAILS OCTETS PER_SESSION "
			     "RECIPIENTS FORMAT [FIRST]");
	l.is_lmtp = strcmp(argv[1], "lmtp") == 0;
	parse_where(&l, argv[2]);
	l.sessions = (unsigned)atoi(argv[3]);
	l.mails = (unsigned)atoi(argv[4]);
	l.octets = (unsigned)atoi(argv[5]);
	l.per_session = (unsigned)atoi(argv[6]);
	l.recipients = (unsigned)atoi(argv[7]);
	l.format = argv[8];
	l.scattered = argc > 9;
	l.first = l.scattered ? (unsigned)atoi(argv[9]) : 0;
	if (!l.sessions || l.sessions > SESSIONS_MAX || !l.mails || !l.per_session || !l.recipients)
		die("usage", "numbers from 1 on, at most 4096 sessions");
	make_body(&l);
	double from = now_s();
	run(&l, sessions);
	double took = now_s() - from;
	if (l.done != l.mails)
		die("not all were accepted", "");
	printf("{\"mails\": %u, \"seconds\": %.3f, \"per_second\": %.0f}\n", l.done, took,
	       l.done / took);
	free(l.body);
	return 0;
}
