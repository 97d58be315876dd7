/* Parsing; what proves a packet is in radius_proof.c, with the building. */
#include "lib/wire/radius/radius.h"

#include <string.h>

#define ATTRIBUTE_HEADER_LEN 2
#define VENDOR_LEN           4

static uint32_t read_u32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One attribute of what is left; its own length counts its header. */
static bool take(const uint8_t *octets, size_t end, size_t *at, struct radius_attribute *out)
{
	if (end - *at < ATTRIBUTE_HEADER_LEN)
		return false;
	size_t length = octets[*at + 1];
	if (length < ATTRIBUTE_HEADER_LEN || length > end - *at)
		return false;
	*out = (struct radius_attribute){.type = octets[*at],
					 .length = (uint8_t)(length - ATTRIBUTE_HEADER_LEN),
					 .value = octets + *at + ATTRIBUTE_HEADER_LEN};
	*at += length;
	return true;
}

enum radius_fault radius_parse(const uint8_t *octets, size_t n, struct radius_packet *out)
{
	if (n < RADIUS_HEADER_LEN)
		return RADIUS_TRUNCATED;
	size_t length = (size_t)octets[2] << 8 | octets[3];
	if (length < RADIUS_HEADER_LEN || length > RADIUS_PACKET_MAX)
		return RADIUS_BAD_LENGTH;
	if (length > n)
		return RADIUS_TRUNCATED;
	struct radius_attribute a;
	size_t at = RADIUS_HEADER_LEN;
	while (at < length)
		if (!take(octets, length, &at, &a))
			return RADIUS_BAD_ATTRIBUTE;
	*out = (struct radius_packet){.octets = octets,
				      .length = length,
				      .code = octets[0],
				      .id = octets[1],
				      .authenticator = octets + 4};
	return RADIUS_GOOD;
}

bool radius_next(const struct radius_packet *p, size_t *at, struct radius_attribute *out)
{
	if (*at == 0)
		*at = RADIUS_HEADER_LEN;
	return take(p->octets, p->length, at, out);
}

bool radius_next_3gpp(const struct radius_attribute *a, size_t *at, struct radius_attribute *out)
{
	if (a->type != RADIUS_VENDOR_SPECIFIC || a->length < VENDOR_LEN ||
	    read_u32(a->value) != RADIUS_VENDOR_3GPP)
		return false;
	if (*at == 0)
		*at = VENDOR_LEN;
	return take(a->value, a->length, at, out);
}

bool radius_find(const struct radius_packet *p, uint8_t type, struct radius_attribute *out)
{
	size_t at = 0;
	struct radius_attribute a;

	while (radius_next(p, &at, &a))
		if (a.type == type) {
			*out = a;
			return true;
		}
	return false;
}

bool radius_u32(const struct radius_attribute *a, uint32_t *value)
{
	if (a->length != 4)
		return false;
	*value = read_u32(a->value);
	return true;
}

bool radius_prefix(const struct radius_attribute *a, uint8_t prefix[16], uint8_t *bits)
{
	if (a->length < 2 || a->length > 18)
		return false;
	size_t given = a->length - 2u;
	uint8_t n = a->value[1];
	if (n > 128 || (n + 7u) / 8 > given)
		return false;
	memset(prefix, 0, 16);
	memcpy(prefix, a->value + 2, (n + 7u) / 8);
	if (n % 8)
		prefix[n / 8] &= (uint8_t)(0xff << (8 - n % 8));
	*bits = n;
	return true;
}
