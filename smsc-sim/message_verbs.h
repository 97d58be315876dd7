/* message_verbs -- query_sm, cancel_sm, replace_sm: what an ESME does with messages of its own
 *
 * Another account's message does not exist for it, nor does one from another source than it names.
 *
 * THREADS the loop's. SEE SMPP 3.4 4.8, 4.9, 4.10, 5.2.18
 */
#ifndef HATO_SMSC_SIM_MESSAGE_VERBS_H
#define HATO_SMSC_SIM_MESSAGE_VERBS_H

#include "smsc-sim/link.h"

void verb_query(struct link *l, const struct smpp_pdu *pdu);
void verb_cancel(struct link *l, const struct smpp_pdu *pdu);
void verb_replace(struct link *l, const struct smpp_pdu *pdu);

/* replace_if_present: one that is still to be delivered between the same parties with the same
 * service type is deleted; m comes in its place. */
void replace_present(struct link *l, const struct message *m);

#endif
