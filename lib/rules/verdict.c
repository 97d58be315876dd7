/* The (state, event) table: what an event means for one key. binding-rules 3. */
#include "lib/rules/lease.h"
#include "lib/rules/weaken.h"

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

bool lease_is_behind(const struct nas_row *nas, const struct binding *b)
{
	return nas->behind_us > b->renewed_us;
}
