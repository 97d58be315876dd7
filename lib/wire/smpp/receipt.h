/* smpp_receipt -- what an SMSC reports about a message: the text of a delivery receipt
 *
 *     id:0000002a sub:001 dlvrd:001 submit date:2601051830 done date:2601051830 stat:DELIVRD
 *     err:000 text:You have
 *
 * and the TLVs receipted_message_id, message_state and network_error_code, which win where both
 * are there. Writing is exact. Reading takes what SMSCs send: any order of fields, any case, ids
 * up to 64 characters, dates with seconds or with a century, spaces after a colon, states spelled
 * out, unknown fields. What stands behind "text:" is the sender's own words and decides nothing,
 * unless the id or the state has not come before it (then the last ones behind it count: the real
 * fields follow the text). Dates have no zone in them: they are read and written as they stand, as
 * if in UTC.
 *
 * OWNERSHIP  values. THREADS any. TRUST the text comes off the network, and its end from a sender
 * ERRORS     parse, read: E_SYNTAX: no id or no state; E_NOT_FOUND (read): not a receipt at all
 *            format: E_TOO_LARGE: does not fit
 * SEE        SMPP 3.4 Appendix B, 5.2.12, 5.3.2.9, .12, .31, .35; protocols 3.2
 */
#ifndef HATO_LIB_WIRE_SMPP_RECEIPT_H
#define HATO_LIB_WIRE_SMPP_RECEIPT_H

#include "lib/wire/smpp/smpp.h"

#define SMPP_RECEIPT_TEXT_SIZE  21
#define SMPP_RECEIPT_ERROR_SIZE 16
#define SMPP_RECEIPT_NO_DATE    (-1)

struct smpp_receipt {
	char message_id[SMPP_MESSAGE_ID_SIZE];
	uint8_t state;        /* enum smpp_state */
	bool is_intermediate; /* an intermediate notification: more will come */
	bool has_seconds;     /* writing: 12 digits instead of 10 */
	uint32_t submitted, delivered;
	int64_t submit_s, done_s;            /* since 1970, or SMPP_RECEIPT_NO_DATE */
	char error[SMPP_RECEIPT_ERROR_SIZE]; /* "" is written as 000 */
	bool has_network_error;
	uint8_t network_type; /* 3 = GSM */
	uint16_t network_error;
	char text[SMPP_RECEIPT_TEXT_SIZE]; /* the message's first characters; no NUL in them */
};

int smpp_receipt_parse(const uint8_t *text, size_t len, struct smpp_receipt *out);
/* Of a deliver_sm or data_sm from an SMSC: by its esm_class, text and TLVs. */
int smpp_receipt_read(const struct smpp_pdu *pdu, struct smpp_receipt *out);

/* The text, without a NUL; SMPP_MESSAGE_MAX octets are always enough. */
int smpp_receipt_format(const struct smpp_receipt *r, char *out, size_t size, size_t *len);
void smpp_receipt_put_tlvs(const struct smpp_receipt *r, struct octets_writer *w);

/* The state will not change any more. */
bool smpp_state_is_final(uint8_t state);

#endif
