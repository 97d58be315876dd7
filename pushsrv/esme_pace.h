/* esme_pace -- how fast a link may send, and how it obeys an SMSC that says "too fast"
 *
 * A link has a limit (the section's `rate`) or none. ESME_RTHROTTLED and ESME_RMSGQFUL set a rate
 * of their own below it: half of what was sent last, after a pause of a second; answers to what was
 * already on its way when it was cut do not cut it again. Every further refusal halves it, down to
 * a message a minute. Acceptances raise it, at most once a second: doubled while it is under one
 * message a second, by an eighth until it is near the rate that was too much, by a 64th from there
 * on. At twice that rate, or after ten minutes without a refusal, the link is free again.
 *
 * A sender that looks only now and then may catch up BURST_US of what it was allowed.
 *
 * THREADS one loop's. Times are of a clock that never goes back (clock_mono_us), given by the
 * caller. SEE SMPP 3.4 5.1.3; protocols 3.3, 3.4
 */
#ifndef HATO_PUSHSRV_ESME_PACE_H
#define HATO_PUSHSRV_ESME_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_BURST_US      INT64_C(50000)
#define PACE_PAUSE_US      INT64_C(1000000)
#define PACE_STEP_US       INT64_C(1000000)
#define PACE_FORGET_US     INT64_C(600000000)
#define PACE_SLOWEST_MILLI 16 /* a thousandth of a message/s each: one a minute */

/* Rates are in thousandths of a message a second. */
struct esme_pace {
	int64_t limit_milli; /* 0: none */
	int64_t slow_milli;  /* 0: not slowed */
	int64_t above_milli; /* the rate that was too much */
	int64_t due_ns;      /* the next message has its turn */
	int64_t cut_us;      /* the rate was cut last */
	int64_t raised_us;
	/* What was sent: the second that runs, and the one before. */
	int64_t second_us, sent_now, sent_before;
};

void esme_pace_init(struct esme_pace *p, int64_t per_second, int64_t now_us);
/* 0: a message may go; else how long until one may. */
int64_t esme_pace_wait_us(const struct esme_pace *p, int64_t now_us);
void esme_pace_sent(struct esme_pace *p, int64_t now_us);
/* The answer to a message sent at sent_us. */
void esme_pace_accepted(struct esme_pace *p, int64_t now_us);
/* True: the rate was cut for it. */
bool esme_pace_refused(struct esme_pace *p, int64_t sent_us, int64_t now_us);
bool esme_pace_is_slowed(const struct esme_pace *p);
/* Thousandths of a message a second; 0: no bound. */
int64_t esme_pace_milli(const struct esme_pace *p);

#endif
