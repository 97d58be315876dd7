/* triggers -- from the outbox to the bearers, in groups
 *
 * The outbox has a queue a bearer, in order of time (lib/rules/schedule.h). What is due in one is
 * taken in groups (db/outbox.h: one transaction looks at many rows, decides, logs what is to be
 * sent and sets the next times); what it returns is handed to the bearer (outgoing.h, and the short
 * messages'). In memory there is only what is on its way: a group or two, and whose lease was just
 * confirmed. A phone that waits costs a row in the store and nothing here.
 *
 *     mail    its own transaction logged the first datagram, and the thread that committed it has
 *             mostly sent it (prompt.h); else the row has a time
 *     lease   whoever has a row goes first in the next group
 *     time    one timer a queue, for its first row
 *
 * While one group is sent the next one is taken, so that the disk and the network work at the same
 * time. What a bearer has no room for stays in the store. A group that the store refused is taken
 * again in a second; the leases that it was to wake are kept, and if they are too many, `lost` has
 * the whole outbox gone through.
 *
 * OWNERSHIP  all in the options is borrowed. Stop the port (db_port_close) before triggers_free.
 * THREADS    one loop's
 */
#ifndef HATO_PUSHSRV_TRIGGERS_H
#define HATO_PUSHSRV_TRIGGERS_H

#include "db/outbox.h"
#include "pushsrv/bearer_sms.h"
#include "pushsrv/bearer_udp.h"
#include "pushsrv/outgoing.h"

#define TRIGGERS_WOKEN_MAX  1024
#define TRIGGERS_UNSENT_MAX 6000 /* datagrams that can be logged and not sent at a time */

struct triggers;

struct triggers_options {
	struct loop *loop;
	struct db_port *port;
	const struct conf *conf;
	const struct bearer_udp *bearer;
	struct bearer_sms *sms; /* null: there is none */
	/* A confirmed lease could not be remembered: go through the outbox some time. */
	void (*lost)(void *arg);
	void *arg;
};

int triggers_new(const struct triggers_options *options, struct triggers **out);
void triggers_free(struct triggers *t);
/* Nothing new is begun. `stopped` when no group is at the store any more, also at once; all_left:
 * no datagram that was logged is left behind. */
void triggers_stop(struct triggers *t, void (*stopped)(void *arg, bool all_left), void *arg);

/* Takes whatever is due in both queues. */
void triggers_begin(struct triggers *t);
/* Mail came: n rows of the send log from `first` on were written with it and are to be sent. n ==
 * 0: `first` is when its row is due; 0: the row tells; CHANGE_MAIL_JOINED: there is nothing to do.
 */
void triggers_mail(struct triggers *t, int64_t subscriber, int64_t first, uint32_t n);
/* A row of the send log that no other way has sent. False: not any more, at the stop. */
bool triggers_left(struct triggers *t, int64_t log);
const struct outgoing *triggers_outgoing(const struct triggers *t);
/* The other bearer has room; a row in its queue is due then. */
void triggers_sms_room(struct triggers *t);
void triggers_sms_due(struct triggers *t, int64_t at_us);
/* All that the bindings' change feed tells up to here was given to us, by the functions below: the
 * next group that leaves none of it behind keeps the number. 0: something was lost, or may be. */
void triggers_heard(struct triggers *t, int64_t seq);
/* That number, if none of it is left behind now; else 0. */
int64_t triggers_all_heard(const struct triggers *t);
/* Is more due than one group holds? */
bool triggers_is_behind(const struct triggers *t);
/* Is a group to wake somebody, or at the store with it? */
bool triggers_is_waking(const struct triggers *t);
/* A lease of the subscriber was confirmed. */
void triggers_lease(struct triggers *t, int64_t subscriber);
/* What the subscriber chose has changed. */
void triggers_look(struct triggers *t, int64_t subscriber);
/* A lease likewise, for those who are known to have a row. How many more there is room for. */
size_t triggers_wake(struct triggers *t, const int64_t *subscribers, size_t n);

#endif
