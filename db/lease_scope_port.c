/* lease_scope_port -- what the rules ask of a scope and put into it */
#include <string.h>

#include "db/lease_scope_private.h"
#include "db/nases.h"
#include "lib/err.h"

/* ---- what the rules were shown ---- */

static struct recalled *recall(struct lease_scope *s, const struct key *k)
{
	for (size_t i = 0; i < s->recalled; i++) {
		if (key_equal(&s->recall[i].b.key, k))
			return &s->recall[i];
	}
	return NULL;
}

static void remember(struct lease_scope *s, const struct binding *b, bool is_there)
{
	struct recalled *slot = recall(s, &b->key);

	if (!slot) {
		slot = &s->recall[s->recall_next];
		s->recall_next = (s->recall_next + 1) % RECALL_ROWS;
		if (s->recalled < RECALL_ROWS)
			s->recalled++;
	}
	*slot = (struct recalled){.b = *b, .is_there = is_there};
}

int lease_scope_see(struct lease_scope *s, const struct key *k, struct binding *out)
{
	const struct recalled *known = engine_in_transaction(s->engine) ? recall(s, k) : NULL;

	if (known) {
		*out = known->b;
		return known->is_there ? 0 : E_NOT_FOUND;
	}
	*out = (struct binding){.key = *k};
	int err = binding_row_get(s->engine, k, out);
	if (!err || err == E_NOT_FOUND)
		remember(s, out, !err);
	return err;
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

static int nas_get(void *ctx, const char *realm, const char *nas_id, struct nas_row *out)
{
	struct lease_scope *s = ctx;
	int err = nas_row_get(s->engine, realm, nas_id, out);

	if (!err)
		s->behind_us = out->behind_us;
	return err;
}

static int nas_put(void *ctx, const struct nas_row *nas)
{
	struct lease_scope *s = ctx;

	s->behind_us = nas->behind_us;
	return nas_row_put(s->engine, nas);
}

/* ---- bindings ---- */

static int binding_get(void *ctx, const struct key *k, struct binding *out)
{
	struct binding b;
	int err = lease_scope_see(ctx, k, &b);

	if (!err)
		*out = b;
	return err;
}

static int binding_overlapping(void *ctx, const struct key *k, int64_t newer_us,
			       const struct key *after, struct binding *out)
{
	struct lease_scope *s = ctx;
	int err = binding_row_overlapping(s->engine, k, newer_us, after, out);

	if (!err)
		remember(s, out, true);
	return err;
}

static struct session_stored *recall_session(struct lease_scope *s, int64_t id)
{
	for (size_t i = 0; i < RECALL_SESSIONS; i++) {
		if (s->sessions[i].row.id == id)
			return &s->sessions[i];
	}
	return NULL;
}

static void remember_session(struct lease_scope *s, const struct session_stored *r)
{
	struct session_stored *slot = recall_session(s, r->row.id);

	if (!slot) {
		slot = &s->sessions[s->session_next];
		s->session_next = (s->session_next + 1) % RECALL_SESSIONS;
	}
	*slot = *r;
}

static int see_session(struct lease_scope *s, int64_t id, struct session_stored *out)
{
	const struct session_stored *known =
		engine_in_transaction(s->engine) ? recall_session(s, id) : NULL;

	if (known) {
		*out = *known;
		return 0;
	}
	int err = session_row_get(s->engine, id, out);
	if (!err)
		remember_session(s, out);
	return err;
}

/* The session says where to look, the key's row whether it is so. */
static int session_bindings(void *ctx, int64_t session, struct binding out[2], size_t *n)
{
	struct lease_scope *s = ctx;
	struct session_stored stored;
	int err = see_session(s, session, &stored);

	*n = 0;
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	for (size_t i = 0; i < 2; i++) {
		if (!stored.has_key[i])
			continue;
		err = lease_scope_see(s, &stored.keys[i], &out[*n]);
		if (err && err != E_NOT_FOUND)
			return err;
		if (!err && out[*n].session == session)
			(*n)++;
	}
	return 0;
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

/* A session that comes to hold a key has to know where to look for it. */
static int note_key(struct lease_scope *s, int64_t session, const struct key *k)
{
	struct session_stored *known = recall_session(s, session);
	size_t family = session_family(k);

	if (known && known->has_key[family] && key_equal(&known->keys[family], k))
		return 0;
	if (known) {
		known->has_key[family] = true;
		known->keys[family] = *k;
	}
	return session_row_note_key(s->engine, session, k);
}

/* What the history says of it: the event's own keys wait for the outcome. */
static int report(struct lease_scope *s, const struct binding *before, const struct binding *b)
{
	int own = own_index(s, &b->key);
	struct history_entry entry = {.event = NULL};
	bool says = true;

	if (own >= 0) {
		if (!s->own[own].touched)
			s->own[own].before = *before;
		s->own[own].touched = true;
		s->own[own].after = *b;
		return 0;
	}
	if (s->voice)
		says = s->voice->say(s->voice->arg, before, b, &entry);
	else
		entry = entry_for_other(s);
	s->rows += !s->voice;
	return binding_report(s->db, s->engine, before, b, says ? &entry : NULL);
}

static int binding_put(void *ctx, const struct binding *b)
{
	struct lease_scope *s = ctx;
	struct binding before;
	int err = lease_scope_see(s, &b->key, &before);

	if (err && err != E_NOT_FOUND)
		return err;
	err = binding_row_put(s->engine, &before, b);
	if (!err && b->session && b->session != before.session)
		err = note_key(s, b->session, &b->key);
	if (!err)
		err = report(s, &before, b);
	if (!err)
		remember(s, b, true);
	return err;
}

/* ---- sessions ---- */

/* A session that was read: kept, and handed to the rules. */
static int take_session(struct lease_scope *s, int err, const struct session_stored *stored,
			struct session_row *out)
{
	if (err)
		return err;
	remember_session(s, stored);
	*out = stored->row;
	return 0;
}

static int session_find(void *ctx, const char *realm, const char *nas_id, const char *session_id,
			uint32_t epoch, struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct session_stored stored;
	int err = session_row_find(s->engine, realm, nas_id, session_id, epoch, &stored);

	return take_session(s, err, &stored, out);
}

static int session_get(void *ctx, int64_t id, struct session_row *out)
{
	struct session_stored stored;
	int err = see_session(ctx, id, &stored);

	if (!err)
		*out = stored.row;
	return err;
}

static int session_active(void *ctx, const char *realm, int64_t subscriber, struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct session_stored stored;
	int err = session_row_active(s->engine, realm, subscriber, &stored);

	return take_session(s, err, &stored, out);
}

static int session_before(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			  struct session_row *out)
{
	struct lease_scope *s = ctx;
	struct session_stored stored;
	int err = session_row_before(s->engine, realm, nas_id, time_us, &stored);

	return take_session(s, err, &stored, out);
}

static int sessions_open(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			 struct session_cursor *at, int64_t *ids, size_t max, size_t *n)
{
	const struct lease_scope *s = ctx;

	return session_rows_open(s->engine, realm, nas_id, time_us, at, ids, max, n);
}

/* The keys that the event names are where the session will be looked for, whether or not it gets
 * them: so its row is written once. */
static int insert_session(struct lease_scope *s, struct session_stored *stored)
{
	for (size_t i = 0; s->event && i < s->event->key_count; i++) {
		size_t family = session_family(&s->event->keys[i]);
		stored->has_key[family] = true;
		stored->keys[family] = s->event->keys[i];
	}
	return session_row_insert(s->engine, stored);
}

/* An active session takes the place of its subscriber's former one. */
static void retire_others(struct lease_scope *s, const struct session_row *r)
{
	for (size_t i = 0; r->active && i < RECALL_SESSIONS; i++) {
		struct session_row *other = &s->sessions[i].row;
		if (other->id && other->id != r->id && other->subscriber == r->subscriber &&
		    !strcmp(other->realm, r->realm))
			other->active = false;
	}
}

static int session_put(void *ctx, struct session_row *r)
{
	struct lease_scope *s = ctx;
	struct session_stored stored = {.row = {.id = 0}};
	int err = r->id ? see_session(s, r->id, &stored) : 0;

	if (err)
		return err;
	struct session_row was = stored.row;
	stored.row = *r;
	err = r->id ? session_row_update(s->engine, &was, r) : insert_session(s, &stored);
	if (err)
		return err;
	r->id = stored.row.id;
	retire_others(s, r);
	remember_session(s, &stored);
	return 0;
}

/* ---- the port ---- */

void lease_scope_init(struct lease_scope *s, const struct db *db, struct engine *e)
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
