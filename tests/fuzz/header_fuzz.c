/* header: octets 0 to 3 the limits and the piece, the rest a message. However it is cut, the same
 * is told, nothing is told past the limits, and what a copier would write is the message. */
#include "lib/wire/smtp/header.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

struct told {
	const char *at; /* where in the message */
	const struct header_limits *limits;
	size_t fields;
	uint64_t hash; /* of what is told, pieces of `more` joined */
	unsigned ends;
	bool may_have_more;
};

static void mix(struct told *t, const char *octets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		t->hash = (t->hash ^ (uint8_t)octets[i]) * 0x100000001b3;
}

static void pass(struct told *t, const char *octets, size_t n)
{
	MUST(t->ends == 0 && n > 0 && memcmp(t->at, octets, n) == 0);
	t->at += n;
}

static void on_field(void *arg, const struct header_field *f)
{
	struct told *t = arg;

	pass(t, f->raw, f->raw_len);
	MUST(f->raw_len <= t->limits->field_max && ++t->fields <= t->limits->fields_max + 1);
	MUST(f->name_len < f->raw_len && f->value_len <= f->raw_len);
	for (size_t i = 0; i + 1 < f->value_len; i++)
		MUST(f->value[i] != '\r' || f->value[i + 1] != '\n' || f->is_cut);
	mix(t, f->name, f->name_len);
	mix(t, "=", 1);
	mix(t, f->value, f->value_len);
	mix(t, f->is_cut ? "+" : ".", 1);
	t->may_have_more = f->is_cut;
}

static void on_more(void *arg, const char *octets, size_t n)
{
	struct told *t = arg;

	MUST(t->may_have_more);
	pass(t, octets, n);
	mix(t, octets, n);
}

static void on_end(void *arg, enum header_end how)
{
	struct told *t = arg;

	MUST(t->ends++ == 0);
	mix(t, &"EN!"[how], 1);
	if (how == HEADER_EMPTY_LINE) {
		MUST(memcmp(t->at, "\r\n", 2) == 0);
		t->at += 2;
	}
}

static const struct header_sink sink = {on_field, on_more, on_end};

static uint64_t run(const uint8_t *text, size_t n, const struct header_limits *limits, size_t piece)
{
	struct told t = {.at = (const char *)text, .limits = limits};
	struct header h;
	size_t at = 0, used;

	header_init(&h, limits, &sink, &t);
	while (at < n && !h.has_ended) {
		size_t len = n - at < piece ? n - at : piece;
		MUST(header_feed(&h, text + at, len, &used) == 0);
		MUST(used == len || h.has_ended);
		at += used;
	}
	MUST(at <= limits->octets_max);
	MUST(header_finish(&h) == 0 && t.ends == 1);
	MUST(t.at == (const char *)text + at);
	header_fini(&h);
	return t.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	const struct header_limits limits = {
		.field_max = 2U + data[0],
		.octets_max = 8U * data[1],
		.fields_max = data[2],
	};
	uint64_t whole = run(data + 4, size - 4, &limits, SIZE_MAX);
	MUST(run(data + 4, size - 4, &limits, 1U + data[3] % 16) == whole);
	return 0;
}
