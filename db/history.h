/* history -- who held a key: the rows of lease_event
 *
 * Appended in the commit that they tell of, without an index (an index on keys of all the world
 * would double the cost of a lease event); history_index follows behind in batches, and a question
 * looks at both the indexed rows and the tail. The index is in runs of 65,536 events, each in order
 * of address: a batch is added to the last one, and a question looks into all (1.5 us each).
 */
#ifndef HATO_DB_HISTORY_H
#define HATO_DB_HISTORY_H

#include "db/db_private.h"

/* Texts are borrowed; null is "". */
struct history_entry {
	const struct key *key; /* null: the event named none */
	const char *event, *outcome;
	const char *msisdn, *imsi, *session_id, *nas_id, *feeder, *evidence;
	int64_t time_us, received_us;
	uint32_t generation;
	bool decides; /* the holder of the key changed */
};

int history_append(struct engine *e, const struct history_entry *entry);

/* One batch of the index; *more: there is a next one. */
int history_index(struct engine *e, bool *more);
/* Forgets a piece of what is older than before_us; *more: there is a next one. */
int history_sweep(struct engine *e, int64_t before_us, bool *more);

#endif
