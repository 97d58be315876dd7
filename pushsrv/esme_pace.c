#include "pushsrv/esme_pace.h"

#include "lib/clock.h"

#define MILLI      INT64_C(1000)
#define NS         INT64_C(1000) /* in a microsecond */
#define MILLI_S_NS (MILLI * CLOCK_S * NS)

void esme_pace_init(struct esme_pace *p, int64_t per_second, int64_t now_us)
{
	*p = (struct esme_pace){
		.limit_milli = per_second * MILLI,
		.second_us = now_us,
		.cut_us = INT64_MIN / 2,
		.raised_us = now_us,
	};
}

int64_t esme_pace_milli(const struct esme_pace *p)
{
	return p->slow_milli ? p->slow_milli : p->limit_milli;
}

bool esme_pace_is_slowed(const struct esme_pace *p)
{
	return p->slow_milli != 0;
}

int64_t esme_pace_wait_us(const struct esme_pace *p, int64_t now_us)
{
	int64_t ahead_us = p->due_ns / NS - now_us;

	if (!esme_pace_milli(p) || ahead_us <= PACE_BURST_US)
		return 0;
	return ahead_us - PACE_BURST_US;
}

static void count(struct esme_pace *p, int64_t now_us)
{
	if (now_us - p->second_us >= CLOCK_S) {
		p->sent_before = now_us - p->second_us < 2 * CLOCK_S ? p->sent_now : 0;
		p->sent_now = 0;
		p->second_us = now_us;
	}
	p->sent_now++;
}

void esme_pace_sent(struct esme_pace *p, int64_t now_us)
{
	int64_t milli = esme_pace_milli(p);

	count(p, now_us);
	if (!milli)
		return;
	if (p->due_ns < now_us * NS)
		p->due_ns = now_us * NS;
	p->due_ns += MILLI_S_NS / milli;
}

static void set_free(struct esme_pace *p)
{
	p->slow_milli = p->above_milli = 0;
	p->due_ns = 0;
}

static int64_t raised(const struct esme_pace *p)
{
	if (p->slow_milli < MILLI)
		return 2 * p->slow_milli;
	int64_t part = p->slow_milli < p->above_milli - p->above_milli / 8 ? 8 : 64;

	return p->slow_milli + p->slow_milli / part + 1;
}

void esme_pace_accepted(struct esme_pace *p, int64_t now_us)
{
	if (!p->slow_milli)
		return;
	if (now_us - p->cut_us >= PACE_FORGET_US) {
		set_free(p);
		return;
	}
	if (now_us - p->raised_us < PACE_STEP_US || now_us - p->cut_us < PACE_STEP_US)
		return;
	p->raised_us = now_us;
	p->slow_milli = raised(p);
	if (p->slow_milli >= 2 * p->above_milli ||
	    (p->limit_milli && p->slow_milli >= p->limit_milli))
		set_free(p);
}

/* What the SMSC did not bear: the rate it was sent at, or what the rate allowed if less was there
 * to send. */
static int64_t too_much(const struct esme_pace *p)
{
	int64_t sent = p->sent_now > p->sent_before ? p->sent_now : p->sent_before;
	int64_t allowed = esme_pace_milli(p);

	sent = sent > 0 ? sent * MILLI : MILLI;
	return p->slow_milli || (allowed && allowed < sent) ? allowed : sent;
}

bool esme_pace_refused(struct esme_pace *p, int64_t sent_us, int64_t now_us)
{
	if (sent_us <= p->cut_us)
		return false;
	p->above_milli = too_much(p);
	p->slow_milli = p->above_milli / 2;
	if (p->slow_milli < PACE_SLOWEST_MILLI)
		p->slow_milli = PACE_SLOWEST_MILLI;
	p->cut_us = now_us;
	int64_t gap_ns = MILLI_S_NS / p->slow_milli;
	int64_t pause_ns = PACE_PAUSE_US * NS;

	/* Nothing is caught up after a refusal. */
	p->due_ns = (now_us + PACE_BURST_US) * NS + (gap_ns > pause_ns ? gap_ns : pause_ns);
	return true;
}
