/* message_json -- a message of the spool as JSON: a row of the list, or all of it
 *
 * OWNERSHIP  JSON is the caller's. THREADS the loop's. SEE docs/smsc-sim.md, which lists the
 * members
 */
#ifndef HATO_SMSC_SIM_MESSAGE_JSON_H
#define HATO_SMSC_SIM_MESSAGE_JSON_H

#include <jansson.h>

#include "smsc-sim/smsc.h"

json_t *message_json_write(const struct smsc *s, const struct message *m);
/* With its content: what goes over the radio, read. */
json_t *message_json_write_whole(const struct smsc *s, const struct message *m);

#endif
