/* esme_parts -- a message as the submit_sm PDUs that carry it
 *
 * What a phone takes in one short message is 140 octets (160 septets), user data header included.
 * One that fits goes as one submit_sm; its ports stand in the header or in TLVs (`form`). A longer
 * one goes in parts: concatenated by headers (with the ports in the same header), or by sar TLVs
 * (with the ports in TLVs), or whole, as message_payload, for the SMSC to take apart (ports in
 * TLVs): `parts`. Never both a header and such TLVs: an SMSC may only pass one of them on. With
 * TLVs too a part leaves room for the header that the SMSC makes of them.
 *
 * No part ends between an escape and its character, or between the halves of a surrogate pair.
 *
 * OWNERSHIP the PDU's spans point into the message or into the scratch. THREADS any
 * SEE       TS 23.040 9.2.3.24, 9.2.3.24.1, .4; SMPP 3.4 5.3.2.22-24, .32; protocols 2.1, 2.4, 3.1
 */
#ifndef HATO_PUSHSRV_ESME_PARTS_H
#define HATO_PUSHSRV_ESME_PARTS_H

#include "lib/wire/smpp/smpp.h"
#include "pushsrv/esme.h"

#define ESME_SCRATCH_SIZE 65600 /* a whole message_payload and the other TLVs */

struct esme_plan {
	enum { ESME_PLAN_UDH, ESME_PLAN_TLV, ESME_PLAN_PAYLOAD } by;
	size_t count; /* PDUs */
	size_t each;  /* octets (or septets) of the message in one at most */
};

/* E_TOO_LARGE: more than parts_max short messages. E_RANGE: no destination; ports of which one is
 * 0. */
int esme_plan(const struct conf_smsc *with, size_t parts_max, const struct esme_message *m,
	      struct esme_plan *out);

/* The part that begins at *at, which moves to the next one's; index counts from 0. The same
 * reference in each part of a message, another one in the next message. Of more than one only the
 * last asks for a receipt. */
void esme_part(const struct conf_smsc *with, const struct esme_plan *plan,
	       const struct esme_message *m, size_t index, uint16_t reference, size_t *at,
	       uint8_t scratch[ESME_SCRATCH_SIZE], struct smpp_pdu *out);

/* The address that messages of this link come from. */
struct smpp_address esme_source(const struct conf_smsc *with);

#endif
