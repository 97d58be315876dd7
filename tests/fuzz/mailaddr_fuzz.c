/* mailaddr: octet 0 the flags, the rest an address or a path. What was accepted holds no control
 * character, is within its limits, and its written form is read back as the same address. */
#include "lib/wire/mailaddr.h"
#include "lib/wire/utf8.h"

#include <stdint.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

static void check(const struct mailaddr *a)
{
	char text[MAILADDR_TEXT_MAX + 1], path[MAILADDR_TEXT_MAX + 3];
	struct mailaddr again;

	MUST(strlen(a->local) <= MAILADDR_LOCAL_MAX && strlen(a->domain) <= MAILADDR_DOMAIN_MAX);
	MUST(utf8_is_printable(a->local, strlen(a->local), a->is_utf8));
	MUST(utf8_is_printable(a->domain, strlen(a->domain), a->is_utf8));
	mailaddr_folded(a, text);
	mailaddr_canonical(a, text);
	if (mailaddr_is_carrier(a)) {
		MUST(mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &again) == 0);
		MUST(memcmp(a, &again, sizeof again) == 0);
	}
	mailaddr_format(a, text);
	if (a->domain[0] == '\0') {
		MUST(mailaddr_is_null(a) || strcmp(text, "postmaster") == 0);
		return;
	}
	MUST(mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &again) == 0);
	MUST(memcmp(a, &again, sizeof again) == 0);
	path[0] = '<';
	strcpy(stpcpy(path + 1, text), ">");
	size_t used, len = strlen(path);
	if (len <= MAILADDR_PATH_MAX) {
		MUST(mailaddr_parse_path(path, len, MAILADDR_UTF8, &again, &used) == 0);
		MUST(used == len && memcmp(a, &again, sizeof again) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mailaddr a;
	size_t used;

	if (size == 0)
		return 0;
	unsigned flags = data[0];
	const char *text = (const char *)data + 1;
	if (mailaddr_parse_path(text, size - 1, flags, &a, &used) == 0) {
		MUST(used >= 2 && used < size && used <= MAILADDR_PATH_MAX);
		MUST(flags & MAILADDR_UTF8 || !a.is_utf8);
		check(&a);
	}
	if (mailaddr_parse(text, size - 1, flags, &a) == 0) {
		MUST(a.domain[0]);
		check(&a);
	}
	return 0;
}
