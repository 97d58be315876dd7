/* fault_counters -- how often each kind of fault has struck, for /metrics. THREADS register: before
 * they start; update: the loop's */
#ifndef HATO_SMSC_SIM_FAULT_COUNTERS_H
#define HATO_SMSC_SIM_FAULT_COUNTERS_H

#include "smsc-sim/faults.h"

void fault_counters_register(void);
void fault_counters_update(const struct faults *f);

#endif
