#include "lib/digest.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "lib/err.h"

#define SHA256_BLOCK 64

int sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
	return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : E_NOMEM;
}

/* Looking the algorithm up took OpenSSL four fifths of a trigger's MAC: once is enough. A constant
 * from then on; `once` guards its making. */
static EVP_MD *fetched;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	fetched = EVP_MD_fetch(NULL, "SHA256", NULL);
}

/* SHA-256 of a block and what follows it. */
static bool hash_after(EVP_MD_CTX *ctx, const uint8_t block[SHA256_BLOCK], const void *data,
		       size_t len, uint8_t out[SHA256_LEN])
{
	return EVP_DigestInit_ex(ctx, fetched, NULL) &&
	       EVP_DigestUpdate(ctx, block, SHA256_BLOCK) && EVP_DigestUpdate(ctx, data, len) &&
	       EVP_DigestFinal_ex(ctx, out, NULL);
}

int hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		uint8_t out[SHA256_LEN])
{
	uint8_t block[SHA256_BLOCK] = {0}, inner[SHA256_LEN];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	pthread_once(&once, fetch);
	bool ok = ctx && fetched;
	if (ok && key_len > sizeof block)
		ok = sha256(key, key_len, block) == 0;
	else if (ok && key_len)
		memcpy(block, key, key_len);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36;
	ok = ok && hash_after(ctx, block, data, len, inner);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36 ^ 0x5c;
	ok = ok && hash_after(ctx, block, inner, sizeof inner, out);
	OPENSSL_cleanse(block, sizeof block);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : E_NOMEM;
}

int md5(const void *data, size_t len, uint8_t out[MD5_LEN])
{
	return EVP_Digest(data, len, out, NULL, EVP_md5(), NULL) == 1 ? 0 : E_NOMEM;
}

int hmac_md5(const void *key, size_t key_len, const void *data, size_t len, uint8_t out[MD5_LEN])
{
	if (key_len > INT_MAX)
		return E_NOMEM;
	return HMAC(EVP_md5(), key ? key : "", (int)key_len, data, len, out, NULL) ? 0 : E_NOMEM;
}

bool ct_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

int random_bytes(void *out, size_t len)
{
	return len <= INT_MAX && RAND_bytes(out, (int)len) == 1 ? 0 : E_IO;
}
