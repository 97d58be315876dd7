/* Any octets as a push: what is decoded lies inside them, and if it can be written again, that is
 * read as the same. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/push/wsp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_inside(const uint8_t *data, size_t size, const void *at, size_t len)
{
	const uint8_t *octets = at;

	must(octets >= data && octets <= data + size && len <= (size_t)(data + size - octets));
}

static void must_be_same(const struct wsp_push *a, const struct wsp_push *b)
{
	must(a->tid == b->tid && a->content_type == b->content_type);
	must(a->application_id == b->application_id && a->header_count == b->header_count);
	for (size_t i = 0; i < a->header_count; i++) {
		must(strcmp(a->headers[i].name, b->headers[i].name) == 0);
		must(strcmp(a->headers[i].value, b->headers[i].value) == 0);
	}
	must(a->body_len == b->body_len && memcmp(a->body, b->body, a->body_len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *out = malloc(size + 16);
	struct wsp_push push, again;
	size_t len;

	must(out != NULL);
	if (wsp_push_decode(data, size, &push) == 0) {
		must(push.header_count <= WSP_HEADERS_MAX);
		for (size_t i = 0; i < push.header_count; i++) {
			must_be_inside(data, size, push.headers[i].name,
				       strlen(push.headers[i].name) + 1);
			must_be_inside(data, size, push.headers[i].value,
				       strlen(push.headers[i].value) + 1);
		}
		must_be_inside(data, size, push.body, push.body_len);
		if (wsp_push_encode(&push, out, size + 16, &len) == 0) {
			must(len <= size + 16 && wsp_push_decode(out, len, &again) == 0);
			must_be_same(&push, &again);
		}
	}
	free(out);
	return 0;
}
