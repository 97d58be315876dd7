/* resync -- a NAS's whole list of sessions replaces what is held for it: binding-rules 3
 *
 * The list says what was true at one moment of the NAS's clock. What started before that moment and
 * is not on the list is over; what is on it holds its keys, with a new generation wherever it had
 * not held them already; what began at that moment or later is newer than the list and stays.
 * Quarantine and doubt end where the list speaks, and the NAS is no longer behind, unless it fell
 * behind after the list was true.
 *
 * Pure, over the store port of lease.h, like a lease event. resync_look() is for who wants to keep
 * the transaction short: it reads one entry outside of it and marks it `settled` if all is as
 * listed; resync_apply() then passes over it, so the caller takes the mark away again from entries
 * whose keys have changed meanwhile. OWNERSHIP list, entries, index and texts are the caller's.
 */
#ifndef HATO_LIB_RULES_RESYNC_H
#define HATO_LIB_RULES_RESYNC_H

#include "lib/rules/lease.h"

#define RESYNC_SHOWN 100 /* of each kind of difference; all are counted */

enum resync_fate {
	RESYNC_KEPT,  /* it held its keys already */
	RESYNC_ADDED, /* it holds a key that nobody held */
	RESYNC_MOVED, /* it took a key from another session, or has another key than before */
	RESYNC_REFUSED,
	RESYNC_FATES
};

/* A key without its realm, which is the list's: a list may be long. */
struct resync_key {
	struct addr addr;
	uint8_t plen;
	uint16_t port_first, port_last;
};

struct resync_entry {
	const char *session_id; /* "": derived */
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX];
	struct resync_key keys[2]; /* at most one IPv4 and one IPv6; none: refused */
	uint8_t key_count;
	bool unreadable;    /* the identities could not be parsed: its keys are nobody's */
	int64_t started_us; /* 0: not said */
	int64_t lease_us;   /* from the list's moment on; 0: until the Stop */
	/* The rest is filled in. A reader's refusal comes with problem and detail. */
	bool settled, contradictory;
	uint32_t epoch; /* of the NAS, when it was looked at */
	bool displaced; /* another entry took what its session held */
	bool waits;     /* another NAS's session stands there, and may go by another entry */
	enum resync_fate fate;
	const char *problem, *detail; /* static */
	int64_t subscriber, session;
};

/* Whose session an entry is: in order of the session's id. */
struct resync_index {
	int64_t session;
	struct resync_entry *entry;
};

struct resync_list {
	char realm[REALM_MAX];
	char nas_id[NAS_ID_MAX];
	char feeder[FEEDER_MAX];
	int64_t time_us;     /* the moment it is true for, by the NAS's clock */
	int64_t received_us; /* arrival here */
	struct resync_entry *entries;
	size_t count;
	struct resync_index *index; /* room for `count` */
	/* Whose turn it is, for who keeps the history; null: of those that are not listed. */
	const struct resync_entry *turn;
};

struct resync_ended {
	char session_id[SESSION_ID_MAX];
	int64_t subscriber;
	struct key keys[2];
	size_t key_count;
};

struct resync_report {
	size_t fates[RESYNC_FATES];
	size_t ended;    /* active sessions that the list does not know */
	size_t released; /* keys that came out of quarantine or doubt */
	bool behind;     /* still: the list is older than the silence */
	bool time_replaced;
	int64_t time_us; /* the moment that was used */
	struct resync_ended ended_first[RESYNC_SHOWN];
};

/* Everything in one transaction of the caller's. E_CONFLICT: the list is older than the NAS's last
 * one or its last On/Off, and nothing was written. Else 0 or the store's error. */
int resync_apply(const struct lease_store *store, const struct lease_limits *limits,
		 struct resync_list *list, struct resync_report *report);

/* Reads only: the entries from `first` on, `n` of them. E_CONFLICT as above. */
int resync_look(const struct lease_store *store, const struct lease_limits *limits,
		const struct resync_list *list, size_t first, size_t n);

const char *resync_fate_name(enum resync_fate f); /* "kept", "added", "moved", "refused" */

#endif
