#include "lib/acceptor.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/door.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/proxy_wait.h"

/* What the kernel takes of us beyond what is on its way to the peer. It would take megabytes for a
 * slow handset: then its progress comes in lumps, and more than we like is out of our hands. */
#define UNSENT_MAX 131072

struct acceptor {
	struct loop *loop;
	struct event *readable;
	struct loop_timer *rest;
	struct door *door;
	int fd;
	uint16_t port;
	int64_t said_us;
	const struct balancers *balancers;
	struct proxy_wait *waiting; /* null: nobody is believed */
	void (*accepted)(void *, int, const struct conn_peer *, const struct sockaddr *, socklen_t);
	void *arg;
};

static void peer_of(int fd, const struct sockaddr *sa, struct conn_peer *peer)
{
	struct sockaddr_storage local;
	socklen_t len = sizeof local;

	memset(peer, 0, sizeof *peer);
	if (addr_from_sockaddr(sa, &peer->addr, &peer->port)) {
		peer->is_unix = true;
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&local, &len) == 0)
		addr_from_sockaddr((struct sockaddr *)&local, &peer->local, &peer->local_port);
}

/* What the listening socket is told, each accepted one has from it (tcp(7)). */
static void tell_door(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){UNSENT_MAX}, sizeof(int));
}

static void acceptor_rest(struct acceptor *a, int error)
{
	int64_t now = clock_mono_us();

	event_del(a->readable);
	loop_timer_set(a->rest, ACCEPTOR_REST_MS * 1000);
	if (a->said_us && now - a->said_us < CLOCK_S)
		return;
	a->said_us = now;
	log_event(LOG_ERROR, "accept-failed", LOG_INT("port", a->port),
		  LOG_TEXT("error", strerrordesc_np(error)), LOG_END);
}

static void on_rested(void *arg)
{
	struct acceptor *a = arg;

	event_add(a->readable, NULL);
}

/* What is about one connection, or about nothing; the rest (EMFILE, ENFILE, ENOBUFS, ENOMEM) is
 * about us. */
static bool error_is_passing(int error)
{
	return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM ||
	       error == ENETDOWN || error == EHOSTUNREACH || error == ENETUNREACH ||
	       error == ENOPROTOOPT || error == EHOSTDOWN || error == ETIMEDOUT;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct acceptor *a = arg;

	(void)what;
	for (int i = 0; i < ACCEPTOR_BURST; i++) {
		struct sockaddr_storage ss = {0};
		socklen_t len = sizeof ss;
		struct conn_peer peer;
		int one = accept4(fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (one < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (one < 0 && error_is_passing(errno))
			continue;
		if (one < 0) {
			acceptor_rest(a, errno);
			return;
		}
		peer_of(one, (struct sockaddr *)&ss, &peer);
		if (!peer.is_unix && balancers_include(a->balancers, &peer.addr))
			proxy_wait_add(a->waiting, one, &peer);
		else
			a->accepted(a->arg, one, &peer, (struct sockaddr *)&ss, len);
	}
}

static void on_told(void *arg, int fd, const struct conn_peer *peer)
{
	struct acceptor *a = arg;
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&peer->addr, peer->port, &ss);

	a->accepted(a->arg, fd, peer, (struct sockaddr *)&ss, len);
}

int acceptor_open(struct loop *loop, const struct acceptor_options *options, struct acceptor **out)
{
	struct acceptor *a = calloc(1, sizeof *a);
	int rc;

	if (!a)
		return E_NOMEM;
	a->loop = loop;
	a->accepted = options->accepted;
	a->arg = options->arg;
	a->balancers = options->balancers;
	if (a->balancers) {
		rc = proxy_wait_new(loop, a->balancers, on_told, a, &a->waiting);
		if (rc)
			goto fail;
	}
	rc = door_open(&(struct door_place){.addr = options->addr,
					    .port = options->port,
					    .device = options->device,
					    .unix_path = options->unix_path},
		       &a->door, &a->fd, &a->port);
	if (rc)
		goto fail;
	tell_door(a->fd);
	rc = E_NOMEM;
	a->rest = loop_timer_new(loop, on_rested, a);
	a->readable = event_new(loop_base(loop), a->fd, EV_READ | EV_PERSIST, on_readable, a);
	if (a->readable && options->urgent)
		event_priority_set(a->readable, LOOP_URGENT);
	if (!a->rest || !a->readable || event_add(a->readable, NULL))
		goto fail;
	*out = a;
	return 0;
fail:
	acceptor_close(a);
	return rc;
}

void acceptor_close(struct acceptor *a)
{
	if (!a)
		return;
	if (a->readable)
		event_free(a->readable);
	loop_timer_free(a->rest);
	proxy_wait_free(a->waiting);
	door_close(a->door, a->fd);
	free(a);
}

uint16_t acceptor_port(const struct acceptor *a)
{
	return a->port;
}
