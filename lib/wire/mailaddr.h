/* mailaddr -- a mail address as SMTP writes it
 *
 * Reads the paths of MAIL and RCPT and bare addresses, by the grammar of RFC 5321 4.1.2 and one
 * widening: dots may stand anywhere in an unquoted local part (`a..b@`, `a.@`, `.a@`), because
 * Japanese carriers handed such addresses out until 2009 and still honour them. Their correct
 * spelling is quoted (`"a."@`); both spellings are one address here, since the local part is kept
 * dequoted. Callers: smtpgw (SMTP), pushsrv (LMTP), whatever compares or stores addresses.
 *
 * Source routes (`<@relay:a@b>`) are checked and dropped. An address literal is kept in its
 * canonical text:
 * `[192.0.2.1]`, `[ipv6:2001:db8::1]`; no tag but IPv6 is known. A domain has no final dot and no
 * empty or longer than 63 octets label. Non-ASCII (well formed UTF-8) is let in only with
 * MAILADDR_UTF8, in local part and domain; it is compared octet by octet, without case folding or
 * normalisation. No control character (C0, DEL, C1) ever gets in.
 *
 * OWNERSHIP  values; nothing to free. THREADS any. TRUST the text comes off the network: any
 * length, any bytes ERRORS     E_SYNTAX; E_TOO_LARGE over a limit below; E_RANGE non-ASCII where
 * MAILADDR_UTF8 is not set (553 5.6.7) SEE        RFC 5321 4.1.2, 4.1.3, 4.5.3.1 and appendix C
 * (source routes); RFC 6531 3.3; RFC 5322 3.4.1
 */
#ifndef HATO_LIB_WIRE_MAILADDR_H
#define HATO_LIB_WIRE_MAILADDR_H

#include <stdbool.h>
#include <stddef.h>

#define MAILADDR_LOCAL_MAX  64 /* octets, dequoted */
#define MAILADDR_DOMAIN_MAX 255
#define MAILADDR_PATH_MAX   256 /* with brackets and route */
#define MAILADDR_TEXT_MAX   (2 * MAILADDR_LOCAL_MAX + 3 + MAILADDR_DOMAIN_MAX) /* any form below */

enum mailaddr_flag {
	MAILADDR_UTF8 = 1 << 0,      /* SMTPUTF8 was asked for */
	MAILADDR_NULL = 1 << 1,      /* `<>` is a path (MAIL) */
	MAILADDR_POSTMASTER = 1 << 2 /* `<postmaster>` is a path, in any case (RCPT) */
};

struct mailaddr {
	char local[MAILADDR_LOCAL_MAX +
		   1]; /* dequoted: may hold spaces, '@', '"'; case as written */
	char domain[MAILADDR_DOMAIN_MAX +
		    1]; /* ASCII letters lower case; "" for `<>` and `<postmaster>` */
	bool is_utf8;   /* there is non-ASCII in it */
};

/* The path, brackets included, that text[0..len) begins with; *used octets of it were the path. */
int mailaddr_parse_path(const char *text, size_t len, unsigned flags, struct mailaddr *out,
			size_t *used);

/* All of text[0..len) is one address without brackets (POP3 login, AUTH=, configuration, our own
 * store). */
int mailaddr_parse(const char *text, size_t len, unsigned flags, struct mailaddr *out);

bool mailaddr_is_null(const struct mailaddr *a);

/* An address of the carriers' kind: illegal without quotes, but by its dots alone.
 * mailaddr_canonical is then the raw spelling that the carriers' own MX may insist on. */
bool mailaddr_is_carrier(const struct mailaddr *a);

/* The three forms; each returns `text`. `<>` gives "", `<postmaster>` gives "postmaster".
 * canonical: dequoted local part @ domain. For comparing and as a key; not always parseable.
 * folded:    the same with ASCII letters of the local part in lower case.
 * format:    legal in a header or a path, quoted when it must be; mailaddr_parse reads it back (but
 * not those two). */
const char *mailaddr_canonical(const struct mailaddr *a, char text[MAILADDR_TEXT_MAX + 1]);
const char *mailaddr_folded(const struct mailaddr *a, char text[MAILADDR_TEXT_MAX + 1]);
const char *mailaddr_format(const struct mailaddr *a, char text[MAILADDR_TEXT_MAX + 1]);

#endif
