#include "lib/aka.h"

#include <string.h>

#include "lib/err.h"

#define PROOF_LABEL       "hato-proof-1"
#define PROOF_KEY_LABEL   "hato-proof-key-1"
#define TRIGGER_KEY_LABEL "hato-trigger-key-1"
#define PROOF_TEXT_MAX    512

/* ---- sequence numbers ---- */

int aka_sqn(int64_t now_us, int64_t seq_dif, unsigned ind, uint64_t *sqn)
{
	int64_t seq = now_us / AKA_TICK_US + seq_dif;

	if (seq < 1 || seq > AKA_SEQ_MAX || ind > AKA_IND_MAX)
		return E_RANGE;
	*sqn = (uint64_t)seq << AKA_IND_BITS | ind;
	return 0;
}

void aka_sqn_put(uint64_t sqn, uint8_t octets[SQN_BYTES])
{
	for (unsigned i = 0; i < SQN_BYTES; i++)
		octets[i] = (uint8_t)(sqn >> 8 * (SQN_BYTES - 1 - i));
}

uint64_t aka_sqn_take(const uint8_t octets[SQN_BYTES])
{
	uint64_t sqn = 0;

	for (unsigned i = 0; i < SQN_BYTES; i++)
		sqn = sqn << 8 | octets[i];
	return sqn;
}

int64_t aka_resync(int64_t now_us, int64_t seq_dif, uint64_t sqn_ms)
{
	int64_t ticks = now_us / AKA_TICK_US;
	int64_t seq = ticks + seq_dif, seq_ms = (int64_t)(sqn_ms >> AKA_IND_BITS);

	if (seq > seq_ms && seq - seq_ms <= AKA_SEQ_DELTA)
		return seq_dif;
	return seq_ms + 1 - ticks;
}

/* ---- challenge and answer ---- */

static void hide(const uint8_t sqn[SQN_BYTES], const uint8_t ak[SQN_BYTES], uint8_t *out)
{
	for (int i = 0; i < SQN_BYTES; i++)
		out[i] = sqn[i] ^ ak[i];
}

int aka_autn(const struct sim_key *key, const uint8_t rand[RAND_BYTES], uint64_t sqn, uint16_t amf,
	     uint8_t autn[AUTN_BYTES])
{
	uint8_t amf_octets[AMF_BYTES] = {(uint8_t)(amf >> 8), (uint8_t)(amf & 0xff)};
	uint8_t sqn_octets[SQN_BYTES];
	struct milenage m;

	aka_sqn_put(sqn, sqn_octets);
	int err = milenage(key->k, key->opc, rand, sqn_octets, amf_octets, &m);
	if (err)
		return err;
	hide(sqn_octets, m.ak, autn);
	memcpy(autn + SQN_BYTES, amf_octets, AMF_BYTES);
	memcpy(autn + SQN_BYTES + AMF_BYTES, m.mac_a, MAC_BYTES);
	explicit_bzero(&m, sizeof m);
	return 0;
}

int aka_derive(const uint8_t ck[MILENAGE_KEY_BYTES], const uint8_t ik[MILENAGE_KEY_BYTES],
	       struct sim_session *out)
{
	uint8_t both[2 * MILENAGE_KEY_BYTES], trigger[SHA256_LEN];

	memcpy(both, ck, MILENAGE_KEY_BYTES);
	memcpy(both + MILENAGE_KEY_BYTES, ik, MILENAGE_KEY_BYTES);
	int err = hmac_sha256(both, sizeof both, PROOF_KEY_LABEL, sizeof PROOF_KEY_LABEL - 1,
			      out->proof_key);
	if (!err)
		err = hmac_sha256(both, sizeof both, TRIGGER_KEY_LABEL,
				  sizeof TRIGGER_KEY_LABEL - 1, trigger);
	if (!err)
		memcpy(out->trigger_key, trigger, sizeof out->trigger_key);
	explicit_bzero(both, sizeof both);
	explicit_bzero(trigger, sizeof trigger);
	return err;
}

int aka_session(const struct sim_key *key, const uint8_t rand[RAND_BYTES], struct sim_session *out)
{
	static const uint8_t none[SQN_BYTES];
	struct milenage m;
	int err = milenage(key->k, key->opc, rand, none, none, &m);

	if (!err)
		err = aka_derive(m.ck, m.ik, out);
	explicit_bzero(&m, sizeof m);
	return err;
}

/* The AMF of a resynchronisation is zero: TS 33.102 6.3.3. */
int aka_auts_open(const struct sim_key *key, const uint8_t rand[RAND_BYTES],
		  const uint8_t auts[AUTS_BYTES], uint64_t *sqn_ms)
{
	static const uint8_t none[SQN_BYTES];
	uint8_t sqn[SQN_BYTES];
	struct milenage m;
	int err = milenage(key->k, key->opc, rand, none, none, &m);

	if (err)
		return err;
	hide(auts, m.ak_s, sqn);
	err = milenage(key->k, key->opc, rand, sqn, none, &m);
	if (!err && !ct_equal(m.mac_s, auts + SQN_BYTES, MAC_BYTES))
		err = E_AUTH;
	if (!err)
		*sqn_ms = aka_sqn_take(sqn);
	explicit_bzero(&m, sizeof m);
	return err;
}

/* A part and, but for the last one, the NUL behind it. */
static bool append(uint8_t *text, size_t *len, const void *part, size_t n)
{
	if (n > PROOF_TEXT_MAX - *len)
		return false;
	memcpy(text + *len, part, n);
	*len += n;
	return true;
}

int aka_proof(const uint8_t proof_key[SHA256_LEN], const char *purpose, const char *realm,
	      const char *key, const char *challenge, size_t challenge_len,
	      uint8_t proof[PROOF_BYTES])
{
	uint8_t text[PROOF_TEXT_MAX];
	size_t len = 0;

	if (!append(text, &len, PROOF_LABEL, sizeof PROOF_LABEL) ||
	    !append(text, &len, purpose, strlen(purpose) + 1) ||
	    !append(text, &len, realm, strlen(realm) + 1) ||
	    !append(text, &len, key, strlen(key) + 1) ||
	    !append(text, &len, challenge, challenge_len))
		return E_RANGE;
	return hmac_sha256(proof_key, SHA256_LEN, text, len, proof);
}
