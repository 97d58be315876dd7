#include "smsc-sim/segments.h"

#include <stdlib.h>
#include <string.h>

#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/parts.h"
#include "lib/wire/sms/text.h"

#define TEXT_FACTOR 3 /* a character of Latin-1: two octets of UTF-8, two septets, two of UCS-2 */

/* ---- codings ---- */

uint8_t segment_dcs(uint8_t data_coding, enum segment_text *text_is)
{
	if (data_coding >= 0xC0) { /* TP-DCS itself: message waiting, classes */
		enum sms_alphabet alphabet = sms_dcs_layout(data_coding);
		*text_is = alphabet == SMS_GSM7   ? SEGMENT_SEPTETS
			   : alphabet == SMS_UCS2 ? SEGMENT_UCS2
						  : SEGMENT_OCTETS;
		return data_coding;
	}
	switch (data_coding) {
	case SMPP_CODING_DEFAULT:
		*text_is = SEGMENT_SEPTETS;
		return SMS_DCS_GSM7;
	case SMPP_CODING_IA5:
		*text_is = SEGMENT_IA5;
		return SMS_DCS_GSM7;
	case SMPP_CODING_LATIN1:
		*text_is = SEGMENT_LATIN1;
		return SMS_DCS_GSM7;
	case SMPP_CODING_UCS2:
		*text_is = SEGMENT_UCS2;
		return SMS_DCS_UCS2;
	default: /* 2, 4; JIS and the like, which phones have no coding for */
		*text_is = SEGMENT_OCTETS;
		return SMS_DCS_8_BIT;
	}
}

uint8_t segment_data_coding(uint8_t dcs)
{
	if (dcs >= 0xC0)
		return dcs;
	switch (sms_dcs_layout(dcs)) {
	case SMS_GSM7:
		return SMPP_CODING_DEFAULT;
	case SMS_UCS2:
		return SMPP_CODING_UCS2;
	default:
		return SMPP_CODING_OCTETS;
	}
}

/* ---- the text ---- */

/* A message's text as the radio has it, and what goes before it. */
struct content {
	struct sms_split how;
	bool has_concat;
	struct sms_concat concat;
	const uint8_t *udh; /* the message's own */
	size_t udh_len;
	const uint8_t *body;
	size_t body_len;
	uint8_t *made; /* body, where it had to be made */
};

static size_t latin1_to_utf8(const uint8_t *in, size_t n, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (in[i] < 0x80) {
			out[at++] = (char)in[i];
		} else {
			out[at++] = (char)(0xC0 | in[i] >> 6);
			out[at++] = (char)(0x80 | (in[i] & 0x3F));
		}
	}
	return at;
}

/* Septets where they suffice, else UCS-2. */
static bool transcode(struct content *c, const uint8_t *in, size_t n)
{
	char *utf8 = malloc(2 * n + 1);

	c->made = malloc(TEXT_FACTOR * n + 1);
	if (!utf8 || !c->made) {
		free(utf8);
		return false;
	}
	size_t length = latin1_to_utf8(in, n, utf8);
	int rc = sms_text_to_septets(utf8, length, c->made, TEXT_FACTOR * n + 1, &c->body_len);
	if (rc) {
		c->how.dcs = SMS_DCS_UCS2;
		rc = sms_text_to_ucs2(utf8, length, c->made, TEXT_FACTOR * n + 1, &c->body_len);
	}
	free(utf8);
	c->body = c->made;
	return rc == 0;
}

/* One septet an octet: what has an eighth bit is no character of that alphabet. */
static bool mask(struct content *c, const uint8_t *in, size_t n)
{
	size_t i = 0;

	c->body = in;
	c->body_len = n;
	while (i < n && in[i] < 0x80)
		i++;
	if (i == n)
		return true;
	c->made = malloc(n);
	if (!c->made)
		return false;
	for (i = 0; i < n; i++)
		c->made[i] = in[i] < 0x80 ? in[i] : '?';
	c->body = c->made;
	return true;
}

static bool read_text(struct content *c, const struct message *m)
{
	size_t n = m->length - c->udh_len;
	const uint8_t *in = n ? m->octets + c->udh_len : (const uint8_t *)"";
	enum segment_text text_is;

	c->how.dcs = segment_dcs(m->data_coding, &text_is);
	switch (text_is) {
	case SEGMENT_SEPTETS:
		return mask(c, in, n);
	case SEGMENT_IA5:
	case SEGMENT_LATIN1:
		return transcode(c, in, n);
	default:
		c->body = in;
		c->body_len = n;
		return true;
	}
}

/* ---- headers ---- */

static struct smpp_span tlvs_of(const struct message *m)
{
	return (struct smpp_span){m->tlvs, m->tlvs_length};
}

static void read_ports(struct content *c, struct smpp_span tlvs)
{
	c->how.has_ports = smpp_tlv_u16(tlvs, SMPP_TLV_DESTINATION_PORT, &c->how.ports.destination);
	if (!smpp_tlv_u16(tlvs, SMPP_TLV_SOURCE_PORT, &c->how.ports.source))
		c->how.ports.source = 0;
}

static uint32_t read_sar(struct content *c, struct smpp_span tlvs)
{
	struct sms_concat *k = &c->concat;
	bool reference = smpp_tlv_u16(tlvs, SMPP_TLV_SAR_MSG_REF_NUM, &k->reference);
	bool total = smpp_tlv_u8(tlvs, SMPP_TLV_SAR_TOTAL_SEGMENTS, &k->total);
	bool number = smpp_tlv_u8(tlvs, SMPP_TLV_SAR_SEGMENT_SEQNUM, &k->number);

	c->has_concat = reference && total && number;
	if (!c->has_concat)
		return reference || total || number ? SMPP_RMISSINGOPTPARAM : SMPP_ROK;
	if (k->total == 0 || k->number == 0 || k->number > k->total)
		return SMPP_RINVOPTPARAMVAL;
	c->has_concat = k->total > 1;
	k->is_16_bit = k->reference > UINT8_MAX;
	return SMPP_ROK;
}

static uint32_t read_header(struct content *c, const struct message *m, struct sms_udh *own)
{
	struct smpp_span tlvs = tlvs_of(m);

	read_ports(c, tlvs);
	uint32_t status = read_sar(c, tlvs);
	if (status || !(m->esm_class & SMPP_ESM_UDHI))
		return status;
	if (c->how.has_ports || c->has_concat)
		return SMPP_ROPTPARNOTALLWD; /* either the one or the other */
	if (m->length == 0 || sms_udh_decode(m->octets, m->length, own, &c->udh_len))
		return SMPP_RINVESMCLASS;
	c->udh = m->octets;
	return SMPP_ROK;
}

/* A header of a message that is too long for one part: its ports go into each; a place in a longer
 * message cannot, and what else it says is for the first part alone: we do not guess. */
static uint32_t read_long_header(struct content *c, const struct sms_udh *own)
{
	if (!c->udh_len)
		return c->has_concat ? SMPP_RINVMSGLEN : SMPP_ROK;
	if (own->has_concat || own->other_count || own->others_beyond)
		return SMPP_RINVMSGLEN;
	c->how.has_ports = own->has_ports;
	c->how.ports = own->ports;
	c->udh_len = 0;
	return SMPP_ROK;
}

/* ---- one part, or several ---- */

/* The whole of it in one part; false: it does not fit. */
static bool read_single(const struct content *c, struct sms_data *out)
{
	struct sms_udh udh = {.has_ports = c->how.has_ports,
			      .ports = c->how.ports,
			      .has_concat = c->has_concat,
			      .concat = c->concat};

	out->dcs = c->how.dcs;
	out->udh_len = c->udh_len;
	if (c->udh_len > sizeof out->udh)
		return false;
	if (c->udh_len)
		memcpy(out->udh, c->udh, c->udh_len);
	else if ((udh.has_ports || udh.has_concat) &&
		 sms_udh_encode(&udh, out->udh, sizeof out->udh, &out->udh_len))
		return false;
	if (out->udh_len > SMS_DATA_OCTETS_MAX ||
	    c->body_len > sms_data_room(out->dcs, out->udh_len, SMS_DATA_OCTETS_MAX))
		return false;
	memcpy(out->body, c->body ? c->body : (const uint8_t *)"", c->body_len);
	out->body_len = c->body_len;
	return true;
}

/* The part'th of many; *count: how many there are. */
static bool read_part(struct content *c, unsigned part, struct sms_data *out, unsigned *count)
{
	struct sms_data *parts = calloc(SMS_PARTS_MAX, sizeof *parts);
	size_t n = 0;
	bool split = parts && !sms_split(&c->how, c->body, c->body_len, parts, SMS_PARTS_MAX, &n);

	if (split && out && part < n)
		*out = parts[part];
	free(parts);
	*count = (unsigned)n;
	return split && part < n;
}

static uint32_t read_any(const struct message *m, unsigned part, struct sms_data *out,
			 unsigned *count)
{
	struct content c = {.how.reference = m->concat_reference};
	struct sms_udh own = {0};
	struct sms_data scratch;
	uint32_t status = read_header(&c, m, &own);

	if (!status && !read_text(&c, m))
		status = SMPP_RSYSERR;
	if (!status && read_single(&c, out ? out : &scratch)) {
		*count = 1;
		status = part == 0 ? SMPP_ROK : SMPP_RINVMSGLEN;
	} else if (!status) {
		status = read_long_header(&c, &own);
		if (!status && !read_part(&c, part, out, count))
			status = SMPP_RINVMSGLEN;
	}
	free(c.made);
	return status;
}

uint32_t segments_check(const struct message *m)
{
	unsigned count;

	return read_any(m, 0, NULL, &count);
}

unsigned segments_count(const struct message *m)
{
	unsigned count = 1;

	return read_any(m, 0, NULL, &count) ? 1 : count;
}

bool segment_read(const struct message *m, unsigned part, struct sms_data *out)
{
	unsigned count;

	return read_any(m, part, out, &count) == SMPP_ROK;
}
