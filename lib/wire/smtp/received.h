/* received -- the trace fields that a server puts on top of a mail
 *
 * smtpgw and pushsrv prepend one Received field to each mail they take, and the last of them one
 * Return-Path. What the client said (HELO, its reverse name) is made harmless: octets that do not
 * belong into a domain or address literal become '?', so that no client writes header lines of its
 * own. Folded; every line is far below 998 octets.
 *
 *   Return-Path: <a@b>
 *   Received: from HELO (RDNS [192.0.2.1]) by HOST
 *           with ESMTPSA id ID
 *           for <rcpt>;
 *           Thu, 01 Jan 1970 00:00:00 +0000
 *
 * or, of a client that is not to be told of, `Received: by HOST` and so on.
 *
 * UNITS   seconds since 1970, UTC; the date is written with +0000
 * ERRORS  E_RANGE a year outside 0..9999; E_TOO_LARGE the buffer. `buf` is spoilt then
 * OWNERSHIP  values, nothing to free. THREADS any
 * SEE     RFC 5321 4.4; RFC 5322 3.3, 3.6.7; RFC 3848 and 6531 4.3 (with)
 */
#ifndef HATO_LIB_WIRE_RECEIVED_H
#define HATO_LIB_WIRE_RECEIVED_H

#include "lib/wire/mailaddr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RFC5322_DATE_MAX  31                       /* "Thu, 01 Jan 1970 00:00:00 +0000" */
#define RECEIVED_MAX      2048                     /* enough for any field, NUL included */
#define RETURN_PATH_MAX   (MAILADDR_TEXT_MAX + 18) /* NUL included */
#define RECEIVED_NAME_MAX 255 /* of helo, rdns, by, id: what is longer is cut */

enum received_how {                             /* of the session and the mail */
		    RECEIVED_EXTENDED = 1 << 0, /* EHLO, not HELO */
		    RECEIVED_LMTP = 1 << 1,
		    RECEIVED_TLS = 1 << 2,
		    RECEIVED_AUTH = 1 << 3,
		    RECEIVED_UTF8 = 1 << 4 /* MAIL asked for SMTPUTF8 */
};

struct received {
	const char *helo;  /* null or "": "unknown" */
	const char *rdns;  /* verified name of the address; may be null */
	const char *ip;    /* text without brackets, either family; null on a unix socket */
	bool hides_client; /* a submission: where our own subscriber is, and under which name his
			      phone calls, is nobody's business: no helo, rdns, ip */
	const char *by;    /* our own name */
	unsigned how;      /* of enum received_how */
	const char *id;    /* our own: queue or mail id */
	const struct mailaddr
		*rcpt; /* only if the mail has a single recipient, else null (never tell Bcc) */
	int64_t time_s;
};

/* The octets written, CRLF at the end, NUL behind. A non-ASCII `rcpt` is left out without
 * RECEIVED_UTF8. */
int received_format(const struct received *r, char *buf, size_t size);

/* "Return-Path: <>" for the null path. */
int return_path_format(const struct mailaddr *a, char *buf, size_t size);

int rfc5322_date_format(int64_t time_s, char buf[RFC5322_DATE_MAX + 1]);

/* "ESMTPS", "UTF8LMTP", ...: the registered name. UTF8 implies EXTENDED; AUTH and TLS too. */
const char *received_with(unsigned how);

#endif
