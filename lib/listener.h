/* listener -- a listening socket of one worker, and the limits on what it accepts
 *
 * Each worker opens its own socket on the same address (SO_REUSEPORT), so that the kernel spreads
 * connections and workers share nothing. What they must share to be honest is the count per address
 * and in all: struct admission, one per process and service. A connection over a limit is answered
 * with one line (`refusal`) and closed: it costs an accept and a write. A port that another process
 * listens on is refused all the same; a unix path is shared by the workers of the process.
 *
 * OWNERSHIP  listener_close closes the socket and leaves open connections alone;
 *            connections_close_all ends them
 * THREADS    a listener and a struct connections: one loop's thread; admission: any
 */
#ifndef HATO_LIB_LISTENER_H
#define HATO_LIB_LISTENER_H

#include "lib/conn.h"

/* Counts open connections per address over all workers of a process: a mutex taken at accept and
 * close only. An IPv6 address counts as its /64, which is what one handset has; a unix socket's
 * peer, or a balancer that speaks for nobody, counts only in all. It outlives every connection that
 * it let in. */
struct admission;
struct admission *admission_new(size_t max_connections, size_t max_per_address);
void admission_free(struct admission *a);
size_t admission_open(const struct admission *a);
/* For who accepts (listener, http): true: counted until admission_leave with the same peer. A null
 * admission lets everybody in. */
bool admission_enter(struct admission *a, const struct conn_peer *peer);
void admission_leave(struct admission *a, const struct conn_peer *peer);

/* The open connections of one worker, so that a stop can end them. A row of listeners may share
 * one; free it when it is empty. */
struct connections;
struct connections *connections_new(void);
void connections_free(struct connections *all);
size_t connections_count(const struct connections *all);
/* Each is asked timed_out(CONN_END_SHUTDOWN), one that is paused when it resumes, and cut after
 * CONN_SHUTDOWN_S at the latest. `ended` is called once none is left: at once if there is none. May
 * be null. */
void connections_close_all(struct connections *all, void (*ended)(void *arg), void *arg);

struct listener_options {
	struct addr addr;
	uint16_t port;
	const char *device;     /* of the network; null or "": any. Or: */
	const char *unix_path;  /* replaced if a stale one is there */
	struct tls_server *tls; /* null: plain; else TLS from the first octet */
	int64_t sniff_tls_ms;   /* plain: wait so long for a ClientHello (0x16) before `accepted`;
				   needs sniff_tls */
	struct tls_server *sniff_tls;
	const struct balancers *balancers; /* believed with a PROXY header; null: nobody */
	struct admission *admission;       /* null: no limit */
	struct connections *connections;   /* null: nobody ends them at a stop */
	const char *refusal; /* e.g. "-ERR [SYS/TEMP] too many connections\r\n"; not sent on TLS
				ports */
	/* A new connection, counted and (with TLS) secured: attach a session to it, greet. */
	void (*accepted)(void *arg, struct conn *c);
	void *arg;
};

struct listener;
/* E_EXISTS: the port is in use; E_NOT_FOUND: no such device; E_RANGE: a unix path that is too long;
 * E_IO, E_NOMEM. Options are copied; texts are borrowed. */
int listener_open(struct loop *loop, const struct listener_options *options, struct listener **out);
/* Connections that `accepted` has not seen yet (handshake, sniffing) are cut. */
void listener_close(struct listener *l);
/* The port bound, also when options said 0. 0: a unix socket. */
uint16_t listener_port(const struct listener *l);

#endif
