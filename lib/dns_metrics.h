/* dns_metrics -- what lib/dns counts. Private to it. THREADS any */
#ifndef HATO_LIB_DNS_METRICS_H
#define HATO_LIB_DNS_METRICS_H

#include <stdint.h>

enum dns_metric {
	DNS_METRIC_ASKED,
	DNS_METRIC_CACHED,
	DNS_METRIC_JOINED,
	DNS_METRIC_SENT,
	DNS_METRIC_FOUND, /* the outcomes, in their order */
	DNS_METRIC_NO_DATA,
	DNS_METRIC_NO_NAME,
	DNS_METRIC_TEMPORARY,
	DNS_METRIC_LATE,
	DNS_METRIC_BUSY,
	DNS_METRIC_DOWN,
	DNS_METRIC_IN_FLIGHT,
	DNS_METRIC_CACHE_ENTRIES,
	DNS_METRIC_CACHE_OCTETS,
	DNS_METRICS
};

void dns_count(enum dns_metric m, int64_t n);
int64_t dns_counted(enum dns_metric m);

#endif
