/* smpp_window -- the requests of one link that wait for their responses
 *
 * A link's end that asks gives each request the next sequence number and keeps it here until its
 * response comes, its deadline is over, or the link is. Messages (submit_sm, deliver_sm, data_sm
 * ...) count against the window; binds, enquire_link and unbind have a few places beside it, so
 * that a full window does not silence the link. All have the same time to be answered, so the
 * oldest is always the first to expire. Every operation takes constant time; nothing is allocated
 * after new.
 *
 * OWNERSHIP  `arg` is the caller's; whoever frees a window drains it first
 * THREADS    one at a time
 * ERRORS     add: E_FULL
 *            take: E_NOT_FOUND: nobody waits for that (late, twice, or a wrong number);
 *            E_CONFLICT: that request wants another kind of response, and waits on
 * SEE        SMPP 3.4 2.7 (timers), 5.1.4 (sequence_number); protocols 3.4
 */
#ifndef HATO_LIB_WIRE_SMPP_WINDOW_H
#define HATO_LIB_WIRE_SMPP_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#define SMPP_WINDOW_MAX      65536
#define SMPP_WINDOW_CONTROLS 4 /* places for what is no message */

struct smpp_request {
	uint32_t id; /* command */
	uint32_t sequence;
	int64_t sent_us;
	void *arg;
};

struct smpp_window;

/* limit: messages in flight, 1 to SMPP_WINDOW_MAX; null: no memory. */
struct smpp_window *smpp_window_new(uint32_t limit, int64_t response_us);
void smpp_window_free(struct smpp_window *w);

int smpp_window_add(struct smpp_window *w, uint32_t id, int64_t now_us, void *arg,
		    uint32_t *sequence);
/* By a response's id (generic_nack answers anything) and sequence. */
int smpp_window_take(struct smpp_window *w, uint32_t response_id, uint32_t sequence,
		     struct smpp_request *out);
/* The oldest, if its time is over. */
bool smpp_window_expire(struct smpp_window *w, int64_t now_us, struct smpp_request *out);
/* The oldest: the link broke. */
bool smpp_window_drain(struct smpp_window *w, struct smpp_request *out);

uint32_t smpp_window_count(const struct smpp_window *w); /* messages in flight */
uint32_t smpp_window_room(const struct smpp_window *w);  /* messages that fit */
/* When the oldest expires; INT64_MAX: nothing waits. */
int64_t smpp_window_deadline_us(const struct smpp_window *w);

#endif
