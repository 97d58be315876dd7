/* world_radio -- the world's radio side: the one connection that all phones share, who is meant by
 * a number, and the texts that phones write to each other
 *
 * Opened only when the scenario has use for short messages; without it no phone has a radio.
 * OWNERSHIP the world's. THREADS the loop's. ERRORS -1 with the reason on stderr
 */
#ifndef HATO_HANDSET_SIM_WORLD_RADIO_H
#define HATO_HANDSET_SIM_WORLD_RADIO_H

#include "handset-sim/world.h"

/* Before the phones are. */
int world_radio_open(struct world *w);
void world_radio_close(struct world *w);
/* Mail is being sent: texts are written now, too. */
void world_radio_write(struct world *w);
/* A phone reads a text that says it is from `from`. */
void world_radio_text(struct world *w, uint32_t phone, const char *from, const char *text);
/* All texts are where they should be, or there are none. */
bool world_radio_is_done(const struct world *w);

#endif
