/* status_report -- what a phone hears of the message that it sent (TP-SRR)
 *
 * A message of the centre's own, whose octets are the TPDU; it waits in the phone's inbox like any
 * other.
 *
 * THREADS the loop's. SEE TS 23.040 9.2.2.3, 9.2.3.15
 */
#ifndef HATO_SMSC_SIM_STATUS_REPORT_H
#define HATO_SMSC_SIM_STATUS_REPORT_H

#include "smsc-sim/smsc.h"

/* m is final. */
void status_report_send(struct smsc *s, const struct message *m);
/* A number as TPDUs have it. E_*: it cannot be said there. */
struct sms_addr;
int party_to_addr(const struct party *p, struct sms_addr *out);

#endif
