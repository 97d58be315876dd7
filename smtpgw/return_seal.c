#include "smtpgw/return_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/base64.h"

#define PREFIX     "h1."
#define PREFIX_LEN (sizeof PREFIX - 1)
#define LABEL      "hato-return-1" /* no other use of the key opens as this one */
#define TIME_LEN   4
#define ID_LEN     6
#define HEAD_LEN   (TIME_LEN + 2 * ID_LEN)
#define HASH_LEN   4
#define PLAIN_MAX  (HEAD_LEN + RETURN_SEAL_RECIPIENTS * HASH_LEN)
#define SEALED_MAX (SIV_TAG_BYTES + PLAIN_MAX)

_Static_assert(PREFIX_LEN + (SEALED_MAX * 4 + 2) / 3 <= RETURN_SEAL_MAX, "it fits an ENVID");

struct return_seal {
	struct siv *siv;
};

int return_seal_new(const uint8_t key[SECRET_KEY_BYTES], struct return_seal **out)
{
	static const struct siv_part label = {LABEL, sizeof LABEL - 1};
	struct return_seal *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	int err = siv_new(key, SECRET_KEY_BYTES, &label, 1, &s->siv);
	if (err)
		free(s);
	else
		*out = s;
	return err;
}

void return_seal_free(struct return_seal *s)
{
	if (!s)
		return;
	siv_free(s->siv);
	free(s);
}

int return_seal_open(const struct conf *c, struct return_seal **out, char error[256])
{
	uint8_t key[SECRET_KEY_BYTES];
	struct return_seal *s = NULL;

	*out = NULL;
	if (strcmp(c->smtpgw_return_seal, "off") == 0)
		return 0;
	char *path = conf_path(c, c->paths_return_key);
	int err = path ? secret_key_load(path, key) : E_NOMEM;
	if (!err)
		err = return_seal_new(key, &s);
	explicit_bzero(key, sizeof key);
	if (err == E_NOT_FOUND) {
		log_event(LOG_WARN, "no-return-key", LOG_TEXT("path", path), LOG_END);
		err = 0;
	}
	if (err)
		snprintf(error, 256, "%.180s: %.60s", path ? path : c->paths_return_key,
			 err_text(err));
	free(path);
	*out = s;
	return err;
}

/* ---- octets ---- */

static void put(uint8_t *at, uint64_t value, size_t n)
{
	while (n > 0) {
		at[--n] = (uint8_t)value;
		value >>= 8;
	}
}

static uint64_t get(const uint8_t *at, size_t n)
{
	uint64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value << 8 | at[i];
	return value;
}

static bool fits(int64_t value, size_t n)
{
	return value >= 0 && (uint64_t)value >> (8 * n) == 0;
}

static int hash_of(int64_t mail, const char *canonical, uint32_t *out)
{
	uint8_t id[ID_LEN], digest[SHA256_LEN];
	struct sha256_stream *stream;
	int err = sha256_stream_new(&stream);

	if (err)
		return err;
	put(id, (uint64_t)mail, sizeof id);
	sha256_stream_feed(stream, id, sizeof id);
	sha256_stream_feed(stream, canonical, strlen(canonical));
	err = sha256_stream_end(stream, digest);
	if (!err)
		*out = (uint32_t)get(digest, HASH_LEN);
	sha256_stream_free(stream);
	return err;
}

/* ---- writing and reading ---- */

int return_seal_write(struct return_seal *s, const struct sealed_mail *m,
		      const char *const *canonical, size_t n, char text[RETURN_SEAL_MAX + 1])
{
	uint8_t plain[PLAIN_MAX], sealed[SEALED_MAX];
	char coded[PREFIX_LEN + BASE64_TEXT_MAX(SEALED_MAX)] = PREFIX;
	size_t len = HEAD_LEN;
	int err = 0;

	if (n == 0 || n > RETURN_SEAL_RECIPIENTS || !fits(m->received_s, TIME_LEN) ||
	    !fits(m->sender, ID_LEN) || !fits(m->mail, ID_LEN))
		return E_RANGE;
	put(plain, (uint64_t)m->received_s, TIME_LEN);
	put(plain + TIME_LEN, (uint64_t)m->sender, ID_LEN);
	put(plain + TIME_LEN + ID_LEN, (uint64_t)m->mail, ID_LEN);
	for (size_t i = 0; !err && i < n; i++, len += HASH_LEN) {
		uint32_t hash = 0;
		err = hash_of(m->mail, canonical[i], &hash);
		put(plain + len, hash, HASH_LEN);
	}
	if (!err)
		err = siv_seal(s->siv, NULL, 0, plain, len, sealed);
	if (err)
		return err;
	base64_encode(BASE64_URL, sealed, SIV_TAG_BYTES + len, coded + PREFIX_LEN);
	strcpy(text, coded); /* no longer: see the assertion above */
	return 0;
}

static bool is_length(size_t sealed)
{
	size_t least = SIV_TAG_BYTES + HEAD_LEN + HASH_LEN;

	return sealed >= least && (sealed - least) % HASH_LEN == 0;
}

int return_seal_read(struct return_seal *s, const char *text, struct sealed_mail *out)
{
	uint8_t sealed[SEALED_MAX], plain[PLAIN_MAX];
	size_t n = strlen(text), len;

	if (n > RETURN_SEAL_MAX || n < PREFIX_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0 ||
	    base64_decode(BASE64_URL, text + PREFIX_LEN, n - PREFIX_LEN, sealed, sizeof sealed,
			  &len) != 0 ||
	    !is_length(len))
		return E_SYNTAX;
	int err = siv_open(s->siv, NULL, 0, sealed, len, plain);
	if (err)
		return err;
	*out = (struct sealed_mail){
		.received_s = (int64_t)get(plain, TIME_LEN),
		.sender = (int64_t)get(plain + TIME_LEN, ID_LEN),
		.mail = (int64_t)get(plain + TIME_LEN + ID_LEN, ID_LEN),
		.count = (len - SIV_TAG_BYTES - HEAD_LEN) / HASH_LEN,
	};
	for (size_t i = 0; i < out->count; i++)
		out->recipients[i] = (uint32_t)get(plain + HEAD_LEN + i * HASH_LEN, HASH_LEN);
	return 0;
}

bool sealed_mail_has(const struct sealed_mail *m, const char *canonical)
{
	uint32_t hash;

	if (hash_of(m->mail, canonical, &hash) != 0)
		return false;
	for (size_t i = 0; i < m->count; i++)
		if (m->recipients[i] == hash)
			return true;
	return false;
}
