#include "pushsrv/recent.h"

#include <assert.h>
#include <stdlib.h>

struct window {
	int64_t subscriber; /* 0: closed, or begun anew further on */
	int64_t end_us;
	uint32_t next; /* in its bucket: slot + 1; 0: the last */
	bool is_waited_for;
};

struct recent {
	int64_t window_us;
	size_t capacity;        /* of the ring, a power of two; as many buckets */
	uint64_t first, behind; /* the ring is [first, behind), modulo capacity */
	size_t waiting;         /* windows that mail waits for */
	uint32_t *buckets;      /* slot + 1; 0: empty */
	struct window windows[];
};

struct recent *recent_new(size_t capacity, int64_t window_us)
{
	size_t size = 1;

	while (size < capacity)
		size *= 2;
	struct recent *r = calloc(1, sizeof *r + size * sizeof r->windows[0]);
	if (!r)
		return NULL;
	r->buckets = calloc(size, sizeof *r->buckets);
	if (!r->buckets) {
		free(r);
		return NULL;
	}
	r->capacity = size;
	r->window_us = window_us;
	return r;
}

void recent_free(struct recent *r)
{
	if (r)
		free(r->buckets);
	free(r);
}

static uint32_t *bucket(const struct recent *r, int64_t subscriber)
{
	uint64_t mixed = (uint64_t)subscriber * UINT64_C(0x9e3779b97f4a7c15);

	return &r->buckets[(mixed >> 32) & (r->capacity - 1)];
}

static struct window *find(const struct recent *r, int64_t subscriber)
{
	for (uint32_t at = *bucket(r, subscriber); at; at = r->windows[at - 1].next)
		if (r->windows[at - 1].subscriber == subscriber)
			return (struct window *)&r->windows[at - 1];
	return NULL;
}

/* Out of the index; its slot stays until the ring passes it. */
static void forget(struct recent *r, struct window *w)
{
	uint32_t slot = (uint32_t)(w - r->windows) + 1;
	uint32_t *link = bucket(r, w->subscriber);

	while (*link != slot)
		link = &r->windows[*link - 1].next;
	*link = w->next;
	r->waiting -= w->is_waited_for;
	w->subscriber = 0;
}

/* Takes the oldest slot off the ring: its subscriber if mail waits for it, else 0. */
static int64_t drop_first(struct recent *r)
{
	struct window *w = &r->windows[r->first++ & (r->capacity - 1)];
	int64_t subscriber = w->subscriber;

	if (subscriber)
		forget(r, w);
	return subscriber && w->is_waited_for ? subscriber : 0;
}

int64_t recent_sent(struct recent *r, int64_t subscriber, int64_t now_us)
{
	int64_t evicted = 0;

	assert(subscriber > 0);
	if (r->window_us == 0)
		return 0;
	struct window *old = find(r, subscriber);
	if (old)
		forget(r, old);
	if (r->behind - r->first == r->capacity)
		evicted = drop_first(r);
	size_t slot = r->behind++ & (r->capacity - 1);
	uint32_t *head = bucket(r, subscriber);
	r->windows[slot] = (struct window){
		.subscriber = subscriber, .end_us = now_us + r->window_us, .next = *head};
	*head = (uint32_t)slot + 1;
	return evicted;
}

int64_t recent_left(const struct recent *r, int64_t subscriber, int64_t now_us)
{
	const struct window *w = find(r, subscriber);

	return w && w->end_us > now_us ? w->end_us - now_us : 0;
}

void recent_wait(struct recent *r, int64_t subscriber)
{
	struct window *w = find(r, subscriber);

	if (!w || w->is_waited_for)
		return;
	w->is_waited_for = true;
	r->waiting++;
}

bool recent_ended(struct recent *r, int64_t now_us, int64_t *subscriber)
{
	while (r->first != r->behind) {
		const struct window *w = &r->windows[r->first & (r->capacity - 1)];
		if (w->subscriber && w->end_us > now_us)
			return false;
		int64_t waiting = drop_first(r);
		if (waiting) {
			*subscriber = waiting;
			return true;
		}
	}
	return false;
}

int64_t recent_next(struct recent *r)
{
	if (r->waiting == 0)
		return INT64_MAX;
	while (!r->windows[r->first & (r->capacity - 1)].subscriber)
		r->first++;
	return r->windows[r->first & (r->capacity - 1)].end_us;
}
