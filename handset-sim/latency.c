#include "handset-sim/latency.h"

#include <stdlib.h>

void latency_add(struct latency *l, int64_t us)
{
	if (l->count == l->size) {
		size_t size = l->size ? 2 * l->size : 1024;
		int64_t *grown = realloc(l->samples_us, size * sizeof *grown);
		if (!grown)
			return;
		l->samples_us = grown;
		l->size = size;
	}
	l->samples_us[l->count++] = us < 0 ? 0 : us;
}

static int ascending(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

double latency_ms(struct latency *l, double part)
{
	if (!l->count)
		return 0;
	qsort(l->samples_us, l->count, sizeof *l->samples_us, ascending);
	size_t at = (size_t)(part * (double)(l->count - 1) + 0.5);
	return (double)l->samples_us[at] / 1000.0;
}

void latency_free(struct latency *l)
{
	free(l->samples_us);
	*l = (struct latency){0};
}
