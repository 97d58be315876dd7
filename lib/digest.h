/* digest -- SHA-256, MD5, their HMACs, comparing secrets, and randomness
 *
 * The one place where OpenSSL's digests and its random generator come in. Callers: the trigger's
 * MAC, keys made at a binding's confirmation, challenges, Message-IDs, DKIM's hashes.
 *
 * OWNERSHIP  values; nothing to free but a stream. THREADS any; a stream belongs to one.
 * ERRORS     E_NOMEM: the library could not get what it needs; E_IO: the system has no randomness
 * SEE        FIPS 180-4, RFC 1321, RFC 2104
 */
#ifndef HATO_LIB_DIGEST_H
#define HATO_LIB_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32
#define MD5_LEN    16

int sha256(const void *data, size_t len, uint8_t out[SHA256_LEN]);

/* The same of what comes in pieces. */
struct sha256_stream;
int sha256_stream_new(struct sha256_stream **out);
/* Null is ignored. */
void sha256_stream_free(struct sha256_stream *s);
/* A failure is told at the end. */
void sha256_stream_feed(struct sha256_stream *s, const void *data, size_t len);
/* Of all so far; then it is empty again. */
int sha256_stream_end(struct sha256_stream *s, uint8_t out[SHA256_LEN]);

/* Any key length; an empty key is one too. */
int hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		uint8_t out[SHA256_LEN]);

/* For RADIUS only, which knows nothing better. */
int md5(const void *data, size_t len, uint8_t out[MD5_LEN]);
int hmac_md5(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[MD5_LEN]);

/* Takes as long whether the octets differ or not. The length is no secret. */
bool ct_equal(const void *a, const void *b, size_t len);

/* Fit for keys. */
int random_bytes(void *out, size_t len);

#endif
