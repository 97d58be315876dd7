#include "lib/token.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyring_private.h"
#include "lib/seal.h"
#include "lib/wire/base64.h"

#define TOKEN_LABEL      "hato-token-1"
#define TOKEN_PARTS      3
#define TOKEN_PLAIN      13
#define TOKEN_BYTES      (1 + SIV_TAG_BYTES + TOKEN_PLAIN)
#define SUBSCRIBER_BYTES 5
#define GENERATION_BYTES 4
#define EXPIRES_BYTES    4

static_assert(TOKEN_BYTES == 30 && BASE64_TEXT_MAX(TOKEN_BYTES) == TOKEN_TEXT + 1, "40 characters");

struct token_parts {
	uint8_t key[KEY_BYTES_MAX];
	struct siv_part parts[TOKEN_PARTS];
};

static void token_parts(const struct key *k, struct token_parts *p)
{
	size_t key_len = key_bytes(k, p->key);

	p->parts[0] = (struct siv_part){TOKEN_LABEL, sizeof TOKEN_LABEL - 1};
	p->parts[1] = (struct siv_part){k->realm, strlen(k->realm)};
	p->parts[2] = (struct siv_part){p->key, key_len};
}

static uint8_t *put(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
	return at + bytes;
}

static uint64_t take(const uint8_t **at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (*at)[i];
	*at += bytes;
	return value;
}

int token_seal(struct keyring *ring, const struct token *t, const struct key *k,
	       char text[TOKEN_TEXT + 1])
{
	uint8_t plain[TOKEN_PLAIN], sealed[TOKEN_BYTES], *at = plain;
	const struct keyring_entry *entry;
	struct token_parts p;
	struct siv *siv;
	int err;

	if (t->subscriber < 0 || t->subscriber > TOKEN_SUBSCRIBER_MAX || t->expires_s < 0 ||
	    t->expires_s > UINT32_MAX)
		return E_RANGE;
	entry = keyring_active(ring, clock_now_s());
	if (!entry)
		return E_NOT_FOUND;
	err = keyring_siv(ring, entry, &siv);
	if (err)
		return err;
	at = put(at, (uint64_t)t->subscriber, SUBSCRIBER_BYTES);
	at = put(at, t->generation, GENERATION_BYTES);
	put(at, (uint64_t)t->expires_s, EXPIRES_BYTES);
	token_parts(k, &p);
	sealed[0] = entry->id;
	err = siv_seal(siv, p.parts, TOKEN_PARTS, plain, sizeof plain, sealed + 1);
	if (err)
		return err;
	base64_encode(BASE64_URL, sealed, sizeof sealed, text);
	return 0;
}

int token_open(struct keyring *ring, const char *text, size_t len, const struct key *k,
	       int64_t now_s, struct token *out)
{
	uint8_t plain[TOKEN_PLAIN], sealed[TOKEN_BYTES];
	const struct keyring_entry *entry;
	const uint8_t *at = plain;
	struct token_parts p;
	struct siv *siv;
	size_t sealed_len;
	int err;

	if (len != TOKEN_TEXT ||
	    base64_decode(BASE64_URL, text, len, sealed, sizeof sealed, &sealed_len) ||
	    sealed_len != sizeof sealed)
		return E_AUTH;
	entry = keyring_find(ring, sealed[0]);
	if (!entry)
		return E_AUTH;
	err = keyring_siv(ring, entry, &siv);
	if (err)
		return err;
	token_parts(k, &p);
	err = siv_open(siv, p.parts, TOKEN_PARTS, sealed + 1, sizeof sealed - 1, plain);
	if (err)
		return err;
	out->subscriber = (int64_t)take(&at, SUBSCRIBER_BYTES);
	out->generation = (uint32_t)take(&at, GENERATION_BYTES);
	out->expires_s = (int64_t)take(&at, EXPIRES_BYTES);
	return now_s < out->expires_s ? 0 : E_EXPIRED;
}
