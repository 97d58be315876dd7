#include "smsc-sim/census.h"

#include <stdlib.h>

#define ROWS_FIRST 64

void census_init(struct census *c, size_t most)
{
	*c = (struct census){.most = most};
}

void census_free(struct census *c)
{
	free(c->rows);
	*c = (struct census){.most = c->most};
}

/* The row of the name, or the free one where it would be. There is always a free one. */
static struct census_row *place(struct census_row *rows, size_t size, uint64_t name)
{
	size_t at = (size_t)name & (size - 1);

	while (rows[at].count && rows[at].name != name)
		at = (at + 1) & (size - 1);
	return &rows[at];
}

static void grow(struct census *c)
{
	size_t size = c->size ? 2 * c->size : ROWS_FIRST;
	struct census_row *rows = calloc(size, sizeof *rows);

	if (!rows)
		return;
	for (size_t i = 0; i < c->size; i++)
		if (c->rows[i].count)
			*place(rows, size, c->rows[i].name) = c->rows[i];
	free(c->rows);
	c->rows = rows;
	c->size = size;
}

uint64_t census_next(struct census *c, uint64_t name)
{
	if (4 * c->used >= 3 * c->size && c->used < c->most)
		grow(c);
	if (!c->size)
		return ++c->others; /* no memory at all */
	struct census_row *row = place(c->rows, c->size, name);
	if (!row->count) {
		if (c->used >= c->most || 4 * c->used >= 3 * c->size)
			return ++c->others;
		c->used++;
		row->name = name;
	}
	return ++row->count;
}
