/* public_key -- is this signature by the owner of that key? RSA and Ed25519
 *
 * The one place where OpenSSL's public keys come in; for lib/dkim. Keys come from strangers, so one
 * that would cost much to use is not used: RSA of 1024 to 8192 bits (less proves nothing), with a
 * public exponent of 64 bits at most.
 *
 * OWNERSHIP  public_key_free frees. THREADS a key belongs to one
 * ERRORS     E_SYNTAX: no such key; E_RANGE: too short, too long; E_AUTH: not signed by it; E_NOMEM
 * SEE        RFC 8017 8.2.2 (RSASSA-PKCS1-v1_5), RFC 8032 5.1.7, RFC 8301 3.2, RFC 8463
 */
#ifndef HATO_LIB_PUBLIC_KEY_H
#define HATO_LIB_PUBLIC_KEY_H

#include "lib/digest.h"

#define PUBLIC_KEY_RSA_BITS_MIN 1024
#define PUBLIC_KEY_RSA_BITS_MAX 8192

struct public_key;

/* SubjectPublicKeyInfo or RSAPublicKey, in DER. */
int public_key_rsa(const uint8_t *der, size_t n, struct public_key **out);
/* The 32 octets of the point. */
int public_key_ed25519(const uint8_t *point, size_t n, struct public_key **out);
void public_key_free(struct public_key *key);

/* RSA: PKCS #1 v1.5 of that SHA-256. Ed25519: of the 32 octets of the hash, as DKIM has it. */
int public_key_verify(const struct public_key *key, const uint8_t hash[SHA256_LEN],
		      const uint8_t *signature, size_t n);

#endif
