/* storm_load -- handsets in a closed loop against authsrv, and a network that speaks meanwhile
 *
 * storm_load HANDSET_PORT NETWORK_PORT FEEDER_KEY_FILE FIRST CLIENTS SECONDS [first|again]
 *
 * Each client is a phone with a connection of its own from 127.x.y.z (phone i: see source_of) and
 * asks for a token, again as soon as it has an answer; a 503 it obeys: it comes back after its
 * Retry-After. `first`: it ends its tokens before it asks again, so that every token is a commit.
 * Beside them one network client posts a lease event 50 times a second and waits for each answer.
 * One line of JSON on stdout. The subscribers and leases are there already (bench/overload.py).
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
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX   4096
#define SAMPLES_MAX  4000000
#define EVENTS_EVERY 20000 /* us */
#define TOKEN_MAX    64

struct client {
	int fd; /* -1: none */
	unsigned number;
	bool ending; /* the token's end is on its way */
	int64_t sent_us, wake_us;
	size_t length;
	char answer[ANSWER_MAX], token[TOKEN_MAX];
};

struct load {
	int epoll;
	uint16_t handset_port, network_port;
	char key[256];
	unsigned count;
	bool first;
	int64_t end_us, measure_us;
	struct client *clients; /* the last one is the network */
	uint64_t issued, refused, ended, failed, events, events_failed;
	uint32_t *took, *event_took; /* us */
	size_t tooks, event_tooks;
};

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint32_t source_of(unsigned number)
{
	return htonl(0x7f020001u + (number / 250 << 8) + number % 250);
}

static bool is_network(const struct load *l, const struct client *c)
{
	return c == &l->clients[l->count];
}

static int dial(const struct load *l, const struct client *c)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = is_network(l, c) ? htonl(INADDR_LOOPBACK) : source_of(c->number);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(is_network(l, c) ? l->network_port : l->handset_port);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof from) ||
	    connect(fd, (struct sockaddr *)&to, sizeof to)) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static int request_write(const struct load *l, const struct client *c, char text[1024])
{
	char body[256];

	if (c->ending)
		return snprintf(text, 1024,
				"DELETE /v1/token HTTP/1.1\r\nHost: localhost\r\n"
				"Authorization: Bearer %s\r\n\r\n",
				c->token);
	int n = is_network(l, c)
			? snprintf(body, sizeof body,
				   "{\"event\":\"start\",\"ip\":\"192.0.2.%llu\",\"msisdn\":"
				   "\"819000000000\","
				   "\"session_id\":\"storm-%llu\"}",
				   (unsigned long long)(l->events % 200 + 1),
				   (unsigned long long)now_us())
			: snprintf(body, sizeof body, "{\"imsi\":\"44010%010u\"}", c->number);
	return snprintf(text, 1024,
			"POST %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s"
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			is_network(l, c) ? "/v1/lease-events" : "/v1/token",
			is_network(l, c) ? "Authorization: Bearer " : "",
			is_network(l, c) ? l->key : "", is_network(l, c) ? "\r\n" : "", n, body);
}

static void hang_up(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void ask(struct load *l, struct client *c)
{
	char text[1024];
	int n = request_write(l, c, text);

	c->wake_us = 0;
	c->length = 0;
	if (c->fd < 0) {
		c->fd = dial(l, c);
		struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
		if (c->fd >= 0)
			epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev);
	}
	c->sent_us = now_us();
	if (c->fd >= 0 && send(c->fd, text, (size_t)n, MSG_NOSIGNAL) == n)
		return;
	l->failed++;
	hang_up(c);
	c->wake_us = c->sent_us + 100000;
}

/* Is the answer whole? Its status, or 0. */
static unsigned answer_status(const struct client *c)
{
	const char *end = strstr(c->answer, "\r\n\r\n"), *length;

	if (!end)
		return 0;
	length = strcasestr(c->answer, "\r\nContent-Length:");
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	return (size_t)(end + 4 - c->answer) + body <= c->length
		       ? (unsigned)strtoul(c->answer + 9, NULL, 10)
		       : 0;
}

static void sample(uint32_t *samples, size_t *n, int64_t us)
{
	if (*n < SAMPLES_MAX)
		samples[(*n)++] = (uint32_t)us;
}

static void keep_token(struct client *c)
{
	const char *at = strstr(c->answer, "\"token\":\"");

	if (at)
		snprintf(c->token, sizeof c->token, "%.*s", (int)strcspn(at + 9, "\""), at + 9);
}

static void answered(struct load *l, struct client *c, unsigned status, int64_t now)
{
	const char *later = strcasestr(c->answer, "\r\nRetry-After:");
	bool counts = now >= l->measure_us;

	if (is_network(l, c)) {
		l->events += counts;
		l->events_failed += status != 200;
		if (counts)
			sample(l->event_took, &l->event_tooks, now - c->sent_us);
		c->wake_us = c->sent_us + EVENTS_EVERY > now ? c->sent_us + EVENTS_EVERY : now + 1;
		return;
	}
	if (status == 201) {
		l->issued += counts;
		if (counts)
			sample(l->took, &l->tooks, now - c->sent_us);
		keep_token(c);
		c->ending = l->first;
	} else if (status == 204) {
		l->ended += counts;
		c->ending = false;
	} else if (status == 503 && later) {
		l->refused += counts;
		c->wake_us = now + strtol(later + 14, NULL, 10) * 1000000;
		return;
	} else {
		l->failed++;
		c->ending = false;
	}
	ask(l, c);
}

static void readable(struct load *l, struct client *c)
{
	ssize_t n = recv(c->fd, c->answer + c->length, ANSWER_MAX - 1 - c->length, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		c->length += (size_t)n;
		c->answer[c->length] = 0;
	}
	unsigned status = c->length ? answer_status(c) : 0;
	if (n <= 0 || strcasestr(c->answer, "\r\nConnection: close"))
		hang_up(c);
	if (status) {
		answered(l, c, status, now_us());
	} else if (n <= 0) {
		l->failed++;
		c->wake_us = now_us() + 100000;
	}
}

static void run(struct load *l)
{
	struct epoll_event ready[256];
	int64_t now;

	while ((now = now_us()) < l->end_us) {
		int n = epoll_wait(l->epoll, ready, 256, 1);
		for (int i = 0; i < n; i++)
			readable(l, ready[i].data.ptr);
		now = now_us();
		for (unsigned i = 0; i <= l->count; i++)
			if (l->clients[i].wake_us && l->clients[i].wake_us <= now)
				ask(l, &l->clients[i]);
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static double at_share(uint32_t *samples, size_t n, double share)
{
	qsort(samples, n, sizeof *samples, by_size);
	return n ? samples[(size_t)((double)(n - 1) * share)] / 1000.0 : 0;
}

static void print(struct load *l, double seconds)
{
	printf("{\"clients\":%u,\"issued_per_s\":%.0f,\"refused_per_s\":%.0f,\"failed\":%llu,"
	       "\"token_ms\":{\"p50\":%.2f,\"p99\":%.2f},\"events\":%llu,\"events_failed\":%llu,"
	       "\"event_ms\":{\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f}}\n",
	       l->count, (double)l->issued / seconds, (double)l->refused / seconds,
	       (unsigned long long)l->failed, at_share(l->took, l->tooks, 0.5),
	       at_share(l->took, l->tooks, 0.99), (unsigned long long)l->events,
	       (unsigned long long)l->events_failed, at_share(l->event_took, l->event_tooks, 0.5),
	       at_share(l->event_took, l->event_tooks, 0.99),
	       at_share(l->event_took, l->event_tooks, 1));
}

int main(int argc, char **argv)
{
	struct load l = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	FILE *f = argc >= 7 ? fopen(argv[3], "r") : NULL;

	if (!f || !fgets(l.key, sizeof l.key, f)) {
		fputs("usage: storm_load HANDSET_PORT NETWORK_PORT KEY_FILE FIRST CLIENTS SECONDS "
		      "[first|again]\n",
		      stderr);
		return 2;
	}
	fclose(f);
	l.key[strcspn(l.key, "\r\n")] = 0;
	l.handset_port = (uint16_t)atoi(argv[1]);
	l.network_port = (uint16_t)atoi(argv[2]);
	l.count = (unsigned)atoi(argv[5]);
	l.first = argc > 7 && !strcmp(argv[7], "first");
	double seconds = atof(argv[6]);
	l.clients = calloc(l.count + 1, sizeof *l.clients);
	l.took = malloc(SAMPLES_MAX * sizeof *l.took);
	l.event_took = malloc(SAMPLES_MAX * sizeof *l.event_took);
	if (!l.clients || !l.took || !l.event_took)
		goto out;
	/* A quarter of the time to come to rest. */
	l.measure_us = now_us() + (int64_t)(seconds * 250000);
	l.end_us = l.measure_us + (int64_t)(seconds * 1000000);
	for (unsigned i = 0; i <= l.count; i++) {
		l.clients[i].fd = -1;
		l.clients[i].number = (unsigned)atoi(argv[4]) + i;
		/* They do not come in one moment; the network is there at once. */
		l.clients[i].wake_us =
			l.measure_us - (int64_t)(seconds * 200000) * i / (l.count + 1);
	}
	run(&l);
	print(&l, seconds);
out:
	free(l.clients);
	free(l.took);
	free(l.event_took);
	return 0;
}
