/* pop_load -- phones that fetch mail: one POP3 session a connection, each from its phone's own
 * address, every answer checked
 *
 * pop_load plain|full|resumed|hold|hold-tls PORT PHONES SECONDS SESSIONS RETRS
 *	PHONES: a file with a line "ADDRESS NAME" for each phone; the mails of the phone in line n
 *	(from 0) say "X-Owner: " and n as ten digits, and each box holds RETRS of them or more.
 *	SESSIONS at a time, each USER, PASS, STAT, LIST, RETRS times RETR, QUIT, and the next one
 *	when the server has hung up. A command waits for the answer before it (no pipelining).
 *	full: TLS 1.3, a whole handshake each; resumed: with the ticket of an earlier session.
 *	hold: as many phones log in and stay until stdin ends; "held" is said when all are in.
 *
 * Counted from the moment when each of SESSIONS has had its first session. Wrong is: another answer
 * than +OK, a message of another size than LIST's, or without its owner's mark, or a box with less
 * than RETRS: the run ends with status 1. One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"

#define SESSIONS_MAX 65536
#define NAME_ROOM    128
#define IN_MAX       32768
#define BOX_MAX      64

enum mode { PLAIN, FULL, RESUMED, HOLD, HOLD_TLS, MODES };
enum step { GREETING, USER, PASS, STAT, LIST, RETR, BYE };

static const char *const modes[MODES] = {"plain", "full", "resumed", "hold", "hold-tls"};

struct phone {
	struct in_addr addr;
	char name[NAME_ROOM];
	size_t number;
	bool busy;
};

struct session {
	int fd;
	SSL *ssl;
	bool waits; /* for room, or the connection */
	struct phone *phone;
	enum step step;
	unsigned retrs; /* done */
	size_t sizes[BOX_MAX];
	int64_t began_us;
	size_t got;
	char *in; /* IN_MAX and a NUL */
	bool had_one;
	SSL_SESSION *ticket; /* the newest of this place's sessions */
};

struct load {
	enum mode mode;
	uint16_t port;
	unsigned seconds, sessions, retrs;
	struct phone *phones;
	size_t phone_count, next_phone;
	SSL_CTX *tls;
	int epoll;
	struct session *all;
	unsigned had_one, held;
	int64_t from_us, until_us; /* 0: not counting yet */
	uint64_t done, resumed;
	uint32_t *took_us;
	size_t tooks, took_room;
};

static void die(const struct session *s, const char *what, const char *detail)
{
	fprintf(stderr, "pop_load: phone %zu, step %d: %s: %.200s\n", s ? s->phone->number : 0,
		s ? (int)s->step : -1, what, detail ? detail : strerror(errno));
	exit(1);
}

/* ---- the connection ---- */

static int on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct session *s = SSL_get_app_data(ssl);

	SSL_SESSION_free(s->ticket);
	s->ticket = ticket;
	return 1;
}

static void secure(struct load *l, struct session *s)
{
	s->ssl = SSL_new(l->tls);
	if (!s->ssl || !SSL_set_fd(s->ssl, s->fd))
		die(s, "TLS", "no memory");
	SSL_set_app_data(s->ssl, s);
	SSL_set_connect_state(s->ssl);
	if (l->mode == RESUMED && s->ticket)
		SSL_set_session(s->ssl, s->ticket);
}

/* The next phone that is not on the line: two sessions of one would be [IN-USE]. */
static struct phone *pick(struct load *l)
{
	struct phone *p;

	do {
		p = &l->phones[l->next_phone];
		l->next_phone = (l->next_phone + 1) % l->phone_count;
	} while (p->busy);
	p->busy = true;
	return p;
}

static void shake_hands(struct load *l, struct session *s);

static void dial(struct load *l, struct session *s)
{
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(l->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = s};

	s->phone = pick(l);
	from.sin_addr = s->phone->addr;
	s->began_us = clock_mono_us();
	s->step = GREETING;
	s->retrs = 0;
	s->got = 0;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->fd < 0)
		die(s, "socket", NULL);
	setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	if (bind(s->fd, (struct sockaddr *)&from, sizeof from))
		die(s, "bind", NULL);
	if (connect(s->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
		die(s, "connect", NULL);
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->fd, &e))
		die(s, "epoll", NULL);
	s->waits = false;
	if (l->tls) {
		secure(l, s);
		shake_hands(l, s);
	}
}

static void say(struct session *s, const char *text, size_t n)
{
	ssize_t sent = s->ssl ? SSL_write(s->ssl, text, (int)n) : send(s->fd, text, n, 0);

	if (sent != (ssize_t)n)
		die(s, "send", NULL);
}

static void count(struct load *l, const struct session *s)
{
	int64_t now = clock_mono_us();

	if (!l->from_us || now >= l->until_us)
		return;
	l->done++;
	l->resumed += s->ssl && SSL_session_reused(s->ssl);
	if (l->tooks == l->took_room) {
		l->took_room = l->took_room ? 2 * l->took_room : 65536;
		l->took_us = realloc(l->took_us, l->took_room * sizeof *l->took_us);
		if (!l->took_us)
			die(s, "no memory", "");
	}
	l->took_us[l->tooks++] = (uint32_t)(now - s->began_us);
}

static void hang_up(struct session *s)
{
	if (s->ssl) {
		SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(s->ssl);
		s->ssl = NULL;
	}
	close(s->fd);
	s->phone->busy = false;
}

static void end(struct load *l, struct session *s)
{
	count(l, s);
	hang_up(s);
	if (!s->had_one) {
		s->had_one = true;
		if (++l->had_one == l->sessions) {
			l->from_us = clock_mono_us();
			l->until_us = l->from_us + (int64_t)l->seconds * CLOCK_S;
		}
	}
	dial(l, s);
}

/* ---- the answers ---- */

static bool is_whole(const struct session *s)
{
	if (s->got < 2 || memcmp(s->in + s->got - 2, "\r\n", 2) != 0)
		return false;
	if (s->in[0] != '+' || s->step < LIST || s->step > RETR)
		return true;
	return s->got >= 5 && memcmp(s->in + s->got - 5, "\r\n.\r\n", 5) == 0;
}

static void read_list(const struct load *l, struct session *s)
{
	const char *at = strchr(s->in, '\n') + 1;
	unsigned n = 0;

	while (*at != '.') {
		char *rest;
		if (strtoul(at, &rest, 10) != n + 1)
			die(s, "a list out of order", s->in);
		if (n < BOX_MAX)
			s->sizes[n] = strtoul(rest, NULL, 10);
		n++;
		at = strchr(at, '\n') + 1;
	}
	if (n < l->retrs)
		die(s, "too few mails", s->in);
}

static void check_mail(struct session *s)
{
	const char *mail = strchr(s->in, '\n') + 1;
	size_t size = s->got - (size_t)(mail - s->in) - 3;
	char mark[32];

	snprintf(mark, sizeof mark, "\r\nX-Owner: %010zu\r\n", s->phone->number);
	if (size != s->sizes[s->retrs])
		die(s, "a mail of another size", s->in);
	if (!memmem(mail, size, mark, strlen(mark)))
		die(s, "another's mail", s->in);
}

static void answered(struct load *l, struct session *s)
{
	char text[NAME_ROOM + 16];
	int n = 0;

	s->in[s->got] = 0;
	if (strncmp(s->in, "+OK", 3) != 0)
		die(s, "refused", s->in);
	switch (s->step) {
	case GREETING:
		n = snprintf(text, sizeof text, "USER %s\r\n", s->phone->name);
		break;
	case USER:
		n = snprintf(text, sizeof text, "PASS x\r\n");
		break;
	case PASS:
		if (l->mode >= HOLD) {
			l->held++;
			break;
		}
		n = snprintf(text, sizeof text, "STAT\r\n");
		break;
	case STAT:
		n = snprintf(text, sizeof text, "LIST\r\n");
		break;
	case LIST:
		read_list(l, s);
		break;
	case RETR:
		check_mail(s);
		s->retrs++;
		break;
	case BYE:
		return; /* until the server hangs up */
	}
	s->step += s->step < RETR;
	if (s->step == RETR && s->retrs == l->retrs) {
		s->step = BYE;
		n = snprintf(text, sizeof text, "QUIT\r\n");
	} else if (s->step == RETR) {
		n = snprintf(text, sizeof text, "RETR %u\r\n", s->retrs + 1);
	}
	s->got = 0;
	if (n)
		say(s, text, (size_t)n);
}

/* Octets read; 0: nothing for now; -1: the server hung up. */
static ssize_t take(struct session *s)
{
	char *to = s->in + s->got;
	size_t room = IN_MAX - s->got;

	if (!s->ssl) {
		ssize_t n = recv(s->fd, to, room, 0);
		return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
	}
	int n = SSL_read(s->ssl, to, (int)room);
	if (n > 0)
		return n;
	int why = SSL_get_error(s->ssl, n);
	return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* The client speaks first, and may have to wait for the connection. */
static void shake_hands(struct load *l, struct session *s)
{
	int n = SSL_do_handshake(s->ssl), why = SSL_get_error(s->ssl, n);
	bool waits = why == SSL_ERROR_WANT_WRITE;

	if (n != 1 && !waits && why != SSL_ERROR_WANT_READ)
		die(s, "handshake", NULL);
	if (n == 1 && SSL_version(s->ssl) != TLS1_3_VERSION)
		die(s, "not TLS 1.3", "");
	if (waits != s->waits) {
		struct epoll_event e = {.events = waits ? EPOLLOUT : EPOLLIN | EPOLLRDHUP,
					.data.ptr = s};
		s->waits = waits;
		if (epoll_ctl(l->epoll, EPOLL_CTL_MOD, s->fd, &e))
			die(s, "epoll", NULL);
	}
}

/* `hung_up`: the server's end is there already, behind its last words. */
static void advance(struct load *l, struct session *s, bool hung_up)
{
	if (s->ssl && !SSL_is_init_finished(s->ssl)) {
		shake_hands(l, s);
		if (!SSL_is_init_finished(s->ssl))
			return;
	}
	ssize_t n = take(s);
	if (n < 0 && s->step == BYE && s->got)
		end(l, s);
	else if (n < 0)
		die(s, "hung up", s->in);
	if (n <= 0)
		return;
	s->got += (size_t)n;
	if (s->got >= IN_MAX)
		die(s, "too long an answer", "");
	if (is_whole(s))
		answered(l, s);
	/* A record that came with the last one is not seen by epoll. */
	if (hung_up || (s->ssl && SSL_has_pending(s->ssl)))
		advance(l, s, hung_up);
}

/* ---- the run ---- */

static void begin(struct load *l)
{
	l->all = calloc(l->sessions, sizeof *l->all);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!l->all || l->epoll < 0)
		die(NULL, "begin", NULL);
	for (unsigned i = 0; i < l->sessions; i++) {
		l->all[i].in = malloc(IN_MAX + 1);
		if (!l->all[i].in)
			die(NULL, "no memory", "");
		dial(l, &l->all[i]);
	}
}

static void turn(struct load *l, int wait_ms)
{
	struct epoll_event ready[256];
	int n = epoll_wait(l->epoll, ready, 256, wait_ms);

	if (!n && wait_ms >= 0)
		die(NULL, "nothing is answered", "");
	for (int i = 0; i < n; i++)
		advance(l, ready[i].data.ptr, ready[i].events & EPOLLRDHUP);
}

static void hold(struct load *l)
{
	char octet;

	while (l->held < l->sessions)
		turn(l, 20000);
	printf("{\"held\":%u}\n", l->held);
	fflush(stdout);
	while (read(STDIN_FILENO, &octet, 1) > 0)
		;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void tell(struct load *l)
{
	if (!l->tooks)
		die(NULL, "no session", "");
	qsort(l->took_us, l->tooks, sizeof *l->took_us, by_size);
	printf("{\"sessions\":%u,\"done\":%llu,\"resumed\":%llu,\"per_second\":%.1f,"
	       "\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
	       l->sessions, (unsigned long long)l->done, (unsigned long long)l->resumed,
	       (double)l->done / l->seconds, l->took_us[l->tooks / 2] / 1000.0,
	       l->took_us[l->tooks * 99 / 100] / 1000.0);
}

static void read_phones(struct load *l, const char *path)
{
	char line[256], addr[64];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof line, f)) {
		l->phones = realloc(l->phones, (l->phone_count + 1) * sizeof *l->phones);
		struct phone *p = l->phones + l->phone_count;
		*p = (struct phone){.number = l->phone_count++};
		if (sscanf(line, "%63s %127s", addr, p->name) != 2 ||
		    inet_pton(AF_INET, addr, &p->addr) != 1)
			die(NULL, path, line);
	}
	if (!f || l->phone_count < l->sessions)
		die(NULL, path, "fewer phones than sessions");
	fclose(f);
}

static void open_tls(struct load *l)
{
	l->tls = SSL_CTX_new(TLS_client_method());
	if (!l->tls || !SSL_CTX_set_min_proto_version(l->tls, TLS1_3_VERSION))
		die(NULL, "TLS", "no context");
	SSL_CTX_set_options(l->tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(l->tls, SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_session_cache_mode(l->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(l->tls, on_ticket);
}

int main(int argc, char **argv)
{
	struct load l = {.mode = MODES};

	for (int m = 0; argc == 7 && m < MODES; m++)
		if (strcmp(argv[1], modes[m]) == 0)
			l.mode = (enum mode)m;
	if (l.mode == MODES) {
		fputs("usage: pop_load plain|full|resumed|hold|hold-tls PORT PHONES SECONDS "
		      "SESSIONS RETRS\n",
		      stderr);
		return 2;
	}
	l.port = (uint16_t)atoi(argv[2]);
	l.seconds = (unsigned)atoi(argv[4]);
	l.sessions = (unsigned)atoi(argv[5]);
	l.retrs = (unsigned)atoi(argv[6]);
	if (!l.seconds || !l.sessions || l.sessions > SESSIONS_MAX || l.retrs > BOX_MAX)
		die(NULL, "numbers", "out of range");
	read_phones(&l, argv[3]);
	if (l.mode != PLAIN && l.mode != HOLD)
		open_tls(&l);
	begin(&l);
	if (l.mode >= HOLD) {
		hold(&l);
		return 0;
	}
	while (!l.until_us || clock_mono_us() < l.until_us)
		turn(&l, 20000);
	tell(&l);
	return 0;
}
