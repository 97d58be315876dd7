#include "smsc-sim/delivery.h"

#include "lib/clock.h"
#include "lib/err.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/fault_subject.h"
#include "smsc-sim/link.h"
#include "smsc-sim/notices.h"
#include "smsc-sim/radio_link.h"
#include "smsc-sim/segments.h"
#include "smsc-sim/status_report.h"
#include "smsc-sim/store.h"

static void plan(struct smsc *s, struct message *m)
{
	spool_plan(&s->spool, m);
	smsc_due_at(s, m->next_us);
}

/* ---- the end ---- */

static void count_final(const struct message *m)
{
	static const enum counter counters[] = {
		[SMPP_STATE_DELIVERED] = COUNT_DELIVERED,
		[SMPP_STATE_EXPIRED] = COUNT_EXPIRED,
		[SMPP_STATE_DELETED] = COUNT_DELETED,
		[SMPP_STATE_UNDELIVERABLE] = COUNT_UNDELIVERABLE,
	};
	bool is_usual = m->state >= SMPP_STATE_DELIVERED && m->state <= SMPP_STATE_UNDELIVERABLE;

	counter_add(is_usual ? counters[m->state] : COUNT_OTHER_FINAL, 1);
}

/* Its sender, who waits, hears what became of it: once. */
static void tell_outcome(struct message *m)
{
	void (*finished)(void *arg, const struct message *of) = m->finished;

	m->finished = NULL;
	if (finished)
		finished(m->finished_arg, m);
}

/* It is final: everybody who asked hears of it. */
static void finish(struct smsc *s, struct message *m)
{
	spool_pin(m);
	count_final(m);
	spool_settle(&s->spool, m);
	gauge_set(GAUGE_PENDING, (int64_t)s->spool.pending);
	store_changed(s->store, m);
	tell_outcome(m);
	if (!m->is_lost) {
		notices_add(s, m, m->account, message_notice(m));
		if (m->wants_status)
			status_report_send(s, m);
	}
	spool_unpin(&s->spool, m);
}

void delivery_expired(struct smsc *s, struct message *m)
{
	if (!message_is_final(m))
		message_finish(m, SMPP_STATE_EXPIRED, clock_now_us());
	finish(s, m);
}

void delivery_abandon(struct message *m)
{
	tell_outcome(m);
}

/* ---- an attempt ---- */

/* The attempt ended; who called goes on with what else waits there. */
static void ended(struct smsc *s, struct message *m, enum outcome how, uint16_t error)
{
	enum message_step step = message_outcome(m, &s->policy, how, error, clock_now_us());

	if (step == MESSAGE_IS_FINAL) {
		finish(s, m);
		return;
	}
	if (m->inbox)
		inbox_wait(m);
	plan(s, m);
	if (m->origin == MESSAGE_OF_ESME)
		notices_add(s, m, m->account, message_notice(m));
	store_changed(s->store, m);
}

/* What a fault makes of it: true: it is over, or its end comes by itself. */
static bool is_struck(struct smsc *s, struct message *m, unsigned *copies)
{
	static const enum outcome outcomes[] = {[FAULT_OUTCOME_ABSENT] = OUTCOME_ABSENT,
						[FAULT_OUTCOME_FULL] = OUTCOME_FULL,
						[FAULT_OUTCOME_FAILED] = OUTCOME_REFUSED};

	*copies = 0;
	if (faults_idle(s->faults))
		return false;
	const struct fault_subject subject = fault_subject(s, m, m->attempts + 1U);
	struct fault_attempt f = faults_attempt(s->faults, clock_mono_us(), &subject);
	*copies = f.copies;
	if (f.outcome == FAULT_OUTCOME_NONE)
		return false;
	if (f.outcome == FAULT_OUTCOME_LOST) {
		m->next_us = clock_now_us() + s->conf->smsc_sim_radio_seconds * CLOCK_S;
		plan(s, m);
	} else {
		ended(s, m, outcomes[f.outcome], 0);
	}
	return true;
}

static void attempt_by_radio(struct smsc *s, struct inbox *i, struct message *m)
{
	unsigned copies;

	counter_add(COUNT_ATTEMPTS, 1);
	if (is_struck(s, m, &copies))
		return;
	if (!i->phone) {
		ended(s, m, OUTCOME_ABSENT, 0);
		return;
	}
	if (radio_send(s, i->phone, m, i->ready.first != NULL)) {
		ended(s, m, OUTCOME_REFUSED, 0);
		return;
	}
	while (copies-- && !radio_send(s, i->phone, m, i->ready.first != NULL))
		;
	m->next_us = clock_now_us() + s->conf->smsc_sim_radio_seconds * CLOCK_S;
	plan(s, m);
}

/* As many as end at once, and one that runs. */
static void pump(struct smsc *s, struct inbox *i)
{
	struct message *m;

	i->count++; /* it stays */
	while ((m = inbox_take(i))) {
		enum message_step step = message_step(m, clock_now_us(), true);
		if (step == MESSAGE_ATTEMPT)
			attempt_by_radio(s, i, m);
		else if (step == MESSAGE_IS_FINAL)
			delivery_expired(s, m);
		else
			inbox_wait(m); /* it is not its time yet */
	}
	i->count--;
	inbox_release(&s->spool.inboxes, i);
}

void delivery_ended(struct smsc *s, struct message *m, enum outcome how, uint16_t error)
{
	struct inbox *i = m->inbox;

	if (i)
		i->count++;
	ended(s, m, how, error);
	if (!i)
		return;
	i->count--;
	pump(s, i);
}

void delivery_part_taken(struct smsc *s, struct message *m)
{
	struct inbox *i = m->inbox;

	m->part++;
	if (m->part >= segments_count(m)) {
		delivery_ended(s, m, OUTCOME_DELIVERED, 0);
		return;
	}
	store_changed(s->store, m);
	if (radio_send(s, i->phone, m, i->ready.first != NULL)) {
		delivery_ended(s, m, OUTCOME_REFUSED, 0);
		return;
	}
	m->next_us = clock_now_us() + s->conf->smsc_sim_radio_seconds * CLOCK_S;
	plan(s, m);
}

/* ---- where it goes ---- */

/* Its numbers by the configuration; or those that a receiver named when it bound. */
static int account_for(struct smsc *s, const char *number)
{
	for (size_t i = 0; i < s->accounts.count; i++) {
		const struct account *a = &s->accounts.rows[i];
		if (number_range_has(&a->range, number))
			return a->index;
		for (const struct link *l = a->links; l; l = l->account_next)
			if (link_receives(l) && number_range_has(&l->range, number))
				return a->index;
	}
	return MESSAGE_NOBODY;
}

/* To an account that has nobody there: such a message does not wait. */
static bool has_failed_already(struct smsc *s, struct message *m, int account)
{
	if (!message_is_single_shot(m) || s->accounts.rows[account].receiver_count)
		return false;
	if (message_step(m, clock_now_us(), true) == MESSAGE_ATTEMPT)
		ended(s, m, OUTCOME_ABSENT, 0);
	else
		delivery_expired(s, m);
	return true;
}

static void attempt_sink(struct smsc *s, struct message *m)
{
	unsigned copies;

	if (message_step(m, clock_now_us(), true) != MESSAGE_ATTEMPT) {
		delivery_expired(s, m);
		return;
	}
	counter_add(COUNT_ATTEMPTS, 1);
	if (!is_struck(s, m, &copies))
		ended(s, m, OUTCOME_DELIVERED, 0);
}

static bool join_inbox(struct smsc *s, struct message *m)
{
	struct inbox *i = m->inbox;

	if (!i && (i = inbox_get(&s->spool.inboxes, m->destination.number)))
		inbox_join(i, m);
	return i;
}

static void leave_inbox(struct smsc *s, struct message *m)
{
	struct inbox *i = m->inbox;

	inbox_leave(m);
	if (i)
		inbox_release(&s->spool.inboxes, i);
}

static void to_inbox(struct smsc *s, struct message *m)
{
	if (!join_inbox(s, m)) { /* no memory: later */
		m->next_us = clock_now_us() + CLOCK_S;
		plan(s, m);
		return;
	}
	inbox_ready(m);
	pump(s, m->inbox);
}

/* A fault: it waits before it is made. Asked once for each attempt. */
static bool is_held_back(struct smsc *s, struct message *m)
{
	if (m->was_delayed || faults_idle(s->faults))
		return false;
	const struct fault_subject subject = fault_subject(s, m, m->attempts + 1U);
	int64_t delay_us = faults_attempt_delay_us(s->faults, clock_mono_us(), &subject);
	m->was_delayed = true;
	if (delay_us <= 0)
		return false;
	m->next_us = clock_now_us() + delay_us;
	if (m->next_us > m->expires_us)
		m->next_us = m->expires_us;
	plan(s, m);
	return true;
}

static void try(struct smsc *s, struct message *m)
{
	int account;

	if (m->is_lost) {
		m->next_us = m->expires_us;
		plan(s, m);
	} else if (is_held_back(s, m)) {
		;
	} else if (m->origin != MESSAGE_OF_CENTRE &&
		   (account = account_for(s, m->destination.number)) != MESSAGE_NOBODY) {
		leave_inbox(s, m);
		if (has_failed_already(s, m, account))
			return;
		m->next_us = m->expires_us;
		plan(s, m);
		notices_add(s, m, account, NOTICE_MESSAGE);
	} else if (smsc_is_sink(s, m->destination.number)) {
		attempt_sink(s, m);
	} else {
		to_inbox(s, m);
	}
}

/* ---- coming in ---- */

int delivery_add(struct smsc *s, struct message *m, int64_t now_us,
		 void (*landed)(void *arg, struct message *m, int err), void *arg)
{
	message_begin(m, &s->policy, now_us);
	if (!m->concat_reference)
		m->concat_reference = ++s->concat_reference;
	int rc = spool_add(&s->spool, m, (uint64_t)now_us);
	if (rc)
		return rc;
	if (!m->shown_id)
		m->shown_id = m->id;
	m->landed = landed;
	m->landed_arg = arg;
	gauge_set(GAUGE_PENDING, (int64_t)s->spool.pending);
	return store_put(s->store, m);
}

void delivery_start(struct smsc *s, struct message *m)
{
	if (m->state == SMPP_STATE_SCHEDULED) {
		join_inbox(s, m); /* there cancel_sm looks for it */
		plan(s, m);
	} else {
		try(s, m);
	}
}

void delivery_resume(struct smsc *s, struct message *m)
{
	if (message_is_final(m)) {
		enum notice what = (enum notice)m->notice;
		m->notice = NOTICE_NONE;
		notices_add(s, m, m->account, what);
		return;
	}
	m->notice = NOTICE_NONE;
	if (m->state == SMPP_STATE_ENROUTE)
		m->next_us = clock_now_us();
	join_inbox(s, m);
	plan(s, m);
}

bool delivery_cancel(struct smsc *s, struct message *m)
{
	if (m->in_flight || !notices_remove(s, m) || !message_cancel(m, clock_now_us()))
		return false;
	finish(s, m);
	return true;
}

void delivery_replanned(struct smsc *s, struct message *m)
{
	if (m->notice != NOTICE_MESSAGE)
		plan(s, m);
}

/* ---- phones and time ---- */

void delivery_phone_came(struct smsc *s, struct inbox *i)
{
	inbox_ready_all(i);
	pump(s, i);
}

void delivery_phone_went(struct smsc *s, struct inbox *i)
{
	if (i->in_flight)
		delivery_ended(s, i->in_flight, OUTCOME_ABSENT, 0);
	else
		inbox_release(&s->spool.inboxes, i);
}

static void due(struct smsc *s, struct message *m, int64_t now_us)
{
	if (m->in_flight) {
		if (m->inbox && m->inbox->phone)
			radio_forget(m->inbox->phone);
		delivery_ended(s, m, OUTCOME_NO_ANSWER, 0);
	} else if (now_us >= m->expires_us) {
		notices_remove(s, m);
		delivery_expired(s, m);
	} else {
		try(s, m);
	}
}

void delivery_turn(struct smsc *s, int64_t now_us)
{
	struct message *m;

	while ((m = spool_due(&s->spool, now_us)))
		due(s, m, now_us);
}
