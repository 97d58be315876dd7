/* bindings -- the rows of the address directory, and the one way to change them
 *
 * binding_change writes the row, the history and the change feed together; nothing else writes a
 * binding (lease_scope, for lease events, goes through it too).
 */
#ifndef HATO_DB_BINDINGS_H
#define HATO_DB_BINDINGS_H

#include "db/history.h"

#define SUBSCRIBER_BINDINGS 128 /* of one subscriber: two a realm */

/* Reads BINDING_COLUMNS. */
void binding_read(struct query *q, struct binding *b);
/* E_NOT_FOUND: never bound. */
int binding_row_get(struct engine *e, const struct key *k, struct binding *b);
/* The active row that holds a source address and port, and since when its NAS is behind (0: it is
 * not). */
int binding_row_check(struct engine *e, const char *realm, const struct addr *source, uint16_t port,
		      struct binding *b, int64_t *behind_us);
/* The same, and whose number it is ("": nobody's). */
int binding_row_caller(struct engine *e, const char *realm, const struct addr *source,
		       uint16_t port, struct binding *b, int64_t *behind_us,
		       char msisdn[MSISDN_MAX]);
/* The same with all of BINDING_FOUND_COLUMNS, and the first address of whose it is ("": none). */
int binding_row_owner(struct engine *e, const char *realm, const struct addr *source, uint16_t port,
		      struct binding_found *found, char first_address[ADDRESS_MAX]);
/* Reads BINDING_FOUND_COLUMNS; *any is what may contain it: if not 0, ask that, too. */
void binding_found_read(struct query *q, struct binding_found *f, int64_t *any);
int binding_found_contain(struct engine *e, int64_t any, struct binding_found *f);
/* A row whose key overlaps k and is not k, and is active or has a watermark after newer_us: the
 * next after `after` (null: the first). */
int binding_row_overlapping(struct engine *e, const struct key *k, int64_t newer_us,
			    const struct key *after, struct binding *b);
int binding_row_of_session(struct engine *e, int64_t session, struct binding out[2], size_t *n);
/* The bindings of a subscriber's active sessions in a realm ("": in all). E_TOO_LARGE. */
int bindings_of(struct engine *e, const char *realm, int64_t subscriber,
		struct binding out[SUBSCRIBER_BINDINGS], size_t *n);

/* The number of the newest commit of bindings.db that is seen: each has one, whatever it wrote. */
int bindings_commit(struct engine *e, int64_t *number);

/* The bindings of sendings as they are committed now, in order (db/outbox.h, triggers_check), in
 * one view. No transaction is open. */
struct trigger_out;
int bindings_look(struct engine *e, const struct trigger_out *list, size_t n,
		  binding_checked *checked, void *arg);

/* What mostly is not, asked once before many rows are judged. */
struct binding_doubts {
	int64_t any;       /* CONTAINED */
	int64_t behind_us; /* the newest moment since when any NAS is behind; 0: none is */
};
int binding_doubts_read(struct engine *e, struct binding_doubts *d);
/* Sets b->frozen; *behind: its NAS is. */
int binding_doubt(struct engine *e, const struct binding_doubts *d, struct binding *b,
		  bool *behind);

/* Did the key change hands? */
bool binding_decides(const struct binding *before, const struct binding *after);

/* The parts of binding_change: the row alone (E_CONFLICT: its generation would lessen); history and
 * change feed; the change feed alone, if the key moved. */
int binding_row_put(struct engine *e, const struct binding *before, const struct binding *after);
int binding_report(const struct db *db, struct engine *e, const struct binding *before,
		   const struct binding *after, const struct history_entry *entry);
int binding_tell(struct engine *e, const struct binding *before, const struct binding *after);
/* The change feed, whether it moved or not. */
int binding_announce(struct engine *e, const struct binding *before, const struct binding *after);

/* In a writer's transaction. `before` is the row as it was (state free, generation 0: there was
 * none). A session that comes to hold the key is told so by who brings it (lease_scope.c). The
 * entry, if any, gets key, generation and `decides` from the rows, and feeder and times if it has
 * none. */
int binding_change(const struct db *db, struct engine *e, const struct binding *before,
		   const struct binding *after, const struct history_entry *entry);

#endif
