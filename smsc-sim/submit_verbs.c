#include "smsc-sim/submit_verbs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/delivery.h"
#include "smsc-sim/message_verbs.h"
#include "smsc-sim/submission.h"

/* What waits for the store: one message, or those of a submit_multi. */
struct submitting {
	struct link *link; /* held */
	struct link_reply reply;
	uint64_t shown_id;
	size_t waiting, taken;
	uint32_t status; /* of the last one that was refused */
	uint8_t count;
	struct octets_writer unsuccessful; /* submit_multi */
};

static uint32_t status_of(int err)
{
	return err == E_FULL ? SMPP_RMSGQFUL : SMPP_RSYSERR;
}

static void answer_id(struct link *l, const struct link_reply *reply, uint64_t id)
{
	struct smpp_pdu answer = {0};
	char text[MESSAGE_ID_MAX];

	memcpy(answer.message_resp.message_id, message_id_format(id, text), sizeof text);
	link_answer(l, reply, &answer);
}

static void answer_status(struct link *l, const struct link_reply *reply, uint32_t status)
{
	struct smpp_pdu answer = {.status = status};

	counter_add(COUNT_REFUSED, 1);
	link_answer(l, reply, &answer);
}

/* ---- faults and limits ---- */

/* False: it has been dealt with. */
static bool pass_faults(struct link *l, const struct smpp_pdu *pdu, const char *destination,
			struct link_reply *reply, struct fault_submit *fault, uint64_t *number)
{
	struct faults *f = l->smsc->faults;

	*reply = (struct link_reply){
		.id = pdu->id, .sequence = pdu->sequence, .silent = l->is_muted};
	*fault = (struct fault_submit){0};
	*number = 0;
	if (faults_idle(f))
		return true;
	const char *account = l->account->conf->name;
	*number = faults_number(f, account, destination);
	const struct fault_subject subject = {
		.account = account, .destination = destination, .number = *number};
	*fault = faults_submit(f, clock_mono_us(), &subject);
	reply->silent = fault->silent || l->is_muted; /* it may be answered later */
	reply->delay_us = fault->delay_us;
	reply->sequence_add = fault->sequence_add;
	if (!fault->status)
		return true;
	if (fault->nack)
		link_nack(l, fault->nack_zero ? 0 : pdu->sequence, fault->status);
	else
		answer_status(l, reply, fault->status);
	return false;
}

static bool is_too_fast(struct link *l, int64_t now_us)
{
	return l->owed >= l->account->conf->window || !account_take_token(l->account, now_us);
}

static void note_sender(struct link *l, struct message *m, const struct fault_submit *fault,
			uint64_t number)
{
	m->account = l->account->index;
	m->origin = MESSAGE_OF_ESME;
	m->number = number;
	m->is_lost = fault->lost;
	l->submits++;
	counter_add(COUNT_SUBMITS, 1);
}

/* ---- one message ---- */

static struct submitting *submitting_new(struct link *l, const struct link_reply *reply)
{
	struct submitting *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->link = l;
	w->reply = *reply;
	link_hold(l);
	l->owed++;
	return w;
}

static void submitting_drop(struct submitting *w)
{
	w->link->owed--;
	link_release(w->link);
	free(w);
}

static void submit_landed(void *arg, struct message *m, int err)
{
	struct submitting *w = arg;
	struct smsc *s = w->link->smsc;

	if (err)
		answer_status(w->link, &w->reply, status_of(err));
	else
		answer_id(w->link, &w->reply, m->shown_id);
	submitting_drop(w);
	if (!err)
		delivery_start(s, m);
}

/* ---- transaction mode ---- */

enum failure_reason {
	DESTINATION_UNAVAILABLE,
	ADDRESS_INVALID,
	NETWORK_PERMANENT,
	NETWORK_TEMPORARY
};

static void answer_outcome(struct link *l, const struct link_reply *reply, const struct message *m)
{
	struct smpp_pdu answer = {.status = SMPP_RDELIVERYFAILURE};
	const uint8_t network[] = {3, (uint8_t)(m->error >> 8), (uint8_t)m->error};
	uint8_t octets[16];
	struct octets_writer w = {.at = octets, .room = sizeof octets};

	if (m->state == SMPP_STATE_DELIVERED) {
		answer_id(l, reply, m->shown_id);
		return;
	}
	if (reply->id == SMPP_DATA_SM) {
		smpp_tlv_put_u8(&w, SMPP_TLV_DELIVERY_FAILURE_REASON,
				m->last_outcome == OUTCOME_REFUSED ? NETWORK_PERMANENT
								   : DESTINATION_UNAVAILABLE);
		smpp_tlv_put(&w, SMPP_TLV_NETWORK_ERROR_CODE, network, sizeof network);
		answer.tlvs = (struct smpp_span){octets, w.len};
	}
	link_answer(l, reply, &answer);
}

static void transaction_finished(void *arg, const struct message *m)
{
	struct submitting *w = arg;

	answer_outcome(w->link, &w->reply, m);
	submitting_drop(w);
}

static void transaction_landed(void *arg, struct message *m, int err)
{
	struct submitting *w = arg;
	struct smsc *s = w->link->smsc;

	if (!err) {
		delivery_start(s, m);
		return;
	}
	m->finished = NULL;
	answer_status(w->link, &w->reply, status_of(err));
	submitting_drop(w);
}

static void submit_transaction(struct link *l, const struct link_reply *reply, struct message *m,
			       int64_t now_us)
{
	struct submitting *w = submitting_new(l, reply);
	int rc = E_NOMEM;

	if (w) {
		m->finished = transaction_finished;
		m->finished_arg = w;
		rc = delivery_add(l->smsc, m, now_us, transaction_landed, w);
	}
	if (!rc)
		delivery_start(l->smsc, m);
	if (!rc || rc == E_AGAIN)
		return;
	answer_status(l, reply, status_of(rc));
	if (w)
		submitting_drop(w);
	message_free(m);
}

/* ---- store and forward ---- */

static void submit_message(struct link *l, const struct link_reply *reply, struct message *m,
			   int64_t now_us)
{
	struct submitting *w = l->smsc->is_durable ? submitting_new(l, reply) : NULL;
	int rc = l->smsc->is_durable && !w ? E_NOMEM
					   : delivery_add(l->smsc, m, now_us, submit_landed, w);

	if (rc == E_AGAIN)
		return;
	if (w)
		submitting_drop(w);
	if (rc) {
		answer_status(l, reply, status_of(rc));
		message_free(m);
		return;
	}
	answer_id(l, reply, m->shown_id);
	delivery_start(l->smsc, m);
}

void verb_submit(struct link *l, const struct smpp_pdu *pdu)
{
	int64_t now_us = clock_now_us();
	struct message *m = NULL;
	struct fault_submit fault;
	struct link_reply reply;
	uint64_t number;

	if (!pass_faults(l, pdu, pdu->message.destination.number, &reply, &fault, &number))
		return;
	uint32_t status = is_too_fast(l, now_us)
				  ? SMPP_RTHROTTLED
				  : submission_read(pdu, &pdu->message.destination, now_us, &m);
	if (status) {
		answer_status(l, &reply, status);
		return;
	}
	note_sender(l, m, &fault, number);
	if (pdu->message.replace_if_present)
		replace_present(l, m);
	if ((m->esm_class & SMPP_ESM_MODE) == SMPP_ESM_TRANSACTION && !m->is_lost)
		submit_transaction(l, &reply, m, now_us);
	else
		submit_message(l, &reply, m, now_us);
}

/* ---- many destinations ---- */

static void multi_answer(struct submitting *w)
{
	struct smpp_pdu answer = {0};
	char text[MESSAGE_ID_MAX];

	if (!w->taken) {
		answer_status(w->link, &w->reply, w->status ? w->status : SMPP_RSUBMITFAIL);
		return;
	}
	memcpy(answer.message_resp.message_id, message_id_format(w->shown_id, text), sizeof text);
	answer.message_resp.unsuccessful = (struct smpp_list){
		.octets = w->unsuccessful.at, .len = w->unsuccessful.len, .count = w->count};
	link_answer(w->link, &w->reply, &answer);
}

static void multi_settle(struct submitting *w)
{
	if (--w->waiting)
		return;
	multi_answer(w);
	free(w->unsuccessful.at);
	submitting_drop(w);
}

static void multi_failed(struct submitting *w, const struct smpp_address *to, uint32_t status)
{
	struct smpp_unsuccessful u = {.address = *to, .status = status};

	w->status = status;
	w->count++;
	smpp_put_unsuccessful(&w->unsuccessful, &u);
}

static void multi_landed(void *arg, struct message *m, int err)
{
	struct submitting *w = arg;
	struct smsc *s = w->link->smsc;
	struct smpp_address to = {.ton = m->destination.ton, .npi = m->destination.npi};

	if (err) {
		strcpy(to.number, m->destination.number);
		multi_failed(w, &to, status_of(err));
	} else {
		w->taken++;
	}
	multi_settle(w);
	if (!err)
		delivery_start(s, m);
}

static uint32_t multi_one(struct submitting *w, const struct smpp_pdu *pdu,
			  const struct smpp_address *to, const struct fault_submit *fault,
			  uint64_t number, int64_t now_us)
{
	struct link *l = w->link;
	struct message *m = NULL;
	uint32_t status =
		is_too_fast(l, now_us) ? SMPP_RTHROTTLED : submission_read(pdu, to, now_us, &m);

	if (status)
		return status;
	note_sender(l, m, fault, number);
	m->shown_id = w->shown_id;
	int rc = delivery_add(l->smsc, m, now_us, multi_landed, w);
	if (rc && rc != E_AGAIN) {
		message_free(m);
		return status_of(rc);
	}
	if (!w->shown_id)
		w->shown_id = m->shown_id;
	if (rc == E_AGAIN)
		w->waiting++;
	else
		w->taken++;
	return SMPP_ROK;
}

/* With the store in memory all are accepted by now: they begin after the answer. */
static void multi_start(struct smsc *s, uint64_t shown_id)
{
	struct message *m = spool_find(&s->spool, shown_id), *next;

	for (; m && m->shown_id == shown_id; m = next) {
		next = m->order.next;
		delivery_start(s, m);
	}
}

static void multi_each(struct submitting *w, const struct smpp_pdu *pdu,
		       const struct fault_submit *fault, uint64_t number, int64_t now_us)
{
	struct smpp_destination d;

	for (size_t at = 0; smpp_next_destination(&pdu->message.destinations, &at, &d);) {
		uint32_t status = d.is_list ? SMPP_RINVDLNAME
					    : multi_one(w, pdu, &d.address, fault, number, now_us);
		if (d.is_list)
			d.address = (struct smpp_address){0};
		if (status)
			multi_failed(w, &d.address, status);
	}
}

void verb_submit_multi(struct link *l, const struct smpp_pdu *pdu)
{
	int64_t now_us = clock_now_us();
	struct fault_submit fault;
	struct link_reply reply;
	uint64_t number;

	if (!pass_faults(l, pdu, "", &reply, &fault, &number))
		return;
	if (l->owed >= l->account->conf->window) {
		answer_status(l, &reply, SMPP_RTHROTTLED);
		return;
	}
	struct submitting *w = submitting_new(l, &reply);
	size_t room = SMPP_UNSUCCESSFUL_MAX * (SMPP_NUMBER_SIZE + 6);
	if (w)
		w->unsuccessful = (struct octets_writer){.at = malloc(room), .room = room};
	if (!w || !w->unsuccessful.at) {
		answer_status(l, &reply, SMPP_RSYSERR);
		if (w)
			submitting_drop(w);
		return;
	}
	struct smsc *s = l->smsc;
	w->waiting = 1; /* ourselves */
	l->owed--;      /* each destination is looked at as the first */
	multi_each(w, pdu, &fault, number, now_us);
	l->owed++;
	uint64_t shown_id = s->is_durable ? 0 : w->shown_id;
	multi_settle(w);
	if (shown_id)
		multi_start(s, shown_id);
}
