/* peer -- one SMTP client at the MX port: a session (driver) and, while a mail is in flight, a
 * connection to pushsrv
 *
 * Input waits, beside what the driver waits for, while the mail waits for a free connection to
 * pushsrv and while pushsrv has more content before it than LMTP_UNSENT_MAX. A client that goes
 * away while pushsrv is committing its mail does not end that: the outcome is awaited, and logged.
 *
 * OWNERSHIP  as in driver.h
 * THREADS    one worker's loop
 */
#ifndef HATO_SMTPGW_PEER_H
#define HATO_SMTPGW_PEER_H

#include "smtpgw/checks/inspection.h"
#include "smtpgw/door/reception.h"
#include "smtpgw/driver.h"
#include "smtpgw/lmtp_pool.h"

/* What the sessions of a worker share. */
struct peer_host {
	struct driver_host driver;
	struct lmtp_pool *pool;
	struct inspector *inspector; /* what looks at the mails */
	struct reception_host reception;
};

/* The listener's `accepted`; arg is the struct peer_host. */
void peer_accepted(void *host, struct conn *c);

#endif
