/* transaction -- the mail in flight: one MAIL with its recipients and its content, apart from the
 * peer that sends it
 *
 * Begun by MAIL; ended by its acceptance, its refusal, RSET or the end of the session. Content is
 * judged as it comes (lib/wire/smtp/data) and is handed on in pieces: what has gathered is
 * `octets[0..held)`, to be passed on and then dropped by transaction_passed. So memory is bounded
 * by a piece and what came in one reading, however large the mail is. Once the mail is known to be
 * bad nothing gathers any more, but reading goes on to the end of the data.
 *
 * The content is preceded by one Received field of ours, and loses the Authentication-Results that
 * claim to be ours (weed; and what else the recipients want out); every other octet is as the
 * client sent it, less dot stuffing. Only content of BDAT that does not end a line gets CRLF (RFC
 * 3030 asks for it).
 *
 * OWNERSHIP  transaction_end frees all that it holds; a zeroed transaction is an ended one.
 * THREADS    one
 * SEE        RFC 5321 4.1.1.4, 4.4, 6.3 (loops); RFC 3030 2; RFC 1870 6.3
 */
#ifndef HATO_SMTPGW_TRANSACTION_H
#define HATO_SMTPGW_TRANSACTION_H

#include "lib/wire/smtp/received.h"
#include "lib/wire/smtp/command.h"
#include "lib/wire/smtp/data.h"
#include "smtpgw/weed.h"

#define TRANSACTION_ID_MAX 40
#define TRANSACTION_PIECE  (64 * 1024) /* more than that is passed on before the end has come, */
#define TRANSACTION_STALE_S                                                                        \
	30 /* and less if so much time went by: pushsrv must not think us gone */

/* What the content is found to be. A fault counts before those below it, wherever it stands, so
 * that the same mail is always refused alike. */
enum transaction_fate {
	TRANSACTION_GOOD,
	TRANSACTION_UNSAFE,    /* bare CR, bare LF or NUL: 550 5.5.2 */
	TRANSACTION_LONG_LINE, /* over max_line: 554 5.6.0 */
	TRANSACTION_TOO_LARGE, /* over max_size: 552 5.3.4 */
	TRANSACTION_LOOP,      /* over max_received Received fields: 554 5.4.6 */
	TRANSACTION_NO_MEMORY, /* 451 4.3.0 */
	TRANSACTION_FATES
};

struct transaction_limits {
	uint64_t max_size, max_line;
	const char *hostname; /* ours: no field that came along may bear it as its author */
	size_t max_field;     /* octets of a header field that are held to be looked at */
	unsigned max_received;
};

struct transaction {
	char id[TRANSACTION_ID_MAX]; /* for the trace field, the reply and the log */
	char xid[SMTP_XID_MAX + 1];  /* of a mail out of the queue: its name there; else "" */
	struct mailaddr reverse_path;
	struct mailaddr recipient; /* the first accepted one */
	bool is_utf8;              /* SMTPUTF8 */
	enum smtp_body body;
	enum smtp_ret ret; /* DSN */
	char envid[SMTP_ENVID_MAX + 1];
	bool has_size;
	uint64_t declared; /* SIZE */

	size_t accepted; /* recipients */
	bool is_lost;    /* accepted recipients, or content, went down with their connection */

	struct transaction_limits limits;
	enum transaction_fate fate;
	struct smtp_data data; /* BDAT uses the content machine inside */
	struct weed filter;
	smtp_sink watch; /* null: nobody sees the content as it comes */
	void *watch_arg;
	bool is_traced;  /* the Received field has been put in front */
	uint8_t *octets; /* gathered, not passed on yet */
	size_t held, room;
	uint64_t size;     /* of all that gathered so far */
	int64_t passed_us; /* when something was passed on last, by clock_mono_us */
};

void transaction_begin(struct transaction *t, const char *id, const struct smtp_command *mail,
		       const struct transaction_limits *limits);
void transaction_end(struct transaction *t);

void transaction_add(struct transaction *t, const struct mailaddr *recipient);

/* Once, before the content: t fills in id, for and SMTPUTF8. */
void transaction_trace(struct transaction *t, struct received trace, int64_t mono_us);

/* Before the content: are requests for a receipt taken out of it? */
void transaction_take_receipts(struct transaction *t, bool takes);

/* Who sees the content, too, as the client sent it less dot stuffing, while it is good. */
void transaction_watch(struct transaction *t, smtp_sink watch, void *arg);

/* Takes content of DATA: *used octets of it; 1 at the end of the data, else 0. */
int transaction_data(struct transaction *t, const uint8_t *in, size_t n, size_t *used);
/* Content of BDAT: all of it. */
void transaction_chunk(struct transaction *t, const uint8_t *in, size_t n);
/* After the last octet of either: fate and size are final. */
void transaction_complete(struct transaction *t);

/* Is it time to pass on what has gathered, though more is to come? */
bool transaction_is_due(const struct transaction *t, int64_t mono_us);
void transaction_passed(struct transaction *t, int64_t mono_us);

#endif
