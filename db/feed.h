/* feed -- the change feed: numbered rows appended in the transaction that they tell of, and hints
 * that there are new ones
 *
 * The rows are the truth; a hint (a datagram to DIR/run/<daemon>.<file>.hint, where that daemon
 * watches that file) only saves the wait for the next second. Watchers of this process are woken
 * after each commit without a socket. Mail that joined a pending trigger wakes nobody. Cursors live
 * in memory. SEE binding-rules 5
 */
#ifndef HATO_DB_FEED_H
#define HATO_DB_FEED_H

#include "db/db_private.h"

int feed_open(struct db *db, struct feed **out);
void feed_close(struct feed *feed);

/* From a writer's thread, after a commit that appended: wakes the watchers of this process; tells
 * the others. */
void feed_committed(struct feed *feed, enum db_file file);
void feed_tell(struct feed *feed, enum db_file file);

/* What was appended after a number, in order; up to `limit`. */
int feed_read(struct engine *e, int64_t after, struct change *out, size_t limit, size_t *n);

/* In a writer's transaction. seq is ignored. */
int feed_append(struct engine *e, const struct change *change);

#endif
