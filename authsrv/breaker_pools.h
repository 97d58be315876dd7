/* breaker_pools -- the pools that authsrv counts for, and what their notes come to
 *
 * Pure memory: no store, no log, the clock is handed in. THREADS the caller holds a lock.
 */
#ifndef HATO_AUTHSRV_BREAKER_POOLS_H
#define HATO_AUTHSRV_BREAKER_POOLS_H

#include "authsrv/breakers.h"
#include "lib/addr_range.h"
#include "lib/rules/breaker.h"

#define POOLS_MAX 4096 /* NASes of more are not counted: told once a second */

struct pool {
	struct pool *next; /* in its bucket */
	uint32_t number;
	struct breaker_pool name;
	struct breaker *counts;
	int64_t doubted_us; /* the last mismatch; 0: none yet */
	bool tripped;       /* in the store, or on its way there */
	bool putting;       /* on its way */
	bool listed;        /* seen by the reading that runs */
	/* A prefix's: which NASes its mismatches are of, by tag. */
	size_t nas_count;
	char nas[BREAKER_WAITS_MAX][NAS_ID_MAX];
};

struct pools;
int pools_new(const struct breaker_limits *l, const struct addr_range *prefixes, size_t n,
	      uint64_t seed, struct pools **out);
void pools_free(struct pools *p);

void pools_note(struct pools *p, const struct breaker_note *note);
bool pools_wait(const struct pools *p); /* a bare word waits for its claimant's Start */
void pools_started(struct pools *p, int64_t subscriber);

/* Words that have waited count; then every pool that was doubted lately is judged. `trip` is told
 * of those that trip now; they are marked tripped and putting. */
typedef void pool_tripped(void *arg, struct pool *pool, const struct breaker_row *row);
void pools_judge(struct pools *p, int64_t now_us, pool_tripped *trip, void *arg);

/* The reading of what the store has: begin, each row, end. `released` is told of those that are
 * tripped no more, which begin to count anew. */
typedef void pool_released(void *arg, const struct breaker_pool *name);
void pools_list_begin(struct pools *p);
void pools_list_row(struct pools *p, const struct breaker_pool *name);
void pools_list_end(struct pools *p, pool_released *released, void *arg);

size_t pools_tripped(const struct pools *p);
uint64_t pools_uncounted(struct pools *p); /* notes that found no place, since the last call */

#endif
