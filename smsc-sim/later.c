#include "smsc-sim/later.h"

#include <stdbool.h>
#include <stdlib.h>

#include "lib/err.h"

#define SIZE_FIRST 64

int later_init(struct later *l)
{
	*l = (struct later){.size = SIZE_FIRST};
	l->heap = calloc(l->size, sizeof(struct later_task *));
	return l->heap ? 0 : E_NOMEM;
}

void later_fini(struct later *l)
{
	free(l->heap);
	*l = (struct later){0};
}

static bool is_before(const struct later_task *a, const struct later_task *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void set(struct later *l, size_t at, struct later_task *t)
{
	l->heap[at] = t;
	t->place = at;
}

static void up(struct later *l, struct later_task *t)
{
	size_t at = t->place;

	for (; at > 1 && is_before(t, l->heap[at / 2]); at /= 2)
		set(l, at, l->heap[at / 2]);
	set(l, at, t);
}

static void down(struct later *l, struct later_task *t)
{
	size_t at = t->place;

	for (size_t child; (child = 2 * at) <= l->count; at = child) {
		if (child < l->count && is_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (is_before(t, l->heap[child]))
			break;
		set(l, at, l->heap[child]);
	}
	set(l, at, t);
}

int later_put(struct later *l, struct later_task *task, int64_t at_us)
{
	if (l->count + 1 >= l->size) {
		struct later_task **heap = realloc(l->heap, 2 * l->size * sizeof *heap);
		if (!heap)
			return E_NOMEM;
		l->heap = heap;
		l->size *= 2;
	}
	task->at_us = at_us;
	task->order = ++l->order;
	set(l, ++l->count, task);
	up(l, task);
	return 0;
}

void later_take(struct later *l, struct later_task *task)
{
	if (!task->place)
		return;
	struct later_task *last = l->heap[l->count--];
	if (last != task) {
		set(l, task->place, last);
		up(l, last);
		down(l, last);
	}
	task->place = 0;
}

int64_t later_next_us(const struct later *l)
{
	return l->count ? l->heap[1]->at_us : INT64_MAX;
}

struct later_task *later_due(struct later *l, int64_t now_us)
{
	struct later_task *t = l->count ? l->heap[1] : NULL;

	if (!t || t->at_us > now_us)
		return NULL;
	later_take(l, t);
	return t;
}
