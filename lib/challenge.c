#include "lib/challenge.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/seal.h"
#include "lib/wire/base64.h"

#define LABEL       "hato-challenge-1"
#define IMSI_DIGITS (IMSI_MAX - 1)
#define PLAIN       (1 + 4 + 4 + SQN_BYTES + RAND_BYTES + IMSI_DIGITS)
#define SEALED      (1 + SIV_TAG_BYTES + PLAIN)
#define PARTS       3

static_assert(SEALED == 63 && BASE64_TEXT_MAX(SEALED) == CHALLENGE_TEXT + 1, "no padding");

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

static void write_plain(const struct challenge *c, uint8_t plain[PLAIN])
{
	uint8_t *at = put(plain, c->kind, 1);

	at = put(at, c->generation, 4);
	at = put(at, (uint64_t)c->expires_s, 4);
	at = put(at, c->sqn, SQN_BYTES);
	memcpy(at, c->rand, RAND_BYTES);
	memset(at + RAND_BYTES, 0, IMSI_DIGITS);
	memcpy(at + RAND_BYTES, c->imsi, strnlen(c->imsi, IMSI_DIGITS));
}

static void read_plain(const uint8_t plain[PLAIN], struct challenge *c)
{
	const uint8_t *at = plain;

	memset(c, 0, sizeof *c);
	c->kind = (enum challenge_kind)take(&at, 1);
	c->generation = (uint32_t)take(&at, 4);
	c->expires_s = (int64_t)take(&at, 4);
	c->sqn = take(&at, SQN_BYTES);
	memcpy(c->rand, at, RAND_BYTES);
	memcpy(c->imsi, at + RAND_BYTES, IMSI_DIGITS);
}

static void fill_parts(const struct key *k, uint8_t octets[KEY_BYTES_MAX],
		       struct siv_part parts[PARTS])
{
	parts[0] = (struct siv_part){LABEL, sizeof LABEL - 1};
	parts[1] = (struct siv_part){k->realm, strlen(k->realm)};
	parts[2] = (struct siv_part){octets, key_bytes(k, octets)};
}

int challenge_seal(struct keyring *ring, const struct challenge *c, const struct key *k,
		   char text[CHALLENGE_TEXT + 1])
{
	const struct keyring_entry *entry = keyring_active(ring, clock_now_s());
	uint8_t octets[KEY_BYTES_MAX], plain[PLAIN], sealed[SEALED];
	struct siv_part parts[PARTS];
	struct siv *siv;

	if (!entry)
		return E_NOT_FOUND;
	int err = siv_new(entry->key, sizeof entry->key, NULL, 0, &siv);
	if (err)
		return err;
	write_plain(c, plain);
	fill_parts(k, octets, parts);
	sealed[0] = entry->id;
	err = siv_seal(siv, parts, PARTS, plain, sizeof plain, sealed + 1);
	siv_free(siv);
	if (!err)
		base64_encode(BASE64_URL, sealed, sizeof sealed, text);
	return err;
}

int challenge_open(struct keyring *ring, const char *text, size_t len, const struct key *k,
		   int64_t now_s, struct challenge *out)
{
	uint8_t octets[KEY_BYTES_MAX], plain[PLAIN], sealed[SEALED];
	const struct keyring_entry *entry;
	struct siv_part parts[PARTS];
	struct siv *siv;
	size_t n;

	if (len != CHALLENGE_TEXT ||
	    base64_decode(BASE64_URL, text, len, sealed, sizeof sealed, &n) || n != sizeof sealed)
		return E_AUTH;
	entry = keyring_find(ring, sealed[0]);
	if (!entry)
		return E_AUTH;
	int err = siv_new(entry->key, sizeof entry->key, NULL, 0, &siv);
	if (err)
		return err;
	fill_parts(k, octets, parts);
	err = siv_open(siv, parts, PARTS, sealed + 1, sizeof sealed - 1, plain);
	siv_free(siv);
	if (err)
		return err;
	read_plain(plain, out);
	return now_s < out->expires_s ? 0 : E_EXPIRED;
}
