/* breakers -- authsrv's circuit breakers: which pools contradict their feed, and since when
 *
 * A pool is a NAS, or a prefix of authsrv.breaker_prefixes, in a realm; an address counts in both.
 * Workers note what they see in a tally of their own, which costs the way to a token a few stores
 * into memory; it goes under the shared lock when it is full and once a second. Worker 0 judges
 * once a second (lib/rules/breaker.h) and puts what trips into the store: that row, not this
 * memory, is what the token path asks (binding_found.tripped), so it outlives authsrv and holds for
 * every process. What was counted is memory, and begins anew with the process and with a release.
 *
 * Starts of claimants and hard evidence come by the change feed, whoever wrote them: worker 0's
 * watch. THREADS the notes: the worker's; the rest as said. SEE binding-rules 9
 */
#ifndef HATO_AUTHSRV_BREAKERS_H
#define HATO_AUTHSRV_BREAKERS_H

#include "db/containment.h"
#include "lib/conf.h"

struct worker;
struct breakers;

#define BREAKER_PREFIXES_MAX 31
#define BREAKER_TALLY        128

/* One thing that a worker saw. */
struct breaker_note {
	enum { NOTE_ATTEMPT, NOTE_BARE, NOTE_HARD } kind;
	const char *realm; /* of the configuration: it stays */
	char nas_id[NAS_ID_MAX];
	struct addr addr;
	int64_t subscriber, claimant, at_us;
};
struct breaker_tally {
	size_t n;
	struct breaker_note notes[BREAKER_TALLY];
};

/* E_SYNTAX, E_NOMEM with error[] filled. */
int breakers_new(const struct conf *c, struct breakers **out, char error[256]);
void breakers_free(struct breakers *b);

/* ---- any worker ---- */

/* The bound subscriber's address asks for a token. */
void breakers_attempt(struct worker *w, const struct binding_found *f);
/* ... in the name of another, by a bare word. */
void breakers_disagree(struct worker *w, const struct binding_found *f, int64_t claimant);
/* Once a second. Worker 0 judges, too. */
void breakers_second(struct worker *w);

/* ---- worker 0 ---- */

/* What is tripped already. */
void breakers_start(struct worker *w);
/* From the change feed. */
void breakers_changed(struct worker *w, const struct change *change);

#endif
