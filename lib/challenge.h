/* challenge -- what a SIM is asked, carried by the handset itself until it answers
 *
 * Nothing is stored for a challenge: the text holds it, sealed like a token. 63 octets, base64url
 * without padding, 84 characters. Octet 0: key id of the keyring. Then AES-SIV (tag 16, 46 octets):
 * kind (1), generation (4), expiry in Unix seconds (4), SQN (6), RAND (16), IMSI with NULs behind
 * it (15), big endian. Associated data, each a component of its own: "hato-challenge-1", the realm,
 * the octets of the stored key. So it means something at its own key only; the caller compares the
 * generation with the committed one.
 *
 * TRUST      the text comes off the network: any length, any bytes
 * OWNERSHIP  values; a keyring belongs to one thread. SEE binding rules 8
 */
#ifndef HATO_LIB_CHALLENGE_H
#define HATO_LIB_CHALLENGE_H

#include "lib/aka.h"
#include "lib/key.h"
#include "lib/keyring.h"
#include "lib/rules/lease.h"

#define CHALLENGE_TEXT 84

enum challenge_kind {
	CHALLENGE_TOKEN = 1, /* the bound SIM, for a token */
	CHALLENGE_SIM = 2    /* a SIM that is to become the subscriber's: sign-up */
};

struct challenge {
	enum challenge_kind kind;
	uint32_t generation;
	int64_t expires_s;
	uint64_t sqn;
	uint8_t rand[RAND_BYTES];
	char imsi[IMSI_MAX];
};

/* E_NOT_FOUND: the keyring has no active key. E_NOMEM. */
int challenge_seal(struct keyring *ring, const struct challenge *c, const struct key *k,
		   char text[CHALLENGE_TEXT + 1]);
/* E_AUTH: not ours, altered, for another key or realm; E_EXPIRED (*out is filled); E_NOMEM. */
int challenge_open(struct keyring *ring, const char *text, size_t len, const struct key *k,
		   int64_t now_s, struct challenge *out);

#endif
