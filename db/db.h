/* db -- all durable state, as whole intents
 *
 * The only door to what is stored (with containment.h, its wing for the bad day). A caller submits
 * an intent ("accept this mail for these recipients", "apply these lease events") and hears of its
 * completion by callback on its own loop; a read may complete before its call returns. No
 * transaction, no SQL and no engine shows here, so that a networked engine, hash-sharded by
 * subscriber, can stand behind this header without a caller noticing. The embedded engine is SQLite
 * (WAL, synchronous=FULL), two files: bindings.db (subscribers, sessions, bindings, history) and
 * mail.db (mailboxes, messages, bodies, outbox), so that a lease event never waits behind a 25 MB
 * message.
 *
 * A write completes after its commit is on disk: what the callback says may be promised to the
 * outside. Writes of one process go through one writer thread in groups (all that waits, bounded in
 * number and bytes).
 *
 * OWNERSHIP  arguments are copied or consumed before the call returns, unless said otherwise; what
 * a callback gets is borrowed for the length of the callback. A callback always comes, exactly
 * once, also at shutdown (E_CLOSED); its `arg` must live until then: a session with an operation in
 * flight stays allocated until the completion. THREADS    a db_port belongs to one loop and its
 * thread. db_open/db_close from the main thread. ERRORS     E_IO: the store cannot be asked or
 * refused (disk full, corrupt): answer "later", never yes. E_BUSY: the writer's queue is over its
 * limit: shed. E_CONFLICT: compare-and-set lost. E_NOT_FOUND, E_EXISTS as named.
 */
#ifndef HATO_DB_DB_H
#define HATO_DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/aka.h"
#include "lib/loop.h"
#include "lib/rules/binding.h"
#include "lib/rules/lease.h"
#include "lib/rules/resync.h"
#include "lib/rules/schedule.h"

struct db;
struct db_port;

struct db_options {
	const char *dir;      /* folder of the database files; made if missing */
	unsigned files;       /* of DB_FILE(): what this process asks of it. 0: bindings and mail */
	const char *hint_dir; /* folder of the hint sockets (DIR/run); null: no hints between
				 processes */
	const char *daemon;   /* this process's name in hint_dir and in the history */
	const uint8_t *secret_key; /* 64 octets that encrypt K and OPc at rest; null: not able to */
	struct lease_limits lease;
	struct schedule
		schedule;        /* pushsrv's: which bearer, when; all zero: nothing is triggered */
	size_t queue_max;        /* submitted writes that wait; over it E_BUSY. 0: default 10,000 */
	size_t group_max;        /* writes in one commit. 0: default 512 */
	size_t group_bytes;      /* bytes in one commit. 0: default 4 MiB */
	int64_t history_keep_us; /* lease_event and access rows. 0: default 90 days */
	int64_t tombstone_us;    /* a deleted number or address stays unused. 0: default 90 days */
	uint64_t queue_mails, queue_octets; /* db/queue.h: of what waits to go out. 0: no limit */
};

/* Opens or makes both files, runs the migrations, starts the writer thread. E_IO, E_RANGE (schema
 * is newer than we are). */
int db_open(const struct db_options *options, struct db **out);
/* Completes what was submitted, then closes. All ports must be closed first. */
void db_close(struct db *db);
int db_port_open(struct db *db, struct loop *loop, struct db_port **out);
void db_port_close(struct db_port *port);

typedef void db_done(void *arg, int err);

/* ---- subscribers (written by authsrv)
 * -------------------------------------------------------------------------- */

#define ADDRESS_MAX          321 /* 64 @ 255 NUL */
#define SUBSCRIBER_ADDRESSES 16
#define SIM_KEY_BYTES        16

struct subscriber {
	int64_t id;
	char msisdn[MSISDN_MAX];
	char imsi[IMSI_MAX]; /* "" if none */
	size_t address_count;
	struct {
		char shown[ADDRESS_MAX]; /* byte for byte as provisioned (dequoted): the first names
					    the mailbox in triggers */
		char canonical[ADDRESS_MAX]; /* comparison form, lower case */
	} addresses[SUBSCRIBER_ADDRESSES];
	bool has_sim_key;
};

struct subscriber_put {
	struct subscriber subscriber; /* id is ignored */
	bool set_sim_key;             /* k and opc are given */
	uint8_t k[SIM_KEY_BYTES], opc[SIM_KEY_BYTES];
};
/* By MSISDN. Another IMSI or K than before is a SIM change: the subscriber's bindings get a new
 * generation, unconfirmed. Another IMSI without K and OPc brings those of the SIM that sim_put left
 * for it, else none. E_CONFLICT: IMSI or an address is another subscriber's, or the number or
 * an address is a tombstone. */
typedef void subscriber_put_done(void *arg, int err, int64_t id, bool created);
void subscriber_put(struct db_port *, const struct subscriber_put *, subscriber_put_done *,
		    void *arg);
/* Ends sessions, frees keys, leaves tombstones, tells pushsrv by the change feed to dispose of the
 * mail (unread mail is deleted and counted). E_NOT_FOUND. */
void subscriber_remove(struct db_port *, const char *msisdn, db_done *, void *arg);

typedef void subscriber_got(void *arg, int err, const struct subscriber *);
void subscriber_by_msisdn(struct db_port *, const char *msisdn, subscriber_got *, void *arg);
void subscriber_by_imsi(struct db_port *, const char *imsi, subscriber_got *, void *arg);
void subscriber_by_id(struct db_port *, int64_t id, subscriber_got *, void *arg);
void subscriber_by_address(struct db_port *, const char *canonical, subscriber_got *, void *arg);
/* In order of MSISDN, those after `after` ("" from the start). */
typedef void subscriber_list_got(void *arg, int err, const struct subscriber *, size_t n);
void subscriber_list(struct db_port *, const char *after, size_t limit, subscriber_list_got *,
		     void *arg);

/* ---- devices: what DHCP servers know a subscriber's phone by (written by authsrv)
 * ------------------------------------------------------------------------------------------------
 */

struct device_row {
	struct device device;
	char msisdn[MSISDN_MAX];
};
/* E_NOT_FOUND: no such subscriber. A device that changes hands ends its former owner's session in
 * that realm; so does device_remove (E_NOT_FOUND: nobody's). A lease that stands comes again with
 * its renewal. A removed subscriber's devices go with him. */
typedef void device_put_done(void *arg, int err, bool created);
void device_put(struct db_port *, const char *realm, const struct device *, const char *msisdn,
		device_put_done *, void *arg);
void device_remove(struct db_port *, const char *realm, const struct device *, db_done *,
		   void *arg);
typedef void device_got(void *arg, int err, const struct device_row *); /* E_NOT_FOUND */
void device_get(struct db_port *, const char *realm, const struct device *, device_got *,
		void *arg);
/* In order of the kind's name, then of the octets; those after `after` (null: from the start). */
typedef void device_list_got(void *arg, int err, const struct device_row *, size_t n);
void device_list(struct db_port *, const char *realm, const struct device *after, size_t limit,
		 device_list_got *, void *arg);

/* ---- bindings
 * --------------------------------------------------------------------------------------------------
 */

/* lib/rules/lease.h applied to each event in order, in one transaction, but that of an On/Off with
 * many sessions: it ends a piece of them (lease.ends_max; 0: default 1,000), and the rest and the
 * events after it come in further ones, between which others have their turn. `done` hears of all,
 * or of the first error: what was committed before it stays, and the same events again change
 * nothing of it. A bad event does not sink the others. Each leaves a history row. The events are
 * copied, their devices borrowed until the callback. `out` has n rows. */
typedef void binding_applied(void *arg, int err, const struct lease_outcome *out, size_t n);
void binding_apply(struct db_port *, const struct lease_event *events, size_t n, binding_applied *,
		   void *arg);

/* A NAS's whole list (lib/rules/resync.h), in one transaction. Most of the work is done before it,
 * by reading a few entries at a time on the port's loop; in it only what differs, or has changed
 * since, is looked at. The list is borrowed until the callback, and so are the texts in it.
 * E_CONFLICT: it is older than what is known. locked_us: how long the transaction kept others
 * waiting. */
typedef void nas_resynced(void *arg, int err, const struct resync_report *, int64_t locked_us);
void nas_resync(struct db_port *, struct resync_list *list, nas_resynced *, void *arg);

/* What consumers check: the committed binding that holds this source address (and port), with all
 * that a decision needs. */
struct binding_found {
	struct binding b;
	uint64_t view; /* binding_told's */
	bool behind;   /* its NAS is behind and nothing renewed the binding since */
	bool tripped;  /* the breaker of one of its pools has tripped: no tokens for bare words */
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX]; /* of its subscriber */
	bool has_sim_key;
	char nas_id[NAS_ID_MAX], session_id[SESSION_ID_MAX];
};
/* E_NOT_FOUND: no active key covers the address. An expired binding is still found;
 * binding_state_at() tells. */
typedef void binding_got(void *arg, int err, const struct binding_found *);
void binding_find(struct db_port *, const char *realm, const struct addr *source,
		  uint16_t port_number, binding_got *, void *arg);

/* The same, and whose it is with his addresses as they are shown, seen at one moment: for a token.
 */
typedef void binding_owner_got(void *arg, int err, const struct binding_found *,
			       const struct subscriber *owner);
void binding_find_owner(struct db_port *, const char *realm, const struct addr *source,
			uint16_t port_number, binding_owner_got *, void *arg);

/* Of who calls, when a token is shown: b, view, behind and msisdn; the rest is empty. */
void binding_find_caller(struct db_port *, const char *realm, const struct addr *source,
			 uint16_t port_number, binding_got *, void *arg);

/* The light form that popgw uses at every step: the row alone. *seen is what was told last, and
 * while nothing was committed to the bindings since, by anybody, it is told again: the committed
 * row is that one. A seen belongs to one caller on one port, and begins as zero or as
 * binding_find_caller's answer. */
struct binding_told {
	uint64_t view; /* 0: nothing was seen */
	bool behind;
	struct binding b;
};
typedef void binding_checked(void *arg, int err, const struct binding *b, bool behind);
void binding_check(struct db_port *, const char *realm, const struct addr *source,
		   uint16_t port_number, struct binding_told *seen, binding_checked *, void *arg);
/* The rows of several keys at one moment, in order: checked(arg, ...) for each, before the call
 * returns; it must not ask the store. err: none was looked at. */
int binding_check_all(struct db_port *, const struct key *const *keys, size_t n, binding_checked *,
		      void *arg);
/* The bindings of a subscriber's active session in a realm ("" all realms): at most two a realm. */
typedef void binding_list_got(void *arg, int err, const struct binding_found *, size_t n);
void binding_of_subscriber(struct db_port *, const char *realm, int64_t subscriber,
			   binding_list_got *, void *arg);
/* The active keys that hold an address, all or a block of its ports, in order of ports. */
void binding_sharing(struct db_port *, const char *realm, const struct addr *address, size_t limit,
		     binding_list_got *, void *arg);
/* Quarantined keys of a realm, in key order, those whose text is after `after`. */
void binding_quarantined(struct db_port *, const char *realm, const char *after, size_t limit,
			 binding_list_got *, void *arg);

/* A handset's bare claim from `key`, decided by binding_claim_bare in the transaction
 * (compare-and-set on the generation: E_CONFLICT if it moved meanwhile: look again). A fresh
 * confirmation makes the trigger key. `has_sim_key` is looked up there. `from`: the claimant's own
 * address, kept when it is accepted. */
typedef void binding_claimed(void *arg, int err, enum claim_answer answer,
			     const struct binding *now);
void binding_claim(struct db_port *, const struct key *, uint32_t generation,
		   int64_t claimed_subscriber, const struct addr *from, binding_claimed *,
		   void *arg);
/* A valid SIM proof: binding_claim_proof in the transaction; its trigger key becomes the binding's.
 */
struct binding_proof {
	int64_t subscriber; /* whose SIM it is */
	int64_t sqn;
	uint8_t trigger_key[TRIGGER_KEY_BYTES];
};
void binding_prove(struct db_port *, const struct key *, uint32_t generation,
		   const struct binding_proof *, const struct addr *from, binding_claimed *,
		   void *arg);
/* A refresh by a valid token: binding_renew in the transaction. */
void binding_refresh(struct db_port *, const struct key *, uint32_t generation, int64_t reprove_us,
		     const struct addr *from, binding_claimed *, void *arg);
/* DELETE /v1/token. E_CONFLICT. */
void binding_end_tokens(struct db_port *, const struct key *, uint32_t generation, db_done *,
			void *arg);
/* By whoever sees hard evidence (authsrv, popgw, pushsrv). `evidence`: a sentence for the history,
 * no secrets. */
void binding_quarantine(struct db_port *, const struct key *, uint32_t generation,
			enum quarantine_reason, const char *evidence, db_done *, void *arg);
/* The operator. E_NOT_FOUND: not quarantined. */
void binding_release(struct db_port *, const struct key *, const char *feeder, db_done *,
		     void *arg);

/* Who held a key. */
struct history_row {
	int64_t id; /* grows in the order in which they were written */
	struct key key;
	char event[24];   /* "start" ... and "confirmed", "contested", "quarantined", "released",
			     "expired", "tokens-ended", ... */
	char outcome[64]; /* "applied", ... or the quarantine's reason */
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX]; /* raw, as the feed said */
	char session_id[SESSION_ID_MAX], nas_id[NAS_ID_MAX], feeder[FEEDER_MAX];
	int64_t time_us, received_us;
	uint32_t generation; /* of the key, after it */
	int64_t commit;      /* number of the commit group that wrote it */
};
struct history_question {
	size_t limit;
	bool is_page; /* the oldest rows after after_id that were received after after_us */
	int64_t after_id, after_us;
	int64_t at_us; /* 0: the newest; else the rows from the one that decides who held it then:
			  the last Start or what ended it. None: nobody had held it yet. */
};
/* Of all keys of k's prefix that share a port with it: a whole address has the rows of its blocks,
 * one port those of the blocks it lay in. Newest last. */
typedef void binding_history_got(void *arg, int err, const struct history_row *, size_t n);
void binding_history(struct db_port *, const struct key *, const struct history_question *,
		     binding_history_got *, void *arg);

/* authsrv's own downtime: at start, if its last heartbeat is over lag_us old, every NAS is behind.
 * Then once in a few seconds. */
void feed_started(struct db_port *, int64_t now_us, db_done *, void *arg);
void feed_heartbeat(struct db_port *, int64_t now_us, db_done *, void *arg);

/* What the NAS told may have been lost: it is behind from now on. nas_id null: every NAS of the
 * realm is. */
void feed_behind(struct db_port *, const char *realm, const char *nas_id, int64_t now_us, db_done *,
		 void *arg);

/* Expiry of leases, old sessions, history, tombstones, change rows, orphaned chunks; a bounded
 * piece of each. Called once a second by authsrv (bindings) and pushsrv (mail). */
void bindings_sweep(struct db_port *, int64_t now_us, db_done *, void *arg);
void mail_sweep(struct db_port *, int64_t now_us, db_done *, void *arg);

/* ---- SIMs (authsrv alone has the key that opens them)
 * ------------------------------------------------------------------------------------------------
 */

/* A SIM's key, wherever it is. Borrowed for the callback and wiped after it. E_NOT_FOUND: no SIM of
 * this IMSI has a key here. E_IO: this process was opened without the secret key. */
struct sim_secret {
	int64_t owner; /* the subscriber; 0: nobody's yet */
	struct sim_key key;
	int64_t seq_dif; /* lib/aka.h */
};
typedef void sim_secret_got(void *arg, int err, const struct sim_secret *);
void sim_secret_get(struct db_port *, const char *imsi, sim_secret_got *, void *arg);
/* It said by AUTS how far its sequence is from our clock. E_NOT_FOUND. */
void sim_resync(struct db_port *, const char *imsi, int64_t seq_dif, db_done *, void *arg);

/* SIMs that the operator has and no subscriber yet. E_CONFLICT: the IMSI is a subscriber's. */
void sim_put(struct db_port *, const char *imsi, const struct sim_key *, db_done *, void *arg);
void sim_remove(struct db_port *, const char *imsi, db_done *, void *arg); /* E_NOT_FOUND */

/* The operator allows one sign-up, of this SIM ("": of any that sim_put left), until until_us.
 * E_NOT_FOUND: no such subscriber. E_CONFLICT: the SIM is another subscriber's. */
void sim_change_allow(struct db_port *, const char *msisdn, const char *imsi, int64_t until_us,
		      db_done *, void *arg);
/* 0: that subscriber may sign up with that SIM now. E_NOT_FOUND. */
void sim_change_check(struct db_port *, int64_t subscriber, const char *imsi, db_done *, void *arg);
/* Sign-up by a valid proof of the SIM from the key: it becomes the bound subscriber's, its
 * permission is used up, all his bindings get a new generation. `answer` CLAIM_ACCEPTED; else what
 * the state of the key says, CLAIM_MISMATCH when nothing allows it (any more), CLAIM_QUARANTINED
 * also when the SIM is another subscriber's by now: hard evidence. E_CONFLICT: the generation. */
void sim_sign_up(struct db_port *, const struct key *, uint32_t generation, const char *imsi,
		 int64_t sqn, binding_claimed *, void *arg);

/* ---- mail
 * -------------------------------------------------------------------------------------------------------
 */

/* RCPT: whose address is it, and is there room? E_NOT_FOUND: nobody's. E_FULL: over quota with
 * `size` more (0: unknown). E_CONFLICT: the mailbox is closed for now (its subscriber is frozen).
 */
typedef void recipient_got(void *arg, int err, int64_t subscriber);
void recipient_check(struct db_port *, const char *canonical, uint64_t size, uint64_t quota_bytes,
		     recipient_got *, void *arg);

/* A body on its way in: small ones stay in memory until mail_accept; over BODY_INLINE_MAX they go
 * into the store in pieces, each its own earlier transaction; a body that no mail_accept names is
 * swept. */
#define BODY_PIECE_MAX  (256 * 1024)
#define BODY_INLINE_MAX (256 * 1024)
/* *body 0 begins a new one. Pieces in order; one in flight at a time. The octets are consumed. */
typedef void body_stored(void *arg, int err, int64_t body);
void body_append(struct db_port *, int64_t body, uint32_t piece, const uint8_t *octets, size_t n,
		 body_stored *, void *arg);

struct mail_recipient {
	int64_t subscriber;
	const char *prefix; /* this recipient's trace fields, CRLF lines: Return-Path (and Received
			       by LMTP) */
	size_t prefix_size;
};
struct mail_accept {
	const struct mail_recipient *recipients;
	size_t recipient_count;
	bool all_or_none;         /* XATOMIC: one that cannot be served refuses all */
	const char *reverse_path; /* "" for <> */
	const uint8_t
		*octets; /* the body, CRLF lines, unstuffed; null if it is stored already as: */
	int64_t body;    /* of body_append */
	uint64_t size;   /* of the body */
	bool has_dot_lines;
	uint64_t quota_bytes;
	int64_t received_us;
	const char *xid; /* its name in the queue that it comes from (db/handed_over.h); null or ""
			    none */
};
/* Message rows, the mailbox's numbers and the trigger's outbox row in one transaction. errs[i] for
 * each recipient: 0 (also if he has this `xid` already: nothing is stored for him), E_FULL,
 * E_NOT_FOUND (the subscriber went away); err: the whole failed. With all_or_none either all errs
 * are 0 or nothing was stored. */
typedef void mail_accepted(void *arg, int err, const int *errs, size_t n);
void mail_accept(struct db_port *, const struct mail_accept *, mail_accepted *, void *arg);

/* ---- the maildrop (popgw)
 * --------------------------------------------------------------------------------------- */

struct maildrop_message {
	uint32_t uid;
	uint32_t prefix_size;
	uint64_t body_size;
	int64_t body;
	bool has_dot_lines;
};
struct maildrop {
	int64_t subscriber;
	uint32_t uidvalidity, uidnext;
	size_t count;
	struct maildrop_message messages[]; /* in order of uid */
};
/* A copy the caller owns; free with maildrop_free. An absent mailbox is an empty one. */
typedef void maildrop_opened(void *arg, int err, struct maildrop *drop);
void maildrop_open(struct db_port *, int64_t subscriber, size_t max_messages, maildrop_opened *,
		   void *arg);
void maildrop_free(struct maildrop *drop);

/* The octets [offset, offset + at most BODY_PIECE_MAX) of a message as it is retrieved: prefix,
 * then body, unstuffed. No read transaction outlives the call. Borrowed for the callback. n 0: at
 * the end. E_NOT_FOUND: deleted meanwhile. */
typedef void message_octets(void *arg, int err, const uint8_t *octets, size_t n);
void message_read(struct db_port *, int64_t subscriber, const struct maildrop_message *,
		  uint64_t offset, message_octets *, void *arg);

/* What went through which binding: the access record. */
struct access_via {
	struct key key;
	uint32_t generation;
	int64_t subscriber;
};
/* QUIT: checks, inside its own transaction, that the key still binds (subscriber, generation) and
 * opens mail (E_CONFLICT: it does not; nothing is deleted); deletes, frees, leaves tombstones;
 * clears the outbox row up to listed_uid; appends to the change feed. Where nothing is deleted,
 * nobody is kept waiting: it may gather with others for 20 ms first, and nothing is appended. */
struct maildrop_update {
	struct access_via via;
	const uint32_t *deleted; /* uids */
	size_t deleted_count;
	const uint32_t *read; /* uids that were retrieved in the session */
	size_t read_count;
	uint32_t listed_uid; /* the highest uid the session listed; 0: none */
	/* The binding of `via`, as binding_check told it last on this port, or null. While nothing
	 * was committed to the bindings since, a transaction that deletes nothing takes its word.
	 */
	const struct binding_told *seen;
};
void maildrop_update(struct db_port *, const struct maildrop_update *, db_done *, void *arg);

/* ---- triggers: what pushsrv does with the outbox is in db/outbox.h
 * ----------------------------------------------------------------------------------------- */

/* Was this datagram ours? E_NOT_FOUND: not in the send log. The subscriber it was meant for. */
typedef void send_log_got(void *arg, int err, int64_t subscriber, uint32_t generation);
void send_log_find(struct db_port *, const struct key *, uint8_t tid, int64_t timestamp_s,
		   send_log_got *, void *arg);

/* ---- the change feed
 * ---------------------------------------------------------------------------------------------- */

enum change_kind {
	CHANGE_BINDING, /* a key moved, was confirmed, contested, quarantined, freed */
	CHANGE_MAIL,    /* mail was delivered */
	CHANGE_SESSION, /* a POP session ended that changed something */
	CHANGE_GONE,    /* a subscriber was removed */
	/* Containment (db/containment.h). The key is the prefix, or a realm alone; the subscriber
	 * is named if it is one's. */
	CHANGE_FREEZE,
	CHANGE_THAW,
	CHANGE_BREAKER,      /* tripped or released */
	CHANGE_NOTIFICATION, /* a subscriber is to be told otherwise (db/notification.h) */
	CHANGE_QUEUE         /* something in a lane of the outbound queue became due (db/queue.h) */
};
/* A trigger was pending for its mailbox, and is due when it was. */
#define CHANGE_MAIL_JOINED (-1)
struct change {
	int64_t seq;
	enum change_kind kind;
	int64_t subscriber;  /* whom it touches: for a moved key the one who holds it now; 0 nobody
			      */
	int64_t former;      /* CHANGE_BINDING: who held it before; 0 nobody. CHANGE_MAIL: the first
				row of the send log that was written with it and is to be
				sent, or, where there is none, when its row of the outbox is
				due; 0: look at the row; or CHANGE_MAIL_JOINED.
				CHANGE_QUEUE: the lane; 0: several */
	struct key key;      /* CHANGE_BINDING */
	uint32_t generation; /* CHANGE_MAIL: how many rows of the send log */
	enum key_state state;
};
/* queue.db is in db/queue.h. smsc.db (db/smsc.h) is no part of the gateway: smsc-sim alone opens
 * it, and nothing else. */
enum db_file { DB_BINDINGS, DB_MAIL, DB_SMSC, DB_QUEUE };
#define DB_FILE(file) (1U << (file))
/* Calls fn on the port's loop for every change after now, in order, until the port is closed: on a
 * hint, after the process's own commits, and once a second. It begins at the newest number: a
 * starting daemon watches first, then reads the truth. */
typedef void change_fn(void *arg, const struct change *);
int db_watch(struct db_port *, enum db_file, change_fn *, void *arg);
/* The number of the change that fn was called for last, or where it began. */
int64_t db_watched(const struct db_port *, enum db_file);

/* ---- for the operator
 * ---------------------------------------------------------------------------------------------- */

struct mailbox_info {
	int64_t subscriber;
	uint32_t messages, uidnext, uidvalidity;
	uint64_t bytes;
	int64_t oldest_us, newest_us;
	bool trigger_pending;
	uint32_t trigger_attempts;
};
typedef void mailbox_info_got(void *arg, int err, const struct mailbox_info *);
void mailbox_info(struct db_port *, int64_t subscriber, mailbox_info_got *, void *arg);
/* Every mailbox whose subscriber is gone loses its mail; *done after all. pushsrv at start and on
 * CHANGE_GONE. */
typedef void mail_purged(void *arg, int err, uint64_t messages);
void mail_purge_gone(struct db_port *, mail_purged *, void *arg);

/* Numbers for /metrics. */
struct db_stats {
	uint64_t commits, operations, queue_depth;
	uint64_t wal_bytes[4]; /* by enum db_file */
	int64_t last_group_us, worst_group_us;
};
void db_stats_read(const struct db *, struct db_stats *);

#endif
