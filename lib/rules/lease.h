/* lease -- what a lease event does to the bindings: binding-rules 3, for every feed
 *
 * lease_apply() decides one event against what is stored and writes the outcome back through
 * `struct lease_store`, a port that the caller provides: the database's writer inside its
 * transaction (db/), arrays in the tests. It does no I/O of its own, asks no clock and keeps
 * nothing, so the same store and the same events give the same result, in any interleaving a test
 * can think of.
 *
 * Two questions, two answers. Who holds the key: a Start newer than the key's watermark evicts,
 * even if its own subscriber is unknown, contradictory or unreadable. Which session is the
 * subscriber's: the newest, by time normalised over NASes.
 *
 * An On/Off may end very many sessions. With `ends_max` it ends so many at a time: its own row (the
 * NAS's new epoch) comes with the first ones, and lease_go_on() ends the next, each piece a
 * transaction of its own, until the outcome is not `unfinished`; only then may the NAS be answered.
 * The row first, not last: what the NAS says meanwhile is of the new epoch, so a name that it uses
 * again is a new session, and no further one of the old epoch can begin; a session that is still to
 * be ended is ended first by any event of its NAS that meets it. What is still to be ended
 * is what the NAS's row says: sessions that began before its newest On/Off. So a crash between two
 * pieces loses nothing: those that were ended are over, the others are as if the On/Off was still
 * on its way, and the NAS, which heard no answer, repeats it; any On/Off of the NAS, also a stale
 * one, goes on where the newest was left. OWNERSHIP everything by value; the event and the store
 * are borrowed for the call. SEE binding-rules 1, 3, 7.
 */
#ifndef HATO_LIB_RULES_LEASE_H
#define HATO_LIB_RULES_LEASE_H

#include "lib/device.h"
#include "lib/rules/binding.h"

#define MSISDN_MAX 16 /* E.164: 15 digits and NUL */
#define IMSI_MAX   16
#define FEEDER_MAX 32

enum lease_kind { LEASE_START, LEASE_UPDATE, LEASE_STOP, LEASE_NAS_ON, LEASE_NAS_OFF, LEASE_KINDS };

enum lease_result {
	LEASE_APPLIED,
	LEASE_STALE,     /* history only */
	LEASE_DUPLICATE, /* a refresh: nothing moved */
	LEASE_QUARANTINED,
	LEASE_ERROR /* not applied as said; a Start has evicted all the same */
};

/* Who a DHCP server says its client is: one device of a kind, in the order of the kinds. */
struct lease_devices {
	size_t count;
	struct device list[DEVICE_KINDS];
};

struct lease_event {
	enum lease_kind kind;
	char realm[REALM_MAX];
	struct key keys[2]; /* at most one IPv4 and one IPv6 */
	size_t key_count;
	char nas_id[NAS_ID_MAX];
	char session_id[SESSION_ID_MAX]; /* "": derived from NAS, key, subscriber */
	char msisdn[MSISDN_MAX];         /* raw identities; "" if not said */
	char imsi[IMSI_MAX];
	/* Borrowed until the event is applied; null: none. The device table leads from them to the
	 * subscriber: binding-rules 3, "Devices". */
	const struct lease_devices *devices;
	bool session_recurs; /* DHCP: the name comes again with the client's next lease of the
				address; time tells the leases apart */
	bool unreadable;     /* the identities could not be parsed: a Start still evicts */
	int64_t time_us;     /* event time as the feed said it; 0: it did not */
	int64_t delay_us;    /* how long the feed held it back (Acct-Delay-Time) */
	int64_t received_us; /* arrival here */
	int64_t lease_us;    /* how long it lasts; 0: until the Stop */
	int64_t batch; /* events of one REST batch share a number; their order is known. 0: none */
	char feeder[FEEDER_MAX]; /* id of the network key that brought it */
	uint32_t bearer;  /* Charging-ID: one of several bearers of the session; 0: not said */
	bool last_bearer; /* a Stop that says so ends the session, whatever bearers it had */
};

struct lease_outcome {
	enum lease_result result;
	const char *problem; /* static: the NAME of urn:hato:problem:NAME; null unless result is
				error */
	const char *detail;  /* static, for people; may be null */
	int64_t subscriber;  /* whom the event was about; 0 unknown */
	uint32_t generation; /* of the first key, after the event; 0: no key */
	int64_t time_us;     /* the event time that was used */
	bool time_replaced;  /* the feed's time was out of bounds: an alarm for its NAS */
	bool unfinished;     /* an On/Off that may have left sessions to end: lease_go_on() */
};

struct lease_limits {
	int64_t max_skew_us; /* authsrv.max_skew */
	int64_t max_age_us;  /* authsrv.max_age; 0: none */
	int64_t lag_us;      /* a feed later than this makes its NAS `behind`: 30 s */
	size_t ends_max;     /* sessions that an On/Off ends at a time; 0: all */
};

struct nas_row {
	char realm[REALM_MAX];
	char nas_id[NAS_ID_MAX];
	uint32_t epoch;    /* Accounting-On opens a new one */
	int64_t on_us;     /* event time of the newest On/Off; INT64_MIN: none */
	int64_t offset_us; /* its clock against ours: smoothed minimum of arrival - event time */
	bool offset_known;
	int64_t behind_us; /* bindings renewed before this are not to be trusted with a bare word;
			      0: not behind */
	int64_t listed_us; /* the moment of its last whole list (resync.h); 0: none */
};

/* One of several bearers (PDP contexts) of a session. Ended ones are kept, so that a late Start
 * does not revive them. */
#define SESSION_BEARERS_MAX 16
struct session_bearer {
	uint32_t id;
	bool ended;
};

struct session_row {
	int64_t id; /* 0: not stored yet */
	char realm[REALM_MAX];
	char nas_id[NAS_ID_MAX];
	char session_id[SESSION_ID_MAX];
	uint32_t epoch;
	int64_t subscriber;
	int64_t started_us;    /* event time of its Start (or of the update that revealed it) */
	int64_t normalised_us; /* started_us in our clock */
	int64_t renewed_us;
	int64_t ended_us; /* 0: not ended. Ended ones are remembered 24 h */
	bool active;      /* it is its subscriber's session in this realm: at most one */
	struct session_bearer bearers[SESSION_BEARERS_MAX];
	size_t bearer_count;
};

/* Where a walk through sessions stands, in order of (started_us, id). */
struct session_cursor {
	int64_t started_us, id;
};

/* The port to what is stored. Every call returns 0 or E_*; any E_* but E_NOT_FOUND ends lease_apply
 * with it, and the caller rolls back. A put with id 0 inserts and sets the id (sessions) or inserts
 * by key (bindings, NASes). */
struct lease_store {
	void *ctx;
	/* E_NOT_FOUND: unknown. E_CONFLICT: msisdn and imsi are two subscribers' (or one of them is
	 * unknown and the other not). */
	int (*subscriber_find)(void *ctx, const char *msisdn, const char *imsi, int64_t *id);
	/* Whose device it is. E_NOT_FOUND: nobody's. Asked only for events that name devices. */
	int (*device_find)(void *ctx, const char *realm, const struct device *d, int64_t *id);
	int (*nas_get)(void *ctx, const char *realm, const char *nas_id, struct nas_row *out);
	int (*nas_put)(void *ctx, const struct nas_row *nas);
	int (*binding_get)(void *ctx, const struct key *k, struct binding *out);
	/* A key that overlaps k and is not k, and is held, or has a watermark after newer_us: the
	 * next one after `after` (null: the first). What lies inside k comes in order of key, then
	 * what lies around it, the narrowest first. E_NOT_FOUND: no more. */
	int (*binding_overlapping)(void *ctx, const struct key *k, int64_t newer_us,
				   const struct key *after, struct binding *out);
	int (*binding_put)(void *ctx, const struct binding *b);
	/* The newest session of this name whose epoch is at most `epoch`. */
	int (*session_find)(void *ctx, const char *realm, const char *nas_id,
			    const char *session_id, uint32_t epoch, struct session_row *out);
	int (*session_get)(void *ctx, int64_t id, struct session_row *out);
	int (*session_active)(void *ctx, const char *realm, int64_t subscriber,
			      struct session_row *out);
	/* An active session takes the place of the one that its subscriber had in that realm: that
	 * is active no more. */
	int (*session_put)(void *ctx, struct session_row *s);
	/* The bindings a session holds: at most two. */
	int (*session_bindings)(void *ctx, int64_t session, struct binding out[2], size_t *n);
	/* Any not-ended session of the NAS that started strictly before time_us. */
	int (*session_before)(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			      struct session_row *out);
	/* The not-ended sessions of the NAS that started strictly before time_us, `max` at a time:
	 * fewer are the last. */
	int (*sessions_open)(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			     struct session_cursor *at, int64_t *ids, size_t max, size_t *n);
};

/* 0 (the outcome is filled) or the store's error. */
int lease_apply(const struct lease_store *store, const struct lease_limits *limits,
		const struct lease_event *ev, struct lease_outcome *out);

/* The next sessions of an On/Off whose outcome is `unfinished`: that is all that changes in it. */
int lease_go_on(const struct lease_store *store, const struct lease_limits *limits,
		const struct lease_event *ev, struct lease_outcome *out);

/* What an event means for one key, before anything is written: the (state, event) table itself
 * (docs/binding-table.md is made from it). */
enum key_verdict {
	VERDICT_WINS,     /* the holder goes; the event's session comes, if it may */
	VERDICT_REFRESH,  /* the holder speaks again */
	VERDICT_STALE,    /* history only */
	VERDICT_CONTESTS, /* an update of another session: the holder is in doubt */
	VERDICT_CONFLICT, /* hard evidence: quarantine */
	VERDICT_REFUSED,  /* an update that would lend a session to another subscriber */
	VERDICTS
};
struct key_question {
	enum lease_kind kind; /* LEASE_START or LEASE_UPDATE */
	int64_t time_us, batch;
	int64_t session;          /* row id of the event's session; 0: new */
	int64_t session_began_us; /* its event time: a rival of before is not it */
	bool session_known;       /* it was stored before this event */
	bool session_ended;       /* we know that it is over */
	bool session_changed;     /* it is another subscriber's */
	bool newest;              /* updates: its subscriber has no newer session */
	bool contradictory;       /* the identities are two subscribers' */
	int64_t subscriber;       /* 0: not known */
};
enum key_verdict lease_verdict(const struct binding *b, const struct key_question *q);

/* A binding is not to be trusted with a bare word or a datagram while its NAS is behind and nothing
 * has renewed it. */
bool lease_is_behind(const struct nas_row *nas, const struct binding *b);

/* Ends a session by the operator's or provisioning's word, as a Stop at time_us would. */
int lease_end_session(const struct lease_store *store, struct session_row *s, int64_t time_us);

/* A bearer of the session was seen (or, ended, its Stop was). Where there is no more room the
 * oldest ended one is forgotten; if all are active, the new one is not kept: its own Stop then ends
 * nothing, and the session ends with the others'. */
void session_bearer_note(struct session_row *s, uint32_t bearer, bool ended);
bool session_has_active_bearer(const struct session_row *s);

/* "client-id=01aabb hw-address=02...": for the history and the log. Returns `text`. */
#define LEASE_DEVICES_TEXT_MAX (DEVICE_KINDS * (DEVICE_TEXT_MAX + 16))
const char *lease_devices_format(const struct lease_devices *devices,
				 char text[LEASE_DEVICES_TEXT_MAX]);

const char *lease_kind_name(enum lease_kind k); /* "start", "update", "stop", "nas-on", "nas-off" */
const char *lease_result_name(enum lease_result r); /* "applied", ... */
const char *key_verdict_name(enum key_verdict v);   /* "wins", ... */

#endif
