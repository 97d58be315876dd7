#include "lib/rules/breaker.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 64
#define SLOTS_MAX   (2 * BREAKER_SAMPLE)
#define NEVER       INT64_MIN

/* A bound subscriber. */
struct seen {
	int64_t subscriber;                   /* 0: the slot is empty */
	int64_t attempt_us, bare_us, hard_us; /* the last of each; NEVER */
	int64_t claimant;                     /* of the bare word */
	uint32_t tags;
};

struct breaker {
	uint64_t seed;
	unsigned level; /* one in 2^level subscribers is in the sample */
	size_t count, slot_count;
	struct seen *slots; /* open addressing; at most half full */
};

/* splitmix64: ids are neighbours, hashes are not. */
static uint64_t mix(uint64_t seed, int64_t id)
{
	uint64_t z = seed + (uint64_t)id * UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

struct breaker *breaker_new(uint64_t seed)
{
	struct breaker *b = calloc(1, sizeof *b);

	if (b)
		b->seed = seed;
	return b;
}

void breaker_free(struct breaker *b)
{
	if (!b)
		return;
	free(b->slots);
	free(b);
}

void breaker_reset(struct breaker *b)
{
	free(b->slots);
	*b = (struct breaker){.seed = b->seed};
}

static bool is_sampled(const struct breaker *b, uint64_t hash)
{
	return b->level == 0 || hash >> (64 - b->level) == 0;
}

/* The subscriber's slot, or the empty one where it would be. */
static struct seen *slot_of(struct seen *slots, size_t slot_count, uint64_t hash,
			    int64_t subscriber)
{
	size_t at = hash & (slot_count - 1);

	while (slots[at].subscriber && slots[at].subscriber != subscriber)
		at = (at + 1) & (slot_count - 1);
	return &slots[at];
}

static bool is_recent(int64_t at_us, int64_t from_us)
{
	return at_us != NEVER && at_us >= from_us;
}

static bool is_alive(const struct seen *s, int64_t from_us)
{
	return is_recent(s->attempt_us, from_us) || is_recent(s->bare_us, from_us) ||
	       is_recent(s->hard_us, from_us);
}

/* Into a table of `slot_count`: those that are in the window and in the sample. False: no memory,
 * nothing changed. */
static bool rebuild(struct breaker *b, size_t slot_count, int64_t from_us)
{
	struct seen *slots = calloc(slot_count, sizeof *slots);

	if (!slots)
		return false;
	b->count = 0;
	for (size_t i = 0; i < b->slot_count; i++) {
		const struct seen *s = &b->slots[i];
		uint64_t hash = mix(b->seed, s->subscriber);
		if (!s->subscriber || !is_alive(s, from_us) || !is_sampled(b, hash))
			continue;
		*slot_of(slots, slot_count, hash, s->subscriber) = *s;
		b->count++;
	}
	free(b->slots);
	b->slots = slots;
	b->slot_count = slot_count;
	return true;
}

/* Room for one more: what is old goes, then the table grows, then the sample gets thinner. */
static bool make_room(struct breaker *b, int64_t from_us)
{
	if (b->count < b->slot_count / 2)
		return true;
	if (!rebuild(b, b->slot_count ? b->slot_count : SLOTS_FIRST, from_us))
		return false;
	if (b->count < b->slot_count * 3 / 8)
		return true;
	if (b->slot_count < SLOTS_MAX)
		return rebuild(b, b->slot_count * 2, from_us);
	while (b->count >= b->slot_count * 3 / 8) {
		b->level++;
		if (!rebuild(b, b->slot_count, from_us))
			return false;
	}
	return true;
}

/* Null: not in the sample, or no memory. */
static struct seen *see(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
			int64_t now_us)
{
	if (!subscriber || !is_sampled(b, mix(b->seed, subscriber)) ||
	    !make_room(b, now_us - l->window_us) || !is_sampled(b, mix(b->seed, subscriber)))
		return NULL;
	struct seen *s = slot_of(b->slots, b->slot_count, mix(b->seed, subscriber), subscriber);
	if (!s->subscriber) {
		*s = (struct seen){.subscriber = subscriber,
				   .attempt_us = NEVER,
				   .bare_us = NEVER,
				   .hard_us = NEVER};
		b->count++;
	}
	return s;
}

void breaker_attempt(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
		     int64_t now_us)
{
	struct seen *s = see(b, l, subscriber, now_us);

	if (s)
		s->attempt_us = now_us;
}

void breaker_hard(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
		  unsigned tag, int64_t now_us)
{
	struct seen *s = see(b, l, subscriber, now_us);

	if (!s)
		return;
	s->hard_us = now_us;
	s->tags |= UINT32_C(1) << tag % BREAKER_TAGS;
}

void breaker_bare(struct breaker *b, const struct breaker_limits *l, int64_t subscriber,
		  int64_t claimant, unsigned tag, int64_t at_us, int64_t now_us)
{
	struct seen *s = see(b, l, subscriber, now_us);

	if (!s || at_us < s->bare_us)
		return;
	s->bare_us = at_us;
	s->claimant = claimant;
	s->tags |= UINT32_C(1) << tag % BREAKER_TAGS;
}

/* ---- judging ---- */

static int compare_ids(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts them. */
static int64_t distinct(int64_t *ids, size_t n)
{
	int64_t count = n > 0;

	qsort(ids, n, sizeof *ids, compare_ids);
	for (size_t i = 1; i < n; i++)
		count += ids[i] != ids[i - 1];
	return count;
}

/* What bare words weigh: `bound` subscribers contradicted by so many claimants. */
static int64_t weigh(const struct breaker_limits *l, int64_t bound, int64_t claimants,
		     int64_t attempts)
{
	int64_t weight = bound < claimants ? bound : claimants;
	int64_t cap = attempts * l->bare_cap / 100;

	return weight < cap ? weight : cap;
}

void breaker_judge(struct breaker *b, const struct breaker_limits *l, int64_t now_us,
		   struct breaker_count *out)
{
	int64_t from_us = now_us - l->window_us, claimants[BREAKER_SAMPLE] = {0};
	size_t bare = 0;

	*out = (struct breaker_count){0};
	for (size_t i = 0; i < b->slot_count; i++) {
		const struct seen *s = &b->slots[i];
		if (!s->subscriber || !is_alive(s, from_us))
			continue;
		out->attempts++;
		if (is_recent(s->hard_us, from_us))
			out->hard++;
		else if (is_recent(s->bare_us, from_us))
			claimants[bare++] = s->claimant;
		else
			continue;
		out->tags |= s->tags;
	}
	out->bare = weigh(l, (int64_t)bare, distinct(claimants, bare), out->attempts);
	int64_t against = out->hard + out->bare;
	out->trips = l->share > 0 && against > 0 && against >= l->least &&
		     against * 100 >= out->attempts * l->share;
	unsigned level = b->level;
	if (level && out->attempts < BREAKER_SAMPLE / 8)
		b->level--; /* a quieter time: newcomers are counted more closely */
	out->attempts <<= level;
	out->hard <<= level;
	out->bare <<= level;
}
