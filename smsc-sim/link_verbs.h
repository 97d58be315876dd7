/* link_verbs -- what each request of an ESME does: a row a command
 *
 * The state was asked before (lib/wire/smpp/bind.h). A verb answers at once, or leaves a
 * link_reply for later: until a message is on disk, or for as long as a fault holds it back.
 *
 * THREADS the loop's. SEE SMPP 3.4 4
 */
#ifndef HATO_SMSC_SIM_LINK_VERBS_H
#define HATO_SMSC_SIM_LINK_VERBS_H

#include "smsc-sim/link.h"

void link_verb(struct link *l, const struct smpp_pdu *pdu);

#endif
