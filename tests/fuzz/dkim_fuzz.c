/* Signed mails from memory. The octets up to the first NUL are the key's record of the first
 * signature, the rest is the mail, which comes in two pieces. What must hold: every signature has a
 * result, within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/dkim.h"
#include "lib/wire/smtp/dkim_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void on_field(void *arg, const struct header_field *f)
{
	dkim_field(arg, f);
}

static void on_end(void *arg, enum header_end how)
{
	(void)how;
	dkim_header_end(arg);
}

static void feed(struct dkim *d, struct header *h, const uint8_t *octets, size_t n)
{
	size_t used = 0;

	if (!h->has_ended)
		must(header_feed(h, octets, n, &used) == 0);
	if (used < n)
		dkim_body(d, octets + used, n - used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct header_sink sink = {.field = on_field, .end = on_end};
	static const struct header_limits all = {4096, SIZE_MAX, SIZE_MAX};
	static const struct dkim_limits limits = {DKIM_SIGNATURES_MAX, 16384};
	const uint8_t *nul = memchr(data, '\0', size);
	size_t key_len = nul ? (size_t)(nul - data) : 0;
	const uint8_t *mail = nul ? nul + 1 : data;
	size_t n = size - (size_t)(mail - data);
	const struct dkim_text text = {(const char *)data, key_len};
	char name[DNS_NAME_MAX];
	struct dkim_key key;
	struct header h;
	struct dkim *d;

	if (!dkim_key_read(text.octets, text.length, &key))
		must(key.octets_len <= DKIM_KEY_MAX);
	must(dkim_new(&limits, 1, &d) == 0);
	header_init(&h, &all, &sink, d);
	feed(d, &h, mail, n / 2);
	feed(d, &h, mail + n / 2, n - n / 2);
	if (!h.has_ended)
		must(header_finish(&h) == 0);
	header_fini(&h);
	must(dkim_count(d) <= DKIM_SIGNATURES_MAX);
	for (size_t i = 0; i < dkim_count(d); i++)
		if (dkim_ask(d, i, name) && i == 0)
			dkim_key(d, i, &text, 1);
	dkim_finish(d);
	for (size_t i = 0; i < dkim_count(d); i++) {
		struct dkim_result r = dkim_result(d, i);
		must(r.result != AUTHRES_UNCHECKED && r.result != AUTHRES_NONE);
		must(strlen(r.domain) < DNS_NAME_MAX && strlen(r.reason) < 80);
	}
	dkim_free(d);
	return 0;
}
