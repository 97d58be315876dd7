#include "authsrv/radius/retry.h"

#include "lib/clock.h"

#define FIRST_US (2 * CLOCK_S)  /* IRT */
#define MOST_US  (16 * CLOCK_S) /* MRT */
#define ALL_US   (30 * CLOCK_S) /* MRD */

static int64_t jittered(int64_t us, int jitter)
{
	return us + us * jitter / 1000;
}

/* The last wait ends with the whole. */
static int64_t within(const struct radius_retry *r, int64_t now_us)
{
	int64_t left = r->begun_us + ALL_US - now_us;

	return r->wait_us < left ? r->wait_us : left;
}

int64_t radius_retry_begin(struct radius_retry *r, int64_t now_us, int jitter)
{
	*r = (struct radius_retry){
		.begun_us = now_us, .wait_us = jittered(FIRST_US, jitter), .sent = 1};
	return r->wait_us;
}

int64_t radius_retry_next(struct radius_retry *r, int64_t now_us, int jitter)
{
	if (r->sent == RADIUS_TRIES || now_us >= r->begun_us + ALL_US)
		return 0;
	r->sent++;
	r->wait_us = 2 * r->wait_us + r->wait_us * jitter / 1000;
	if (r->wait_us > MOST_US)
		r->wait_us = jittered(MOST_US, jitter);
	return within(r, now_us);
}
