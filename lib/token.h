/* token -- what a handset shows instead of a password
 *
 * 30 octets, base64url without padding, so exactly 40 characters: the longest argument RFC 1939
 * lets a client send. Octet 0: key id. Then AES-SIV (RFC 5297, AES-256-SIV): tag 16, and 13 sealed
 * octets: subscriber id (5), generation (4), expiry in Unix seconds (4), big endian. Associated
 * data, each a component of its own: "hato-token-1", the realm, the octets of the stored key that
 * holds the source address (key_bytes).
 *
 * authsrv seals; popgw and smtpgw open. Opening proves (a) of the three keys: this token was given
 * to this key for this subscriber and generation. It proves nothing about now: that is the
 * committed binding, and both are needed. TRUST      the text comes off the network: any length,
 * any bytes OWNERSHIP  results are filled by value. A keyring belongs to one thread. SEE binding
 * rules 4
 */
#ifndef HATO_LIB_TOKEN_H
#define HATO_LIB_TOKEN_H

#include "lib/key.h"
#include "lib/keyring.h"

#define TOKEN_TEXT           40
#define TOKEN_SUBSCRIBER_MAX ((INT64_C(1) << 40) - 1)

struct token {
	int64_t subscriber;
	uint32_t generation;
	int64_t expires_s;
};

/* E_RANGE: a field does not fit. E_NOT_FOUND: the keyring has no active key. E_NOMEM. */
int token_seal(struct keyring *ring, const struct token *t, const struct key *k,
	       char text[TOKEN_TEXT + 1]);

/* E_AUTH: not ours, altered, for another key or realm (not told apart, on purpose); E_EXPIRED:
 * ours, its time is over
 * (*out is filled, so that it can be logged); E_NOMEM: could not be asked. An unknown key id makes
 * the ring re-read its file once (rate-limited). */
int token_open(struct keyring *ring, const char *text, size_t len, const struct key *k,
	       int64_t now_s, struct token *out);

#endif
