#include "lib/rules/spf_macro.h"

#include <string.h>

#include "lib/err.h"

#define PARTS_MAX 512 /* a value has at most an address's length */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* ---- reading ---- */

/* "0" is none, and what is more than any value has parts is as good as that. */
static int read_parts(const char *text, size_t n, size_t *at, unsigned *out)
{
	bool is_said = false;
	unsigned parts = 0;

	for (; *at < n && is_digit(text[*at]); (*at)++) {
		is_said = true;
		if (parts <= PARTS_MAX)
			parts = parts * 10 + (unsigned)(text[*at] - '0');
	}
	*out = parts;
	return is_said && parts == 0 ? E_SYNTAX : 0;
}

/* "{ letter digits r delimiters }" at text[1]. */
static int parse_braced(const char *text, size_t n, struct spf_macro *out)
{
	size_t at = 3;

	if (n < 4 || !strchr(SPF_MACRO_LETTERS, lower(text[2])) || text[2] == '\0')
		return E_SYNTAX;
	out->letter = lower(text[2]);
	out->is_escaped = out->letter != text[2];
	if (read_parts(text, n, &at, &out->parts) != 0)
		return E_SYNTAX;
	if (at < n && lower(text[at]) == 'r') {
		out->is_reversed = true;
		at++;
	}
	out->delimiters = text + at;
	while (at < n && text[at] && strchr(".-+,/_=", text[at]))
		at++;
	out->delimiter_count = (size_t)(text + at - out->delimiters);
	if (at == n || text[at] != '}')
		return E_SYNTAX;
	out->length = at + 1;
	return 0;
}

int spf_macro_parse(const char *text, size_t n, struct spf_macro *out)
{
	*out = (struct spf_macro){0};
	if (n < 2 || text[0] != '%')
		return E_SYNTAX;
	if (text[1] == '{')
		return parse_braced(text, n, out);
	if (text[1] != '%' && text[1] != '_' && text[1] != '-')
		return E_SYNTAX;
	out->letter = text[1];
	out->length = 2;
	return 0;
}

bool spf_macro_string_is_good(const char *text, size_t n, const char *letters, bool with_spaces)
{
	struct spf_macro m;

	for (size_t at = 0; at < n;) {
		if (text[at] != '%') {
			if (text[at] <= (with_spaces ? 0x1f : ' ') || text[at] > '~')
				return false;
			at++;
			continue;
		}
		if (spf_macro_parse(text + at, n - at, &m) != 0)
			return false;
		if (m.length > 2 && !strchr(letters, m.letter))
			return false;
		at += m.length;
	}
	return true;
}

bool spf_macro_has(const char *text, size_t n, char letter)
{
	struct spf_macro m;

	for (size_t at = 0; at < n;) {
		if (text[at] != '%' || spf_macro_parse(text + at, n - at, &m) != 0) {
			at++;
			continue;
		}
		if (m.letter == letter)
			return true;
		at += m.length;
	}
	return false;
}

/* ---- expanding ---- */

struct writer {
	char *buf;
	size_t size, n, total;
	bool keeps_tail;
};

static void put(struct writer *w, char c)
{
	w->total++;
	if (w->n + 1 >= w->size) {
		if (!w->keeps_tail)
			return;
		size_t kept = w->n - w->size / 2;
		memmove(w->buf, w->buf + w->size / 2, kept);
		w->n = kept;
	}
	w->buf[w->n++] = c;
}

static bool is_unreserved(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || (c && strchr("-._~", c));
}

static void put_part(struct writer *w, const char *part, size_t n, bool is_escaped)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < n; i++) {
		if (!is_escaped || is_unreserved(part[i])) {
			put(w, part[i]);
			continue;
		}
		put(w, '%');
		put(w, hex[(unsigned char)part[i] >> 4]);
		put(w, hex[(unsigned char)part[i] & 15]);
	}
}

struct parts {
	const char *at[PARTS_MAX];
	size_t len[PARTS_MAX];
	size_t count;
};

static bool is_delimiter(const struct spf_macro *m, char c)
{
	return m->delimiter_count ? memchr(m->delimiters, c, m->delimiter_count) != NULL : c == '.';
}

static void split(const struct spf_macro *m, const char *value, struct parts *out)
{
	const char *begin = value;

	out->count = 0;
	for (const char *c = value;; c++) {
		if (*c && !is_delimiter(m, *c))
			continue;
		if (out->count < PARTS_MAX) {
			out->at[out->count] = begin;
			out->len[out->count++] = (size_t)(c - begin);
		}
		if (!*c)
			return;
		begin = c + 1;
	}
}

static void put_transformed(struct writer *w, const struct spf_macro *m, const char *value)
{
	struct parts parts;

	split(m, value, &parts);
	size_t shown = m->parts && m->parts < parts.count ? m->parts : parts.count;
	for (size_t i = parts.count - shown; i < parts.count; i++) {
		size_t k = m->is_reversed ? parts.count - 1 - i : i;
		if (i > parts.count - shown)
			put(w, '.');
		put_part(w, parts.at[k], parts.len[k], m->is_escaped);
	}
}

static void put_macro(struct writer *w, const struct spf_macro *m, const char *value)
{
	if (m->parts || m->is_reversed || m->delimiter_count)
		put_transformed(w, m, value);
	else
		put_part(w, value, strlen(value), m->is_escaped);
}

size_t spf_macro_expand(const char *text, size_t n, spf_macro_value *value, void *arg, char *buf,
			size_t size, bool keeps_tail)
{
	struct writer w = {.buf = buf, .size = size, .keeps_tail = keeps_tail};
	struct spf_macro m;

	for (size_t at = 0; at < n; at += m.length) {
		if (text[at] != '%' || spf_macro_parse(text + at, n - at, &m) != 0) {
			put(&w, text[at]);
			m.length = 1;
		} else if (m.length > 2) {
			put_macro(&w, &m, value(arg, m.letter));
		} else if (m.letter == '-') {
			put_part(&w, "%20", 3, false);
		} else {
			put(&w, m.letter == '_' ? ' ' : '%');
		}
	}
	buf[w.n] = '\0';
	return w.total;
}
