#include "authsrv/radius/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

struct radius_entry {
	struct radius_entry *chain;         /* of its bucket */
	struct radius_entry *older, *newer; /* answered ones, in order of answering */
	struct radius_known request;
	int64_t answered_us;
	uint8_t *answer; /* null: in flight */
	size_t n;
};

struct radius_memory {
	size_t in_flight, in_flight_max;
	size_t answers, answers_max;
	int64_t keep_us;
	size_t bucket_mask;
	struct radius_entry **buckets;
	struct radius_entry *oldest, *newest;
};

int radius_memory_new(size_t in_flight, size_t answers, int64_t keep_us, struct radius_memory **out)
{
	struct radius_memory *m = calloc(1, sizeof *m);
	size_t buckets = 64;

	if (!m)
		return E_NOMEM;
	while (buckets < in_flight + answers)
		buckets *= 2;
	*m = (struct radius_memory){.in_flight_max = in_flight,
				    .answers_max = answers,
				    .keep_us = keep_us,
				    .bucket_mask = buckets - 1};
	m->buckets = calloc(buckets, sizeof *m->buckets);
	if (!m->buckets) {
		free(m);
		return E_NOMEM;
	}
	*out = m;
	return 0;
}

static void entry_free(struct radius_entry *e)
{
	free(e->answer);
	free(e);
}

void radius_memory_free(struct radius_memory *m)
{
	if (!m)
		return;
	for (size_t i = 0; i <= m->bucket_mask; i++)
		for (struct radius_entry *e = m->buckets[i], *next; e; e = next) {
			next = e->chain;
			entry_free(e);
		}
	free(m->buckets);
	free(m);
}

/* The authenticator is a digest already. */
static struct radius_entry **bucket_of(struct radius_memory *m, const struct radius_known *request)
{
	uint64_t digest;

	memcpy(&digest, request->authenticator, sizeof digest);
	return &m->buckets[digest & m->bucket_mask];
}

static bool same(const struct radius_known *a, const struct radius_known *b)
{
	return a->port == b->port && a->id == b->id && addr_equal(&a->source, &b->source) &&
	       !memcmp(a->authenticator, b->authenticator, sizeof a->authenticator);
}

static void unchain(struct radius_memory *m, struct radius_entry *e)
{
	struct radius_entry **at = bucket_of(m, &e->request);

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
}

static void drop_answered(struct radius_memory *m, struct radius_entry *e)
{
	*(e->older ? &e->older->newer : &m->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &m->newest) = e->older;
	m->answers--;
	unchain(m, e);
	entry_free(e);
}

static void drop_old(struct radius_memory *m, int64_t now_us)
{
	while (m->oldest &&
	       (m->answers > m->answers_max || now_us - m->oldest->answered_us > m->keep_us))
		drop_answered(m, m->oldest);
}

enum radius_seen radius_memory_begin(struct radius_memory *m, const struct radius_known *request,
				     int64_t now_us, struct radius_entry **entry,
				     const uint8_t **answer, size_t *n)
{
	struct radius_entry **bucket = bucket_of(m, request), *e;

	drop_old(m, now_us);
	for (e = *bucket; e; e = e->chain)
		if (same(&e->request, request))
			break;
	if (e && !e->answer)
		return RADIUS_WAITING;
	if (e) {
		*answer = e->answer;
		*n = e->n;
		return RADIUS_ANSWERED;
	}
	if (m->in_flight >= m->in_flight_max || !(e = calloc(1, sizeof *e)))
		return RADIUS_FULL;
	e->request = *request;
	e->chain = *bucket;
	*bucket = e;
	m->in_flight++;
	*entry = e;
	return RADIUS_NEW;
}

void radius_memory_forget(struct radius_memory *m, struct radius_entry *e)
{
	m->in_flight--;
	unchain(m, e);
	entry_free(e);
}

void radius_memory_answer(struct radius_memory *m, struct radius_entry *e, const uint8_t *answer,
			  size_t n, int64_t now_us)
{
	e->answer = malloc(n);
	if (!e->answer) {
		radius_memory_forget(m, e);
		return;
	}
	memcpy(e->answer, answer, n);
	e->n = n;
	e->answered_us = now_us;
	m->in_flight--;
	e->older = m->newest;
	*(m->newest ? &m->newest->newer : &m->oldest) = e;
	m->newest = e;
	m->answers++;
	drop_old(m, now_us);
}

size_t radius_memory_in_flight(const struct radius_memory *m)
{
	return m->in_flight;
}
