/* lmtp_session -- one LMTP conversation as a state machine that does no I/O
 *
 * Its driver (lmtp_peer; in the tests an array of octets) gives it command lines and content,
 * sends what it replies, and does what it needs:
 *
 *     LMTP_NEED_LINE       give a line: lmtp_line, or lmtp_bad_line
 *     LMTP_NEED_OCTETS     give what is there: lmtp_octets
 *     LMTP_NEED_RECIPIENT  recipient_check of s->recipient, then lmtp_recipient_checked; for one
 *                          who is full and has the mail already (s->tx.xid) with 0
 *     LMTP_NEED_PIECE      body_append of transaction_piece, then lmtp_piece_stored
 *     LMTP_NEED_ACCEPT     mail_accept of s->tx, then lmtp_accepted
 *     LMTP_NEED_CLOSE      flush and close
 *
 * What it is asked while it needs the store waits in the socket. A 250 after the content is said
 * in lmtp_accepted only, when the commit is on disk; whoever disconnects before leaves nothing
 * behind. After the content each accepted recipient gets its own reply, in the order of RCPT.
 * XATOMIC (ours, offered in LHLO): stored for all recipients or none, all replies equal, and no
 * Received field is added, since it comes from our own smtpgw. XID=name (a parameter of MAIL) tells
 * which mail of smtpgw's queue it is: a subscriber who was given that one already is told of as
 * good, and gets nothing. XTRACE (ours, too: trace_fields.h) brings header lines for the top of the
 * mail.
 *
 * OWNERSHIP  lmtp_close frees what the transaction holds; texts are borrowed.
 * THREADS    one
 * TRUST      lines and octets come off the network
 * SEE        RFC 2033, 5321, 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING), 6152,
 *            6531, 2034 and 3463
 */
#ifndef HATO_PUSHSRV_LMTP_SESSION_H
#define HATO_PUSHSRV_LMTP_SESSION_H

#include "pushsrv/transaction.h"

struct lmtp_limits {
	const char *hostname;
	uint64_t max_size, max_line;
	size_t max_command, max_recipients, max_errors;
};

enum lmtp_state {
	LMTP_START = 1 << 0, /* before LHLO */
	LMTP_READY = 1 << 1, /* no mail in flight */
	LMTP_MAIL = 1 << 2,  /* MAIL was accepted, no recipient yet */
	LMTP_RCPT = 1 << 3,  /* there is a recipient */
	LMTP_BDAT = 1 << 4,  /* between chunks */
	LMTP_DATA = 1 << 5,  /* content is coming, or being stored */
	LMTP_CLOSED = 1 << 6
};

enum lmtp_need {
	LMTP_NEED_LINE,
	LMTP_NEED_OCTETS,
	LMTP_NEED_RECIPIENT,
	LMTP_NEED_PIECE,
	LMTP_NEED_ACCEPT,
	LMTP_NEED_CLOSE
};

struct lmtp_session {
	enum lmtp_state state;
	enum lmtp_need need;
	const struct lmtp_limits *limits;
	/* Sends a reply: whole lines, in order. */
	void (*reply)(void *arg, const char *octets, size_t n);
	void *arg;
	char label[24];                 /* names the session in the ids of its mails */
	char client[SMTP_HELO_MAX + 1]; /* what LHLO said */
	unsigned errors, mails;

	struct transaction tx;
	struct mailaddr rcpt;                  /* waits for recipient_check: */
	char recipient[MAILADDR_TEXT_MAX + 1]; /* in the form in which addresses are compared */

	bool is_chunked;        /* the content comes by BDAT */
	const char *void_reply; /* this chunk is read, and then only this is said */
	bool chunk_is_trace;    /* it is XTRACE's */
	bool chunk_is_last;
	bool is_complete;    /* the content has ended */
	uint64_t chunk_left; /* octets of this chunk still to come */
};

/* Greets. label: short, of letters, digits, '.' and '-'. */
void lmtp_open(struct lmtp_session *s, const struct lmtp_limits *limits, const char *label,
	       void (*reply)(void *arg, const char *octets, size_t n), void *arg);
void lmtp_close(struct lmtp_session *s);

/* LINE: a command, without its CRLF. It may be changed. */
void lmtp_line(struct lmtp_session *s, const char *line, size_t n);
enum lmtp_bad_line { LMTP_LINE_TOO_LONG, LMTP_LINE_BARE_LF };
void lmtp_bad_line(struct lmtp_session *s, enum lmtp_bad_line why);
/* OCTETS: how many of them were taken; fewer than n when it needs something else now. */
size_t lmtp_octets(struct lmtp_session *s, const uint8_t *in, size_t n);

/* RECIPIENT, PIECE, ACCEPT: as db.h completes them. errs: one for each of tx.subscribers. */
void lmtp_recipient_checked(struct lmtp_session *s, int err, int64_t subscriber);
void lmtp_piece_stored(struct lmtp_session *s, int err, int64_t body);
void lmtp_accepted(struct lmtp_session *s, int err, const int *errs, size_t n);

/* 421 and NEED_CLOSE: idle too long, shutting down. `text` begins with the enhanced code. */
void lmtp_goodbye(struct lmtp_session *s, const char *text);

/* ---- between lmtp_session.c and lmtp_verbs.c ---- */

/* "250 2.0.0 text", without CRLF. */
void lmtp_say(struct lmtp_session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for a command that was wrong: after max_errors of them the session ends. */
void lmtp_complain(struct lmtp_session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The only writer of s->state. */
void lmtp_enter(struct lmtp_session *s, enum lmtp_state to);
/* Finds the row, checks the state, acts. */
void lmtp_obey(struct lmtp_session *s, const struct smtp_command *command);
/* The mail in flight ends, whatever became of it. */
void lmtp_forget_mail(struct lmtp_session *s);

#endif
