/* The (state, event) table: what an event means for one key. binding-rules 3. */
#include "lib/rules/lease.h"
#include "lib/rules/weaken.h"

const char *key_verdict_name(enum key_verdict v)
{
	static const char *const names[VERDICTS] = {
		[VERDICT_WINS] = "wins",         [VERDICT_REFRESH] = "refreshes",
		[VERDICT_STALE] = "stale",       [VERDICT_CONTESTS] = "contests",
		[VERDICT_CONFLICT] = "conflict", [VERDICT_REFUSED] = "refused"};

	return v < VERDICTS ? names[v] : "?";
}

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
	if (held && !PROTECTED(EVICTION))
		return VERDICT_STALE;
	if (q->time_us != b->watermark_us)
		return q->time_us > b->watermark_us || !PROTECTED(ORDER) ? VERDICT_WINS
									 : VERDICT_STALE;
	/* Equal times: the order in one batch; else the session known as ended loses; else both
	 * cannot be true. */
	if (q->batch && q->batch == b->watermark_batch)
		return VERDICT_WINS;
	if (q->session_ended || (!held && q->session_known))
		return VERDICT_STALE; /* or it is the duplicate of a Start that was applied long ago
				       */
	/* A doubt is not ended by a copy of what was doubted. */
	if (!held ||
	    (q->subscriber && q->subscriber == b->subscriber && b->state != KEY_QUARANTINED))
		return VERDICT_WINS;
	return VERDICT_CONFLICT;
}

/* The rival speaks again, later than when it contested, and the holder said nothing in between. */
static bool is_second(const struct binding *b, const struct key_question *q)
{
	return q->session && b->rival == q->session && b->rival_us >= q->session_began_us &&
	       q->time_us > b->rival_us;
}

static enum key_verdict update_verdict(const struct binding *b, const struct key_question *q)
{
	bool held = b->state != KEY_FREE;
	bool late = q->session_ended || q->time_us <= b->watermark_us;

	if (q->contradictory)
		return late ? VERDICT_STALE : VERDICT_CONFLICT;
	if (is_holder(b, q))
		return holder_verdict(b, q);
	if (q->session_changed)
		return VERDICT_REFUSED;
	if (late)
		return VERDICT_STALE;
	if (b->state == KEY_QUARANTINED)
		return VERDICT_CONFLICT; /* quarantine never ends by an update */
	if (!held || (q->subscriber && q->subscriber == b->subscriber))
		return q->newest ? VERDICT_WINS : VERDICT_STALE;
	return is_second(b, q) ? VERDICT_WINS : VERDICT_CONTESTS; /* Start and Stop were lost */
}

enum key_verdict lease_verdict(const struct binding *b, const struct key_question *q)
{
	return q->kind == LEASE_START ? start_verdict(b, q) : update_verdict(b, q);
}

bool lease_is_behind(const struct nas_row *nas, const struct binding *b)
{
	return nas->behind_us > b->renewed_us;
}
