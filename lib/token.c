#include "lib/token.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyring_private.h"
#include "lib/rules/weaken.h"
#include "lib/seal.h"
#include "lib/wire/base64.h"

#define TOKEN_LABEL      "hato-token-1"
#define TOKEN_PLAIN      13
#define TOKEN_BYTES      (1 + SIV_TAG_BYTES + TOKEN_PLAIN)
#define SUBSCRIBER_BYTES 5
#define GENERATION_BYTES 4
#define EXPIRES_BYTES    4

static_assert(TOKEN_BYTES == 30 && BASE64_TEXT_MAX(TOKEN_BYTES) == TOKEN_TEXT + 1, "40 characters");

/* The entry's key, led in by the label and the realm. The ring keeps it. */
static int token_siv(struct keyring *ring, const struct keyring_entry *entry, const char *realm,
		     struct siv **out)
{
	struct siv_part leading[] = {{TOKEN_LABEL, sizeof TOKEN_LABEL - 1}, {realm, strlen(realm)}};
	struct keyring_slot *slot;
	struct siv *siv;
	int err;

	for (slot = ring->slots; slot < ring->slots + KEYRING_SLOTS; slot++) {
		if (slot->siv && slot->id == entry->id && strcmp(slot->realm, realm) == 0) {
			*out = slot->siv;
			return 0;
		}
	}
	err = siv_new(entry->key, sizeof entry->key, leading, 2, &siv);
	if (err)
		return err;
	slot = &ring->slots[ring->next_slot];
	ring->next_slot = (ring->next_slot + 1) % KEYRING_SLOTS;
	siv_free(slot->siv);
	slot->id = entry->id;
	memcpy(slot->realm, realm, leading[1].len + 1);
	slot->siv = siv;
	*out = siv;
	return 0;
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

static struct siv_part address_part(const struct key *k, uint8_t octets[KEY_BYTES_MAX])
{
	size_t n = key_bytes(k, octets);

	return PROTECTED(ADDRESS) ? (struct siv_part){octets, n} : (struct siv_part){"?", 1};
}

int token_seal(struct keyring *ring, const struct token *t, const struct key *k,
	       char text[TOKEN_TEXT + 1])
{
	uint8_t key_octets[KEY_BYTES_MAX], plain[TOKEN_PLAIN], sealed[TOKEN_BYTES];
	uint8_t *at = plain;
	const struct keyring_entry *entry;
	struct siv_part address;
	struct siv *siv;
	int err;

	if (t->subscriber < 0 || t->subscriber > TOKEN_SUBSCRIBER_MAX || t->expires_s < 0 ||
	    t->expires_s > UINT32_MAX)
		return E_RANGE;
	entry = keyring_active(ring, clock_now_s());
	if (!entry)
		return E_NOT_FOUND;
	err = token_siv(ring, entry, k->realm, &siv);
	if (err)
		return err;
	at = put(at, (uint64_t)t->subscriber, SUBSCRIBER_BYTES);
	at = put(at, t->generation, GENERATION_BYTES);
	put(at, (uint64_t)t->expires_s, EXPIRES_BYTES);
	address = address_part(k, key_octets);
	sealed[0] = entry->id;
	err = siv_seal(siv, &address, 1, plain, sizeof plain, sealed + 1);
	if (err)
		return err;
	base64_encode(BASE64_URL, sealed, sizeof sealed, text);
	return 0;
}

int token_open(struct keyring *ring, const char *text, size_t len, const struct key *k,
	       int64_t now_s, struct token *out)
{
	uint8_t key_octets[KEY_BYTES_MAX], plain[TOKEN_PLAIN], sealed[TOKEN_BYTES];
	const struct keyring_entry *entry;
	const uint8_t *at = plain;
	struct siv_part address;
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
	err = token_siv(ring, entry, k->realm, &siv);
	if (err)
		return err;
	address = address_part(k, key_octets);
	err = siv_open(siv, &address, 1, sealed + 1, sizeof sealed - 1, plain);
	if (err)
		return err;
	out->subscriber = (int64_t)take(&at, SUBSCRIBER_BYTES);
	out->generation = (uint32_t)take(&at, GENERATION_BYTES);
	out->expires_s = (int64_t)take(&at, EXPIRES_BYTES);
	return now_s < out->expires_s ? 0 : E_EXPIRED;
}
