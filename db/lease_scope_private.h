/* lease_scope_private -- a scope, as its two rooms share it
 *
 * lease_scope_port.c: what the rules ask and put, and what was shown to them. lease_scope.c: an
 * event from its beginning to its rows of history. OWNERSHIP values, but what a pointer's owner
 * keeps for the length of the scope. THREADS the writer's, or that of a reader
 */
#ifndef HATO_DB_LEASE_SCOPE_PRIVATE_H
#define HATO_DB_LEASE_SCOPE_PRIVATE_H

#include "db/devices.h"
#include "db/lease_scope.h"
#include "db/sessions.h"

/* Rows the rules were shown and may put: who puts one needs to know how it was. */
#define RECALL_ROWS     8
#define RECALL_SESSIONS 4

struct lease_scope {
	struct lease_store store;
	const struct db *db;
	struct engine *engine;
	const struct lease_event *event; /* null: provisioning ends a session */
	struct lease_outcome *out;       /* null likewise */
	const char *cause;
	const struct lease_voice *voice; /* null: the event, or the cause */
	struct recalled {
		struct binding b; /* the key alone, where there is no row */
		bool is_there;
	} recall[RECALL_ROWS];
	size_t recalled, recall_next;
	struct session_stored sessions[RECALL_SESSIONS]; /* id 0: none */
	size_t session_next;
	/* The event's own keys: their history waits for the outcome. */
	struct {
		bool touched;
		struct binding before, after;
	} own[2];
	size_t rows;       /* of history, written so far */
	int64_t behind_us; /* of the event's NAS */
	/* Of an event that names devices: whom they led to, and what it said besides. */
	char msisdn[MSISDN_MAX];
	char evidence[DEVICES_EVIDENCE_MAX];
};

/* All but who speaks (event and out, cause, or voice), which is null. */
void lease_scope_init(struct lease_scope *s, const struct db *db, struct engine *e);
/* The row as it is now: in the writer's transaction nobody else changes what was seen. Not there:
 * E_NOT_FOUND, and *out has the key alone. */
int lease_scope_see(struct lease_scope *s, const struct key *k, struct binding *out);

#endif
