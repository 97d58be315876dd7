/* report -- the summary, as a table for people or as the JSON object of design.md 4 */
#ifndef HATO_HANDSET_SIM_REPORT_H
#define HATO_HANDSET_SIM_REPORT_H

#include "handset-sim/world.h"

void report_print(struct world *w);
/* All is well: the exit status. */
bool report_is_clean(const struct world *w);

#endif
