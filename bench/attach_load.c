/* attach_load -- everybody re-attaches: the network says a new address for each subscriber, each
 * phone takes a token there and polls its mailbox
 *
 * attach_load NETWORK_PORT HANDSET_PORT POP_PORT FEEDER_KEY_FILE SUBSCRIBERS IN_FLIGHT
 *
 * Lease events go as POST /v1/lease-events, BATCH Starts each, over NETWORKS kept connections,
 * AHEAD subscribers ahead of the phones at most. A phone starts when its batch is answered: POST
 * /v1/token by HTTP, then POP3 with the token (USER, PASS, STAT, QUIT; a command waits for the
 * answer before it), a connection each, from its own address; IN_FLIGHT phones at a time. A 503 is
 * obeyed: the phone is back after its Retry-After.
 *
 * Subscriber s (from 1: number 81 and ten digits, IMSI 44010 and ten digits) comes in any order and
 * gets any address of 127.16.0.0/12 (attach_plan.h). Checked, or the run ends with
 * status 1: each event is applied; each token's login and addresses are the subscriber's own; each
 * POP answer, the empty box. One phone in SAMPLE shows its token once more from the address of
 * another phone, and from one that nobody holds: both must hear -ERR; then it polls again,
 * undisturbed. One line of JSON.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/attach_plan.h"
#include "lib/clock.h"

#define BATCH       1000
#define NETWORKS    2
#define AHEAD       20000
#define SAMPLE      1000
#define BATCH_ROOM  (BATCH * 160 + 1024)
#define IN_MAX      4096
#define TOKEN_CHARS 40
#define NOBODYS     0x7f010203u /* 127.1.2.3 */
#define POOL        0x7f100000u /* 127.16.0.0 */
#define ATTACH_BITS 20

/* What a phone is at: its courses in this order, the last three by one in SAMPLE. */
enum course { TOKEN, POLL, FROM_ANOTHERS, FROM_NOBODYS, POLL_AGAIN, COURSES };
enum step { GREETING, USER, PASS, STAT, QUIT };

struct phone {
	int fd; /* -1: none */
	enum course course;
	enum step step;
	int64_t order, subscriber, begun_us, wake_us;
	uint32_t address;
	size_t got;
	char in[IN_MAX], token[TOKEN_CHARS + 1];
};

struct network {
	int fd;
	int64_t first, count; /* of the batch on its way; 0: none */
	size_t out_length, out_sent, got;
	char *out, *in; /* BATCH_ROOM each */
};

struct load {
	int epoll;
	uint16_t network_port, handset_port, pop_port;
	char key[256];
	int64_t subscribers, posted, leased, begun, done; /* in the order of the events */
	int64_t refused, strangers_refused, last_lease_us, asleep;
	uint32_t anothers; /* the address of a phone that is done */
	size_t in_flight;
	struct phone *phones;
	struct network networks[NETWORKS];
	int64_t course_us[COURSES];
};

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	fputs("attach_load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (%s)\n", strerror(errno));
	exit(1);
}

static void watch(const struct load *l, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event e = {.events = events, .data.ptr = what};

	if (epoll_ctl(l->epoll, op, fd, &e))
		die("epoll");
}

/* ---- the network ---- */

static void flush(struct load *l, struct network *n)
{
	while (n->out_sent < n->out_length) {
		ssize_t sent = send(n->fd, n->out + n->out_sent, n->out_length - n->out_sent, 0);
		if (sent < 0 && errno != EAGAIN)
			die("sending a batch");
		if (sent < 0)
			break;
		n->out_sent += (size_t)sent;
	}
	watch(l, EPOLL_CTL_MOD, n->fd, n->out_sent < n->out_length ? EPOLLIN | EPOLLOUT : EPOLLIN,
	      n);
}

static int dial_from(uint32_t source, uint16_t port)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(source)};
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("a socket");
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){1}, sizeof(int));
	if (bind(fd, (struct sockaddr *)&from, sizeof from) ||
	    (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS))
		die("a connection");
	return fd;
}

static void post(struct load *l, struct network *n)
{
	static char body[BATCH_ROOM];

	n->first = l->posted;
	n->count = l->subscribers - n->first < BATCH ? l->subscribers - n->first : BATCH;
	l->posted += n->count;
	size_t length = put_events(body, l->subscribers, n->first, n->first + n->count);
	int head = sprintf(n->out,
			   "POST /v1/lease-events HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
			   "Bearer %s\r\nContent-Type: application/json\r\nContent-Length: "
			   "%zu\r\n\r\n",
			   l->key, length);
	memcpy(n->out + head, body, length);
	n->out_length = (size_t)head + length;
	n->out_sent = n->got = 0;
	if (n->fd >= 0) {
		flush(l, n);
		return;
	}
	n->fd = dial_from(INADDR_LOOPBACK, l->network_port);
	watch(l, EPOLL_CTL_ADD, n->fd, EPOLLOUT, n);
}

/* The phones wait for their batch in the order of the events: those of a batch whose forerunner is
 * on its way still wait for it, too. */
static void feed(struct load *l)
{
	int64_t leased = l->posted;

	for (int i = 0; i < NETWORKS; i++) {
		struct network *n = &l->networks[i];
		if (!n->count && l->posted < l->subscribers && l->posted - l->begun < AHEAD)
			post(l, n);
		if (n->count && n->first < leased)
			leased = n->first;
	}
	l->leased = leased;
}

/* Has an HTTP answer come in full? */
static bool whole(const char *in, size_t got)
{
	const char *end = strstr(in, "\r\n\r\n");
	const char *length = end ? strcasestr(in, "\r\nContent-Length:") : NULL;

	return length && length < end &&
	       got >= (size_t)(end + 4 - in) + strtoul(length + 17, NULL, 10);
}

static int64_t occurrences(const char *text, const char *word)
{
	int64_t n = 0;

	while ((text = strstr(text, word))) {
		n++;
		text++;
	}
	return n;
}

static void network_ready(struct load *l, struct network *n, uint32_t events)
{
	if (events & EPOLLOUT)
		flush(l, n);
	ssize_t got = recv(n->fd, n->in + n->got, BATCH_ROOM - 1 - n->got, 0);
	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		if (got < 0 || n->count)
			die("the network API hung up");
		close(n->fd); /* it had nothing to do for a while */
		n->fd = -1;
		return;
	}
	n->got += (size_t)got;
	n->in[n->got] = '\0';
	if (!whole(n->in, n->got))
		return;
	if (strncmp(n->in, "HTTP/1.1 200", 12) != 0 ||
	    occurrences(n->in, "\"applied\"") != n->count)
		die("a batch: %.300s", n->in);
	n->count = 0;
	l->last_lease_us = clock_mono_us();
}

/* ---- a phone's connections ---- */

static uint32_t source_of(const struct load *l, const struct phone *p)
{
	return p->course == FROM_ANOTHERS  ? l->anothers
	       : p->course == FROM_NOBODYS ? NOBODYS
					   : p->address;
}

/* False: not yet. */
static bool ask(const struct phone *p)
{
	char text[256];
	int n = snprintf(text, sizeof text,
			 "POST /v1/token HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
			 "Content-Type: application/json\r\nContent-Length: 26\r\n\r\n"
			 "{\"imsi\":\"44010%010lld\"}",
			 (long long)p->subscriber);
	ssize_t sent = send(p->fd, text, (size_t)n, MSG_NOSIGNAL);

	if (sent != n && !(sent < 0 && (errno == EAGAIN || errno == ENOTCONN)))
		die("asking for a token");
	return sent == n;
}

static void dial(struct load *l, struct phone *p)
{
	p->begun_us = clock_mono_us();
	p->step = GREETING;
	p->got = 0;
	p->fd = dial_from(source_of(l, p), p->course == TOKEN ? l->handset_port : l->pop_port);
	/* On loopback the connection is there already; if not, the request goes when it is.
	 * POP3 greets first. */
	bool waits = p->course == TOKEN && !ask(p);
	watch(l, EPOLL_CTL_ADD, p->fd, waits ? EPOLLOUT : EPOLLIN, p);
}

__attribute__((format(printf, 2, 3))) static void say(struct phone *p, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (send(p->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		die("send");
	p->got = 0;
}

static void begin(struct load *l, struct phone *p)
{
	if (l->begun == l->leased)
		return;
	p->order = l->begun++;
	p->subscriber = subscriber_at(l->subscribers, p->order);
	p->address = address_of(p->subscriber);
	p->course = TOKEN;
	dial(l, p);
}

/* What this connection was for is done: the phone's next one, or the next phone. */
static void course_over(struct load *l, struct phone *p)
{
	close(p->fd);
	p->fd = -1;
	l->course_us[p->course] += clock_mono_us() - p->begun_us;
	bool last = p->course == POLL ? p->order % SAMPLE != 0 || !l->anothers
				      : p->course == POLL_AGAIN;
	if (!last) {
		p->course++;
		dial(l, p);
		return;
	}
	l->anothers = p->address;
	l->done++;
	begin(l, p);
}

/* ---- the token ---- */

/* 503: its place stays taken meanwhile. */
static void come_back(struct load *l, struct phone *p)
{
	const char *later = strcasestr(p->in, "\r\nRetry-After:");

	if (!later)
		die("a 503 without Retry-After: %.300s", p->in);
	l->refused++;
	l->asleep++;
	close(p->fd);
	p->fd = -1;
	p->wake_us = clock_mono_us() + strtol(later + 14, NULL, 10) * CLOCK_S;
}

static void judge_token(struct load *l, struct phone *p)
{
	char login[64], addresses[96];
	const char *token = strstr(p->in, "\"token\":\"");

	if (strncmp(p->in, "HTTP/1.1 503", 12) == 0) {
		come_back(l, p);
		return;
	}
	snprintf(login, sizeof login, "\"login\":\"81%010lld\"", (long long)p->subscriber);
	snprintf(addresses, sizeof addresses, "\"addresses\":[\"u%lld@hato.example\"]",
		 (long long)p->subscriber);
	if (strncmp(p->in, "HTTP/1.1 201", 12) != 0 || !token ||
	    strcspn(token + 9, "\"") != TOKEN_CHARS || !strstr(p->in, login) ||
	    !strstr(p->in, addresses))
		die("not the token of %lld: %.600s", (long long)p->subscriber, p->in);
	memcpy(p->token, token + 9, TOKEN_CHARS);
	course_over(l, p);
}

/* ---- the poll ---- */

static void judge_poll(struct load *l, struct phone *p)
{
	bool stranger = p->course == FROM_ANOTHERS || p->course == FROM_NOBODYS;
	bool good = strncmp(p->in, "+OK", 3) == 0;

	if (stranger && p->step == PASS) {
		if (strncmp(p->in, "-ERR [AUTH]", 11) != 0)
			die("a stranger's token opened: %.200s", p->in);
		l->strangers_refused++;
		course_over(l, p);
		return;
	}
	if (!good || (p->step == STAT && strncmp(p->in, "+OK 0 0", 7) != 0))
		die("subscriber %lld, step %d: %.200s", (long long)p->subscriber, (int)p->step,
		    p->in);
	switch (p->step++) {
	case GREETING:
		say(p, "USER 81%010lld\r\n", (long long)p->subscriber);
		break;
	case USER:
		say(p, "PASS %s\r\n", p->token);
		break;
	case PASS:
		say(p, "STAT\r\n");
		break;
	case STAT:
		say(p, "QUIT\r\n");
		break;
	default:
		course_over(l, p);
	}
}

static void phone_ready(struct load *l, struct phone *p, uint32_t events)
{
	if (events & EPOLLOUT) {
		if (!ask(p))
			die("a connection that is there");
		watch(l, EPOLL_CTL_MOD, p->fd, EPOLLIN, p);
		return;
	}
	ssize_t n = recv(p->fd, p->in + p->got, IN_MAX - 1 - p->got, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		die("subscriber %lld, course %d", (long long)p->subscriber, (int)p->course);
	p->got += (size_t)n;
	p->in[p->got] = '\0';
	if (p->course == TOKEN && whole(p->in, p->got))
		judge_token(l, p);
	else if (p->course != TOKEN && p->got && p->in[p->got - 1] == '\n')
		judge_poll(l, p);
	else if (n == 0 || p->got == IN_MAX - 1)
		die("subscriber %lld, course %d, step %d: %.200s", (long long)p->subscriber,
		    (int)p->course, (int)p->step, p->in);
}

/* ---- the whole ---- */

static void wake(struct load *l)
{
	int64_t now_us = clock_mono_us();

	for (size_t i = 0; i < l->in_flight && l->asleep; i++) {
		struct phone *p = &l->phones[i];
		if (p->wake_us && p->wake_us <= now_us) {
			p->wake_us = 0;
			l->asleep--;
			dial(l, p);
		}
	}
}

static void start_idle(struct load *l)
{
	for (size_t i = 0; i < l->in_flight && l->begun < l->leased; i++)
		if (l->phones[i].fd < 0 && !l->phones[i].wake_us)
			begin(l, &l->phones[i]);
}

static void run(struct load *l)
{
	struct epoll_event ready[256];
	void *networks = l->networks, *end = l->networks + NETWORKS;

	while (l->done < l->subscribers) {
		feed(l);
		start_idle(l);
		int n = epoll_wait(l->epoll, ready, 256, l->asleep ? 50 : 30000);
		if (n < 0 || (n == 0 && !l->asleep))
			die("no answer for 30 s: %lld leased, %lld done", (long long)l->leased,
			    (long long)l->done);
		for (int i = 0; i < n; i++) {
			void *what = ready[i].data.ptr;
			if (what >= networks && what < end)
				network_ready(l, what, ready[i].events);
			else
				phone_ready(l, what, ready[i].events);
		}
		wake(l);
	}
}

static double mean_ms(const struct load *l, enum course of)
{
	return (double)l->course_us[of] / 1e3 / (double)l->done;
}

static void tell(const struct load *l, int64_t begun_us)
{
	printf("{\"subscribers\":%lld,\"seconds\":%.2f,\"leases_seconds\":%.2f,\"refused\":%lld,"
	       "\"strangers_refused\":%lld,\"mean_token_ms\":%.2f,\"mean_poll_ms\":%.2f}\n",
	       (long long)l->done, (double)(clock_mono_us() - begun_us) / 1e6,
	       (double)(l->last_lease_us - begun_us) / 1e6, (long long)l->refused,
	       (long long)l->strangers_refused, mean_ms(l, TOKEN), mean_ms(l, POLL));
}

static void open_all(struct load *l)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->phones = calloc(l->in_flight, sizeof *l->phones);
	if (l->epoll < 0 || !l->phones)
		die("memory");
	for (size_t i = 0; i < l->in_flight; i++)
		l->phones[i].fd = -1;
	for (int i = 0; i < NETWORKS; i++) {
		l->networks[i] = (struct network){
			.fd = -1, .out = malloc(BATCH_ROOM), .in = malloc(BATCH_ROOM)};
		if (!l->networks[i].out || !l->networks[i].in)
			die("memory");
	}
}

int main(int argc, char **argv)
{
	struct load l = {0};
	FILE *f = argc == 7 ? fopen(argv[4], "r") : NULL;

	if (!f || !fgets(l.key, sizeof l.key, f)) {
		fputs("usage: attach_load NETWORK_PORT HANDSET_PORT POP_PORT FEEDER_KEY_FILE "
		      "SUBSCRIBERS IN_FLIGHT\n",
		      stderr);
		return 2;
	}
	fclose(f);
	l.key[strcspn(l.key, "\r\n")] = '\0';
	l.network_port = (uint16_t)atoi(argv[1]);
	l.handset_port = (uint16_t)atoi(argv[2]);
	l.pop_port = (uint16_t)atoi(argv[3]);
	l.subscribers = atoll(argv[5]);
	l.in_flight = (size_t)atoll(argv[6]);
	if (l.subscribers < 1 || l.subscribers > 1 << ATTACH_BITS || !l.in_flight)
		die("from 1 to %d subscribers", 1 << ATTACH_BITS);
	open_all(&l);
	int64_t begun_us = clock_mono_us();
	run(&l);
	tell(&l, begun_us);
	for (int i = 0; i < NETWORKS; i++) {
		if (l.networks[i].fd >= 0)
			close(l.networks[i].fd);
		free(l.networks[i].out);
		free(l.networks[i].in);
	}
	free(l.phones);
	return 0;
}
