#include "authsrv/radius/counters.h"

#include <stdio.h>
#include <string.h>

#include "lib/metrics.h"

static struct metric metrics[RADIUS_COUNTERS] = {
#define COUNTER(counter, metric, text)                                                             \
	[RADIUS_COUNT_##counter] = {                                                               \
		.name = "hato_authsrv_radius_" metric, .help = text, .kind = METRIC_COUNTER},
#include "authsrv/radius/counters.def"
#undef COUNTER
};

static struct metric in_flight = {.name = "hato_authsrv_radius_in_flight",
				  .help = "Accounting-Requests that wait for their commit",
				  .kind = METRIC_GAUGE};

void radius_counters_register(void)
{
	for (size_t i = 0; i < RADIUS_COUNTERS; i++)
		metric_register(&metrics[i]);
	metric_register(&in_flight);
}

void radius_count(enum radius_counter counter, int64_t n)
{
	metric_add(&metrics[counter], n);
}

void radius_count_in_flight(int64_t n)
{
	metric_set(&in_flight, n);
}

const char *radius_counter_reason(enum radius_counter counter, char text[32])
{
	const char *quote = strchr(metrics[counter].name, '"');

	snprintf(text, 32, "%s", quote ? quote + 1 : "");
	text[strcspn(text, "\"")] = '\0';
	return text;
}
