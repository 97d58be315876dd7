#include "smsc-sim/store.h"

#include <stdlib.h>
#include <string.h>

#include "db/smsc.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/delivery.h"

#define LOAD_AT_ONCE   1000
#define CHANGE_WAIT_US 10000 /* for new messages to share a commit with */

struct id_list {
	uint64_t *ids;
	size_t count, size;
};

struct store {
	struct smsc *smsc;
	struct db *db; /* null: memory */
	struct db_port *port;
	struct message *dirty, *dirty_to; /* noted */
	struct id_list forgotten;
	struct message **sent; /* of the batch that is on its way */
	size_t sent_count;
	bool has_landing; /* a new message is among the noted */
	bool is_committing;
	int64_t flush_us; /* how long the timer waits; -1: it is not set */
	size_t waiting;   /* noted, or on their way */
	struct loop_timer *flush_timer;
	void (*idle)(void *arg);
	void *idle_arg;
};

/* ---- rows ---- */

static void party_out(const struct party *p, struct smsc_party *out)
{
	out->ton = p->ton;
	out->npi = p->npi;
	memcpy(out->number, p->number, sizeof out->number);
}

static void party_in(const struct smsc_party *p, struct party *out)
{
	out->ton = p->ton;
	out->npi = p->npi;
	memcpy(out->number, p->number, sizeof out->number);
}

#define ORIGIN_WANTS_STATUS 0x80

static void row_of(const struct smsc *s, const struct message *m, struct smsc_row *r)
{
	*r = (struct smsc_row){
		.id = (int64_t)m->id,
		.shown_id = (int64_t)m->shown_id,
		.origin = (uint8_t)(m->origin | (m->wants_status ? ORIGIN_WANTS_STATUS : 0)),
		.reference = m->reference,
		.esm_class = m->esm_class,
		.protocol_id = m->protocol_id,
		.priority = m->priority,
		.data_coding = m->data_coding,
		.registered = m->registered,
		.octets = m->octets,
		.tlvs = m->tlvs,
		.length = m->length,
		.tlvs_length = m->tlvs_length,
		.state = m->state,
		.outcome = m->last_outcome,
		.attempts = m->attempts,
		.error = m->error,
		.submitted_us = m->submitted_us,
		.schedule_us = m->schedule_us,
		.expires_us = m->expires_us,
		.next_us = m->next_us,
		.done_us = m->done_us,
		.concat_reference = m->concat_reference,
		.part = m->part,
		.notice = m->notice_next ? m->notice_next : m->notice,
		.told = m->told,
	};
	strncpy(r->account, smsc_account_name(s, m), sizeof r->account - 1);
	party_out(&m->source, &r->source);
	party_out(&m->destination, &r->destination);
	memcpy(r->service_type, m->service_type, sizeof r->service_type);
}

static void life_of(const struct smsc_row *r, struct message *m)
{
	m->state = r->state;
	m->last_outcome = r->outcome;
	m->attempts = r->attempts;
	m->error = r->error;
	m->submitted_us = r->submitted_us;
	m->schedule_us = r->schedule_us;
	m->expires_us = r->expires_us;
	m->next_us = r->next_us;
	m->done_us = r->done_us;
	m->concat_reference = r->concat_reference;
	m->part = r->part;
	m->notice = r->notice;
	m->told = r->told;
}

static struct message *message_of(struct smsc *s, const struct smsc_row *r)
{
	struct message *m = message_new(r->octets, r->length, r->tlvs, r->tlvs_length);

	if (!m)
		return NULL;
	const struct account *a = account_by_name(&s->accounts, r->account);
	m->id = (uint64_t)r->id;
	m->shown_id = (uint64_t)r->shown_id;
	m->account = *r->account && a ? a->index : MESSAGE_NOBODY;
	m->origin = r->origin & (uint8_t)~ORIGIN_WANTS_STATUS;
	m->wants_status = r->origin & ORIGIN_WANTS_STATUS;
	m->reference = r->reference;
	party_in(&r->source, &m->source);
	party_in(&r->destination, &m->destination);
	memcpy(m->service_type, r->service_type, sizeof m->service_type);
	m->esm_class = r->esm_class;
	m->protocol_id = r->protocol_id;
	m->priority = r->priority;
	m->data_coding = r->data_coding;
	m->registered = r->registered;
	m->is_stored = true;
	life_of(r, m);
	return m;
}

/* ---- noting ---- */

/* A new message's sender waits for its commit, so it goes once this turn of the loop is over.
 * Nobody waits for a change: under load it shares the next new messages' commit instead of delaying
 * it. */
static void flush_in(struct store *st, int64_t us)
{
	if (st->is_committing || (st->flush_us >= 0 && st->flush_us <= us))
		return;
	st->flush_us = us;
	loop_timer_set(st->flush_timer, us);
}

static void flush_changes(struct store *st)
{
	flush_in(st, st->idle ? 0 : CHANGE_WAIT_US);
}

static void note(struct store *st, struct message *m)
{
	if (!st->db || m->is_dirty)
		return;
	m->is_dirty = true;
	spool_pin(m);
	m->dirty_next = NULL;
	*(st->dirty_to ? &st->dirty_to->dirty_next : &st->dirty) = m;
	st->dirty_to = m;
	gauge_set(GAUGE_STORE_WAITING, (int64_t)++st->waiting);
	st->has_landing = st->has_landing || m->is_landing;
	if (m->is_landing)
		flush_in(st, 0);
	else
		flush_changes(st);
}

int store_put(struct store *st, struct message *m)
{
	if (!st->db)
		return 0;
	m->is_landing = true;
	note(st, m);
	return E_AGAIN;
}

void store_changed(struct store *st, struct message *m)
{
	note(st, m);
}

void store_replaced(struct store *st, struct message *m)
{
	m->is_stored = false;
	note(st, m);
}

void store_forget(struct store *st, struct message *m)
{
	struct id_list *l = &st->forgotten;

	if (!st->db || !m->is_stored)
		return;
	if (l->count == l->size) {
		size_t size = l->size ? 2 * l->size : 256;
		uint64_t *ids = realloc(l->ids, size * sizeof *ids);
		if (!ids)
			return; /* it is found again at the next start, final: history */
		l->ids = ids;
		l->size = size;
	}
	l->ids[l->count++] = m->id;
	flush_changes(st);
}

/* ---- committing ---- */

static void say_idle(struct store *st)
{
	void (*idle)(void *arg) = st->idle;

	if (!idle || !store_is_idle(st))
		return;
	st->idle = NULL;
	idle(st->idle_arg);
}

static void landed(struct store *st, struct message *m, int err)
{
	m->is_landing = false;
	m->is_stored = !err;
	if (m->landed)
		m->landed(m->landed_arg, m, err);
	if (err)
		spool_drop(&st->smsc->spool, m);
}

static void on_committed(void *arg, int err)
{
	struct store *st = arg;
	struct message **sent = st->sent;
	size_t n = st->sent_count;

	st->is_committing = false;
	st->waiting -= n;
	st->sent = NULL;
	st->sent_count = 0;
	if (err) {
		counter_add(COUNT_STORE_ERRORS, 1);
		log_event(LOG_ERROR, "store-failed", LOG_TEXT("error", err_text(err)),
			  LOG_INT("messages", n), LOG_END);
	}
	for (size_t i = 0; i < n; i++) {
		struct message *m = sent[i];
		if (m->is_landing)
			landed(st, m, err);
		else if (err && !m->is_gone)
			note(st, m); /* with the next batch */
		else if (!err)
			m->is_stored = true;
		spool_unpin(&st->smsc->spool, m);
	}
	free(sent);
	gauge_set(GAUGE_STORE_WAITING, (int64_t)st->waiting);
	if (st->has_landing)
		flush_in(st, 0);
	else if (st->dirty || st->forgotten.count)
		flush_changes(st);
	say_idle(st);
}

static int put_in(struct store *st, struct smsc_batch *b, const struct message *m)
{
	struct smsc_row row;

	row_of(st->smsc, m, &row);
	return m->is_stored ? smsc_batch_update(b, &row) : smsc_batch_put(b, &row);
}

static size_t dirty_count(const struct store *st)
{
	size_t n = 0;

	for (const struct message *m = st->dirty; m; m = m->dirty_next)
		n++;
	return n;
}

static int gather(struct store *st, struct smsc_batch *b)
{
	int rc = 0;

	st->sent = calloc(dirty_count(st) + 1, sizeof(struct message *));
	if (!st->sent)
		return E_NOMEM;
	while (st->dirty) {
		struct message *m = st->dirty;
		st->dirty = m->dirty_next;
		m->is_dirty = false;
		st->sent[st->sent_count++] = m;
		if (!rc && !m->is_gone)
			rc = put_in(st, b, m);
	}
	st->dirty_to = NULL;
	st->has_landing = false;
	for (size_t i = 0; !rc && i < st->forgotten.count; i++)
		rc = smsc_batch_forget(b, (int64_t)st->forgotten.ids[i]);
	if (!rc)
		st->forgotten.count = 0;
	return rc;
}

static void flush(void *arg)
{
	struct store *st = arg;
	struct smsc_batch *b = smsc_batch_new();

	st->flush_us = -1;
	if (st->is_committing || (!st->dirty && !st->forgotten.count)) {
		smsc_batch_free(b);
		return;
	}
	st->is_committing = true;
	int rc = b ? gather(st, b) : E_NOMEM;
	if (!rc) {
		smsc_batch_commit(st->port, b, on_committed, st);
		return;
	}
	smsc_batch_free(b);
	on_committed(st, rc);
}

/* ---- the whole ---- */

bool store_is_idle(const struct store *st)
{
	return !st->is_committing && !st->dirty && !st->forgotten.count;
}

void store_when_idle(struct store *st, void (*idle)(void *arg), void *arg)
{
	st->idle = idle;
	st->idle_arg = arg;
	if (!store_is_idle(st))
		flush_in(st, 0);
	say_idle(st);
}

int store_open(struct smsc *s, struct db *db, struct store **out)
{
	struct store *st = calloc(1, sizeof *st);

	if (!st)
		return E_NOMEM;
	st->smsc = s;
	st->db = db;
	st->flush_us = -1;
	st->flush_timer = loop_timer_new(s->loop, flush, st);
	int rc = st->flush_timer ? 0 : E_NOMEM;
	if (!rc && db)
		rc = db_port_open(db, s->loop, &st->port);
	if (rc) {
		loop_timer_free(st->flush_timer);
		free(st);
		return rc;
	}
	*out = st;
	return 0;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	if (st->port)
		db_port_close(st->port); /* completes what is on its way */
	while (st->dirty) {
		struct message *m = st->dirty;
		st->dirty = m->dirty_next;
		m->is_dirty = false;
		if (m->is_landing)
			landed(st, m, E_CLOSED);
		spool_unpin(&st->smsc->spool, m);
	}
	loop_timer_free(st->flush_timer);
	free(st->forgotten.ids);
	free(st);
}

/* ---- at start ---- */

struct loading {
	struct store *store;
	int64_t last;
	size_t count;
	int err;
};

static void on_loaded(void *arg, int err, const struct smsc_row *rows, size_t n)
{
	struct loading *l = arg;
	struct smsc *s = l->store->smsc;

	l->err = err;
	l->count = n;
	for (size_t i = 0; !l->err && i < n; i++) {
		struct message *m = message_of(s, &rows[i]);
		l->last = rows[i].id;
		l->err = m ? spool_add(&s->spool, m, 0) : E_NOMEM;
		if (l->err)
			message_free(m);
	}
}

/* What was still to be told is queued before history may let a message go. */
static void resume_all(struct smsc *s)
{
	for (struct message *m = s->spool.first; m; m = m->order.next)
		delivery_resume(s, m);
}

int store_load(struct store *st)
{
	struct loading l = {.store = st, .count = LOAD_AT_ONCE};

	if (!st->db)
		return 0;
	while (!l.err && l.count == LOAD_AT_ONCE)
		smsc_load(st->port, l.last, LOAD_AT_ONCE, on_loaded, &l);
	if (!l.err)
		resume_all(st->smsc);
	return l.err;
}
