#include "smsc-sim/fault_counters.h"

#include "lib/metrics.h"

#define ROW(kind, word)                                                                            \
	[kind] = {.name = "hato_smsc_sim_faults_total{what=\"" word "\"}",                         \
		  .help = "how often a fault has struck, by kind"}

static struct metric metrics[FAULT_WHATS] = {
	ROW(FAULT_DELAY, "delay"),
	ROW(FAULT_LOSS, "loss"),
	ROW(FAULT_DUPLICATE, "duplicate"),
	ROW(FAULT_REORDER, "reorder"),
	ROW(FAULT_THROTTLE, "throttle"),
	ROW(FAULT_REFUSE, "refuse"),
	ROW(FAULT_GENERIC_NACK, "generic_nack"),
	ROW(FAULT_SEQUENCE, "sequence"),
	ROW(FAULT_SILENCE, "silence"),
	ROW(FAULT_CUT, "cut"),
	ROW(FAULT_ABSENT, "absent"),
	ROW(FAULT_MEMORY_FULL, "memory_full"),
	ROW(FAULT_FAIL, "fail"),
};

void fault_counters_register(void)
{
	for (int i = 0; i < FAULT_WHATS; i++)
		metric_register(&metrics[i]);
}

void fault_counters_update(const struct faults *f)
{
	for (int i = 0; i < FAULT_WHATS; i++)
		metric_set(&metrics[i], (int64_t)faults_hits_of(f, (enum fault_what)i));
}
