#include "pushsrv/esme_session.h"

#include <string.h>

#include "lib/err.h"
#include "lib/wire/octets.h"
#include "pushsrv/esme_verbs.h"

/* ---- what leaves ---- */

void esme_session_write(struct esme_session *s, const struct smpp_pdu *pdu)
{
	size_t n;

	if (!smpp_encode(pdu, s->with.out, SMPP_PDU_MAX, &n))
		s->with.ops->write(s->with.arg, s->with.out, n);
}

/* A request: written once there is a place for it to wait for its response. */
static int ask(struct esme_session *s, const struct smpp_pdu *request, void *message,
	       int64_t now_us)
{
	struct smpp_pdu pdu = *request;
	struct smpp_request taken;
	size_t n;
	int err = smpp_window_add(s->window, pdu.id, now_us, message, &pdu.sequence);

	if (err)
		return err;
	err = smpp_encode(&pdu, s->with.out, SMPP_PDU_MAX, &n);
	if (err) {
		smpp_window_take(s->window, pdu.id | SMPP_RESPONSE_BIT, pdu.sequence, &taken);
		return err;
	}
	s->asked_us = now_us;
	s->with.ops->write(s->with.arg, s->with.out, n);
	return 0;
}

int esme_session_submit(struct esme_session *s, const struct smpp_pdu *pdu, void *message,
			int64_t now_us)
{
	if (!esme_session_room(s))
		return E_AGAIN;
	return ask(s, pdu, message, now_us);
}

void esme_session_answer(struct esme_session *s, uint32_t id, uint32_t sequence, uint32_t status)
{
	const struct smpp_pdu request = {.id = id, .sequence = sequence};
	const struct smpp_pdu response = smpp_respond(&request, status);

	if (smpp_bind_allows(s->state, SMPP_ESME, response.id) == SMPP_ROK)
		esme_session_write(s, &response);
}

void esme_session_unbind(struct esme_session *s, int64_t now_us)
{
	const struct smpp_pdu unbind = {.id = SMPP_UNBIND};

	if (!smpp_bind_is_bound(s->state))
		return;
	s->state = smpp_bind_next(s->state, SMPP_UNBIND, SMPP_ROK);
	if (ask(s, &unbind, NULL, now_us))
		esme_session_end(s, ESME_END_STOPPED, SMPP_ROK);
}

/* ---- the end ---- */

static void break_all(struct esme_session *s)
{
	struct smpp_request r;

	while (smpp_window_drain(s->window, &r)) {
		const struct esme_answered broken = {.how = ESME_BROKEN, .sent_us = r.sent_us};

		if (r.id == SMPP_SUBMIT_SM)
			s->with.ops->answered(s->with.arg, r.arg, &broken);
	}
}

void esme_session_end(struct esme_session *s, enum esme_end why, uint32_t status)
{
	if (s->state == SMPP_CLOSED)
		return;
	s->state = SMPP_CLOSED;
	break_all(s);
	s->with.ops->ended(s->with.arg, why, status);
}

void esme_session_cut(struct esme_session *s)
{
	esme_session_end(s, ESME_END_CLOSED, SMPP_ROK);
}

void esme_session_close(struct esme_session *s)
{
	if (!s->window)
		return;
	s->state = SMPP_CLOSED;
	break_all(s);
	smpp_window_free(s->window);
	s->window = NULL;
}

/* ---- the beginning ---- */

int esme_session_open(struct esme_session *s, const struct esme_session_options *options,
		      int64_t now_us)
{
	struct esme_session new = {
		.with = *options,
		.state = SMPP_OPEN,
		.window = smpp_window_new(options->window, options->response_us),
		.allowance = options->is_on_probation ? 1 : options->window,
		.heard_us = now_us,
		.answered_us = now_us,
	};
	const struct smpp_pdu bind = {.id = options->bind, .bind = options->login};

	if (!new.window)
		return E_NOMEM;
	*s = new;
	int err = ask(s, &bind, NULL, now_us);
	if (err)
		esme_session_close(s);
	return err;
}

/* ---- what comes ---- */

/* The header of a whole PDU, whatever its body is. */
static struct smpp_pdu header_of(const uint8_t *octets)
{
	struct octets_reader r = {.at = octets + 4, .left = SMPP_HEADER_LEN - 4};
	struct smpp_pdu pdu = {0};

	octets_take_u32(&r, &pdu.id);
	octets_take_u32(&r, &pdu.status);
	octets_take_u32(&r, &pdu.sequence);
	return pdu;
}

static void take_pdu(struct esme_session *s, const uint8_t *octets, size_t n, int64_t now_us)
{
	struct smpp_pdu pdu;
	struct smpp_header refusal;

	s->heard_us = now_us;
	if (!smpp_decode(octets, n, &pdu, &refusal)) {
		esme_take(s, &pdu, now_us);
		return;
	}
	pdu = header_of(octets);
	s->with.ops->noted(s->with.arg,
			   refusal.status == SMPP_RINVCMDID ? ESME_NOTE_REFUSED
							    : ESME_NOTE_MALFORMED,
			   pdu.id, refusal.status);
	if (refusal.id) {
		const struct smpp_pdu answer = {
			.id = refusal.id, .status = refusal.status, .sequence = refusal.sequence};
		esme_session_write(s, &answer);
	} else if (smpp_is_response(pdu.id)) {
		esme_take(s, &pdu, now_us);
	}
}

size_t esme_session_input(struct esme_session *s, const uint8_t *octets, size_t n, int64_t now_us)
{
	size_t at = 0, len = 0;

	while (s->state != SMPP_CLOSED) {
		int err = smpp_frame(octets + at, n - at, s->with.pdu_max, &len);

		if (err == E_AGAIN)
			return at;
		if (err) {
			const struct smpp_pdu nack = {.id = SMPP_GENERIC_NACK,
						      .status = SMPP_RINVCMDLEN};

			s->with.ops->noted(s->with.arg, ESME_NOTE_MALFORMED, 0, SMPP_RINVCMDLEN);
			esme_session_write(s, &nack);
			esme_session_end(s, ESME_END_SYNTAX, SMPP_RINVCMDLEN);
			break;
		}
		take_pdu(s, octets + at, len, now_us);
		at += len;
	}
	return n;
}

/* ---- time ---- */

int64_t esme_session_due_us(const struct esme_session *s)
{
	int64_t due_us = INT64_MAX;

	if (s->state == SMPP_CLOSED)
		return due_us;
	due_us = smpp_window_deadline_us(s->window);
	if (smpp_bind_is_bound(s->state) && !s->is_enquiring) {
		int64_t quiet_us = s->heard_us < s->asked_us ? s->heard_us : s->asked_us;

		if (quiet_us + s->with.enquire_us < due_us)
			due_us = quiet_us + s->with.enquire_us;
	}
	return due_us;
}

/* False: the session is over. */
static bool expire(struct esme_session *s, const struct smpp_request *r)
{
	const struct esme_answered expired = {.how = ESME_EXPIRED, .sent_us = r->sent_us};

	if (r->id == SMPP_SUBMIT_SM)
		s->with.ops->answered(s->with.arg, r->arg, &expired);
	if (s->state == SMPP_CLOSED)
		return false;
	if (r->id == SMPP_SUBMIT_SM && s->answered_us >= r->sent_us)
		return true;
	esme_session_end(s, r->id == SMPP_UNBIND ? ESME_END_STOPPED : ESME_END_SILENT, SMPP_ROK);
	return false;
}

void esme_session_tick(struct esme_session *s, int64_t now_us)
{
	const struct smpp_pdu enquiry = {.id = SMPP_ENQUIRE_LINK};
	struct smpp_request r;

	while (s->state != SMPP_CLOSED && smpp_window_expire(s->window, now_us, &r))
		if (!expire(s, &r))
			return;
	if (esme_session_due_us(s) > now_us || !smpp_bind_is_bound(s->state) || s->is_enquiring)
		return;
	if (!ask(s, &enquiry, NULL, now_us)) {
		s->is_enquiring = true;
		s->with.ops->noted(s->with.arg, ESME_NOTE_ENQUIRED, SMPP_ENQUIRE_LINK, SMPP_ROK);
	}
}

/* ---- what its owner asks ---- */

bool esme_session_is_bound(const struct esme_session *s)
{
	return smpp_bind_is_bound(s->state);
}

uint32_t esme_session_in_flight(const struct esme_session *s)
{
	return s->window ? smpp_window_count(s->window) : 0;
}

uint32_t esme_session_room(const struct esme_session *s)
{
	if (smpp_bind_allows(s->state, SMPP_ESME, SMPP_SUBMIT_SM) != SMPP_ROK)
		return 0;
	uint32_t count = smpp_window_count(s->window), room = smpp_window_room(s->window);
	uint32_t allowed = s->allowance > count ? s->allowance - count : 0;

	return room < allowed ? room : allowed;
}

int64_t esme_session_oldest_us(const struct esme_session *s)
{
	int64_t deadline_us = s->window ? smpp_window_deadline_us(s->window) : INT64_MAX;

	return deadline_us == INT64_MAX ? INT64_MAX : deadline_us - s->with.response_us;
}
