/* esme_counters -- what is counted of each link to an SMSC (lib/metrics): a row each in
 * esme_counters.c, with the label smsc="NAME". Registered before the threads start
 * (esme_counters_register); any thread counts. `link` is the section's index in the configuration.
 */
#ifndef HATO_PUSHSRV_ESME_COUNTERS_H
#define HATO_PUSHSRV_ESME_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

enum esme_counter {
	ESME_COUNT_UP,      /* gauge */
	ESME_COUNT_REFUSED, /* gauge: the last bind was refused: somebody must act */
	ESME_COUNT_BINDS,
	ESME_COUNT_BINDS_REFUSED,
	ESME_COUNT_CLOSED,
	ESME_COUNT_SILENT,
	ESME_COUNT_SUBMITS,
	ESME_COUNT_IN_FLIGHT, /* gauge */
	ESME_COUNT_ACCEPTED,
	ESME_COUNT_TEMPORARY,
	ESME_COUNT_PERMANENT,
	ESME_COUNT_UNKNOWN,
	ESME_COUNT_THROTTLED,
	ESME_COUNT_PACE, /* gauge: thousandths of a message a second; 0: no bound */
	ESME_COUNT_LATENCY_SUM_US,
	ESME_COUNT_LATENCY_MAX_US,
	ESME_COUNT_RECEIPTS,
	ESME_COUNT_INCOMING,
	ESME_COUNT_EARLY,
	ESME_COUNT_LATER,
	ESME_COUNT_ENQUIRIES,
	ESME_COUNT_UNEXPECTED,
	ESME_COUNT_MALFORMED,
	ESME_COUNT_NOT_ALLOWED,
	ESME_COUNT_NACKS,
	ESME_COUNT_ALERTS,
	ESME_COUNTERS
};

void esme_count(size_t link, enum esme_counter c, int64_t n);
void esme_gauge(size_t link, enum esme_counter c, int64_t value);
void esme_most(size_t link, enum esme_counter c, int64_t value);
int64_t esme_counted(size_t link, enum esme_counter c);

#endif
