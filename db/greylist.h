/* greylist -- strangers who are asked to come again, and clients who were caught at a trap
 * (queue.db)
 *
 * A wing of db.h for smtpgw's checks. Which stranger waits how long is lib/rules/greylist; here a
 * triplet's row is kept. Who waits, and who comes again and again, costs a read; a stranger's
 * first mail, his first success and one renewal a day cost a write. A row of a trap counts how
 * often a client sent to an address that nobody has. Both tables are bounded: who would be one too
 * many makes those go that would expire first. The sweep of the queue (queue_sweep) takes out what
 * is over.
 *
 * CALLERS    smtpgw; authsrv for the operator
 * OWNERSHIP, THREADS and callbacks as in db.h. A client is kept as its network: an IPv6 address as
 * its /64, and in a triplet an IPv4 address as its /24 (big senders come again from a neighbour).
 * ERRORS     E_IO, E_BUSY, E_CLOSED, E_NOMEM as in db.h: let the mail in, this is no protection of
 *            anybody's mailbox
 * SEE        RFC 6647
 */
#ifndef HATO_DB_GREYLIST_H
#define HATO_DB_GREYLIST_H

#include "db/db.h"
#include "lib/rules/greylist.h"

struct greylist_triplet {
	struct addr client;
	const char *reverse_path, *recipient; /* as they are to be compared */
};
/* `verdict` tells all but `row`. */
typedef void greylist_got(void *arg, int err, const struct greylist_verdict *);
/* rows_max: triplets that are kept. */
void greylist_ask(struct db_port *, const struct greylist_triplet *, const struct greylist_rules *,
		  uint64_t rows_max, int64_t now_us, greylist_got *, void *arg);

struct trap_client {
	struct addr client;
	uint32_t hits;
	int64_t first_us, last_us, expires_us;
};
struct trap_hit {
	struct addr client;
	int64_t now_us, keep_us; /* it is remembered so long after its last hit */
	uint64_t rows_max;
};
typedef void trap_got(void *arg, int err, const struct trap_client *);
/* `got` hears of the row as it is now. */
void trap_hit(struct db_port *, const struct trap_hit *, trap_got *, void *arg);
/* E_NOT_FOUND: not caught, or it is long ago. */
void trap_find(struct db_port *, const struct addr *client, int64_t now_us, trap_got *, void *arg);
/* In order of the address, those after `after` (null: from the first) with so many hits at least.
 */
typedef void trap_list_got(void *arg, int err, const struct trap_client *, size_t n);
void trap_list(struct db_port *, const struct addr *after, uint32_t hits, int64_t now_us,
	       size_t limit, trap_list_got *, void *arg);
/* E_NOT_FOUND: it was not there. */
void trap_remove(struct db_port *, const struct addr *client, db_done *, void *arg);

struct greylist_stats {
	uint64_t triplets, clients;
};
typedef void greylist_stats_got(void *arg, int err, const struct greylist_stats *);
void greylist_stats(struct db_port *, greylist_stats_got *, void *arg);

#endif
