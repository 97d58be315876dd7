/* latency -- samples of a duration, and their p50, p99 and maximum */
#ifndef HATO_HANDSET_SIM_LATENCY_H
#define HATO_HANDSET_SIM_LATENCY_H

#include <stddef.h>
#include <stdint.h>

struct latency {
	int64_t *samples_us; /* owned */
	size_t count, size;
};

void latency_add(struct latency *l,
		 int64_t us); /* negative counts as 0; a sample is lost when memory is */
/* part 0..1; 0 without samples. Sorts the samples. */
double latency_ms(struct latency *l, double part);
void latency_free(struct latency *l);

#endif
