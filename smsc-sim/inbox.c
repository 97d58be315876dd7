#include "smsc-sim/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define SIZE_FIRST 1024

/* ---- lists ---- */

static void append(struct message_list *l, struct message *m)
{
	m->inbox_link = (struct message_link){.previous = l->last};
	*(l->last ? &l->last->inbox_link.next : &l->first) = m;
	l->last = m;
}

static void unlink_from(struct message_list *l, struct message *m)
{
	struct message *next = m->inbox_link.next, *previous = m->inbox_link.previous;

	*(previous ? &previous->inbox_link.next : &l->first) = next;
	*(next ? &next->inbox_link.previous : &l->last) = previous;
	m->inbox_link = (struct message_link){0};
}

static void take_off(struct message *m)
{
	struct inbox *i = m->inbox;

	if (i->in_flight == m)
		i->in_flight = NULL;
	else if (m->is_queued)
		unlink_from(m->is_ready ? &i->ready : &i->waiting, m);
	m->is_ready = m->is_queued = false;
}

void inbox_join(struct inbox *i, struct message *m)
{
	m->inbox = i;
	i->count++;
	m->is_queued = true;
	append(&i->waiting, m);
}

void inbox_leave(struct message *m)
{
	if (!m->inbox)
		return;
	take_off(m);
	m->inbox->count--;
	m->inbox = NULL;
}

void inbox_ready(struct message *m)
{
	if (m->is_ready || m->inbox->in_flight == m)
		return;
	take_off(m);
	m->is_ready = m->is_queued = true;
	append(&m->inbox->ready, m);
}

void inbox_ready_all(struct inbox *i)
{
	while (i->waiting.first)
		inbox_ready(i->waiting.first);
}

struct message *inbox_take(struct inbox *i)
{
	struct message *m = i->in_flight ? NULL : i->ready.first;

	if (!m)
		return NULL;
	take_off(m);
	i->in_flight = m;
	return m;
}

void inbox_wait(struct message *m)
{
	take_off(m);
	m->is_queued = true;
	append(&m->inbox->waiting, m);
}

/* ---- the table ---- */

static uint64_t hash_of(const char *text)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return h ^ h >> 32;
}

int inboxes_init(struct inboxes *all)
{
	*all = (struct inboxes){.size = SIZE_FIRST};
	all->rows = calloc(all->size, sizeof *all->rows);
	return all->rows ? 0 : E_NOMEM;
}

void inboxes_fini(struct inboxes *all)
{
	for (size_t n = 0; all->rows && n < all->size; n++)
		while (all->rows[n]) {
			struct inbox *i = all->rows[n];
			all->rows[n] = i->next;
			free(i);
		}
	free(all->rows);
	all->rows = NULL;
}

static struct inbox **row_of(const struct inboxes *all, uint64_t hash)
{
	return &all->rows[hash & (all->size - 1)];
}

/* Without memory the table stays as it is: the chains get longer. */
static void grow(struct inboxes *all)
{
	struct inboxes larger = {.size = all->size * 2, .count = all->count};

	larger.rows = calloc(larger.size, sizeof *larger.rows);
	if (!larger.rows)
		return;
	for (size_t n = 0; n < all->size; n++)
		while (all->rows[n]) {
			struct inbox *i = all->rows[n];
			struct inbox **row = row_of(&larger, i->hash);
			all->rows[n] = i->next;
			i->next = *row;
			*row = i;
		}
	free(all->rows);
	*all = larger;
}

static struct inbox *find(const struct inboxes *all, const char *number, uint64_t hash)
{
	for (struct inbox *i = *row_of(all, hash); i; i = i->next)
		if (i->hash == hash && !strcmp(i->number, number))
			return i;
	return NULL;
}

struct inbox *inbox_find(const struct inboxes *all, const char *number)
{
	return find(all, number, hash_of(number));
}

struct inbox *inbox_get(struct inboxes *all, const char *number)
{
	uint64_t hash = hash_of(number);
	struct inbox *i = find(all, number, hash);

	if (i || strlen(number) >= sizeof i->number)
		return i;
	i = calloc(1, sizeof *i);
	if (!i)
		return NULL;
	if (all->count >= all->size)
		grow(all);
	strcpy(i->number, number);
	i->hash = hash;
	i->next = *row_of(all, hash);
	*row_of(all, hash) = i;
	all->count++;
	return i;
}

void inbox_release(struct inboxes *all, struct inbox *i)
{
	if (i->count || i->phone)
		return;
	struct inbox **at = row_of(all, i->hash);
	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	all->count--;
	free(i);
}
