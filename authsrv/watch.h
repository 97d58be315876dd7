/* watch -- every binding that comes into doubt is an alarm, whoever doubted it
 *
 * Follows the change feed of bindings.db on worker 0: feeds, handsets, operators and the other
 * daemons all show there. Contested and quarantined keys are logged (at most ALARMS_PER_SECOND
 * lines a second, then their number), every state is counted.
 */
#ifndef HATO_AUTHSRV_WATCH_H
#define HATO_AUTHSRV_WATCH_H

#include "authsrv/server.h"

#define ALARMS_PER_SECOND 50

int watch_start(struct worker *w);
/* Once a second. */
void watch_second(struct worker *w);

#endif
