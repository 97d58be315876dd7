/* esme_inbox -- what an SMSC hands up, until the client has answered it */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/esme_private.h"

struct esme_ticket {
	struct esme_leg *leg;
	uint32_t serial, id, sequence;
	struct esme_ticket *next, **at; /* of the link's */
};

/* A receipt whose message may still wait for its submit_sm_resp. */
struct esme_early {
	struct esme_early *next;
	struct esme_ticket *ticket;
	uint64_t number, order; /* of the messages that were on their way when it came */
	struct smpp_receipt receipt;
};

/* ---- tickets ---- */

static struct esme_ticket *ticket_new(struct esme_leg *leg, const struct smpp_pdu *pdu)
{
	struct esme_link *l = leg->link;
	struct esme_ticket *t = malloc(sizeof *t);

	if (!t)
		return NULL;
	*t = (struct esme_ticket){.leg = leg,
				  .serial = leg->serial,
				  .id = pdu->id,
				  .sequence = pdu->sequence,
				  .next = l->tickets,
				  .at = &l->tickets};
	if (t->next)
		t->next->at = &t->next;
	l->tickets = t;
	l->ticket_count++;
	return t;
}

static void ticket_free(struct esme_ticket *t)
{
	*t->at = t->next;
	if (t->next)
		t->next->at = t->at;
	t->leg->link->ticket_count--;
	free(t);
}

static void answer(struct esme_ticket *t, uint32_t status)
{
	struct esme_leg *leg = t->leg;

	if (leg->has_session && leg->serial == t->serial)
		esme_session_answer(&leg->session, t->id, t->sequence, status);
	if (status != SMPP_ROK)
		esme_count(leg->link->index, ESME_COUNT_LATER, 1);
	ticket_free(t);
}

void esme_answer(struct esme_ticket *ticket, enum esme_answer how)
{
	answer(ticket, how == ESME_TAKEN ? SMPP_ROK : SMPP_RX_T_APPN);
}

/* ---- receipts that overtook ---- */

static void hand_up(struct esme *e, const struct smpp_receipt *receipt, struct esme_ticket *t)
{
	e->client.receipt(e->client.arg, t->leg->link->conf->account, receipt, t);
}

/* False: there is no place for it. */
static bool hold(struct esme *e, const struct smpp_receipt *receipt, struct esme_ticket *t,
		 uint64_t number)
{
	struct esme_early *early;

	if (e->early_count >= (size_t)e->conf->pushsrv_smsc_early ||
	    !(early = malloc(sizeof *early)))
		return false;
	*early = (struct esme_early){
		.ticket = t, .number = number, .order = e->order, .receipt = *receipt};
	*e->early_end = early;
	e->early_end = &early->next;
	e->early_count++;
	esme_count(t->leg->link->index, ESME_COUNT_EARLY, 1);
	return true;
}

/* Takes it out of the list. */
static struct esme_early *unhold(struct esme *e, struct esme_early **at)
{
	struct esme_early *early = *at;

	*at = early->next;
	if (!early->next)
		e->early_end = at;
	e->early_count--;
	return early;
}

/* What the client does in the callback may bring others in, at the end. */
void esme_inbox_release(struct esme *e, size_t account, uint64_t number)
{
	struct esme_early **at = &e->early;

	while (*at) {
		struct esme_early *early = *at;

		if (early->number != number || early->ticket->leg->link->account != account ||
		    esme_sending_may_be(e, account, number, early->order)) {
			at = &early->next;
			continue;
		}
		unhold(e, at);
		hand_up(e, &early->receipt, early->ticket);
		free(early);
		at = &e->early;
	}
}

void esme_inbox_stop(struct esme *e)
{
	while (e->early) {
		struct esme_early *early = unhold(e, &e->early);

		answer(early->ticket, SMPP_RX_T_APPN);
		free(early);
	}
}

/* ---- what comes ---- */

static void take_receipt(struct esme_leg *leg, const struct smpp_pdu *pdu,
			 const struct smpp_receipt *receipt, struct esme_ticket *t)
{
	struct esme *e = leg->link->pool;
	uint64_t number = esme_number_tail(pdu->message.source.number);

	esme_count(leg->link->index, ESME_COUNT_RECEIPTS, 1);
	if (!esme_sending_may_be(e, leg->link->account, number, e->order) ||
	    !hold(e, receipt, t, number))
		hand_up(e, receipt, t);
}

static void take_message(struct esme_leg *leg, const struct smpp_pdu *pdu, struct esme_ticket *t)
{
	const struct smpp_message *m = &pdu->message;
	const struct smpp_span octets = smpp_message_octets(pdu);
	struct esme *e = leg->link->pool;
	struct esme_incoming in = {
		.source = m->source.number,
		.destination = m->destination.number,
		.source_ton = m->source.ton,
		.data_coding = m->data_coding,
		.esm_class = m->esm_class,
		.protocol_id = m->protocol_id,
		.has_udh = m->esm_class & SMPP_ESM_UDHI,
		.octets = octets.octets,
		.size = octets.len,
	};

	smpp_tlv_u16(pdu->tlvs, SMPP_TLV_SOURCE_PORT, &in.source_port);
	smpp_tlv_u16(pdu->tlvs, SMPP_TLV_DESTINATION_PORT, &in.destination_port);
	smpp_tlv_u16(pdu->tlvs, SMPP_TLV_SAR_MSG_REF_NUM, &in.sar_reference);
	smpp_tlv_u8(pdu->tlvs, SMPP_TLV_SAR_TOTAL_SEGMENTS, &in.sar_total);
	smpp_tlv_u8(pdu->tlvs, SMPP_TLV_SAR_SEGMENT_SEQNUM, &in.sar_number);
	esme_count(leg->link->index, ESME_COUNT_INCOMING, 1);
	e->client.incoming(e->client.arg, leg->link->conf->account, &in, t);
}

void esme_inbox_delivered(struct esme_leg *leg, const struct smpp_pdu *pdu)
{
	struct esme_link *l = leg->link;
	struct esme *e = l->pool;
	struct smpp_receipt receipt;
	int err = smpp_receipt_read(pdu, &receipt);
	struct esme_ticket *t = NULL;

	if (err == E_SYNTAX) {
		/* It will not become readable by coming again. */
		esme_count(l->index, ESME_COUNT_MALFORMED, 1);
		log_event(LOG_WARN, "smsc-receipt-unreadable", LOG_TEXT("smsc", l->conf->name),
			  LOG_END);
		esme_session_answer(&leg->session, pdu->id, pdu->sequence, SMPP_RX_P_APPN);
		return;
	}
	if (!e->is_stopping && l->ticket_count < (size_t)e->conf->pushsrv_smsc_unanswered)
		t = ticket_new(leg, pdu);
	if (!t) {
		esme_count(l->index, ESME_COUNT_LATER, 1);
		esme_session_answer(&leg->session, pdu->id, pdu->sequence, SMPP_RX_T_APPN);
	} else if (!err) {
		take_receipt(leg, pdu, &receipt, t);
	} else {
		take_message(leg, pdu, t);
	}
}

void esme_inbox_free_all(struct esme_link *l)
{
	while (l->tickets)
		ticket_free(l->tickets);
}
