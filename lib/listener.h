/* listener -- a listening socket of one worker, and the limits on what it accepts
 *
 * Each worker opens its own socket on the same address (SO_REUSEPORT), so that the kernel spreads connections and workers share
 * nothing. What they must share to be honest is the count per address and in all: struct admission, one per process and service.
 * A connection over a limit is answered with one line (`refusal`) and closed: it costs an accept and a write.
 * OWNERSHIP listener_close closes the socket and leaves open connections alone; connections_close_all ends them.
 */
#ifndef HATO_LIB_LISTENER_H
#define HATO_LIB_LISTENER_H

#include "lib/conn.h"

/* Counts open connections per address over all workers of a process: a mutex taken at accept and close only. */
struct admission;
struct admission *admission_new(size_t max_connections, size_t max_per_address);
void admission_free(struct admission *a);
size_t admission_open(const struct admission *a);

struct listener_options {
	struct addr addr;
	uint16_t port;             /* or: */
	const char *unix_path;     /* replaced if a stale one is there */
	struct tls_server *tls;    /* null: plain; else TLS from the first octet */
	int64_t sniff_tls_ms;      /* plain: wait so long for a ClientHello (0x16) before `accepted`; needs sniff_tls */
	struct tls_server *sniff_tls;
	struct admission *admission;
	const char *refusal;       /* e.g. "-ERR [SYS/TEMP] too many connections\r\n"; not sent on TLS ports */
	/* A new connection, counted and (with TLS) secured: attach a session to it, greet. */
	void (*accepted)(void *arg, struct conn *c);
	void *arg;
};

struct listener;
/* E_EXISTS: the port is in use; E_IO. */
int listener_open(struct loop *loop, const struct listener_options *options, struct listener **out);
void listener_close(struct listener *l);

#endif
