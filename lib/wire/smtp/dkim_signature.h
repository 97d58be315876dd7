/* dkim_signature -- a DKIM-Signature field, and the key record that it names, read
 *
 * Bytes to structs for lib/dkim. What a list says that is no version 1, no known algorithm or
 * against the grammar is refused with a few words why (literals), which a reader of
 * Authentication-Results is shown.
 *
 * rsa-sha1 is refused (RFC 8301). `i=` outside of `d=` is refused; what remains of it is whether
 * it is d= itself, which a key may insist on (t=s).
 *
 * OWNERSHIP  `names` points into the field's value; all else is copied. THREADS any
 * TRUST      senders and DNS
 * ERRORS     the words, or null if it is good
 * SEE        RFC 6376 3.5, 3.6.1, 6.1.1, 6.1.2; RFC 8301; RFC 8463
 */
#ifndef HATO_LIB_WIRE_SMTP_DKIM_SIGNATURE_H
#define HATO_LIB_WIRE_SMTP_DKIM_SIGNATURE_H

#include "lib/wire/dns/name.h"
#include "lib/wire/smtp/tag_list.h"

#define DKIM_HASH_LEN  32
#define DKIM_VALUE_MAX 1024 /* of b=: RSA of 8192 bits */
#define DKIM_KEY_MAX   1200 /* of p=: the same with its ASN.1 */
#define DKIM_NAMES_MAX 256  /* fields that one signature may name */
#define DKIM_WHOLE     UINT64_MAX

enum dkim_algorithm { DKIM_RSA_SHA256, DKIM_ED25519_SHA256 };
enum dkim_form { DKIM_SIMPLE, DKIM_RELAXED };

struct dkim_signature {
	char domain[DNS_NAME_MAX];   /* d=, lower case; "" if it was not read */
	char selector[DNS_NAME_MAX]; /* s= */
	enum dkim_algorithm algorithm;
	enum dkim_form header, body;
	bool is_for_subdomain; /* i= is not d= itself */
	struct tag names;      /* h= */
	uint64_t body_octets;  /* l=; DKIM_WHOLE */
	uint64_t expires_s;    /* x=; 0: never */
	uint8_t body_hash[DKIM_HASH_LEN];
	uint8_t value[DKIM_VALUE_MAX];
	size_t value_len;
};

const char *dkim_signature_read(const char *value, size_t n, struct dkim_signature *out);

struct dkim_key {
	enum dkim_algorithm algorithm;
	bool is_testing;   /* t=y */
	bool is_strict;    /* t=s: not for subdomains */
	size_t octets_len; /* 0: revoked */
	uint8_t octets[DKIM_KEY_MAX];
};

const char *dkim_key_read(const char *text, size_t n, struct dkim_key *out);

#endif
