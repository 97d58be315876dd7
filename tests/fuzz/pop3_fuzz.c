/* Any line: what is read lies inside it and keeps the promises of its verb. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/pop3.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_inside(const char *line, size_t size, const char *at, size_t len)
{
	if (!at) {
		must(len == 0);
		return;
	}
	must(at >= line && at <= line + size && len <= (size_t)(line + size - at));
	must(!memchr(at, '\0', len) && !memchr(at, '\r', len) && !memchr(at, '\n', len));
}

static void check_command(const struct pop3_command *c)
{
	bool is_numbered = c->verb == POP3_RETR || c->verb == POP3_DELE || c->verb == POP3_TOP;
	bool is_named = c->verb == POP3_USER || c->verb == POP3_PASS || c->verb == POP3_APOP;
	bool may_be_numbered = is_numbered || c->verb == POP3_LIST || c->verb == POP3_UIDL;

	must(c->verb != POP3_UNKNOWN);
	must(!is_numbered || c->msgno > 0);
	must(c->msgno == 0 || (may_be_numbered && c->has_arg));
	must(c->lines == 0 || c->verb == POP3_TOP);
	must(!is_named || c->text);
	must(!c->text || c->has_arg);
	must(!c->initial || (c->text && (c->verb == POP3_AUTH || c->verb == POP3_APOP)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct pop3_command c;

	if (pop3_command_parse(line, size, &c) == 0)
		check_command(&c);
	else
		must(!c.text && !c.initial && c.msgno == 0);
	must_be_inside(line, size, c.text, c.text_len);
	must_be_inside(line, size, c.initial, c.initial_len);
	must(pop3_verb_name(c.verb)[0] != '\0');
	return 0;
}
