/* Bare words on their way to count: a ring in the order in which they were said, and where each
 * claimant's is. */
#include <stdlib.h>

#include "lib/rules/breaker.h"

#define SLOTS (2 * BREAKER_WORDS_MAX) /* a power of two */

struct breaker_words {
	uint64_t seed;
	uint32_t first, count;                       /* of the ring */
	struct breaker_word ring[BREAKER_WORDS_MAX]; /* claimant 0: forgotten */
	uint32_t slots[SLOTS];                       /* place in the ring, + 1; 0: empty */
};

struct breaker_words *breaker_words_new(uint64_t seed)
{
	struct breaker_words *w = calloc(1, sizeof *w); /* pages come with their first use */

	if (w)
		w->seed = seed;
	return w;
}

void breaker_words_free(struct breaker_words *w)
{
	free(w);
}

size_t breaker_words_count(const struct breaker_words *w)
{
	return w->count;
}

static uint32_t home_of(const struct breaker_words *w, int64_t claimant)
{
	uint64_t z = ((uint64_t)claimant + w->seed) * UINT64_C(0x9E3779B97F4A7C15);

	return (uint32_t)(z >> 32) & (SLOTS - 1);
}

/* The claimant's slot, or the empty one where it would be. */
static uint32_t slot_of(const struct breaker_words *w, int64_t claimant)
{
	uint32_t at = home_of(w, claimant);

	while (w->slots[at] && w->ring[w->slots[at] - 1].claimant != claimant)
		at = (at + 1) & (SLOTS - 1);
	return at;
}

/* Empties a slot, and moves up who would not be found over the gap. */
static void slot_clear(struct breaker_words *w, uint32_t gap)
{
	uint32_t at = gap;

	for (;;) {
		at = (at + 1) & (SLOTS - 1);
		if (!w->slots[at])
			break;
		uint32_t home = home_of(w, w->ring[w->slots[at] - 1].claimant);
		/* It may move if its home is not behind the gap on the way to it. */
		if (((at - home) & (SLOTS - 1)) >= ((at - gap) & (SLOTS - 1))) {
			w->slots[gap] = w->slots[at];
			gap = at;
		}
	}
	w->slots[gap] = 0;
}

void breaker_words_say(struct breaker_words *w, const struct breaker_word *word)
{
	if (!word->claimant || w->count == BREAKER_WORDS_MAX)
		return;
	uint32_t slot = slot_of(w, word->claimant);
	if (w->slots[slot])
		return;
	uint32_t place = (w->first + w->count++) % BREAKER_WORDS_MAX;
	w->ring[place] = *word;
	w->slots[slot] = place + 1;
}

void breaker_words_started(struct breaker_words *w, int64_t claimant)
{
	uint32_t slot = slot_of(w, claimant);

	if (!claimant || !w->slots[slot])
		return;
	uint32_t place = w->slots[slot] - 1;
	slot_clear(w, slot);
	w->ring[place].claimant = 0;
}

bool breaker_words_ripe(struct breaker_words *w, const struct breaker_limits *l, int64_t now_us,
			struct breaker_word *out)
{
	while (w->count) {
		const struct breaker_word *word = &w->ring[w->first];
		bool forgotten = !word->claimant;
		if (!forgotten && word->at_us > now_us - l->grace_us)
			return false;
		*out = *word;
		if (!forgotten)
			slot_clear(w, slot_of(w, word->claimant));
		w->ring[w->first].claimant = 0;
		w->first = (w->first + 1) % BREAKER_WORDS_MAX;
		w->count--;
		if (!forgotten)
			return true;
	}
	return false;
}
