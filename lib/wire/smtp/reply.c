#include "lib/wire/smtp/reply.h"
#include "lib/err.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CODE_LEN 3

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '?';
}

void smtp_reply_init(struct smtp_reply *r)
{
	r->code = 0;
	r->enhanced[0] = r->text[0] = '\0';
	r->text_len = 0;
	r->lines = 0;
	r->is_cut = false;
}

static int read_code(const char *line, size_t len)
{
	if (len < CODE_LEN || line[0] < '2' || line[0] > '5')
		return 0;
	if (!is_digit(line[1]) || !is_digit(line[2]))
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

/* One to three digits at text[at]; where they end, or `at` if there are none. */
static size_t number_end(const char *text, size_t len, size_t at)
{
	size_t end = at;

	while (end < len && end - at < 3 && is_digit(text[end]))
		end++;
	return end;
}

/* The length of "class.subject.detail" at the head of the text, 0 if there is none. */
static size_t enhanced_len(const char *text, size_t len, char class)
{
	if (len < 5 || text[0] != class || text[1] != '.')
		return 0;
	size_t subject_end = number_end(text, len, 2);
	if (subject_end == 2 || subject_end >= len || text[subject_end] != '.')
		return 0;
	size_t end = number_end(text, len, subject_end + 1);
	if (end == subject_end + 1 || (end < len && text[end] != ' '))
		return 0;
	return end;
}

static void append_text(struct smtp_reply *r, const char *text, size_t len)
{
	if (r->lines > 0 && r->text_len < SMTP_REPLY_TEXT_MAX)
		r->text[r->text_len++] = '\n';
	size_t room = SMTP_REPLY_TEXT_MAX - r->text_len;
	if (len > room) {
		len = room;
		r->is_cut = true;
	}
	for (size_t i = 0; i < len; i++)
		r->text[r->text_len++] = printable(text[i]);
	r->text[r->text_len] = '\0';
}

int smtp_reply_line(struct smtp_reply *r, const char *line, size_t len)
{
	int code = read_code(line, len);

	if (!code || (r->lines > 0 && code != r->code))
		return E_SYNTAX;
	if (len > CODE_LEN && line[CODE_LEN] != ' ' && line[CODE_LEN] != '-')
		return E_SYNTAX;
	if (r->lines == SMTP_REPLY_LINES_MAX)
		return E_TOO_LARGE;
	bool is_last = len == CODE_LEN || line[CODE_LEN] == ' ';
	const char *text = line + (len == CODE_LEN ? CODE_LEN : CODE_LEN + 1);
	size_t text_len = len - (size_t)(text - line);
	size_t skip = enhanced_len(text, text_len, line[0]);
	if (skip > 0 && !r->enhanced[0]) {
		memcpy(r->enhanced, text, skip);
		r->enhanced[skip] = '\0';
	}
	skip += skip > 0 && skip < text_len; /* the space */
	append_text(r, text + skip, text_len - skip);
	r->code = code;
	r->lines++;
	return is_last ? 0 : E_AGAIN;
}

const char *smtp_reply_keyword(const struct smtp_reply *r, const char *keyword)
{
	const char *line = r->text;
	size_t len = strlen(keyword);

	while ((line = strchr(line, '\n'))) {
		line++;
		if (strncasecmp(line, keyword, len) != 0)
			continue;
		if (line[len] == ' ')
			return line + len + 1;
		if (line[len] == '\n' || line[len] == '\0')
			return line + len;
	}
	return NULL;
}

/* How much of the text up to '\n' or NUL goes into a line with that much room. */
static size_t piece_len(const char *text, size_t room)
{
	size_t len = strcspn(text, "\n");

	if (len <= room)
		return len;
	for (size_t at = room; at > 0; at--)
		if (text[at] == ' ')
			return at;
	return room;
}

int smtp_reply_format(char *buf, size_t size, int code, const char *enhanced, const char *text)
{
	char head[CODE_LEN + 1 + SMTP_ENHANCED_MAX + 1 + 1];
	size_t n = 0;

	assert(code >= 200 && code <= 599);
	assert(!enhanced ||
	       (strlen(enhanced) <= SMTP_ENHANCED_MAX && enhanced[0] == '0' + code / 100));
	int head_len = snprintf(head, sizeof head, "%d-%s%s", code, enhanced ? enhanced : "",
				enhanced ? " " : "");
	size_t room = SMTP_REPLY_LINE_MAX - 2 - (size_t)head_len;
	for (;;) {
		size_t len = piece_len(text, room);
		char after = text[len];
		if (n + (size_t)head_len + len + 2 >= size || n > INT_MAX - SMTP_REPLY_LINE_MAX)
			return E_TOO_LARGE;
		memcpy(buf + n, head, (size_t)head_len);
		buf[n + CODE_LEN] = after ? '-' : ' ';
		n += (size_t)head_len;
		for (size_t i = 0; i < len; i++)
			buf[n++] = printable(text[i]);
		buf[n++] = '\r';
		buf[n++] = '\n';
		if (!after)
			break;
		text += len + (after == '\n' || after == ' ');
	}
	buf[n] = '\0';
	return (int)n;
}
