#include "popgw/top.h"

#include <string.h>

void top_init(struct top *t, uint32_t lines)
{
	*t = (struct top){.lines_left = lines};
}

/* The line that has just ended had nothing before its CRLF. */
static bool line_was_empty(const struct top *t, const uint8_t *line, size_t n)
{
	if (t->column == 0)
		return n == 2 && line[0] == '\r';
	return t->column == 1 && t->cr_only && n == 1;
}

static void line_begun(struct top *t, const uint8_t *line, size_t n)
{
	if (t->column == 0)
		t->cr_only = line[0] == '\r';
	t->column = t->column + n > 2 ? 2 : t->column + (unsigned)n;
}

static void line_ended(struct top *t, const uint8_t *line, size_t n)
{
	if (t->in_body)
		t->lines_left--;
	else
		t->in_body = line_was_empty(t, line, n);
	t->is_done = t->in_body && t->lines_left == 0;
	t->column = 0;
}

size_t top_feed(struct top *t, const uint8_t *in, size_t n)
{
	size_t at = 0;

	while (at < n && !t->is_done) {
		const uint8_t *end = memchr(in + at, '\n', n - at);
		if (!end) {
			line_begun(t, in + at, n - at);
			return n;
		}
		size_t length = (size_t)(end - (in + at)) + 1;
		line_ended(t, in + at, length);
		at += length;
	}
	return at;
}
