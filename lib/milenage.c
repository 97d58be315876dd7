#include "lib/milenage.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "lib/err.h"

#define BLOCK 16

static EVP_CIPHER_CTX *aes_new(const uint8_t key[BLOCK])
{
	EVP_CIPHER_CTX *aes = EVP_CIPHER_CTX_new();

	if (aes && (EVP_EncryptInit_ex(aes, EVP_aes_128_ecb(), NULL, key, NULL) != 1 ||
		    EVP_CIPHER_CTX_set_padding(aes, 0) != 1)) {
		EVP_CIPHER_CTX_free(aes);
		return NULL;
	}
	return aes;
}

static bool encrypt(EVP_CIPHER_CTX *aes, const uint8_t in[BLOCK], uint8_t out[BLOCK])
{
	int n;

	return EVP_EncryptUpdate(aes, out, &n, in, BLOCK) == 1 && n == BLOCK;
}

static void mix(uint8_t to[BLOCK], const uint8_t with[BLOCK])
{
	for (int i = 0; i < BLOCK; i++)
		to[i] ^= with[i];
}

/* To the left, by whole octets: every r of TS 35.206 is a multiple of 8. */
static void rotate(const uint8_t in[BLOCK], unsigned octets, uint8_t out[BLOCK])
{
	for (unsigned i = 0; i < BLOCK; i++)
		out[i] = in[(i + octets) % BLOCK];
}

/* OUT2 to OUT5: E[rot(TEMP xor OPc, r) xor c] xor OPc. Each c is one octet, the last. */
static bool out_block(EVP_CIPHER_CTX *aes, const uint8_t temp[BLOCK], const uint8_t opc[BLOCK],
		      unsigned r_octets, uint8_t c, uint8_t out[BLOCK])
{
	uint8_t in[BLOCK], turned[BLOCK];

	memcpy(in, temp, BLOCK);
	mix(in, opc);
	rotate(in, r_octets, turned);
	turned[BLOCK - 1] ^= c;
	if (!encrypt(aes, turned, out))
		return false;
	mix(out, opc);
	return true;
}

/* OUT1: E[TEMP xor rot(IN1 xor OPc, r1) xor c1] xor OPc; r1 is 64 bits, c1 is 0. */
static bool out_1(EVP_CIPHER_CTX *aes, const uint8_t temp[BLOCK], const uint8_t opc[BLOCK],
		  const uint8_t sqn[SQN_BYTES], const uint8_t amf[AMF_BYTES], uint8_t out[BLOCK])
{
	uint8_t in[BLOCK], turned[BLOCK];

	memcpy(in, sqn, SQN_BYTES);
	memcpy(in + SQN_BYTES, amf, AMF_BYTES);
	memcpy(in + BLOCK / 2, in, BLOCK / 2);
	mix(in, opc);
	rotate(in, 8, turned);
	mix(turned, temp);
	if (!encrypt(aes, turned, out))
		return false;
	mix(out, opc);
	return true;
}

static bool compute(EVP_CIPHER_CTX *aes, const uint8_t *opc, const uint8_t *rand,
		    const uint8_t *sqn, const uint8_t *amf, struct milenage *m)
{
	uint8_t temp[BLOCK], in[BLOCK], out1[BLOCK], out2[BLOCK], out5[BLOCK];

	memcpy(in, rand, BLOCK);
	mix(in, opc);
	if (!encrypt(aes, in, temp) || !out_1(aes, temp, opc, sqn, amf, out1) ||
	    !out_block(aes, temp, opc, 0, 1, out2) || !out_block(aes, temp, opc, 4, 2, m->ck) ||
	    !out_block(aes, temp, opc, 8, 4, m->ik) || !out_block(aes, temp, opc, 12, 8, out5))
		return false;
	memcpy(m->mac_a, out1, MAC_BYTES);
	memcpy(m->mac_s, out1 + MAC_BYTES, MAC_BYTES);
	memcpy(m->ak, out2, SQN_BYTES);
	memcpy(m->res, out2 + BLOCK / 2, MAC_BYTES);
	memcpy(m->ak_s, out5, SQN_BYTES);
	explicit_bzero(temp, sizeof temp);
	return true;
}

int milenage(const uint8_t k[MILENAGE_KEY_BYTES], const uint8_t opc[MILENAGE_KEY_BYTES],
	     const uint8_t rand[RAND_BYTES], const uint8_t sqn[SQN_BYTES],
	     const uint8_t amf[AMF_BYTES], struct milenage *out)
{
	struct milenage m;
	EVP_CIPHER_CTX *aes = aes_new(k);
	bool done = aes && compute(aes, opc, rand, sqn, amf, &m);

	EVP_CIPHER_CTX_free(aes);
	if (!done)
		return E_NOMEM;
	*out = m;
	explicit_bzero(&m, sizeof m);
	return 0;
}

int milenage_opc(const uint8_t k[MILENAGE_KEY_BYTES], const uint8_t op[MILENAGE_KEY_BYTES],
		 uint8_t opc[MILENAGE_KEY_BYTES])
{
	uint8_t out[BLOCK];
	EVP_CIPHER_CTX *aes = aes_new(k);
	bool done = aes && encrypt(aes, op, out);

	EVP_CIPHER_CTX_free(aes);
	if (!done)
		return E_NOMEM;
	mix(out, op);
	memcpy(opc, out, sizeof out);
	return 0;
}
