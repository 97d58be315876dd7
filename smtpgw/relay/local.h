/* local -- the lane of our own domains: mail out of the queue to pushsrv, by LMTP
 *
 * A mail is put to pushsrv as one that comes from outside: each recipient's answer is pushsrv's
 * word (unknown, full, frozen), the rest are stored all or none (XATOMIC). A refusal is the answer
 * that the sender hears of. A connection that was lost, or a pushsrv that is out of reach, is
 * nobody's attempt (whether pushsrv had stored the mail already it knows itself: XID): the mails
 * are due as before, and the lane rests for a moment, longer each time up to LOCAL_REST_MAX_US.
 *
 * OWNERSHIP  the pool is the local lane's
 * THREADS    one loop's
 */
#ifndef HATO_SMTPGW_RELAY_LOCAL_H
#define HATO_SMTPGW_RELAY_LOCAL_H

#include "smtpgw/lmtp_pool.h"
#include "smtpgw/relay/intake.h"

#define LOCAL_REST_US     (INT64_C(200000))
#define LOCAL_REST_MAX_US (INT64_C(10000000))

struct local;

struct local_options {
	struct loop *loop;
	struct db_port *port;
	struct intake *intake;
	const struct lmtp_settings *lmtp;
	size_t most; /* mails at a time */
};

int local_new(const struct local_options *options, struct local **out); /* E_NOMEM */
/* After `stopped`, or when the loop has ended. */
void local_free(struct local *l);

/* There is something due in the lane. */
void local_offer(struct local *l, int64_t lane);
void local_look(struct local *l); /* there is room for jobs again */

/* Nothing is begun any more; mails whose commit is under way are waited for. */
void local_stop(struct local *l, void (*stopped)(void *arg), void *arg);

#endif
