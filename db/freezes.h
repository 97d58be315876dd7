/* freezes -- does a freeze cover this binding, this subscriber's mail? For the rooms of db/ that
 * check
 *
 * Whatever is to be done on the strength of a binding row asks binding_contain first, in the same
 * transaction if it writes.
 */
#ifndef HATO_DB_FREEZES_H
#define HATO_DB_FREEZES_H

#include "db/containment.h"
#include "db/engine.h"

/* Is there any freeze, any tripped breaker? What statements.def calls CONTAINED. */
enum { CONTAINED_FREEZE = 1, CONTAINED_BREAKER = 2 };

/* Sets b->frozen. `any` 0: known to be none. */
int binding_contain(struct engine *e, int64_t any, struct binding *b);
/* The same where no statement has told of `any` yet. */
int binding_contain_row(struct engine *e, struct binding *b);

/* Has the breaker of one of the binding's pools tripped? */
int breaker_covers(struct engine *e, int64_t any, const struct binding *b, bool *tripped);
/* A NAS was resynchronised, in this transaction: the breakers that waited for it wait no more, and
 * those that wait for no other are released. */
int breakers_resynchronised(struct engine *e, const char *realm, const char *nas_id,
			    const char *feeder, int64_t now_us);

/* The first and the last address that a key holds. */
struct addr key_last(const struct key *k);

#endif
