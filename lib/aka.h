/* aka -- authentication and key agreement with a SIM: the network's half, and what both halves
 * share
 *
 * The network sends RAND and AUTN = (SQN xor AK) | AMF | MAC-A. A SIM that holds K believes AUTN
 * (so the network is proven to the handset) and hands out CK and IK, from which both derive two
 * keys:
 *
 *   proof key    all 32 octets of HMAC-SHA-256(CK | IK, "hato-proof-key-1")
 *   trigger key  the first 16 of  HMAC-SHA-256(CK | IK, "hato-trigger-key-1")
 *
 *   proof = HMAC-SHA-256(proof key, "hato-proof-1" 00 purpose 00 realm 00 key 00 challenge)
 *
 * purpose is "token" or "sim", key and challenge are the texts of the challenge's answer, octet for
 * octet; nothing ends with a NUL of its own. docs/sim-proof.md is the page for other implementers.
 *
 * SQN = SEQ | IND, 43 and 5 bits. SEQ is the time in ticks of 10 ms plus the SIM's own difference,
 * which is 0 until the SIM said by AUTS that it is out of step. IND is a slot of ours, so that a
 * real HSS and we do not disturb each other in one SIM. A tick must not see two challenges of a
 * SIM: the SIM would refuse the second, and come back in step by AUTS. Nothing is stored for a SIM
 * in step.
 *
 * OWNERSHIP  values; who has a struct sim_key or sim_session wipes it. THREADS any.
 * ERRORS     E_AUTH, E_RANGE as named; E_NOMEM
 * SEE        3GPP TS 33.102 6.3 (AKA, AUTS), annex C 1.1.3 (time-based SQN), C.2.2 (what a SIM
 *            accepts); binding rules 8
 */
#ifndef HATO_LIB_AKA_H
#define HATO_LIB_AKA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/digest.h"
#include "lib/milenage.h"

#define AUTN_BYTES        16
#define AUTS_BYTES        14
#define PROOF_BYTES       SHA256_LEN
#define PROOF_PURPOSE_SIM "sim"
#define PROOF_PURPOSE     "token"
#define AKA_IND_BITS      5
#define AKA_IND_MAX       ((1 << AKA_IND_BITS) - 1)
#define AKA_SEQ_MAX       ((INT64_C(1) << 43) - 1)
#define AKA_SEQ_DELTA     (INT64_C(1) << 28) /* a SIM refuses a SEQ that is so far ahead */
#define AKA_TICK_US       10000

/* What a SIM and its operator share. */
struct sim_key {
	uint8_t k[MILENAGE_KEY_BYTES], opc[MILENAGE_KEY_BYTES];
};

/* What both sides have after the SIM believed AUTN. */
struct sim_session {
	uint8_t proof_key[SHA256_LEN];
	uint8_t trigger_key[16];
};

/* The SQN of this moment. E_RANGE: outside 43 bits, so the SIM's counter is at its end. */
int aka_sqn(int64_t now_us, int64_t seq_dif, unsigned ind, uint64_t *sqn);
void aka_sqn_put(uint64_t sqn, uint8_t octets[SQN_BYTES]);
uint64_t aka_sqn_take(const uint8_t octets[SQN_BYTES]);

int aka_autn(const struct sim_key *key, const uint8_t rand[RAND_BYTES], uint64_t sqn, uint16_t amf,
	     uint8_t autn[AUTN_BYTES]);
int aka_session(const struct sim_key *key, const uint8_t rand[RAND_BYTES], struct sim_session *out);
/* The two keys of a CK and an IK. */
int aka_derive(const uint8_t ck[MILENAGE_KEY_BYTES], const uint8_t ik[MILENAGE_KEY_BYTES],
	       struct sim_session *out);

/* AUTS = (SQN_MS xor AK*) | MAC-S, for a challenge of this RAND. E_AUTH: not of this SIM. */
int aka_auts_open(const struct sim_key *key, const uint8_t rand[RAND_BYTES],
		  const uint8_t auts[AUTS_BYTES], uint64_t *sqn_ms);
/* The difference from which on this SIM is in step; the same as before if it is in step already, so
 * that an AUTS that comes twice turns nothing back. */
int64_t aka_resync(int64_t now_us, int64_t seq_dif, uint64_t sqn_ms);

/* realm and key: texts. */
int aka_proof(const uint8_t proof_key[SHA256_LEN], const char *purpose, const char *realm,
	      const char *key, const char *challenge, size_t challenge_len,
	      uint8_t proof[PROOF_BYTES]);

#endif
