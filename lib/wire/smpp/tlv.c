#include "lib/wire/smpp/tlv.h"

#include <string.h>

#include "lib/wire/smpp/status.h"

#define COUNT(a)   (sizeof(a) / sizeof(a)[0])
#define HEADER_LEN 4

/* The optional parameters of 3.4 with the lengths of their values. */
static const struct {
	uint16_t tag, min, max;
	const char *name;
} known[] = {
	{0x0005, 1, 1, "dest_addr_subunit"},
	{0x0006, 1, 1, "dest_network_type"},
	{0x0007, 1, 1, "dest_bearer_type"},
	{0x0008, 2, 2, "dest_telematics_id"},
	{0x000D, 1, 1, "source_addr_subunit"},
	{0x000E, 1, 1, "source_network_type"},
	{0x000F, 1, 1, "source_bearer_type"},
	{0x0010, 1, 1, "source_telematics_id"},
	{0x0017, 4, 4, "qos_time_to_live"},
	{0x0019, 1, 1, "payload_type"},
	{0x001D, 1, 256, "additional_status_info_text"},
	{0x001E, 1, 65, "receipted_message_id"},
	{0x0030, 1, 1, "ms_msg_wait_facilities"},
	{0x0201, 1, 1, "privacy_indicator"},
	{0x0202, 2, 23, "source_subaddress"},
	{0x0203, 2, 23, "dest_subaddress"},
	{0x0204, 2, 2, "user_message_reference"},
	{0x0205, 1, 1, "user_response_code"},
	{0x020A, 2, 2, "source_port"},
	{0x020B, 2, 2, "destination_port"},
	{0x020C, 2, 2, "sar_msg_ref_num"},
	{0x020D, 1, 1, "language_indicator"},
	{0x020E, 1, 1, "sar_total_segments"},
	{0x020F, 1, 1, "sar_segment_seqnum"},
	{0x0210, 1, 1, "sc_interface_version"},
	{0x0302, 1, 1, "callback_num_pres_ind"},
	{0x0303, 0, 65, "callback_num_atag"},
	{0x0304, 1, 1, "number_of_messages"},
	{0x0381, 4, 19, "callback_num"},
	{0x0420, 1, 1, "dpf_result"},
	{0x0421, 1, 1, "set_dpf"},
	{0x0422, 1, 1, "ms_availability_status"},
	{0x0423, 3, 3, "network_error_code"},
	{0x0424, 0, UINT16_MAX, "message_payload"},
	{0x0425, 1, 1, "delivery_failure_reason"},
	{0x0426, 1, 1, "more_messages_to_send"},
	{0x0427, 1, 1, "message_state"},
	{0x0501, 1, 1, "ussd_service_op"},
	{0x1201, 1, 1, "display_time"},
	{0x1203, 2, 2, "sms_signal"},
	{0x1204, 1, 1, "ms_validity"},
	{0x130C, 0, 0, "alert_on_message_delivery"},
	{0x1380, 1, 1, "its_reply_type"},
	{0x1383, 2, 2, "its_session_info"},
};

bool smpp_tlv_next(struct smpp_span tlvs, size_t *at, struct smpp_tlv *out)
{
	struct octets_reader r;
	struct smpp_tlv tlv;

	if (tlvs.len - *at < HEADER_LEN)
		return false;
	r = (struct octets_reader){.at = tlvs.octets + *at, .left = tlvs.len - *at};
	if (!octets_take_u16(&r, &tlv.tag) || !octets_take_u16(&r, &tlv.length) ||
	    !octets_take(&r, tlv.length, &tlv.value))
		return false;
	*at = tlvs.len - r.left;
	*out = tlv;
	return true;
}

bool smpp_tlv_find(struct smpp_span tlvs, uint16_t tag, struct smpp_tlv *out)
{
	struct smpp_tlv tlv;
	size_t at = 0;

	while (smpp_tlv_next(tlvs, &at, &tlv)) {
		if (tlv.tag != tag)
			continue;
		*out = tlv;
		return true;
	}
	return false;
}

bool smpp_tlv_u8(struct smpp_span tlvs, uint16_t tag, uint8_t *value)
{
	struct smpp_tlv tlv;

	if (!smpp_tlv_find(tlvs, tag, &tlv) || tlv.length != 1)
		return false;
	*value = tlv.value[0];
	return true;
}

bool smpp_tlv_u16(struct smpp_span tlvs, uint16_t tag, uint16_t *value)
{
	struct smpp_tlv tlv;

	if (!smpp_tlv_find(tlvs, tag, &tlv) || tlv.length != 2)
		return false;
	*value = (uint16_t)(tlv.value[0] << 8 | tlv.value[1]);
	return true;
}

bool smpp_tlv_text(struct smpp_span tlvs, uint16_t tag, char *out, size_t size)
{
	struct smpp_tlv tlv;
	size_t len;

	if (!smpp_tlv_find(tlvs, tag, &tlv))
		return false;
	len = strnlen((const char *)tlv.value, tlv.length);
	if (len >= size)
		return false;
	memcpy(out, tlv.value, len);
	out[len] = '\0';
	return true;
}

void smpp_tlv_put(struct octets_writer *w, uint16_t tag, const void *value, size_t length)
{
	if (length > UINT16_MAX || w->room - w->len < HEADER_LEN + length)
		w->is_full = true;
	octets_put_u16(w, tag);
	octets_put_u16(w, (uint16_t)length);
	octets_put(w, value, length);
}

void smpp_tlv_put_u8(struct octets_writer *w, uint16_t tag, uint8_t value)
{
	smpp_tlv_put(w, tag, &value, 1);
}

void smpp_tlv_put_u16(struct octets_writer *w, uint16_t tag, uint16_t value)
{
	const uint8_t octets[] = {(uint8_t)(value >> 8), (uint8_t)value};

	smpp_tlv_put(w, tag, octets, sizeof octets);
}

void smpp_tlv_put_text(struct octets_writer *w, uint16_t tag, const char *text)
{
	smpp_tlv_put(w, tag, text, strlen(text) + 1);
}

static bool length_is_right(const struct smpp_tlv *tlv)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (known[i].tag == tlv->tag)
			return tlv->length >= known[i].min && tlv->length <= known[i].max;
	return true;
}

uint32_t smpp_tlv_check(struct smpp_span tlvs, bool strict)
{
	struct smpp_tlv tlv;
	size_t at = 0;

	while (smpp_tlv_next(tlvs, &at, &tlv))
		if (strict && !length_is_right(&tlv))
			return SMPP_RINVPARLEN;
	return at == tlvs.len ? SMPP_ROK : SMPP_RINVOPTPARSTREAM;
}

const char *smpp_tlv_name(uint16_t tag)
{
	for (size_t i = 0; i < COUNT(known); i++)
		if (known[i].tag == tag)
			return known[i].name;
	return "unknown";
}
