/* feed_line -- lease events on their way into the store: in order, in pieces, everyone in turn
 *
 * A request may bring 10,000 events, and a commit of 10,000 keeps every handset waiting for a
 * second. So a worker gives the store a few hundred at a time; a request's events go one piece
 * after the other, in their order, and between its pieces the others have their turn. What waits is
 * bounded: over FEED_WAITING_MAX events the answer is "later", never a false "done". When a piece
 * fails, the pieces before it stay applied: the network sends all of them again, and that changes
 * nothing. OWNERSHIP a struct feed is the caller's, with all it points to, until complete() runs.
 * THREADS the worker's
 */
#ifndef HATO_AUTHSRV_FEED_LINE_H
#define HATO_AUTHSRV_FEED_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "db/db.h"

#define FEED_PIECE       256   /* events of one request in the store at a time */
#define FEED_IN_STORE    512   /* of all requests of a worker */
#define FEED_WAITING_MAX 40000 /* of all requests of a worker; more hear 503 */

struct feed_line;

struct feed {
	const struct lease_event *events;
	size_t count;
	struct lease_outcome *outcomes; /* room for `count` */
	/* After the last piece, or the first that failed; exactly once, maybe before the call
	 * returns. */
	void (*complete)(struct feed *f, int err);
	/* the line's: */
	struct feed *next;
	struct feed_line *line;
	size_t done;
};

struct feed_line {
	struct db_port *port;
	struct feed *first, *last;
	size_t in_store, waiting; /* events; those in the store wait too */
	bool moving, stopped;
};

void feed_line_join(struct feed_line *line, struct feed *f);
/* Who waits hears E_CLOSED; what is in the store completes. */
void feed_line_stop(struct feed_line *line);

#endif
