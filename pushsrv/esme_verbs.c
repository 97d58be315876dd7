#include "pushsrv/esme_verbs.h"

#include <stddef.h>

#include "lib/err.h"

static void note(struct esme_session *s, enum esme_note what, const struct smpp_pdu *pdu)
{
	s->with.ops->noted(s->with.arg, what, pdu->id, pdu->status);
}

/* ---- requests ---- */

static void on_enquire_link(struct esme_session *s, const struct smpp_pdu *pdu)
{
	const struct smpp_pdu response = smpp_respond(pdu, SMPP_ROK);

	esme_session_write(s, &response);
}

/* Answers that are still owed to it are lost; so are ours. */
static void on_unbind(struct esme_session *s, const struct smpp_pdu *pdu)
{
	const struct smpp_pdu response = smpp_respond(pdu, SMPP_ROK);

	esme_session_write(s, &response);
	esme_session_end(s, s->state == SMPP_UNBOUND ? ESME_END_STOPPED : ESME_END_UNBOUND,
			 SMPP_ROK);
}

static void on_delivered(struct esme_session *s, const struct smpp_pdu *pdu)
{
	s->with.ops->delivered(s->with.arg, pdu);
}

static void on_alert(struct esme_session *s, const struct smpp_pdu *pdu)
{
	note(s, ESME_NOTE_ALERT, pdu);
}

/* We connected: an SMSC has no reason to ask for it, and nothing comes of it. */
static void on_outbind(struct esme_session *s, const struct smpp_pdu *pdu)
{
	note(s, ESME_NOTE_REFUSED, pdu);
}

/* ---- responses, and the request that each belongs to ---- */

static void on_bind_answered(struct esme_session *s, const struct smpp_pdu *pdu)
{
	s->state = smpp_bind_next(s->state, pdu->id, pdu->status);
	if (smpp_bind_is_bound(s->state))
		s->with.ops->bound(s->with.arg);
	else
		esme_session_end(s, ESME_END_REFUSED, pdu->status);
}

static void on_message_answered(struct esme_session *s, const struct smpp_pdu *pdu,
				const struct smpp_request *r, int64_t now_us)
{
	const bool is_nack = pdu->id == SMPP_GENERIC_NACK;
	const bool has_id = !is_nack && pdu->status == SMPP_ROK;
	const struct esme_answered answer = {
		.how = ESME_ANSWERED,
		.status = is_nack && pdu->status == SMPP_ROK ? SMPP_RUNKNOWNERR : pdu->status,
		.message_id = has_id ? pdu->message_resp.message_id : "",
		.sent_us = r->sent_us,
	};

	s->answered_us = now_us;
	s->allowance = s->with.window;
	s->with.ops->answered(s->with.arg, r->arg, &answer);
	if (smpp_status_class(pdu->status) == SMPP_CLASS_BIND_LOST)
		esme_session_end(s, ESME_END_LOST, pdu->status);
}

static void on_answered(struct esme_session *s, const struct smpp_pdu *pdu,
			const struct smpp_request *r, int64_t now_us)
{
	switch (r->id) {
	case SMPP_SUBMIT_SM:
		on_message_answered(s, pdu, r, now_us);
		break;
	case SMPP_ENQUIRE_LINK: /* whatever it says, it lives */
		s->is_enquiring = false;
		break;
	case SMPP_UNBIND:
		esme_session_end(s, ESME_END_STOPPED, pdu->status);
		break;
	default:
		on_bind_answered(s, pdu);
	}
}

/* Osmocom's SMSC answers a bind_receiver with a bind_transmitter_resp: nothing else is in flight
 * then, so it is clear what it means. */
static struct smpp_pdu as_meant(struct esme_session *s, const struct smpp_pdu *pdu)
{
	struct smpp_pdu meant = *pdu;
	bool is_bind = smpp_bind_is_bind(pdu->id & ~SMPP_RESPONSE_BIT);

	if (is_bind && s->state == SMPP_OPEN && pdu->id != (s->with.bind | SMPP_RESPONSE_BIT)) {
		note(s, ESME_NOTE_MISMATCHED, pdu);
		meant.id = s->with.bind | SMPP_RESPONSE_BIT;
	}
	return meant;
}

static void on_response(struct esme_session *s, const struct smpp_pdu *said, int64_t now_us)
{
	const struct smpp_pdu meant = as_meant(s, said), *pdu = &meant;
	struct smpp_request r;
	int err = smpp_window_take(s->window, pdu->id, pdu->sequence, &r);
	bool is_nack = pdu->id == SMPP_GENERIC_NACK;

	if (is_nack)
		note(s, ESME_NOTE_NACK, pdu);
	else if (err)
		note(s, err == E_CONFLICT ? ESME_NOTE_MISMATCHED : ESME_NOTE_UNEXPECTED, pdu);
	if (!err)
		on_answered(s, pdu, &r, now_us);
	else if (is_nack && s->state == SMPP_OPEN) /* our only request, under a wrong number */
		esme_session_end(s, ESME_END_REFUSED, pdu->status);
	if (is_nack && pdu->status == SMPP_RINVCMDLEN)
		esme_session_end(s, ESME_END_SYNTAX, pdu->status);
}

/* ---- the table ---- */

void esme_take(struct esme_session *s, const struct smpp_pdu *pdu, int64_t now_us)
{
	static const struct {
		uint32_t id;
		void (*act)(struct esme_session *s, const struct smpp_pdu *pdu);
	} verbs[] = {
		{SMPP_ENQUIRE_LINK, on_enquire_link}, {SMPP_UNBIND, on_unbind},
		{SMPP_DELIVER_SM, on_delivered},      {SMPP_DATA_SM, on_delivered},
		{SMPP_ALERT_NOTIFICATION, on_alert},  {SMPP_OUTBIND, on_outbind},
	};

	if (smpp_is_response(pdu->id)) {
		on_response(s, pdu, now_us);
		return;
	}
	uint32_t status = smpp_bind_allows(s->state, SMPP_SMSC, pdu->id);
	for (size_t i = 0; status == SMPP_ROK && i < sizeof verbs / sizeof *verbs; i++)
		if (verbs[i].id == pdu->id) {
			verbs[i].act(s, pdu);
			return;
		}
	note(s, ESME_NOTE_REFUSED, pdu);
	if (pdu->id == SMPP_ALERT_NOTIFICATION)
		return;
	const struct smpp_pdu refusal =
		smpp_respond(pdu, status == SMPP_ROK ? SMPP_RINVCMDID : status);
	esme_session_write(s, &refusal);
}
