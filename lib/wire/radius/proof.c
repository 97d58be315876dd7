/* What proves a packet (MD5 under a shared secret: all that RADIUS has), and building one. */
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/wire/radius/radius.h"

#define AUTHENTICATOR_AT 4
#define LENGTH_AT        2

static const uint8_t zeroes[RADIUS_AUTHENTICATOR_LEN];

/* MD5 (the packet with this in its authenticator's place, then the secret). */
static int authenticator(const uint8_t *octets, size_t n, const uint8_t *in_place,
			 const void *secret, size_t secret_len, uint8_t out[MD5_LEN])
{
	uint8_t copy[RADIUS_PACKET_MAX + RADIUS_SECRET_MAX];

	if (n > RADIUS_PACKET_MAX || secret_len > RADIUS_SECRET_MAX)
		return E_TOO_LARGE;
	memcpy(copy, octets, n);
	memcpy(copy + AUTHENTICATOR_AT, in_place, RADIUS_AUTHENTICATOR_LEN);
	memcpy(copy + n, secret, secret_len);
	int rc = md5(copy, n + secret_len, out);
	explicit_bzero(copy + n, secret_len);
	return rc;
}

/* HMAC-MD5 over the packet with this in its authenticator's place and its own value zero. */
static int message_authenticator(const uint8_t *octets, size_t n, size_t at,
				 const uint8_t *in_place, const void *secret, size_t secret_len,
				 uint8_t out[MD5_LEN])
{
	uint8_t copy[RADIUS_PACKET_MAX];

	if (n > sizeof copy)
		return E_TOO_LARGE;
	memcpy(copy, octets, n);
	memcpy(copy + AUTHENTICATOR_AT, in_place, RADIUS_AUTHENTICATOR_LEN);
	memset(copy + at, 0, MD5_LEN);
	return hmac_md5(secret, secret_len, copy, n, out);
}

static enum radius_fault verify(const struct radius_packet *p, const uint8_t *in_place,
				const void *secret, size_t secret_len)
{
	uint8_t right[MD5_LEN];
	struct radius_attribute a;
	size_t at = 0;

	if (authenticator(p->octets, p->length, in_place, secret, secret_len, right) ||
	    !ct_equal(right, p->authenticator, sizeof right))
		return RADIUS_BAD_AUTHENTICATOR;
	while (radius_next(p, &at, &a)) {
		if (a.type != RADIUS_MESSAGE_AUTHENTICATOR)
			continue;
		if (a.length != MD5_LEN ||
		    message_authenticator(p->octets, p->length, (size_t)(a.value - p->octets),
					  in_place, secret, secret_len, right) ||
		    !ct_equal(right, a.value, sizeof right))
			return RADIUS_BAD_MESSAGE_AUTHENTICATOR;
	}
	return RADIUS_GOOD;
}

enum radius_fault radius_request_verify(const struct radius_packet *p, const void *secret,
					size_t secret_len)
{
	return verify(p, zeroes, secret, secret_len);
}

enum radius_fault radius_response_verify(const struct radius_packet *p,
					 const uint8_t request[RADIUS_AUTHENTICATOR_LEN],
					 const void *secret, size_t secret_len)
{
	return verify(p, request, secret, secret_len);
}

/* ---- building ---- */

void radius_begin(struct radius_builder *b, enum radius_code code, uint8_t id)
{
	memset(b->octets, 0, RADIUS_HEADER_LEN);
	b->octets[0] = (uint8_t)code;
	b->octets[1] = id;
	b->length = RADIUS_HEADER_LEN;
	b->message_authenticator = 0;
	b->is_full = false;
}

void radius_put(struct radius_builder *b, uint8_t type, const void *value, size_t length)
{
	if (b->is_full || length > RADIUS_VALUE_MAX || sizeof b->octets - b->length < length + 2) {
		b->is_full = true;
		return;
	}
	b->octets[b->length] = type;
	b->octets[b->length + 1] = (uint8_t)(length + 2);
	memcpy(b->octets + b->length + 2, value, length);
	b->length += length + 2;
}

void radius_put_text(struct radius_builder *b, uint8_t type, const char *text)
{
	radius_put(b, type, text, strlen(text));
}

void radius_put_u32(struct radius_builder *b, uint8_t type, uint32_t value)
{
	const uint8_t octets[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16),
				   (uint8_t)(value >> 8), (uint8_t)value};

	radius_put(b, type, octets, sizeof octets);
}

void radius_put_prefix(struct radius_builder *b, uint8_t type, const uint8_t prefix[16],
		       uint8_t bits)
{
	uint8_t value[18] = {0, bits};
	size_t octets = (bits + 7u) / 8;

	memcpy(value + 2, prefix, octets);
	radius_put(b, type, value, 2 + octets);
}

void radius_put_message_authenticator(struct radius_builder *b)
{
	radius_put(b, RADIUS_MESSAGE_AUTHENTICATOR, zeroes, sizeof zeroes);
	if (!b->is_full)
		b->message_authenticator = b->length - MD5_LEN;
}

static int finish(struct radius_builder *b, const uint8_t *in_place, const void *secret,
		  size_t secret_len)
{
	uint8_t digest[MD5_LEN];
	int rc = 0;

	if (b->is_full)
		return E_TOO_LARGE;
	b->octets[LENGTH_AT] = (uint8_t)(b->length >> 8);
	b->octets[LENGTH_AT + 1] = (uint8_t)b->length;
	if (b->message_authenticator) {
		rc = message_authenticator(b->octets, b->length, b->message_authenticator, in_place,
					   secret, secret_len, digest);
		if (!rc)
			memcpy(b->octets + b->message_authenticator, digest, sizeof digest);
	}
	if (!rc)
		rc = authenticator(b->octets, b->length, in_place, secret, secret_len, digest);
	if (!rc)
		memcpy(b->octets + AUTHENTICATOR_AT, digest, sizeof digest);
	return rc;
}

int radius_finish_request(struct radius_builder *b, const void *secret, size_t secret_len)
{
	return finish(b, zeroes, secret, secret_len);
}

int radius_finish_response(struct radius_builder *b,
			   const uint8_t request[RADIUS_AUTHENTICATOR_LEN], const void *secret,
			   size_t secret_len)
{
	return finish(b, request, secret, secret_len);
}
