#include "smsc-sim/link_verbs.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/message_verbs.h"
#include "smsc-sim/notices.h"
#include "smsc-sim/submit_verbs.h"

/* ---- bind ---- */

static uint32_t try_bind(struct link *l, const struct smpp_pdu *pdu, struct account *a)
{
	struct smsc *s = l->smsc;
	uint32_t status = account_check_bind(a, pdu->id, &pdu->bind);

	if (status)
		return status;
	if (number_range_set(&l->range, pdu->bind.address_range))
		return SMPP_RBINDFAIL;
	if (!faults_link_begin(s->faults, clock_mono_us(), a->conf->name, &l->fault))
		return SMPP_RBINDFAIL;
	l->window = smpp_window_new(a->conf->window, s->conf->smsc_sim_response_seconds * CLOCK_S);
	return l->window ? SMPP_ROK : SMPP_RSYSERR;
}

static void say_bound(struct link *l, const struct smpp_pdu *pdu)
{
	uint8_t octets[8];
	struct octets_writer w = {.at = octets, .room = sizeof octets};
	struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);

	strncpy(answer.bind_resp.system_id, l->smsc->conf->smsc_sim_system_id,
		sizeof answer.bind_resp.system_id - 1);
	l->takes_tlvs = pdu->bind.interface_version >= SMPP_VERSION;
	if (l->takes_tlvs)
		smpp_tlv_put_u8(&w, SMPP_TLV_SC_INTERFACE_VERSION, SMPP_VERSION);
	answer.tlvs = (struct smpp_span){octets, w.len};
	link_say(l, &answer);
}

/* A bind that is refused ends the connection: who guesses has to come again. */
static void on_bind(struct link *l, const struct smpp_pdu *pdu)
{
	struct account *a = account_by_system_id(&l->smsc->accounts, pdu->bind.system_id);
	uint32_t status = a ? try_bind(l, pdu, a) : SMPP_RINVSYSID;

	log_event(status ? LOG_WARN : LOG_INFO, status ? "bind-refused" : "link-bound",
		  LOG_INT("link", l->id), LOG_TEXT("peer", l->peer),
		  LOG_TEXT("account", a ? a->conf->name : ""),
		  LOG_TEXT("how", smpp_command_name(pdu->id)),
		  LOG_TEXT("status", smpp_status_name(status)), LOG_END);
	if (status) {
		link_refuse(l, pdu, status);
		link_stop(l);
		return;
	}
	counter_add(COUNT_BINDS, 1);
	l->state = smpp_bind_next(l->state, pdu->id | SMPP_RESPONSE_BIT, SMPP_ROK);
	l->bound_at_us = clock_now_us();
	say_bound(l, pdu);
	link_join_account(l, a);
	notices_pump(l->smsc, a);
}

/* ---- the link itself ---- */

static void on_enquire(struct link *l, const struct smpp_pdu *pdu)
{
	const struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);

	link_say(l, &answer);
}

static void on_unbind(struct link *l, const struct smpp_pdu *pdu)
{
	const struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);

	link_say(l, &answer);
	l->state = smpp_bind_next(l->state, SMPP_UNBIND_RESP, SMPP_ROK);
	l->is_closing = true;
	conn_close(l->conn);
}

/* ---- the table ---- */

static const struct verb {
	uint32_t id;
	void (*act)(struct link *l, const struct smpp_pdu *pdu);
} verbs[] = {
	{SMPP_SUBMIT_SM, verb_submit},
	{SMPP_DATA_SM, verb_submit},
	{SMPP_ENQUIRE_LINK, on_enquire},
	{SMPP_QUERY_SM, verb_query},
	{SMPP_CANCEL_SM, verb_cancel},
	{SMPP_REPLACE_SM, verb_replace},
	{SMPP_SUBMIT_MULTI, verb_submit_multi},
	{SMPP_BIND_TRANSCEIVER, on_bind},
	{SMPP_BIND_TRANSMITTER, on_bind},
	{SMPP_BIND_RECEIVER, on_bind},
	{SMPP_UNBIND, on_unbind},
};

void link_verb(struct link *l, const struct smpp_pdu *pdu)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (verbs[i].id == pdu->id) {
			verbs[i].act(l, pdu);
			return;
		}
	link_refuse(l, pdu, SMPP_RINVCMDID);
}
