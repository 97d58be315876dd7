/* recent -- the mailboxes that were just sent a datagram: the memory behind coalescing
 *
 * A window opens with each datagram and lasts as long for every mailbox, so the windows end in the
 * order in which they began: a ring, and an index over it by subscriber. Bounded: when the ring is
 * full the oldest window is closed early, which costs one datagram too many and loses nothing. The
 * truth is the outbox in the store; this table may be lost with the process. Pure: the caller
 * brings the (monotonic) time. One thread.
 */
#ifndef HATO_PUSHSRV_RECENT_H
#define HATO_PUSHSRV_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent;

/* Null: no memory. window_us 0: no coalescing, the table stays empty. */
struct recent *recent_new(size_t capacity, int64_t window_us);
void recent_free(struct recent *r);

/* A datagram went to this mailbox: its window begins anew. Returns the subscriber whose window had
 * to give way while mail was waiting for its end (it is to be looked at now), or 0. */
int64_t recent_sent(struct recent *r, int64_t subscriber, int64_t now_us);
/* What is left of its window; 0: none. */
int64_t recent_left(const struct recent *r, int64_t subscriber, int64_t now_us);
/* Mail waits for the end of its window. Nothing, if there is no window. */
void recent_wait(struct recent *r, int64_t subscriber);
/* Takes one ended window that mail waits for; false: there is none. */
bool recent_ended(struct recent *r, int64_t now_us, int64_t *subscriber);
/* When to look again with recent_ended; INT64_MAX: no mail waits. */
int64_t recent_next(struct recent *r);

#endif
