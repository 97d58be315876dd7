/* receipt_pdu -- a deliver_sm about a message: its receipt, an intermediate notification, or itself
 *
 * A receipt comes from the number that the message was for, to the one that it came from, as text
 * and, for an ESME of 3.4, as TLVs too. Pure.
 *
 * OWNERSHIP  the PDU borrows from the message and from the buffer. THREADS any
 * SEE        SMPP 3.4 4.6, 5.2.12, 5.3.2.9, .12, .35, Appendix B; protocols 3.2
 */
#ifndef HATO_SMSC_SIM_RECEIPT_PDU_H
#define HATO_SMSC_SIM_RECEIPT_PDU_H

#include "smsc-sim/message.h"

struct receipt_buffer {
	uint8_t text[SMPP_MESSAGE_MAX];
	uint8_t tlvs[256];
	uint8_t *payload; /* at need: message_payload before the TLVs; the caller frees */
};

/* E_NOMEM, E_TOO_LARGE. */
int receipt_pdu(const struct message *m, enum notice what, bool with_tlvs,
		struct receipt_buffer *buffer, struct smpp_pdu *out);

#endif
