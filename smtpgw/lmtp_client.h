/* lmtp_client -- one connection to pushsrv's LMTP: opened, kept, and used by one mail after the
 * other
 *
 *     OPENING   connecting; waits for 220, then for the answer to LHLO
 *     IDLE      in the pool
 *     HELD      a mail has it, from its first recipient on
 *     DONE      the last answers are in, or the holder gave up before the commit and RSET is on its
 *               way; the next state is IDLE
 *     CLOSED    gone, or of no use any more
 *
 * Commands go out at once, several before an answer if the mail is that far; answers come in the
 * order that LMTP gives them: MAIL, each RCPT, each chunk, and after the last chunk one for each
 * accepted recipient, which XATOMIC makes equal. So counters are enough to know whose answer a line
 * is. MAIL's own answer is told to the recipients only if it is a refusal.
 *
 * Header fields that were written after the content was seen go by XTRACE, which is ours too,
 * before the last chunk. A pushsrv that does not offer it, or refuses the fields, stores the mail
 * without.
 *
 * A mail out of our own queue has a name (transaction.xid), told by XID where pushsrv offers that:
 * so it is stored once, however often it is brought.
 *
 * All that can go wrong (the connection lost, silence, an answer out of place, recipients of one
 * mail answered differently) is one thing for the holder: `lost`, which means: outcome unknown, and
 * makes 451. The connection is then not used again.
 *
 * OWNERSHIP  the pool's. A holder has it from lmtp_client_begin until `lost`, `mail_answered` or
 *            lmtp_client_abandon; then no callback comes any more.
 * THREADS    one loop's
 * SEE        RFC 2033, 2920, 3030
 */
#ifndef HATO_SMTPGW_LMTP_CLIENT_H
#define HATO_SMTPGW_LMTP_CLIENT_H

#include "lib/conn.h"
#include "smtpgw/session.h"

#define LMTP_UNSENT_MAX (256 * 1024) /* more than that waits: the client's input is paused */

struct lmtp_client;

/* Where pushsrv is. */
struct lmtp_where {
	const char *path; /* unix socket, or null: */
	struct addr addr;
	uint16_t port;
};

struct lmtp_settings {
	struct lmtp_where where;
	const char *hostname; /* said in LHLO */
	int64_t step_us;      /* how long pushsrv may be silent when it is asked */
	int64_t stall_us;     /* how long a holder may keep it unused while others wait */
};

/* The holder's. */
struct lmtp_holder_ops {
	void (*rcpt_answered)(void *arg, const struct session_answer *answer);
	void (*mail_answered)(void *arg, const struct session_answer *answer);
	void (*lost)(void *arg);
	void (*drained)(void *arg); /* everything written has left */
};

/* The pool's. */
struct lmtp_owner_ops {
	/* Free for a mail. is_new: for the first time, pushsrv has just greeted. */
	void (*idle)(void *arg, struct lmtp_client *l, bool is_new);
	/* Gone when this returns. was_up: it had greeted. */
	void (*closed)(void *arg, struct lmtp_client *l, bool was_up);
};

int lmtp_client_open(struct loop *loop, const struct lmtp_settings *settings,
		     const struct lmtp_owner_ops *owner, void *owner_arg, struct lmtp_client **out);
/* Ends in `closed`. An idle one says QUIT; one that works on a commit is cut. */
void lmtp_client_close(struct lmtp_client *l);
bool lmtp_client_is_idle(const struct lmtp_client *l);

/* Sends MAIL for this mail. It must be idle. */
void lmtp_client_begin(struct lmtp_client *l, const struct transaction *tx,
		       const struct lmtp_holder_ops *ops, void *arg);
void lmtp_client_rcpt(struct lmtp_client *l, const struct mailaddr *to);
/* CRLF lines for the top of the mail; once, before the last content. */
void lmtp_client_trace(struct lmtp_client *l, const char *fields, size_t n);
void lmtp_client_content(struct lmtp_client *l, const uint8_t *octets, size_t n, bool is_last);
bool lmtp_client_is_full(const struct lmtp_client *l);
/* Held, and neither holder nor pushsrv did anything with it for stall_us. */
bool lmtp_client_is_stalled(const struct lmtp_client *l, int64_t mono_us);
/* Takes it from a holder who stalls, to whom it is `lost`. */
void lmtp_client_reclaim(struct lmtp_client *l);
/* Before the last content: the mail is void. After it: the outcome interests nobody. */
void lmtp_client_abandon(struct lmtp_client *l);

#endif
