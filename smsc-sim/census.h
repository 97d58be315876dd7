/* census -- the how manieth thing of its kind and name this is
 *
 * Faults strike "the third message of this account to this phone" and not "the 4711th message of
 * the day": the first does not depend on how links and phones interleave, the second does. A name
 * is the 64-bit hash of what is counted (smsc-sim/dice). Counts are kept for a bounded number of
 * names; when there is room for no more, the further names share one count: their numbers depend on
 * one another then, nothing else goes wrong.
 *
 * OWNERSHIP  census_free frees all. THREADS one. ERRORS none: without memory it stays as small as
 *            it is
 */
#ifndef HATO_SMSC_SIM_CENSUS_H
#define HATO_SMSC_SIM_CENSUS_H

#include <stddef.h>
#include <stdint.h>

struct census_row {
	uint64_t name;
	uint64_t count; /* 0: the row is free */
};

struct census {
	struct census_row *rows;
	size_t size, used; /* size: a power of two, or 0 */
	size_t most;       /* names */
	uint64_t others;   /* the count of those that had no room */
};

void census_init(struct census *c, size_t most);
void census_free(struct census *c); /* empty afterwards, and good for use again */
uint64_t census_next(struct census *c, uint64_t name); /* 1, 2, 3 ... of each name */

#endif
