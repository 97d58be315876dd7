/* push -- the trigger thread: hears of mail and leases, finds what is due, sees to it that nothing
 * is forgotten
 *
 * One thread of its own beside the workers, so that a worker that parses a large mail does not
 * keep a phone waiting. It learns of mail from the change feed, which the process's own commits
 * wake at once, and of leases likewise. The outbox in the store is the truth: in memory there is
 * only what is on its way (triggers.h); a phone that waits costs nothing. At start it watches
 * first and takes what is due; beside that it goes through the whole outbox, a piece a turn of the
 * loop, for those whose lease was confirmed while nobody watched.
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
