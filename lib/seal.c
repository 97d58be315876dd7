#include "lib/seal.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define SECRET_LABEL "hato-secret-1"

/* A context of AES-SIV serves one message. Copying one that has its key is three times as fast as
 * setting the key again. */
struct siv {
	EVP_CIPHER_CTX *sealer, *opener; /* keyed and led in, never used up */
	EVP_CIPHER_CTX *work;
};

static const char *cipher_name(size_t key_len)
{
	switch (key_len) {
	case 32:
		return "AES-128-SIV";
	case 48:
		return "AES-192-SIV";
	case 64:
		return "AES-256-SIV";
	}
	return NULL;
}

/* Each component is one call: that is how OpenSSL knows where it ends. */
static bool feed_parts(EVP_CIPHER_CTX *ctx, const struct siv_part *parts, size_t count)
{
	int ignored;

	assert(count <= SIV_PARTS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(parts[i].len > 0 && parts[i].len <= INT_MAX);
		if (EVP_CipherUpdate(ctx, NULL, &ignored, parts[i].bytes, (int)parts[i].len) != 1)
			return false;
	}
	return true;
}

static EVP_CIPHER_CTX *context_new(const EVP_CIPHER *cipher, const uint8_t *key, int sealing,
				   const struct siv_part *leading, size_t count)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && (EVP_CipherInit_ex2(ctx, cipher, key, NULL, sealing, NULL) != 1 ||
		    !feed_parts(ctx, leading, count))) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int siv_new(const uint8_t *key, size_t key_len, const struct siv_part *leading, size_t count,
	    struct siv **out)
{
	const char *name = cipher_name(key_len);
	EVP_CIPHER *cipher;
	struct siv *siv;

	if (!name)
		return E_RANGE;
	siv = calloc(1, sizeof *siv);
	cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	if (siv && cipher) {
		siv->sealer = context_new(cipher, key, 1, leading, count);
		siv->opener = context_new(cipher, key, 0, leading, count);
		siv->work = EVP_CIPHER_CTX_new();
	}
	EVP_CIPHER_free(cipher);
	if (!siv || !siv->sealer || !siv->opener || !siv->work) {
		siv_free(siv);
		return E_NOMEM;
	}
	*out = siv;
	return 0;
}

void siv_free(struct siv *siv)
{
	if (!siv)
		return;
	EVP_CIPHER_CTX_free(siv->sealer);
	EVP_CIPHER_CTX_free(siv->opener);
	EVP_CIPHER_CTX_free(siv->work);
	free(siv);
}

int siv_seal(struct siv *siv, const struct siv_part *parts, size_t count, const void *text,
	     size_t len, uint8_t *sealed)
{
	EVP_CIPHER_CTX *ctx = siv->work;
	int ignored;

	assert(len > 0 && len <= INT_MAX);
	if (EVP_CIPHER_CTX_copy(ctx, siv->sealer) != 1 || !feed_parts(ctx, parts, count) ||
	    EVP_CipherUpdate(ctx, sealed + SIV_TAG_BYTES, &ignored, text, (int)len) != 1 ||
	    EVP_CipherFinal_ex(ctx, sealed + SIV_TAG_BYTES + len, &ignored) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SIV_TAG_BYTES, sealed) != 1)
		return E_NOMEM;
	return 0;
}

int siv_open(struct siv *siv, const struct siv_part *parts, size_t count, const uint8_t *sealed,
	     size_t len, void *text)
{
	EVP_CIPHER_CTX *ctx = siv->work;
	size_t text_len = len - SIV_TAG_BYTES;
	int got;

	if (len <= SIV_TAG_BYTES || len > INT_MAX)
		return E_AUTH;
	if (EVP_CIPHER_CTX_copy(ctx, siv->opener) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, SIV_TAG_BYTES, (void *)sealed) != 1 ||
	    !feed_parts(ctx, parts, count))
		return E_NOMEM;
	/* A refusal must leave nothing in the thread's error queue, where TLS would find it. */
	ERR_set_mark();
	if (EVP_CipherUpdate(ctx, text, &got, sealed + SIV_TAG_BYTES, (int)text_len) != 1 ||
	    EVP_CipherFinal_ex(ctx, (uint8_t *)text + text_len, &got) != 1) {
		ERR_pop_to_mark();
		memset(text, 0, text_len);
		return E_AUTH;
	}
	ERR_clear_last_mark();
	return 0;
}

struct secret_parts {
	uint8_t subscriber[8];
	struct siv_part parts[3];
};

static void secret_parts(const char *label, int64_t subscriber, struct secret_parts *p)
{
	for (int i = 0; i < 8; i++)
		p->subscriber[i] = (uint8_t)((uint64_t)subscriber >> (56 - 8 * i));
	p->parts[0] = (struct siv_part){SECRET_LABEL, sizeof SECRET_LABEL - 1};
	p->parts[1] = (struct siv_part){label, strlen(label)};
	p->parts[2] = (struct siv_part){p->subscriber, sizeof p->subscriber};
}

int secret_seal(const uint8_t key[SECRET_KEY_BYTES], const char *label, int64_t subscriber,
		const void *text, size_t len, uint8_t *blob)
{
	struct secret_parts p;
	struct siv *siv;
	int err = siv_new(key, SECRET_KEY_BYTES, NULL, 0, &siv);

	if (err)
		return err;
	secret_parts(label, subscriber, &p);
	err = siv_seal(siv, p.parts, 3, text, len, blob);
	siv_free(siv);
	return err;
}

int secret_open(const uint8_t key[SECRET_KEY_BYTES], const char *label, int64_t subscriber,
		const uint8_t *blob, size_t len, void *text)
{
	struct secret_parts p;
	struct siv *siv;
	int err = siv_new(key, SECRET_KEY_BYTES, NULL, 0, &siv);

	if (err)
		return err;
	secret_parts(label, subscriber, &p);
	err = siv_open(siv, p.parts, 3, blob, len, text);
	siv_free(siv);
	return err;
}

int secret_key_create(const char *path)
{
	uint8_t key[SECRET_KEY_BYTES];
	char text[2 * SECRET_KEY_BYTES + 2];
	int lock, err = keyfile_lock(path, &lock);

	if (err)
		return E_IO;
	err = random_bytes(key, sizeof key);
	if (!err) {
		keyfile_hex(key, sizeof key, text);
		text[2 * SECRET_KEY_BYTES] = '\n';
		err = keyfile_write(path, lock, text, 2 * SECRET_KEY_BYTES + 1, false);
	}
	close(lock);
	explicit_bzero(key, sizeof key);
	explicit_bzero(text, sizeof text);
	return err;
}

int secret_key_load(const char *path, uint8_t key[SECRET_KEY_BYTES])
{
	uint8_t read_key[SECRET_KEY_BYTES];
	char *text;
	size_t len;
	int err = keyfile_read(path, &text, &len, NULL);

	if (err)
		return err;
	if (len == 2 * SECRET_KEY_BYTES + 1 && text[len - 1] == '\n' &&
	    keyfile_unhex(text, read_key, sizeof read_key))
		memcpy(key, read_key, sizeof read_key);
	else
		err = E_SYNTAX;
	keyfile_wipe(text, len);
	explicit_bzero(read_key, sizeof read_key);
	return err;
}
