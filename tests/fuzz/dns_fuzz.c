/* dns: the first octet is the type that was asked for, of the name example.org; the rest is the
 * answer. What comes out are names as dns_name keeps them, and strings that fit into their record.
 */
#include "lib/err.h"
#include "lib/wire/dns/message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

struct heard {
	uint16_t type;
	size_t count;
};

static void on_record(void *arg, const struct dns_record *r)
{
	struct heard *h = arg;
	char name[DNS_NAME_MAX];

	h->count++;
	if (h->type == DNS_RECORD_TXT) {
		size_t n = dns_strings_join(r->data, r->length, NULL);
		char *text = malloc(n + 1);
		MUST(n < r->length && dns_strings_join(r->data, r->length, text) == n);
		free(text);
	} else if (h->type == DNS_RECORD_MX || h->type == DNS_RECORD_PTR) {
		MUST(dns_name(r->name, name) == 0 && strcmp(name, r->name) == 0);
	} else {
		MUST(r->length == (h->type == DNS_RECORD_A ? 4 : 16));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {DNS_RECORD_A, DNS_RECORD_AAAA, DNS_RECORD_MX,
					 DNS_RECORD_TXT, DNS_RECORD_PTR};
	struct dns_message m;

	if (size == 0)
		return 0;
	struct heard h = {.type = types[data[0] % (sizeof types / sizeof *types)]};
	if (dns_message_read(data + 1, size - 1, "example.org", h.type, on_record, &h, &m) == 0)
		MUST(m.count == h.count && m.count <= DNS_ANSWERS_MAX);
	return 0;
}
