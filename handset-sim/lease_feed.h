/* lease_feed -- the network's word in the incident: Starts and Stops that come late, out of order,
 * twice, and again until they are acknowledged
 *
 * An event says when it happened (time_us) and when it leaves (due_us): what is due leaves in
 * batches on a few connections, which overtake each other. A batch without a 200 is sent again as
 * it is, for as long as it takes: a feed does not know whether the system had committed before it
 * died. `acked` comes once an event. OWNERSHIP the feed's caller frees it; events are copied.
 * THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_LEASE_FEED_H
#define HATO_HANDSET_SIM_LEASE_FEED_H

#include "handset-sim/agenda.h"
#include "handset-sim/http_channel.h"

enum feed_kind { FEED_START, FEED_STOP };

/* What the event is in the story: the rules never see it. */
enum feed_part {
	PART_TRUE,     /* as it happened */
	PART_WRONG,    /* the faulty feed's: the address is another's */
	PART_REPEATED, /* an event of before, once more, long after */
	PART_CORRECTED /* what mends it */
};

struct feed_event {
	int64_t due_us;    /* monotonic; first: the agenda's */
	int64_t time_us;   /* event time */
	uint32_t customer; /* whom it names */
	uint32_t address, session;
	uint8_t kind, part, nas;
};

enum feed_result { FEED_APPLIED, FEED_STALE, FEED_DUPLICATE, FEED_QUARANTINED, FEED_ERROR };

struct feed_counts {
	uint64_t sent, repeated, results[FEED_ERROR + 1];
	uint64_t batches_unanswered;
};

typedef void feed_acked(void *arg, const struct feed_event *ev, enum feed_result result);

struct lease_feed;

struct feed_options {
	const struct http_target *target;
	const char *key;        /* the bearer's; copied */
	const char *const *nas; /* names, by feed_event.nas; borrowed */
	uint32_t first;         /* number of customer 0 */
	uint64_t run;           /* makes session ids this run's own */
	void (*address)(uint32_t index, struct addr *out);
	feed_acked *acked;
	void *arg;
};

int lease_feed_new(struct loop *loop, const struct feed_options *o, struct lease_feed **out);
void lease_feed_free(struct lease_feed *f);
/* E_NOMEM. */
int lease_feed_tell(struct lease_feed *f, const struct feed_event *ev);
/* Events that have not been acknowledged. */
size_t lease_feed_open(const struct lease_feed *f);
const struct feed_counts *lease_feed_counts(const struct lease_feed *f);
/* The name of a customer's session: 48 octets. */
void lease_feed_session(const struct lease_feed *f, uint32_t customer, uint32_t session,
			char name[48]);

#endif
