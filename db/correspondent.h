/* correspondent -- the domains that a subscriber corresponds with (queue.db)
 *
 * A wing of db.h for smtpgw: whom he sent to through submission, and whose mail he took that its
 * domain stands by (DMARC pass). A mail from a domain that only looks like one of them is worth a
 * warning. Organisations are kept (lib/rules/lookalike), a bounded number of each subscriber, those
 * heard of longest ago go first. To hear of one again costs a read, and once a day a write.
 *
 * What a domain looks like is kept with it; when the tables of confusables change with the library,
 * a row follows the next time it is heard of.
 *
 * CALLERS    smtpgw
 * OWNERSHIP, THREADS and callbacks as in db.h
 * ERRORS     as in db.h: no warning is given then, nothing else is lost
 */
#ifndef HATO_DB_CORRESPONDENT_H
#define HATO_DB_CORRESPONDENT_H

#include "db/db.h"
#include "lib/wire/dns/name.h"

#define CORRESPONDENT_NOTE_MAX 8 /* domains of one mail that are noted */

struct correspondents {
	int64_t subscriber;
	const char *domains[CORRESPONDENT_NOTE_MAX]; /* what is no domain is skipped */
	size_t count;
	int64_t now_us;
	int64_t most; /* of one subscriber; 0: none are kept */
};
void correspondent_note(struct db_port *, const struct correspondents *, db_done *, void *arg);

/* Of the subscriber's, the one that `domain` looks like and is not; E_NOT_FOUND: there is none, or
 * `domain` itself is one of them. Answers before it returns. */
typedef void correspondent_got(void *arg, int err, const char *imitated);
void correspondent_imitated(struct db_port *, int64_t subscriber, const char *domain,
			    correspondent_got *, void *arg);

#endif
