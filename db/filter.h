/* filter -- which mail a subscriber takes, in the store
 *
 * A wing of db.h. authsrv writes, at the subscriber's own word or the operator's; smtpgw reads at
 * each RCPT, so a change holds for every mail whose recipient is named after it was answered.
 * Nothing is cached, so the change feed is not told. It goes with its subscriber.
 *
 * OWNERSHIP  a filter that is told of lives until the callback returns (filter_copy); one that is
 *            put is copied
 * THREADS, ERRORS as in db.h. SEE lib/rules/filter.h
 */
#ifndef HATO_DB_FILTER_H
#define HATO_DB_FILTER_H

#include "db/db.h"
#include "lib/rules/filter.h"

/* A subscriber, by his number, or by his id if msisdn is null. */
struct filter_owner {
	const char *msisdn;
	int64_t id;
};

/* All of them E_NOT_FOUND: no such subscriber. A reset where nothing was chosen is none. */
void filter_put(struct db_port *, const struct filter_owner *, const struct filter *, db_done *,
		void *arg);
void filter_reset(struct db_port *, const struct filter_owner *, db_done *, void *arg);

/* The default's, when the subscriber never chose (is_own false). */
typedef void filter_got(void *arg, int err, const struct filter *, bool is_own);
void filter_get(struct db_port *, const struct filter_owner *, filter_got *, void *arg);
/* Whose mail address this is, in comparison form; nobody's has the default's. Complete before it
 * returns. */
void filter_of_address(struct db_port *, const char *canonical, filter_got *, void *arg);

#endif
