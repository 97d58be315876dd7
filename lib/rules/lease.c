#include "lib/rules/lease.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/lease_private.h"

#define DAY_US         INT64_C(86400000000)
#define OFFSET_STEP_US INT64_C(1000000)

static const char *const kind_names[LEASE_KINDS] = {[LEASE_START] = "start",
						    [LEASE_UPDATE] = "update",
						    [LEASE_STOP] = "stop",
						    [LEASE_NAS_ON] = "nas-on",
						    [LEASE_NAS_OFF] = "nas-off"};

const char *lease_kind_name(enum lease_kind k)
{
	return k < LEASE_KINDS ? kind_names[k] : "?";
}

const char *lease_result_name(enum lease_result r)
{
	static const char *const names[] = {[LEASE_APPLIED] = "applied",
					    [LEASE_STALE] = "stale",
					    [LEASE_DUPLICATE] = "duplicate",
					    [LEASE_QUARANTINED] = "quarantined",
					    [LEASE_ERROR] = "error"};
	return (size_t)r < sizeof names / sizeof *names ? names[r] : "?";
}

void lease_say(struct applying *a, enum lease_result result, const char *detail)
{
	a->out->result = result;
	a->out->detail = detail;
}

void lease_refuse(struct applying *a, const char *problem, const char *detail)
{
	lease_say(a, LEASE_ERROR, detail);
	a->out->problem = problem;
}

/* ---- time and the NAS ---- */

/* A clock that runs ahead cannot freeze a key, nor one that fell back to 1970 leave the former
 * holders on it: what is too far from its arrival is the arrival (less the delay). */
static void settle_time(struct applying *a)
{
	const struct lease_event *ev = a->ev;
	int64_t arrived = ev->received_us - ev->delay_us;
	bool on_off = ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF;

	a->time_us = ev->time_us ? ev->time_us : arrived;
	if (a->time_us > ev->received_us + a->limits->max_skew_us ||
	    (on_off && a->time_us < ev->received_us - DAY_US) ||
	    (a->limits->max_age_us && a->time_us < ev->received_us - a->limits->max_age_us)) {
		a->time_us = arrived;
		a->out->time_replaced = true;
	}
	a->out->time_us = a->time_us;
}

/* The smallest (arrival - event time) seen lately is the clock's offset plus the shortest way. It
 * follows a clock that falls behind, slowly: an event that waited somewhere is not one. An On/Off
 * is measured by itself: a NAS that begins anew may have set its clock. */
static void measure_offset(struct applying *a)
{
	if (!a->ev->time_us || a->out->time_replaced || a->ev->delay_us)
		return;
	int64_t seen = a->ev->received_us - a->time_us;
	int64_t step = (seen - a->nas.offset_us) / 64;
	if (!a->nas.offset_known || seen < a->nas.offset_us)
		a->nas.offset_us = seen;
	else
		a->nas.offset_us += step < OFFSET_STEP_US ? step : OFFSET_STEP_US;
	a->nas.offset_known = true;
}

static int load_nas(struct applying *a)
{
	const struct lease_store *s = a->store;
	int rc = s->nas_get(s->ctx, a->ev->realm, a->ev->nas_id, &a->nas);

	if (rc == E_NOT_FOUND) {
		a->nas = (struct nas_row){.on_us = INT64_MIN};
		snprintf(a->nas.realm, sizeof a->nas.realm, "%s", a->ev->realm);
		snprintf(a->nas.nas_id, sizeof a->nas.nas_id, "%s", a->ev->nas_id);
	} else if (rc) {
		return rc;
	}
	struct nas_row before = a->nas;
	measure_offset(a);
	if (a->ev->delay_us > a->limits->lag_us && a->ev->received_us > a->nas.behind_us)
		a->nas.behind_us = a->ev->received_us;
	/* Smoothing alone is not worth a row in every commit. */
	int64_t moved = a->nas.offset_us - before.offset_us;
	if (rc == E_NOT_FOUND || before.behind_us != a->nas.behind_us ||
	    before.offset_known != a->nas.offset_known || moved > 100000 || moved < -100000)
		return s->nas_put(s->ctx, &a->nas);
	a->nas = before;
	return 0;
}

/* ---- who and which session ---- */

static int find_subscriber(struct applying *a)
{
	const struct lease_store *s = a->store;

	a->identified = a->ev->unreadable || *a->ev->msisdn || *a->ev->imsi;
	if (a->ev->unreadable || (!a->identified && !a->ev->devices))
		return 0;
	int rc = a->identified
			 ? s->subscriber_find(s->ctx, a->ev->msisdn, a->ev->imsi, &a->subscriber)
			 : 0;
	if (rc == E_CONFLICT) {
		a->contradictory = true;
		rc = 0;
	}
	rc = rc == E_NOT_FOUND ? 0 : rc;
	if (!rc && a->ev->devices)
		rc = lease_ask_devices(a);
	a->out->subscriber = a->subscriber;
	return rc;
}

void lease_derive_session(const struct key *k, int64_t subscriber, char name[SESSION_ID_MAX])
{
	char key[KEY_TEXT_MAX];

	snprintf(name, SESSION_ID_MAX, "derived:%s:%lld", key_format(k, key),
		 (long long)subscriber);
}

/* Without a session id it is derived from (NAS, key, subscriber); the NAS is part of the session's
 * name anyway. */
static bool name_session(const struct applying *a, char name[SESSION_ID_MAX])
{
	if (*a->ev->session_id) {
		snprintf(name, SESSION_ID_MAX, "%s", a->ev->session_id);
		return true;
	}
	if (!a->ev->key_count || !a->subscriber)
		return false;
	lease_derive_session(&a->ev->keys[0], a->subscriber, name);
	return true;
}

/* Its name says nothing of which lease it is: time does. */
static bool is_derived(const struct applying *a)
{
	return !*a->ev->session_id || a->ev->session_recurs;
}

/* Is this event of a session that is over? A Stop was seen, or the NAS began anew after it. */
static bool is_over(const struct applying *a)
{
	/* A derived name comes again with the subscriber's next lease; a NAS's own id within the
	 * skew does not. */
	int64_t grace = is_derived(a) ? 0 : a->limits->max_skew_us;

	return a->time_us < a->nas.on_us ||
	       (a->own.id && a->own.ended_us && a->time_us <= a->own.ended_us + grace);
}

int lease_free_bindings(const struct lease_store *s, int64_t session, int64_t watermark_us,
			int64_t batch)
{
	struct binding held[2];
	size_t n = 0;
	int rc = s->session_bindings(s->ctx, session, held, &n);

	for (size_t i = 0; !rc && i < n; i++) {
		binding_free_apply(&held[i]);
		if (watermark_us > held[i].watermark_us) {
			held[i].watermark_us = watermark_us;
			held[i].watermark_batch = batch;
		}
		rc = s->binding_put(s->ctx, &held[i]);
	}
	return rc;
}

int lease_end_session(const struct lease_store *store, struct session_row *s, int64_t time_us)
{
	s->ended_us = time_us > s->started_us ? time_us : s->started_us;
	s->active = false;
	int rc = store->session_put(store->ctx, s);
	return rc ? rc : lease_free_bindings(store, s->id, s->ended_us, 0);
}

int lease_end_former(const struct applying *a, struct session_row *s)
{
	if (s->ended_us || s->started_us >= a->nas.on_us || strcmp(s->nas_id, a->nas.nas_id) != 0)
		return 0;
	return lease_end_session(a->store, s, a->nas.on_us);
}

static int load_session(struct applying *a)
{
	const struct lease_store *s = a->store;
	char name[SESSION_ID_MAX];
	int rc = E_NOT_FOUND;

	bool named = name_session(a, name);
	if (named)
		rc = s->session_find(s->ctx, a->ev->realm, a->ev->nas_id, name, a->nas.epoch,
				     &a->own);
	/* A NAS that began anew may use its old names again: those of before it and those of after
	 * it are not the same sessions. */
	if (!rc && (a->own.started_us < a->nas.on_us) != (a->time_us < a->nas.on_us))
		rc = E_NOT_FOUND;
	if (rc == E_NOT_FOUND) {
		a->own = (struct session_row){.epoch = a->nas.epoch};
		if (named)
			snprintf(a->own.session_id, sizeof a->own.session_id, "%s", name);
		snprintf(a->own.realm, sizeof a->own.realm, "%s", a->ev->realm);
		snprintf(a->own.nas_id, sizeof a->own.nas_id, "%s", a->ev->nas_id);
		rc = 0;
	}
	if (!rc && a->own.id)
		rc = lease_end_former(a, &a->own);
	if (rc)
		return rc;
	a->own_known = a->own.id != 0;
	a->own_ended = is_over(a);
	/* An event that names its session only is about the session's subscriber; of a new session
	 * of the old name nobody knows whose it is. */
	bool goes_on = a->own.active && !a->own.ended_us;
	bool anew = a->own.ended_us && !a->own_ended;
	if (!a->identified && !anew && (!a->strange_devices || goes_on))
		a->subscriber = a->out->subscriber = a->own.subscriber;
	a->own_changed = !a->own_ended && !anew && a->own.subscriber && a->subscriber &&
			 a->own.subscriber != a->subscriber;
	return 0;
}

static int64_t normalised(const struct applying *a, int64_t time_us)
{
	return a->nas.offset_known ? time_us + a->nas.offset_us : time_us;
}

/* ---- the kinds ---- */

/* The session row as this event shows it; a put comes later. */
static void describe_session(struct applying *a)
{
	/* Its name comes again, after its end or after it had lost its subscriber (or each lease
	 * has it): it begins now. */
	bool later = a->ev->kind == LEASE_START && a->time_us > a->own.started_us;
	bool begins = a->own.id && !a->own_ended &&
		      (a->own.ended_us || (later && (!a->own.active || a->ev->session_recurs)));

	if (a->subscriber && !(a->own_changed && a->ev->kind == LEASE_UPDATE))
		a->own.subscriber = a->subscriber;
	a->own.renewed_us = a->ev->received_us - a->ev->delay_us;
	if (begins)
		a->own_known = false;
	if (!a->own.id || begins) {
		a->own.started_us = a->time_us;
		a->own.normalised_us = normalised(a, a->time_us);
		a->own.ended_us = 0;
		a->own.bearer_count = 0;
	}
	if (a->ev->bearer)
		session_bearer_note(&a->own, a->ev->bearer, false);
}

const struct lease_outcome *lease_graver(const struct lease_outcome *a,
					 const struct lease_outcome *b)
{
	static const int ranks[] = {[LEASE_STALE] = 0,
				    [LEASE_DUPLICATE] = 1,
				    [LEASE_APPLIED] = 2,
				    [LEASE_ERROR] = 3,
				    [LEASE_QUARANTINED] = 4};
	return ranks[a->result] >= ranks[b->result] ? a : b;
}

/* Start and update: each key for itself; the event's result is the gravest. */
static int apply_lease(struct applying *a)
{
	struct lease_outcome first = {0};

	if (!a->ev->key_count) {
		lease_refuse(a, "malformed", "no address");
		return 0;
	}
	if (a->ev->kind == LEASE_UPDATE && !a->subscriber && !a->contradictory) {
		lease_refuse(a, a->ev->unreadable ? "malformed" : "unknown-subscriber", NULL);
		return 0;
	}
	describe_session(a);
	for (size_t i = 0; i < a->ev->key_count; i++) {
		int rc = lease_apply_to_key(a, &a->ev->keys[i]);
		if (rc)
			return rc;
		if (i == 0)
			first = *a->out;
	}
	struct lease_outcome last = *a->out;
	*a->out = *lease_graver(&first, &last);
	a->out->generation = first.generation;
	return 0;
}

static int apply_stop(struct applying *a)
{
	if (!*a->own.session_id) {
		lease_refuse(a, "malformed",
			     "a stop names its session_id, or its address and subscriber");
		return 0;
	}
	if (a->own.id && a->own.ended_us) {
		lease_say(a, LEASE_DUPLICATE, NULL);
		if (a->time_us <= a->own.ended_us)
			return 0;
		/* It came again, and its Start may still come: late, then. */
		a->own.ended_us = a->time_us;
		return a->store->session_put(a->store->ctx, &a->own);
	}
	if (a->own.id && is_derived(a) && a->time_us < a->own.started_us) {
		lease_say(a, LEASE_STALE, "an earlier lease's stop");
		return 0;
	}
	lease_say(a, LEASE_APPLIED, NULL);
	if (a->own.id && a->ev->bearer && !a->ev->last_bearer) {
		session_bearer_note(&a->own, a->ev->bearer, true);
		if (session_has_active_bearer(&a->own)) {
			a->out->subscriber = a->own.subscriber;
			a->out->detail = "one bearer; others of the session are active";
			return a->store->session_put(a->store->ctx, &a->own);
		}
	}
	if (a->own.id) {
		a->out->subscriber = a->own.subscriber;
		a->own.ended_us = a->time_us > a->own.started_us ? a->time_us : a->own.started_us;
		a->own.active = false;
		int rc = a->store->session_put(a->store->ctx, &a->own);
		return rc ? rc
			  : lease_free_bindings(a->store, a->own.id, a->own.ended_us, a->ev->batch);
	}
	if (a->own_ended) {
		lease_say(a, LEASE_STALE, "from before the NAS began anew");
		return 0;
	}
	/* Never heard of: remembered, so that its late Start is known as late. */
	a->own.subscriber = a->subscriber;
	a->own.started_us = a->own.ended_us = a->time_us;
	a->own.renewed_us = a->ev->received_us;
	a->out->detail = "a session not known here; remembered as ended";
	return a->store->session_put(a->store->ctx, &a->own);
}

/* What began before the NAS's newest On/Off is over, since then. */
static int end_former(const struct lease_store *s, const struct lease_limits *limits,
		      const struct nas_row *nas, struct lease_outcome *out)
{
	struct session_row session;

	out->unfinished = true;
	for (size_t n = 0; !limits->ends_max || n < limits->ends_max; n++) {
		int rc = s->session_before(s->ctx, nas->realm, nas->nas_id, nas->on_us, &session);
		if (rc == E_NOT_FOUND) {
			out->unfinished = false;
			return 0;
		}
		if (!rc)
			rc = lease_end_session(s, &session, nas->on_us);
		if (rc)
			return rc;
	}
	return 0;
}

static int apply_on_off(struct applying *a)
{
	const struct lease_store *s = a->store;
	int rc = 0;

	/* A stale one ends nothing of its own, but what the newest had no time for. */
	if (a->time_us > a->nas.on_us && a->time_us >= a->nas.listed_us) {
		a->nas.on_us = a->time_us;
		a->nas.epoch++;
		a->nas.offset_known = false;
		measure_offset(a);
		lease_say(a, LEASE_APPLIED, NULL);
		rc = s->nas_put(s->ctx, &a->nas);
	}
	return rc ? rc : end_former(s, a->limits, &a->nas, a->out);
}

int lease_go_on(const struct lease_store *store, const struct lease_limits *limits,
		const struct lease_event *ev, struct lease_outcome *out)
{
	struct nas_row nas;
	int rc = store->nas_get(store->ctx, ev->realm, ev->nas_id, &nas);

	return rc ? rc : end_former(store, limits, &nas, out);
}

int lease_apply(const struct lease_store *store, const struct lease_limits *limits,
		const struct lease_event *ev, struct lease_outcome *out)
{
	struct applying a = {.store = store, .limits = limits, .ev = ev, .out = out};

	*out = (struct lease_outcome){.result = LEASE_STALE};
	settle_time(&a);
	int rc = load_nas(&a);
	if (!rc && (ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF))
		return apply_on_off(&a);
	if (!rc)
		rc = find_subscriber(&a);
	if (!rc)
		rc = load_session(&a);
	if (rc)
		return rc;
	return ev->kind == LEASE_STOP ? apply_stop(&a) : apply_lease(&a);
}
