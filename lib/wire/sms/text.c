#include "lib/wire/sms/text.h"

#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"

#define REPLACEMENT 0xFFFD
#define NONE        0 /* no character: ESC itself */

/* Code points by septet. */
static const uint16_t basic[128] = {
	'@',    0xa3,   '$',    0xa5,   0xe8,   0xe9,   0xf9,   0xec,   /* 00 */
	0xf2,   0xc7,   '\n',   0xd8,   0xf8,   '\r',   0xc5,   0xe5,   /* 08 */
	0x0394, '_',    0x03a6, 0x0393, 0x039b, 0x03a9, 0x03a0, 0x03a8, /* 10 */
	0x03a3, 0x0398, 0x039e, NONE,   0xc6,   0xe6,   0xdf,   0xc9,   /* 18 */
	' ',    '!',    '"',    '#',    0xa4,   '%',    '&',    '\'',   /* 20 */
	'(',    ')',    '*',    '+',    ',',    '-',    '.',    '/',    /* 28 */
	'0',    '1',    '2',    '3',    '4',    '5',    '6',    '7',    /* 30 */
	'8',    '9',    ':',    ';',    '<',    '=',    '>',    '?',    /* 38 */
	0xa1,   'A',    'B',    'C',    'D',    'E',    'F',    'G',    /* 40 */
	'H',    'I',    'J',    'K',    'L',    'M',    'N',    'O',    /* 48 */
	'P',    'Q',    'R',    'S',    'T',    'U',    'V',    'W',    /* 50 */
	'X',    'Y',    'Z',    0xc4,   0xd6,   0xd1,   0xdc,   0xa7,   /* 58 */
	0xbf,   'a',    'b',    'c',    'd',    'e',    'f',    'g',    /* 60 */
	'h',    'i',    'j',    'k',    'l',    'm',    'n',    'o',    /* 68 */
	'p',    'q',    'r',    's',    't',    'u',    'v',    'w',    /* 70 */
	'x',    'y',    'z',    0xe4,   0xf6,   0xf1,   0xfc,   0xe0,   /* 78 */
};

static const struct {
	uint8_t septet;
	uint16_t point;
} extension[] = {
	{0x0a, '\f'}, {0x14, '^'}, {0x28, '{'}, {0x29, '}'}, {0x2f, '\\'},
	{0x3c, '['},  {0x3d, '~'}, {0x3e, ']'}, {0x40, '|'}, {0x65, 0x20ac},
};

#define EXTENSIONS (sizeof extension / sizeof extension[0])

/* One character of UTF-8, controls too; its octets, or 0. */
static size_t take_point(const char *text, size_t len, uint32_t *point)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *at = (const uint8_t *)text;
	size_t n = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : 4;
	uint32_t c = n == 1 ? at[0] : at[0] & (0x7fu >> n);

	if (n > len || (n == 4 && at[0] >> 3 != 30))
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (at[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*point = c;
	return n;
}

struct text_writer {
	char *at;
	size_t room, len;
	bool is_full;
};

static void put_point(struct text_writer *w, uint32_t c)
{
	char utf8[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		utf8[i] = (char)(0x80 | (c & 0x3f));
	utf8[0] = (char)(n == 1 ? c : ((0xf0u << (4 - n)) & 0xff) | c);
	if (w->is_full || n > w->room - w->len) {
		w->is_full = true;
		return;
	}
	memcpy(w->at + w->len, utf8, n);
	w->len += n;
}

/* The septets of a character: 1, 2 (behind ESC), or 0 when it is in neither table. */
static size_t point_to_septets(uint32_t c, uint8_t out[2])
{
	/* most letters stand where ASCII has them */
	if (c != NONE && c < sizeof basic / sizeof basic[0] && basic[c] == c) {
		out[0] = (uint8_t)c;
		return 1;
	}
	for (size_t i = 0; i < sizeof basic / sizeof basic[0]; i++) {
		if (basic[i] == c && c != NONE) {
			out[0] = (uint8_t)i;
			return 1;
		}
	}
	for (size_t i = 0; i < EXTENSIONS; i++) {
		if (extension[i].point == c) {
			out[0] = SMS_ESCAPE;
			out[1] = extension[i].septet;
			return 2;
		}
	}
	return 0;
}

int sms_text_to_septets(const char *text, size_t len, uint8_t *septets, size_t size, size_t *n)
{
	size_t used = 0;

	while (len > 0) {
		uint8_t pair[2];
		uint32_t c;
		size_t octets = take_point(text, len, &c), count;

		if (octets == 0)
			return E_SYNTAX;
		count = point_to_septets(c, pair);
		if (count == 0)
			return E_RANGE;
		if (count > size - used)
			return E_TOO_LARGE;
		memcpy(septets + used, pair, count);
		used += count;
		text += octets;
		len -= octets;
	}
	*n = used;
	return 0;
}

/* What follows an ESC; `next` is it, or -1 at the end. */
static uint32_t escaped_point(int next)
{
	if (next < 0 || next == SMS_ESCAPE)
		return ' ';
	for (size_t i = 0; i < EXTENSIONS; i++) {
		if (extension[i].septet == next)
			return extension[i].point;
	}
	return basic[next];
}

int sms_text_from_septets(const uint8_t *septets, size_t n, char *text, size_t size, size_t *len)
{
	struct text_writer w = {.at = text, .room = size};

	for (size_t i = 0; i < n; i++) {
		uint8_t septet = septets[i] & 0x7f;

		if (septet != SMS_ESCAPE) {
			put_point(&w, basic[septet]);
			continue;
		}
		i++;
		put_point(&w, escaped_point(i < n ? septets[i] & 0x7f : -1));
	}
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

static size_t put_unit(uint8_t *octets, uint32_t unit)
{
	octets[0] = (uint8_t)(unit >> 8);
	octets[1] = (uint8_t)(unit & 0xff);
	return 2;
}

int sms_text_to_ucs2(const char *text, size_t len, uint8_t *octets, size_t size, size_t *n)
{
	size_t used = 0;

	while (len > 0) {
		uint32_t c;
		size_t taken = take_point(text, len, &c), need = taken == 4 ? 4 : 2;

		if (taken == 0)
			return E_SYNTAX;
		if (need > size - used)
			return E_TOO_LARGE;
		if (need == 4) {
			c -= 0x10000;
			used += put_unit(octets + used, 0xd800 | c >> 10);
			used += put_unit(octets + used, 0xdc00 | (c & 0x3ff));
		} else {
			used += put_unit(octets + used, c);
		}
		text += taken;
		len -= taken;
	}
	*n = used;
	return 0;
}

static uint32_t unit_at(const uint8_t *octets)
{
	return (uint32_t)octets[0] << 8 | octets[1];
}

int sms_text_from_ucs2(const uint8_t *octets, size_t n, char *text, size_t size, size_t *len)
{
	struct text_writer w = {.at = text, .room = size};

	if (n % 2 != 0)
		return E_SYNTAX;
	for (size_t i = 0; i < n; i += 2) {
		uint32_t c = unit_at(octets + i), low = i + 3 < n ? unit_at(octets + i + 2) : 0;

		if (c >> 10 == 0x36 && low >> 10 == 0x37) {
			c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
			i += 2;
		} else if (c >> 11 == 0x1b || c == 0) {
			c = REPLACEMENT;
		}
		put_point(&w, c);
	}
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

int sms_text_encode(const char *text, size_t len, uint8_t *body, size_t size, size_t *n,
		    uint8_t *dcs)
{
	int err = sms_text_to_septets(text, len, body, size, n);

	if (!err)
		*dcs = SMS_DCS_GSM7;
	if (err != E_RANGE)
		return err;
	err = sms_text_to_ucs2(text, len, body, size, n);
	if (!err)
		*dcs = SMS_DCS_UCS2;
	return err;
}

int sms_text_decode(uint8_t dcs, const uint8_t *body, size_t n, char *text, size_t size,
		    size_t *len)
{
	switch (sms_dcs_layout(dcs)) {
	case SMS_GSM7:
		return sms_text_from_septets(body, n, text, size, len);
	case SMS_UCS2:
		return sms_text_from_ucs2(body, n, text, size, len);
	case SMS_8_BIT:
		break;
	}
	return E_RANGE;
}

void sms_septets_pack(const uint8_t *septets, size_t n, unsigned fill_bits, uint8_t *out)
{
	size_t bit = fill_bits;

	memset(out, 0, (fill_bits + n * 7 + 7) / 8);
	for (size_t i = 0; i < n; i++, bit += 7) {
		unsigned shifted = (septets[i] & 0x7fu) << bit % 8;

		out[bit / 8] |= (uint8_t)(shifted & 0xff);
		if (shifted > 0xff)
			out[bit / 8 + 1] |= (uint8_t)(shifted >> 8);
	}
}

void sms_septets_unpack(const uint8_t *packed, size_t n, unsigned fill_bits, uint8_t *septets)
{
	size_t bit = fill_bits;

	for (size_t i = 0; i < n; i++, bit += 7) {
		unsigned two = packed[bit / 8];

		if (bit % 8 > 1)
			two |= (unsigned)packed[bit / 8 + 1] << 8;
		septets[i] = (uint8_t)(two >> bit % 8 & 0x7f);
	}
}
