/* breaker -- when do the handsets contradict a feed so often that bare words are not believed any
 * more? binding-rules 9
 *
 * One struct breaker counts for one pool (a NAS, or a prefix), in a sliding window, DISTINCT bound
 * subscribers: how many attempted to get a token, and against how many bindings there is a
 * mismatch. Hard evidence counts in full. Bare words count once for the subscriber whose binding
 * they contradict and once for the claimant, whichever is less, and make up no more than a share of
 * their own: so one phone, however busy, counts one, whether it says many names at one address or
 * its one name at many. A bare word counts only after it has waited: struct breaker_words keeps it
 * until a Start of its claimant has come (then it was a feed that was late, and is forgotten) or
 * the grace is over.
 *
 * Memory is bounded: past BREAKER_SAMPLE subscribers a breaker keeps a sample of them, drawn by a
 * hash of their ids, from which the shares follow; `least` is asked of the sample itself, which a
 * few subscribers cannot fill. Pure: no I/O, the clock is handed in (microseconds, monotonic), the
 * seed of the hash too. OWNERSHIP new/free. THREADS the caller's lock.
 */
#ifndef HATO_LIB_RULES_BREAKER_H
#define HATO_LIB_RULES_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BREAKER_SAMPLE 1024
#define BREAKER_TAGS   32 /* of mismatches: the caller's own, 0 to 31 */

struct breaker_limits {
	int64_t window_us;
	int64_t grace_us; /* a bare word waits so long for its claimant's Start */
	int64_t share;    /* percent of the subscribers who attempted: there it trips; 0: never */
	int64_t bare_cap; /* percent of them that bare words may make up */
	int64_t least;    /* distinct subscribers with a mismatch */
};

struct breaker_count {
	int64_t attempts, hard, bare; /* distinct subscribers in the window; bare as it counts */
	uint32_t tags;                /* of the mismatches: a bit each */
	bool trips;
};

struct breaker;
struct breaker *breaker_new(uint64_t seed); /* null: no memory */
void breaker_free(struct breaker *b);
/* Forgets all: it was released, and what was before counts no more. */
void breaker_reset(struct breaker *b);

/* `subscriber` is the bound one. Without memory for it nothing is counted. */
void breaker_attempt(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
		     int64_t now_us);
void breaker_hard(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
		  unsigned tag, int64_t now_us);
/* A bare word that has waited. `at_us`: when it was said. */
void breaker_bare(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
		  int64_t claimant, unsigned tag, int64_t at_us, int64_t now_us);
void breaker_judge(struct breaker *b, const struct breaker_limits *l, int64_t now_us,
		   struct breaker_count *out);

/* ---- bare words that wait ---- */

#define BREAKER_WORDS_MAX 65536 /* more are not heard: those who wait are enough to judge by */

struct breaker_word {
	int64_t claimant, subscriber, at_us;
	uint32_t pool; /* the caller's */
	uint32_t tag;
};
struct breaker_words;
struct breaker_words *breaker_words_new(uint64_t seed);
void breaker_words_free(struct breaker_words *w);
/* One a claimant: what he says while one waits is not heard. Words come in the order of at_us. */
void breaker_words_say(struct breaker_words *w, const struct breaker_word *word);
/* A Start of his came. */
void breaker_words_started(struct breaker_words *w, int64_t claimant);
/* The oldest that has waited; false: none has. */
bool breaker_words_ripe(struct breaker_words *w, const struct breaker_limits *l, int64_t now_us,
			struct breaker_word *out);

size_t
breaker_words_count(const struct breaker_words *w); /* forgotten ones, too, until their turn */

#endif
