/* store -- what of the messages survives the process: nothing (memory), or all (db/smsc.h)
 *
 * Messages that changed are noted; one batch a turn of the loop goes to the disk, and while it is
 * on its way the next one gathers. A new message is `landed` when its batch is committed: only then
 * it is answered for.
 *
 * OWNERSHIP  a noted message is pinned. THREADS the loop's
 * ERRORS     a batch that cannot be written: its new messages hear so and are dropped; changes are
 *            tried again with the next batch
 */
#ifndef HATO_SMSC_SIM_STORE_H
#define HATO_SMSC_SIM_STORE_H

#include "smsc-sim/smsc.h"

struct db;
struct store;

/* db null: memory. */
int store_open(struct smsc *s, struct db *db, struct store **out);
void store_close(struct store *st);
/* Reads all that is there into the spool, in the order of ids. */
int store_load(struct store *st);

/* 0: it is as durable as it will be. E_AGAIN: m->landed is called. */
int store_put(struct store *st, struct message *m);
void store_changed(struct store *st, struct message *m);  /* its life */
void store_replaced(struct store *st, struct message *m); /* all of it */
void store_forget(struct store *st, struct message *m);
/* Nothing is on its way, nothing noted; else `idle` is called once it is so. */
bool store_is_idle(const struct store *st);
void store_when_idle(struct store *st, void (*idle)(void *arg), void *arg);

#endif
