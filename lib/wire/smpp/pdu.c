#include "lib/wire/smpp/smpp.h"

#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/layout.h"
#include "lib/wire/smpp/time.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

int smpp_frame(const uint8_t *octets, size_t n, size_t max, size_t *len)
{
	struct octets_reader r = {.at = octets, .left = n};
	uint32_t length;

	if (!octets_take_u32(&r, &length))
		return E_AGAIN;
	if (length < SMPP_HEADER_LEN || length > max)
		return E_SYNTAX;
	if (length > n)
		return E_AGAIN;
	*len = length;
	return 0;
}

bool smpp_is_response(uint32_t id)
{
	return id & SMPP_RESPONSE_BIT;
}

bool smpp_is_known(uint32_t id)
{
	return smpp_layout_of(id);
}

const char *smpp_command_name(uint32_t id)
{
	const struct smpp_layout *l = smpp_layout_of(id);

	return l ? l->name : "unknown";
}

const char *smpp_state_name(uint8_t state)
{
	static const char *const names[] = {"SCHEDULED", "ENROUTE", "DELIVRD", "EXPIRED", "DELETED",
					    "UNDELIV",   "ACCEPTD", "UNKNOWN", "REJECTD"};

	return state < COUNT(names) ? names[state] : "UNKNOWN";
}

struct smpp_pdu smpp_respond(const struct smpp_pdu *request, uint32_t status)
{
	uint32_t id = request->id | SMPP_RESPONSE_BIT;

	return (struct smpp_pdu){.id = smpp_is_known(id) ? id : SMPP_GENERIC_NACK,
				 .status = status,
				 .sequence = request->sequence};
}

/* Commands whose layout has a short_message that a message_payload stands for. */
static bool has_short_message(uint32_t id)
{
	return id == SMPP_SUBMIT_SM || id == SMPP_DELIVER_SM || id == SMPP_SUBMIT_MULTI;
}

struct smpp_span smpp_message_octets(const struct smpp_pdu *pdu)
{
	struct smpp_span s = {0};
	struct smpp_tlv tlv;

	if (pdu->id == SMPP_REPLACE_SM)
		return pdu->replace.short_message;
	if (has_short_message(pdu->id))
		s = pdu->message.short_message;
	if (s.len == 0 && smpp_tlv_find(pdu->tlvs, SMPP_TLV_MESSAGE_PAYLOAD, &tlv))
		s = (struct smpp_span){tlv.value, tlv.length};
	return s;
}

/* ---- decoding ---- */

/* A text that does not end is too long for its field, or the PDU is too short for it. */
static uint32_t take_text(struct octets_reader *r, const struct smpp_field *f, char *out)
{
	bool is_cut = r->left < f->size && !memchr(r->at, '\0', r->left);

	if (smpp_take_text(r, f->size, out))
		return SMPP_ROK;
	return is_cut ? SMPP_RINVCMDLEN : f->status;
}

static bool is_time(const char *text)
{
	int64_t at_us;

	return *text == '\0' || smpp_time_parse(text, 0, &at_us) == 0;
}

static uint32_t take_short(struct octets_reader *r, struct smpp_span *out)
{
	uint8_t len;

	if (!octets_take_u8(r, &len))
		return SMPP_RINVCMDLEN;
	if (len > SMPP_MESSAGE_MAX || !octets_take(r, len, &out->octets))
		return SMPP_RINVMSGLEN;
	out->len = len;
	return SMPP_ROK;
}

static uint32_t take_list(struct octets_reader *r, const struct smpp_field *f,
			  struct smpp_list *out)
{
	struct smpp_destination d;
	struct smpp_unsuccessful u;
	uint32_t status;
	size_t left;

	if (!octets_take_u8(r, &out->count))
		return SMPP_RINVCMDLEN;
	if (out->count > f->size || (out->count == 0 && f->kind == SMPP_FIELD_DESTINATIONS))
		return f->status;
	out->octets = r->at;
	left = r->left;
	for (unsigned i = 0; i < out->count; i++) {
		status = f->kind == SMPP_FIELD_DESTINATIONS ? smpp_take_destination(r, &d)
							    : smpp_take_unsuccessful(r, &u);
		if (status)
			return status;
	}
	out->len = left - r->left;
	return SMPP_ROK;
}

static uint32_t take_field(struct octets_reader *r, const struct smpp_field *f, struct smpp_pdu *p)
{
	void *at = (char *)p + f->offset;
	uint32_t status;

	switch ((enum smpp_field_kind)f->kind) {
	case SMPP_FIELD_U8:
		return octets_take_u8(r, at) ? SMPP_ROK : SMPP_RINVCMDLEN;
	case SMPP_FIELD_TEXT:
		return take_text(r, f, at);
	case SMPP_FIELD_TIME:
		status = take_text(r, f, at);
		return status || is_time(at) ? status : f->status;
	case SMPP_FIELD_SHORT:
		return take_short(r, at);
	case SMPP_FIELD_DESTINATIONS:
	case SMPP_FIELD_UNSUCCESSFUL:
		return take_list(r, f, at);
	case SMPP_FIELD_END:
		break;
	}
	return SMPP_ROK;
}

static uint32_t check_tlvs(const struct smpp_layout *l, const struct smpp_pdu *p)
{
	struct smpp_tlv tlv;
	uint32_t status = smpp_tlv_check(p->tlvs, l->strict);

	if (!status && has_short_message(l->id) && p->message.short_message.len > 0 &&
	    smpp_tlv_find(p->tlvs, SMPP_TLV_MESSAGE_PAYLOAD, &tlv) && tlv.length > 0)
		return SMPP_ROPTPARNOTALLWD;
	return status;
}

static uint32_t take_body(struct octets_reader *r, const struct smpp_layout *l, struct smpp_pdu *p)
{
	uint32_t status = SMPP_ROK;

	for (const struct smpp_field *f = l->fields; f->kind != SMPP_FIELD_END && !status; f++)
		status = take_field(r, f, p);
	if (status)
		return status;
	p->tlvs = (struct smpp_span){r->at, r->left};
	return check_tlvs(l, p);
}

/* What came with a failure: some leave the body out, others send all of it, with TLVs that may say
 * more. */
static void take_failure(struct octets_reader *r, const struct smpp_layout *l, struct smpp_pdu *p)
{
	struct smpp_pdu body = *p;

	if (take_body(r, l, &body) == SMPP_ROK)
		p->tlvs = body.tlvs;
}

int smpp_decode(const uint8_t *octets, size_t len, struct smpp_pdu *out,
		struct smpp_header *refusal)
{
	struct octets_reader r = {.at = octets, .left = len};
	struct smpp_pdu p = {0};
	const struct smpp_layout *l;
	uint32_t length = 0, status = SMPP_ROK;

	if (!octets_take_u32(&r, &length) || length != len || len < SMPP_HEADER_LEN) {
		*refusal = (struct smpp_header){.id = SMPP_GENERIC_NACK, .status = SMPP_RINVCMDLEN};
		return E_SYNTAX;
	}
	octets_take_u32(&r, &p.id);
	octets_take_u32(&r, &p.status);
	octets_take_u32(&r, &p.sequence);
	l = smpp_layout_of(p.id);
	if (!l)
		status = SMPP_RINVCMDID;
	else if (smpp_is_response(p.id) && p.status != SMPP_ROK)
		take_failure(&r, l, &p);
	else if (!smpp_is_response(p.id) || r.left > 0)
		status = take_body(&r, l, &p);
	if (status) {
		struct smpp_pdu answer = smpp_respond(&p, status);
		bool is_due = !l || (!smpp_is_response(p.id) && answer.id != SMPP_GENERIC_NACK);

		*refusal = (struct smpp_header){is_due ? answer.id : 0, status, p.sequence};
		return E_SYNTAX;
	}
	*out = p;
	return 0;
}

/* ---- encoding ---- */

static bool put_short(struct octets_writer *w, const struct smpp_span *s)
{
	if (s->len > SMPP_MESSAGE_MAX)
		return false;
	octets_put_u8(w, (uint8_t)s->len);
	octets_put(w, s->octets, s->len);
	return true;
}

/* The caller's octets, which must be as many entries as it says. */
static bool put_list(struct octets_writer *w, const struct smpp_field *f, const struct smpp_list *l)
{
	struct octets_reader r = {.at = l->octets, .left = l->len};
	struct smpp_destination d;
	struct smpp_unsuccessful u;

	if (l->count > f->size || (l->count == 0 && f->kind == SMPP_FIELD_DESTINATIONS))
		return false;
	for (unsigned i = 0; i < l->count; i++)
		if (f->kind == SMPP_FIELD_DESTINATIONS ? smpp_take_destination(&r, &d)
						       : smpp_take_unsuccessful(&r, &u))
			return false;
	if (r.left > 0)
		return false;
	octets_put_u8(w, l->count);
	octets_put(w, l->octets, l->len);
	return true;
}

static bool put_field(struct octets_writer *w, const struct smpp_field *f, const struct smpp_pdu *p)
{
	const void *at = (const char *)p + f->offset;

	switch ((enum smpp_field_kind)f->kind) {
	case SMPP_FIELD_U8:
		octets_put(w, at, 1);
		return true;
	case SMPP_FIELD_TEXT:
		return smpp_put_text(w, f->size, at);
	case SMPP_FIELD_TIME:
		return is_time(at) && smpp_put_text(w, f->size, at);
	case SMPP_FIELD_SHORT:
		return put_short(w, at);
	case SMPP_FIELD_DESTINATIONS:
	case SMPP_FIELD_UNSUCCESSFUL:
		return put_list(w, f, at);
	case SMPP_FIELD_END:
		break;
	}
	return true;
}

static bool has_body(const struct smpp_pdu *p)
{
	return !smpp_is_response(p->id) || p->status == SMPP_ROK ||
	       (p->id == SMPP_DATA_SM_RESP && p->tlvs.len > 0);
}

int smpp_encode(const struct smpp_pdu *pdu, uint8_t *out, size_t size, size_t *len)
{
	struct octets_writer w = {.at = out, .room = size}, front = w;
	const struct smpp_layout *l = smpp_layout_of(pdu->id);

	if (!l)
		return E_NOT_FOUND;
	octets_put_u32(&w, 0);
	octets_put_u32(&w, pdu->id);
	octets_put_u32(&w, pdu->status);
	octets_put_u32(&w, pdu->sequence);
	if (has_body(pdu)) {
		for (const struct smpp_field *f = l->fields; f->kind != SMPP_FIELD_END; f++)
			if (!put_field(&w, f, pdu))
				return E_SYNTAX;
		if (check_tlvs(l, pdu))
			return E_SYNTAX;
		octets_put(&w, pdu->tlvs.octets, pdu->tlvs.len);
	}
	if (w.is_full)
		return E_TOO_LARGE;
	octets_put_u32(&front, (uint32_t)w.len);
	*len = w.len;
	return 0;
}
