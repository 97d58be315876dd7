/* Any octets as a PROXY header: it never reaches beyond what is there, a prefix of a good header
 * asks for more, what follows it changes nothing, and what it says can be written as a line again.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_same(const struct proxy_header *a, const struct proxy_header *b)
{
	return addr_equal(&a->source, &b->source) && addr_equal(&a->destination, &b->destination) &&
	       a->source_port == b->source_port && a->destination_port == b->destination_port;
}

static void write_again(const struct proxy_header *h)
{
	char source[ADDR_TEXT_MAX], destination[ADDR_TEXT_MAX], line[PROXY_V1_MAX + 1];
	struct proxy_header again;

	if (addr_is_v4(&h->source) != addr_is_v4(&h->destination))
		return; /* mapped on one side only: a line cannot say it */
	int n = snprintf(line, sizeof line, "PROXY %s %s %s %u %u\r\n",
			 addr_is_v4(&h->source) ? "TCP4" : "TCP6", addr_format(&h->source, source),
			 addr_format(&h->destination, destination), h->source_port,
			 h->destination_port);
	must(n > 0 && n <= PROXY_V1_MAX);
	must(proxy_parse((const uint8_t *)line, (size_t)n, &again) == 0);
	must(again.length == (size_t)n && !again.is_nameless && is_same(h, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header h, shorter;
	int rc = proxy_parse(data, size, &h);

	if (rc == E_AGAIN)
		must(size < PROXY_MAX);
	if (rc)
		return 0;
	must(h.length <= size && h.length <= PROXY_MAX && (h.version == 1 || h.version == 2));
	must(h.version == 2 || h.length <= PROXY_V1_MAX);
	for (size_t n = 0; n < h.length; n++)
		must(proxy_parse(data, n, &shorter) == E_AGAIN);
	must(proxy_parse(data, h.length, &shorter) == 0 && shorter.length == h.length);
	if (!h.is_nameless)
		write_again(&h);
	return 0;
}
