#include "smsc-sim/notices.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/fault_subject.h"
#include "smsc-sim/delivery.h"
#include "smsc-sim/link.h"
#include "smsc-sim/receipt_pdu.h"
#include "smsc-sim/store.h"

/* ---- the queue ---- */

static struct account *account_of(struct smsc *s, const struct message *m)
{
	return &s->accounts.rows[m->notice_account];
}

static void append(struct account *a, struct message *m)
{
	m->queue = (struct message_link){.previous = a->queue.last};
	*(a->queue.last ? &a->queue.last->queue.next : &a->queue.first) = m;
	a->queue.last = m;
	a->queued++;
}

static void prepend(struct account *a, struct message *m)
{
	m->queue = (struct message_link){.next = a->queue.first};
	*(a->queue.first ? &a->queue.first->queue.previous : &a->queue.last) = m;
	a->queue.first = m;
	a->queued++;
}

static void take_off(struct account *a, struct message *m)
{
	struct message *next = m->queue.next, *previous = m->queue.previous;

	*(previous ? &previous->queue.next : &a->queue.first) = next;
	*(next ? &next->queue.previous : &a->queue.last) = previous;
	m->queue = (struct message_link){0};
	a->queued--;
}

static void count_up(struct smsc *s, int by)
{
	s->notice_count = by > 0 ? s->notice_count + 1 : s->notice_count - 1;
	gauge_set(GAUGE_NOTICES, (int64_t)s->notice_count);
}

/* Nothing of it waits any more, unless something else became due meanwhile. */
static void settle(struct smsc *s, struct message *m)
{
	enum notice next = (enum notice)m->notice_next;
	int account = m->notice_account;

	m->notice = m->notice_next = NOTICE_NONE;
	m->notice_sent = false;
	count_up(s, -1);
	if (next)
		notices_add(s, m, account, next);
	else
		store_changed(s->store, m);
	spool_unpin(&s->spool, m);
}

/* ---- faults ---- */

/* A receipt that comes later than it could. */
struct late_notice {
	struct later_task task;
	struct smsc *smsc;
	struct message *message;
};

static void add_late(struct later_task *task)
{
	struct late_notice *late = (struct late_notice *)task;
	struct message *m = late->message;
	struct smsc *s = late->smsc;

	free(late);
	m->notice_late = false;
	append(account_of(s, m), m);
	notices_pump(s, account_of(s, m));
}

static bool hold_back(struct smsc *s, struct message *m, int64_t delay_us)
{
	struct late_notice *late = calloc(1, sizeof *late);

	if (!late)
		return false;
	*late = (struct late_notice){.task.run = add_late, .smsc = s, .message = m};
	if (later_put(&s->later, &late->task, clock_now_us() + delay_us)) {
		free(late);
		return false;
	}
	m->notice_late = true;
	smsc_due_at(s, late->task.at_us);
	return true;
}

/* True: it will be queued later, or never. */
static bool is_struck(struct smsc *s, struct message *m)
{
	if (faults_idle(s->faults) || m->notice == NOTICE_MESSAGE)
		return false;
	const struct fault_subject subject = fault_subject(s, m, 1);
	struct fault_receipt f = faults_receipt(s->faults, clock_mono_us(), &subject);
	m->notice_copies = (uint8_t)(f.copies > UINT8_MAX ? UINT8_MAX : f.copies);
	if (f.never) {
		settle(s, m);
		return true;
	}
	return f.delay_us > 0 && hold_back(s, m, f.delay_us);
}

/* ---- coming in ---- */

static bool has_room(const struct smsc *s, enum notice what)
{
	return what == NOTICE_MESSAGE || s->notice_count < (size_t)s->conf->smsc_sim_receipts_max;
}

void notices_add(struct smsc *s, struct message *m, int account, enum notice what)
{
	if (what == NOTICE_NONE || account < 0)
		return;
	if (m->notice) {
		*(m->notice_sent ? &m->notice_next : &m->notice) = (uint8_t)what;
		store_changed(s->store, m);
		return;
	}
	if (!has_room(s, what)) {
		counter_add(COUNT_NOTICES_DROPPED, 1);
		return;
	}
	m->notice = (uint8_t)what;
	m->notice_account = account;
	m->notice_copies = 0;
	spool_pin(m);
	count_up(s, 1);
	store_changed(s->store, m);
	if (is_struck(s, m))
		return;
	append(account_of(s, m), m);
	notices_pump(s, account_of(s, m));
}

bool notices_remove(struct smsc *s, struct message *m)
{
	if (m->notice != NOTICE_MESSAGE)
		return true;
	if (m->notice_sent)
		return false;
	take_off(account_of(s, m), m);
	settle(s, m);
	return true;
}

/* ---- going out ---- */

/* Links take turns. */
static struct link *next_receiver(struct account *a)
{
	for (size_t i = 0; i < a->receiver_count; i++) {
		struct link *l = a->receiver;
		a->receiver = l->receiver_next;
		if (link_receives(l) && smpp_window_room(l->window) > 0)
			return l;
	}
	return NULL;
}

static int send_notice(struct link *l, struct message *m)
{
	struct receipt_buffer buffer;
	struct smpp_pdu pdu;
	int64_t mono_us = clock_mono_us();
	int rc = receipt_pdu(m, (enum notice)m->notice, l->takes_tlvs, &buffer, &pdu);

	if (!rc)
		rc = link_request(l, &pdu, m, mono_us);
	for (; !rc && m->notice_copies && smpp_window_room(l->window) > 0; m->notice_copies--)
		link_request(l, &pdu, NULL, mono_us);
	free(buffer.payload);
	l->delivers += !rc;
	return rc;
}

/* The message itself: is it still to be delivered? */
static bool begin_attempt(struct smsc *s, struct message *m)
{
	if (m->notice != NOTICE_MESSAGE)
		return true;
	if (message_step(m, clock_now_us(), true) == MESSAGE_ATTEMPT) {
		spool_plan(&s->spool, m);
		return true;
	}
	m->in_flight = false;
	return false;
}

static void send_first(struct smsc *s, struct account *a, struct link *l)
{
	struct message *m = a->queue.first;

	take_off(a, m);
	if (!begin_attempt(s, m)) {
		spool_pin(m);
		settle(s, m);
		delivery_expired(s, m);
		spool_unpin(&s->spool, m);
		return;
	}
	m->notice_sent = true;
	int rc = send_notice(l, m);
	if (!rc)
		return;
	log_event(LOG_ERROR, "notice-not-sent", LOG_TEXT("error", err_text(rc)), LOG_END);
	notices_answered(s, a, m, SMPP_RUNKNOWNERR);
}

void notices_pump(struct smsc *s, struct account *a)
{
	struct link *l;

	if (a->pause_until_us && clock_now_us() < a->pause_until_us)
		return;
	a->pause_until_us = 0;
	while (a->queue.first && (l = next_receiver(a)))
		send_first(s, a, l);
}

void notices_tick(struct smsc *s, int64_t now_us)
{
	for (size_t i = 0; i < s->accounts.count; i++) {
		struct account *a = &s->accounts.rows[i];
		if (a->pause_until_us && now_us >= a->pause_until_us)
			notices_pump(s, a);
	}
}

/* ---- what became of it ---- */

static void message_answered(struct smsc *s, struct message *m, enum smpp_class class)
{
	enum outcome how = class == SMPP_CLASS_OK          ? OUTCOME_DELIVERED
			   : class == SMPP_CLASS_PERMANENT ? OUTCOME_REFUSED
							   : OUTCOME_BUSY;

	spool_pin(m);
	settle(s, m);
	counter_add(COUNT_TO_ESMES, class == SMPP_CLASS_OK);
	delivery_ended(s, m, how, 0);
	spool_unpin(&s->spool, m);
}

static bool is_stale(const struct smsc *s, const struct message *m, int64_t now_us)
{
	return message_is_final(m) && now_us - m->done_us > s->policy.validity_us;
}

static void try_again_later(struct smsc *s, struct account *a, struct message *m)
{
	int64_t now_us = clock_now_us();

	if (is_stale(s, m, now_us)) {
		counter_add(COUNT_NOTICES_DROPPED, 1);
		settle(s, m);
		return;
	}
	m->notice_sent = false;
	if (m->notice_next)
		m->notice = m->notice_next;
	m->notice_next = NOTICE_NONE;
	prepend(a, m);
	a->pause_until_us = now_us + s->conf->smsc_sim_receipt_retry_seconds * CLOCK_S;
}

void notices_answered(struct smsc *s, struct account *a, struct message *m, uint32_t status)
{
	enum smpp_class class = smpp_status_class(status);

	if (m->notice == NOTICE_MESSAGE) {
		message_answered(s, m, class);
	} else if (class == SMPP_CLASS_OK) {
		counter_add(COUNT_RECEIPTS, 1);
		settle(s, m);
	} else if (class == SMPP_CLASS_PERMANENT) {
		counter_add(COUNT_NOTICES_DROPPED, 1);
		settle(s, m);
	} else {
		try_again_later(s, a, m);
	}
	notices_pump(s, a);
}

void notices_returned(struct smsc *s, struct message *m)
{
	m->notice_sent = m->in_flight = false;
	if (m->notice == NOTICE_MESSAGE) {
		m->next_us = m->expires_us;
		spool_plan(&s->spool, m);
	} else if (m->notice_next) {
		m->notice = m->notice_next;
		m->notice_next = NOTICE_NONE;
	}
	prepend(account_of(s, m), m);
}

void notices_drop_all(struct smsc *s)
{
	for (size_t i = 0; i < s->accounts.count; i++) {
		struct account *a = &s->accounts.rows[i];
		while (a->queue.first) {
			struct message *m = a->queue.first;
			take_off(a, m);
			spool_unpin(&s->spool, m);
		}
	}
}
