#include "lib/digest.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
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

struct sha256_stream {
	EVP_MD_CTX *ctx;
	bool has_failed;
};

int sha256_stream_new(struct sha256_stream **out)
{
	struct sha256_stream *s = calloc(1, sizeof *s);

	pthread_once(&once, fetch);
	if (s)
		s->ctx = EVP_MD_CTX_new();
	if (!s || !s->ctx || !fetched || EVP_DigestInit_ex(s->ctx, fetched, NULL) != 1) {
		sha256_stream_free(s);
		return E_NOMEM;
	}
	*out = s;
	return 0;
}

void sha256_stream_free(struct sha256_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

void sha256_stream_feed(struct sha256_stream *s, const void *data, size_t len)
{
	if (EVP_DigestUpdate(s->ctx, data, len) != 1)
		s->has_failed = true;
}

int sha256_stream_end(struct sha256_stream *s, uint8_t out[SHA256_LEN])
{
	bool ok = !s->has_failed && EVP_DigestFinal_ex(s->ctx, out, NULL) == 1;

	s->has_failed = EVP_DigestInit_ex(s->ctx, fetched, NULL) != 1;
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
