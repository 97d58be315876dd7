/* queue -- mail on its way out, and the addresses that a sender is not to try again (queue.db)
 *
 * One row a mail, one a recipient that is not settled yet. A recipient stands in a lane: the domain
 * that its mail goes to, or "" for our own domains; in a lane the one whose time came first is
 * first. Nothing is kept in memory for a mail that waits: what may be tried now is asked of the
 * store (queue_lanes, then queue_lane_take), at the cost of what is asked for, however long the
 * queue and whatever the other lanes hold. A recipient leaves by queue_settle, or because an
 * operator dropped its mail; a mail goes with its last recipient, and its octets with it. What an
 * outcome makes due (a DSN, an entry of the suppression list) is in the transaction that settles
 * it, so no original is gone without it.
 *
 * IN FLIGHT  taking marks nothing on disk: a process that dies leaves all it had taken due, so a
 * mail goes out at least once. While it lives, what a port took is in none of its further jobs,
 * until its settlement was committed or it was given back. There is one taker: smtpgw's runner.
 *
 * IDS        of mails are never used twice; a recipient's is its place in the mail, from 1 on.
 * Octets are header and body, CRLF lines, not dot-stuffed; nothing here reads them.
 *
 * CALLERS    smtpgw (submission puts, the relay takes and settles), authsrv for the operator and
 * for the subscriber's own suppression list.
 * OWNERSHIP, THREADS and callbacks as in db.h: arguments are copied before the call returns, what a
 * callback gets is borrowed for its length; reads call back before they return. The process has
 * DB_BINDINGS among its files too.
 * ERRORS     E_IO, E_BUSY, E_CLOSED, E_NOMEM as in db.h; E_FULL, E_CONFLICT, E_NOT_FOUND as named
 * LIMITS     db_options.queue_mails and .queue_octets, of what queue_put takes
 * SEE        RFC 5321 4.5.4 (queueing), 3461 (what is kept for DSNs); design 2; docs/queue.md
 */
#ifndef HATO_DB_QUEUE_H
#define HATO_DB_QUEUE_H

#include "db/db.h"
#include "lib/wire/smtp/command.h"

#define QUEUE_RECIPIENTS_MAX 10000 /* of one mail */
#define QUEUE_LANE_MAX       256   /* a domain in lower-case A-labels, with its NUL */
#define QUEUE_REMOTE_MAX     300   /* "host.name [address]" */
#define QUEUE_ENHANCED_MAX   12    /* "5.1.10" */
#define QUEUE_TEXT_MAX       1024  /* of a reply; a longer one is cut */

/* What a server said, or what was found instead of one (code 0). */
struct queue_reply {
	int code;             /* 550; 0: nobody answered */
	const char *enhanced; /* "5.1.1", "" */
	const char *text;     /* one line, no control characters */
	const char *remote;   /* who said it; "" nobody */
};

/* ---- putting in ---- */

struct queue_recipient_new {
	const char *address;   /* as it goes into RCPT, without brackets */
	const char *canonical; /* as the suppression list compares it */
	const char *lane;      /* "" our own domains */
	unsigned notify;       /* of enum smtp_notify; 0: it was not said */
	const char *orcpt;     /* "type;address" decoded; "" none */
};

struct queue_new {
	/* Who sends it. Its binding is looked up in the transaction that stores the mail:
	 * E_CONFLICT when it does not open mail any more. Null: we do (a DSN). */
	const struct access_via *via;
	const char *reverse_path; /* "" for <> */
	const char *envid;        /* decoded; "" none */
	enum smtp_ret ret;
	bool is_utf8, is_8bit;
	const uint8_t *octets; /* null: stored already, as `body` of queue_body_append */
	int64_t body;
	uint64_t size;
	int64_t received_us;
	int64_t next_us; /* when it is due; 0: at once */
	const struct queue_recipient_new *recipients;
	size_t recipient_count;
};

/* The mail is on disk when `done` hears 0. E_FULL: the queue is (452 4.3.1). E_CONFLICT: the
 * binding, or a body that is not there, not of that size, or a mail's already. E_TOO_LARGE,
 * E_RANGE: no recipients or too many. */
typedef void queue_put_done(void *arg, int err, int64_t mail);
void queue_put(struct db_port *, const struct queue_new *, queue_put_done *, void *arg);

/* As body_append in db.h, into queue.db: for what is larger than BODY_INLINE_MAX. */
void queue_body_append(struct db_port *, int64_t body, uint32_t piece, const uint8_t *octets,
		       size_t n, body_stored *done, void *arg);

/* ---- taking ---- */

struct queue_lane {
	int64_t id; /* as long as something is in it; a lane that was empty has another one */
	char name[QUEUE_LANE_MAX];
	int64_t next_us; /* when its first recipient is due, or was */
};

/* Lanes with something due that are not held, in order of next_us, then of id; those after the
 * place `after` (null: from the first). `next_us`: when the first lane that has nothing due now
 * will have; INT64_MAX: none. A lane stays among them while its jobs are in flight. */
typedef void queue_lanes_got(void *arg, int err, const struct queue_lane *, size_t n,
			     int64_t next_us);
void queue_lanes(struct db_port *, int64_t now_us, const struct queue_lane *after, size_t limit,
		 queue_lanes_got *, void *arg);

struct queue_recipient {
	uint32_t id;
	const char *address, *canonical, *orcpt;
	unsigned notify;
	uint32_t attempts;       /* that were deferred */
	bool is_warned;          /* a delay was told of */
	struct queue_reply last; /* of the last attempt */
	int64_t next_us, tried_us;
};

/* Recipients of one mail in one lane that are due: one SMTP transaction's work. */
struct queue_job {
	int64_t mail;
	int64_t sender; /* subscriber; 0: ours */
	const char *reverse_path, *envid;
	enum smtp_ret ret;
	bool is_utf8, is_8bit;
	uint64_t size;
	int64_t received_us;
	const struct queue_recipient *recipients;
	size_t recipient_count;
};

struct queue_take {
	int64_t lane; /* its id */
	int64_t now_us;
	size_t jobs;       /* at most */
	size_t recipients; /* of one job, at most */
};
/* What is in flight is passed over. None: nothing more is due, or the lane is held or gone. */
typedef void queue_taken(void *arg, int err, const struct queue_job *, size_t n);
void queue_lane_take(struct db_port *, const struct queue_take *, queue_taken *, void *arg);
/* Not tried after all: they are due as before. n 0: all of the mail that are in flight. */
void queue_give_back(struct db_port *, int64_t mail, const uint32_t *recipients, size_t n);

/* At most BODY_PIECE_MAX octets of a mail from `offset` on. n 0: at the end. E_NOT_FOUND: the mail
 * is gone. */
void queue_octets(struct db_port *, int64_t mail, uint64_t offset, message_octets *, void *arg);

/* ---- settling ---- */

enum queue_fate { QUEUE_DELIVERED, QUEUE_DEFERRED, QUEUE_FAILED };

struct queue_outcome {
	uint32_t recipient;
	enum queue_fate fate;
	int64_t next_us; /* QUEUE_DEFERRED */
	bool is_warned;  /* QUEUE_DEFERRED: one of the notices tells of the delay */
	struct queue_reply reply;
};

struct suppression {
	int64_t sender;      /* the subscriber whose mail it stops */
	const char *address; /* canonical */
	struct queue_reply reason;
	uint32_t count;   /* how often; ignored by put */
	int64_t since_us; /* the first time */
	int64_t expires_us;
};

/* What became of recipients of one mail, and what follows from it: all of it or nothing. */
struct queue_settlement {
	int64_t mail;
	const struct queue_outcome *outcomes;
	size_t count;
	const struct queue_new *notices; /* DSNs; the limits are not theirs */
	size_t notice_count;
	const struct suppression *suppressions;
	size_t suppression_count;
	int64_t now_us;
};
/* E_NOT_FOUND: none of them waits any more (an operator dropped it; it was settled before):
 * nothing was done. E_CONFLICT: a notice's body, as in queue_put. Else they are in flight until it
 * was committed: after another error settle them again, or give them back. */
void queue_settle(struct db_port *, const struct queue_settlement *, db_done *, void *arg);

/* ---- the operator ---- */

struct queue_mail {
	int64_t id;
	int64_t sender;
	const char *msisdn; /* of the sender; "" ours, or gone */
	const char *reverse_path;
	uint64_t size;
	int64_t received_us;
	bool is_held;
	size_t left; /* recipients */
	/* Of the first of them, by its number. */
	int64_t next_us; /* INT64_MAX: held */
	uint32_t attempts;
	const char *lane, *first; /* its address */
	bool is_lane_held;
	struct queue_reply last;
};

/* Where a page ends and the next one begins: opaque but for zero (the beginning, or the end). */
struct queue_place {
	int64_t next_us, mail;
};
struct queue_question {
	const char *lane; /* null: any. Of one lane in the order in which they are due, else by id
			   */
	int64_t sender;   /* 0: anybody. With a lane: both */
	struct queue_place after;
	size_t limit;
};
/* A page may have fewer rows than `limit`, also none, and not be the last: `next` tells. */
typedef void queue_list_got(void *arg, int err, const struct queue_mail *, size_t n,
			    const struct queue_place *next);
void queue_list(struct db_port *, const struct queue_question *, queue_list_got *, void *arg);

/* All of a mail; each recipient with its lane. E_NOT_FOUND. */
struct queue_waiting {
	struct queue_recipient recipient;
	const char *lane;
	bool is_lane_held;
};
typedef void queue_got(void *arg, int err, const struct queue_mail *, const struct queue_waiting *,
		       size_t n);
void queue_get(struct db_port *, int64_t mail, queue_got *, void *arg);

/* One mail, or (mail 0) all that a lane holds. E_NOT_FOUND: no such mail or lane. A lane's work is
 * done in pieces, each its own transaction; `mails`: how many it was. Held: a mail, or a lane
 * (also one that nothing is in yet), is not due until it is released. Dropped: gone without a DSN;
 * the caller logs who did so and why. */
enum queue_act { QUEUE_RETRY, QUEUE_HOLD, QUEUE_RELEASE, QUEUE_DROP };
struct queue_steer {
	enum queue_act act;
	int64_t mail;
	const char *lane;
	int64_t now_us;
};
typedef void queue_steered(void *arg, int err, uint64_t mails);
void queue_steer(struct db_port *, const struct queue_steer *, queue_steered *, void *arg);

struct queue_stats {
	uint64_t mails, octets, held, lanes, suppressions;
	int64_t oldest_us; /* received; 0: the queue is empty */
};
typedef void queue_stats_got(void *arg, int err, const struct queue_stats *);
void queue_stats(struct db_port *, queue_stats_got *, void *arg);

/* Old change rows, bodies that no mail was made of, entries that expired; a bounded piece. smtpgw's
 * runner, once a second. */
void queue_sweep(struct db_port *, int64_t now_us, db_done *, void *arg);

/* ---- the suppression list: (sender, address), never shared between senders ---- */

/* One more time: the reason and the expiry become these, `since_us` stays the first one's. */
void suppression_put(struct db_port *, const struct suppression *, db_done *, void *arg);
/* The same, told by a notice, which may come again and again: an entry with this enhanced code that
 * has not expired stays as it is, and `done` hears E_EXISTS. */
void suppression_note(struct db_port *, const struct suppression *, db_done *, void *arg);
typedef void suppression_got(void *arg, int err, const struct suppression *);
/* E_NOT_FOUND: he may send there. One that expired is not found. */
void suppression_find(struct db_port *, int64_t sender, const char *address, int64_t now_us,
		      suppression_got *, void *arg);
/* In order of address, those after `after` (""). */
typedef void suppression_list_got(void *arg, int err, const struct suppression *, size_t n);
void suppression_list(struct db_port *, int64_t sender, const char *after, int64_t now_us,
		      size_t limit, suppression_list_got *, void *arg);
/* address null: all of the sender's. E_NOT_FOUND: there was none. */
void suppression_remove(struct db_port *, int64_t sender, const char *address, db_done *,
			void *arg);

#endif
