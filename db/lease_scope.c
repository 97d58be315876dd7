#include "db/lease_scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/devices.h"
#include "lib/clock.h"
#include "lib/err.h"

/* Rows the rules were shown and may put: who puts one needs to know how it was. */
#define RECALL_ROWS     8
#define RECALL_SESSIONS 4

struct lease_scope {
	struct lease_store store;
	const struct db *db;
	struct engine *engine;
	const struct lease_event *event; /* null: provisioning ends a session */
	struct lease_outcome *out;       /* null likewise */
	const char *cause;
	const struct lease_voice *voice; /* null: the event, or the cause */
	struct binding recall[RECALL_ROWS];
	size_t recalled, recall_next;
	struct session_row sessions[RECALL_SESSIONS]; /* id 0: none */
	size_t session_next;
	/* The event's own keys: their history waits for the outcome. */
	struct {
		bool touched;
		struct binding before, after;
	} own[2];
	size_t rows;       /* of history, written so far */
	int64_t behind_us; /* of the event's NAS */
	/* Of an event that names devices: whom they led to, and what it said besides. */
	char msisdn[MSISDN_MAX];
	char evidence[DEVICES_EVIDENCE_MAX];
};

/* ---- what the rules were shown ---- */

static struct binding *recall(struct lease_scope *s, const struct key *k)
{
	for (size_t i = 0; i < s->recalled; i++) {
		if (key_equal(&s->recall[i].key, k))
			return &s->recall[i];
	}
	return NULL;
}

static void remember(struct lease_scope *s, const struct binding *b)
{
	struct binding *slot = recall(s, &b->key);

	if (!slot) {
		slot = &s->recall[s->recall_next];
		s->recall_next = (s->recall_next + 1) % RECALL_ROWS;
		if (s->recalled < RECALL_ROWS)
			s->recalled++;
	}
	*slot = *b;
}

/* ---- subscribers and NASes ---- */

static int find_id(struct engine *e, enum statement id, const char *text, int64_t *out)
{
	struct query q;

	query_begin(&q, e, id);
	query_text(&q, text);
	return query_run_int(&q, out);
}

static int subscriber_find(void *ctx, const char *msisdn, const char *imsi, int64_t *id)
{
	struct lease_scope *s = ctx;
	int64_t by_msisdn = 0, by_imsi = 0;
	int err = 0;

	if (*msisdn)
		err = find_id(s->engine, STMT_SUBSCRIBER_ID_BY_MSISDN, msisdn, &by_msisdn);
	if (*imsi && (!err || err == E_NOT_FOUND))
		err = find_id(s->engine, STMT_SUBSCRIBER_ID_BY_IMSI, imsi, &by_imsi);
	if (err && err != E_NOT_FOUND)
		return err;
	if (!by_msisdn && !by_imsi)
		return E_NOT_FOUND;
	if (*msisdn && *imsi && by_msisdn != by_imsi)
		return E_CONFLICT;
	*id = by_msisdn ? by_msisdn : by_imsi;
	return 0;
}

static int device_find(void *ctx, const char *realm, const struct device *d, int64_t *id)
{
	struct lease_scope *s = ctx;

	return device_owner(s->engine, realm, d, id);
}

static void read_nas(struct query *q, struct nas_row *n, int64_t *id)
{
	memset(n, 0, sizeof *n);
	*id = query_get_int(q);
	query_get_text(q, n->realm, sizeof n->realm);
	query_get_text(q, n->nas_id, sizeof n->nas_id);
	n->epoch = (uint32_t)query_get_int(q);
	n->on_us = query_get_int(q);
	n->offset_us = query_get_int(q);
	n->offset_known = query_get_int(q) != 0;
	n->behind_us = query_get_int(q);
	n->listed_us = query_get_int(q);
}

static void keep_nas_id(struct engine *e, const char *realm, const char *nas_id, int64_t id)
{
	snprintf(e->nas.realm, sizeof e->nas.realm, "%s", realm);
	snprintf(e->nas.nas_id, sizeof e->nas.nas_id, "%s", nas_id);
	e->nas.id = id;
}

static int nas_get(void *ctx, const char *realm, const char *nas_id, struct nas_row *out)
{
	struct lease_scope *s = ctx;
	struct query q;
	int64_t id;

	query_begin(&q, s->engine, STMT_NAS_GET);
	query_text(&q, realm);
	query_text(&q, nas_id);
	int err = query_first(&q);
	if (!err) {
		read_nas(&q, out, &id);
		keep_nas_id(s->engine, realm, nas_id, id);
		s->behind_us = out->behind_us;
	}
	query_end(&q);
	return err;
}

static int nas_put(void *ctx, const struct nas_row *nas)
{
	struct lease_scope *s = ctx;
	struct query q;

	query_begin(&q, s->engine, STMT_NAS_PUT);
	s->behind_us = nas->behind_us;
	query_text(&q, nas->realm);
	query_text(&q, nas->nas_id);
	query_int(&q, nas->epoch);
	query_int(&q, nas->on_us);
	query_int(&q, nas->offset_us);
	query_int(&q, nas->offset_known);
	query_int(&q, nas->behind_us);
	query_int(&q, nas->listed_us);
	return query_run(&q);
}

static int nas_id_of(struct engine *e, const char *realm, const char *nas_id, int64_t *id)
{
	struct query q;

	if (e->nas.id && !strcmp(e->nas.nas_id, nas_id) && !strcmp(e->nas.realm, realm)) {
		*id = e->nas.id;
		return 0;
	}
	query_begin(&q, e, STMT_NAS_ID);
	query_text(&q, realm);
	query_text(&q, nas_id);
	int err = query_run_int(&q, id);
	if (!err)
		keep_nas_id(e, realm, nas_id, *id);
	return err;
}

/* ---- bindings ---- */

static int binding_get(void *ctx, const struct key *k, struct binding *out)
{
	struct lease_scope *s = ctx;
	int err = binding_row_get(s->engine, k, out);

	if (!err)
		remember(s, out);
	return err;
}

static int binding_overlapping(void *ctx, const struct key *k, int64_t newer_us,
			       const struct key *after, struct binding *out)
{
	struct lease_scope *s = ctx;
	int err = binding_row_overlapping(s->engine, k, newer_us, after, out);

	if (!err)
		remember(s, out);
	return err;
}

static int session_bindings(void *ctx, int64_t session, struct binding out[2], size_t *n)
{
	struct lease_scope *s = ctx;
	int err = binding_row_of_session(s->engine, session, out, n);

	for (size_t i = 0; !err && i < *n; i++)
		remember(s, &out[i]);
	return err;
}

/* A key that the event did not name: what happened to it is known now. */
static struct history_entry entry_for_other(const struct lease_scope *s)
{
	const struct lease_event *ev = s->event;
	struct history_entry entry = {.event = "ended", .outcome = s->cause};

	if (!ev)
		return entry;
	entry.feeder = ev->feeder;
	entry.nas_id = ev->nas_id;
	entry.session_id = ev->session_id;
	entry.time_us = s->out->time_us;
	entry.received_us = ev->received_us;
	if (ev->kind == LEASE_START || ev->kind == LEASE_UPDATE) {
		entry.outcome = "replaced";
	} else {
		entry.event = lease_kind_name(ev->kind);
		entry.outcome = "applied";
		entry.msisdn = ev->msisdn;
		entry.imsi = ev->imsi;
	}
	return entry;
}

static int own_index(const struct lease_scope *s, const struct key *k)
{
	for (size_t i = 0; s->event && i < s->event->key_count; i++) {
		if (key_equal(&s->event->keys[i], k))
			return (int)i;
	}
	return -1;
}

static int binding_put(void *ctx, const struct binding *b)
{
	struct lease_scope *s = ctx;
	struct binding before = {.key = b->key};
	const struct binding *known = recall(s, &b->key);
	int own = own_index(s, &b->key);
	int err = 0;

	if (known)
		before = *known;
	else
		err = binding_row_get(s->engine, &b->key, &before);
	if (err && err != E_NOT_FOUND)
		return err;
	if (own >= 0) {
		if (!s->own[own].touched)
			s->own[own].before = before;
		s->own[own].touched = true;
		s->own[own].after = *b;
		err = binding_row_put(s->engine, &before, b);
	} else if (s->voice) {
		struct history_entry entry = {.event = NULL};
		bool says = s->voice->say(s->voice->arg, &before, b, &entry);
		err = binding_change(s->db, s->engine, &before, b, says ? &entry : NULL);
	} else {
		struct history_entry entry = entry_for_other(s);
		s->rows++;
		err = binding_change(s->db, s->engine, &before, b, &entry);
	}
	if (!err)
		remember(s, b);
	return err;
}

/* ---- sessions ---- */

#define BEARER_OCTETS 5

static void read_bearers(struct query *q, struct session_row *r)
{
	size_t n = 0;
	const uint8_t *at = query_get_blob(q, &n);

	for (; n >= BEARER_OCTETS && r->bearer_count < SESSION_BEARERS_MAX;
	     at += BEARER_OCTETS, n -= BEARER_OCTETS)
		r->bearers[r->bearer_count++] = (struct session_bearer){
			.id = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
			      at[3],
			.ended = at[4] != 0};
}

/* The octets must live until query_end. */
static void bind_bearers(struct query *q, const struct session_row *r,
			 uint8_t octets[SESSION_BEARERS_MAX * BEARER_OCTETS])
{
	if (!r->bearer_count) {
		query_null(q);
		return;
	}
	for (size_t i = 0; i < r->bearer_count; i++) {
		const struct session_bearer *b = &r->bearers[i];
		uint8_t *at = octets + i * BEARER_OCTETS;
		at[0] = (uint8_t)(b->id >> 24);
		at[1] = (uint8_t)(b->id >> 16);
		at[2] = (uint8_t)(b->id >> 8);
		at[3] = (uint8_t)b->id;
		at[4] = b->ended;
	}
	query_blob(q, octets, r->bearer_count * BEARER_OCTETS);
}

static void read_session(struct query *q, struct session_row *r)
{
	memset(r, 0, sizeof *r);
	r->id = query_get_int(q);
	query_get_text(q, r->realm, sizeof r->realm);
	query_get_text(q, r->nas_id, sizeof r->nas_id);
	query_get_text(q, r->session_id, sizeof r->session_id);
	r->epoch = (uint32_t)query_get_int(q);
	r->subscriber = query_get_int(q);
	r->started_us = query_get_int(q);
	r->normalised_us = query_get_int(q);
	r->renewed_us = query_get_int(q);
	r->ended_us = query_get_int(q);
	r->active = query_get_int(q) != 0;
	read_bearers(q, r);
}

static void remember_session(struct lease_scope *s, const struct session_row *r)
{
	for (size_t i = 0; i < RECALL_SESSIONS; i++) {
		if (s->sessions[i].id == r->id) {
			s->sessions[i] = *r;
			return;
		}
	}
	s->sessions[s->session_next] = *r;
	s->session_next = (s->session_next + 1) % RECALL_SESSIONS;
}

static int first_session(struct lease_scope *s, struct query *q, struct session_row *out)
{
	int err = query_first(q);

	if (!err) {
		read_session(q, out);
		remember_session(s, out);
	}
	query_end(q);
	return err;
}

static int session_find(void *ctx, const char *realm, const char *nas_id, const char *session_id,
			uint32_t epoch, struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct query q;

	query_begin(&q, s->engine, STMT_SESSION_FIND);
	query_text(&q, realm);
	query_text(&q, nas_id);
	query_text(&q, session_id);
	query_int(&q, epoch);
	return first_session(s, &q, out);
}

static int session_get(void *ctx, int64_t id, struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct query q;

	query_begin(&q, s->engine, STMT_SESSION_GET);
	query_int(&q, id);
	return first_session(s, &q, out);
}

static int session_active(void *ctx, const char *realm, int64_t subscriber, struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct query q;

	query_begin(&q, s->engine, STMT_SESSION_ACTIVE);
	query_int(&q, subscriber);
	query_text(&q, realm);
	return first_session(s, &q, out);
}

static int session_before(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			  struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct query q;

	query_begin(&q, s->engine, STMT_SESSION_BEFORE);
	query_text(&q, realm);
	query_text(&q, nas_id);
	query_int(&q, time_us);
	return first_session(s, &q, out);
}

static void open_begin(struct query *q, struct engine *e, enum statement id, const char *realm,
		       const char *nas_id, int64_t time_us, int64_t started_us)
{
	query_begin(q, e, id);
	query_text(q, realm);
	query_text(q, nas_id);
	query_int(q, time_us);
	query_int(q, started_us);
}

static int open_take(struct query *q, struct session_cursor *at, int64_t *ids, size_t max,
		     size_t *n)
{
	query_int(q, (int64_t)(max - *n));
	for (; *n < max && query_next(q); (*n)++) {
		at->started_us = query_get_int(q);
		at->id = ids[*n] = query_get_int(q);
	}
	return query_end(q);
}

static int sessions_open(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			 struct session_cursor *at, int64_t *ids, size_t max, size_t *n)
{
	struct lease_scope *s = ctx;
	struct query q;

	*n = 0;
	open_begin(&q, s->engine, STMT_SESSIONS_OPEN_AT, realm, nas_id, time_us, at->started_us);
	query_int(&q, at->id);
	int err = open_take(&q, at, ids, max, n);
	if (err || *n == max)
		return err;
	open_begin(&q, s->engine, STMT_SESSIONS_OPEN, realm, nas_id, time_us, at->started_us);
	return open_take(&q, at, ids, max, n);
}

static int session_insert(struct engine *e, struct session_row *r)
{
	uint8_t octets[SESSION_BEARERS_MAX * BEARER_OCTETS];
	struct query q;
	int64_t nas = 0;
	int err = nas_id_of(e, r->realm, r->nas_id, &nas);

	if (err)
		return err == E_NOT_FOUND ? E_CONFLICT : err; /* the rules put the NAS first */
	query_begin(&q, e, STMT_SESSION_INSERT);
	query_int(&q, nas);
	query_text(&q, r->session_id);
	query_int(&q, r->epoch);
	query_text(&q, r->realm);
	query_int(&q, r->subscriber);
	query_int(&q, r->started_us);
	query_int(&q, r->normalised_us);
	query_int(&q, r->renewed_us);
	query_int(&q, r->ended_us);
	query_int(&q, r->active);
	bind_bearers(&q, r, octets);
	err = query_run(&q);
	if (!err)
		r->id = engine_inserted(e);
	return err;
}

static const struct session_row *recall_session(const struct lease_scope *s, int64_t id)
{
	for (size_t i = 0; i < RECALL_SESSIONS; i++) {
		if (s->sessions[i].id == id)
			return &s->sessions[i];
	}
	return NULL;
}

static bool same_bearers(const struct session_row *a, const struct session_row *b)
{
	if (a->bearer_count != b->bearer_count)
		return false;
	for (size_t i = 0; i < a->bearer_count; i++)
		if (a->bearers[i].id != b->bearers[i].id ||
		    a->bearers[i].ended != b->bearers[i].ended)
			return false;
	return true;
}

static int session_set_bearers(struct engine *e, const struct session_row *r)
{
	uint8_t octets[SESSION_BEARERS_MAX * BEARER_OCTETS];
	struct query q;

	query_begin(&q, e, STMT_SESSION_SET_BEARERS);
	query_int(&q, r->id);
	bind_bearers(&q, r, octets);
	return query_run(&q);
}

static int session_update(struct lease_scope *s, const struct session_row *r)
{
	const struct session_row *was = recall_session(s, r->id);
	bool same = was && was->subscriber == r->subscriber && was->started_us == r->started_us &&
		    was->normalised_us == r->normalised_us && was->ended_us == r->ended_us;
	struct query q;
	int err = 0;

	if (was ? !same_bearers(was, r) : r->bearer_count != 0)
		err = session_set_bearers(s->engine, r);
	if (err)
		return err;
	if (same && was->active == r->active) {
		query_begin(&q, s->engine, STMT_SESSION_RENEW);
		query_int(&q, r->id);
		query_int(&q, r->renewed_us);
		return query_run(&q);
	}
	if (same) {
		query_begin(&q, s->engine, STMT_SESSION_SET_ACTIVE);
		query_int(&q, r->id);
		query_int(&q, r->renewed_us);
		query_int(&q, r->active);
		return query_run(&q);
	}
	query_begin(&q, s->engine, STMT_SESSION_UPDATE);
	query_int(&q, r->id);
	query_int(&q, r->subscriber);
	query_int(&q, r->started_us);
	query_int(&q, r->normalised_us);
	query_int(&q, r->renewed_us);
	query_int(&q, r->ended_us);
	query_int(&q, r->active);
	return query_run(&q);
}

static int session_put(void *ctx, struct session_row *r)
{
	struct lease_scope *s = ctx;
	int err = r->id ? session_update(s, r) : session_insert(s->engine, r);

	if (!err)
		remember_session(s, r);
	return err;
}

/* ---- the scope ---- */

static void scope_init(struct lease_scope *s, const struct db *db, struct engine *e)
{
	s->db = db;
	s->engine = e;
	s->event = NULL;
	s->out = NULL;
	s->cause = NULL;
	s->voice = NULL;
	s->recalled = s->recall_next = s->rows = 0;
	s->behind_us = 0;
	memset(s->sessions, 0, sizeof s->sessions);
	s->session_next = 0;
	s->own[0].touched = s->own[1].touched = false;
	*s->msisdn = *s->evidence = 0;
	s->store = (struct lease_store){
		.ctx = s,
		.subscriber_find = subscriber_find,
		.device_find = device_find,
		.nas_get = nas_get,
		.nas_put = nas_put,
		.binding_get = binding_get,
		.binding_overlapping = binding_overlapping,
		.binding_put = binding_put,
		.session_find = session_find,
		.session_get = session_get,
		.session_active = session_active,
		.session_put = session_put,
		.session_bindings = session_bindings,
		.session_before = session_before,
		.sessions_open = sessions_open,
	};
}

static const char *outcome_name(const struct lease_outcome *out, const struct binding *before,
				const struct binding *after)
{
	if (out->result == LEASE_ERROR && out->problem)
		return out->problem;
	if (after->state == KEY_QUARANTINED && before->state != KEY_QUARANTINED)
		return quarantine_reason_name(after->reason);
	return lease_result_name(out->result);
}

/* A key that the event named and did not touch: as it stands. */
static int look_up_own(struct lease_scope *s, size_t i)
{
	const struct key *k = &s->event->keys[i];
	const struct binding *known = recall(s, k);
	int err = 0;

	s->own[i].before = (struct binding){.key = *k};
	if (known)
		s->own[i].before = *known;
	else
		err = binding_row_get(s->engine, k, &s->own[i].before);
	s->own[i].after = s->own[i].before;
	return err == E_NOT_FOUND ? 0 : err;
}

/* Its NAS is behind, and this event renewed the binding: whoever waits for that with a trigger
 * hears of it. */
static bool is_caught_up(const struct lease_scope *s, const struct binding *before,
			 const struct binding *after)
{
	struct nas_row nas = {.behind_us = s->behind_us};

	return after->state != KEY_FREE && lease_is_behind(&nas, before) &&
	       !lease_is_behind(&nas, after);
}

static int tell_own(struct lease_scope *s, size_t i)
{
	const struct binding *before = &s->own[i].before, *after = &s->own[i].after;

	if (!s->own[i].touched)
		return 0;
	return is_caught_up(s, before, after) ? binding_announce(s->engine, before, after)
					      : binding_tell(s->engine, before, after);
}

/* The event's own keys, and the event itself if it left no row yet. */
static int append_own_history(struct lease_scope *s)
{
	const struct lease_event *ev = s->event;
	struct history_entry entry = {.event = lease_kind_name(ev->kind),
				      .msisdn = *s->msisdn ? s->msisdn : ev->msisdn,
				      .imsi = ev->imsi,
				      .session_id = ev->session_id,
				      .nas_id = ev->nas_id,
				      .feeder = ev->feeder,
				      .evidence = *s->evidence ? s->evidence : s->out->detail,
				      .time_us = s->out->time_us,
				      .received_us = ev->received_us};
	int err = 0;

	for (size_t i = 0; !err && i < ev->key_count; i++) {
		const struct binding *before = &s->own[i].before, *after = &s->own[i].after;
		if (!s->own[i].touched && (err = look_up_own(s, i)))
			return err;
		entry.key = &ev->keys[i];
		entry.outcome = outcome_name(s->out, before, after);
		entry.generation = after->generation;
		entry.decides = binding_decides(before, after);
		err = history_append(s->engine, &entry);
		if (!err)
			err = tell_own(s, i);
		s->rows++;
	}
	if (err || s->rows)
		return err;
	entry.outcome = s->out->problem ? s->out->problem : lease_result_name(s->out->result);
	return history_append(s->engine, &entry);
}

/* What the history keeps of devices: what was said, and the number that they led to. */
static int explain_devices(struct lease_scope *s)
{
	const struct lease_devices *devices = s->event->devices;

	if (!devices)
		return 0;
	devices_evidence(devices, s->out->detail, s->evidence);
	if (*s->event->msisdn || !s->out->subscriber)
		return 0;
	int err = device_owner_msisdn(s->engine, s->out->subscriber, s->msisdn);
	return err == E_NOT_FOUND ? 0 : err;
}

int lease_scope_apply(const struct db *db, struct engine *e, const struct lease_event *event,
		      struct lease_outcome *out)
{
	struct lease_scope scope;

	scope_init(&scope, db, e);
	scope.event = event;
	scope.out = out;
	int err = lease_apply(&scope.store, &db->options.lease, event, out);
	if (!err)
		err = explain_devices(&scope);
	return err ? err : append_own_history(&scope);
}

int lease_scope_go_on(const struct db *db, struct engine *e, const struct lease_event *event,
		      struct lease_outcome *out)
{
	struct lease_scope scope;

	scope_init(&scope, db, e);
	scope.event = event;
	scope.out = out;
	return lease_go_on(&scope.store, &db->options.lease, event, out);
}

int lease_scope_new(const struct db *db, struct engine *e, const struct lease_voice *voice,
		    struct lease_scope **out)
{
	struct lease_scope *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	scope_init(s, db, e);
	s->voice = voice;
	*out = s;
	return 0;
}

const struct lease_store *lease_scope_store(const struct lease_scope *s)
{
	return &s->store;
}

void lease_scope_free(struct lease_scope *s)
{
	free(s);
}

int lease_scope_end_all(const struct db *db, struct engine *e, int64_t subscriber,
			const char *cause)
{
	struct lease_scope scope;
	struct session_row session;
	struct query q;
	int err;

	do {
		scope_init(&scope, db, e);
		scope.cause = cause;
		query_begin(&q, e, STMT_SESSION_ACTIVE_ANY);
		query_int(&q, subscriber);
		err = first_session(&scope, &q, &session);
		if (err)
			break;
		err = lease_end_session(&scope.store, &session, clock_now_us());
	} while (!err);
	return err == E_NOT_FOUND ? 0 : err;
}

int lease_scope_end_in(const struct db *db, struct engine *e, const char *realm, int64_t subscriber,
		       const char *cause)
{
	struct lease_scope scope;
	struct session_row session;

	scope_init(&scope, db, e);
	scope.cause = cause;
	int err = session_active(&scope, realm, subscriber, &session);
	if (!err)
		err = lease_end_session(&scope.store, &session, clock_now_us());
	return err == E_NOT_FOUND ? 0 : err;
}
