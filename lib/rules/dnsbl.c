#include "lib/rules/dnsbl.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define BETWEEN ", \t"
#define ROW_MAX (DNS_NAME_MAX + 128)

/* ---- the setting ---- */

static int parse_octet(const char **at, uint8_t *out)
{
	unsigned value = 0, digits = 0;

	for (; **at >= '0' && **at <= '9' && digits < 4; (*at)++, digits++)
		value = value * 10 + (unsigned)(**at - '0');
	if (digits == 0 || value > 255)
		return E_SYNTAX;
	*out = (uint8_t)value;
	return 0;
}

/* "4", "4-7", "&12" */
static int parse_code(const char **at, struct dnsbl_code *out)
{
	out->is_bits = **at == '&';
	*at += out->is_bits;
	if (parse_octet(at, &out->first))
		return E_SYNTAX;
	out->last = out->first;
	if (out->is_bits)
		return out->first ? 0 : E_SYNTAX;
	if (**at != '-')
		return 0;
	(*at)++;
	return parse_octet(at, &out->last) || out->last < out->first ? E_SYNTAX : 0;
}

static int parse_codes(const char *at, struct dnsbl_list *out)
{
	for (;; at++) {
		if (out->code_count == DNSBL_CODES_MAX ||
		    parse_code(&at, &out->codes[out->code_count]))
			return E_SYNTAX;
		out->code_count++;
		if (*at != '+')
			return *at ? E_SYNTAX : 0;
	}
}

static int parse_list(char *row, struct dnsbl_list *out)
{
	char *score = strchr(row, '='), *end;

	*out = (struct dnsbl_list){0};
	if (!score)
		return E_SYNTAX;
	*score++ = '\0';
	if (dns_name(row, out->zone) || !*out->zone)
		return E_SYNTAX;
	long value = strtol(score, &end, 10);
	if (end == score || value == 0 || value > DNSBL_SCORE_MAX || value < -DNSBL_SCORE_MAX)
		return E_SYNTAX;
	out->score = (int)value;
	if (*end == ':')
		return parse_codes(end + 1, out);
	return *end ? E_SYNTAX : 0;
}

int dnsbl_parse(const char *text, struct dnsbl_list *out, size_t max, size_t *n, const char **bad)
{
	char row[ROW_MAX];
	size_t count = 0;

	for (text += strspn(text, BETWEEN); *text; text += strspn(text, BETWEEN)) {
		size_t length = strcspn(text, BETWEEN);
		*bad = text;
		if (length >= sizeof row)
			return E_SYNTAX;
		if (count == max)
			return E_TOO_LARGE;
		memcpy(row, text, length);
		row[length] = '\0';
		if (parse_list(row, &out[count]))
			return E_SYNTAX;
		count++;
		text += length;
	}
	*n = count;
	return 0;
}

/* ---- answers ---- */

static bool has_code(const struct dnsbl_list *list, uint8_t octet)
{
	for (size_t i = 0; i < list->code_count; i++) {
		const struct dnsbl_code *c = &list->codes[i];
		if (c->is_bits ? octet & c->first : octet >= c->first && octet <= c->last)
			return true;
	}
	return list->code_count == 0;
}

enum dnsbl_says dnsbl_judge(const struct dnsbl_list *list, const struct addr *answers, size_t n)
{
	enum dnsbl_says says = DNSBL_CLEAR;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *a = answers[i].bytes + 12;
		if (!addr_is_v4(&answers[i]) || a[0] != 127)
			continue;
		if (a[1] == 255 && a[2] == 255)
			return DNSBL_ERROR;
		if (has_code(list, a[3]))
			says = DNSBL_LISTED;
	}
	return says;
}

/* ---- whom to ask about ---- */

/* In the 16-octet form. */
static const struct {
	uint8_t bytes[16];
	unsigned plen;
} not_public[] = {
#define V4(a, b, c, plen4)                                                                         \
	{                                                                                          \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, 0}, 96 + (plen4)               \
	}
	V4(0, 0, 0, 8),       V4(10, 0, 0, 8),
	V4(100, 64, 0, 10),   V4(127, 0, 0, 8),
	V4(169, 254, 0, 16),  V4(172, 16, 0, 12),
	V4(192, 0, 0, 24),    V4(192, 0, 2, 24),
	V4(192, 168, 0, 16),  V4(198, 18, 0, 15),
	V4(198, 51, 100, 24), V4(203, 0, 113, 24),
	V4(224, 0, 0, 3),     {{0}, 8}, /* with ::1 */
	{{0xfc}, 7},          {{0xfe, 0x80}, 9},
	{{0xff}, 8},          {{0x20, 0x01, 0x0d, 0xb8}, 32},
#undef V4
};

static bool has_prefix(const uint8_t *bytes, const uint8_t *prefix, unsigned plen)
{
	unsigned whole = plen / 8, rest = plen % 8;

	if (memcmp(bytes, prefix, whole) != 0)
		return false;
	return rest == 0 || (bytes[whole] ^ prefix[whole]) >> (8 - rest) == 0;
}

bool dnsbl_is_public(const struct addr *a)
{
	for (size_t i = 0; i < sizeof not_public / sizeof *not_public; i++) {
		bool is_v4_row = not_public[i].plen > 96;
		if (is_v4_row == addr_is_v4(a) &&
		    has_prefix(a->bytes, not_public[i].bytes, not_public[i].plen))
			return false;
	}
	return true;
}
