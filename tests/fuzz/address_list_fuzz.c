/* address_list: octet 0 the flags, the rest a field's value. Items stand in the text, in order and
 * apart, and an address that was read is written and read as the same one. */
#include "lib/wire/smtp/address_list.h"
#include "lib/wire/utf8.h"

#include <stdint.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

static void check_address(const struct mailaddr *a)
{
	char text[MAILADDR_TEXT_MAX + 1];
	struct address_list l;
	struct address_item item;

	MUST(utf8_is_printable(a->local, strlen(a->local), a->is_utf8));
	MUST(utf8_is_printable(a->domain, strlen(a->domain), a->is_utf8) && a->domain[0]);
	mailaddr_format(a, text);
	address_list_init(&l, text, strlen(text), 0);
	MUST(address_list_next(&l, &item) && item.kind == ADDRESS_MAILBOX);
	MUST(memcmp(&item.address, a, sizeof *a) == 0);
	MUST(!address_list_next(&l, &item));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address_list l;
	struct address_item item;

	if (size == 0)
		return 0;
	const char *at = (const char *)data + 1, *end = (const char *)data + size;
	address_list_init(&l, at, size - 1, data[0]);
	while (address_list_next(&l, &item)) {
		MUST(item.text >= at && item.text_len > 0 && item.text + item.text_len <= end);
		MUST(item.name >= item.text && item.name_len <= item.text_len);
		at = item.text + item.text_len;
		if (item.kind == ADDRESS_MAILBOX)
			check_address(&item.address);
		else
			MUST(mailaddr_is_null(&item.address));
	}
	MUST(l.at == l.end);
	return 0;
}
