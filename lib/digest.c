#include "lib/digest.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "lib/err.h"

int sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
	return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : E_NOMEM;
}

int hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		uint8_t out[SHA256_LEN])
{
	/* A null key means "the last one" to OpenSSL, so an empty key needs an address. */
	if (key_len > INT_MAX)
		return E_NOMEM;
	if (!HMAC(EVP_sha256(), key ? key : "", (int)key_len, data, len, out, NULL))
		return E_NOMEM;
	return 0;
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
