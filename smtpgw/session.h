/* session -- one SMTP conversation as a state machine that does no I/O
 *
 * What differs between the MX port (mail from outside, to pushsrv) and the submission ports (mail
 * of our subscribers, into the queue) is a struct session_kind; "pushsrv" below is the queue there.
 *
 * Its driver (peer; in the tests arrays of octets) gives it command lines and content and does what
 * it needs:
 *
 *     SESSION_NEED_LINE    give a line: session_line
 *     SESSION_NEED_OCTETS  give what is there: session_octets
 *     SESSION_NEED_STORE   pushsrv has the word: session_rcpt_answered, session_mail_answered or
 *                          session_store_lost goes on from here; input waits
 *     SESSION_NEED_RULING  the inspection of the mail has the word: session_ruled; input waits
 *     SESSION_NEED_TLS     flush, throw away what waits, negotiate, then session_secured
 *     SESSION_NEED_CLOSE   flush and close; s->reason tells why
 *
 * In step: nothing is promised that pushsrv has not said. Each recipient is put to it while the
 * client waits, and 250 after the content is said in session_mail_answered only. RCPT commands that
 * the client pipelines are put to pushsrv together; any other command behind them waits until all
 * are answered (session_line then returns false: bring the line again), so answers come in order
 * and a command is judged by what the answers before it said.
 *
 * The mail is inspected as it comes (smtpgw/checks): a recipient is put to pushsrv, and the end of
 * the content is passed on, only when the inspection has ruled that it may.
 *
 * OWNERSHIP  session_close frees what the transaction holds; texts are borrowed.
 * THREADS    one
 * TRUST      lines and octets come off the network
 * SEE        RFC 5321, 1870 (SIZE), 2034 and 3463, 2920 (PIPELINING), 3030 (CHUNKING), 3207
 *            (STARTTLS), 6152, 6531; 4954, 3461, 6409 (submission)
 */
#ifndef HATO_SMTPGW_SESSION_H
#define HATO_SMTPGW_SESSION_H

#include "db/identity.h"
#include "lib/wire/sasl.h"
#include "lib/wire/smtp/reply.h"
#include "smtpgw/counters.h"
#include "smtpgw/local_domains.h"
#include "smtpgw/transaction.h"

#define SESSION_LABEL_MAX    24
#define SESSION_OUT_OF_REACH "451 4.3.0 the mail store is out of reach, try later"

struct session;

/* What a door does in its own way. A null function: nothing. */
struct session_kind {
	unsigned params;   /* of MAIL and RCPT, of enum smtp_param */
	bool hides_client; /* the Received field does: who sends is our own */
	bool asks_sender;  /* MAIL waits for a ruling: inspect_sender */
	/* More lines of EHLO's answer. */
	void (*offer)(struct session *s);
	/* A legal AUTH; null: there is none here. */
	void (*auth)(struct session *s, const struct smtp_command *command);
	/* A line inside of an exchange that auth began. */
	void (*auth_line)(struct session *s, const char *line, size_t n);
	/* May a mail begin, a recipient be named? False: the refusal was said. */
	bool (*may_mail)(struct session *s);
	bool (*may_rcpt)(struct session *s, const struct mailaddr *to);
};
extern const struct session_kind session_mx;         /* verbs.c */
extern const struct session_kind session_submission; /* submission/verbs.c */

struct session_limits {
	const struct session_kind *kind;
	const char *hostname;
	const struct local_domains *domains;
	struct transaction_limits mail;
	size_t max_recipients, max_errors;
	size_t max_refused; /* recipients with a 5xx, of all mails of a session */
	bool has_tls;
	bool auth_requires_tls, trusts_pop; /* submission: POP before SMTP */
};

enum session_state {
	SESSION_START = 1 << 0,   /* before HELO or EHLO */
	SESSION_READY = 1 << 1,   /* no mail in flight */
	SESSION_MAIL = 1 << 2,    /* MAIL was accepted, no recipient yet */
	SESSION_RCPT = 1 << 3,    /* there is a recipient */
	SESSION_BDAT = 1 << 4,    /* between chunks */
	SESSION_CONTENT = 1 << 5, /* content is coming, or pushsrv is committing it */
	SESSION_ENDED = 1 << 6
};

enum session_need {
	SESSION_NEED_LINE,
	SESSION_NEED_OCTETS,
	SESSION_NEED_STORE,
	SESSION_NEED_RULING,
	SESSION_NEED_TLS,
	SESSION_NEED_CLOSE
};

struct session_answer;
struct session_ruling;

/* The way on, which the driver is. The answers may come before a call returns. */
struct session_ops {
	/* Whole lines, in order. */
	void (*reply)(void *arg, const char *octets, size_t n);
	/* Has the client sent more than was taken from it? */
	bool (*is_ahead)(void *arg);
	/* False: pushsrv is known to be out of reach just now. */
	bool (*can_store)(void *arg);
	/* Puts a recipient of s->tx to pushsrv; the first one begins the mail there. */
	void (*rcpt)(void *arg, const struct mailaddr *to);
	/* Passes content on. After the last of it, pushsrv commits: session_mail_answered. */
	void (*content)(void *arg, const uint8_t *octets, size_t n, bool is_last);
	/* Header lines for the top of the mail, before the last of its content. */
	void (*trace)(void *arg, const char *fields, size_t n);
	/* What pushsrv was told of this mail is void; no more answers, and no more rulings. May be
	 * called twice. */
	void (*abandon)(void *arg);

	/* Who sends, and may he? s->tx has what MAIL said. session_ruled. */
	void (*inspect_sender)(void *arg);
	/* s->auth.sasl has credentials. session_authenticated. */
	void (*authenticate)(void *arg);
	/* The mail s->tx begins: what is found out about it is asked for with the next three. */
	void (*inspect)(void *arg);
	/* Content as it comes, before anything is added. */
	void (*inspect_octets)(void *arg, const uint8_t *octets, size_t n);
	/* May this recipient be put to pushsrv? session_ruled. */
	void (*inspect_rcpt)(void *arg, const struct mailaddr *to);
	/* May the whole be passed on? session_ruled. */
	void (*inspect_content)(void *arg);
};

/* A login on its way, at a submission port. */
struct session_auth {
	struct sasl_server sasl;
	bool is_exchanging;            /* the next line belongs to it */
	bool is_done;                  /* he is known */
	enum identity_verdict refused; /* decided, but the mechanism wants one more line first */
};

struct session {
	enum session_state state;
	enum session_need need;
	enum close_reason reason;
	const struct session_limits *limits;
	const struct session_ops *ops;
	void *arg;
	char label[SESSION_LABEL_MAX];  /* names the session in the ids of its mails */
	const char *ip;                 /* the client's, as text; borrowed */
	char client[SMTP_HELO_MAX + 1]; /* what HELO said */
	bool is_extended;               /* it said EHLO */
	bool is_tls;
	unsigned commands, errors, mails, accepted, refused; /* so far */
	struct session_auth auth;

	struct transaction tx;
	size_t awaited;            /* recipients that pushsrv has not answered yet: */
	struct mailaddr *awaiting; /* a ring, in the order of RCPT */
	size_t ring, first;        /* its size; where the oldest is */
	struct mailaddr asking;    /* the recipient whose ruling is awaited, */
	unsigned asking_notify;    /* and what RCPT said of him */
	char asking_orcpt[SMTP_ORCPT_MAX + 1];
	char refusal[SMTP_REPLY_LINE_MAX]; /* of one, to be said behind the awaited; "" */

	bool is_chunked;    /* the content comes by BDAT */
	bool chunk_is_void; /* this chunk comes at a wrong time: read and forgotten */
	bool chunk_is_last;
	uint64_t chunk_left;
};

/* Greets. label: short, of letters, digits, '.' and '-'. */
void session_open(struct session *s, const struct session_limits *limits, const char *label,
		  const char *ip, const struct session_ops *ops, void *arg);
void session_close(struct session *s);

enum session_line_is { SESSION_LINE_WHOLE, SESSION_LINE_TOO_LONG, SESSION_LINE_BARE_LF };

/* LINE: without its line end; TOO_LONG has none. False: not now, give it again. */
bool session_line(struct session *s, const char *line, size_t n, enum session_line_is is);
/* OCTETS: how many of them were taken. */
size_t session_octets(struct session *s, const uint8_t *in, size_t n);

/* An answer of pushsrv's. enhanced may be "". */
struct session_answer {
	int code;
	const char *enhanced, *text;
};
/* What the inspection has ruled. */
struct session_ruling {
	struct session_answer refusal; /* code 0: go on */
	bool ends;                     /* with it the session does: its binding is gone */
	const char *trace;             /* with the content: fields for the top of the mail */
	size_t trace_n;
};
void session_ruled(struct session *s, const struct session_ruling *ruling);
/* The credentials are good, or not. */
void session_authenticated(struct session *s, enum identity_verdict verdict);

/* To the oldest recipient that is awaited. */
void session_rcpt_answered(struct session *s, const struct session_answer *answer);
/* After the content: 250 is the commit, for all recipients. */
void session_mail_answered(struct session *s, const struct session_answer *answer);
/* pushsrv went away, or is silent: what was not answered never will be. */
void session_store_lost(struct session *s);
void session_secured(struct session *s);

/* Says what the reason's row has for it, and NEED_CLOSE; but a commit that is awaited stays so. */
void session_goodbye(struct session *s, enum close_reason reason);
/* Is the outcome of a commit awaited? */
bool session_is_committing(const struct session *s);

/* ---- between session.c and verbs.c ---- */

/* "250 2.0.0 text", without CRLF. */
void session_say(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a command that was wrong: after max_errors of them the session ends. */
void session_complain(struct session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The only writer of s->state. */
void session_enter(struct session *s, enum session_state to);
void session_end(struct session *s, enum close_reason reason);
/* The mail in flight ends, whatever became of it. */
void session_forget_mail(struct session *s);
/* Asks the inspection, and then pushsrv. */
void session_ask(struct session *s, const struct mailaddr *to);
/* The mail s->tx is taken on. */
void session_accept_mail(struct session *s);
/* What a login has brought so far is forgotten, not that it succeeded. */
void session_forget_login(struct session *s);
/* Content begins, or goes on with this chunk. */
void session_begin_content(struct session *s);
/* Finds the row, checks the state, acts. False: not before the awaited answers. */
bool verbs_run(struct session *s, const char *line, size_t n);

#endif
