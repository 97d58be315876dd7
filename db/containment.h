/* containment -- what an operator does, and what the system does by itself, when bindings cannot be
 * trusted: freezes, tripped breakers, and the report of what went through a wrong binding
 *
 * A freeze is of one subscriber, one NAS or one prefix in a realm; while its row is there, every
 * check of a binding that it covers says `frozen` (lib/rules/binding: nothing is allowed), also the
 * ones inside a transaction: claims, refreshes, deletions at QUIT. A tripped breaker is of one pool
 * (a NAS or a prefix) and stops tokens for bare words there. Both are rows of bindings.db, so they
 * outlive every daemon; putting and removing one leaves a row of history and wakes the change feed.
 * While neither table has a row, a check pays for two looks at an empty table.
 *
 * THREADS, ERRORS and callbacks as in db.h. SEE binding-rules 9, docs/containment.md
 */
#ifndef HATO_DB_CONTAINMENT_H
#define HATO_DB_CONTAINMENT_H

#include "db/db.h"
#include "lib/addr_range.h"

#define CONTAINMENT_REASON_MAX 161

/* ---- freezes ---- */

enum freeze_kind { FREEZE_SUBSCRIBER, FREEZE_NAS, FREEZE_PREFIX, FREEZE_KINDS };
const char *freeze_kind_name(enum freeze_kind k); /* "subscriber", "nas", "prefix" */

struct freeze {
	int64_t id;
	enum freeze_kind kind;
	char realm[REALM_MAX];
	int64_t subscriber;
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX]; /* of the subscriber; one of them to put it */
	char nas_id[NAS_ID_MAX];
	struct addr_range prefix;
	bool defers_mail; /* a subscriber's: RCPT is answered 450 meanwhile */
	char reason[CONTAINMENT_REASON_MAX];
	char feeder[FEEDER_MAX]; /* id of the network key that did it */
	int64_t frozen_us;
};
/* E_NOT_FOUND: no such subscriber. E_EXISTS: frozen already. E_FULL: there are `max` of them. */
typedef void freeze_put_done(void *arg, int err, int64_t id);
void freeze_put(struct db_port *, const struct freeze *, size_t max, freeze_put_done *, void *arg);
/* E_NOT_FOUND: there is none of that number in the realm. */
void freeze_remove(struct db_port *, const char *realm, int64_t id, const char *feeder, db_done *,
		   void *arg);
/* Of a realm, in order of id, those after `after`. */
typedef void freeze_list_got(void *arg, int err, const struct freeze *, size_t n);
void freeze_list(struct db_port *, const char *realm, int64_t after, size_t limit,
		 freeze_list_got *, void *arg);

/* ---- tripped breakers ---- */

#define BREAKER_WAITS_MAX 16
#define BREAKER_POOL_MAX  (NAS_ID_MAX > ADDR_RANGE_TEXT_MAX ? NAS_ID_MAX : ADDR_RANGE_TEXT_MAX)

/* A pool is a NAS or a prefix of a realm. */
struct breaker_pool {
	char realm[REALM_MAX];
	bool is_prefix;
	char nas_id[NAS_ID_MAX];  /* "" for a prefix */
	struct addr_range prefix; /* zero for a NAS */
};
struct breaker_row {
	int64_t id;
	struct breaker_pool pool;
	int64_t attempts, hard, bare; /* lib/rules/breaker.h, when it tripped */
	int64_t tripped_us;
	/* The NASes that it waits for; without any, only the operator releases it. */
	size_t wait_count;
	char waits[BREAKER_WAITS_MAX][NAS_ID_MAX];
};
const char *breaker_pool_name(const struct breaker_pool *p, char text[BREAKER_POOL_MAX]);
/* E_EXISTS: it has tripped already. */
void breaker_put(struct db_port *, const struct breaker_row *, db_done *, void *arg);
/* The operator, by the pool's name (a NAS before a prefix of that name). E_NOT_FOUND. */
void breaker_release(struct db_port *, const char *realm, const char *pool, const char *feeder,
		     db_done *, void *arg);
/* Of a realm ("": all), in order of id, those after `after`. */
typedef void breaker_list_got(void *arg, int err, const struct breaker_row *, size_t n);
void breaker_list(struct db_port *, const char *realm, int64_t after, size_t limit,
		  breaker_list_got *, void *arg);

/* ---- what went through bindings that later proved wrong ---- */

#define MISBINDING_DOUBTS 200 /* rows of the history that one call looks at */

enum misbinding_why {
	MISBINDING_EVIDENCE, /* the generation was quarantined */
	MISBINDING_LATE,     /* a Start came late: the key had been another's since its own time */
	MISBINDING_STALE,    /* a Start older than what was applied shows who had held it before */
	MISBINDING_REPLACED, /* a resynchronisation, or an update twice, showed another holder */
	MISBINDING_WHYS
};
const char *misbinding_why_name(enum misbinding_why w);

/* One row of the access record that is in doubt, for one reason. An access may be so twice. */
struct misbinding {
	int64_t access, at_us;
	char what[16]; /* "read", "deleted", "triggered", ... */
	struct key key;
	uint32_t generation;
	int64_t subscriber;                      /* whose mail it was */
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX]; /* "" if he is gone */
	const uint32_t *uids;
	size_t uid_count;
	enum misbinding_why why;
	/* The row of the history that says so. */
	int64_t doubt, time_us, received_us;
	char event[24], outcome[64];
	char holder_msisdn[MSISDN_MAX], holder_imsi[IMSI_MAX]; /* raw: who it names */
	char session_id[SESSION_ID_MAX], nas_id[NAS_ID_MAX], evidence[256];
};
/* Where a report stands: after this access of this doubt. */
struct misbinding_place {
	int64_t doubt, access;
};
struct misbinding_query {
	char realm[REALM_MAX];
	int64_t since_us, until_us; /* of the accesses */
	struct misbinding_place after;
	size_t limit; /* rows */
};
/* Looks at up to MISBINDING_DOUBTS doubts. `next` null: that was all; else go on from there, also
 * when no row came. */
typedef void misbinding_got(void *arg, int err, const struct misbinding *rows, size_t n,
			    const struct misbinding_place *next);
void misbinding_report(struct db_port *, const struct misbinding_query *, misbinding_got *,
		       void *arg);

/* The history of freezes and breakers, newest first, those before an id (0: from the newest). */
struct containment_step {
	int64_t id, time_us;
	char event[24], outcome[64]; /* "frozen", "breaker-tripped", ...; of what kind */
	char realm[REALM_MAX];
	struct addr_range prefix; /* plen 0: none */
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX], nas_id[NAS_ID_MAX], feeder[FEEDER_MAX];
	char evidence[256];
};
typedef void containment_steps_got(void *arg, int err, const struct containment_step *, size_t n);
void containment_steps(struct db_port *, const char *realm, int64_t before, size_t limit,
		       containment_steps_got *, void *arg);

#endif
