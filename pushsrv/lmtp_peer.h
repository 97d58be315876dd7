/* lmtp_peer -- one LMTP client: a session (lmtp_session) joined to its socket and to the store
 *
 * While a session waits for the store its input is paused, so that a peer that sends more costs
 * its socket buffer and no memory. A session whose client went away while the store works on its
 * mail stays until the completion, and its reply goes nowhere: the mail is stored, and the client,
 * not having heard so, brings it again.
 *
 * OWNERSHIP  the conn and the session are each other's from lmtp_peer_accepted on;
 *            the host is borrowed until all are gone
 * THREADS    one worker's loop
 */
#ifndef HATO_PUSHSRV_LMTP_PEER_H
#define HATO_PUSHSRV_LMTP_PEER_H

#include "lib/conn.h"
#include "pushsrv/lmtp_session.h"

/* What the sessions of a worker share. */
struct lmtp_host {
	struct db_port *port;
	struct lmtp_limits limits;
	uint64_t quota_bytes;
	int64_t idle_s;
};

/* The listener's `accepted`; arg is the struct lmtp_host. */
void lmtp_peer_accepted(void *host, struct conn *c);

#endif
