/* handed_over -- which mail of smtpgw's queue a subscriber was given already
 *
 * A mail leaves the queue in a commit of queue.db after pushsrv's commit in mail.db; if one of the
 * two programs dies in between, smtpgw brings it again. So mail_accept, told the mail's name in the
 * queue (xid), writes down in its own transaction who was given it, and gives it to nobody twice.
 * Rows are kept for a day: a queue that stood still for longer may bring a mail twice, never not at
 * all. A name has the time at which the mail was queued in it, so that another queue.db in the
 * old one's place does not give a new mail an old name.
 *
 * THREADS  handed_over_has: the port's loop; the others: a writer's transaction on mail.db
 * SEE      docs/bounces.md
 */
#ifndef HATO_DB_HANDED_OVER_H
#define HATO_DB_HANDED_OVER_H

#include <stdbool.h>
#include <stdint.h>

#define HANDED_OVER_KEEP_US (INT64_C(86400) * 1000000)

struct db_port;
struct engine;

/* False also if it cannot be asked. */
bool handed_over_has(struct db_port *, const char *xid, int64_t subscriber);

int handed_over_find(struct engine *e, const char *xid, int64_t subscriber, bool *has_it);
int handed_over_put(struct engine *e, const char *xid, int64_t subscriber, int64_t at_us);

#endif
