/* smpp_tlv -- the optional parameters at a PDU's end: tag (2) | length (2) | value
 *
 * They stay octets: decoding a PDU has walked them once, so that walking cannot leave them, and
 * what is not known is carried along. A getter that wants another length than the value has says
 * that there is none. To send some, append them with smpp_tlv_put* to a buffer of one's own and
 * give that to the PDU:
 *
 *     struct octets_writer w = {.at = buffer, .room = sizeof buffer};
 *     smpp_tlv_put_u16(&w, SMPP_TLV_DESTINATION_PORT, 2948);
 *     pdu.tlvs = (struct smpp_span){buffer, w.len};       (w.is_full: it did not fit)
 *
 * OWNERSHIP  values point into the span. THREADS any
 * SEE        SMPP 3.4 3.2.4, 3.3 (unknown ones are ignored), 5.3
 */
#ifndef HATO_LIB_WIRE_SMPP_TLV_H
#define HATO_LIB_WIRE_SMPP_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/octets.h"

/* The ones that somebody asks for; smpp_tlv.c knows the lengths of all of 3.4. */
enum smpp_tag {
	SMPP_TLV_DEST_ADDR_SUBUNIT = 0x0005,
	SMPP_TLV_QOS_TIME_TO_LIVE = 0x0017, /* u32, s */
	SMPP_TLV_PAYLOAD_TYPE = 0x0019,
	SMPP_TLV_ADDITIONAL_STATUS_INFO_TEXT = 0x001D, /* text */
	SMPP_TLV_RECEIPTED_MESSAGE_ID = 0x001E,        /* text */
	SMPP_TLV_MS_MSG_WAIT_FACILITIES = 0x0030,
	SMPP_TLV_PRIVACY_INDICATOR = 0x0201,
	SMPP_TLV_USER_MESSAGE_REFERENCE = 0x0204, /* u16 */
	SMPP_TLV_SOURCE_PORT = 0x020A,            /* u16 */
	SMPP_TLV_DESTINATION_PORT = 0x020B,       /* u16 */
	SMPP_TLV_SAR_MSG_REF_NUM = 0x020C,        /* u16 */
	SMPP_TLV_LANGUAGE_INDICATOR = 0x020D,
	SMPP_TLV_SAR_TOTAL_SEGMENTS = 0x020E, /* u8 */
	SMPP_TLV_SAR_SEGMENT_SEQNUM = 0x020F, /* u8, the first is 1 */
	SMPP_TLV_SC_INTERFACE_VERSION = 0x0210,
	SMPP_TLV_CALLBACK_NUM = 0x0381,
	SMPP_TLV_DPF_RESULT = 0x0420,
	SMPP_TLV_SET_DPF = 0x0421,
	SMPP_TLV_MS_AVAILABILITY_STATUS = 0x0422,
	SMPP_TLV_NETWORK_ERROR_CODE = 0x0423, /* 3: network type, code (2) */
	SMPP_TLV_MESSAGE_PAYLOAD = 0x0424,
	SMPP_TLV_DELIVERY_FAILURE_REASON = 0x0425,
	SMPP_TLV_MORE_MESSAGES_TO_SEND = 0x0426,
	SMPP_TLV_MESSAGE_STATE = 0x0427, /* u8: enum smpp_state */
	SMPP_TLV_ALERT_ON_MESSAGE_DELIVERY = 0x130C
};

/* Octets that lie somewhere else. */
struct smpp_span {
	const uint8_t *octets;
	size_t len;
};

struct smpp_tlv {
	uint16_t tag, length;
	const uint8_t *value;
};

/* Walks: *at 0 at first; false at the end, or where the octets are no TLV. */
bool smpp_tlv_next(struct smpp_span tlvs, size_t *at, struct smpp_tlv *out);
/* The first of that tag. */
bool smpp_tlv_find(struct smpp_span tlvs, uint16_t tag, struct smpp_tlv *out);
bool smpp_tlv_u8(struct smpp_span tlvs, uint16_t tag, uint8_t *value);
bool smpp_tlv_u16(struct smpp_span tlvs, uint16_t tag, uint16_t *value);
/* Into `out`, NUL-ended, with or without a NUL on the wire; false also if it does not fit. */
bool smpp_tlv_text(struct smpp_span tlvs, uint16_t tag, char *out, size_t size);

void smpp_tlv_put(struct octets_writer *w, uint16_t tag, const void *value, size_t length);
void smpp_tlv_put_u8(struct octets_writer *w, uint16_t tag, uint8_t value);
void smpp_tlv_put_u16(struct octets_writer *w, uint16_t tag, uint16_t value);
void smpp_tlv_put_text(struct octets_writer *w, uint16_t tag, const char *text); /* with NUL */

/* The status that the octets deserve: SMPP_ROK, SMPP_RINVOPTPARSTREAM (they are no TLVs, or reach
 * over their end), and if `strict` SMPP_RINVPARLEN (a length that 3.4 does not give this tag). */
uint32_t smpp_tlv_check(struct smpp_span tlvs, bool strict);
/* "message_payload"; "unknown". */
const char *smpp_tlv_name(uint16_t tag);

#endif
