/* windows -- while a long run goes on: a line of JSON on stdout each so many seconds
 *
 * The first line says that the phones are attached and mail begins: {"at_s":0}. Each other one says
 * what was accepted, fetched and moved since the last line, what waits to be fetched, and p50 and
 * p99 of the samples that were added since then (milliseconds), by the ledger's kinds.
 * bench/soak.py reads it. OWNERSHIP  windows_free frees it; null is accepted everywhere: nothing is
 * told THREADS    the loop's
 */
#ifndef HATO_HANDSET_SIM_WINDOWS_H
#define HATO_HANDSET_SIM_WINDOWS_H

#include "handset-sim/world.h"

int windows_new(struct world *w, struct windows **out); /* E_NOMEM */
void windows_begin(struct windows *w);                  /* the first one begins now */
void windows_free(struct windows *w);

#endif
