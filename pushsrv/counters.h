/* counters -- what pushsrv counts (lib/metrics); a row each in counters.c. Any thread. */
#ifndef HATO_PUSHSRV_COUNTERS_H
#define HATO_PUSHSRV_COUNTERS_H

#include <stdint.h>

enum counter {
	COUNT_CONNECTIONS,
	COUNT_ACCEPTED,
	COUNT_ACCEPTED_RECIPIENTS,
	COUNT_ACCEPTED_OCTETS,
	COUNT_REFUSED_UNKNOWN,
	COUNT_REFUSED_FULL,
	COUNT_REFUSED_CLOSED,
	COUNT_REFUSED_STORE,
	COUNT_REFUSED_UNSAFE,
	COUNT_REFUSED_LONG_LINE,
	COUNT_REFUSED_TOO_LARGE,
	COUNT_REFUSED_COMMAND,
	COUNT_TRIGGERS_FIRST,
	COUNT_TRIGGERS_REPEAT,
	COUNT_TRIGGERS_COALESCED,
	COUNT_TRIGGERS_POSTPONED,
	COUNT_TRIGGERS_MOVED,
	COUNT_TRIGGERS_NO_HOST,
	COUNT_SEND_FULL,
	COUNT_SEND_ERRORS,
	COUNT_STORE_ERRORS,
	COUNT_LATENCY_SUM_US,
	COUNT_LATENCY_MAX_US,
	COUNT_PURGED,
	COUNTERS
};

/* Before the threads start. */
void push_counters_register(void);
void counter_add(enum counter c, int64_t n);
/* Keeps the greatest. From one thread. */
void counter_most(enum counter c, int64_t n);
int64_t counter_read(enum counter c);

#endif
