/* submitter -- one client at a submission port: a session (driver), and the mail that it puts into
 * the queue (letter)
 *
 * Who it is comes from the realm of the port and the TCP source address, with a token (AUTH,
 * db/identity) or, where that is allowed, with a POP login from this address a short while ago. At
 * every MAIL the committed binding is asked for again, and the transaction that stores the mail
 * asks it inside itself: a lease that has moved is 530 and the end of the session, and nothing is
 * queued.
 *
 *   MAIL   the reverse-path is <> (read receipts need it) or one of the subscriber's addresses
 *   RCPT   anybody; but not whom his suppression list has, and not more than rate lets
 *   data   mended (mend), put by (letter), committed; then 250
 *
 * OWNERSHIP  as in driver.h; lives until its last operation of the store has completed
 * THREADS    one worker's loop
 */
#ifndef HATO_SMTPGW_SUBMISSION_SUBMITTER_H
#define HATO_SMTPGW_SUBMISSION_SUBMITTER_H

#include "db/queue.h"
#include "lib/keyring.h"
#include "lib/wire/smtp/header.h"
#include "smtpgw/door/reception.h"
#include "smtpgw/driver.h"
#include "smtpgw/submission/rate.h"

/* What the submitters of a worker share. */
struct submission_host {
	struct driver_host driver;
	struct db_port *port;
	struct keyring *ring;
	struct rate *rate;
	enum login_ids login_ids;
	bool rewrites;
	int64_t correspondents; /* domains that are kept of whom a subscriber sends to; 0: none */
	struct header_limits header;
	struct reception_host reception;
	int64_t login_s;
};

/* A port of one realm. */
struct submission_door {
	const struct submission_host *host;
	struct driver_host driver; /* the host's, with what is this port's own */
	const char *realm;
	int64_t pop_us; /* how long a POP login counts here; 0: not */
	struct listener *listener;
};

/* The listener's `accepted`; arg is the struct submission_door. */
void submitter_accepted(void *door, struct conn *c);

#endif
