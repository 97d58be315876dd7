/* metrics -- counters and gauges of a process, in the Prometheus text form
 *
 * The one mutable global besides configuration. A metric is registered once (before the threads
 * start) and then counted by any thread with a relaxed atomic. Names: hato_<daemon>_<what>_total
 * for counters; a label set is part of the name as given
 * (`hato_popgw_closed_total{reason="idle"}`).
 */
#ifndef HATO_LIB_METRICS_H
#define HATO_LIB_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct metric {
	const char *name; /* static, with its labels */
	const char *help; /* static */
	enum { METRIC_COUNTER, METRIC_GAUGE } kind;
	_Atomic int64_t value;
	struct metric *next;
};

void metric_register(struct metric *m); /* static storage; idempotent */
static inline void metric_add(struct metric *m, int64_t n)
{
	atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}
static inline void metric_set(struct metric *m, int64_t n)
{
	atomic_store_explicit(&m->value, n, memory_order_relaxed);
}
void metrics_print(FILE *to);

#endif
