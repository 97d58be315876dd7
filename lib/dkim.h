/* dkim -- who has signed this message, and is it still what was signed?
 *
 * The verifier of one message, without I/O: fields, then the end of the header, then the body as it
 * streams by; in between it is told the keys that it asks for, in any order and as late as just
 * before the end.
 *
 *     dkim_field(d, field)...; dkim_header_end(d);
 *     for (i = 0; i < dkim_count(d); i++)
 *             if (dkim_ask(d, i, name))  ...DNS_TXT of name... dkim_key(d, i, texts, count);
 *     dkim_body(d, octets, n)...; dkim_finish(d);
 *     dkim_result(d, i)
 *
 * The header is held until its end (limits.header_octets of it), then each signature is hashed at
 * once and the header forgotten; of the body nothing is held. Signatures are looked at from the top
 * of the mail, the first limits.signatures of them; those with the same canonicalisation and l=
 * share a hash.
 *
 * What it says (RFC 8601 2.7.1):
 *   pass       signed, all of it
 *   policy     good, but l= leaves octets of the body unsigned: anybody may have put them there
 *   fail       the body or the header was changed; or it has expired
 *   neutral    a signature that cannot be read or uses what we do not take (rsa-sha1); a failed one
 *              of a domain that is testing (t=y)
 *   permerror  no key, revoked, unfit (under 1024 bits), not for this use; a header too large
 *   temperror  the key is not known now
 *
 * OWNERSHIP  dkim_free frees; results and asks live until then
 * THREADS    any; a verifier belongs to one
 * ERRORS     E_NOMEM from dkim_new; later it is temperror
 * SEE        RFC 6376 (6.1 above all), RFC 8301, RFC 8463, RFC 8601 2.7.1;
 * docs/smtp-checks.md
 */
#ifndef HATO_LIB_DKIM_H
#define HATO_LIB_DKIM_H

#include "lib/wire/dns/name.h"
#include "lib/wire/smtp/authres.h"
#include "lib/wire/smtp/header.h"

#define DKIM_SIGNATURES_MAX 8
#define DKIM_FIELDS_MAX     2000 /* of a header that is verified */
#define DKIM_RECORDS_MAX    4    /* TXT records of a key's name that are looked at */

struct dkim_limits {
	size_t signatures; /* up to DKIM_SIGNATURES_MAX */
	size_t header_octets;
};

struct dkim_result {
	enum authres_result result;
	const char *domain, *selector; /* "" if they could not be read */
	const char *reason;            /* a literal; "" for pass */
};

struct dkim_text {
	const char *octets;
	size_t length;
};

struct dkim;

int dkim_new(const struct dkim_limits *limits, int64_t now_s, struct dkim **out);
void dkim_free(struct dkim *d);

void dkim_field(struct dkim *d, const struct header_field *field);
void dkim_header_end(struct dkim *d);

/* How many signatures are looked at. */
size_t dkim_count(const struct dkim *d);
/* The name whose TXT records hold the key of signature i; false if none is needed. */
bool dkim_ask(const struct dkim *d, size_t i, char name[DNS_NAME_MAX]);
/* They are these; none: there is no such name, or it has none. Not called: temperror. */
void dkim_key(struct dkim *d, size_t i, const struct dkim_text *texts, size_t count);

void dkim_body(struct dkim *d, const uint8_t *octets, size_t n);
void dkim_finish(struct dkim *d);
/* After dkim_finish. */
struct dkim_result dkim_result(const struct dkim *d, size_t i);

#endif
