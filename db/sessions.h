/* sessions -- the rows of the sessions, and which one is its subscriber's
 *
 * A session's row is appended at its Start and hardly changes. Whose it is now is the one row a
 * (subscriber, realm) in current_session: a subscriber's next session takes that row, and the
 * former session's own row is not touched. lease_scope.c calls this, in the writer's transaction or
 * on a reader. THREADS, ERRORS as engine.h.
 */
#ifndef HATO_DB_SESSIONS_H
#define HATO_DB_SESSIONS_H

#include "db/engine.h"

/* The row, and the last key of each family that it was given: where to look. Whether it holds it
 * still, the key's own row says. */
struct session_stored {
	struct session_row row;
	bool has_key[2]; /* IPv4, IPv6 */
	struct key keys[2];
};

/* Each: 0, E_NOT_FOUND or another E_*. */
int session_row_find(struct engine *e, const char *realm, const char *nas_id,
		     const char *session_id, uint32_t epoch, struct session_stored *out);
int session_row_get(struct engine *e, int64_t id, struct session_stored *out);
/* The subscriber's own; realm "": that of any. */
int session_row_active(struct engine *e, const char *realm, int64_t subscriber,
		       struct session_stored *out);
int session_row_before(struct engine *e, const char *realm, const char *nas_id, int64_t time_us,
		       struct session_stored *out);
int session_rows_open(struct engine *e, const char *realm, const char *nas_id, int64_t time_us,
		      struct session_cursor *at, int64_t *ids, size_t max, size_t *n);

/* Sets row.id. */
int session_row_insert(struct engine *e, struct session_stored *s);
int session_row_update(struct engine *e, const struct session_row *was,
		       const struct session_row *now);
int session_row_note_key(struct engine *e, int64_t session, const struct key *k);

size_t session_family(const struct key *k); /* which of keys[2] */

#endif
