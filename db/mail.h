/* mail -- the rows of mail.db that several rooms touch: mailboxes, bodies, the outbox, the access
 * record
 *
 * All but the reads are for a writer's transaction on mail.db. queue.db has bodies too.
 */
#ifndef HATO_DB_MAIL_H
#define HATO_DB_MAIL_H

#include "db/db_private.h"

#define MAILBOX_NAME    "INBOX"
#define BODY_PIECES_MAX 4096 /* a chunk's id is body * this + piece */

struct mailbox {
	int64_t id; /* 0: not made yet */
	int64_t subscriber;
	uint32_t uidvalidity, uidnext;
	int64_t modseq;
	uint64_t messages, bytes;
	int64_t last_timestamp_s;
};

/* E_NOT_FOUND: the subscriber has none yet. */
int mailbox_get(struct engine *e, int64_t subscriber, struct mailbox *box);
/* The same, and leaves `q` open: what a reader looks up until query_end (due in any case) is of the
 * same moment, and is no transaction of its own. */
int mailbox_look(struct engine *e, int64_t subscriber, struct mailbox *box, struct query *q);
/* Makes it if need be. */
int mailbox_make(struct engine *e, int64_t subscriber, int64_t now_us, struct mailbox *box);
int mailbox_put(struct engine *e, const struct mailbox *box);

/* Deletes a message and its share of the body, with a tombstone; the caller puts the mailbox.
 * E_NOT_FOUND: it is not there. */
int message_delete(struct engine *e, struct mailbox *box, uint32_t uid, int64_t now_us);

/* Stores a whole body. */
int body_put(struct engine *e, const uint8_t *octets, size_t n, size_t refs, int64_t now_us,
	     int64_t *body);
/* A body of body_append gets its references. E_NOT_FOUND, E_CONFLICT: it is not of that size. */
int body_take(struct engine *e, int64_t body, uint64_t size, size_t refs);
/* A piece of one chunk, from `start` in the body on. A whole chunk that does not fit into `room` is
 * left to the next call unless it is the first, so that each is loaded once. E_NOT_FOUND: none
 * such. */
int body_read_chunk(struct engine *e, int64_t body, uint64_t start, bool is_first, uint8_t *out,
		    size_t room, size_t *n);
/* body_append, into one of the files that have bodies. */
void body_append_in(struct db_port *port, enum db_file file, int64_t body, uint32_t piece,
		    const uint8_t *octets, size_t n, body_stored *done, void *arg);
/* One reference less. What is small goes at once, what is large is left to the sweep. */
int body_drop(struct engine *e, int64_t body);
/* Deletes up to `limit` chunks of bodies that nobody needs; *more: there are others. */
int body_sweep(struct engine *e, int64_t now_us, size_t limit, bool *more);

/* max(second of the newest mail, last one + 1): a phone takes an equal or older one for a repeat.
 */
int64_t outbox_timestamp(struct mailbox *box, int64_t mailed_us);
int outbox_row_get(struct engine *e, int64_t subscriber, struct outbox_row *row);
int outbox_row_put(struct engine *e, const struct outbox_row *row);
/* Reads OUTBOX_COLUMNS. */
void outbox_read(struct query *q, struct outbox_row *row);
/* What became of a mailbox's row with a new mail. */
enum outbox_raised {
	OUTBOX_MADE,   /* it was not there */
	OUTBOX_MOVED,  /* it is due earlier than it was */
	OUTBOX_JOINED, /* it is due when it was */
};
/* Mail `uid` was stored; *row as it is now. box->last_timestamp_s moves with a new row. */
int outbox_raise(struct engine *e, const struct schedule *s, struct mailbox *box, uint32_t uid,
		 int64_t received_us, struct outbox_row *row, enum outbox_raised *how);
/* The row was just made, in this transaction: if a datagram may go at once it is logged and counted
 * here, to each of *n bindings (TRIGGER_TARGETS_MAX at most); consecutive rows of the send log. */
struct trigger_out;
int outbox_send_first(struct engine *e, const struct schedule *s, struct outbox_row *row,
		      struct trigger_out *out, size_t *n);
/* How far the bindings' change feed has had its effect on the rows, this transaction's included. */
int outbox_heard(struct engine *e, int64_t seq);
/* A session listed all up to uid. */
int outbox_clear(struct engine *e, int64_t subscriber, uint32_t listed_uid);

/* *opens: the committed row of the key still binds him in that generation, and opens mail. */
int access_check(struct engine *e, const struct access_via *via, int64_t now_us, bool *opens);
enum access_kind { ACCESS_READ, ACCESS_DELETED, ACCESS_TRIGGERED };
int access_append(struct engine *e, const struct access_via *via, enum access_kind what,
		  const uint32_t *uids, size_t n, int64_t at_us);
/* One batch of the index; *more: there is a next one. */
int access_index(struct engine *e, bool *more);
/* Forgets a piece of what is older than before_us. */
int access_sweep(struct engine *e, int64_t before_us, bool *more);

#endif
