#include "lib/proxy_wait.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/proxy.h"

struct waiting {
	struct waiting *next, **at;
	struct proxy_wait *all;
	struct event *readable;
	int64_t until_us;
	int fd;
	struct conn_peer peer;
	size_t length; /* of what was taken of the header */
	uint8_t octets[PROXY_MAX];
};

struct proxy_wait {
	struct loop *loop;
	const struct balancers *balancers;
	proxy_told *told;
	void *arg;
	struct waiting *first;
	size_t count;
	int64_t said_us;
	size_t refused; /* since it was said */
};

/* Gives the descriptor back. */
static int waiting_free(struct waiting *c)
{
	int fd = c->fd;

	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	c->all->count--;
	if (c->readable)
		event_free(c->readable);
	free(c);
	return fd;
}

static const char *const words[BALANCED_OUTCOMES] = {
	[BALANCED_REFUSED] = "no PROXY header",
	[BALANCED_LATE] = "no PROXY header in time",
	[BALANCED_EMPTY] = "hung up",
	[BALANCED_CROWDED] = "too many wait",
};

static void refuse(struct proxy_wait *w, int fd, const struct conn_peer *peer, enum balanced why)
{
	int64_t now_us = clock_mono_us();
	char text[ADDR_TEXT_MAX];

	close(fd);
	balancers_count(w->balancers, why);
	if (why == BALANCED_EMPTY) /* a health check without a header: nothing is wrong */
		return;
	w->refused++;
	if (w->said_us && now_us - w->said_us < CLOCK_S)
		return;
	log_event(LOG_WARN, "balancer-refused", LOG_INT("port", peer->local_port),
		  LOG_TEXT("balancer", addr_format(&peer->addr, text)), LOG_TEXT("why", words[why]),
		  LOG_INT("count", w->refused), LOG_END);
	w->said_us = now_us;
	w->refused = 0;
}

static void waiting_refuse(struct waiting *c, enum balanced why)
{
	struct proxy_wait *w = c->all;
	struct conn_peer peer = c->peer;

	refuse(w, waiting_free(c), &peer, why);
}

/* 0.0.0.0 can hold no binding: whoever comes so may ask how we are, and nothing more. */
static void peer_set(struct conn_peer *peer, const struct proxy_header *h)
{
	static const struct addr nobody = {.bytes = {[10] = 0xff, [11] = 0xff}};

	peer->is_nameless = h->is_nameless;
	peer->addr = h->is_nameless ? nobody : h->source;
	peer->port = h->source_port;
	if (h->is_nameless)
		return;
	peer->local = h->destination;
	peer->local_port = h->destination_port;
}

static void waiting_tell(struct waiting *c, const struct proxy_header *h)
{
	struct proxy_wait *w = c->all;
	struct conn_peer peer = c->peer;

	peer_set(&peer, h);
	balancers_count(w->balancers, h->is_nameless ? BALANCED_NAMELESS : BALANCED_NAMED);
	int fd = waiting_free(c);
	w->told(w->arg, fd, &peer);
}

/* Takes from the socket what was looked at. */
static bool take(struct waiting *c, size_t n)
{
	ssize_t got = recv(c->fd, c->octets + c->length, n, 0);

	c->length += n;
	return got == (ssize_t)n;
}

/* The header's time goes on from piece to piece. */
static int waiting_arm(struct waiting *c)
{
	int64_t left_us = c->until_us - clock_mono_us();

	if (left_us < 0)
		left_us = 0;
	return event_add(c->readable, &(struct timeval){.tv_sec = left_us / CLOCK_S,
							.tv_usec = left_us % CLOCK_S});
}

static void waiting_read(struct waiting *c)
{
	ssize_t got = recv(c->fd, c->octets + c->length, sizeof c->octets - c->length, MSG_PEEK);
	struct proxy_header h;

	if (got < 0 && (errno == EAGAIN || errno == EINTR) && !waiting_arm(c))
		return;
	if (got <= 0) {
		waiting_refuse(c, c->length ? BALANCED_REFUSED : BALANCED_EMPTY);
		return;
	}
	int rc = proxy_parse(c->octets, c->length + (size_t)got, &h);
	if (!rc && take(c, h.length - c->length))
		waiting_tell(c, &h);
	else if (rc != E_AGAIN || !take(c, (size_t)got) || waiting_arm(c))
		waiting_refuse(c, BALANCED_REFUSED);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *c = arg;

	(void)fd;
	if (!(what & EV_READ) || clock_mono_us() >= c->until_us)
		waiting_refuse(c, BALANCED_LATE);
	else
		waiting_read(c);
}

void proxy_wait_add(struct proxy_wait *w, int fd, const struct conn_peer *peer)
{
	bool crowded = w->count >= w->balancers->max_waiting;
	struct waiting *c = crowded ? NULL : malloc(sizeof *c);

	if (!c) {
		refuse(w, fd, peer, BALANCED_CROWDED);
		return;
	}
	c->all = w;
	c->fd = fd;
	c->peer = *peer;
	c->length = 0;
	c->until_us = clock_mono_us() + w->balancers->wait_ms * 1000;
	c->next = w->first;
	c->at = &w->first;
	if (c->next)
		c->next->at = &c->next;
	w->first = c;
	w->count++;
	c->readable = event_new(loop_base(w->loop), fd, EV_READ, on_event, c);
	if (!c->readable || waiting_arm(c))
		waiting_refuse(c, BALANCED_CROWDED);
}

int proxy_wait_new(struct loop *loop, const struct balancers *balancers, proxy_told *told,
		   void *arg, struct proxy_wait **out)
{
	struct proxy_wait *w = calloc(1, sizeof *w);

	if (!w)
		return E_NOMEM;
	*w = (struct proxy_wait){.loop = loop, .balancers = balancers, .told = told, .arg = arg};
	*out = w;
	return 0;
}

void proxy_wait_free(struct proxy_wait *w)
{
	if (!w)
		return;
	while (w->first)
		close(waiting_free(w->first));
	free(w);
}
