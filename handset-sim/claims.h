/* claims -- token requests of the customers that are no more than that: each from its own address,
 * a bounded number at a time
 *
 * A refusal is asked again, as long after as the answer says, and longer each time. Whoever moved
 * meanwhile asks from where it is now. THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_CLAIMS_H
#define HATO_HANDSET_SIM_CLAIMS_H

#include "handset-sim/incident.h"

int claims_new(struct incident *in, struct claims **out);
void claims_free(struct claims *c);
/* The customer asks for a token in in_us, from the address it has now. */
void claims_ask(struct claims *c, uint32_t customer, int64_t in_us);

#endif
