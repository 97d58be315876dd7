/* lmtp_pool -- one worker's connections to pushsrv: opened when wanted, kept, lent to one mail at a
 * time
 *
 * When none is free and no more may be opened, a mail takes a ticket and waits its turn, first
 * come, first served, at most `wait_us`. When pushsrv is out of reach nobody waits: after a failed
 * attempt there is none for a while (50 ms, doubled up to a second), and all that is asked
 * meanwhile is refused at once. The next one that asks after that tries again.
 *
 * A client that begins a mail and then says nothing must not keep others from theirs: while mails
 * wait, a connection that was not used for settings.stall_us is taken from its holder.
 *
 * OWNERSHIP  a ticket is embedded in its owner's struct and the owner's; it is in the pool's list
 *            from E_AGAIN until `granted` or lmtp_pool_leave. A client comes back by itself.
 * THREADS    one loop's
 */
#ifndef HATO_SMTPGW_LMTP_POOL_H
#define HATO_SMTPGW_LMTP_POOL_H

#include "smtpgw/lmtp_client.h"

#define LMTP_POOL_PAUSE_US     INT64_C(50000) /* after the first failed attempt */
#define LMTP_POOL_PAUSE_MAX_US INT64_C(1000000)
#define LMTP_POOL_LOOK_US      INT64_C(500000) /* while mails wait: for who stalls */

struct lmtp_pool;

struct lmtp_ticket {
	/* null: nothing came free in time, or pushsrv is out of reach. */
	void (*granted)(void *arg, struct lmtp_client *l);
	void *arg;
	struct lmtp_ticket *next, **link; /* link null: does not wait */
	int64_t until_us;
};

/* settings are copied, their texts borrowed. E_NOMEM. */
int lmtp_pool_new(struct loop *loop, const struct lmtp_settings *settings, size_t size,
		  int64_t wait_us, struct lmtp_pool **out);
/* Calls `done` when no connection is left: those that are at work come back first. */
void lmtp_pool_close(struct lmtp_pool *p, void (*done)(void *arg), void *arg);
/* After `done`; or after its loop has ended: what is open then stays so. */
void lmtp_pool_free(struct lmtp_pool *p);

/* 0: *out is an idle one, to be begun at once. E_AGAIN: `granted` is called, maybe before this
 * returns. E_CLOSED: out of reach. */
int lmtp_pool_take(struct lmtp_pool *p, struct lmtp_ticket *t, struct lmtp_client **out);
void lmtp_pool_leave(struct lmtp_pool *p, struct lmtp_ticket *t);
/* False: asking now is in vain. */
bool lmtp_pool_is_up(const struct lmtp_pool *p);

#endif
