/* transaction -- the mail in flight: one MAIL with its recipients and its content, apart from the
 * peer that sends it
 *
 * Begun by MAIL, ended by its acceptance, its refusal or RSET. Content is judged as it comes
 * (lib/wire/smtp/data) and everything is read up to the end of the data, whatever has become of
 * the mail. Memory is bounded: at most one piece (256 KiB) of content is held; a body that is
 * larger is handed to the store piece by piece and the session reads no input meanwhile. No I/O:
 * the session's driver stores pieces and the mail, and tells how it went.
 *
 * OWNERSHIP  transaction_end frees all that it holds; a zeroed transaction is an
 *            ended one.
 * THREADS    one
 * SEE        RFC 2033 4.2, RFC 5321 4.1.1.4 and 4.4, RFC 3030 2
 */
#ifndef HATO_PUSHSRV_TRANSACTION_H
#define HATO_PUSHSRV_TRANSACTION_H

#include "db/db.h"
#include "lib/wire/smtp/received.h"
#include "lib/wire/smtp/command.h"
#include "lib/wire/smtp/data.h"
#include "pushsrv/return_path.h"
#include "pushsrv/trace_fields.h"

#define TRANSACTION_ID_MAX     40
#define TRANSACTION_PREFIX_MAX (RETURN_PATH_MAX + RECEIVED_MAX + TRACE_FIELDS_MAX)

/* What has become of the mail so far; unless it is good its content is no longer kept. A fault of
 * the mail itself counts before ours, so that the same mail is always refused alike. */
enum transaction_fate {
	TRANSACTION_GOOD,
	TRANSACTION_UNSAFE,     /* bare CR, bare LF or NUL: 550 5.5.2 */
	TRANSACTION_LONG_LINE,  /* over max_line: 554 5.6.0 */
	TRANSACTION_TOO_LARGE,  /* over max_size: 552 5.3.4 */
	TRANSACTION_NOT_STORED, /* the store would not take a piece: 451 4.3.0 */
	TRANSACTION_FATES
};

struct transaction {
	char id[TRANSACTION_ID_MAX]; /* for trace fields, replies and logs */
	struct mailaddr reverse_path;
	struct mailaddr recipient; /* the first accepted one */
	bool is_atomic; /* XATOMIC: all recipients or none, and it comes from our own smtpgw */
	char xid[SMTP_XID_MAX + 1]; /* XID: its name in smtpgw's queue; "" none */
	bool is_utf8;
	uint64_t declared; /* SIZE; 0: not said */
	uint64_t max_size;

	size_t accepted;      /* recipients: a reply each */
	uint32_t *slots;      /* accepted of them: which of the subscribers */
	int64_t *subscribers; /* each once, however many of its addresses were named */
	size_t subscriber_count;
	size_t allocated; /* of slots and subscribers */

	struct trace_fields trace; /* XTRACE */
	bool is_traced;            /* it came already */

	enum transaction_fate fate;
	struct smtp_data data; /* BDAT uses the content machine inside */
	struct return_path filter;
	uint8_t *octets; /* content not yet stored */
	size_t held, room;
	uint64_t size;   /* of all content so far, as it is kept */
	int64_t body;    /* the store's, 0: nothing was stored ahead */
	uint32_t pieces; /* stored so far */
};

void transaction_begin(struct transaction *t, const char *id, const struct smtp_command *mail,
		       uint64_t max_size, uint64_t max_line);
void transaction_end(struct transaction *t);

/* E_NOMEM. `address` as it was named. */
int transaction_add(struct transaction *t, int64_t subscriber, const struct mailaddr *address);

/* Takes content of DATA: *used octets, fewer than n when a piece is full or the data has ended
 * (then 1 is returned, else 0). */
int transaction_data(struct transaction *t, const uint8_t *in, size_t n, size_t *used);
/* The same for BDAT, which knows its end: octets taken. */
size_t transaction_chunk(struct transaction *t, const uint8_t *in, size_t n);
/* After the last octet of either: fate and size are final. */
void transaction_complete(struct transaction *t);

/* The next piece to store, null if none is due. `is_complete`: the content has ended. */
const uint8_t *transaction_piece(const struct transaction *t, bool is_complete, size_t *n);
void transaction_piece_stored(struct transaction *t, int err, int64_t body);

/* The trace fields that stand before the content: Return-Path, unless our own smtpgw wrote it
 * Received, and what came by XTRACE. */
struct transaction_trace {
	const char *helo; /* as LHLO said it */
	const char *ip;   /* null: a unix socket */
	const char *by;   /* our own name */
	int64_t time_s;
};
/* E_RANGE: what time is it? */
int transaction_prefix(const struct transaction *t, const struct transaction_trace *trace,
		       char prefix[TRANSACTION_PREFIX_MAX], size_t *n);

#endif
