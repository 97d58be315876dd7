/* lmtp_peer -- the LMTP clients of one worker: sessions (lmtp_session) joined to sockets and to the
 * store
 *
 * While a session waits for the store its input is paused, so that a peer that sends more costs its
 * socket buffer and no memory. A session whose client went away while the store works on its mail
 * stays until the completion, and its reply goes nowhere: the mail is stored, and the client, not
 * having heard so, brings it again. OWNERSHIP  the conn is the peer's from lmtp_peers_accepted on;
 * port and limits are borrowed. THREADS one worker's loop
 */
#ifndef HATO_PUSHSRV_LMTP_PEER_H
#define HATO_PUSHSRV_LMTP_PEER_H

#include "lib/conn.h"
#include "pushsrv/lmtp_session.h"

struct lmtp_peers; /* of one worker */

int lmtp_peers_new(struct db_port *port, const struct lmtp_limits *limits, uint64_t quota_bytes,
		   int64_t idle_s, struct lmtp_peers **out);
/* The listener's `accepted`; arg is the lmtp_peers. */
void lmtp_peers_accepted(void *peers, struct conn *c);
/* Takes leave: who waits for us is served to the end, the others hear 421. idle() is called once,
 * when nobody is left. */
void lmtp_peers_stop(struct lmtp_peers *peers, void (*idle)(void *arg), void *arg);
/* All gone (after idle()). */
void lmtp_peers_free(struct lmtp_peers *peers);

#endif
