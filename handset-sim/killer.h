/* killer -- a daemon dies in the middle, as an operator's machine would do it: without a word
 *
 * Its pid is what the running system's console says; SIGKILL; `hato run` starts it again. Callers:
 * storm (authsrv), day (pushsrv, smsc-sim). OWNERSHIP values; killer_fini. THREADS the loop's.
 * ERRORS what cannot be killed is told on stderr and not counted
 */
#ifndef HATO_HANDSET_SIM_KILLER_H
#define HATO_HANDSET_SIM_KILLER_H

#include "handset-sim/http_channel.h"
#include "lib/conf.h"

struct killer {
	struct http_channel *console;
	const char *victim; /* being asked for; null: nobody */
	unsigned kills;
};

/* E_NOMEM; E_NOT_FOUND: there is no console. */
int killer_init(struct killer *k, struct loop *loop, const struct conf *c);
void killer_fini(struct killer *k);
/* False: another one is being killed just now, or there is no console. The name is borrowed for
 * good. */
bool killer_strike(struct killer *k, const char *victim);

#endif
