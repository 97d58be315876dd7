/* gate -- how many handsets' requests a worker takes on at a time: the rest hears "later" at once
 *
 * Two numbers, both of what can be seen: how many requests wait for the store, and how long the
 * oldest of them has waited. At the limit of either the gate is shut: a request then costs its
 * header and a ready answer, no parsing and no question to the store. A turn of the loop that has
 * lasted as long as a request may wait shuts it too: what was ready when the turn began has waited
 * for it all. Lease events pass by no gate. OWNERSHIP a pass lies in its request's own struct.
 * THREADS the worker's. SEE docs/storm.md
 */
#ifndef HATO_AUTHSRV_GATE_H
#define HATO_AUTHSRV_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate_pass {
	struct gate_pass *older, *newer;
	int64_t since_us;
	bool inside;
};

struct gate {
	size_t max;      /* inside at a time */
	int64_t wait_us; /* the oldest may have waited */
	size_t inside;
	struct gate_pass *oldest, *newest;
};

/* now_us: of a clock that is never set. turn_us: how long the loop's turn lasts already. */
bool gate_is_shut(const struct gate *g, int64_t now_us, int64_t turn_us);
void gate_enter(struct gate *g, struct gate_pass *p, int64_t now_us);
void gate_leave(struct gate *g, struct gate_pass *p); /* one that is not inside: nothing */

#endif
