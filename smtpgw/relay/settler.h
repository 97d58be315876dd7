/* settler -- what became of a job's recipients goes into the queue's file, and with it what follows
 *
 * Each answer is judged (lib/rules/relay): delivered recipients leave the queue, deferred ones get
 * the time of their next attempt, those who failed, or whose time is over, leave it too. What the
 * sender hears of it (notices) and what comes onto his suppression list are in the same
 * transaction: nothing goes without its bounce being on disk. A bounce that fails itself has nobody
 * to tell; it is logged, counted and, if the operator wants it, kept in the queue without a time of
 * its own.
 *
 * A settlement that the store refuses is brought again until it is taken, so a mail that was
 * delivered is not sent anew as long as this process lives.
 *
 * OWNERSHIP  a job is the settler's from settler_settle on, and freed by it
 * THREADS    one loop's
 */
#ifndef HATO_SMTPGW_RELAY_SETTLER_H
#define HATO_SMTPGW_RELAY_SETTLER_H

#include "lib/loop.h"
#include "smtpgw/relay/notices.h"

struct settler;

struct settler_rules {
	struct relay_schedule schedule;
	struct notices_settings notices;
	int64_t suppress_us; /* how long an entry of a suppression list lives; 0: none is made */
	bool holds_bounces;  /* one that cannot be delivered stays in the queue for the operator */
};

struct settler_options {
	struct loop *loop;
	struct db_port *port;
	struct settler_rules rules;
	/* A job is off the queue, or due again then (INT64_MAX: not by itself). */
	void (*settled)(void *arg, int64_t next_us);
	void *arg;
};

int settler_new(const struct settler_options *options, struct settler **out); /* E_NOMEM */
/* What the store has not taken yet is forgotten, and so due again at the next start. */
void settler_free(struct settler *s);

/* Every recipient has an answer. not_before_us: the earliest next attempt of who is deferred; 0: as
 * the schedule says. */
void settler_settle(struct settler *s, struct job *j, int64_t not_before_us);
/* Not tried after all: due as before. */
void settler_give_back(struct settler *s, struct job *j);
size_t settler_left(const struct settler *s);

#endif
