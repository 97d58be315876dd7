#include "lib/rules/lease.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

#define DAY_US INT64_C(86400000000)

/* One event on its way through the rules. */
struct applying {
	const struct lease_store *store;
	const struct lease_limits *limits;
	const struct lease_event *ev;
	struct lease_outcome *out;
	struct nas_row nas;
	int64_t time_us;        /* the event time that counts */
	int64_t subscriber;     /* 0: unknown */
	bool contradictory;     /* msisdn and imsi are two subscribers' */
	struct session_row own; /* the session the event names; id 0: not stored */
	bool identified;        /* the event says who it is about, whether or not we know him */
	bool own_known;         /* its session was stored before this event */
	bool own_ended;         /* we know that it is over: such an event comes too late */
};

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

static void say(struct applying *a, enum lease_result result, const char *detail)
{
	a->out->result = result;
	a->out->detail = detail;
}

static void refuse(struct applying *a, const char *problem, const char *detail)
{
	say(a, LEASE_ERROR, detail);
	a->out->problem = problem;
}

/* ---- time and the NAS ---- */

/* A clock that runs ahead cannot freeze a key: what is too far ahead of its arrival is the arrival
 * (less the delay). */
static void settle_time(struct applying *a)
{
	const struct lease_event *ev = a->ev;
	int64_t arrived = ev->received_us - ev->delay_us;
	bool on_off = ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF;

	a->time_us = ev->time_us ? ev->time_us : arrived;
	if (a->time_us > ev->received_us + a->limits->max_skew_us ||
	    (on_off && a->time_us < ev->received_us - DAY_US)) {
		a->time_us = arrived;
		a->out->time_replaced = true;
	}
	a->out->time_us = a->time_us;
}

/* The smallest (arrival - event time) seen lately is the clock's offset plus the shortest way; it
 * may drift back slowly. */
static void measure_offset(struct applying *a)
{
	if (!a->ev->time_us || a->out->time_replaced || a->ev->delay_us)
		return;
	int64_t seen = a->ev->received_us - a->time_us;
	if (!a->nas.offset_known || seen < a->nas.offset_us)
		a->nas.offset_us = seen;
	else
		a->nas.offset_us += (seen - a->nas.offset_us) / 64;
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

bool lease_is_behind(const struct nas_row *nas, const struct binding *b)
{
	return nas->behind_us > b->renewed_us;
}

/* ---- who and which session ---- */

static int find_subscriber(struct applying *a)
{
	const struct lease_store *s = a->store;

	a->identified = a->ev->unreadable || *a->ev->msisdn || *a->ev->imsi;
	if (a->ev->unreadable || !a->identified)
		return 0;
	int rc = s->subscriber_find(s->ctx, a->ev->msisdn, a->ev->imsi, &a->subscriber);
	if (rc == E_CONFLICT) {
		a->contradictory = true;
		rc = 0;
	}
	a->out->subscriber = a->subscriber;
	return rc == E_NOT_FOUND ? 0 : rc;
}

/* Without a session id it is derived from (NAS, key, subscriber); the NAS is part of the session's
 * name anyway. */
static bool name_session(const struct applying *a, char name[SESSION_ID_MAX])
{
	char key[KEY_TEXT_MAX];

	if (*a->ev->session_id) {
		snprintf(name, SESSION_ID_MAX, "%s", a->ev->session_id);
		return true;
	}
	if (!a->ev->key_count || !a->subscriber)
		return false;
	snprintf(name, SESSION_ID_MAX, "derived:%s:%lld", key_format(&a->ev->keys[0], key),
		 (long long)a->subscriber);
	return true;
}

static bool is_derived(const struct applying *a)
{
	return !*a->ev->session_id;
}

/* Is this event of a session that is over? A Stop was seen, or the NAS began anew after it. */
static bool is_over(const struct applying *a)
{
	if (a->own.id && a->own.ended_us) {
		/* A derived name comes again with the subscriber's next lease; a NAS's own id
		 * within the skew does not. */
		int64_t grace = is_derived(a) ? 0 : a->limits->max_skew_us;
		return a->time_us <= a->own.ended_us + grace;
	}
	return a->time_us < a->nas.on_us;
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
	/* A NAS that began anew may use its old names again. */
	if (!rc && a->own.epoch < a->nas.epoch && a->own.ended_us && a->time_us >= a->nas.on_us)
		rc = E_NOT_FOUND;
	if (rc == E_NOT_FOUND) {
		a->own = (struct session_row){.epoch = a->nas.epoch};
		if (named)
			snprintf(a->own.session_id, sizeof a->own.session_id, "%s", name);
		snprintf(a->own.realm, sizeof a->own.realm, "%s", a->ev->realm);
		snprintf(a->own.nas_id, sizeof a->own.nas_id, "%s", a->ev->nas_id);
		rc = 0;
	}
	if (rc)
		return rc;
	a->own_known = a->own.id != 0;
	a->own_ended = is_over(a);
	/* An event that names its session only is about the session's subscriber. */
	if (!a->identified)
		a->subscriber = a->out->subscriber = a->own.subscriber;
	return 0;
}

static int64_t normalised(const struct applying *a, int64_t time_us)
{
	return a->nas.offset_known ? time_us + a->nas.offset_us : time_us;
}

/* ---- the table: what an event means for one key ---- */

static bool is_holder(const struct binding *b, const struct key_question *q)
{
	return b->state != KEY_FREE && q->session && b->session == q->session;
}

/* The very session that is bound speaks again: a refresh, unless it now names somebody else. */
static enum key_verdict holder_verdict(const struct binding *b, const struct key_question *q)
{
	if (q->subscriber == b->subscriber)
		return VERDICT_REFRESH;
	if (q->subscriber)
		return VERDICT_CONFLICT;
	/* Somebody we do not know: a newer Start evicts, anything else says nothing. */
	return q->kind == LEASE_START && q->time_us > b->watermark_us ? VERDICT_WINS
								      : VERDICT_STALE;
}

static enum key_verdict start_verdict(const struct binding *b, const struct key_question *q)
{
	bool held = b->state != KEY_FREE;

	if (is_holder(b, q))
		return holder_verdict(b, q);
	if (q->time_us != b->watermark_us)
		return q->time_us > b->watermark_us ? VERDICT_WINS : VERDICT_STALE;
	/* Equal times: the order in one batch; else the session known as ended loses; else both
	 * cannot be true. */
	if (q->batch && q->batch == b->watermark_batch)
		return VERDICT_WINS;
	if (q->session_ended || (!held && q->session_known))
		return VERDICT_STALE; /* or it is the duplicate of a Start that was applied long ago
				       */
	if (!held || (q->subscriber && q->subscriber == b->subscriber))
		return VERDICT_WINS;
	return VERDICT_CONFLICT;
}

static enum key_verdict update_verdict(const struct binding *b, const struct key_question *q)
{
	bool held = b->state != KEY_FREE;

	if (is_holder(b, q))
		return holder_verdict(b, q);
	if (q->session_ended || q->time_us <= b->watermark_us)
		return VERDICT_STALE;
	if (!held)
		return VERDICT_WINS;
	if (b->state == KEY_QUARANTINED)
		return VERDICT_CONFLICT; /* quarantine never ends by an update */
	if ((q->subscriber && q->subscriber == b->subscriber) ||
	    (q->session && b->rival == q->session))
		return VERDICT_WINS; /* the same person; or the second such update: Start and Stop
					were lost */
	return VERDICT_CONTESTS;
}

enum key_verdict lease_verdict(const struct binding *b, const struct key_question *q)
{
	return q->kind == LEASE_START ? start_verdict(b, q) : update_verdict(b, q);
}

static enum key_verdict judge(const struct applying *a, const struct binding *b)
{
	return lease_verdict(b, &(struct key_question){.kind = a->ev->kind,
						       .time_us = a->time_us,
						       .batch = a->ev->batch,
						       .session = a->own.id,
						       .session_known = a->own_known,
						       .session_ended = a->own_ended,
						       .subscriber = a->subscriber});
}

/* ---- changes ---- */

static int free_bindings_of(const struct lease_store *s, int64_t session, int64_t watermark_us,
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

/* The holder goes, whoever comes: the key is free, its generation raised, its watermark the
 * winner's time. */
static void evict(const struct applying *a, struct binding *b)
{
	if (b->state != KEY_FREE) {
		b->state = KEY_UNCONFIRMED; /* a winning Start ends quarantine too */
		binding_restart(b);
		b->reason = QUARANTINE_NONE;
		binding_free_apply(b);
	}
	b->watermark_us = a->time_us;
	b->watermark_batch = a->ev->batch;
}

static void bind_session(const struct applying *a, struct binding *b)
{
	b->state = KEY_UNCONFIRMED;
	binding_restart(b);
	b->subscriber = a->subscriber;
	b->session = a->own.id;
	b->started_us = a->time_us;
	b->renewed_us = a->ev->received_us - a->ev->delay_us;
	b->expires_us = a->ev->lease_us ? b->renewed_us + a->ev->lease_us : 0;
	b->reason = QUARANTINE_NONE;
}

static void quarantine(struct applying *a, struct binding *b, enum quarantine_reason reason)
{
	if (b->state == KEY_FREE) { /* a contradiction about a key nobody holds */
		b->state = KEY_UNCONFIRMED;
		binding_restart(b);
		b->session = b->subscriber = 0;
	}
	binding_quarantine_apply(b, reason);
	say(a, LEASE_QUARANTINED, quarantine_reason_name(reason));
}

/* Is the event's session newer than the one its subscriber has? Across NASes in our clock; inside
 * the uncertainty the later arrival. */
static bool is_newest(const struct applying *a, const struct session_row *current)
{
	if (!strcmp(current->nas_id, a->ev->nas_id))
		return a->own.started_us >= current->started_us;
	int64_t ahead = a->own.normalised_us - current->normalised_us;
	return ahead >= -a->limits->max_skew_us;
}

/* Makes the event's session the subscriber's, if it is the newest; *won tells. The loser's keys
 * become free. */
static int take_subscriber(struct applying *a, bool *won)
{
	const struct lease_store *s = a->store;
	struct session_row current;
	int rc = s->session_active(s->ctx, a->ev->realm, a->subscriber, &current);

	*won = true;
	if (rc && rc != E_NOT_FOUND)
		return rc;
	if (!rc && current.id != a->own.id) {
		*won = is_newest(a, &current);
		if (*won) {
			current.active = false;
			rc = s->session_put(s->ctx, &current);
			if (!rc)
				rc = free_bindings_of(s, current.id, INT64_MIN, 0);
			if (rc)
				return rc;
		}
	}
	a->own.active = *won;
	return s->session_put(s->ctx, &a->own);
}

/* The session row as this event shows it; a put comes later. */
static void describe_session(struct applying *a)
{
	/* Its name comes again, after its end or after it had lost its subscriber: it begins now.
	 */
	bool begins = a->own.id && !a->own_ended &&
		      (a->own.ended_us || (a->ev->kind == LEASE_START && !a->own.active &&
					   a->time_us > a->own.started_us));

	if (a->subscriber)
		a->own.subscriber = a->subscriber;
	a->own.renewed_us = a->ev->received_us - a->ev->delay_us;
	if (!a->own.id || begins) {
		a->own.started_us = a->time_us;
		a->own.normalised_us = normalised(a, a->time_us);
		a->own.ended_us = 0;
	}
}

/* A session has one key of a family: when it shows another, the old one is free. */
static int drop_other_key(struct applying *a, const struct key *k)
{
	const struct lease_store *s = a->store;
	struct binding held[2];
	size_t n = 0;
	int rc = a->own.id ? s->session_bindings(s->ctx, a->own.id, held, &n) : 0;

	for (size_t i = 0; !rc && i < n; i++) {
		if (key_equal(&held[i].key, k) ||
		    addr_is_v4(&held[i].key.addr) != addr_is_v4(&k->addr))
			continue;
		binding_free_apply(&held[i]);
		rc = s->binding_put(s->ctx, &held[i]);
	}
	return rc;
}

/* ---- one key ---- */

static int load_binding(const struct applying *a, const struct key *k, struct binding *b)
{
	int rc = a->store->binding_get(a->store->ctx, k, b);

	if (rc == E_NOT_FOUND) {
		*b = (struct binding){.key = *k, .watermark_us = INT64_MIN};
		rc = 0;
	}
	return rc;
}

/* The winner's place is free now: who comes in? */
static int settle_winner(struct applying *a, struct binding *b)
{
	evict(a, b);
	if (a->contradictory) {
		quarantine(a, b, QUARANTINE_IDENTITIES);
		return 0;
	}
	if (!a->subscriber) {
		if (a->ev->unreadable)
			refuse(a, "malformed",
			       "unreadable identity; the former holder was evicted");
		else
			refuse(a, "unknown-subscriber", "the former holder was evicted");
		return 0;
	}
	if (a->own_ended) {
		say(a, LEASE_STALE, "the session had ended; the former holder was evicted");
		return 0;
	}
	/* The freed row must be stored first: taking the subscriber may free keys of other
	 * sessions, and may meet this one. */
	int rc = a->store->binding_put(a->store->ctx, b);
	bool won = false;
	if (!rc)
		rc = take_subscriber(a, &won);
	if (!rc && won)
		rc = drop_other_key(a, &b->key);
	if (rc)
		return rc;
	if (won) {
		bind_session(a, b);
		say(a, LEASE_APPLIED, NULL);
	} else {
		say(a, LEASE_STALE,
		    "the subscriber has a newer session; the former holder was evicted");
	}
	return 0;
}

/* A second holder shows itself by an update: remember it, so that its next one is known as the
 * second. */
static int contest(struct applying *a, struct binding *b)
{
	int rc = a->store->session_put(a->store->ctx, &a->own);
	b->rival = a->own.id;
	if (b->state != KEY_QUARANTINED)
		b->state = KEY_CONTESTED;
	say(a, LEASE_APPLIED, "contested: another session holds the address");
	return rc;
}

static int refresh(struct applying *a, struct binding *b)
{
	b->renewed_us = a->ev->received_us - a->ev->delay_us;
	b->rival = 0;
	if (a->ev->lease_us)
		b->expires_us = b->renewed_us + a->ev->lease_us;
	a->own.renewed_us = b->renewed_us;
	say(a, a->ev->kind == LEASE_START ? LEASE_DUPLICATE : LEASE_APPLIED, NULL);
	return a->store->session_put(a->store->ctx, &a->own);
}

static int decide(struct applying *a, struct binding *b, enum key_verdict verdict)
{
	switch (verdict) {
	case VERDICT_WINS:
		return settle_winner(a, b);
	case VERDICT_REFRESH:
		return refresh(a, b);
	case VERDICT_CONTESTS:
		return contest(a, b);
	case VERDICT_CONFLICT:
		if (b->state == KEY_QUARANTINED)
			say(a, LEASE_QUARANTINED, "the address is quarantined");
		else
			quarantine(a, b,
				   a->own.id && a->own.id == b->session
					   ? QUARANTINE_SESSION_IDENTITY
					   : QUARANTINE_TWO_SESSIONS);
		return 0;
	case VERDICT_STALE:
		say(a, LEASE_STALE, NULL);
		return 0;
	}
	return 0;
}

/* Active keys never overlap: a holder of a wider or narrower prefix is judged, and evicted, like a
 * holder of the key. */
static int clear_overlaps(struct applying *a, const struct key *k, bool *stale)
{
	const struct lease_store *s = a->store;
	struct binding other;
	int rc;

	*stale = false;
	while (!(rc = s->binding_overlapping(s->ctx, k, &other))) {
		enum key_verdict verdict = judge(a, &other);
		if (a->ev->kind == LEASE_START
			    ? verdict != VERDICT_WINS && verdict != VERDICT_REFRESH
			    : true) {
			*stale = true;
			return 0;
		}
		evict(a, &other);
		rc = s->binding_put(s->ctx, &other);
		if (rc)
			return rc;
	}
	return rc == E_NOT_FOUND ? 0 : rc;
}

static int apply_to_key(struct applying *a, const struct key *k)
{
	struct binding b;
	bool stale;
	int rc = load_binding(a, k, &b);

	if (!rc)
		rc = clear_overlaps(a, k, &stale);
	if (rc)
		return rc;
	enum key_verdict verdict = stale ? VERDICT_STALE : judge(a, &b);
	/* msisdn and imsi of two subscribers: hard evidence, also in an event that would only
	 * refresh or contest. */
	if (a->contradictory && a->ev->kind == LEASE_UPDATE && !stale &&
	    a->time_us > b.watermark_us) {
		quarantine(a, &b, QUARANTINE_IDENTITIES);
		verdict = VERDICT_CONFLICT;
	} else {
		rc = decide(a, &b, verdict);
	}
	a->out->generation = b.generation;
	if (rc || verdict == VERDICT_STALE)
		return rc;
	return a->store->binding_put(a->store->ctx, &b);
}

/* ---- the kinds ---- */

static int rank(enum lease_result r)
{
	static const int ranks[] = {[LEASE_STALE] = 0,
				    [LEASE_DUPLICATE] = 1,
				    [LEASE_APPLIED] = 2,
				    [LEASE_ERROR] = 3,
				    [LEASE_QUARANTINED] = 4};
	return ranks[r];
}

/* Start and update: each key for itself; the event's result is the gravest. */
static int apply_lease(struct applying *a)
{
	struct lease_outcome first = {0};

	if (!a->ev->key_count) {
		refuse(a, "malformed", "no address");
		return 0;
	}
	if (a->ev->kind == LEASE_UPDATE && !a->subscriber && !a->contradictory) {
		refuse(a, a->ev->unreadable ? "malformed" : "unknown-subscriber", NULL);
		return 0;
	}
	describe_session(a);
	for (size_t i = 0; i < a->ev->key_count; i++) {
		int rc = apply_to_key(a, &a->ev->keys[i]);
		if (rc)
			return rc;
		if (i == 0)
			first = *a->out;
	}
	if (rank(first.result) > rank(a->out->result))
		*a->out = first;
	a->out->generation = first.generation;
	return 0;
}

int lease_end_session(const struct lease_store *store, struct session_row *s, int64_t time_us)
{
	s->ended_us = time_us > s->started_us ? time_us : s->started_us;
	s->active = false;
	int rc = store->session_put(store->ctx, s);
	return rc ? rc : free_bindings_of(store, s->id, s->ended_us, 0);
}

static int apply_stop(struct applying *a)
{
	if (!*a->own.session_id) {
		refuse(a, "malformed",
		       "a stop names its session_id, or its address and subscriber");
		return 0;
	}
	if (a->own.id && a->own.ended_us) {
		say(a, LEASE_DUPLICATE, NULL);
		return 0;
	}
	if (a->own.id && is_derived(a) && a->time_us < a->own.started_us) {
		say(a, LEASE_STALE, "an earlier lease's stop");
		return 0;
	}
	say(a, LEASE_APPLIED, NULL);
	if (a->own.id) {
		a->out->subscriber = a->own.subscriber;
		a->own.ended_us = a->time_us > a->own.started_us ? a->time_us : a->own.started_us;
		a->own.active = false;
		int rc = a->store->session_put(a->store->ctx, &a->own);
		return rc ? rc
			  : free_bindings_of(a->store, a->own.id, a->own.ended_us, a->ev->batch);
	}
	/* Never heard of: remembered, so that its late Start is known as late. */
	a->own.subscriber = a->subscriber;
	a->own.started_us = a->own.ended_us = a->time_us;
	a->own.renewed_us = a->ev->received_us;
	a->out->detail = "a session not known here; remembered as ended";
	return a->store->session_put(a->store->ctx, &a->own);
}

static int apply_on_off(struct applying *a)
{
	const struct lease_store *s = a->store;
	struct session_row session;
	int rc;

	if (a->time_us <= a->nas.on_us) {
		say(a, LEASE_STALE, NULL);
		return 0;
	}
	while (!(rc = s->session_before(s->ctx, a->ev->realm, a->ev->nas_id, a->time_us,
					&session))) {
		rc = lease_end_session(s, &session, a->time_us);
		if (rc)
			return rc;
	}
	if (rc != E_NOT_FOUND)
		return rc;
	a->nas.on_us = a->time_us;
	a->nas.epoch++;
	say(a, LEASE_APPLIED, NULL);
	return s->nas_put(s->ctx, &a->nas);
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
