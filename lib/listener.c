#include "lib/listener.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/acceptor.h"
#include "lib/clock.h"
#include "lib/conn_private.h"
#include "lib/err.h"
#include "lib/log.h"

#define HANDSHAKE_S      30 /* for the whole of it */
#define HANDSHAKE_IDLE_S 10
#define TLS_HANDSHAKE    0x16 /* RFC 8446 5.1: the first octet of a ClientHello's record */

/* ---- connections ---- */

struct connections {
	struct conn *first;
	size_t count;
	bool closing;
	void (*ended)(void *arg);
	void *arg;
};

struct connections *connections_new(void)
{
	return calloc(1, sizeof(struct connections));
}

void connections_free(struct connections *all)
{
	free(all);
}

size_t connections_count(const struct connections *all)
{
	return all->count;
}

void connections_add(struct connections *all, struct conn *c)
{
	c->all = all;
	c->all_next = all->first;
	c->all_at = &all->first;
	if (all->first)
		all->first->all_at = &c->all_next;
	all->first = c;
	all->count++;
	if (all->closing)
		conn_shut_down(c);
}

void connections_remove(struct conn *c)
{
	struct connections *all = c->all;

	if (!all)
		return;
	*c->all_at = c->all_next;
	if (c->all_next)
		c->all_next->all_at = c->all_at;
	c->all = NULL;
	if (--all->count == 0 && all->closing && all->ended)
		all->ended(all->arg);
}

void connections_close_all(struct connections *all, void (*ended)(void *arg), void *arg)
{
	all->closing = true;
	all->ended = ended;
	all->arg = arg;
	for (struct conn *c = all->first; c; c = c->all_next)
		conn_shut_down(c);
	if (!all->count && ended)
		ended(arg);
}

/* ---- the listener ---- */

static const struct conn_ops NO_OPS;

/* A connection that `accepted` has not seen: its first octet is awaited, or its handshake goes on.
 */
struct newcomer {
	struct newcomer *next, **at;
	struct listener *listener;
	struct conn *conn;
	struct event *sniff;
};

struct listener {
	struct loop *loop;
	struct listener_options options;
	struct acceptor *acceptor;
	struct newcomer *newcomers;
	int64_t said_us;
	size_t refused; /* since it was said */
};

static void newcomer_free(struct newcomer *n)
{
	*n->at = n->next;
	if (n->next)
		n->next->at = n->at;
	if (n->sniff)
		event_free(n->sniff);
	free(n);
}

static void hand_over(struct listener *l, struct conn *c)
{
	conn_set_idle(c, 0);
	conn_set_total(c, 0);
	conn_resume(c);
	l->options.accepted(l->options.arg, c);
}

static void newcomer_welcome(struct newcomer *n)
{
	struct listener *l = n->listener;
	struct conn *c = n->conn;

	newcomer_free(n);
	hand_over(l, c);
}

static void on_secured(void *session)
{
	newcomer_welcome(session);
}

static void on_closed(void *session, enum conn_end why)
{
	(void)why;
	newcomer_free(session);
}

static const struct conn_ops NEWCOMER_OPS = {.secured = on_secured, .closed = on_closed};

static void newcomer_secure(struct newcomer *n, struct tls_server *tls)
{
	conn_set_idle(n->conn, HANDSHAKE_IDLE_S);
	conn_set_total(n->conn, HANDSHAKE_S);
	conn_start_tls(n->conn, tls);
}

static void on_first_octet(evutil_socket_t fd, short what, void *arg)
{
	struct newcomer *n = arg;
	unsigned char octet = 0;
	ssize_t got = what & EV_READ ? recv(fd, &octet, 1, MSG_PEEK) : 0;

	if (got == 1 && octet == TLS_HANDSHAKE) {
		event_free(n->sniff);
		n->sniff = NULL;
		newcomer_secure(n, n->listener->options.sniff_tls);
	} else {
		newcomer_welcome(n);
	}
}

static int newcomer_sniff(struct newcomer *n, int64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	n->sniff = event_new(loop_base(n->listener->loop), n->conn->fd, EV_READ, on_first_octet, n);
	return n->sniff && event_add(n->sniff, &tv) == 0 ? 0 : E_NOMEM;
}

static void receive(struct listener *l, struct conn *c)
{
	bool sniff = l->options.sniff_tls && l->options.sniff_tls_ms > 0;
	struct newcomer *n;

	if (!l->options.tls && !sniff) {
		hand_over(l, c);
		return;
	}
	n = calloc(1, sizeof *n);
	if (!n) {
		conn_abort(c);
		return;
	}
	n->listener = l;
	n->conn = c;
	n->next = l->newcomers;
	n->at = &l->newcomers;
	if (n->next)
		n->next->at = &n->next;
	l->newcomers = n;
	conn_pause(c);
	conn_attach(c, &NEWCOMER_OPS, n);
	if (l->options.tls)
		newcomer_secure(n, l->options.tls);
	else if (newcomer_sniff(n, l->options.sniff_tls_ms))
		conn_abort(c);
}

static void refuse(struct listener *l, int fd, const struct conn_peer *peer)
{
	int64_t now = clock_mono_us();
	char text[ADDR_TEXT_MAX];

	if (l->options.refusal && !l->options.tls)
		send(fd, l->options.refusal, strlen(l->options.refusal),
		     MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
	l->refused++;
	if (l->said_us && now - l->said_us < CLOCK_S)
		return;
	log_event(LOG_WARN, "connections-refused", LOG_INT("port", listener_port(l)),
		  LOG_INT("count", l->refused), LOG_TEXT("last", addr_format(&peer->addr, text)),
		  LOG_END);
	l->said_us = now;
	l->refused = 0;
}

static void on_gone(void *admission, struct conn *c)
{
	admission_leave(admission, conn_peer(c));
}

static void on_accepted(void *arg, int fd, const struct conn_peer *peer, const struct sockaddr *sa,
			socklen_t sa_len)
{
	struct listener *l = arg;
	struct conn *c;

	(void)sa;
	(void)sa_len;
	if (!admission_enter(l->options.admission, peer)) {
		refuse(l, fd, peer);
		return;
	}
	if (conn_new(l->loop, fd, peer, &c)) {
		close(fd);
		admission_leave(l->options.admission, peer);
		return;
	}
	c->gone = on_gone;
	c->gone_arg = l->options.admission;
	if (l->options.connections)
		connections_add(l->options.connections, c);
	receive(l, c);
}

int listener_open(struct loop *loop, const struct listener_options *options, struct listener **out)
{
	struct listener *l = calloc(1, sizeof *l);
	struct acceptor_options a = {.addr = options->addr,
				     .port = options->port,
				     .device = options->device,
				     .unix_path = options->unix_path,
				     .balancers = options->balancers,
				     .accepted = on_accepted,
				     .arg = l};

	if (!l)
		return E_NOMEM;
	l->loop = loop;
	l->options = *options;
	int rc = acceptor_open(loop, &a, &l->acceptor);
	if (rc) {
		free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void listener_close(struct listener *l)
{
	if (!l)
		return;
	acceptor_close(l->acceptor);
	while (l->newcomers) {
		struct conn *c = l->newcomers->conn;

		newcomer_free(l->newcomers);
		conn_attach(c, &NO_OPS, NULL);
		conn_abort(c);
	}
	free(l);
}

uint16_t listener_port(const struct listener *l)
{
	return acceptor_port(l->acceptor);
}
