#include "lib/wire/smtp/url_search.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ESC      0x1b

/* As they stand in the window. */
#define HTTP  UINT64_C(0x687474703a2f2f)   /* http:// */
#define HTTPS UINT64_C(0x68747470733a2f2f) /* https:// */
#define WWW   UINT64_C(0x7777772e)         /* www. */
#define HREF  UINT64_C(0x68726566)         /* href */

static const char *const harmless[] = {"mailto:", "tel:", "sms:", "cid:", "#"};

static bool is_word(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c > 127;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void url_search_begin(struct url_search *s, bool is_html, const char *charset)
{
	*s = (struct url_search){.is_html = is_html,
				 .is_jis = strncmp(charset, "iso-2022-", 9) == 0};
}

/* ---- href ---- */

/* An octet of the value, less what quotes it. */
static void read_value(struct url_search *s, uint8_t c)
{
	unsigned left = 0;

	if (s->matched == 0 && (is_blank(c) || c == '"' || c == '\''))
		return;
	if (s->matched == 0 && c == '>') {
		s->href = URL_TEXT;
		return;
	}
	for (size_t i = 0; i < COUNT(harmless); i++) {
		if (!(s->harmless & 1U << i) || (uint8_t)harmless[i][s->matched] != c)
			continue;
		left |= 1U << i;
		if (!harmless[i][s->matched + 1])
			s->href = URL_TEXT;
	}
	s->harmless = left;
	s->matched++;
	s->is_found |= left == 0;
}

static void read_html(struct url_search *s, uint8_t c)
{
	if (s->href == URL_VALUE) {
		read_value(s, c);
	} else if (s->href == URL_HREF && c == '=') {
		s->href = URL_VALUE;
		s->matched = 0;
		s->harmless = (1U << COUNT(harmless)) - 1;
	} else if (s->href == URL_HREF && !is_blank(c)) {
		s->href = URL_TEXT;
	}
	if ((s->window & 0xffffffff) == HREF)
		s->href = URL_HREF;
}

/* ---- text ---- */

/* Behind these octets a host may follow. */
static bool wants_host(uint64_t window)
{
	return (window & UINT64_C(0xffffffffffffff)) == HTTP || window == HTTPS ||
	       ((window & 0xffffffff) == WWW && !is_word((uint8_t)(window >> 32)));
}

static void read_octet(struct url_search *s, uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		c = (uint8_t)(c + 'a' - 'A');
	if (s->wants_host && (is_word(c) || c == '['))
		s->is_found = true;
	s->window = s->window << 8 | c;
	s->wants_host = (c == '/' || c == '.') && wants_host(s->window);
	if (s->is_html && (s->href != URL_TEXT || c == 'f'))
		read_html(s, c);
}

/* ---- ISO-2022-JP ---- */

/* False: the octet is no text. Escapes: ESC ( B and ESC ( J are (nearly) ASCII, all others are not.
 */
static bool is_text(struct url_search *s, uint8_t c)
{
	if (c == '\n' || c == '\r') {
		s->jis = JIS_ASCII;
		return true;
	}
	if (c == ESC) {
		s->jis = JIS_ESC;
		return false;
	}
	switch (s->jis) {
	case JIS_ESC:
		s->jis = c == '(' ? JIS_ESC_2 : c == '$' ? JIS_ESC_DOLLAR : JIS_OTHER;
		return false;
	case JIS_ESC_2:
		s->jis = c == 'B' || c == 'J' ? JIS_ASCII : JIS_OTHER;
		return false;
	case JIS_ESC_DOLLAR:
		s->jis = JIS_OTHER;
		return false;
	case JIS_OTHER:
		return false;
	case JIS_ASCII:
	default:
		return true;
	}
}

void url_search_feed(struct url_search *s, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n && !s->is_found; i++) {
		if (in[i] == 0)
			continue;
		if (!s->is_jis || is_text(s, in[i]))
			read_octet(s, in[i]);
		else
			s->window = s->window << 8; /* no letter stands before what follows */
	}
}
