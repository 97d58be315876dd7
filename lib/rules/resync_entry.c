/* One entry of a list: whose it is, what it may take, and the taking. */
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/lease_private.h"
#include "lib/rules/resync_private.h"

/* What stands where an entry wants to be. */
enum place {
	PLACE_FREE,
	PLACE_OWN,   /* it holds the key already */
	PLACE_TAKEN, /* by somebody whom the list has overtaken */
	PLACE_NEWER, /* by an event newer than the list: that stays */
	PLACE_LATER, /* by a session that began later, on this list or at another NAS */
	PLACE_TORN   /* by another subscriber's of the same time: both cannot be true */
};

struct taking {
	struct resync *r;
	struct resync_entry *e;
	struct session_row own;
	int64_t started_us;
	struct binding b[2];
	enum place place[2];
	bool moved, added;
};

struct key resync_key(const struct resync *r, const struct resync_entry *e, size_t i)
{
	struct key k = {.addr = e->keys[i].addr,
			.plen = e->keys[i].plen,
			.port_first = e->keys[i].port_first,
			.port_last = e->keys[i].port_last};

	memcpy(k.realm, r->list->realm, sizeof k.realm);
	return k;
}

static void refuse(struct resync_entry *e, const char *problem, const char *detail)
{
	e->fate = RESYNC_REFUSED;
	e->problem = problem;
	e->detail = detail;
}

/* ---- who and which session ---- */

int resync_identify(const struct resync *r, struct resync_entry *e)
{
	const struct lease_store *s = r->store;

	e->subscriber = 0;
	e->contradictory = false;
	if (e->unreadable || !e->key_count)
		return 0;
	int rc = s->subscriber_find(s->ctx, e->msisdn, e->imsi, &e->subscriber);
	e->contradictory = rc == E_CONFLICT;
	return rc == E_NOT_FOUND || rc == E_CONFLICT ? 0 : rc;
}

static bool name_session(const struct resync *r, const struct resync_entry *e,
			 char name[SESSION_ID_MAX])
{
	snprintf(name, SESSION_ID_MAX, "%s", e->session_id);
	if (*name)
		return true;
	if (!e->key_count || !e->subscriber)
		return false;
	struct key k = resync_key(r, e, 0);
	lease_derive_session(&k, e->subscriber, name);
	return true;
}

/* id 0: not stored, and made at need. */
int resync_session(const struct resync *r, const struct resync_entry *e, struct session_row *own)
{
	const struct lease_store *s = r->store;
	char name[SESSION_ID_MAX];
	int rc = E_NOT_FOUND;

	if (name_session(r, e, name))
		rc = s->session_find(s->ctx, r->list->realm, r->list->nas_id, name, r->nas.epoch,
				     own);
	/* A NAS that began anew may use its old names again. */
	if (!rc && own->started_us < r->nas.on_us)
		rc = E_NOT_FOUND;
	if (rc != E_NOT_FOUND)
		return rc;
	*own = (struct session_row){.epoch = r->nas.epoch};
	memcpy(own->realm, r->list->realm, sizeof own->realm);
	memcpy(own->nas_id, r->list->nas_id, sizeof own->nas_id);
	memcpy(own->session_id, name, sizeof name);
	return 0;
}

static int64_t wanted_expiry(const struct resync *r, const struct resync_entry *e)
{
	return e->lease_us ? r->ours_us + e->lease_us : 0;
}

static bool is_as_listed(const struct resync *r, const struct resync_entry *e,
			 const struct binding *b)
{
	return (b->state == KEY_UNCONFIRMED || b->state == KEY_CONFIRMED) && !b->rival &&
	       b->subscriber == e->subscriber && b->expires_us == wanted_expiry(r, e);
}

static bool names_key(const struct resync *r, const struct resync_entry *e, const struct key *k)
{
	for (size_t i = 0; i < e->key_count; i++) {
		struct key own = resync_key(r, e, i);
		if (key_equal(&own, k))
			return true;
	}
	return false;
}

int resync_is_settled(const struct resync *r, const struct resync_entry *e,
		      const struct session_row *own, bool *settled)
{
	struct binding held[2];
	size_t n = 0;

	*settled = false;
	if (!e->key_count || !e->subscriber || e->contradictory || !own->id || own->ended_us ||
	    !own->active || own->subscriber != e->subscriber)
		return 0;
	int rc = r->store->session_bindings(r->store->ctx, own->id, held, &n);
	*settled = !rc && n == e->key_count;
	for (size_t i = 0; *settled && i < n; i++)
		*settled = is_as_listed(r, e, &held[i]) && names_key(r, e, &held[i].key);
	return rc;
}

/* ---- what stands there ---- */

static bool lists_overlap(const struct resync *r, const struct resync_entry *e, const struct key *k)
{
	for (size_t i = 0; i < e->key_count; i++) {
		struct key own = resync_key(r, e, i);
		if (key_overlaps(&own, k))
			return true;
	}
	return false;
}

static int64_t normalised(const struct resync *r, int64_t time_us)
{
	return r->nas.offset_known ? time_us + r->nas.offset_us : time_us;
}

static enum place by_start(const struct taking *t, int64_t ahead_us, int64_t holder)
{
	if (ahead_us != 0)
		return ahead_us > 0 ? PLACE_TAKEN : PLACE_LATER;
	return t->e->subscriber && t->e->subscriber == holder ? PLACE_TAKEN : PLACE_TORN;
}

static enum place judge_holder(const struct taking *t, const struct binding *b,
			       const struct session_row *holder)
{
	const struct resync *r = t->r;

	if (strcmp(holder->nas_id, r->list->nas_id) != 0) {
		bool later = holder->normalised_us > normalised(r, t->started_us);
		t->e->waits = t->e->waits || later;
		return later ? PLACE_LATER : PLACE_TAKEN;
	}
	const struct resync_entry *listed = resync_listed(r, b->session);
	if (listed && listed != t->e && lists_overlap(r, listed, &b->key))
		return by_start(t, t->started_us - holder->started_us, b->subscriber);
	return holder->started_us >= r->time_us || b->watermark_us > r->time_us ? PLACE_NEWER
										: PLACE_TAKEN;
}

static int judge(const struct taking *t, const struct binding *b, enum place *out)
{
	const struct lease_store *s = t->r->store;
	struct session_row holder;

	if (t->own.id && b->session == t->own.id) {
		*out = PLACE_OWN;
		return 0;
	}
	/* Nobody's, or quarantined and nobody's. */
	if (!b->session) {
		*out = b->watermark_us > t->r->time_us ? PLACE_NEWER
		       : b->state == KEY_FREE          ? PLACE_FREE
						       : PLACE_TAKEN;
		return 0;
	}
	int rc = s->session_get(s->ctx, b->session, &holder);
	if (rc == E_NOT_FOUND) {
		*out = PLACE_TAKEN;
		return 0;
	}
	if (!rc)
		*out = judge_holder(t, b, &holder);
	return rc;
}

/* Another entry of the list has the key so far, and does not keep it. */
static void refuse_listed(const struct taking *t, const struct binding *b, const char *detail)
{
	struct resync_entry *listed = resync_listed(t->r, b->session);

	if (listed && listed != t->e && lists_overlap(t->r, listed, &b->key))
		refuse(listed, "conflict", detail);
	else if (listed)
		listed->displaced = true;
}

/* The holder goes: the key is free, its generation raised. */
static int evict(struct taking *t, struct binding *b)
{
	refuse_listed(t, b, "a session that began later has the address");
	t->r->report->released += b->state == KEY_QUARANTINED;
	b->state = KEY_UNCONFIRMED;
	binding_restart(b);
	b->reason = QUARANTINE_NONE;
	binding_free_apply(b);
	return t->r->store->binding_put(t->r->store->ctx, b);
}

/* Active keys never overlap: who holds a wider or narrower prefix is judged like a holder. */
static int clear_overlaps(struct taking *t, const struct key *k, enum place *place)
{
	const struct lease_store *s = t->r->store;
	struct binding other;
	enum place found;
	int rc;

	while (!(rc = s->binding_overlapping(s->ctx, k, t->r->time_us, NULL, &other))) {
		rc = judge(t, &other, &found);
		if (rc)
			return rc;
		if (found != PLACE_TAKEN && found != PLACE_OWN) {
			*place = found == PLACE_TORN ? PLACE_LATER : found;
			return 0;
		}
		t->moved = true;
		rc = evict(t, &other);
		if (rc)
			return rc;
	}
	return rc == E_NOT_FOUND ? 0 : rc;
}

static int quarantine(struct taking *t, struct binding *b, enum quarantine_reason reason)
{
	if (b->state == KEY_FREE) {
		b->state = KEY_UNCONFIRMED;
		binding_restart(b);
		b->session = b->subscriber = 0;
	}
	binding_quarantine_apply(b, reason);
	return t->r->store->binding_put(t->r->store->ctx, b);
}

static int approach(struct taking *t, size_t i)
{
	const struct lease_store *s = t->r->store;
	struct binding *b = &t->b[i];
	struct key k = resync_key(t->r, t->e, i);
	int rc = s->binding_get(s->ctx, &k, b);

	if (rc == E_NOT_FOUND) {
		*b = (struct binding){.key = k, .watermark_us = INT64_MIN};
		rc = 0;
	}
	if (!rc)
		rc = judge(t, b, &t->place[i]);
	if (!rc && t->place[i] <= PLACE_TAKEN)
		rc = clear_overlaps(t, &k, &t->place[i]);
	if (rc)
		return rc;
	switch (t->place[i]) {
	case PLACE_TAKEN:
		t->moved = true;
		return evict(t, b);
	case PLACE_NEWER:
		refuse(t->e, "stale", "an event newer than the list moved the address");
		return 0;
	case PLACE_LATER:
		refuse(t->e, "conflict", "a session that began later has the address");
		return 0;
	case PLACE_TORN:
		refuse_listed(t, b, "two sessions of one time have the address");
		refuse(t->e, "conflict", "two sessions of one time have the address");
		return quarantine(t, b, QUARANTINE_TWO_SESSIONS);
	case PLACE_FREE:
	case PLACE_OWN:
		break;
	}
	return 0;
}

/* ---- whose session ---- */

static bool is_newest(const struct taking *t, const struct session_row *current)
{
	const struct resync_entry *listed = resync_listed(t->r, current->id);

	/* What is of this NAS and not on its list has begun since. */
	if (!strcmp(current->nas_id, t->r->list->nas_id))
		return listed && current->started_us < t->r->time_us &&
		       (listed->subscriber != t->e->subscriber ||
			t->started_us >= current->started_us);
	return normalised(t->r, t->started_us) - current->normalised_us >=
	       -t->r->limits->max_skew_us;
}

/* One active session a subscriber and realm: the newest. */
static int take_subscriber(struct taking *t, bool *won)
{
	const struct lease_store *s = t->r->store;
	struct session_row current;
	struct resync_entry *listed;
	int rc = s->session_active(s->ctx, t->r->list->realm, t->e->subscriber, &current);

	*won = true;
	if (rc == E_NOT_FOUND || (!rc && current.id == t->own.id))
		return 0;
	if (rc)
		return rc;
	*won = is_newest(t, &current);
	if (!*won)
		return 0;
	listed = resync_listed(t->r, current.id);
	if (listed && listed->subscriber == t->e->subscriber)
		refuse(listed, "conflict", "the subscriber has a newer session");
	return lease_free_bindings(s, current.id, INT64_MIN, 0); /* put_session does the rest */
}

static int put_session(struct taking *t)
{
	bool is_new = !t->own.id;

	t->own.subscriber = t->e->subscriber;
	if (is_new || t->own.ended_us) {
		t->own.started_us = t->started_us;
		t->own.normalised_us = normalised(t->r, t->started_us);
	}
	t->own.ended_us = 0;
	t->own.active = true;
	if (t->own.renewed_us < t->r->ours_us)
		t->own.renewed_us = t->r->ours_us;
	int rc = t->r->store->session_put(t->r->store->ctx, &t->own);
	if (!rc && is_new) {
		t->e->session = t->own.id;
		resync_index_add(t->r, t->own.id, t->e);
	}
	return rc;
}

/* What it held beside the keys that the list gives it. */
static int drop_others(struct taking *t, bool all)
{
	struct binding held[2];
	size_t n = 0;
	int rc = t->own.id ? t->r->store->session_bindings(t->r->store->ctx, t->own.id, held, &n)
			   : 0;

	for (size_t i = 0; !rc && i < n; i++) {
		if (!all && names_key(t->r, t->e, &held[i].key))
			continue;
		t->moved = true;
		rc = resync_free(t->r, &held[i]);
	}
	return rc;
}

static int bind_key(struct taking *t, size_t i)
{
	struct binding *b = &t->b[i];

	if (t->place[i] == PLACE_OWN) {
		resync_release(t->r, b);
		b->rival = b->rival_us = 0;
	} else {
		b->state = KEY_UNCONFIRMED;
		binding_restart(b);
		b->subscriber = t->own.subscriber;
		b->session = t->own.id;
		b->started_us = t->started_us;
		b->reason = QUARANTINE_NONE;
		t->added = true;
		if (b->watermark_us < t->started_us) {
			b->watermark_us = t->started_us;
			b->watermark_batch = 0;
		}
	}
	if (b->renewed_us < t->r->ours_us)
		b->renewed_us = t->r->ours_us;
	b->expires_us = wanted_expiry(t->r, t->e);
	return t->r->store->binding_put(t->r->store->ctx, b);
}

/* ---- the entry ---- */

/* Whose it is, nobody can say: what it names is nobody's, and doubtful if two are named. */
static int leave_to_nobody(struct taking *t)
{
	int rc = drop_others(t, true);

	if (t->e->contradictory)
		refuse(t->e, "conflict", "msisdn and imsi are two subscribers'");
	else if (!t->e->unreadable)
		refuse(t->e, "unknown-subscriber", NULL);
	else
		t->e->fate = RESYNC_REFUSED;
	for (size_t i = 0; !rc && i < t->e->key_count; i++) {
		rc = approach(t, i);
		if (!rc && t->e->contradictory && t->place[i] <= PLACE_TAKEN)
			rc = quarantine(t, &t->b[i], QUARANTINE_IDENTITIES);
	}
	if (!rc && t->own.active) {
		t->own.active = false;
		rc = t->r->store->session_put(t->r->store->ctx, &t->own);
	}
	return rc;
}

static int settle(struct taking *t)
{
	bool won = false;
	size_t good = 0;
	int rc = t->own.id && t->own.subscriber && t->own.subscriber != t->e->subscriber
			 ? drop_others(t, true)
			 : 0;

	for (size_t i = 0; !rc && i < t->e->key_count; i++) {
		rc = approach(t, i);
		good += t->place[i] <= PLACE_TAKEN;
	}
	if (!rc && good)
		rc = take_subscriber(t, &won);
	if (!rc && good && !won)
		refuse(t->e, "stale", "the subscriber has a newer session");
	if (!rc && won)
		rc = put_session(t);
	if (!rc)
		rc = drop_others(t, !won);
	for (size_t i = 0; !rc && won && i < t->e->key_count; i++)
		if (t->place[i] <= PLACE_TAKEN)
			rc = bind_key(t, i);
	if (t->e->fate != RESYNC_REFUSED)
		t->e->fate = t->moved ? RESYNC_MOVED : t->added ? RESYNC_ADDED : RESYNC_KEPT;
	return rc;
}

static bool is_twice(const struct taking *t)
{
	const struct resync_entry *other = resync_listed(t->r, t->own.id);

	return other && other != t->e;
}

int resync_take(struct resync *r, struct resync_entry *e)
{
	struct taking t = {.r = r, .e = e, .moved = e->displaced};

	r->list->turn = e;
	int rc = resync_session(r, e, &t.own);

	if (rc)
		return rc;
	if (!e->key_count) {
		e->fate = RESYNC_REFUSED;
		return 0;
	}
	if (!e->unreadable)
		e->problem = e->detail = NULL;
	t.started_us = e->started_us                 ? e->started_us
		       : t.own.id && !t.own.ended_us ? t.own.started_us
						     : r->time_us;
	/* Not after the list, nor before its NAS began. */
	if (t.started_us > r->time_us)
		t.started_us = r->time_us;
	if (t.started_us < r->nas.on_us)
		t.started_us = r->nas.on_us;
	e->fate = RESYNC_KEPT;
	e->waits = false;
	bool settled;
	if (t.own.id && t.own.ended_us >= r->time_us) {
		refuse(e, "stale", "the session ended since");
		return 0;
	}
	if (is_twice(&t)) {
		refuse(e, "conflict", "the session is listed twice");
		return 0;
	}
	rc = resync_is_settled(r, e, &t.own, &settled);
	if (rc || settled)
		return rc;
	if (t.own.id && !t.own.ended_us && t.own.started_us >= r->time_us) {
		refuse(e, "stale", "the session began anew since");
		return 0;
	}
	return e->subscriber ? settle(&t) : leave_to_nobody(&t);
}
