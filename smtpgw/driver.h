/* driver -- a session joined to its socket: whichever door it came in by
 *
 * Gives the session lines and octets as they come and writes its answers; pauses input while
 * somebody else has the word (the store, an inspection, the way on), and while the client does not
 * take its answers: whoever sends more costs a socket buffer and no memory. Where the mail goes is
 * the way's (peer: to pushsrv while the sender waits; submission/door: into the queue). A struct
 * that begins with a struct driver is a client of that way; session ops get it as their argument.
 *
 * A client that goes away leaves nothing behind, unless its mail is being committed: then the
 * outcome is awaited, and logged.
 *
 * OWNERSHIP  the conn and the client are each other's from driver_open on; the client is freed by
 *            way->free when the socket is closed, no commit is awaited and the way needs it no
 * more. The host is borrowed until all are gone THREADS    one worker's loop
 */
#ifndef HATO_SMTPGW_DRIVER_H
#define HATO_SMTPGW_DRIVER_H

#include "lib/conn.h"
#include "smtpgw/session.h"

#define DRIVER_UNSENT_MAX (64 * 1024) /* answers that the client does not take */

/* What the sessions of a door share. */
struct driver_host {
	struct session_limits limits;
	struct tls_server *tls;
	size_t max_command;
	int64_t idle_s, total_s;
};

struct driver;

struct driver_way {
	const struct session_ops *ops;
	/* Input waits: the way on does not take more just now. driver_run when it does. */
	bool (*is_stalled)(const struct driver *d);
	/* Something of it will still be heard of; driver_run then. Null: never. */
	bool (*is_awaited)(const struct driver *d);
	/* Nobody knows of it any more. */
	void (*free)(struct driver *d);
};

struct driver {
	const struct driver_way *way;
	const struct driver_host *host;
	struct conn *conn; /* null: closed */
	struct session session;
	char ip[ADDR_TEXT_MAX];
	int64_t began_us;

	bool is_running; /* in driver_run: what comes at once leaves the rest to it */
	bool is_paused;
	bool is_backlogged; /* the client does not take its answers */
	bool is_securing;   /* the handshake */
	bool is_closing;    /* conn_close was called */

	bool is_line_held; /* the session said: not now. In the conn's buffer: */
	char *line;
	size_t line_n;
	enum session_line_is line_is;
};

/* Greets. `d` is all zero. */
void driver_open(struct driver *d, const struct driver_way *way, const struct driver_host *host,
		 struct conn *c);
/* Goes on: after whatever the session, or the way on, waited for. May free it. */
void driver_run(struct driver *d);

/* For the session's ops. */
void driver_reply(void *client, const char *octets, size_t n);
bool driver_is_ahead(void *client);

#endif
