#include "pushsrv/trigger_job.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/trigger.h"
#include "pushsrv/counters.h"

#define SOCKET_FULL_US 20000
#define BEHIND_US                                                                                  \
	(30 * CLOCK_S) /* a NAS that is behind renews its bindings without a word to us            \
			*/

#define FROZEN_US (60 * CLOCK_S) /* a thaw of one's own is told at once, a wide one looks again */

static void send_next(struct job *j);
static void record_next(struct job *j);

/* The row is committed as it is: when to look at it again. Not earlier: a look before the commit
 * would see the row as it was, leave it to this job, and not come back. */
static void finish_until(struct job *j, int64_t next_us)
{
	struct triggers *t = j->all;

	job_finish(j);
	if (next_us != SCHEDULE_NEVER)
		t->with.due(t->with.arg, next_us);
}

/* ---- the end without a datagram ---- */

static void postpone_row(struct job *j);

static void postponed(void *arg, int err)
{
	struct job *j = arg;

	if (err && err != E_NOT_FOUND)
		job_stuck(j, postpone_row);
	else
		finish_until(j, j->postpone_us);
}

static void postpone_row(struct job *j)
{
	trigger_postpone(j->all->with.port, j->subscriber, j->postpone_us, postponed, j);
}

static void postpone(struct job *j, int64_t next_us)
{
	j->postpone_us = next_us;
	if (j->row.next_us == next_us)
		finish_until(j, next_us);
	else
		postpone_row(j);
}

static void hold(struct job *j, int64_t at_us)
{
	counter_add(COUNT_TRIGGERS_COALESCED, !j->is_scanned);
	recent_wait(j->all->recent, j->subscriber);
	triggers_set_window(j->all);
	if (j->is_scanned)
		postpone(j, at_us);
	else
		job_finish(j);
}

/* ---- the datagram ---- */

static void recorded(void *arg, int err)
{
	struct job *j = arg;

	if (err && err != E_NOT_FOUND && err != E_CLOSED) {
		job_stuck(j, record_next);
		return;
	}
	j->recorded++;
	record_next(j);
}

static void record_next(struct job *j)
{
	if (j->recorded < j->sent_count)
		trigger_record(j->all->with.port, &j->sent[j->recorded], recorded, j);
	else
		finish_until(j, j->sent[0].next_us);
}

static void count_sent(const struct job *j, int64_t now_us)
{
	counter_add(j->row.attempts ? COUNT_TRIGGERS_REPEAT : COUNT_TRIGGERS_FIRST, 1);
	if (j->row.attempts)
		return;
	counter_add(COUNT_LATENCY_SUM_US, now_us - j->row.mailed_us);
	counter_most(COUNT_LATENCY_MAX_US, now_us - j->row.mailed_us);
}

/* All targets had their turn. */
static void settle(struct job *j)
{
	struct triggers *t = j->all;
	int64_t now_us = clock_now_us();

	if (j->sent_count > 0) {
		count_sent(j, now_us);
		int64_t evicted = recent_sent(t->recent, j->subscriber, clock_mono_us());
		record_next(j);
		if (evicted)
			triggers_look(t, evicted, SCHEDULE_MAIL);
		return;
	}
	counter_add(COUNT_TRIGGERS_POSTPONED, 1);
	if (j->is_full)
		postpone(j, now_us + SOCKET_FULL_US);
	else if (j->is_refused)
		postpone(j, schedule_after_error(&t->schedule, j->row.attempts, now_us));
	else if (j->is_behind)
		postpone(j, now_us + BEHIND_US);
	else if (j->is_frozen)
		postpone(j, now_us + FROZEN_US);
	else if (j->cause == SCHEDULE_START && j->row.next_us > now_us)
		postpone(j, j->row.next_us); /* not missed: its repeat keeps its time */
	else
		postpone(j, SCHEDULE_NEVER);
}

static void note_sent(struct job *j, const struct target *to, uint8_t tid, int64_t now_us)
{
	j->sent[j->sent_count++] = (struct trigger_sent){
		.via = {.key = to->key, .generation = to->generation, .subscriber = j->subscriber},
		.tid = tid,
		.timestamp_s = j->row.timestamp_s,
		.sent_us = now_us,
		.covered_uid = j->row.covered_uid,
		.attempts = j->row.attempts + 1,
		.next_us = schedule_after(&j->all->schedule, j->row.attempts, now_us),
	};
	if (!log_wants(LOG_DEBUG))
		return;
	char key[KEY_TEXT_MAX];
	log_event(LOG_DEBUG, "trigger-sent", LOG_INT("subscriber", j->subscriber),
		  LOG_TEXT("realm", to->key.realm), LOG_TEXT("key", key_format(&to->key, key)),
		  LOG_INT("generation", to->generation), LOG_INT("tid", tid),
		  LOG_INT("attempt", j->row.attempts + 1), LOG_END);
}

/* A network that is down refuses everything: a line a second is enough. */
static void tell_refusal(struct triggers *t, const char *realm, int err)
{
	int64_t now_us = clock_mono_us();

	if (t->refusal_told_us && now_us - t->refusal_told_us < CLOCK_S)
		return;
	t->refusal_told_us = now_us;
	log_event(LOG_WARN, "trigger-refused", LOG_TEXT("realm", realm),
		  LOG_TEXT("why", err_text(err)), LOG_END);
}

/* Where the holder is: the key's one address, or of a prefix the one he claimed from. Null: not
 * known. */
static const struct addr *host_of(const struct binding *b)
{
	static const struct addr none;

	if (b->key.plen == KEY_PLEN_V4)
		return &b->key.addr;
	return !addr_equal(&b->host, &none) && key_covers(&b->key, &b->host) ? &b->host : NULL;
}

/* b is the committed row of this moment. */
static void send_to(struct job *j, const struct target *to, const struct binding *b)
{
	struct triggers *t = j->all;
	struct trigger push = {
		.tid = t->tid,
		.application_id = t->application_id,
		.timestamp_s = j->row.timestamp_s,
		.realm = b->key.realm,
		.generation = b->generation,
	};
	uint8_t datagram[TRIGGER_MAX];
	size_t n;

	memcpy(push.mailbox, j->mailbox, strlen(j->mailbox) + 1);
	int err = trigger_encode(&push, t->is_signed ? b->trigger_key : NULL, TRIGGER_KEY_BYTES,
				 datagram, &n);
	if (!err)
		err = bearer_udp_send(t->with.bearer, b->key.realm, host_of(b), datagram, n);
	if (!err) {
		note_sent(j, to, t->tid++, clock_now_us());
	} else if (err == E_AGAIN) {
		counter_add(COUNT_SEND_FULL, 1);
		j->is_full = true;
	} else {
		counter_add(COUNT_SEND_ERRORS, 1);
		j->is_refused = true;
		tell_refusal(t, b->key.realm, err);
	}
}

static bool is_same(const struct target *to, const struct binding *b, int64_t subscriber)
{
	return key_equal(&b->key, &to->key) && b->generation == to->generation &&
	       b->subscriber == subscriber && host_of(b);
}

static void checked(void *arg, int err, const struct binding *b, bool behind)
{
	struct job *j = arg;
	const struct target *to = &j->targets[j->at++];

	if (err && err != E_NOT_FOUND)
		j->is_refused = true;
	else if (!err && b->frozen)
		j->is_frozen = true;
	else if (err || !is_same(to, b, j->subscriber) ||
		 !binding_allows(b, USE_UDP_TRIGGER, clock_now_us()))
		counter_add(COUNT_TRIGGERS_MOVED, 1);
	else if (behind)
		j->is_behind = true;
	else
		send_to(j, to, b);
	send_next(j);
}

static void send_next(struct job *j)
{
	const struct target *to = &j->targets[j->at];

	if (j->at == j->target_count)
		settle(j);
	else
		binding_check(j->all->with.port, to->key.realm, &to->key.addr,
			      bearer_udp_port(j->all->with.bearer, to->key.realm), checked, j);
}

/* ---- what goes before it ---- */

static void renewed(void *arg, int err, const struct outbox_row *row)
{
	struct job *j = arg;

	if (err == E_NOT_FOUND) {
		job_finish(j);
	} else if (err) {
		job_stuck(j, job_begin);
	} else {
		j->row = *row;
		send_next(j);
	}
}

/* May a datagram go to this binding? Notes why not. */
static bool is_target(struct job *j, const struct binding_found *f, int64_t now_us)
{
	const struct key *k = &f->b.key;
	uint16_t port = bearer_udp_port(j->all->with.bearer, k->realm);

	j->is_frozen = j->is_frozen || f->b.frozen;
	if (!binding_allows(&f->b, USE_UDP_TRIGGER, now_us) || port == 0 || port < k->port_first ||
	    port > k->port_last)
		return false;
	if (!host_of(&f->b)) {
		counter_add(COUNT_TRIGGERS_NO_HOST, 1);
		return false;
	}
	if (f->behind) {
		j->is_behind = true;
		return false;
	}
	return j->cause != SCHEDULE_START || j->row.next_us <= now_us ||
	       j->row.newest_uid > j->row.covered_uid ||
	       schedule_missed(&j->row, f->b.confirmed_us);
}

static void got_bindings(void *arg, int err, const struct binding_found *found, size_t n)
{
	struct job *j = arg;
	int64_t now_us = clock_now_us();

	if (err && err != E_NOT_FOUND) {
		job_stuck(j, job_begin);
		return;
	}
	for (size_t i = 0; !err && i < n && j->target_count < TARGETS_MAX; i++)
		if (is_target(j, &found[i], now_us))
			j->targets[j->target_count++] = (struct target){
				.key = found[i].b.key, .generation = found[i].b.generation};
	if (j->target_count > 0 && j->row.newest_uid > j->row.covered_uid)
		outbox_renew(j->all->with.port, j->subscriber, renewed, j);
	else
		send_next(j);
}

static void got_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct job *j = arg;

	if (err == E_NOT_FOUND || (!err && (s->address_count == 0 ||
					    strlen(s->addresses[0].shown) > TRIGGER_MAILBOX_MAX))) {
		settle(j); /* nobody to send to */
		return;
	}
	if (err) {
		job_stuck(j, job_begin);
		return;
	}
	memcpy(j->mailbox, s->addresses[0].shown, strlen(s->addresses[0].shown) + 1);
	binding_of_subscriber(j->all->with.port, "", j->subscriber, got_bindings, j);
}

void job_consider(struct job *j)
{
	struct triggers *t = j->all;
	int64_t at_us = 0, now_us = clock_now_us();
	int64_t left_us = recent_left(t->recent, j->subscriber, clock_mono_us());

	switch (schedule_look(&j->row, j->cause, now_us, left_us, &at_us)) {
	case SCHEDULE_HOLD:
		hold(j, at_us);
		return;
	case SCHEDULE_WAIT:
		if (at_us != SCHEDULE_NEVER)
			t->with.due(t->with.arg, at_us);
		job_finish(j);
		return;
	case SCHEDULE_SEND:
	case SCHEDULE_ASK:
	default:
		if (j->cause == SCHEDULE_LEASE)
			j->row.attempts = 0;
		subscriber_by_id(t->with.port, j->subscriber, got_subscriber, j);
	}
}

static void got_row(void *arg, int err, const struct outbox_row *row)
{
	struct job *j = arg;

	if (err == E_NOT_FOUND) {
		job_finish(j);
	} else if (err) {
		job_stuck(j, job_begin);
	} else {
		j->row = *row;
		job_consider(j);
	}
}

void job_begin(struct job *j)
{
	j->target_count = j->at = j->sent_count = j->recorded = 0;
	j->is_behind = j->is_frozen = j->is_full = j->is_refused = false;
	outbox_get(j->all->with.port, j->subscriber, got_row, j);
}
