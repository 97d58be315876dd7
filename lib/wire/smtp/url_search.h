/* url_search -- is there a URL in this text?
 *
 * What people can touch: `http://` and `https://` with something behind, `www.` at the beginning of
 * a word, and in HTML any `href` that leads elsewhere (not mailto:, tel:, sms:, cid:, and no
 * #anchor). Octets come as they come; nothing is kept but a few of them.
 *
 * Charset-safe: in ISO-2022-JP the octets of kanji look like ASCII, so what stands between its
 * escapes is no text; a line's end ends it, as RFC 1468 has it. In Shift_JIS, EUC-JP and UTF-8 no
 * octet of `http://` is part of a kanji in a way that could spell it. NUL octets are skipped, which
 * reads UTF-16.
 *
 * OWNERSHIP  values. THREADS any; a struct belongs to one. TRUST any octets; linear
 */
#ifndef HATO_LIB_WIRE_SMTP_URL_SEARCH_H
#define HATO_LIB_WIRE_SMTP_URL_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct url_search {
	bool is_found;

	bool is_html, is_jis; /* from here on: its own */
	uint64_t window;      /* the last eight octets, letters in lower case */
	bool wants_host;      /* the next octet tells */
	enum { URL_TEXT, URL_HREF, URL_VALUE } href;
	size_t matched;    /* octets of the value that might yet be harmless */
	unsigned harmless; /* which ones it might be: a set */
	enum { JIS_ASCII, JIS_ESC, JIS_ESC_2, JIS_ESC_DOLLAR, JIS_OTHER } jis;
};

/* charset: in lower case, "" if unknown. */
void url_search_begin(struct url_search *s, bool is_html, const char *charset);
void url_search_feed(struct url_search *s, const uint8_t *in, size_t n);

#endif
