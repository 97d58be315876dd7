/* heed -- which triggers a phone follows
 *
 * A trigger is a hint from the network, and anybody can write one. So a phone follows it like this:
 *
 *   for another's mailbox             never followed: reported
 *   signed for this phone's binding   fetch, unless its timestamp is as old as one that was handled
 *   not signed, or badly              fetch too, but at most once in a pause (a minute), and
 *                                     whatever comes meanwhile is one fetch at its end
 *
 * A timestamp is handled only when a fetch that began after it was heard has succeeded; what is
 * heard while the fetch runs wants another one, but for repeats of what the fetch is for. What an
 * unsigned trigger says never makes a signed one old, and among the unsigned it counts only as far
 * as the phone's own clock bears it out: a forged time in the future silences nothing.
 *
 * Callers: phone, live_phone. Pure: the caller brings the times, monotonic `now_us` and Unix
 * `clock_s`. OWNERSHIP values; the mailbox and the key are borrowed. THREADS one a struct.
 * SEE docs/binding-rules.md 6; OMA-Push-EMN 1.0 (duplicates and age)
 */
#ifndef HATO_HANDSET_SIM_HEED_H
#define HATO_HANDSET_SIM_HEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handset-sim/given_token.h"
#include "lib/wire/push/trigger.h"

#define HEED_PAUSE_US      INT64_C(60000000) /* at most one fetch a minute on hints alone */
#define HEED_CLOCK_SLACK_S 60                /* so far our clock and the network's may differ */
#define HEED_RECENT        8

enum heed_verdict {
	HEED_NONE,     /* no trigger: another push, or broken */
	HEED_STRANGER, /* for another mailbox */
	HEED_OLD,      /* its time, or a later one, was handled; or a fetch for it is under way */
	HEED_SIGNED,   /* to be followed at once */
	HEED_HINT      /* to be followed when heed_due says so */
};

/* By what a phone tells its own network's triggers. key null: nothing can be checked now. */
struct heed_key {
	bool is_expected; /* false: this network signs nothing, and what comes is taken as signed */
	const struct given_token *token;
};

/* The newest timestamps of those that were heard: 0 is none. */
struct heard {
	int64_t signed_s, hint_s;
};

struct heed {
	struct heard wanted, fetching; /* not fetched for yet; what the running fetch is for */
	int64_t handled_s;             /* signed: this and older ones are handled */
	int64_t hint_floor_s;          /* hints: likewise */
	int64_t recent[HEED_RECENT];   /* hints that were handled, above the floor */
	unsigned next_recent;
	int64_t pause_us, pause_until_us; /* until then no fetch for hints alone */
	int64_t begun_s;                  /* the running fetch, by the phone's clock */
	bool is_fetching;
};

void heed_init(struct heed *h, int64_t pause_us);

/* A trigger came, by whatever bearer; `out` is filled but for HEED_NONE. */
enum heed_verdict heed_trigger(struct heed *h, const uint8_t *push, size_t n, const char *mailbox,
			       const struct heed_key *key, struct trigger *out);

/* Is there something to fetch for now? If not, *in_us is the time until there is; 0: nothing waits.
 */
bool heed_due(const struct heed *h, int64_t now_us, int64_t *in_us);
/* A fetch begins; it is for all that is wanted. And it has ended: what it was for is handled, or
 * wanted again. */
void heed_fetch_begins(struct heed *h, int64_t now_us, int64_t clock_s);
void heed_fetch_ended(struct heed *h, bool well);

#endif
