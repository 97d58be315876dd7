/* mobile_originated -- a phone's SMS-SUBMIT: a message to an ESME or to another phone
 *
 * RP-ACK with an SMS-SUBMIT-REPORT once it is stored; else RP-ERROR with a cause and, in its
 * report, a failure cause. TP-RD (reject duplicates) is heeded among what still waits.
 *
 * THREADS the loop's. SEE TS 23.040 9.2.2.2, 9.2.2.2a, 9.2.3.25; TS 24.011 8.2.5.4
 */
#ifndef HATO_SMSC_SIM_MOBILE_ORIGINATED_H
#define HATO_SMSC_SIM_MOBILE_ORIGINATED_H

#include "lib/wire/sms/rp.h"
#include "smsc-sim/smsc.h"

struct phone;

void mobile_originated(struct smsc *s, struct phone *p, const struct rp_message *rp);

/* For the control API too: a message as if the phone of that number had sent it. The caller sets
 * its parties and octets. SMPP_ROK, RMSGQFUL, RSYSERR; it is taken or freed. */
uint32_t mobile_originated_add(struct smsc *s, struct message *m);

#endif
