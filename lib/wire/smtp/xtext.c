#include "lib/wire/smtp/xtext.h"
#include "lib/wire/utf8.h"
#include "lib/err.h"

static const char hex[] = "0123456789ABCDEF";

static bool is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '+' && c != '=';
}

static int hex_value(char c)
{
	for (int i = 0; i < 16; i++)
		if (hex[i] == c)
			return i;
	return -1;
}

int xtext_decode(const char *text, size_t len, bool with_utf8, char *buf)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '=')
			return E_SYNTAX;
		if (c == '+') {
			int high = len - i > 2 ? hex_value(text[i + 1]) : -1;
			int low = high >= 0 ? hex_value(text[i + 2]) : -1;
			if (low < 0)
				return E_SYNTAX;
			c = (char)(high << 4 | low);
			i += 2;
		}
		buf[n++] = c;
	}
	buf[n] = '\0';
	return utf8_is_printable(buf, n, with_utf8) ? 0 : E_SYNTAX;
}

int xtext_encode(const char *text, char *buf, size_t size)
{
	size_t n = 0;

	for (const char *p = text; *p; p++) {
		unsigned char c = (unsigned char)*p;
		size_t needed = is_plain(*p) ? 1 : 3;
		if (n + needed >= size)
			return E_TOO_LARGE;
		if (needed == 1) {
			buf[n++] = *p;
			continue;
		}
		buf[n++] = '+';
		buf[n++] = hex[c >> 4];
		buf[n++] = hex[c & 15];
	}
	if (n >= size)
		return E_TOO_LARGE;
	buf[n] = '\0';
	return 0;
}
