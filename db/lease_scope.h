/* lease_scope -- lib/rules/lease.h's port to what is stored, inside a writer's transaction
 *
 * One scope serves one event. It writes what the rules put, and with it the history (a row a key
 * that the event named or touched; a row without a key if there was none) and the change feed.
 */
#ifndef HATO_DB_LEASE_SCOPE_H
#define HATO_DB_LEASE_SCOPE_H

#include "db/bindings.h"

int lease_scope_apply(const struct db *db, struct engine *e, const struct lease_event *event,
		      struct lease_outcome *out);
/* The next piece of an On/Off that is `unfinished`. */
int lease_scope_go_on(const struct db *db, struct engine *e, const struct lease_event *event,
		      struct lease_outcome *out);

/* The port for who has more to do than one event. Each key that is put leaves the row of history
 * that the voice gives it, if it says true. */
struct lease_voice {
	bool (*say)(void *arg, const struct binding *before, const struct binding *after,
		    struct history_entry *entry);
	void *arg;
};
struct lease_scope;
int lease_scope_new(const struct db *db, struct engine *e, const struct lease_voice *voice,
		    struct lease_scope **out);
const struct lease_store *lease_scope_store(const struct lease_scope *s);
void lease_scope_free(struct lease_scope *s);

/* Ends every active session of a subscriber; `cause` is the outcome in the history. */
int lease_scope_end_all(const struct db *db, struct engine *e, int64_t subscriber,
			const char *cause);

/* The one of a realm, if there is one. */
int lease_scope_end_in(const struct db *db, struct engine *e, const char *realm, int64_t subscriber,
		       const char *cause);

#endif
