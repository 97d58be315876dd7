#include "lib/balancers.h"

#include <stdlib.h>

#include "lib/err.h"

int balancers_new(const char *from, int64_t wait_ms, size_t max_waiting, struct metric *counted,
		  struct balancers **out)
{
	struct balancers *b = calloc(1, sizeof *b);

	if (!b)
		return E_NOMEM;
	b->wait_ms = wait_ms;
	b->max_waiting = max_waiting;
	b->counted = counted;
	int rc = addr_ranges_parse(from, b->from, BALANCERS_MAX, &b->from_count);
	if (rc || !b->from_count) {
		free(b);
		b = NULL;
	}
	if (!rc)
		*out = b;
	return rc;
}

void balancers_free(struct balancers *b)
{
	free(b);
}

bool balancers_include(const struct balancers *b, const struct addr *a)
{
	return b && addr_ranges_hold(b->from, b->from_count, a);
}

void balancers_count(const struct balancers *b, enum balanced what)
{
	if (b->counted)
		metric_add(&b->counted[what], 1);
}
