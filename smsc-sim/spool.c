#include "smsc-sim/spool.h"

#include <stdlib.h>

#include "lib/err.h"

#define SIZE_FIRST 4096
#define HEAP_FIRST 1024

int spool_init(struct spool *s, const struct spool_limits *limits)
{
	*s = (struct spool){.limits = *limits, .size = SIZE_FIRST, .heap_size = HEAP_FIRST};
	s->rows = calloc(s->size, sizeof(struct message *));
	s->heap = calloc(s->heap_size, sizeof(struct message *));
	return s->rows && s->heap && !inboxes_init(&s->inboxes) ? 0 : E_NOMEM;
}

void spool_fini(struct spool *s)
{
	while (s->first) {
		struct message *m = s->first;
		s->first = m->order.next;
		message_free(m);
	}
	inboxes_fini(&s->inboxes);
	free(s->rows);
	free(s->heap);
}

/* ---- by id ---- */

/* Ids follow each other: their low bits are as good as any hash. */
static struct message **row_of(const struct spool *s, uint64_t id)
{
	return &s->rows[id & (s->size - 1)];
}

static void grow(struct spool *s)
{
	size_t size = s->size * 2;
	struct message **rows = calloc(size, sizeof(struct message *));

	if (!rows)
		return;
	free(s->rows);
	s->rows = rows;
	s->size = size;
	for (struct message *m = s->first; m; m = m->order.next) {
		m->by_id = *row_of(s, m->id);
		*row_of(s, m->id) = m;
	}
}

struct message *spool_find(const struct spool *s, uint64_t id)
{
	struct message *m = *row_of(s, id);

	while (m && m->id != id)
		m = m->by_id;
	return m;
}

struct message *spool_after(const struct spool *s, uint64_t id)
{
	struct message *m = spool_find(s, id);

	if (m)
		return m->order.next;
	for (m = s->first; m && m->id <= id; m = m->order.next)
		;
	return m;
}

static void index_add(struct spool *s, struct message *m)
{
	if (s->count >= s->size)
		grow(s);
	m->by_id = *row_of(s, m->id);
	*row_of(s, m->id) = m;
	m->order.previous = s->last;
	*(s->last ? &s->last->order.next : &s->first) = m;
	s->last = m;
	s->count++;
}

static void index_remove(struct spool *s, struct message *m)
{
	struct message **at = row_of(s, m->id);
	struct message *next = m->order.next, *previous = m->order.previous;

	while (*at != m)
		at = &(*at)->by_id;
	*at = m->by_id;
	*(previous ? &previous->order.next : &s->first) = next;
	*(next ? &next->order.previous : &s->last) = previous;
	s->count--;
}

/* ---- by time ---- */

static void heap_set(struct spool *s, size_t at, struct message *m)
{
	s->heap[at] = m;
	m->heap_at = (uint32_t)at;
}

static void heap_up(struct spool *s, size_t at)
{
	struct message *m = s->heap[at];

	for (; at > 1 && m->next_us < s->heap[at / 2]->next_us; at /= 2)
		heap_set(s, at, s->heap[at / 2]);
	heap_set(s, at, m);
}

static void heap_down(struct spool *s, size_t at)
{
	struct message *m = s->heap[at];

	for (size_t child; (child = at * 2) <= s->due; at = child) {
		if (child < s->due && s->heap[child + 1]->next_us < s->heap[child]->next_us)
			child++;
		if (m->next_us <= s->heap[child]->next_us)
			break;
		heap_set(s, at, s->heap[child]);
	}
	heap_set(s, at, m);
}

static void heap_remove(struct spool *s, struct message *m)
{
	size_t at = m->heap_at;

	if (!at)
		return;
	struct message *last = s->heap[s->due--];
	m->heap_at = 0;
	if (last == m)
		return;
	heap_set(s, at, last);
	heap_up(s, at);
	heap_down(s, last->heap_at);
}

void spool_plan(struct spool *s, struct message *m)
{
	if (m->next_us == INT64_MAX) {
		heap_remove(s, m);
		return;
	}
	if (!m->heap_at)
		heap_set(s, ++s->due, m);
	heap_up(s, m->heap_at);
	heap_down(s, m->heap_at);
}

struct message *spool_due(struct spool *s, int64_t now_us)
{
	struct message *m = s->due ? s->heap[1] : NULL;

	if (!m || m->next_us > now_us)
		return NULL;
	heap_remove(s, m);
	return m;
}

int64_t spool_next_us(const struct spool *s)
{
	return s->due ? s->heap[1]->next_us : INT64_MAX;
}

/* There is always room for every message that is not final. */
static bool heap_reserve(struct spool *s)
{
	if (s->pending + 2 <= s->heap_size)
		return true;
	struct message **heap = realloc(s->heap, s->heap_size * 2 * sizeof(struct message *));
	if (!heap)
		return false;
	s->heap = heap;
	s->heap_size *= 2;
	return true;
}

/* ---- coming and going ---- */

static size_t octets_of(const struct message *m)
{
	return m->length + m->tlvs_length;
}

static void let_go(struct spool *s, struct message *m)
{
	index_remove(s, m);
	m->is_gone = true;
	if (s->forget)
		s->forget(s->arg, m);
	if (m->pins)
		return;
	s->octets -= octets_of(m);
	message_free(m);
}

static void history_remove(struct spool *s, struct message *m)
{
	struct message *next = m->history.next, *previous = m->history.previous;

	*(previous ? &previous->history.next : &s->history) = next;
	*(next ? &next->history.previous : &s->history_to) = previous;
	m->history = (struct message_link){0};
	s->history_count--;
}

static void forget_oldest(struct spool *s)
{
	struct message *m = s->history;

	history_remove(s, m);
	let_go(s, m);
}

bool spool_has_room(struct spool *s, size_t octets)
{
	if (s->pending >= s->limits.queue_max)
		return false;
	while (s->octets + octets > s->limits.octets_max && s->history)
		forget_oldest(s);
	return s->octets + octets <= s->limits.octets_max;
}

int spool_add(struct spool *s, struct message *m, uint64_t least)
{
	if (!message_is_final(m) && !spool_has_room(s, octets_of(m)))
		return E_FULL;
	if (!heap_reserve(s))
		return E_NOMEM;
	if (!m->id)
		m->id = s->last_id + 1 > least ? s->last_id + 1 : least;
	s->last_id = m->id;
	s->octets += octets_of(m);
	s->pending++;
	index_add(s, m);
	if (message_is_final(m))
		spool_settle(s, m);
	return 0;
}

static void leave_work(struct spool *s, struct message *m)
{
	struct inbox *i = m->inbox;

	heap_remove(s, m);
	s->pending--;
	if (i) {
		inbox_leave(m);
		inbox_release(&s->inboxes, i);
	}
}

void spool_settle(struct spool *s, struct message *m)
{
	leave_work(s, m);
	m->history.previous = s->history_to;
	*(s->history_to ? &s->history_to->history.next : &s->history) = m;
	s->history_to = m;
	s->history_count++;
	while (s->history_count > s->limits.history_max)
		forget_oldest(s);
}

void spool_drop(struct spool *s, struct message *m)
{
	leave_work(s, m);
	let_go(s, m);
}

void spool_resized(struct spool *s, struct message *m, size_t length_before)
{
	s->octets += m->length - length_before;
}

void spool_pin(struct message *m)
{
	m->pins++;
}

void spool_unpin(struct spool *s, struct message *m)
{
	if (--m->pins || !m->is_gone)
		return;
	s->octets -= octets_of(m);
	message_free(m);
}
