#include "lib/wire/utf8.h"

#include <stdint.h>

static size_t sequence_len(uint8_t lead)
{
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 2;
	if (lead >= 0xe0 && lead <= 0xef)
		return 3;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 4;
	return 0;
}

static bool is_scalar(uint32_t c, size_t octets)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

	return c >= least[octets] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f);
}

size_t utf8_char_len(const char *text, size_t len)
{
	static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	const uint8_t *octet = (const uint8_t *)text;

	if (len == 0)
		return 0;
	size_t n = sequence_len(octet[0]);
	if (n == 0 || n > len)
		return 0;
	uint32_t c = octet[0] & lead_mask[n];
	for (size_t i = 1; i < n; i++) {
		if ((octet[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (octet[i] & 0x3f);
	}
	return is_scalar(c, n) && !is_control(c) ? n : 0;
}

bool utf8_is_printable(const char *text, size_t len, bool with_utf8)
{
	while (len > 0) {
		size_t n = utf8_char_len(text, len);
		if (n == 0 || (n > 1 && !with_utf8))
			return false;
		text += n;
		len -= n;
	}
	return true;
}
