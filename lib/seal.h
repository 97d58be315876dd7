/* seal -- deterministic authenticated encryption: AES-SIV
 *
 * The one place that encrypts. A sealed text is a tag of 16 octets and as many octets as the text
 * has; it opens only under the same key and the same associated data, component by component (S2V
 * keeps their borders apart: "ab","c" is not "a","bc"). The same text under the same key and data
 * seals to the same octets: no nonce that could be used twice, and equal tokens are harmless.
 *
 * token.c seals tokens; authsrv seals challenges; db seals K and OPc at rest.
 *
 * OWNERSHIP  a struct siv copies its key, and wipes it when freed
 * THREADS    a struct siv belongs to one thread; the rest: any
 * SEE        RFC 5297 (2.4 S2V, 2.6 and 2.7), binding rules 4 and 7
 */
#ifndef HATO_LIB_SEAL_H
#define HATO_LIB_SEAL_H

#include <stddef.h>
#include <stdint.h>

#define SIV_TAG_BYTES    16
#define SIV_PARTS_MAX    8
#define SECRET_KEY_BYTES 64 /* AES-256-SIV */

/* A component of the associated data. Never empty: OpenSSL before 3.0.10 skipped an empty one
 * (CVE-2023-2975), and a component that may be missing is a border that may move. Asserted. */
struct siv_part {
	const void *bytes;
	size_t len;
};

/* A key, expanded once, and the components that all its messages begin with: what is done here is
 * not done again for each message. */
struct siv;

/* key_len 32, 48 or 64: AES-128-SIV, -192-, -256-. Leading components: none is fine. E_RANGE
 * (another length), E_NOMEM. */
int siv_new(const uint8_t *key, size_t key_len, const struct siv_part *leading, size_t count,
	    struct siv **out);
void siv_free(struct siv *siv);

/* The parts follow the leading ones. text (1 octet at least) -> sealed: SIV_TAG_BYTES + len octets,
 * tag first. They do not overlap. E_NOMEM. */
int siv_seal(struct siv *siv, const struct siv_part *parts, size_t count, const void *text,
	     size_t len, uint8_t *sealed);

/* sealed -> text: len - SIV_TAG_BYTES octets. E_AUTH: too short, or not sealed under this key and
 * these parts (`text` is then zeros). E_NOMEM. */
int siv_open(struct siv *siv, const struct siv_part *parts, size_t count, const uint8_t *sealed,
	     size_t len, void *text);

/* A subscriber's K or OPc at rest. The label ("k", "opc") and the subscriber are the associated
 * data: a row that is copied to another subscriber, or to the other column, does not open. blob:
 * SIV_TAG_BYTES + len octets. */
int secret_seal(const uint8_t key[SECRET_KEY_BYTES], const char *label, int64_t subscriber,
		const void *text, size_t len, uint8_t *blob);
/* len is the blob's. E_AUTH; E_NOMEM. */
int secret_open(const uint8_t key[SECRET_KEY_BYTES], const char *label, int64_t subscriber,
		const uint8_t *blob, size_t len, void *text);

/* The key file: 128 hex digits and a newline, mode 0600. create makes a random key, durably
 * (E_EXISTS: there is a file and it stays as it is; E_IO). load: E_NOT_FOUND, E_SYNTAX, E_IO. */
int secret_key_create(const char *path);
int secret_key_load(const char *path, uint8_t key[SECRET_KEY_BYTES]);

#endif
