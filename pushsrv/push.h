/* push -- the trigger thread: hears of mail and leases, finds what is due, sees to it that nothing
 * is forgotten
 *
 * One thread of its own beside the workers, so that a worker that parses a large mail does not
 * keep a phone waiting. It learns of mail from the change feed, which the process's own commits
 * wake at once, and of leases likewise. The outbox in the store is the truth: in memory there is
 * one timer for the next due row, the mailboxes at work (triggers.h) and the coalescing windows
 * (recent.h); a phone that waits costs nothing. At start it watches first and then goes through
 * the whole outbox, so that a trigger which was owed when the process died, or whose lease came
 * meanwhile, is sent.
 *
 * THREADS    push_start and push_stop from the main thread, before the workers start
 *            and after they ended.
 * OWNERSHIP  db and the configuration are borrowed
 */
#ifndef HATO_PUSHSRV_PUSH_H
#define HATO_PUSHSRV_PUSH_H

#include "db/db.h"
#include "lib/conf.h"

struct push;

/* error[] tells why: the egress of a realm, the store, no thread. */
int push_start(struct db *db, const struct conf *c, struct push **out, char error[256]);
void push_stop(struct push *p);

#endif
