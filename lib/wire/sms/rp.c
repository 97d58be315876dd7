#include "lib/wire/sms/rp.h"

#include "lib/err.h"

#define TYPE_MASK     0x07 /* the rest is spare */
#define FROM_NETWORK  0x01
#define IEI_USER_DATA 0x41
#define IEI_ONE_OCTET 0x80 /* elements of type 1 and 2 have no length */
#define CAUSE_MASK    0x7f
#define CAUSE_LEN_MAX 2

struct cause {
	uint8_t code;
	bool is_temporary;
	const char *name;
};

/* TS 24.011 table 8.4; which of them pass by waiting: annex E and TS 23.040 9.2.3.22's classes. */
static const struct cause causes[] = {
	{RP_UNASSIGNED_NUMBER, false, "unassigned number"},
	{RP_OPERATOR_BARRING, false, "operator determined barring"},
	{RP_CALL_BARRED, false, "call barred"},
	{RP_TRANSFER_REJECTED, false, "short message transfer rejected"},
	{RP_MEMORY_EXCEEDED, true, "memory capacity exceeded"},
	{RP_DESTINATION_OUT_OF_ORDER, true, "destination out of order"},
	{RP_UNIDENTIFIED_SUBSCRIBER, false, "unidentified subscriber"},
	{RP_FACILITY_REJECTED, false, "facility rejected"},
	{RP_UNKNOWN_SUBSCRIBER, false, "unknown subscriber"},
	{RP_NETWORK_OUT_OF_ORDER, true, "network out of order"},
	{RP_TEMPORARY_FAILURE, true, "temporary failure"},
	{RP_CONGESTION, true, "congestion"},
	{RP_RESOURCES_UNAVAILABLE, true, "resources unavailable"},
	{RP_NOT_SUBSCRIBED, false, "requested facility not subscribed"},
	{RP_NOT_IMPLEMENTED, false, "requested facility not implemented"},
	{RP_INVALID_REFERENCE, false, "invalid short message transfer reference"},
	{RP_SEMANTICALLY_INCORRECT, false, "semantically incorrect message"},
	{RP_INVALID_INFORMATION, false, "invalid mandatory information"},
	{RP_UNKNOWN_TYPE, false, "message type non-existent"},
	{RP_WRONG_STATE, false, "message not compatible with the protocol state"},
	{RP_UNKNOWN_ELEMENT, false, "information element non-existent"},
	{RP_PROTOCOL_ERROR, false, "protocol error"},
	{RP_INTERWORKING, false, "interworking"},
};

static const struct cause *cause_of(uint8_t code)
{
	for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
		if (causes[i].code == code)
			return &causes[i];
	}
	return NULL;
}

const char *rp_cause_name(uint8_t cause)
{
	const struct cause *known = cause_of(cause);

	return known ? known->name : NULL;
}

bool rp_cause_is_temporary(uint8_t cause)
{
	const struct cause *known = cause_of(cause);

	return known && known->is_temporary;
}

/* Two addresses, one of them always empty: who sent it (from the network), who it is for. */
static int put_addresses(struct octets_writer *w, const struct rp_message *m)
{
	static const struct sms_addr nobody;
	int err;

	if (m->way == RP_TO_CENTRE)
		octets_put_u8(w, 0);
	err = sms_addr_put_rp(w, m->centre.text[0] ? &m->centre : &nobody);
	if (m->way == RP_TO_PHONE)
		octets_put_u8(w, 0);
	return err;
}

static void put_tpdu(struct octets_writer *w, const struct rp_message *m)
{
	octets_put_u8(w, (uint8_t)m->tpdu_len);
	octets_put(w, m->tpdu, m->tpdu_len);
}

static void put_report(struct octets_writer *w, const struct rp_message *m)
{
	if (m->tpdu_len == 0)
		return;
	octets_put_u8(w, IEI_USER_DATA);
	put_tpdu(w, m);
}

static int put_body(struct octets_writer *w, const struct rp_message *m)
{
	int err = 0;

	switch (m->type) {
	case RP_DATA:
		if (m->tpdu_len == 0)
			return E_SYNTAX;
		err = put_addresses(w, m);
		put_tpdu(w, m);
		break;
	case RP_ACK:
		put_report(w, m);
		break;
	case RP_ERROR:
		if (m->cause > CAUSE_MASK)
			return E_RANGE;
		octets_put_u8(w, m->has_diagnostic ? 2 : 1);
		octets_put_u8(w, m->cause);
		if (m->has_diagnostic)
			octets_put_u8(w, m->diagnostic);
		put_report(w, m);
		break;
	case RP_SMMA:
		break;
	}
	return err;
}

int rp_encode(const struct rp_message *message, uint8_t *out, size_t size, size_t *len)
{
	struct octets_writer w = {.at = out, .room = size};
	int err;

	if (message->type == RP_SMMA && message->way == RP_TO_PHONE)
		return E_RANGE;
	if (message->tpdu_len > RP_TPDU_MAX)
		return E_TOO_LARGE;
	octets_put_u8(&w, (uint8_t)((unsigned)message->type << 1 |
				    (message->way == RP_TO_PHONE ? FROM_NETWORK : 0)));
	octets_put_u8(&w, message->reference);
	err = put_body(&w, message);
	if (err)
		return err;
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

static int take_tpdu(struct octets_reader *r, struct rp_message *m)
{
	uint8_t len;

	if (!octets_take_u8(r, &len) || len == 0 || !octets_take(r, len, &m->tpdu))
		return E_SYNTAX;
	if (len > RP_TPDU_MAX)
		return E_TOO_LARGE;
	m->tpdu_len = len;
	return 0;
}

static int take_data(struct octets_reader *r, struct rp_message *m)
{
	struct sms_addr originator, destination;
	int err = sms_addr_take_rp(r, &originator);

	if (!err)
		err = sms_addr_take_rp(r, &destination);
	if (err)
		return err;
	/* A phone's own address goes beside the message, never in it: that one is empty. */
	if ((m->way == RP_TO_CENTRE ? originator : destination).text[0])
		return E_SYNTAX;
	m->centre = m->way == RP_TO_CENTRE ? destination : originator;
	return take_tpdu(r, m);
}

static int take_cause(struct octets_reader *r, struct rp_message *m)
{
	const uint8_t *at;
	uint8_t len;

	if (!octets_take_u8(r, &len) || len == 0 || len > CAUSE_LEN_MAX ||
	    !octets_take(r, len, &at))
		return E_SYNTAX;
	m->cause = at[0] & CAUSE_MASK;
	m->has_diagnostic = len == CAUSE_LEN_MAX;
	m->diagnostic = m->has_diagnostic ? at[1] : 0;
	return 0;
}

static int take_options(struct octets_reader *r, struct rp_message *m)
{
	bool is_report = m->type == RP_ACK || m->type == RP_ERROR;

	while (r->left > 0) {
		const uint8_t *value;
		uint8_t id, len;

		(void)octets_take_u8(r, &id);
		if (id & IEI_ONE_OCTET)
			continue;
		if (id == IEI_USER_DATA && m->tpdu_len == 0 && is_report) {
			int err = take_tpdu(r, m);

			if (err)
				return err;
			continue;
		}
		if (!octets_take_u8(r, &len) || !octets_take(r, len, &value))
			return E_SYNTAX;
	}
	return 0;
}

int rp_decode(enum rp_way way, const uint8_t *octets, size_t len, struct rp_message *out)
{
	struct octets_reader r = {.at = octets, .left = len};
	struct rp_message m = {.way = way};
	uint8_t type;
	int err = 0;

	if (!octets_take_u8(&r, &type) || !octets_take_u8(&r, &m.reference))
		return E_SYNTAX;
	m.type = (enum rp_type)((type & TYPE_MASK) >> 1);
	if ((type & FROM_NETWORK) != (way == RP_TO_PHONE ? FROM_NETWORK : 0) ||
	    (m.type == RP_SMMA && way == RP_TO_PHONE))
		return E_RANGE;
	if (m.type == RP_DATA)
		err = take_data(&r, &m);
	else if (m.type == RP_ERROR)
		err = take_cause(&r, &m);
	if (!err)
		err = take_options(&r, &m);
	if (!err)
		*out = m;
	return err;
}
