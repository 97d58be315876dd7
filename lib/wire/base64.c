#include "lib/wire/base64.h"

#include <stdbool.h>

#include "lib/err.h"

static const char *const alphabets[] = {
	[BASE64_STD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

size_t base64_encode(enum base64_form form, const void *data, size_t len, char *text)
{
	const char *alphabet = alphabets[form];
	const uint8_t *in = data;
	uint32_t bits = 0;
	unsigned held = 0;
	char *at = text;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (held += 8; held >= 6; held -= 6)
			*at++ = alphabet[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*at++ = alphabet[bits << (6 - held) & 63];
	while (form == BASE64_STD && (at - text) % 4 != 0)
		*at++ = '=';
	*at = '\0';
	return (size_t)(at - text);
}

/* 0..63, or -1 for what is not in the alphabet. */
static int value_of(enum base64_form form, char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == alphabets[form][62])
		return 62;
	if (c == alphabets[form][63])
		return 63;
	return -1;
}

/* How many characters of the text carry bits: all but the padding. E_SYNTAX: no such length. */
static int strip_padding(enum base64_form form, const char *text, size_t *len)
{
	size_t n = *len;

	if (form == BASE64_STD) {
		if (n % 4 != 0)
			return E_SYNTAX;
		for (int pads = 0; pads < 2 && n > 0 && text[n - 1] == '='; pads++)
			n--;
	}
	if (n % 4 == 1)
		return E_SYNTAX;
	*len = n;
	return 0;
}

/* Nothing but the alphabet, and no bits behind the last octet. */
static bool is_well_formed(enum base64_form form, const char *text, size_t len)
{
	int last = 0;

	for (size_t i = 0; i < len; i++) {
		last = value_of(form, text[i]);
		if (last < 0)
			return false;
	}
	return (len % 4 != 2 || (last & 15) == 0) && (len % 4 != 3 || (last & 3) == 0);
}

int base64_decode(enum base64_form form, const char *text, size_t len, void *out, size_t size,
		  size_t *out_len)
{
	uint8_t *at = out;
	uint32_t bits = 0;
	unsigned held = 0;

	if (strip_padding(form, text, &len) || !is_well_formed(form, text, len))
		return E_SYNTAX;
	if (len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0) > size)
		return E_TOO_LARGE;
	for (size_t i = 0; i < len; i++) {
		bits = bits << 6 | (uint32_t)value_of(form, text[i]);
		held += 6;
		if (held >= 8) {
			held -= 8;
			*at++ = (uint8_t)(bits >> held & 0xff);
		}
	}
	*out_len = (size_t)(at - (uint8_t *)out);
	return 0;
}
