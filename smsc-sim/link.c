#include "smsc-sim/link.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/link_verbs.h"
#include "smsc-sim/notices.h"

#define INPUT_AT_ONCE 65536

/* ---- saying ---- */

static void write_pdu(struct link *l, const struct smpp_pdu *pdu)
{
	size_t len = 0;

	if (!l->conn || l->is_muted)
		return;
	int rc = smpp_encode(pdu, l->smsc->scratch, SMPP_PDU_MAX, &len);
	if (rc) {
		log_event(LOG_ERROR, "smpp-not-encoded", LOG_INT("link", l->id),
			  LOG_TEXT("command", smpp_command_name(pdu->id)),
			  LOG_TEXT("error", err_text(rc)), LOG_END);
		return;
	}
	conn_write(l->conn, l->smsc->scratch, len);
	l->pdus_out++;
	counter_add(COUNT_PDUS_OUT, 1);
}

void link_say(struct link *l, const struct smpp_pdu *pdu)
{
	write_pdu(l, pdu);
}

/* An answer that a fault holds back. */
struct late_answer {
	struct later_task task;
	struct link *link;
	struct smpp_pdu pdu;
	struct octets_writer unsuccessful; /* of a submit_multi: pdu's list lies here */
};

static void say_late(struct later_task *task)
{
	struct late_answer *a = (struct late_answer *)task;
	struct link *l = a->link;

	l->owed--;
	write_pdu(l, &a->pdu);
	free(a->unsuccessful.at);
	free(a);
	link_release(l);
}

static bool hold_back(struct link *l, const struct smpp_pdu *answer, int64_t delay_us)
{
	struct late_answer *a = calloc(1, sizeof *a);
	const struct smpp_list *list = &answer->message_resp.unsuccessful;

	if (!a)
		return false;
	a->task.run = say_late;
	a->link = l;
	a->pdu = *answer;
	if (answer->id == SMPP_SUBMIT_MULTI_RESP && list->len) {
		a->unsuccessful.at = malloc(list->len);
		if (a->unsuccessful.at)
			memcpy(a->unsuccessful.at, list->octets, list->len);
		a->pdu.message_resp.unsuccessful.octets = a->unsuccessful.at;
	}
	if ((list->len && answer->id == SMPP_SUBMIT_MULTI_RESP && !a->unsuccessful.at) ||
	    later_put(&l->smsc->later, &a->task, clock_now_us() + delay_us)) {
		free(a->unsuccessful.at);
		free(a);
		return false;
	}
	link_hold(l);
	l->owed++;
	smsc_due_at(l->smsc, a->task.at_us);
	return true;
}

/* Sequence numbers are 1 to 0x7FFFFFFF; a wrong one may be any of them. */
void link_answer(struct link *l, const struct link_reply *r, struct smpp_pdu *answer)
{
	if (r->silent)
		return;
	answer->id = r->id | SMPP_RESPONSE_BIT;
	answer->sequence = (r->sequence + r->sequence_add) & SMPP_SEQUENCE_MAX;
	if (r->delay_us > 0 && hold_back(l, answer, r->delay_us))
		return;
	write_pdu(l, answer);
}

void link_refuse(struct link *l, const struct smpp_pdu *request, uint32_t status)
{
	const struct smpp_pdu answer = smpp_respond(request, status);

	counter_add(COUNT_REFUSED, 1);
	write_pdu(l, &answer);
}

void link_nack(struct link *l, uint32_t sequence, uint32_t status)
{
	const struct smpp_pdu nack = {
		.id = SMPP_GENERIC_NACK, .status = status, .sequence = sequence};

	counter_add(COUNT_NACKS, 1);
	write_pdu(l, &nack);
}

int link_request(struct link *l, struct smpp_pdu *pdu, void *arg, int64_t now_us)
{
	int rc = smpp_window_add(l->window, pdu->id, now_us, arg, &pdu->sequence);

	if (!rc)
		write_pdu(l, pdu);
	return rc;
}

/* ---- its life ---- */

void link_hold(struct link *l)
{
	l->holds++;
}

void link_release(struct link *l)
{
	if (--l->holds)
		return;
	smpp_window_free(l->window);
	number_range_clear(&l->range);
	free(l);
}

bool link_receives(const struct link *l)
{
	return l->conn && !l->is_closing &&
	       (l->state == SMPP_BOUND_RX || l->state == SMPP_BOUND_TRX);
}

void link_join_account(struct link *l, struct account *a)
{
	l->account = a;
	a->link_count++;
	l->account_previous = NULL;
	l->account_next = a->links;
	if (a->links)
		a->links->account_previous = l;
	a->links = l;
	if (!link_receives(l))
		return;
	a->receiver_count++;
	if (!a->receiver) {
		a->receiver = l->receiver_next = l->receiver_previous = l;
		return;
	}
	l->receiver_next = a->receiver;
	l->receiver_previous = a->receiver->receiver_previous;
	l->receiver_previous->receiver_next = l;
	a->receiver->receiver_previous = l;
}

static void leave_account(struct link *l)
{
	struct account *a = l->account;

	if (!a)
		return;
	if (l->receiver_next) {
		a->receiver_count--;
		if (a->receiver == l)
			a->receiver = l->receiver_next == l ? NULL : l->receiver_next;
		l->receiver_next->receiver_previous = l->receiver_previous;
		l->receiver_previous->receiver_next = l->receiver_next;
		l->receiver_next = l->receiver_previous = NULL;
	}
	*(l->account_previous ? &l->account_previous->account_next : &a->links) = l->account_next;
	if (l->account_next)
		l->account_next->account_previous = l->account_previous;
	a->link_count--;
	l->account = NULL;
}

/* What it was given and did not answer goes to another one, or waits. */
static void give_back(struct link *l)
{
	struct smpp_request r;

	while (l->window && smpp_window_drain(l->window, &r))
		if (r.arg)
			notices_returned(l->smsc, r.arg);
}

static void set_paused(struct link *l, bool is_paused)
{
	if (l->is_paused != is_paused)
		counter_add(GAUGE_LINKS_PAUSED, is_paused ? 1 : -1);
	l->is_paused = is_paused;
}

static void unlink_all(struct link *l)
{
	*(l->previous ? &l->previous->next : &l->smsc->links) = l->next;
	if (l->next)
		l->next->previous = l->previous;
	l->smsc->link_count--;
	set_paused(l, false);
	gauge_set(GAUGE_LINKS, (int64_t)l->smsc->link_count);
}

static void on_closed(void *session, enum conn_end why)
{
	struct link *l = session;
	struct smsc *s = l->smsc;
	struct account *a = l->account;

	log_event(LOG_INFO, "link-closed", LOG_INT("link", l->id),
		  LOG_TEXT("account", a ? a->conf->name : ""), LOG_INT("why", why),
		  LOG_INT("in", l->pdus_in), LOG_INT("out", l->pdus_out), LOG_END);
	l->conn = NULL;
	l->state = SMPP_CLOSED;
	leave_account(l);
	unlink_all(l);
	give_back(l);
	link_release(l);
	if (a)
		notices_pump(s, a);
	smsc_link_gone(s);
}

static void close_now(struct link *l)
{
	l->is_closing = true;
	if (l->conn)
		conn_close(l->conn);
}

void link_cut(struct link *l)
{
	l->is_closing = true;
	counter_add(COUNT_LINKS_CUT, 1);
	if (l->conn)
		conn_abort(l->conn);
}

static void say_unbind(struct link *l)
{
	struct smpp_pdu unbind = {.id = SMPP_UNBIND};

	if (l->window && smpp_bind_is_bound(l->state))
		link_request(l, &unbind, NULL, clock_mono_us());
}

void link_stop(struct link *l)
{
	if (l->is_closing)
		return;
	say_unbind(l);
	close_now(l);
}

static void on_timed_out(void *session, enum conn_end why)
{
	struct link *l = session;

	log_event(LOG_INFO, "link-silent", LOG_INT("link", l->id), LOG_INT("why", why), LOG_END);
	link_stop(l);
}

void link_tick(struct link *l, int64_t mono_us)
{
	int64_t response_us = l->smsc->conf->smsc_sim_response_seconds * CLOCK_S;
	int64_t enquire_us = l->smsc->conf->smsc_sim_enquire_seconds * CLOCK_S;

	if (l->is_closing || !l->conn)
		return;
	if (!l->account) {
		if (mono_us - l->since_us > response_us)
			close_now(l);
		return;
	}
	if (smpp_window_deadline_us(l->window) <= mono_us) {
		log_event(LOG_WARN, "link-unresponsive", LOG_INT("link", l->id),
			  LOG_TEXT("account", l->account->conf->name), LOG_END);
		link_stop(l);
	} else if (enquire_us && mono_us - l->heard_us > enquire_us &&
		   mono_us - l->enquired_us > enquire_us) {
		struct smpp_pdu enquire = {.id = SMPP_ENQUIRE_LINK};
		l->enquired_us = mono_us;
		link_request(l, &enquire, NULL, mono_us);
	}
}

/* ---- hearing ---- */

static void hear_response(struct link *l, const struct smpp_pdu *pdu)
{
	struct smpp_request r;
	int rc = l->window ? smpp_window_take(l->window, pdu->id, pdu->sequence, &r) : E_NOT_FOUND;

	if (rc) {
		counter_add(COUNT_ODD_RESPONSES, 1);
		log_event(LOG_DEBUG, "smpp-odd-response", LOG_INT("link", l->id),
			  LOG_TEXT("command", smpp_command_name(pdu->id)),
			  LOG_INT("sequence", pdu->sequence), LOG_END);
		return;
	}
	if (r.arg)
		notices_answered(l->smsc, l->account, r.arg, pdu->status);
	if (r.id == SMPP_UNBIND)
		close_now(l);
}

static void hear(struct link *l, const struct smpp_pdu *pdu)
{
	uint32_t status = smpp_bind_allows(l->state, SMPP_ESME, pdu->id);

	if (smpp_is_response(pdu->id))
		hear_response(l, pdu);
	else if (status)
		link_refuse(l, pdu, status);
	else
		link_verb(l, pdu);
}

static void refuse_broken(struct link *l, const struct smpp_header *refusal)
{
	const struct smpp_pdu answer = {
		.id = refusal->id, .status = refusal->status, .sequence = refusal->sequence};

	counter_add(COUNT_BAD_PDUS, 1);
	if (refusal->id)
		write_pdu(l, &answer);
}

static void take_pdu(struct link *l, const uint8_t *octets, size_t len)
{
	struct fault_pdu fault = {0};
	struct smpp_header refusal;
	struct smpp_pdu pdu;

	l->pdus_in++;
	counter_add(COUNT_PDUS_IN, 1);
	if (l->account && !faults_idle(l->smsc->faults))
		fault = faults_link_pdu(l->smsc->faults, clock_mono_us(), l->account->conf->name,
					&l->fault);
	l->is_muted = fault.silent || (fault.cut && !fault.answer);
	if (smpp_decode(octets, len, &pdu, &refusal))
		refuse_broken(l, &refusal);
	else
		hear(l, &pdu);
	l->is_muted = false;
	if (fault.cut && fault.answer)
		close_now(l);
	else if (fault.cut)
		link_cut(l);
}

/* The stream cannot be read on: nobody knows where the next PDU begins. */
static void lost_track(struct link *l, const uint8_t *octets, size_t n)
{
	uint32_t sequence = 0;

	for (size_t i = 12; n >= SMPP_HEADER_LEN && i < SMPP_HEADER_LEN; i++)
		sequence = sequence << 8 | octets[i];
	counter_add(COUNT_BAD_PDUS, 1);
	log_event(LOG_WARN, "smpp-bad-length", LOG_INT("link", l->id), LOG_END);
	link_nack(l, sequence, SMPP_RINVCMDLEN);
	close_now(l);
}

static bool is_backed_up(const struct link *l)
{
	return conn_unsent(l->conn) > (size_t)l->smsc->conf->smsc_sim_unsent_max;
}

static void on_input(void *session)
{
	struct link *l = session;
	size_t max = (size_t)l->smsc->conf->smsc_sim_pdu_max, n = 0, at = 0, len = 0;
	const uint8_t *in = conn_peek(l->conn, max > INPUT_AT_ONCE ? max : INPUT_AT_ONCE, &n);
	int rc = E_AGAIN;

	l->heard_us = clock_mono_us();
	while (!l->is_closing && at < n && !(rc = smpp_frame(in + at, n - at, max, &len))) {
		take_pdu(l, in + at, len);
		at += len;
	}
	if (rc == E_SYNTAX && !l->is_closing)
		lost_track(l, in + at, n - at);
	conn_take(l->conn, at);
	if (!l->is_closing && is_backed_up(l)) {
		set_paused(l, true);
		conn_pause(l->conn);
	}
}

static void on_drained(void *session)
{
	struct link *l = session;

	if (l->is_closing)
		return;
	set_paused(l, false);
	conn_resume(l->conn);
}

static const struct conn_ops ops = {
	.input = on_input, .drained = on_drained, .timed_out = on_timed_out, .closed = on_closed};

/* ---- beginning ---- */

static struct link *link_new(struct smsc *s)
{
	struct link *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->smsc = s;
	l->holds = 1;
	l->since_us = l->heard_us = clock_mono_us();
	return l;
}

static void link_begin(struct link *l, struct conn *c)
{
	struct smsc *s = l->smsc;
	const struct conn_peer *peer = conn_peer(c);
	char text[ADDR_TEXT_MAX];

	l->conn = c;
	l->id = conn_id(c);
	snprintf(l->peer, sizeof l->peer, "%s:%u", addr_format(&peer->addr, text), peer->port);
	l->next = s->links;
	if (s->links)
		s->links->previous = l;
	s->links = l;
	s->link_count++;
	gauge_set(GAUGE_LINKS, (int64_t)s->link_count);
	counter_add(COUNT_LINKS, 1);
	conn_set_idle(c, s->conf->smsc_sim_idle_seconds);
}

void link_accepted(void *arg, struct conn *c)
{
	struct link *l = link_new(arg);

	if (!l) {
		conn_abort(c);
		return;
	}
	link_begin(l, c);
	conn_attach(c, &ops, l);
}

struct link *link_connect(struct smsc *s, const struct addr *to, uint16_t port,
			  const struct smpp_pdu *first)
{
	struct link *l = link_new(s);
	struct conn *c;

	if (!l || conn_connect(s->loop, to, port, &ops, l, &c)) {
		free(l);
		return NULL;
	}
	l->is_outbind = true;
	link_begin(l, c);
	write_pdu(l, first);
	return l;
}
