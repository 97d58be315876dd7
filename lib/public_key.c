#include "lib/public_key.h"

#include <limits.h>
#include <stdlib.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/err.h"

#define EXPONENT_BITS_MAX 64

struct public_key {
	EVP_PKEY *pkey;
	bool is_rsa;
};

static int adopt(EVP_PKEY *pkey, bool is_rsa, struct public_key **out)
{
	struct public_key *key = calloc(1, sizeof *key);

	if (!key) {
		EVP_PKEY_free(pkey);
		return E_NOMEM;
	}
	*key = (struct public_key){pkey, is_rsa};
	*out = key;
	return 0;
}

static EVP_PKEY *read_rsa(const uint8_t *der, size_t n)
{
	const unsigned char *at = der;
	EVP_PKEY *pkey = n <= LONG_MAX ? d2i_PUBKEY(NULL, &at, (long)n) : NULL;

	if (!pkey) {
		at = der;
		pkey = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, (long)n);
	}
	ERR_clear_error(); /* what is no key is no failure of ours */
	return pkey;
}

static int check_rsa(const EVP_PKEY *pkey)
{
	BIGNUM *e = NULL;

	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return E_SYNTAX;
	if (EVP_PKEY_get_bits(pkey) < PUBLIC_KEY_RSA_BITS_MIN ||
	    EVP_PKEY_get_bits(pkey) > PUBLIC_KEY_RSA_BITS_MAX)
		return E_RANGE;
	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return E_NOMEM;
	int bits = BN_num_bits(e);
	BN_free(e);
	return bits <= EXPONENT_BITS_MAX ? 0 : E_RANGE;
}

int public_key_rsa(const uint8_t *der, size_t n, struct public_key **out)
{
	EVP_PKEY *pkey = read_rsa(der, n);
	int err = pkey ? check_rsa(pkey) : E_SYNTAX;

	if (err) {
		EVP_PKEY_free(pkey);
		return err;
	}
	return adopt(pkey, true, out);
}

int public_key_ed25519(const uint8_t *point, size_t n, struct public_key **out)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, n);

	ERR_clear_error();
	return pkey ? adopt(pkey, false, out) : E_SYNTAX;
}

void public_key_free(struct public_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

static int verify_rsa(EVP_PKEY *pkey, const uint8_t *hash, const uint8_t *signature, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	int err = E_NOMEM;

	if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1)
		err = EVP_PKEY_verify(ctx, signature, n, hash, SHA256_LEN) == 1 ? 0 : E_AUTH;
	EVP_PKEY_CTX_free(ctx);
	return err;
}

static int verify_ed25519(EVP_PKEY *pkey, const uint8_t *hash, const uint8_t *signature, size_t n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err = E_NOMEM;

	if (ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		err = EVP_DigestVerify(ctx, signature, n, hash, SHA256_LEN) == 1 ? 0 : E_AUTH;
	EVP_MD_CTX_free(ctx);
	return err;
}

int public_key_verify(const struct public_key *key, const uint8_t hash[SHA256_LEN],
		      const uint8_t *signature, size_t n)
{
	int err = key->is_rsa ? verify_rsa(key->pkey, hash, signature, n)
			      : verify_ed25519(key->pkey, hash, signature, n);

	ERR_clear_error();
	return err;
}
