/* ticket -- who may write a database file now: a fair lock between processes
 *
 * SQLite's own lock is taken by polling, and whoever polls at the right moment wins: three writers
 * waited up to 0.9 s. So every writer takes this ticket first. It is two locks on a file beside the
 * database: a turnstile and the ticket. Who waits for the ticket stands in the turnstile, so that
 * the last holder cannot come round and overtake him. The kernel releases both when a process dies.
 * THREADS    a struct ticket belongs to one thread; each opens the file for itself (the locks are
 * the open file's)
 */
#ifndef HATO_DB_TICKET_H
#define HATO_DB_TICKET_H

#include "db/engine.h"

struct ticket {
	int fd;
};

int ticket_open(const char *dir, enum db_file file, struct ticket *out); /* E_IO, E_RANGE */
void ticket_close(struct ticket *t);
int ticket_take(struct ticket *t); /* waits. E_IO */
void ticket_release(struct ticket *t);

#endif
