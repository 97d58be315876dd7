#include "lib/dns_metrics.h"

#include "lib/dns.h"
#include "lib/metrics.h"

#define ANSWERS(outcome) "hato_smtpgw_dns_answers_total{outcome=\"" outcome "\"}"
#define REFUSED(reason)  "hato_smtpgw_dns_refused_total{reason=\"" reason "\"}"

static const char answers[] = "DNS questions that were answered, from the cache too";
static const char refused[] =
	"DNS questions that were answered `temporary` without asking a server";

static struct metric metrics[DNS_METRICS] = {
	[DNS_METRIC_ASKED] = {.name = "hato_smtpgw_dns_questions_total",
			      .help = "DNS questions of checks and relaying"},
	[DNS_METRIC_CACHED] = {.name = "hato_smtpgw_dns_cached_total",
			       .help = "DNS questions that the cache answered"},
	[DNS_METRIC_JOINED] = {.name = "hato_smtpgw_dns_joined_total",
			       .help = "DNS questions that were under way already"},
	[DNS_METRIC_SENT] = {.name = "hato_smtpgw_dns_sent_total",
			     .help = "DNS questions put to the servers"},
	[DNS_METRIC_FOUND] = {.name = ANSWERS("found"), .help = answers},
	[DNS_METRIC_NO_DATA] = {.name = ANSWERS("no-data"), .help = answers},
	[DNS_METRIC_NO_NAME] = {.name = ANSWERS("no-name"), .help = answers},
	[DNS_METRIC_TEMPORARY] = {.name = ANSWERS("temporary"), .help = answers},
	[DNS_METRIC_LATE] = {.name = "hato_smtpgw_dns_late_total",
			     .help = "DNS questions whose asker could wait no longer"},
	[DNS_METRIC_BUSY] = {.name = REFUSED("busy"), .help = refused},
	[DNS_METRIC_DOWN] = {.name = REFUSED("silent"), .help = refused},
	[DNS_METRIC_IN_FLIGHT] = {.name = "hato_smtpgw_dns_in_flight",
				  .help = "DNS questions that wait for a server",
				  .kind = METRIC_GAUGE},
	[DNS_METRIC_CACHE_ENTRIES] = {.name = "hato_smtpgw_dns_cache_entries",
				      .help = "names and types that are known",
				      .kind = METRIC_GAUGE},
	[DNS_METRIC_CACHE_OCTETS] = {.name = "hato_smtpgw_dns_cache_octets",
				     .help = "memory for what is known",
				     .kind = METRIC_GAUGE},
};

void dns_register_metrics(void)
{
	for (int i = 0; i < DNS_METRICS; i++)
		metric_register(&metrics[i]);
}

void dns_count(enum dns_metric m, int64_t n)
{
	metric_add(&metrics[m], n);
}

int64_t dns_counted(enum dns_metric m)
{
	return atomic_load_explicit(&metrics[m].value, memory_order_relaxed);
}
