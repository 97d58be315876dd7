#include "smsc-sim/submission.h"

#include <string.h>

#include "lib/wire/smpp/time.h"
#include "lib/wire/sms/addr.h"
#include "smsc-sim/segments.h"

#define NAME_MAX_LENGTH  11
#define PRIORITY_MAX     3
#define REGISTERED_KNOWN 0x1F
#define TLVS_CARRIED_MAX 1024 /* beside the message */

static void party_set(struct party *out, const struct smpp_address *a, const char *number)
{
	out->ton = a->ton;
	out->npi = a->npi;
	strcpy(out->number, number);
}

static bool is_digits(const char *text)
{
	size_t n = strspn(text, "0123456789");

	return n > 0 && n < SMPP_NUMBER_SIZE && !text[n];
}

uint32_t submission_destination(const struct smpp_address *a, struct party *out)
{
	const char *number = a->number + (*a->number == '+');

	if (a->ton == SMPP_TON_ALPHANUMERIC || !is_digits(number))
		return SMPP_RINVDSTADR;
	party_set(out, a, number);
	return SMPP_ROK;
}

/* What TP-OA can carry: seven bits a character, eleven of them. */
static bool is_name(const char *text)
{
	struct sms_addr a = {.ton = SMS_TON_ALPHANUMERIC};
	uint8_t octets[16];
	struct octets_writer w = {.at = octets, .room = sizeof octets};

	if (!*text || strlen(text) > NAME_MAX_LENGTH)
		return false;
	strcpy(a.text, text);
	return sms_addr_put(&w, &a) == 0;
}

uint32_t submission_source(const struct smpp_address *a, struct party *out)
{
	const char *number = a->number;

	if (a->ton == SMPP_TON_ALPHANUMERIC) {
		if (!is_name(number))
			return SMPP_RINVSRCADR;
	} else {
		number += *number == '+';
		if (*number && !is_digits(number))
			return SMPP_RINVSRCADR;
	}
	party_set(out, a, number);
	return SMPP_ROK;
}

uint32_t submission_times(const char *schedule, const char *validity, int64_t now_us,
			  int64_t *schedule_us, int64_t *expires_us)
{
	*schedule_us = *expires_us = 0;
	if (*schedule && smpp_time_parse(schedule, now_us, schedule_us))
		return SMPP_RINVSCHED;
	if (*validity && smpp_time_parse(validity, now_us, expires_us))
		return SMPP_RINVEXPIRY;
	if (*validity && (*expires_us <= now_us || *expires_us < *schedule_us))
		return SMPP_RINVEXPIRY;
	return SMPP_ROK;
}

static uint32_t check_flags(const struct smpp_message *b)
{
	unsigned type = b->esm_class & SMPP_ESM_TYPE;

	if (type && type != SMPP_ESM_DELIVERY_ACK && type != SMPP_ESM_USER_ACK)
		return SMPP_RINVESMCLASS;
	if (b->priority_flag > PRIORITY_MAX)
		return SMPP_RINVPRTFLG;
	if (b->registered_delivery & ~REGISTERED_KNOWN)
		return SMPP_RINVREGDLVFLG;
	if (b->replace_if_present > 1)
		return SMPP_RINVREPFLAG;
	/* There are no messages of our own. */
	return b->sm_default_msg_id ? SMPP_RINVDFTMSGID : SMPP_ROK;
}

/* All TLVs but the message, for who receives it. */
static bool carried_tlvs(struct smpp_span tlvs, uint8_t out[TLVS_CARRIED_MAX], size_t *length)
{
	struct octets_writer w = {.at = out, .room = TLVS_CARRIED_MAX};
	struct smpp_tlv tlv;

	for (size_t at = 0; smpp_tlv_next(tlvs, &at, &tlv);)
		if (tlv.tag != SMPP_TLV_MESSAGE_PAYLOAD)
			smpp_tlv_put(&w, tlv.tag, tlv.value, tlv.length);
	*length = w.len;
	return !w.is_full;
}

/* How long a message without a validity of its own lives, in a data_sm. */
static int64_t time_to_live_us(const struct smpp_pdu *pdu, int64_t now_us)
{
	struct smpp_tlv tlv;
	uint32_t s = 0;

	if (!smpp_tlv_find(pdu->tlvs, SMPP_TLV_QOS_TIME_TO_LIVE, &tlv) || tlv.length != 4)
		return 0;
	for (int i = 0; i < 4; i++)
		s = s << 8 | tlv.value[i];
	return s ? now_us + s * INT64_C(1000000) : 0;
}

static void fill(struct message *m, const struct smpp_pdu *pdu)
{
	const struct smpp_message *b = &pdu->message;

	memcpy(m->service_type, b->service_type, sizeof m->service_type);
	m->esm_class = b->esm_class;
	m->protocol_id = b->protocol_id;
	m->priority = b->priority_flag;
	m->data_coding = b->data_coding;
	m->registered = b->registered_delivery;
}

static uint32_t read_parties(const struct smpp_message *b, const struct smpp_address *destination,
			     struct party *from, struct party *to)
{
	uint32_t status = submission_source(&b->source, from);

	return status ? status : submission_destination(destination, to);
}

uint32_t submission_read(const struct smpp_pdu *pdu, const struct smpp_address *destination,
			 int64_t now_us, struct message **out)
{
	const struct smpp_message *b = &pdu->message;
	struct smpp_span text = smpp_message_octets(pdu);
	struct party from = {0}, to = {0};
	int64_t schedule_us, expires_us;
	uint8_t tlvs[TLVS_CARRIED_MAX];
	size_t tlvs_length;
	uint32_t status = read_parties(b, destination, &from, &to);

	if (!status)
		status = check_flags(b);
	if (!status)
		status = submission_times(b->schedule_delivery_time, b->validity_period, now_us,
					  &schedule_us, &expires_us);
	if (!status && !carried_tlvs(pdu->tlvs, tlvs, &tlvs_length))
		status = SMPP_RINVPARLEN;
	if (status)
		return status;
	struct message *m = message_new(text.octets, text.len, tlvs, tlvs_length);
	if (!m)
		return SMPP_RSYSERR;
	fill(m, pdu);
	m->source = from;
	m->destination = to;
	m->schedule_us = schedule_us;
	m->expires_us = expires_us ? expires_us : time_to_live_us(pdu, now_us);
	status = segments_check(m);
	if (status)
		message_free(m);
	else
		*out = m;
	return status;
}
