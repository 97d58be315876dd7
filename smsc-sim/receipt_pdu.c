#include "smsc-sim/receipt_pdu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/wire/smpp/receipt.h"
#include "lib/wire/sms/text.h"
#include "smsc-sim/segments.h"

#define NETWORK_GSM 3

static struct smpp_address address_of(const struct party *p)
{
	struct smpp_address a = {.ton = p->ton, .npi = p->npi};

	memcpy(a.number, p->number, sizeof p->number);
	return a;
}

/* The first characters, where they are characters that a receipt can say. */
static void first_words(const struct message *m, char out[SMPP_RECEIPT_TEXT_SIZE])
{
	enum segment_text text_is;
	size_t n = 0;

	segment_dcs(m->data_coding, &text_is);
	if (m->esm_class & SMPP_ESM_UDHI || text_is == SEGMENT_OCTETS || text_is == SEGMENT_UCS2)
		return;
	for (; n < m->length && n < SMPP_RECEIPT_TEXT_SIZE - 1; n++)
		out[n] = m->octets[n] >= 0x20 && m->octets[n] < 0x7F ? (char)m->octets[n] : '?';
	out[n] = '\0';
}

static void describe(const struct message *m, enum notice what, struct smpp_receipt *r)
{
	bool delivered = m->state == SMPP_STATE_DELIVERED;

	message_id_format(m->shown_id, r->message_id);
	r->state = m->state;
	r->is_intermediate = what == NOTICE_INTERMEDIATE;
	r->submitted = 1;
	r->delivered = delivered;
	r->submit_s = m->submitted_us / CLOCK_S;
	r->done_s = (message_is_final(m) ? m->done_us : clock_now_us()) / CLOCK_S;
	snprintf(r->error, sizeof r->error, "%03u", m->error);
	r->has_network_error = true;
	r->network_type = NETWORK_GSM;
	r->network_error = m->error;
	first_words(m, r->text);
}

static int about_message(const struct message *m, enum notice what, bool with_tlvs,
			 struct receipt_buffer *buffer, struct smpp_pdu *out)
{
	struct octets_writer w = {.at = buffer->tlvs, .room = sizeof buffer->tlvs};
	struct smpp_receipt r = {0};
	struct smpp_message *b = &out->message;
	size_t len = 0;

	describe(m, what, &r);
	int rc = smpp_receipt_format(&r, (char *)buffer->text, sizeof buffer->text, &len);
	if (rc)
		return rc;
	b->source = address_of(&m->destination);
	b->destination = address_of(&m->source);
	b->esm_class = what == NOTICE_RECEIPT ? SMPP_ESM_RECEIPT : SMPP_ESM_INTERMEDIATE;
	b->short_message = (struct smpp_span){buffer->text, len};
	if (with_tlvs) {
		struct smpp_span carried = {m->tlvs, m->tlvs_length};
		uint16_t reference;
		smpp_receipt_put_tlvs(&r, &w);
		if (smpp_tlv_u16(carried, SMPP_TLV_USER_MESSAGE_REFERENCE, &reference))
			smpp_tlv_put_u16(&w, SMPP_TLV_USER_MESSAGE_REFERENCE, reference);
		out->tlvs = (struct smpp_span){buffer->tlvs, w.len};
	}
	return w.is_full ? E_TOO_LARGE : 0;
}

/* TLVs of an ESME that a receiver can do nothing with are harmless; a long message goes as
 * message_payload. */
static int itself(const struct message *m, bool with_tlvs, struct receipt_buffer *buffer,
		  struct smpp_pdu *out)
{
	struct smpp_message *b = &out->message;

	b->source = address_of(&m->source);
	b->destination = address_of(&m->destination);
	b->esm_class = m->esm_class & (SMPP_ESM_UDHI | SMPP_ESM_REPLY_PATH | SMPP_ESM_TYPE);
	b->protocol_id = m->protocol_id;
	b->priority_flag = m->priority;
	b->data_coding = m->data_coding;
	if (with_tlvs)
		out->tlvs = (struct smpp_span){m->tlvs, m->tlvs_length};
	if (m->length <= SMPP_MESSAGE_MAX) {
		b->short_message = (struct smpp_span){m->octets, m->length};
		return 0;
	}
	size_t room = m->length + m->tlvs_length + 4;
	struct octets_writer w = {.at = malloc(room), .room = room};
	if (!w.at)
		return E_NOMEM;
	buffer->payload = w.at;
	smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, m->octets, m->length);
	if (with_tlvs)
		octets_put(&w, m->tlvs, m->tlvs_length);
	out->tlvs = (struct smpp_span){w.at, w.len};
	return w.is_full ? E_TOO_LARGE : 0;
}

int receipt_pdu(const struct message *m, enum notice what, bool with_tlvs,
		struct receipt_buffer *buffer, struct smpp_pdu *out)
{
	memset(out, 0, sizeof *out);
	out->id = SMPP_DELIVER_SM;
	buffer->payload = NULL;
	memcpy(out->message.service_type, m->service_type, sizeof m->service_type);
	return what == NOTICE_MESSAGE ? itself(m, with_tlvs, buffer, out)
				      : about_message(m, what, with_tlvs, buffer, out);
}
