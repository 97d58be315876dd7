#include "lib/wire/push/emn.h"

#include <stdbool.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/civil.h"
#include "lib/wire/octets.h"
#include "lib/wire/utf8.h"

#define WBXML_1_2      0x02
#define WBXML_1_3      0x03
#define PUBLIC_ID_EMN  0x0D
#define CHARSET_UTF8   106 /* MIBenum */
#define CHARSET_ASCII  3
#define TAG_EMN        0x85 /* 0x05 with attributes, without content */
#define TOKEN_END      0x01
#define TOKEN_STR_I    0x03
#define TOKEN_OPAQUE   0xC3
#define ATTR_TIMESTAMP 0x05
#define ATTR_MAILBOX   0x06
#define ATTR_MAILAT    0x07
#define ATTR_HTTPS_WWW 0x0D /* 0x08 to 0x0D: mailbox with a scheme of the fetching kind */
#define SUFFIX_FIRST   0x85
#define SUFFIX_COUNT   4
#define SUFFIX_LEN     4
#define TIME_OCTETS    7 /* YYYY MM DD hh mm ss */
#define SCHEME         "mailat:"

static const char suffixes[SUFFIX_COUNT][SUFFIX_LEN + 1] = {".com", ".edu", ".net", ".org"};

static uint8_t bcd_of(unsigned value)
{
	return (uint8_t)(value / 10 << 4 | value % 10);
}

static void put_time(struct octets_writer *w, int64_t time_s)
{
	struct civil c;
	uint8_t bcd[TIME_OCTETS];
	size_t len = TIME_OCTETS;

	civil_of_seconds(time_s, &c);
	bcd[0] = bcd_of((unsigned)(c.year / 100));
	bcd[1] = bcd_of((unsigned)(c.year % 100));
	bcd[2] = bcd_of(c.month);
	bcd[3] = bcd_of(c.day);
	bcd[4] = bcd_of(c.hour);
	bcd[5] = bcd_of(c.minute);
	bcd[6] = bcd_of(c.second);
	while (bcd[len - 1] == 0)
		len--;
	octets_put_u8(w, TOKEN_OPAQUE);
	octets_put_uintvar(w, (uint32_t)len);
	octets_put(w, bcd, len);
}

/* The token that the text's end is, 0 for none. The text keeps at least a character: handsets
 * expect a string in front. */
static uint8_t suffix_token(const char *text, size_t len)
{
	if (len <= SUFFIX_LEN)
		return 0;
	for (unsigned i = 0; i < SUFFIX_COUNT; i++) {
		if (memcmp(text + len - SUFFIX_LEN, suffixes[i], SUFFIX_LEN) == 0)
			return (uint8_t)(SUFFIX_FIRST + i);
	}
	return 0;
}

static void put_mailbox(struct octets_writer *w, const char *mailbox, size_t len)
{
	uint8_t suffix = suffix_token(mailbox, len);

	octets_put_u8(w, TOKEN_STR_I);
	octets_put(w, mailbox, suffix ? len - SUFFIX_LEN : len);
	octets_put_u8(w, '\0');
	if (suffix)
		octets_put_u8(w, suffix);
}

int emn_encode(const struct emn *emn, uint8_t *out, size_t size, size_t *len)
{
	struct octets_writer w = {.at = out, .room = size};
	size_t mailbox_len = strnlen(emn->mailbox, sizeof emn->mailbox);

	if (mailbox_len > EMN_MAILBOX_MAX)
		return E_TOO_LARGE;
	if (mailbox_len == 0 || !utf8_is_printable(emn->mailbox, mailbox_len, true))
		return E_SYNTAX;
	if (emn->timestamp_s < 0 || emn->timestamp_s > EMN_TIME_MAX_S)
		return E_RANGE;
	octets_put(&w, (uint8_t[]){WBXML_1_3, PUBLIC_ID_EMN, CHARSET_UTF8, 0, TAG_EMN}, 5);
	octets_put_u8(&w, ATTR_MAILAT);
	put_mailbox(&w, emn->mailbox, mailbox_len);
	octets_put_u8(&w, ATTR_TIMESTAMP);
	put_time(&w, emn->timestamp_s);
	octets_put_u8(&w, TOKEN_END);
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

static bool take_preamble(struct octets_reader *r)
{
	uint32_t public_id, charset, strings;
	uint8_t version, tag;

	return octets_take_u8(r, &version) && (version == WBXML_1_2 || version == WBXML_1_3) &&
	       octets_take_uintvar(r, &public_id) && public_id == PUBLIC_ID_EMN &&
	       octets_take_uintvar(r, &charset) &&
	       (charset == CHARSET_UTF8 || charset == CHARSET_ASCII) &&
	       octets_take_uintvar(r, &strings) && strings == 0 && octets_take_u8(r, &tag) &&
	       tag == TAG_EMN;
}

static bool is_value(uint8_t token)
{
	return token == TOKEN_STR_I ||
	       (token >= SUFFIX_FIRST && token < SUFFIX_FIRST + SUFFIX_COUNT);
}

/* Inline strings and suffix tokens, one after the other, as one text. */
static int take_strings(struct octets_reader *r, char *text, size_t size)
{
	size_t used = 0;

	while (r->left > 0 && is_value(*r->at)) {
		uint8_t token = *r->at;
		const char *piece = suffixes[0];
		size_t len = SUFFIX_LEN;

		r->at++;
		r->left--;
		if (token != TOKEN_STR_I)
			piece = suffixes[token - SUFFIX_FIRST];
		else if (!octets_take_text(r, &piece, &len))
			return E_SYNTAX;
		if (len >= size - used)
			return E_TOO_LARGE;
		memcpy(text + used, piece, len);
		used += len;
	}
	text[used] = '\0';
	return 0;
}

static int take_mailbox(struct octets_reader *r, uint8_t attr, char mailbox[EMN_MAILBOX_MAX + 1])
{
	char text[sizeof SCHEME + EMN_MAILBOX_MAX] = "";
	size_t scheme = attr == ATTR_MAILBOX ? strlen(SCHEME) : 0;
	int err = take_strings(r, text, EMN_MAILBOX_MAX + 1 + scheme);

	if (err)
		return err;
	if (scheme && strncmp(text, SCHEME, scheme) != 0)
		return E_RANGE;
	if (text[scheme] == '\0' || !utf8_is_printable(text + scheme, strlen(text + scheme), true))
		return E_SYNTAX;
	memcpy(mailbox, text + scheme, strlen(text + scheme) + 1);
	return 0;
}

static int take_time(struct octets_reader *r, int64_t *time_s)
{
	unsigned field[TIME_OCTETS] = {0};
	const uint8_t *bcd;
	struct civil c;
	uint32_t len;
	uint8_t token;

	if (!octets_take_u8(r, &token) || token != TOKEN_OPAQUE || !octets_take_uintvar(r, &len) ||
	    len > TIME_OCTETS || !octets_take(r, len, &bcd))
		return E_SYNTAX;
	for (size_t i = 0; i < len; i++) {
		if (bcd[i] >> 4 > 9 || (bcd[i] & 15) > 9)
			return E_SYNTAX;
		field[i] = (bcd[i] >> 4) * 10U + (bcd[i] & 15U);
	}
	c = (struct civil){(int64_t)field[0] * 100 + field[1],
			   field[2],
			   field[3],
			   field[4],
			   field[5],
			   field[6]};
	if (c.year < 1970 || !civil_is_valid(&c))
		return E_RANGE;
	*time_s = civil_seconds(&c);
	return 0;
}

static int take_attributes(struct octets_reader *r, struct emn *emn)
{
	bool has_mailbox = false, has_time = false;
	uint8_t attr;
	int err = 0;

	while (!err) {
		if (!octets_take_u8(r, &attr))
			return E_SYNTAX;
		if (attr == TOKEN_END)
			return has_mailbox && has_time ? 0 : E_SYNTAX;
		if (attr > ATTR_MAILAT && attr <= ATTR_HTTPS_WWW)
			return E_RANGE;
		if (attr == ATTR_TIMESTAMP && !has_time) {
			has_time = true;
			err = take_time(r, &emn->timestamp_s);
		} else if ((attr == ATTR_MAILBOX || attr == ATTR_MAILAT) && !has_mailbox) {
			has_mailbox = true;
			err = take_mailbox(r, attr, emn->mailbox);
		} else {
			return E_SYNTAX;
		}
	}
	return err;
}

int emn_decode(const uint8_t *body, size_t len, struct emn *out)
{
	struct octets_reader r = {.at = body, .left = len};
	struct emn emn = {.timestamp_s = 0};
	int err;

	if (!take_preamble(&r))
		return E_SYNTAX;
	err = take_attributes(&r, &emn);
	if (err)
		return err;
	if (r.left > 0)
		return E_SYNTAX;
	*out = emn;
	return 0;
}
