#include "authsrv/breaker_pools.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define BUCKETS   1024 /* a power of two */
#define TAG_OTHER 31   /* more NASes than are told apart */

struct pools {
	struct breaker_limits limits;
	struct addr_range prefixes[BREAKER_PREFIXES_MAX];
	size_t prefix_count;
	uint64_t seed;
	struct breaker_words *words;
	size_t waiting; /* at least 1 while a word waits */
	uint64_t uncounted;
	size_t count;
	struct pool *all[POOLS_MAX];
	struct pool *buckets[BUCKETS];
};

int pools_new(const struct breaker_limits *l, const struct addr_range *prefixes, size_t n,
	      uint64_t seed, struct pools **out)
{
	struct pools *p = calloc(1, sizeof *p);

	if (!p || !(p->words = breaker_words_new(seed))) {
		free(p);
		return E_NOMEM;
	}
	p->limits = *l;
	p->seed = seed;
	memcpy(p->prefixes, prefixes, n * sizeof *prefixes);
	p->prefix_count = n;
	*out = p;
	return 0;
}

void pools_free(struct pools *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		breaker_free(p->all[i]->counts);
		free(p->all[i]);
	}
	breaker_words_free(p->words);
	free(p);
}

/* ---- by name ---- */

static uint64_t hash_text(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001B3);
	return h * UINT64_C(0x100000001B3);
}

static struct pool **bucket_of(struct pools *p, const struct breaker_pool *name)
{
	uint64_t h = hash_text(hash_text(p->seed, name->realm), name->nas_id);

	for (size_t i = 0; name->is_prefix && i < sizeof name->prefix.base.bytes; i++)
		h = (h ^ name->prefix.base.bytes[i]) * UINT64_C(0x100000001B3);
	return &p->buckets[(h >> 32) & (BUCKETS - 1)];
}

static bool is_named(const struct pool *pool, const struct breaker_pool *name)
{
	return pool->name.is_prefix == name->is_prefix &&
	       strcmp(pool->name.nas_id, name->nas_id) == 0 &&
	       strcmp(pool->name.realm, name->realm) == 0 &&
	       pool->name.prefix.plen == name->prefix.plen &&
	       addr_equal(&pool->name.prefix.base, &name->prefix.base);
}

/* Null: no memory, or too many. */
static struct pool *pool_of(struct pools *p, const struct breaker_pool *name)
{
	struct pool **bucket = bucket_of(p, name);

	for (struct pool *pool = *bucket; pool; pool = pool->next)
		if (is_named(pool, name))
			return pool;
	struct pool *pool = p->count < POOLS_MAX ? calloc(1, sizeof *pool) : NULL;
	if (pool && !(pool->counts = breaker_new(p->seed))) {
		free(pool);
		pool = NULL;
	}
	if (!pool) {
		p->uncounted++;
		return NULL;
	}
	pool->name = *name;
	pool->next = *bucket;
	*bucket = pool;
	pool->number = (uint32_t)p->count;
	p->all[p->count++] = pool;
	return pool;
}

static struct breaker_pool nas_name(const char *realm, const char *nas_id)
{
	struct breaker_pool name = {0};

	snprintf(name.realm, sizeof name.realm, "%s", realm);
	snprintf(name.nas_id, sizeof name.nas_id, "%s", nas_id);
	return name;
}

static struct pool *prefix_pool(struct pools *p, const char *realm, size_t i)
{
	struct breaker_pool name = {.is_prefix = true, .prefix = p->prefixes[i]};

	snprintf(name.realm, sizeof name.realm, "%s", realm);
	return pool_of(p, &name);
}

static unsigned tag_of(struct pool *pool, const char *nas_id)
{
	size_t i = 0;

	while (i < pool->nas_count && strcmp(pool->nas[i], nas_id) != 0)
		i++;
	if (i == BREAKER_WAITS_MAX)
		return TAG_OTHER;
	if (i == pool->nas_count)
		snprintf(pool->nas[pool->nas_count++], NAS_ID_MAX, "%s", nas_id);
	return (unsigned)i;
}

/* ---- notes ---- */

/* Which of the prefixes hold the address: a bit each. */
static uint32_t prefixes_holding(const struct pools *p, const struct addr *a)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < p->prefix_count; i++)
		if (addr_range_holds(&p->prefixes[i], a))
			bits |= UINT32_C(1) << i;
	return bits;
}

/* What counts in one pool. `word` null: at once. */
static void count_in(const struct pools *p, struct pool *pool, const char *nas_id,
		     const struct breaker_note *note, int64_t now_us)
{
	if (!pool || pool->tripped)
		return;
	if (note->kind == NOTE_ATTEMPT) {
		breaker_attempt(pool->counts, &p->limits, note->subscriber, now_us);
		return;
	}
	unsigned tag = tag_of(pool, nas_id);
	pool->doubted_us = now_us;
	if (note->kind == NOTE_HARD)
		breaker_hard(pool->counts, &p->limits, note->subscriber, tag, now_us);
	else
		breaker_bare(pool->counts, &p->limits, note->subscriber, note->claimant, tag,
			     note->at_us, now_us);
}

static void count_everywhere(struct pools *p, const struct breaker_note *note, uint32_t prefixes,
			     int64_t now_us)
{
	const struct breaker_pool name = nas_name(note->realm, note->nas_id);

	count_in(p, pool_of(p, &name), note->nas_id, note, now_us);
	for (size_t i = 0; i < p->prefix_count; i++)
		if (prefixes & UINT32_C(1) << i)
			count_in(p, prefix_pool(p, note->realm, i), note->nas_id, note, now_us);
}

/* Waits under the number of its NAS's pool. */
static void keep_word(struct pools *p, const struct breaker_note *note)
{
	const struct breaker_pool name = nas_name(note->realm, note->nas_id);
	struct pool *pool = pool_of(p, &name);

	if (!pool)
		return;
	breaker_words_say(p->words,
			  &(struct breaker_word){.claimant = note->claimant,
						 .subscriber = note->subscriber,
						 .at_us = note->at_us,
						 .pool = pool->number,
						 .tag = prefixes_holding(p, &note->addr)});
	p->waiting++;
}

void pools_note(struct pools *p, const struct breaker_note *note)
{
	if (note->kind == NOTE_BARE)
		keep_word(p, note);
	else
		count_everywhere(p, note, prefixes_holding(p, &note->addr), note->at_us);
}

bool pools_wait(const struct pools *p)
{
	return p->waiting > 0;
}

void pools_started(struct pools *p, int64_t subscriber)
{
	breaker_words_started(p->words, subscriber);
}

/* ---- judging ---- */

static void hear_words(struct pools *p, int64_t now_us)
{
	struct breaker_word word;

	while (breaker_words_ripe(p->words, &p->limits, now_us, &word)) {
		const struct breaker_pool *nas = &p->all[word.pool]->name;
		struct breaker_note note = {.kind = NOTE_BARE,
					    .realm = nas->realm,
					    .subscriber = word.subscriber,
					    .claimant = word.claimant,
					    .at_us = word.at_us};
		snprintf(note.nas_id, sizeof note.nas_id, "%s", nas->nas_id);
		count_everywhere(p, &note, word.tag, now_us);
	}
	p->waiting = breaker_words_count(p->words);
}

/* What the store shall know of it. */
static struct breaker_row row_of(const struct pool *pool, const struct breaker_count *c)
{
	struct breaker_row row = {
		.pool = pool->name, .attempts = c->attempts, .hard = c->hard, .bare = c->bare};

	/* A NAS that is not known by name cannot be waited for. */
	for (size_t i = 0; i < pool->nas_count && !(c->tags >> TAG_OTHER & 1); i++)
		if (c->tags >> i & 1)
			memcpy(row.waits[row.wait_count++], pool->nas[i], NAS_ID_MAX);
	return row;
}

void pools_judge(struct pools *p, int64_t now_us, pool_tripped *trip, void *arg)
{
	struct breaker_count c;

	hear_words(p, now_us);
	for (size_t i = 0; i < p->count; i++) {
		struct pool *pool = p->all[i];
		if (pool->tripped || !pool->doubted_us ||
		    pool->doubted_us < now_us - p->limits.window_us)
			continue;
		breaker_judge(pool->counts, &p->limits, now_us, &c);
		if (!c.trips)
			continue;
		struct breaker_row row = row_of(pool, &c);
		pool->tripped = pool->putting = true;
		trip(arg, pool, &row);
	}
}

/* ---- what the store has ---- */

void pools_list_begin(struct pools *p)
{
	for (size_t i = 0; i < p->count; i++)
		p->all[i]->listed = false;
}

void pools_list_row(struct pools *p, const struct breaker_pool *name)
{
	struct pool *pool = pool_of(p, name);

	if (pool)
		pool->tripped = pool->listed = true;
}

void pools_list_end(struct pools *p, pool_released *released, void *arg)
{
	for (size_t i = 0; i < p->count; i++) {
		struct pool *pool = p->all[i];
		if (!pool->tripped || pool->listed || pool->putting)
			continue;
		pool->tripped = false;
		pool->doubted_us = 0;
		pool->nas_count = 0;
		breaker_reset(pool->counts);
		released(arg, &pool->name);
	}
}

size_t pools_tripped(const struct pools *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		n += p->all[i]->tripped;
	return n;
}

uint64_t pools_uncounted(struct pools *p)
{
	uint64_t n = p->uncounted;

	p->uncounted = 0;
	return n;
}
