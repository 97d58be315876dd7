/* acceptor -- a listening socket on a loop: accepts, and backs off when descriptors run out
 *
 * What lib/listener (connections) and lib/http (libmicrohttpd) stand on. So the PROXY protocol,
 * which comes before anything else, is read here for all of them. A worker has its own; the socket
 * comes from lib/door.
 *
 * LIMITS   ACCEPTOR_BURST connections a wake-up, so that those who are in are served too; out of
 *          descriptors it rests for ACCEPTOR_REST_MS, and says so once a second at most
 * THREADS  one loop's thread; opening and closing on several threads at once is fine
 */
#ifndef HATO_LIB_ACCEPTOR_H
#define HATO_LIB_ACCEPTOR_H

#include <sys/socket.h>

#include "lib/balancers.h"
#include "lib/conn.h"

#define ACCEPTOR_BURST   64
#define ACCEPTOR_REST_MS 100

struct acceptor;

struct acceptor_options {
	struct addr addr;
	uint16_t port;                     /* 0: the kernel's choice, see acceptor_port */
	const char *device;                /* null or "": any (lib/door) */
	const char *unix_path;             /* instead of addr and port; a stale one is replaced */
	bool urgent;                       /* goes before the loop's other work */
	const struct balancers *balancers; /* null: none. Else a connection from one of these comes
					      when its PROXY header was read, and only then */
	/* A new connection, not blocking, closed on exec, TCP_NODELAY set: the callee owns fd. `sa`
	 * is the peer's address. It must not close the acceptor. */
	void (*accepted)(void *arg, int fd, const struct conn_peer *peer, const struct sockaddr *sa,
			 socklen_t sa_len);
	void *arg;
};

/* E_EXISTS: somebody listens there; E_NOT_FOUND: no such device; E_RANGE: a path or name that is
 * too long; E_IO, E_NOMEM. */
int acceptor_open(struct loop *loop, const struct acceptor_options *options, struct acceptor **out);
void acceptor_close(struct acceptor *a);
uint16_t acceptor_port(const struct acceptor *a); /* 0: unix */

#endif
