#include "handset-sim/sim.h"

#include <string.h>

#include "lib/err.h"

#define K_LABEL   "hato-simulated-k"
#define OPC_LABEL "hato-simulated-opc"

static int octets_of(const char *label, const char *imsi, uint8_t out[MILENAGE_KEY_BYTES])
{
	uint8_t digest[SHA256_LEN];
	int err = hmac_sha256(label, strlen(label), imsi, strlen(imsi), digest);

	if (!err)
		memcpy(out, digest, MILENAGE_KEY_BYTES);
	return err;
}

int sim_init(struct sim *s, const char *imsi, int64_t seq)
{
	int err = octets_of(K_LABEL, imsi, s->key.k);

	if (!err)
		err = octets_of(OPC_LABEL, imsi, s->key.opc);
	for (size_t i = 0; i <= AKA_IND_MAX; i++)
		s->seq[i] = seq;
	return err;
}

static void hide(const uint8_t sqn[SQN_BYTES], const uint8_t ak[SQN_BYTES], uint8_t *out)
{
	for (int i = 0; i < SQN_BYTES; i++)
		out[i] = sqn[i] ^ ak[i];
}

/* The slot of the greatest SEQ: that SQN is SQN_MS. */
static size_t highest(const struct sim *s)
{
	size_t best = 0;

	for (size_t i = 1; i <= AKA_IND_MAX; i++)
		if (s->seq[i] > s->seq[best])
			best = i;
	return best;
}

static bool is_fresh(const struct sim *s, uint64_t sqn)
{
	int64_t seq = (int64_t)(sqn >> AKA_IND_BITS);

	return seq > s->seq[sqn & AKA_IND_MAX] && seq - s->seq[highest(s)] <= AKA_SEQ_DELTA;
}

static int make_auts(const struct sim *s, const uint8_t rand[RAND_BYTES], uint8_t auts[AUTS_BYTES])
{
	static const uint8_t amf[AMF_BYTES];
	size_t slot = highest(s);
	uint8_t sqn[SQN_BYTES];
	struct milenage m;

	aka_sqn_put((uint64_t)s->seq[slot] << AKA_IND_BITS | slot, sqn);
	int err = milenage(s->key.k, s->key.opc, rand, sqn, amf, &m);
	if (err)
		return err;
	hide(sqn, m.ak_s, auts);
	memcpy(auts + SQN_BYTES, m.mac_s, MAC_BYTES);
	return 0;
}

enum sim_answer sim_challenge(struct sim *s, const uint8_t rand[RAND_BYTES],
			      const uint8_t autn[AUTN_BYTES], struct sim_session *session,
			      uint8_t auts[AUTS_BYTES])
{
	static const uint8_t none[SQN_BYTES];
	uint8_t octets[SQN_BYTES];
	struct milenage m;

	if (milenage(s->key.k, s->key.opc, rand, none, none, &m))
		return SIM_REFUSES;
	hide(autn, m.ak, octets);
	if (milenage(s->key.k, s->key.opc, rand, octets, autn + SQN_BYTES, &m) ||
	    !ct_equal(m.mac_a, autn + SQN_BYTES + AMF_BYTES, MAC_BYTES))
		return SIM_REFUSES;
	uint64_t sqn = aka_sqn_take(octets);
	if (!is_fresh(s, sqn))
		return make_auts(s, rand, auts) ? SIM_REFUSES : SIM_OUT_OF_STEP;
	s->seq[sqn & AKA_IND_MAX] = (int64_t)(sqn >> AKA_IND_BITS);
	return aka_derive(m.ck, m.ik, session) ? SIM_REFUSES : SIM_PROVES;
}
