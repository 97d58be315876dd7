/* radio_say -- frames, RP messages and TPDUs to a phone, written to its connection
 *
 * THREADS the loop's. SEE lib/wire/sms/radio.h, rp.h, sms.h; TS 23.040 9.2.2.1
 */
#ifndef HATO_SMSC_SIM_RADIO_SAY_H
#define HATO_SMSC_SIM_RADIO_SAY_H

#include "lib/conn.h"
#include "lib/wire/sms/radio.h"
#include "lib/wire/sms/rp.h"
#include "smsc-sim/smsc.h"

int radio_say(struct conn *c, enum radio_kind kind, const char *number, const uint8_t *payload,
	      size_t length);
int radio_say_rp(struct conn *c, const char *number, const struct rp_message *rp);
int radio_say_error(struct conn *c, const char *number, uint8_t reference, uint8_t cause);

/* The TPDU that is m's turn: an SMS-DELIVER with its next part, or the status report that it is. */
int radio_tpdu(const struct smsc *s, const struct message *m, bool more_wait, uint8_t *out,
	       size_t size, size_t *len);

#endif
