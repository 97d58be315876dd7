/* peer -- one SMTP client: a session joined to its socket and, while a mail is in flight, to a
 * connection to pushsrv
 *
 * Input is paused while pushsrv or the inspection has the word, while the mail waits for a free
 * connection to pushsrv, while pushsrv has more content before it than LMTP_UNSENT_MAX, and while
 * the client does not take its answers: whoever sends more costs a socket buffer and no memory. A
 * client that goes away leaves nothing behind, unless pushsrv is committing its mail: then the
 * outcome is awaited, and logged.
 *
 * OWNERSHIP  the conn and the session are each other's from peer_accepted on; the host is borrowed
 *            until all are gone
 * THREADS    one worker's loop
 */
#ifndef HATO_SMTPGW_PEER_H
#define HATO_SMTPGW_PEER_H

#include "smtpgw/checks/inspection.h"
#include "smtpgw/lmtp_pool.h"
#include "smtpgw/session.h"

#define PEER_UNSENT_MAX (64 * 1024) /* answers that the client does not take */

/* What the sessions of a worker share. */
struct peer_host {
	struct session_limits limits;
	struct tls_server *tls;
	struct lmtp_pool *pool;
	struct inspector *inspector; /* what looks at the mails */
	size_t max_command;
	int64_t idle_s, total_s;
};

/* The listener's `accepted`; arg is the struct peer_host. */
void peer_accepted(void *host, struct conn *c);

#endif
