/* smtp_command: octet 0 the dialect, the rest a line. Texts are clean and within the line, a
 * refused line has an answer, xtext survives the way back. */
#include "lib/wire/smtp/command.h"
#include "lib/wire/utf8.h"
#include "lib/wire/smtp/xtext.h"

#include <stdint.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

static void check_clean(const char *text)
{
	char encoded[3 * SMTP_ORCPT_MAX + 1], decoded[sizeof encoded];

	MUST(utf8_is_printable(text, strlen(text), true));
	MUST(xtext_encode(text, encoded, sizeof encoded) == 0);
	MUST(xtext_decode(encoded, strlen(encoded), true, decoded) == 0);
	MUST(strcmp(text, decoded) == 0);
}

static void check_within(const char *part, size_t part_len, const char *line, size_t len)
{
	MUST(!part || (part >= line && part + part_len <= line + len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_command c;

	if (size == 0)
		return 0;
	struct smtp_dialect dialect = {.is_lmtp = data[0] & 1,
				       .is_utf8 = data[0] & 2,
				       .params = data[0] & 4 ? ~0U : (unsigned)data[0] >> 3};
	const char *line = (const char *)data + 1;
	int err = smtp_command_parse(line, size - 1, &dialect, &c);
	MUST((err != 0) == (c.fault != SMTP_FAULT_NONE));
	MUST((c.verb == SMTP_UNKNOWN) == (c.fault == SMTP_FAULT_VERB));
	MUST((c.params & ~dialect.params) == 0);
	check_within(c.argument, c.argument_len, line, size - 1);
	check_within(c.parameter, c.parameter_len, line, size - 1);
	smtp_verb_name(c.verb);
	if (err) {
		struct smtp_refusal answer = smtp_command_refusal(&c);
		MUST(answer.code >= 500 && answer.code <= 555 && answer.enhanced && answer.text);
		return 0;
	}
	MUST(!c.parameter);
	check_clean(c.domain);
	check_clean(c.mechanism);
	check_clean(c.envid);
	check_clean(c.orcpt);
	check_clean(c.path.local);
	check_clean(c.path.domain);
	check_clean(c.auth.local);
	check_clean(c.auth.domain);
	return 0;
}
