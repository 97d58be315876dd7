/* sims -- the SIM of a subscriber, and SIMs that are nobody's yet, inside a writer's transaction
 *
 * K and OPc stand sealed (lib/seal), with their owner as associated data: a subscriber's id, or, as
 * long as nobody has the SIM, its IMSI. They are opened for authsrv's proofs (sim_secret_get, db.h)
 * and to be sealed anew when a SIM finds its owner; never for a page or a log.
 */
#ifndef HATO_DB_SIMS_H
#define HATO_DB_SIMS_H

#include "db/db_private.h"

struct sim_taken {
	bool given; /* there is a key */
	struct sim_key key;
	int64_t seq_dif;
};
/* Takes the SIM of this IMSI out of those that are nobody's. Its key goes into *sim unless one was
 * given already; none is there: *sim stays as it is. */
int sim_take(const struct db *db, struct engine *e, const char *imsi, struct sim_taken *sim);
int sim_set_imsi(struct engine *e, int64_t subscriber, const char *imsi); /* "": none */
/* *changed: it is another key than before. */
int sim_set_key(const struct db *db, struct engine *e, int64_t subscriber,
		const struct sim_taken *sim, bool *changed);
int sim_set_no_key(struct engine *e, int64_t subscriber);
/* Another SIM or a first key: all tokens of the subscriber end. `outcome`: for the history. */
int sim_changed(const struct db *db, struct engine *e, int64_t subscriber, const char *outcome);

#endif
