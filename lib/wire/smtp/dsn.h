/* dsn -- delivery status notifications (bounces): written, and read back
 *
 * Written: multipart/report with three parts. For people, in English and Japanese: ISO-2022-JP,
 * which is 7-bit and which every phone shows, or UTF-8 where an address is not ASCII. For programs,
 * message/delivery-status (message/global-delivery-status where something is not ASCII). And of the
 * mail itself its header, or all of it if the sender wants that and it is not too large. The
 * caller (smtpgw/relay) decides who is told of what; one notice tells of one action.
 *
 * Read: what another mail system says became of a mail, from any message with such a part.
 *
 * UNITS      seconds since 1970, UTC
 * ERRORS     E_NOMEM; E_RANGE a year outside 0..9999
 * OWNERSHIP  arguments are borrowed; dsn_letter.octets is the caller's, to be freed
 * THREADS    any
 * TRUST      what a DSN of somebody else says may be forged, as any mail. Texts that come from
 * outside are made harmless on the way into a notice: no control characters; '?' for what is not
 * ASCII where that may not be
 * SEE        RFC 3461 6, 3462/6522, 3464, 6533 (non-ASCII), 3834 (Auto-Submitted), 1468
 */
#ifndef HATO_LIB_WIRE_SMTP_DSN_H
#define HATO_LIB_WIRE_SMTP_DSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header_field; /* header.h */

enum dsn_action {
	DSN_FAILED,
	DSN_DELAYED,
	DSN_DELIVERED,
	DSN_RELAYED, /* handed on to who gives no notices */
	DSN_EXPANDED,
	DSN_ACTIONS
};

/* "failed", ... */
const char *dsn_action_word(enum dsn_action action);

/* ---- writing ---- */

struct dsn_recipient {
	const char *address;  /* as RCPT had it */
	const char *orcpt;    /* "type;address", decoded; "" */
	const char *status;   /* "5.1.1", "4.4.7" */
	int code;             /* of the answer; 0: the text is our own */
	const char *enhanced; /* "5.1.1", of the answer */
	const char *text;
	const char *remote;  /* the host that gave it, maybe " [address]" behind; "" none */
	int64_t attempt_s;   /* the last one */
	int64_t retry_until; /* DSN_DELAYED */
};

struct dsn {
	enum dsn_action action;
	const char *hostname;   /* ours */
	const char *to;         /* the mail's reverse-path; not "" */
	const char *message_id; /* of the notice, without brackets */
	const char *envid;      /* of the mail, decoded; "" */
	int64_t arrival_s;      /* of the mail */
	int64_t now_s;
	bool is_utf8;            /* the mail came with SMTPUTF8 */
	const uint8_t *original; /* the mail, or its beginning */
	size_t original_len;
	bool returns_all;  /* it is the whole mail, and to be returned */
	size_t return_max; /* octets of header to be returned; more is cut off */
	const struct dsn_recipient *recipients;
	size_t count;
};

struct dsn_letter {
	uint8_t *octets; /* CRLF lines, not dot-stuffed */
	size_t size;
	bool is_8bit;
	bool is_utf8; /* it cannot be sent without SMTPUTF8 */
};

int dsn_write(const struct dsn *d, struct dsn_letter *out);

/* ---- reading ---- */

#define DSN_VALUE_MAX 1000 /* octets of a value; longer ones are cut */

/* "" what was not said. Types ("rfc822", "dns", "smtp") are in lower case. */
struct dsn_value {
	char type[32];
	char text[DSN_VALUE_MAX + 1]; /* without < and > around it */
};

struct dsn_of_mail {
	struct dsn_value reporter;       /* Reporting-MTA */
	char envid[DSN_VALUE_MAX + 1];   /* Original-Envelope-Id */
	char arrival[DSN_VALUE_MAX + 1]; /* Arrival-Date */
};

struct dsn_of_recipient {
	enum dsn_action action; /* DSN_ACTIONS: none that is known */
	char status[12];        /* "5.1.1" */
	struct dsn_value final, original, remote, diagnostic;
};

struct dsn_listener {
	/* Once, before the others. */
	void (*mail)(void *arg, const struct dsn_of_mail *mail);
	void (*recipient)(void *arg, const struct dsn_of_recipient *recipient);
	/* The Message-ID of the mail that was returned, with its brackets; not if there is none. */
	void (*message_id)(void *arg, const char *id);
	/* Each field of its header, before that; null: not wanted. */
	void (*field)(void *arg, const struct header_field *field);
};

/* All of a message, CRLF lines. E_NOT_FOUND: it is no report of a delivery status, or one that
 * tells of no recipient. */
int dsn_read(const uint8_t *octets, size_t n, const struct dsn_listener *listener, void *arg);

#endif
