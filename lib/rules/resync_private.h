/* resync_private -- a list on its way through the rules: shared by resync.c and resync_entry.c only
 */
#ifndef HATO_LIB_RULES_RESYNC_PRIVATE_H
#define HATO_LIB_RULES_RESYNC_PRIVATE_H

#include "lib/rules/resync.h"

struct resync {
	const struct lease_store *store;
	const struct lease_limits *limits;
	struct resync_list *list;
	struct resync_report *report;
	struct nas_row nas;
	int64_t time_us; /* of the list, by the NAS's clock */
	int64_t ours_us; /* the same moment by ours */
	size_t indexed;
};

/* resync.c */
/* The entry that names this session; null: it is not on the list. */
struct resync_entry *resync_listed(const struct resync *r, int64_t session);
void resync_index_add(struct resync *r, int64_t session, struct resync_entry *e);
/* Out of quarantine or doubt, with a new generation. */
void resync_release(struct resync *r, struct binding *b);
/* Nobody's, also when it was quarantined. */
int resync_free(struct resync *r, struct binding *b);

/* resync_entry.c */
int resync_identify(const struct resync *r, struct resync_entry *e);
int resync_session(const struct resync *r, const struct resync_entry *e, struct session_row *own);
struct key resync_key(const struct resync *r, const struct resync_entry *e, size_t i);
/* Is all as the entry says, and nothing left to write? */
int resync_is_settled(const struct resync *r, const struct resync_entry *e,
		      const struct session_row *own, bool *settled);
int resync_take(struct resync *r, struct resync_entry *e);

#endif
