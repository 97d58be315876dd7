/* Any text in both forms: what is taken must be the very text that its octets encode to, and any
 * octets must come back. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_form(enum base64_form form, const uint8_t *data, size_t size)
{
	char *text = malloc(BASE64_TEXT_MAX(size));
	uint8_t *octets = malloc(BASE64_OCTETS_MAX(BASE64_TEXT_MAX(size)));
	size_t len, text_len;

	must(text && octets);
	if (base64_decode(form, (const char *)data, size, octets, BASE64_OCTETS_MAX(size), &len) ==
	    0) {
		text_len = base64_encode(form, octets, len, text);
		must(text_len == size && (size == 0 || memcmp(text, data, size) == 0));
	}
	text_len = base64_encode(form, data, size, text);
	must(text_len < BASE64_TEXT_MAX(size) && text[text_len] == '\0');
	must(base64_decode(form, text, text_len, octets, size, &len) == 0 && len == size);
	must(size == 0 || memcmp(octets, data, size) == 0);
	free(octets);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_form(BASE64_STD, data, size);
	check_form(BASE64_URL, data, size);
	return 0;
}
