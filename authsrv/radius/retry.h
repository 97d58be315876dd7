/* radius_retry -- when to say it again: RFC 5080 2.2.1
 *
 * First after 2 s, then doubled, each wait jittered by up to a tenth, at most 16 s; at most 5 times
 * in all, and nothing after 30 s. Pure. `jitter`: -100..100 thousandths.
 */
#ifndef HATO_AUTHSRV_RADIUS_RETRY_H
#define HATO_AUTHSRV_RADIUS_RETRY_H

#include <stdint.h>

#define RADIUS_TRIES 5

struct radius_retry {
	int64_t begun_us, wait_us;
	unsigned sent;
};

/* Begins with the first sending; how long to wait for its answer. */
int64_t radius_retry_begin(struct radius_retry *r, int64_t now_us, int jitter);
/* No answer came: how long to wait after sending it again; 0: that was all. */
int64_t radius_retry_next(struct radius_retry *r, int64_t now_us, int jitter);

#endif
