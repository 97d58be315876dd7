/* mime, and the search for URLs in it: octet 0 the limits, 1 the piece, the rest a message. However
 * it is cut, the same is told, and no more than the limits let. */
#include "lib/wire/smtp/mime.h"
#include "lib/wire/smtp/url_search.h"

#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

struct told {
	uint64_t hash;
	size_t parts, octets;
	struct url_search search;
	bool has_url;
};

static void mix(struct told *t, const void *octets, size_t n)
{
	const uint8_t *at = octets;

	for (size_t i = 0; i < n; i++)
		t->hash = (t->hash ^ at[i]) * 0x100000001b3;
}

static bool on_part(void *arg, const struct mime_type *type)
{
	struct told *t = arg;

	MUST(strchr(type->type, '/') && strlen(type->boundary) <= MIME_BOUNDARY_MAX);
	t->parts++;
	mix(t, type->type, strlen(type->type) + 1);
	mix(t, type->charset, strlen(type->charset) + 1);
	url_search_begin(&t->search, strcmp(type->type, "text/html") == 0, type->charset);
	return strncmp(type->type, "text/", 5) == 0;
}

static void on_octets(void *arg, const uint8_t *octets, size_t n)
{
	struct told *t = arg;

	MUST(n > 0);
	t->octets += n;
	mix(t, octets, n);
	url_search_feed(&t->search, octets, n);
	t->has_url |= t->search.is_found;
}

static const struct mime_sink sink = {on_part, on_octets};

static uint64_t run(const uint8_t *text, size_t n, const struct mime_limits *limits, size_t piece)
{
	struct told t = {.hash = 1};
	struct mime m;

	mime_init(&m, limits, &sink, &t);
	for (size_t at = 0, len; at < n; at += len) {
		len = n - at < piece ? n - at : piece;
		MUST(mime_feed(&m, text + at, len) == 0);
		MUST(m.level_count <= limits->depth && m.depth <= limits->depth);
	}
	MUST(mime_finish(&m) == 0);
	MUST(t.parts <= limits->parts && t.octets <= n);
	mix(&t, m.is_over ? "+" : "-", 1);
	mix(&t, t.has_url ? "u" : "n", 1);
	mime_fini(&m);
	return t.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct mime_limits limits = {
		.depth = data[0] % 8U,
		.parts = 1U + data[0] / 8U,
		.field_max = 64U + data[0],
	};
	uint64_t whole = run(data + 2, size - 2, &limits, SIZE_MAX);
	MUST(run(data + 2, size - 2, &limits, 1U + data[1] % 16) == whole);
	return 0;
}
