/* conn -- one accepted (or made) stream connection: buffered, limited, timed, with TLS at any
 * moment
 *
 * Shared by popgw, smtpgw and pushsrv's LMTP. It owns the socket and its buffers; a session above
 * owns the protocol. Input is shown to the session as what has arrived; the session takes lines or
 * octets from it and returns. While the session is waiting for the store it pauses
 * input (conn_pause): output before input, and a peer that floods costs only the socket buffer.
 *
 * OWNERSHIP  The listener makes the conn and hands it to `accepted`, which attaches a session.
 *            conn_close() may be called at any time, in any callback; `closed` is then called once,
 *            from the loop, never from inside conn_close; after it the conn is gone. The session
 *            frees itself in `closed` (or later, when its last operation completes). All are closed
 *            before their loop is freed.
 * LIMITS     64 KiB of input unread, or one line or piece of the length that was asked for
 * THREADS    one loop's thread; the process ignores SIGPIPE
 */
#ifndef HATO_LIB_CONN_H
#define HATO_LIB_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/tls.h"

#define CONN_SHUTDOWN_S 3 /* what is in flight when the process ends has so long to complete */

struct conn;

enum conn_end {
	CONN_END_LOCAL,   /* we closed it, all output flushed */
	CONN_END_ABORT,   /* we cut it without flushing (conn_abort) */
	CONN_END_PEER,    /* the peer closed or reset */
	CONN_END_IDLE,    /* nothing heard, or nothing taken, for idle_s */
	CONN_END_TOTAL,   /* over its total time */
	CONN_END_TLS,     /* handshake failed */
	CONN_END_SHUTDOWN /* the process ends */
};

struct conn_ops {
	/* Input is there (also called again after conn_resume when some is left). Take what you
	 * can. When the peer has hung up, this is the last one, and its answers still leave. */
	void (*input)(void *session);
	/* All output has gone to the kernel; may be null. For streaming a body piece by piece. */
	void (*drained)(void *session);
	/* TLS asked for by conn_start_tls is up; may be null. */
	void (*secured)(void *session);
	/* conn_connect reached the peer; may be null. */
	void (*connected)(void *session);
	/* IDLE, TOTAL and SHUTDOWN ask first, so that a protocol can say goodbye: write it and
	 * conn_close, or just return (it is then cut); may be null. SHUTDOWN waits for a paused
	 * session to resume: what is in flight completes. */
	void (*timed_out)(void *session, enum conn_end why);
	void (*closed)(void *session, enum conn_end why);
};

/* Who is at the other end: from the kernel, or from a balancer that is believed (lib/balancers),
 * never from what it says. A unix socket's peer is all zero. */
struct conn_peer {
	struct addr addr;
	uint16_t port;
	struct addr local;
	uint16_t local_port;
	bool is_unix;
	bool is_nameless; /* a balancer's own: it speaks for nobody */
};

void conn_attach(struct conn *c, const struct conn_ops *ops, void *session);
const struct conn_peer *conn_peer(const struct conn *c);
uint64_t conn_id(const struct conn *c); /* unique in the process: for logs and lock owners */
bool conn_is_tls(const struct conn *c);

/* A line ended by CRLF (or bare LF: *bare_lf, which may be null, tells), without its end, which
 * `limit` does not count, NUL-terminated in a buffer of the conn's, valid until the next call. 0;
 * E_AGAIN: no whole line yet; E_TOO_LARGE: over `limit`: the line was thrown away up to its end (or
 * will be: E_AGAIN follows until then). */
int conn_line(struct conn *c, size_t limit, char **line, size_t *length, bool *bare_lf);
/* What is there, contiguous up to `want`; *n octets of it. Consumed by conn_take. */
const uint8_t *conn_peek(struct conn *c, size_t want, size_t *n);
void conn_take(struct conn *c, size_t n);
size_t conn_waiting(const struct conn *c);

void conn_write(struct conn *c, const void *octets, size_t n);
void conn_printf(struct conn *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t conn_unsent(const struct conn *c);

/* What is written waits for what will follow it, so that it leaves in one piece; who holds it has
 * something to come, and lets go then. Nothing is held once the conn closes or begins TLS. */
void conn_hold(struct conn *c, bool holds);

void conn_pause(struct conn *c);
void conn_resume(struct conn *c); /* calls input from the loop if something is left */

/* Discards all input (command injection), flushes output, then negotiates as a server; what is
 * written before `secured` is lost. Under TLS already, the connection is cut: whether a protocol
 * allows it then is the protocol's to say. */
void conn_start_tls(struct conn *c, struct tls_server *tls);

/* The same as a client (handset-sim): call it in `connected` or after the server's go-ahead. */
void conn_start_client_tls(struct conn *c, struct tls_client *tls);
/* And from a host of this name (tls_client_expect). */
void conn_start_client_tls_with(struct conn *c, struct tls_client *tls, const char *name);

/* 0: none. What the peer says or takes starts it anew; a paused session with nothing to send waits
 * for us and is not idle. */
void conn_set_idle(struct conn *c, int64_t idle_s);
void conn_set_total(struct conn *c, int64_t total_s); /* from now; 0: none */

/* Flush, then close (TLS: say so): no input is shown any more. A peer that takes nothing for 10 s,
 * or not all in 60 s, is cut and the end is IDLE. Then what the peer still sends is read and thrown
 * away until it hangs up, for 2 s, lest a reset overtake our last words; `closed` comes after that.
 */
void conn_close(struct conn *c);
/* Close without flushing, and with a reset, so that the kernel forgets what it holds too: when the
 * binding moved. */
void conn_abort(struct conn *c);

/* The client side (smtpgw's LMTP): to an address or to a unix socket's path. Connects in the
 * background: the first event is `connected`, or `closed` (PEER: nobody there; IDLE or TOTAL, if
 * set: no answer). What is written before leaves then. E_RANGE: the path is too long; E_IO: no
 * descriptor; E_NOMEM. */
int conn_connect_unix(struct loop *loop, const char *path, const struct conn_ops *ops,
		      void *session, struct conn **out);
int conn_connect(struct loop *loop, const struct addr *to, uint16_t port,
		 const struct conn_ops *ops, void *session, struct conn **out);
/* From an address of ours: a simulated handset's. from null: the kernel chooses. E_IO: it is not
 * ours; E_RANGE: other family. */
int conn_connect_from(struct loop *loop, const struct addr *from, const struct addr *to,
		      uint16_t port, const struct conn_ops *ops, void *session, struct conn **out);

#endif
