/* counters -- what smsc-sim counts (lib/metrics); a row each in counters.c. Any thread. */
#ifndef HATO_SMSC_SIM_COUNTERS_H
#define HATO_SMSC_SIM_COUNTERS_H

#include <stdint.h>

enum counter {
	COUNT_LINKS,
	COUNT_LINKS_CUT,
	COUNT_BINDS,
	COUNT_PDUS_IN,
	COUNT_PDUS_OUT,
	COUNT_BAD_PDUS,
	COUNT_NACKS,
	COUNT_REFUSED,
	COUNT_ODD_RESPONSES,
	COUNT_SUBMITS,
	COUNT_FROM_PHONES,
	COUNT_ATTEMPTS,
	COUNT_DELIVERED,
	COUNT_EXPIRED,
	COUNT_DELETED,
	COUNT_UNDELIVERABLE,
	COUNT_OTHER_FINAL,
	COUNT_RECEIPTS,
	COUNT_TO_ESMES,
	COUNT_NOTICES_DROPPED,
	COUNT_STORE_ERRORS,
	COUNT_BAD_FRAMES,
	GAUGE_LINKS,
	GAUGE_LINKS_PAUSED,
	GAUGE_PHONES,
	GAUGE_PENDING,
	GAUGE_NOTICES,
	GAUGE_STORE_WAITING,
	COUNTERS
};

/* Before the threads start. */
void smsc_counters_register(void);
void counter_add(enum counter c, int64_t n);
void gauge_set(enum counter c, int64_t value);
int64_t counter_read(enum counter c);

#endif
