/* spool -- all messages: by id, by destination (inbox.h), by the time at which something is due
 *
 * Everything is O(1), but for the times: a binary heap, O(log n). A message that became final stays
 * for query_sm and the control API until history_max others came after it, or its octets are wanted
 * for new ones; one that is pinned (a receipt of it waits, an answer is on its way) stays longer,
 * but cannot be found any more. Whether a message survives the process is the store's matter.
 *
 * OWNERSHIP  spool_add takes the message; the spool frees it. A pointer is good while it is pinned,
 *            or until the next call. THREADS one. ERRORS E_FULL, E_NOMEM
 */
#ifndef HATO_SMSC_SIM_SPOOL_H
#define HATO_SMSC_SIM_SPOOL_H

#include "smsc-sim/inbox.h"

struct spool_limits {
	size_t queue_max;   /* messages that are not final */
	size_t history_max; /* that are */
	size_t octets_max;  /* of all of them: texts and what else they carry */
};

struct spool {
	struct spool_limits limits;
	struct inboxes inboxes;
	struct message **rows; /* by id */
	size_t size;           /* a power of two */
	struct message **heap; /* [1..due]: the earliest next_us first */
	size_t heap_size, due;
	struct message *first, *last;         /* all that can be found, by id */
	struct message *history, *history_to; /* the oldest, the youngest */
	size_t count, pending, history_count, octets;
	uint64_t last_id;
	/* It can be found no more: the store forgets it too. */
	void (*forget)(void *arg, struct message *m);
	void *arg;
};

int spool_init(struct spool *s, const struct spool_limits *limits);
void spool_fini(struct spool *s);

/* Is there room for one more with so many octets? History goes first. */
bool spool_has_room(struct spool *s, size_t octets);
/* Gives it an id greater than all before it and than `least`; one that has an id (from the store;
 * ascending) keeps it. */
int spool_add(struct spool *s, struct message *m, uint64_t least);
/* Null: there is none that can be found. */
struct message *spool_find(const struct spool *s, uint64_t id);
/* The first one with a greater id, in the order of ids. */
struct message *spool_after(const struct spool *s, uint64_t id);

/* m->next_us has changed. */
void spool_plan(struct spool *s, struct message *m);
/* One whose time has come, the earliest; it leaves the heap. Null: none. */
struct message *spool_due(struct spool *s, int64_t now_us);
int64_t spool_next_us(const struct spool *s); /* INT64_MAX: nothing is planned */

/* It became final: out of heap and inbox, into the history. */
void spool_settle(struct spool *s, struct message *m);
/* It never was: gone, whatever its state. */
void spool_drop(struct spool *s, struct message *m);
/* Its octets have another length now. */
void spool_resized(struct spool *s, struct message *m, size_t length_before);

void spool_pin(struct message *m);
void spool_unpin(struct spool *s, struct message *m);

#endif
