/* outbind -- where an ESME listens, we call it when something waits for it
 *
 * An account with `outbind` that has something in its queue and no receiver bound is connected to,
 * hears outbind with our system_id and its password, and binds on that connection as a receiver.
 * One attempt every outbind_seconds. The host is an address: names are not looked up, since nothing
 * here may wait.
 *
 * THREADS the loop's. SEE SMPP 3.4 2.2.1, 4.1.7
 */
#ifndef HATO_SMSC_SIM_OUTBIND_H
#define HATO_SMSC_SIM_OUTBIND_H

#include "smsc-sim/smsc.h"

/* A few times a second. */
void outbind_tick(struct smsc *s, int64_t now_us);

/* Can that be called? */
bool outbind_is_place(const char *text);

#endif
