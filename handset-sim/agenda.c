#include "handset-sim/agenda.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define ENTRY_MAX 64

static uint8_t *at(const struct agenda *a, size_t i)
{
	return a->entries + i * a->entry_size;
}

static int64_t due_us(const struct agenda *a, size_t i)
{
	int64_t us;

	memcpy(&us, at(a, i), sizeof us);
	return us;
}

static void swap(struct agenda *a, size_t i, size_t j)
{
	uint8_t kept[ENTRY_MAX];

	memcpy(kept, at(a, i), a->entry_size);
	memcpy(at(a, i), at(a, j), a->entry_size);
	memcpy(at(a, j), kept, a->entry_size);
}

void agenda_init(struct agenda *a, size_t entry_size)
{
	*a = (struct agenda){.entry_size = entry_size <= ENTRY_MAX ? entry_size : ENTRY_MAX};
}

void agenda_free(struct agenda *a)
{
	free(a->entries);
	a->entries = NULL;
	a->count = a->room = 0;
}

int agenda_add(struct agenda *a, const void *entry)
{
	if (a->count == a->room) {
		size_t room = a->room ? 2 * a->room : 256;
		uint8_t *grown = realloc(a->entries, room * a->entry_size);
		if (!grown)
			return E_NOMEM;
		a->entries = grown;
		a->room = room;
	}
	size_t i = a->count++;
	memcpy(at(a, i), entry, a->entry_size);
	for (; i && due_us(a, i) < due_us(a, (i - 1) / 2); i = (i - 1) / 2)
		swap(a, i, (i - 1) / 2);
	return 0;
}

static void sink(struct agenda *a)
{
	size_t i = 0;

	for (;;) {
		size_t least = i, left = 2 * i + 1;
		for (size_t child = left; child < left + 2 && child < a->count; child++)
			if (due_us(a, child) < due_us(a, least))
				least = child;
		if (least == i)
			return;
		swap(a, i, least);
		i = least;
	}
}

bool agenda_take(struct agenda *a, int64_t now_us, void *entry)
{
	if (!a->count || due_us(a, 0) > now_us)
		return false;
	memcpy(entry, at(a, 0), a->entry_size);
	if (--a->count) {
		memcpy(at(a, 0), at(a, a->count), a->entry_size);
		sink(a);
	}
	return true;
}

int64_t agenda_next_us(const struct agenda *a)
{
	return a->count ? due_us(a, 0) : INT64_MAX;
}
