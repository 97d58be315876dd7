/* trigger_rules -- the settings as what the schedule works with (lib/rules/schedule.h)
 *
 * Called once, before the store is opened: the store decides by them inside its transactions.
 */
#ifndef HATO_PUSHSRV_TRIGGER_RULES_H
#define HATO_PUSHSRV_TRIGGER_RULES_H

#include "lib/conf.h"
#include "lib/rules/schedule.h"

struct schedule trigger_rules(const struct conf *c);

#endif
