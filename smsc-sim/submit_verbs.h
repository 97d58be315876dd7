/* submit_verbs -- submit_sm, data_sm, submit_multi: messages come in
 *
 * Refused are, in this order: what a fault wants refused; what is over the account's window or
 * rate (RTHROTTLED); what submission.h finds wrong; what has no room (RMSGQFUL). The answer to the
 * others leaves once the store has them, before anything is done with them.
 *
 * In transaction mode (esm_class) the answer is the outcome of the one attempt: RDELIVERYFAILURE if
 * it failed.
 *
 * All messages of a submit_multi have the id of the first one towards the ESME: its response has
 * room for one. Their ids follow each other in the spool.
 *
 * THREADS the loop's. SEE SMPP 3.4 4.4, 4.5, 4.7
 */
#ifndef HATO_SMSC_SIM_SUBMIT_VERBS_H
#define HATO_SMSC_SIM_SUBMIT_VERBS_H

#include "smsc-sim/link.h"

void verb_submit(struct link *l, const struct smpp_pdu *pdu);
void verb_submit_multi(struct link *l, const struct smpp_pdu *pdu);

#endif
