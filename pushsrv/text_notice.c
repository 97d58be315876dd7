#include "pushsrv/text_notice.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"
#include "lib/wire/utf8.h"

#define TEXT_MAX   1024 /* octets of a sentence with everything put in */
#define SENDER_MAX 384  /* octets: a quoted address */
#define ELLIPSIS   "..."
#define COUNT_MOST UINT32_MAX

/* ---- a sender that can do no harm ---- */

static uint32_t point_of(const char *text, size_t n)
{
	static const uint8_t lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (uint8_t)text[0] & lead_mask[n];

	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((uint8_t)text[i] & 0x3f);
	return c;
}

/* Spaces of all widths, joiners, marks of direction, tags, what is no character. */
static bool is_treacherous(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0xa0, 0xa0},     {0xad, 0xad},     {0x34f, 0x34f},      {0x61c, 0x61c},
		{0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5},    {0x180b, 0x180f},
		{0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f},    {0x3000, 0x3000},
		{0x3164, 0x3164}, {0xe000, 0xf8ff}, {0xfe00, 0xfe0f},    {0xfeff, 0xfeff},
		{0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff},
	};

	for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static bool is_shown(const char *at, size_t n)
{
	if (n == 1)
		return isalnum((unsigned char)*at) || strchr(".@!#$%&'*+-/=^_{|}~", *at);
	return n > 1 && !is_treacherous(point_of(at, n));
}

static void make_safe(const char *sender, char out[SENDER_MAX + 1])
{
	size_t left = strlen(sender), len = 0;

	while (left > 0) {
		size_t n = utf8_char_len(sender, left), taken = n ? n : 1;
		bool shown = is_shown(sender, n);

		if (len + taken > SENDER_MAX)
			break;
		if (shown)
			memcpy(out + len, sender, taken);
		else
			out[len] = '?';
		len += shown ? taken : 1;
		sender += taken;
		left -= taken;
	}
	out[len] = '\0';
}

/* ---- the sentence ---- */

/* False: a word in braces that has no meaning, or no room. */
static bool expand(const char *sentence, const char *sender, uint32_t count,
		   char text[TEXT_MAX + 1])
{
	char number[16];
	const struct {
		const char *word, *value;
	} words[] = {{"{sender}", sender}, {"{count}", number}};
	size_t len = 0;

	snprintf(number, sizeof number, "%lu", (unsigned long)count);
	while (*sentence) {
		const char *from = sentence;
		size_t n = 1, taken = 1;

		for (size_t i = 0; *sentence == '{' && i < 2; i++) {
			size_t word = strlen(words[i].word);

			if (!words[i].value || strncmp(sentence, words[i].word, word) != 0)
				continue;
			from = words[i].value;
			n = strlen(from);
			taken = word;
		}
		if ((taken == 1 && (*sentence == '{' || *sentence == '}')) || len + n > TEXT_MAX)
			return false;
		memcpy(text + len, from, n);
		len += n;
		sentence += taken;
	}
	text[len] = '\0';
	return true;
}

static int encode(const char *sentence, const char *sender, uint32_t count, struct text_notice *out)
{
	char text[TEXT_MAX + 1];
	struct text_notice notice;

	if (!expand(sentence, sender, count, text))
		return E_SYNTAX;
	int err = sms_text_to_septets(text, strlen(text), notice.octets, SMS_DATA_SEPTETS_MAX,
				      &notice.size);
	notice.dcs = SMS_DCS_GSM7;
	if (err == E_RANGE || err == E_TOO_LARGE) {
		err = sms_text_to_ucs2(text, strlen(text), notice.octets, SMS_DATA_OCTETS_MAX,
				       &notice.size);
		notice.dcs = SMS_DCS_UCS2;
	}
	if (!err)
		*out = notice;
	return err;
}

/* The octets of the first `count` characters. */
static size_t head_len(const char *text, size_t count)
{
	size_t len = 0;

	while (text[len] && (count > 0 || ((uint8_t)text[len] & 0xc0) == 0x80)) {
		count -= ((uint8_t)text[len + 1] & 0xc0) != 0x80;
		len++;
	}
	return len;
}

/* The longest head of the sender with which it fits. */
static int encode_cut(const char *sentence, const char *sender, uint32_t count,
		      struct text_notice *out)
{
	char shown[SENDER_MAX + sizeof ELLIPSIS];
	size_t least = 0, most = SMS_DATA_SEPTETS_MAX;
	int err = E_TOO_LARGE;

	while (least <= most) {
		size_t middle = (least + most) / 2;

		snprintf(shown, sizeof shown, "%.*s" ELLIPSIS, (int)head_len(sender, middle),
			 sender);
		int this_err = encode(sentence, shown, count, out);
		if (!this_err) {
			err = 0;
			least = middle + 1;
		} else if (middle == 0) {
			break;
		} else {
			most = middle - 1;
		}
	}
	return err;
}

static int encode_named(const char *sentence, const char *sender, uint32_t count,
			struct text_notice *out)
{
	char safe[SENDER_MAX + 1];

	make_safe(sender, safe);
	int err = encode(sentence, safe, count, out);
	return err == E_TOO_LARGE ? encode_cut(sentence, safe, count, out) : err;
}

/* Without a control, and in one message whatever is put in. */
static int check(const char *sentence, const char *sender)
{
	struct text_notice notice;

	if (!utf8_is_printable(sentence, strlen(sentence), true))
		return E_SYNTAX;
	return encode(sentence, sender, COUNT_MOST, &notice);
}

int text_notice_check(const struct text_sentences *sentences)
{
	/* The least that a sender comes to, in the wider coding. */
	static const char least[] = "鳩" ELLIPSIS;
	int err = check(sentences->unnamed, NULL);

	return err ? err : check(sentences->named, least);
}

int text_notice_write(const struct text_sentences *sentences, const char *sender, uint32_t count,
		      struct text_notice *out)
{
	if (*sender)
		return encode_named(sentences->named, sender, count, out);
	return encode(sentences->unnamed, NULL, count, out);
}
