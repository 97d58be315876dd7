/* radius_counters -- what the RADIUS listener counts, for /metrics (radius_counters.def)
 *
 * THREADS radius_counters_register before the workers start; counting from any thread.
 */
#ifndef HATO_AUTHSRV_RADIUS_COUNTERS_H
#define HATO_AUTHSRV_RADIUS_COUNTERS_H

#include <stdint.h>

enum radius_counter {
#define COUNTER(name, metric, help) RADIUS_COUNT_##name,
#include "authsrv/radius/counters.def"
#undef COUNTER
	RADIUS_COUNTERS
};

void radius_counters_register(void);
void radius_count(enum radius_counter counter, int64_t n);
/* How many wait now for their commit. */
void radius_count_in_flight(int64_t n);
/* "unknown-client" of DROPPED_STRANGER, and so on: the label's value. Returns `text`. */
const char *radius_counter_reason(enum radius_counter counter, char text[32]);

#endif
