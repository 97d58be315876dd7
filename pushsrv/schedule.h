/* schedule -- when the next trigger of a mailbox is due
 *
 * Decides over a row of the outbox: send now, hold until the coalescing window ends, or wait for
 * its time. The first mail's trigger goes at once; mails that come within pushsrv.coalesce of a
 * datagram to that mailbox share the next one; a trigger that nobody answered is repeated after the
 * gaps of pushsrv.retry, each counted from the datagram before it, and then sleeps until new mail
 * or a new lease. Pure: no clock, no I/O, any thread. Times in microseconds.
 */
#ifndef HATO_PUSHSRV_SCHEDULE_H
#define HATO_PUSHSRV_SCHEDULE_H

#include "db/db.h"
#include "lib/conf.h"

#define SCHEDULE_NEVER INT64_MAX

struct schedule {
	int64_t coalesce_us;
	int64_t retry_us[CONF_LIST_MAX];
	size_t retry_count;
};

void schedule_init(struct schedule *s, const struct conf *c);

/* Why the row is looked at. */
enum schedule_cause {
	SCHEDULE_MAIL,  /* new mail, or its time came */
	SCHEDULE_LEASE, /* a lease of its subscriber was confirmed: whatever was sent went elsewhere
			 */
	SCHEDULE_START  /* pushsrv starts: a lease may have been confirmed meanwhile */
};

enum schedule_verdict {
	SCHEDULE_SEND,
	SCHEDULE_HOLD, /* new mail inside the window: one trigger at its end */
	SCHEDULE_WAIT, /* until *at_us */
	SCHEDULE_ASK /* not due: send if a lease was confirmed after its mail came (schedule_missed)
		      */
};

/* window_us: what is left of the coalescing window of this mailbox, 0: none. *at_us is set for HOLD
 * and WAIT. */
enum schedule_verdict schedule_look(const struct outbox_row *row, enum schedule_cause cause,
				    int64_t now_us, int64_t window_us, int64_t *at_us);

/* ASK: was the lease that is there now confirmed after the mail, so that its wake may have been
 * lost? */
bool schedule_missed(const struct outbox_row *row, int64_t confirmed_us);

/* When the datagram after this one is due; `attempts` were sent before it. SCHEDULE_NEVER after the
 * last. */
int64_t schedule_after(const struct schedule *s, uint32_t attempts, int64_t sent_us);
/* The network refused the datagram: the next try. Never gives up, since nothing was sent. */
int64_t schedule_after_error(const struct schedule *s, uint32_t attempts, int64_t now_us);

#endif
