#include "lib/wire/smpp/bind.h"

#include <stddef.h>

#include "lib/wire/smpp/smpp.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define IN(s)    (1U << SMPP_##s)

#define SENDERS   (IN(BOUND_TX) | IN(BOUND_TRX))
#define RECEIVERS (IN(BOUND_RX) | IN(BOUND_TRX))
#define BOUND     (SENDERS | RECEIVERS)
#define LATE      IN(UNBOUND) /* a response may come after unbind */
#define ANY       (IN(OPEN) | BOUND | LATE)

static const struct {
	uint32_t id;
	uint8_t states[2]; /* by the side that sends */
} rows[] = {
	{SMPP_BIND_TRANSMITTER, {IN(OPEN), 0}},
	{SMPP_BIND_TRANSMITTER_RESP, {0, IN(OPEN)}},
	{SMPP_BIND_RECEIVER, {IN(OPEN), 0}},
	{SMPP_BIND_RECEIVER_RESP, {0, IN(OPEN)}},
	{SMPP_BIND_TRANSCEIVER, {IN(OPEN), 0}},
	{SMPP_BIND_TRANSCEIVER_RESP, {0, IN(OPEN)}},
	{SMPP_OUTBIND, {0, IN(OPEN)}},
	{SMPP_UNBIND, {ANY, ANY}},
	{SMPP_UNBIND_RESP, {ANY, ANY}},
	{SMPP_ENQUIRE_LINK, {IN(OPEN) | BOUND, IN(OPEN) | BOUND}},
	{SMPP_ENQUIRE_LINK_RESP, {ANY, ANY}},
	{SMPP_GENERIC_NACK, {ANY, ANY}},
	{SMPP_SUBMIT_SM, {SENDERS, 0}},
	{SMPP_SUBMIT_SM_RESP, {0, SENDERS | LATE}},
	{SMPP_SUBMIT_MULTI, {SENDERS, 0}},
	{SMPP_SUBMIT_MULTI_RESP, {0, SENDERS | LATE}},
	{SMPP_DATA_SM, {SENDERS, RECEIVERS}},
	{SMPP_DATA_SM_RESP, {RECEIVERS | LATE, SENDERS | LATE}},
	{SMPP_DELIVER_SM, {0, RECEIVERS}},
	{SMPP_DELIVER_SM_RESP, {RECEIVERS | LATE, 0}},
	{SMPP_QUERY_SM, {SENDERS, 0}},
	{SMPP_QUERY_SM_RESP, {0, SENDERS | LATE}},
	{SMPP_CANCEL_SM, {SENDERS, 0}},
	{SMPP_CANCEL_SM_RESP, {0, SENDERS | LATE}},
	{SMPP_REPLACE_SM, {SENDERS, 0}},
	{SMPP_REPLACE_SM_RESP, {0, SENDERS | LATE}},
	{SMPP_ALERT_NOTIFICATION, {0, RECEIVERS}},
};

bool smpp_bind_is_bind(uint32_t id)
{
	return id == SMPP_BIND_TRANSMITTER || id == SMPP_BIND_RECEIVER ||
	       id == SMPP_BIND_TRANSCEIVER;
}

bool smpp_bind_is_bound(enum smpp_bind_state state)
{
	return BOUND >> state & 1;
}

uint32_t smpp_bind_allows(enum smpp_bind_state state, enum smpp_side from, uint32_t id)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].id != id)
			continue;
		if (rows[i].states[from] >> state & 1)
			return SMPP_ROK;
		return from == SMPP_ESME && smpp_bind_is_bind(id) && smpp_bind_is_bound(state)
			       ? SMPP_RALYBND
			       : SMPP_RINVBNDSTS;
	}
	return SMPP_RINVCMDID;
}

enum smpp_bind_state smpp_bind_next(enum smpp_bind_state state, uint32_t id, uint32_t status)
{
	static const struct {
		uint32_t id;
		enum smpp_bind_state to;
		bool if_ok;
	} moves[] = {
		{SMPP_BIND_TRANSMITTER_RESP, SMPP_BOUND_TX, true},
		{SMPP_BIND_RECEIVER_RESP, SMPP_BOUND_RX, true},
		{SMPP_BIND_TRANSCEIVER_RESP, SMPP_BOUND_TRX, true},
		{SMPP_UNBIND, SMPP_UNBOUND, false},
		{SMPP_UNBIND_RESP, SMPP_CLOSED, false},
	};

	for (size_t i = 0; i < COUNT(moves); i++)
		if (moves[i].id == id && (status == SMPP_ROK || !moves[i].if_ok))
			return moves[i].to;
	return state;
}

const char *smpp_bind_state_name(enum smpp_bind_state state)
{
	static const char *const names[] = {"OPEN",      "BOUND_TX", "BOUND_RX",
					    "BOUND_TRX", "UNBOUND",  "CLOSED"};

	return names[state];
}
