#include "tests/model/facts.h"

#include <assert.h>

#define DAY_US INT64_C(86400000000)
#define SECOND INT64_C(1000000)

void model_init(struct model *m, const struct model_key *keys, int key_count,
		const struct lease_limits *limits)
{
	m->keys = keys;
	m->key_count = key_count;
	m->max_skew_us = limits->max_skew_us;
	m->max_age_us = limits->max_age_us;
	m->sessions = m->fact_count = 0;
}

/* ---- an event, understood ---- */

struct heard {
	struct model *m;
	const struct model_event *ev;
	int64_t time_us;
	bool replaced;
	int subscriber;
	bool contradictory, unnamed;
	int name;    /* 0: none can be made */
	int session; /* 0: none so far */
	bool over, changed, known;
	int64_t began_us, normalised_us;
};

/* 3, Time. */
static void understand_time(struct heard *h)
{
	const struct model_event *ev = h->ev;
	bool on_off = ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF;
	int64_t said = ev->time_us, by_arrival = ev->received_us - ev->delay_us;

	h->replaced = said != 0 && (said > ev->received_us + h->m->max_skew_us ||
				    (on_off && said < ev->received_us - DAY_US) ||
				    said < ev->received_us - h->m->max_age_us);
	h->time_us = said == 0 || h->replaced ? by_arrival : said;
}

/* "The smallest (arrival less event time) seen, from events that were neither delayed nor
 * replaced." */
static bool clock_seen(const struct heard *h, int64_t *seen_us)
{
	*seen_us = h->ev->received_us - h->time_us;
	return h->ev->time_us != 0 && !h->replaced && h->ev->delay_us == 0;
}

static void hear_clock(struct heard *h)
{
	int64_t seen, offset;
	bool known = facts_nas_clock(h->m, h->ev->nas, &offset);

	if (!clock_seen(h, &seen))
		return;
	if (known && seen >= offset) {
		int64_t step = (seen - offset) / 64;
		seen = offset + (step > SECOND ? SECOND : step);
		if (seen - offset <= SECOND / 10)
			return;
	} else if (known && offset - seen <= SECOND / 10) {
		return; /* not worth writing down */
	}
	ADD(h->m, FACT_CLOCK, .key = -1, .nas = h->ev->nas, .time_us = seen);
}

static void understand_who(struct heard *h)
{
	int who = h->ev->who;

	h->unnamed = who == WHO_UNNAMED;
	h->contradictory = who == WHO_TWO;
	h->subscriber = who > 0 && who < WHO_STRANGER ? who : 0;
}

/* 1: (realm, NAS, session id, epoch); without an id from (NAS, key, subscriber). */
static void understand_session(struct heard *h)
{
	const struct model *m = h->m;
	int64_t on = facts_nas_began(m, h->ev->nas), offset;
	bool derived = h->ev->name == 0;

	h->name = h->ev->name;
	if (derived && h->ev->key_count && h->subscriber)
		h->name = 1000 + 100 * h->ev->keys[0] + h->subscriber;
	h->session = h->name ? facts_session_named(m, h->ev->nas, h->name) : 0;
	/* 3.5: before the On and after it are two sessions. */
	if (h->session && (facts_beginning(m, h->session)->time_us < on) != (h->time_us < on))
		h->session = 0;
	int64_t end = h->session ? facts_end_of(m, h->session) : 0;
	int64_t grace = derived ? 0 : m->max_skew_us;
	h->over = h->time_us < on || (end && h->time_us <= end + grace);
	/* 3.3: later it is a new session of the old name. */
	if (end && !h->over)
		h->session = 0;
	if (h->unnamed && h->session)
		h->subscriber = facts_subscriber_of(m, h->session);
	h->changed = h->session && !h->over && h->subscriber &&
		     facts_subscriber_of(m, h->session) &&
		     h->subscriber != facts_subscriber_of(m, h->session);
	/* A Start of a session that lost its subscriber is a new one too. */
	if (h->session && !h->over && h->ev->kind == LEASE_START &&
	    !facts_is_chosen(m, h->session) && h->time_us > facts_beginning(m, h->session)->time_us)
		h->session = 0;
	h->known = h->session != 0;
	h->began_us = h->session ? facts_beginning(m, h->session)->time_us : h->time_us;
	facts_nas_clock(m, h->ev->nas, &offset);
	h->normalised_us =
		h->session ? facts_beginning(m, h->session)->more_us : h->time_us + offset;
}

/* The session is worth remembering. */
static void keep_session(struct heard *h)
{
	struct model *m = h->m;

	if (!h->session) {
		assert(m->sessions + 1 < MODEL_SESSIONS);
		h->session = ++m->sessions;
		ADD(m, FACT_BEGAN, .key = -1, .session = h->session, .nas = h->ev->nas,
		    .name = h->name, .subscriber = h->subscriber, .time_us = h->began_us,
		    .more_us = h->normalised_us);
	} else if (h->subscriber && h->subscriber != facts_subscriber_of(m, h->session)) {
		ADD(m, FACT_NAMED, .key = -1, .session = h->session, .nas = h->ev->nas,
		    .subscriber = h->subscriber);
	}
}

/* 3: "the newest; across NASes by time normalised, and inside the uncertainty the later arrival".
 */
static bool is_newest(const struct heard *h)
{
	int rival = h->subscriber ? model_chosen(h->m, h->ev->realm, h->subscriber) : 0;

	if (!rival || rival == h->session)
		return true;
	const struct fact *f = facts_beginning(h->m, rival);
	if (f->nas == h->ev->nas)
		return h->began_us >= f->time_us;
	return h->normalised_us >= f->more_us - h->m->max_skew_us;
}

/* ---- what happens to keys ---- */

static void evict(const struct heard *h, int key)
{
	if (model_look(h->m, key).state != KEY_FREE)
		ADD(h->m, FACT_EVICTED, .key = key);
	facts_mark(h->m, key, h->time_us, h->ev->batch);
}

static void quarantine(struct model *m, int key)
{
	if (model_look(m, key).state == KEY_FREE)
		ADD(m, FACT_GIVEN, .key = key);
	ADD(m, FACT_STATE, .key = key, .name = KEY_QUARANTINED);
}

/* ---- one key: which rule? ---- */

/* The session that holds it: 3.2, 3.8. */
static enum key_verdict judge_holder(const struct heard *h, const struct model_view *v)
{
	bool newer_start = h->ev->kind == LEASE_START && h->time_us > v->watermark_us;

	if (h->subscriber && h->subscriber == v->subscriber)
		return VERDICT_REFRESH;
	if (h->subscriber)
		return VERDICT_CONFLICT;
	return newer_start ? VERDICT_WINS : VERDICT_STALE;
}

static bool is_holder(const struct heard *h, const struct model_view *v)
{
	return v->state != KEY_FREE && h->session && h->session == v->session;
}

static enum key_verdict judge_start(const struct heard *h, const struct model_view *v)
{
	if (is_holder(h, v))
		return judge_holder(h, v);
	if (h->time_us > v->watermark_us) /* 3.1 */
		return VERDICT_WINS;
	if (h->time_us < v->watermark_us) /* 3.2 */
		return VERDICT_STALE;
	/* 3.6, in its order */
	if (h->ev->batch && h->ev->batch == v->watermark_batch)
		return VERDICT_WINS;
	if (h->over)
		return VERDICT_STALE;
	if (v->state == KEY_FREE)
		return h->known ? VERDICT_STALE : VERDICT_WINS;
	if (v->state != KEY_QUARANTINED && h->subscriber && h->subscriber == v->subscriber)
		return VERDICT_WINS;
	return VERDICT_CONFLICT;
}

static enum key_verdict judge_update(const struct heard *h, const struct model_view *v)
{
	bool late = h->over || h->time_us <= v->watermark_us;

	if (h->contradictory)
		return late ? VERDICT_STALE : VERDICT_CONFLICT;
	if (is_holder(h, v))
		return judge_holder(h, v);
	if (h->changed) /* 3.8 */
		return VERDICT_REFUSED;
	if (late)
		return VERDICT_STALE;
	switch (v->state) {
	case KEY_QUARANTINED:
		return VERDICT_CONFLICT;
	case KEY_FREE:
		return is_newest(h) ? VERDICT_WINS : VERDICT_STALE;
	default:
		break;
	}
	if (h->subscriber && h->subscriber == v->subscriber)
		return is_newest(h) ? VERDICT_WINS : VERDICT_STALE;
	bool second = h->session && v->rival == h->session && h->time_us > v->rival_us;
	return second ? VERDICT_WINS : VERDICT_CONTESTS;
}

static enum key_verdict judge(const struct heard *h, const struct model_view *v)
{
	return h->ev->kind == LEASE_START ? judge_start(h, v) : judge_update(h, v);
}

/* ---- one key: what follows ---- */

static bool take_subscriber(struct heard *h)
{
	bool newest = is_newest(h);
	int rival = model_chosen(h->m, h->ev->realm, h->subscriber);

	keep_session(h);
	if (newest && rival && rival != h->session) {
		ADD(h->m, FACT_DROPPED, .key = -1, .session = rival);
		facts_free_keys_of(h->m, rival, NEVER, 0);
	}
	ADD(h->m, newest ? FACT_CHOSEN : FACT_DROPPED, .key = -1, .session = h->session);
	return newest;
}

static enum lease_result win(struct heard *h, int key)
{
	struct model *m = h->m;
	int64_t expires = h->ev->received_us - h->ev->delay_us + h->ev->lease_us;

	evict(h, key);
	if (h->contradictory) {
		quarantine(m, key);
		return LEASE_QUARANTINED;
	}
	if (!h->subscriber)
		return LEASE_ERROR;
	if (h->over) /* 3.7 */
		return LEASE_STALE;
	bool mine = take_subscriber(h);
	if (h->changed) /* 3.8 */
		facts_free_keys_of(m, h->session, NEVER, 0);
	h->changed = false;
	if (!mine)
		return LEASE_STALE;
	for (int k = 0; k < m->key_count; k++) /* one key of a family */
		if (k != key && m->keys[k].family == m->keys[key].family &&
		    model_look(m, k).session == h->session)
			ADD(m, FACT_FREED, .key = k);
	ADD(m, FACT_GIVEN, .key = key, .session = h->session, .subscriber = h->subscriber,
	    .time_us = h->ev->lease_us ? expires : 0);
	return LEASE_APPLIED;
}

static enum lease_result refresh(struct heard *h, int key)
{
	int64_t expires = h->ev->received_us - h->ev->delay_us + h->ev->lease_us;

	keep_session(h);
	ADD(h->m, FACT_RENEWED, .key = key, .time_us = h->ev->lease_us ? expires : 0);
	if (h->ev->kind != LEASE_START)
		return LEASE_APPLIED;
	facts_mark_newer(h->m, key, h->time_us, h->ev->batch);
	return LEASE_DUPLICATE;
}

static enum lease_result contest(struct heard *h, int key)
{
	struct model_view v = model_look(h->m, key);
	int64_t at = h->time_us > h->began_us ? h->time_us : h->began_us;

	keep_session(h);
	if (v.rival == h->session && v.rival_us > at)
		at = v.rival_us;
	ADD(h->m, FACT_STATE, .key = key, .name = KEY_CONTESTED);
	ADD(h->m, FACT_RIVAL, .key = key, .session = h->session, .time_us = at);
	return LEASE_APPLIED;
}

static enum lease_result follow(struct heard *h, int key, enum key_verdict verdict)
{
	switch (verdict) {
	case VERDICT_WINS:
		return win(h, key);
	case VERDICT_REFRESH:
		return refresh(h, key);
	case VERDICT_CONTESTS:
		return contest(h, key);
	case VERDICT_CONFLICT:
		if (model_look(h->m, key).state != KEY_QUARANTINED)
			quarantine(h->m, key);
		if (h->ev->kind == LEASE_START)
			facts_mark_newer(h->m, key, h->time_us, h->ev->batch);
		return LEASE_QUARANTINED;
	case VERDICT_REFUSED:
		return LEASE_ERROR;
	default:
		return LEASE_STALE;
	}
}

static enum lease_result graver(enum lease_result a, enum lease_result b)
{
	static const enum lease_result order[] = {LEASE_QUARANTINED, LEASE_ERROR, LEASE_APPLIED,
						  LEASE_DUPLICATE};

	for (int i = 0; i < 4; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return LEASE_STALE;
}

/* 3.10. True: as far as this neighbour is concerned the event's session may have its key. */
static bool clear_neighbour(struct heard *h, int key, enum lease_result *result)
{
	struct model_view v = model_look(h->m, key);

	*result = LEASE_STALE;
	if (v.state == KEY_FREE)
		return v.watermark_us <= h->time_us;
	enum key_verdict verdict = judge(h, &v);
	if (verdict == VERDICT_REFRESH && h->time_us < v.watermark_us) {
		return false;
	} else if (verdict == VERDICT_REFRESH && v.state == KEY_QUARANTINED) {
		bool newer = h->ev->kind == LEASE_START && h->time_us > v.watermark_us;
		verdict = newer ? VERDICT_WINS : VERDICT_CONFLICT;
	} else if (verdict == VERDICT_REFRESH) {
		ADD(h->m, FACT_FREED, .key = key);
		return true;
	}
	if (verdict == VERDICT_WINS) {
		evict(h, key);
		return true;
	}
	*result = follow(h, key, verdict);
	return false;
}

static enum lease_result hear_key(struct heard *h, int key)
{
	enum lease_result gravest = LEASE_STALE, one;
	bool fits = true;

	for (int k = 0; k < h->m->key_count; k++)
		if (k != key && facts_overlap(h->m, k, key) && !clear_neighbour(h, k, &one)) {
			fits = false;
			gravest = graver(gravest, one);
		}
	struct model_view v = model_look(h->m, key);
	if (!fits && h->ev->kind == LEASE_START && judge(h, &v) == VERDICT_WINS)
		evict(h, key);
	if (!fits)
		return gravest;
	return follow(h, key, judge(h, &v));
}

/* ---- the kinds ---- */

static enum lease_result hear_lease(struct heard *h)
{
	enum lease_result result = LEASE_STALE;

	if (!h->ev->key_count)
		return LEASE_ERROR;
	if (h->ev->kind == LEASE_UPDATE && !h->subscriber && !h->contradictory)
		return LEASE_ERROR;
	for (int i = 0; i < h->ev->key_count; i++)
		result = graver(result, hear_key(h, h->ev->keys[i]));
	return result;
}

static enum lease_result hear_stop(struct heard *h)
{
	struct model *m = h->m;

	if (!h->name)
		return LEASE_ERROR;
	/* 3.3: what a Stop is about, it is about whatever came since. */
	int named = facts_session_named(m, h->ev->nas, h->name);
	int64_t on = facts_nas_began(m, h->ev->nas);
	if (named && (facts_beginning(m, named)->time_us < on) != (h->time_us < on))
		named = 0;
	int64_t end = named ? facts_end_of(m, named) : 0;
	if (end) {
		if (h->time_us > end)
			ADD(m, FACT_ENDED, .key = -1, .session = named, .time_us = h->time_us);
		return LEASE_DUPLICATE;
	}
	if (named && h->ev->name == 0 && h->time_us < facts_beginning(m, named)->time_us)
		return LEASE_STALE;
	if (named) {
		facts_end_session(m, named, h->time_us, h->ev->batch);
		return LEASE_APPLIED;
	}
	if (h->time_us < on)
		return LEASE_STALE;
	h->session = 0;
	keep_session(h);
	ADD(m, FACT_ENDED, .key = -1, .session = h->session, .time_us = h->time_us);
	return LEASE_APPLIED;
}

static enum lease_result hear_on_off(struct heard *h)
{
	struct model *m = h->m;
	int64_t seen;

	if (h->time_us <= facts_nas_began(m, h->ev->nas))
		return LEASE_STALE;
	for (int s = 1; s <= m->sessions; s++) {
		const struct fact *f = facts_beginning(m, s);
		if (f->nas == h->ev->nas && f->time_us < h->time_us && !facts_end_of(m, s))
			facts_end_session(m, s, h->time_us, 0);
	}
	ADD(m, FACT_NAS_BEGAN, .key = -1, .nas = h->ev->nas, .time_us = h->time_us);
	if (clock_seen(h, &seen))
		ADD(m, FACT_CLOCK, .key = -1, .nas = h->ev->nas, .time_us = seen);
	else
		ADD(m, FACT_CLOCK_UNSEEN, .key = -1, .nas = h->ev->nas);
	return LEASE_APPLIED;
}

enum lease_result model_hear(struct model *m, const struct model_event *ev)
{
	struct heard h = {.m = m, .ev = ev};

	understand_time(&h);
	hear_clock(&h);
	if (ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF)
		return hear_on_off(&h);
	understand_who(&h);
	understand_session(&h);
	return ev->kind == LEASE_STOP ? hear_stop(&h) : hear_lease(&h);
}
