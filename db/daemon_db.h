/* daemon_db -- a daemon's database, opened as the settings say
 *
 * Called by the start functions of the daemons. What db_options has of the settings that all share
 * (the folder, the queue's and the group's limits, the rules of lease events, what is kept how
 * long) is read here; the rest is the caller's.
 *
 * OWNERSHIP  *out is the caller's: db_close
 * THREADS    the main thread
 * ERRORS     those of db_open, E_NOMEM; said with daemon_fail already
 */
#ifndef HATO_DB_DAEMON_DB_H
#define HATO_DB_DAEMON_DB_H

#include "db/db.h"
#include "lib/daemon.h"

/* Of `own` count daemon, files, secret_key and schedule. With smsc.db alone there are no hints:
 * they are of the change feed, which the other files have. */
int daemon_db_open(struct daemon *d, const struct db_options *own, struct db **out);

#endif
