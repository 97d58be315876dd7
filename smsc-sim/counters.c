#include "smsc-sim/counters.h"

#include "lib/metrics.h"

#define P "hato_smsc_sim_"

static struct metric metrics[COUNTERS] = {
	[COUNT_LINKS] = {.name = P "links_total", .help = "SMPP connections, taken and made"},
	[COUNT_LINKS_CUT] = {.name = P "links_cut_total", .help = "connections cut by a fault"},
	[COUNT_BINDS] = {.name = P "binds_total", .help = "binds that were accepted"},
	[COUNT_PDUS_IN] = {.name = P "pdus_in_total", .help = "PDUs received"},
	[COUNT_PDUS_OUT] = {.name = P "pdus_out_total", .help = "PDUs sent"},
	[COUNT_BAD_PDUS] = {.name = P "bad_pdus_total", .help = "PDUs that are none"},
	[COUNT_NACKS] = {.name = P "nacks_total", .help = "generic_nack sent"},
	[COUNT_REFUSED] = {.name = P "refused_total", .help = "requests answered with a status"},
	[COUNT_ODD_RESPONSES] = {.name = P "odd_responses_total",
				 .help = "responses that nobody waited for"},
	[COUNT_SUBMITS] = {.name = P "submits_total", .help = "messages that ESMEs handed in"},
	[COUNT_FROM_PHONES] = {.name = P "from_phones_total", .help = "messages that phones sent"},
	[COUNT_ATTEMPTS] = {.name = P "attempts_total", .help = "attempts at a phone"},
	[COUNT_DELIVERED] = {.name = P "final_total{state=\"DELIVRD\"}",
			     .help = "messages that became final, by state"},
	[COUNT_EXPIRED] = {.name = P "final_total{state=\"EXPIRED\"}",
			   .help = "messages that became final, by state"},
	[COUNT_DELETED] = {.name = P "final_total{state=\"DELETED\"}",
			   .help = "messages that became final, by state"},
	[COUNT_UNDELIVERABLE] = {.name = P "final_total{state=\"UNDELIV\"}",
				 .help = "messages that became final, by state"},
	[COUNT_OTHER_FINAL] = {.name = P "final_total{state=\"other\"}",
			       .help = "messages that became final, by state"},
	[COUNT_RECEIPTS] = {.name = P "receipts_total",
			    .help = "receipts and intermediate notifications that were answered"},
	[COUNT_TO_ESMES] = {.name = P "to_esmes_total", .help = "messages that ESMEs took"},
	[COUNT_NOTICES_DROPPED] = {.name = P "notices_dropped_total",
				   .help = "receipts that nobody took or that had no room"},
	[COUNT_STORE_ERRORS] = {.name = P "store_errors_total", .help = "batches not stored"},
	[COUNT_BAD_FRAMES] = {.name = P "bad_frames_total",
			      .help = "radio frames and RP messages that are none"},
	[GAUGE_LINKS] = {.name = P "links", .help = "open now", .kind = METRIC_GAUGE},
	[GAUGE_LINKS_PAUSED] = {.name = P "links_paused",
				.help = "not read now: their ESME does not take its answers",
				.kind = METRIC_GAUGE},
	[GAUGE_PHONES] = {.name = P "phones", .help = "attached now", .kind = METRIC_GAUGE},
	[GAUGE_PENDING] = {.name = P "messages_pending",
			   .help = "messages that are not final",
			   .kind = METRIC_GAUGE},
	[GAUGE_NOTICES] = {.name = P "notices_pending",
			   .help = "what waits for ESMEs",
			   .kind = METRIC_GAUGE},
	[GAUGE_STORE_WAITING] = {.name = P "store_waiting",
				 .help = "messages whose last change is not on disk yet",
				 .kind = METRIC_GAUGE},
};

void smsc_counters_register(void)
{
	for (int i = 0; i < COUNTERS; i++)
		metric_register(&metrics[i]);
}

void counter_add(enum counter c, int64_t n)
{
	metric_add(&metrics[c], n);
}

void gauge_set(enum counter c, int64_t value)
{
	metric_set(&metrics[c], value);
}

int64_t counter_read(enum counter c)
{
	return atomic_load_explicit(&metrics[c].value, memory_order_relaxed);
}
