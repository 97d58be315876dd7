/* One key of a Start or an update: judged by the table, then evicted, bound, contested or
 * quarantined. */
#include <string.h>

#include "lib/err.h"
#include "lib/rules/lease_private.h"

/* Older than its NAS's last whole list: that has told what is left of it. */
static bool is_before_list(const struct applying *a)
{
	return a->time_us < a->nas.listed_us;
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
	lease_say(a, LEASE_QUARANTINED, quarantine_reason_name(reason));
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

/* An update of another session than the holder's asks whether its own is the subscriber's newest.
 */
static int judge(const struct applying *a, const struct binding *b, enum key_verdict *verdict)
{
	const struct lease_store *s = a->store;
	struct key_question q = {.kind = a->ev->kind,
				 .time_us = a->time_us,
				 .batch = a->ev->batch,
				 .session = a->own.id,
				 .session_began_us = a->own.started_us,
				 .session_known = a->own_known,
				 .session_ended = a->own_ended,
				 .session_changed = a->own_changed,
				 .newest = true,
				 .contradictory = a->contradictory,
				 .subscriber = a->subscriber};
	struct session_row current;
	int rc = E_NOT_FOUND;

	if (q.kind == LEASE_UPDATE && q.subscriber && !(q.session && q.session == b->session))
		rc = s->session_active(s->ctx, a->ev->realm, q.subscriber, &current);
	if (!rc && current.id != a->own.id)
		q.newest = is_newest(a, &current);
	*verdict = lease_verdict(b, &q);
	if (*verdict != VERDICT_REFRESH && is_before_list(a))
		*verdict = VERDICT_STALE;
	return rc == E_NOT_FOUND ? 0 : rc;
}

/* Makes the event's session the subscriber's, if it is the newest; *won tells. The loser's keys
 * become free; the put itself makes it the subscriber's no more. */
static int take_subscriber(struct applying *a, bool *won)
{
	const struct lease_store *s = a->store;
	struct session_row current;
	int rc = s->session_active(s->ctx, a->ev->realm, a->subscriber, &current);

	*won = true;
	if (!rc)
		rc = lease_end_former(a, &current);
	if (rc && rc != E_NOT_FOUND)
		return rc;
	if (!rc && !current.ended_us && current.id != a->own.id) {
		*won = is_newest(a, &current);
		rc = *won ? lease_free_bindings(s, current.id, INT64_MIN, 0) : 0;
		if (rc)
			return rc;
	}
	a->own.active = *won;
	return s->session_put(s->ctx, &a->own);
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

/* A Start that is newer than both evicts him anyway. */
static int end_former_holder(const struct applying *a, struct binding *b)
{
	const struct lease_store *s = a->store;
	struct session_row holder;

	if (!b->session || b->session == a->own.id || a->nas.on_us == INT64_MIN ||
	    (a->ev->kind == LEASE_START && a->time_us > b->watermark_us &&
	     a->time_us > a->nas.on_us))
		return 0;
	int rc = s->session_get(s->ctx, b->session, &holder);
	if (rc)
		return rc == E_NOT_FOUND ? 0 : rc;
	rc = lease_end_former(a, &holder);
	return rc ? rc : load_binding(a, &b->key, b);
}

/* The winner's place is free now: who comes in? */
static int settle_winner(struct applying *a, struct binding *b)
{
	bool may_meet = b->session && (b->session == a->own.id || !b->subscriber ||
				       b->subscriber == a->subscriber);

	evict(a, b);
	if (a->contradictory) {
		quarantine(a, b, QUARANTINE_IDENTITIES);
		return 0;
	}
	if (!a->subscriber) {
		if (a->ev->unreadable)
			lease_refuse(a, "malformed",
				     "unreadable identity; the former holder was evicted");
		else
			lease_refuse(a, "unknown-subscriber", "the former holder was evicted");
		return 0;
	}
	if (a->own_ended) {
		lease_say(a, LEASE_STALE, "the session had ended; the former holder was evicted");
		return 0;
	}
	/* Taking the subscriber frees keys of his other session, and of this one: where the key was
	 * theirs, the freed row must be stored first. */
	int rc = may_meet ? a->store->binding_put(a->store->ctx, b) : 0;
	bool won = false;
	if (!rc)
		rc = take_subscriber(a, &won);
	/* A name that was another subscriber's: nothing it held is this one's. */
	if (!rc && a->own_changed)
		rc = lease_free_bindings(a->store, a->own.id, INT64_MIN, 0);
	a->own_changed = false;
	if (!rc && won)
		rc = drop_other_key(a, &b->key);
	if (rc)
		return rc;
	if (won) {
		bind_session(a, b);
		lease_say(a, LEASE_APPLIED, NULL);
	} else {
		lease_say(a, LEASE_STALE,
			  "the subscriber has a newer session; the former holder was evicted");
	}
	return 0;
}

/* A second holder shows itself by an update: remember it, so that its next one is known as the
 * second. */
static int contest(struct applying *a, struct binding *b)
{
	int rc = a->store->session_put(a->store->ctx, &a->own);
	int64_t at_us = a->time_us > a->own.started_us ? a->time_us : a->own.started_us;
	if (b->rival != a->own.id || b->rival_us < at_us)
		b->rival_us = at_us;
	b->rival = a->own.id;
	b->state = KEY_CONTESTED;
	lease_say(a, LEASE_APPLIED, "contested: another session holds the address");
	return rc;
}

/* A Start that does not evict is heard all the same: others before it are late. */
static void raise_watermark(const struct applying *a, struct binding *b)
{
	if (a->ev->kind != LEASE_START || a->time_us <= b->watermark_us)
		return;
	b->watermark_us = a->time_us;
	b->watermark_batch = a->ev->batch;
}

static int refresh(struct applying *a, struct binding *b)
{
	b->renewed_us = a->ev->received_us - a->ev->delay_us;
	b->rival = b->rival_us = 0;
	raise_watermark(a, b);
	if (a->ev->lease_us)
		b->expires_us = b->renewed_us + a->ev->lease_us;
	a->own.renewed_us = b->renewed_us;
	lease_say(a, a->ev->kind == LEASE_START ? LEASE_DUPLICATE : LEASE_APPLIED, NULL);
	return a->store->session_put(a->store->ctx, &a->own);
}

static void conflict(struct applying *a, struct binding *b)
{
	raise_watermark(a, b);
	if (b->state == KEY_QUARANTINED)
		lease_say(a, LEASE_QUARANTINED, "the address is quarantined");
	else if (a->contradictory)
		quarantine(a, b, QUARANTINE_IDENTITIES);
	else if (a->own.id && a->own.id == b->session)
		quarantine(a, b, QUARANTINE_SESSION_IDENTITY);
	else
		quarantine(a, b, QUARANTINE_TWO_SESSIONS);
}

/* *touched: the row is to be put. */
static int decide(struct applying *a, struct binding *b, enum key_verdict verdict, bool *touched)
{
	*touched = true;
	switch (verdict) {
	case VERDICT_WINS:
		return settle_winner(a, b);
	case VERDICT_REFRESH:
		return refresh(a, b);
	case VERDICT_CONTESTS:
		return contest(a, b);
	case VERDICT_CONFLICT:
		conflict(a, b);
		return 0;
	case VERDICT_REFUSED:
		lease_refuse(a, "conflict", "the session is another subscriber's");
		break;
	case VERDICT_STALE:
	case VERDICTS:
		lease_say(a, LEASE_STALE, NULL);
		break;
	}
	*touched = false;
	return 0;
}

/* ---- keys that overlap: they count as one ---- */

/* The session shows another key than it held, which is an event of its own: older ones change
 * nothing, and only a newer Start ends a quarantine. */
static enum key_verdict exchange_verdict(const struct applying *a, const struct binding *o)
{
	if (a->time_us < o->watermark_us || is_before_list(a))
		return VERDICT_STALE;
	if (o->state != KEY_QUARANTINED)
		return VERDICT_REFRESH;
	return a->ev->kind == LEASE_START && a->time_us > o->watermark_us ? VERDICT_WINS
									  : VERDICT_CONFLICT;
}

/* A wider or narrower key. *fits: the event's session may have its own key as far as this one is
 * concerned. */
static int settle_overlap(struct applying *a, struct binding *o, bool *fits)
{
	enum key_verdict verdict = VERDICT_STALE;
	bool touched;
	int rc = 0;

	rc = end_former_holder(a, o);
	*fits = !rc && o->state == KEY_FREE && o->watermark_us <= a->time_us;
	if (rc || *fits)
		return rc;
	if (o->state != KEY_FREE)
		rc = judge(a, o, &verdict);
	if (rc)
		return rc;
	if (verdict == VERDICT_REFRESH)
		verdict = exchange_verdict(a, o);
	if (verdict == VERDICT_REFRESH)
		binding_free_apply(o);
	else if (verdict == VERDICT_WINS)
		evict(a, o);
	*fits = verdict == VERDICT_REFRESH || verdict == VERDICT_WINS;
	touched = *fits;
	if (!*fits)
		rc = decide(a, o, verdict, &touched);
	return rc || !touched ? rc : a->store->binding_put(a->store->ctx, o);
}

/* All of them, whatever the first said: who holds a part of the key since earlier goes. The outcome
 * is the gravest. */
static int settle_overlaps(struct applying *a, const struct key *k, bool *fits)
{
	const struct lease_store *s = a->store;
	struct lease_outcome gravest = *a->out;
	struct key after;
	const struct key *from = NULL;
	struct binding other;
	int rc;

	*fits = true;
	lease_say(a, LEASE_STALE, NULL);
	while (!(rc = s->binding_overlapping(s->ctx, k, a->time_us, from, &other))) {
		bool this_fits;
		after = other.key;
		from = &after;
		rc = settle_overlap(a, &other, &this_fits);
		if (rc)
			return rc;
		if (!this_fits)
			gravest = *fits ? *a->out : *lease_graver(&gravest, a->out);
		*fits &= this_fits;
	}
	if (!*fits)
		*a->out = gravest;
	return rc == E_NOT_FOUND ? 0 : rc;
}

int lease_apply_to_key(struct applying *a, const struct key *k)
{
	enum key_verdict verdict;
	struct binding b;
	bool fits, touched;
	int rc = settle_overlaps(a, k, &fits);

	if (!rc)
		rc = load_binding(a, k, &b);
	if (!rc)
		rc = end_former_holder(a, &b);
	if (rc)
		return rc;
	a->out->generation = b.generation;
	rc = judge(a, &b, &verdict);
	if (rc)
		return rc;
	if (fits) {
		rc = decide(a, &b, verdict, &touched);
	} else { /* it does not bind; whoever was there before it is gone all the same */
		touched = a->ev->kind == LEASE_START && verdict == VERDICT_WINS;
		if (touched)
			evict(a, &b);
	}
	if (rc || !touched)
		return rc;
	a->out->generation = b.generation;
	return a->store->binding_put(a->store->ctx, &b);
}
