/* lease_private -- one event on its way through the rules: shared by lease.c, lease_key.c and
 * verdict.c only */
#ifndef HATO_LIB_RULES_LEASE_PRIVATE_H
#define HATO_LIB_RULES_LEASE_PRIVATE_H

#include "lib/rules/lease.h"

/* One event on its way through the rules. */
struct applying {
	const struct lease_store *store;
	const struct lease_limits *limits;
	const struct lease_event *ev;
	struct lease_outcome *out;
	struct nas_row nas;
	int64_t time_us;        /* the event time that counts */
	int64_t subscriber;     /* 0: unknown */
	bool contradictory;     /* msisdn and imsi are two subscribers' */
	struct session_row own; /* the session the event names; id 0: not stored */
	bool identified;        /* the event says who it is about, whether or not we know him */
	bool strange_devices;   /* it names devices only, and none of them is known */
	bool own_known;         /* its session was stored before this event, and not as an earlier
				   one of that name */
	bool own_changed;       /* it was another subscriber\'s, and is not known to have ended */
	bool own_ended;         /* we know that it is over: such an event comes too late */
};

/* lease.c */
void lease_say(struct applying *a, enum lease_result result, const char *detail);
void lease_refuse(struct applying *a, const char *problem, const char *detail);
/* A session that an unfinished On/Off of the event's NAS has still to end is over already: whom the
 * event meets, it ends. */
int lease_end_former(const struct applying *a, struct session_row *s);
/* The graver of two outcomes: quarantined, error, applied, duplicate, stale. */
const struct lease_outcome *lease_graver(const struct lease_outcome *a,
					 const struct lease_outcome *b);
/* The bindings of a session become free; a watermark that is later than theirs is theirs. */
int lease_free_bindings(const struct lease_store *s, int64_t session, int64_t watermark_us,
			int64_t batch);

/* lease_device.c: what the event's devices say; they must agree with what is known already */
int lease_ask_devices(struct applying *a);

/* The name of a session whose feed gives none. */
void lease_derive_session(const struct key *k, int64_t subscriber, char name[SESSION_ID_MAX]);

/* lease_key.c: a Start or an update for one key, the outcome said and stored */
int lease_apply_to_key(struct applying *a, const struct key *k);

#endif
