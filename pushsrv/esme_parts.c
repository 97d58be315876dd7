#include "pushsrv/esme_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/octets.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"
#include "lib/wire/sms/udh.h"
#include "lib/wire/smpp/time.h"

#define SHORT_MESSAGE_OCTETS 140
#define HEADER_LENGTH_LEN    1 /* UDHL */
#define PORTS_LEN            6 /* 16 bit ports: id, length, two ports */
#define CONCAT_8_LEN         5 /* id, length, 8 bit reference, total, number */
#define CONCAT_16_LEN        6 /* what an SMSC makes of sar_msg_ref_num, which has 16 bits */
#define SHORT_CODE_DIGITS    7 /* numbers up to so long mean something only to this network */
#define PARTS_MAX            255

/* ---- how many ---- */

static bool has_ports(const struct esme_message *m)
{
	return m->destination_port != 0;
}

/* Octets or septets of the message in a short message with a header of so many octets. */
static size_t room(const struct esme_message *m, size_t header)
{
	size_t octets = SHORT_MESSAGE_OCTETS - header;

	switch (sms_dcs_layout(m->data_coding)) {
	case SMS_GSM7:
		return octets * 8 / 7;
	case SMS_UCS2:
		return octets & ~(size_t)1;
	case SMS_8_BIT:
		break;
	}
	return octets;
}

/* Where the part that begins at `at` ends. */
static size_t part_end(const struct esme_message *m, size_t at, size_t each)
{
	size_t end = at + each;

	if (end >= m->size)
		return m->size;
	enum sms_alphabet alphabet = sms_dcs_layout(m->data_coding);
	if (alphabet == SMS_GSM7 && m->octets[end - 1] == SMS_ESCAPE)
		end--;
	else if (alphabet == SMS_UCS2 && each > 2 && (m->octets[end - 2] & 0xFC) == 0xD8)
		end -= 2;
	return end;
}

int esme_plan(const struct conf_smsc *with, size_t parts_max, const struct esme_message *m,
	      struct esme_plan *out)
{
	size_t length = strlen(m->destination), ports = has_ports(m) ? PORTS_LEN : 0;
	struct esme_plan plan = {.by = with->form == CONF_SMSC_FORM_TLV ? ESME_PLAN_TLV
									: ESME_PLAN_UDH,
				 .each = room(m, ports ? HEADER_LENGTH_LEN + ports : 0)};

	if (length == 0 || length > ESME_NUMBER_MAX ||
	    strspn(m->destination, "0123456789") != length ||
	    !m->source_port != !m->destination_port)
		return E_RANGE;
	if (m->size > plan.each) {
		plan.by = with->parts == CONF_SMSC_PARTS_UDH   ? ESME_PLAN_UDH
			  : with->parts == CONF_SMSC_PARTS_SAR ? ESME_PLAN_TLV
							       : ESME_PLAN_PAYLOAD;
		plan.each =
			room(m, HEADER_LENGTH_LEN + ports +
					(plan.by == ESME_PLAN_UDH ? CONCAT_8_LEN : CONCAT_16_LEN));
	}
	size_t at = 0;
	do {
		at = part_end(m, at, plan.each);
		plan.count++;
	} while (at < m->size && plan.count <= PARTS_MAX);
	if (at < m->size || plan.count > parts_max)
		return E_TOO_LARGE;
	if (plan.by == ESME_PLAN_PAYLOAD)
		plan.count = 1;
	*out = plan;
	return 0;
}

/* ---- one of them ---- */

struct smpp_address esme_source(const struct conf_smsc *with)
{
	struct smpp_address a = {.ton = SMPP_TON_UNKNOWN, .npi = SMPP_NPI_UNKNOWN};
	const char *number = with->source + (*with->source == '+');
	size_t length = strlen(number);

	snprintf(a.number, sizeof a.number, "%s", number);
	if (strspn(number, "0123456789") != length) {
		a.ton = SMPP_TON_ALPHANUMERIC;
	} else if (*with->source == '+' || length > SHORT_CODE_DIGITS) {
		a.ton = SMPP_TON_INTERNATIONAL;
		a.npi = SMPP_NPI_E164;
	} else if (length > 0) {
		a.ton = SMPP_TON_NETWORK;
	}
	if (with->source_ton >= 0)
		a.ton = (uint8_t)with->source_ton;
	if (with->source_npi >= 0)
		a.npi = (uint8_t)with->source_npi;
	return a;
}

static void fill(const struct conf_smsc *with, const struct esme_message *m, struct smpp_pdu *out)
{
	struct smpp_message *to = &out->message;

	*out = (struct smpp_pdu){.id = SMPP_SUBMIT_SM};
	snprintf(to->service_type, sizeof to->service_type, "%s", with->service_type);
	to->source = esme_source(with);
	to->destination.ton = SMPP_TON_INTERNATIONAL;
	to->destination.npi = SMPP_NPI_E164;
	snprintf(to->destination.number, sizeof to->destination.number, "%s", m->destination);
	to->esm_class = m->esm_class & SMPP_ESM_MODE;
	to->protocol_id = m->protocol_id;
	to->priority_flag = m->priority;
	to->registered_delivery = m->registered_delivery;
	to->data_coding = m->data_coding;
	if (m->validity_s > 0)
		smpp_time_relative(m->validity_s < SMPP_TIME_RELATIVE_MAX_S
					   ? m->validity_s
					   : SMPP_TIME_RELATIVE_MAX_S,
				   to->validity_period);
}

static void put_header(const struct esme_message *m, const struct sms_concat *concat,
		       struct octets_writer *w, struct smpp_pdu *out)
{
	struct sms_udh udh = {
		.has_ports = has_ports(m),
		.ports = {.destination = m->destination_port, .source = m->source_port},
		.has_concat = concat->total > 1,
		.concat = *concat,
	};
	size_t n = 0;

	/* At most 12 octets, of values that fit their fields. */
	if (!(udh.has_ports || udh.has_concat) || sms_udh_encode(&udh, w->at, w->room, &n))
		return;
	w->len = n;
	out->message.esm_class |= SMPP_ESM_UDHI;
}

static void put_tlvs(const struct esme_message *m, const struct sms_concat *concat,
		     struct octets_writer *w)
{
	if (has_ports(m)) {
		smpp_tlv_put_u16(w, SMPP_TLV_SOURCE_PORT, m->source_port);
		smpp_tlv_put_u16(w, SMPP_TLV_DESTINATION_PORT, m->destination_port);
	}
	if (concat->total > 1) {
		smpp_tlv_put_u16(w, SMPP_TLV_SAR_MSG_REF_NUM, concat->reference);
		smpp_tlv_put_u8(w, SMPP_TLV_SAR_TOTAL_SEGMENTS, concat->total);
		smpp_tlv_put_u8(w, SMPP_TLV_SAR_SEGMENT_SEQNUM, concat->number);
	}
}

void esme_part(const struct conf_smsc *with, const struct esme_plan *plan,
	       const struct esme_message *m, size_t index, uint16_t reference, size_t *at,
	       uint8_t scratch[ESME_SCRATCH_SIZE], struct smpp_pdu *out)
{
	struct octets_writer w = {.at = scratch, .room = ESME_SCRATCH_SIZE};
	struct sms_concat concat = {.reference = reference,
				    .total = (uint8_t)plan->count,
				    .number = (uint8_t)(index + 1)};
	size_t end = plan->by == ESME_PLAN_PAYLOAD ? m->size : part_end(m, *at, plan->each);
	const struct smpp_span piece = {m->octets + *at, end - *at};

	*at = end;
	fill(with, m, out);
	if (index + 1 < plan->count)
		out->message.registered_delivery = SMPP_REGISTERED_NONE;
	if (plan->by == ESME_PLAN_UDH) {
		concat.reference &= 0xFF;
		put_header(m, &concat, &w, out);
		octets_put(&w, piece.octets, piece.len);
		out->message.short_message = (struct smpp_span){scratch, w.len};
		return;
	}
	put_tlvs(m, &concat, &w);
	if (plan->by == ESME_PLAN_PAYLOAD)
		smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, piece.octets, piece.len);
	else
		out->message.short_message = piece;
	out->tlvs = (struct smpp_span){scratch, w.len};
}
