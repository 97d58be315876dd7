/* notification -- how a subscriber is told of his mail, in the store
 *
 * A wing of db.h. authsrv writes, at the operator's word; who decides over a trigger reads it in
 * the transaction that logs the sending (notification_read), so a change holds for whatever is
 * sent after it was answered. A change is told by the change feed (CHANGE_NOTIFICATION), so that
 * what waits for the end of quiet hours that are no more is looked at again. It goes with its
 * subscriber.
 *
 * OWNERSHIP, THREADS, ERRORS as in db.h. SEE lib/rules/notify.h
 */
#ifndef HATO_DB_NOTIFICATION_H
#define HATO_DB_NOTIFICATION_H

#include "db/db.h"
#include "db/engine.h"
#include "lib/rules/notify.h"

/* Both E_NOT_FOUND: no such subscriber. A reset where nothing was chosen is none. */
void notification_put(struct db_port *, const char *msisdn, const struct notification *, db_done *,
		      void *arg);
void notification_reset(struct db_port *, const char *msisdn, db_done *, void *arg);

/* The default's, when the subscriber never chose (is_own false). E_NOT_FOUND: no such subscriber.
 */
typedef void notification_got(void *arg, int err, const struct notification *, bool is_own);
void notification_get(struct db_port *, const char *msisdn, notification_got *, void *arg);

/* ---- for the rooms of db/ ---- */

/* *out is the default when he never chose. E_IO: what is stored is no notification. */
int notification_read(struct engine *e, int64_t subscriber, struct notification *out, bool *is_own);

#endif
