/* smtp_reply: the input is read as lines of a reply; the whole of it is then written as a reply and
 * read back. */
#include "lib/wire/smtp/reply.h"
#include "lib/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

/* Line by line, LF or CRLF ended, until the reply is whole or refused. */
static int read_reply(struct smtp_reply *r, const char *at, const char *end)
{
	int err = E_AGAIN;

	smtp_reply_init(r);
	while (at < end && err == E_AGAIN) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *stop = lf ? lf : end;
		size_t len = (size_t)(stop - at);
		err = smtp_reply_line(r, at, len > 0 && stop[-1] == '\r' ? len - 1 : len);
		at = lf ? lf + 1 : end;
	}
	MUST(r->text_len == strlen(r->text) && r->text_len <= SMTP_REPLY_TEXT_MAX);
	MUST(strlen(r->enhanced) <= SMTP_ENHANCED_MAX && r->lines <= SMTP_REPLY_LINES_MAX);
	return err;
}

static void write_reply(const char *text)
{
	size_t size = strlen(text) * 16 + 64;
	char *buf = malloc(size);
	int n = smtp_reply_format(buf, size, 550, "5.7.1", text);
	struct smtp_reply *r = malloc(sizeof *r);

	MUST(n > 0 && strlen(buf) == (size_t)n);
	for (char *at = buf; *at; at = strchr(at, '\n') + 1)
		MUST(strchr(at, '\n') - at < SMTP_REPLY_LINE_MAX && strchr(at, '\n')[-1] == '\r');
	int err = read_reply(r, buf, buf + n);
	MUST(err == 0 || err == E_TOO_LARGE);
	MUST(r->code == 550 && strcmp(r->enhanced, "5.7.1") == 0);
	MUST(smtp_reply_format(buf, (size_t)n, 550, "5.7.1", text) == E_TOO_LARGE);
	free(r);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_reply *r = malloc(sizeof *r);
	char *text = strndup(size > 0 ? (const char *)data : "", size);

	if (read_reply(r, (const char *)data, (const char *)data + size) == 0) {
		MUST(r->code >= 200 && r->code <= 599 && r->lines > 0);
		const char *rest = smtp_reply_keyword(r, "SIZE");
		MUST(!rest || (rest > r->text && rest <= r->text + r->text_len));
	}
	write_reply(text);
	free(text);
	free(r);
	return 0;
}
