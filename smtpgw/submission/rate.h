/* rate -- how many recipients a subscriber may name in an hour
 *
 * One table for all workers of the process: his connections may fall to any of them. A subscriber
 * may name `per_hour` at once, and then so many again over each hour, evenly (a leaky bucket). He
 * is remembered until his hour is free again. A restart forgets: it is a brake on a stolen or
 * infected phone, not an account.
 *
 * THREADS   any. The lock protects the table; it is held for one look into it
 * OWNERSHIP rate_free frees all
 */
#ifndef HATO_SMTPGW_SUBMISSION_RATE_H
#define HATO_SMTPGW_SUBMISSION_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate;

/* per_hour 0: no limit. Null: out of memory. */
struct rate *rate_new(uint64_t per_hour, size_t max_subscribers);
void rate_free(struct rate *r);

/* One more recipient. False: later; also when more than max_subscribers are remembered, to one who
 * is not. now_us: any clock that goes forward. */
bool rate_take(struct rate *r, int64_t subscriber, int64_t now_us);
size_t rate_remembered(struct rate *r);

#endif
