/* smtp_data: octet 0 how the rest is cut, the rest what follows DATA. Cutting changes nothing; the
 * content, stuffed again, is read back as it was. */
#include "lib/wire/smtp/data.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())
#define LINE_MAX_OCTETS 20

struct buffer {
	uint8_t *bytes;
	size_t len, size;
};

static void append(void *arg, const uint8_t *run, size_t n)
{
	struct buffer *b = arg;

	MUST(n > 0 && b->len + n <= b->size);
	memcpy(b->bytes + b->len, run, n);
	b->len += n;
}

static struct buffer buffer(size_t size)
{
	return (struct buffer){.bytes = malloc(size + 1), .size = size};
}

/* Pieces of 1 to 8 octets that depend on the seed; one piece if it is 0. */
static size_t next_piece(unsigned *seed, size_t left)
{
	if (*seed == 0)
		return left;
	*seed = *seed * 1103515245U + 12345U;
	size_t n = 1 + (*seed >> 16) % 8;
	*seed |= 1;
	return n < left ? n : left;
}

static size_t read_data(struct smtp_data *d, const uint8_t *in, size_t n, unsigned seed,
			struct buffer *out)
{
	size_t at = 0, used;
	int ended = 0;

	smtp_data_init(d, LINE_MAX_OCTETS);
	while (at < n && !ended) {
		size_t piece = next_piece(&seed, n - at);
		ended = smtp_data_feed(d, in + at, piece, &used, append, out);
		MUST(ended ? used <= piece : used == piece);
		at += used;
	}
	return ended ? at : 0;
}

static void check_content(const struct buffer *b, const struct smtp_content *seen, unsigned seed)
{
	struct smtp_content c;

	smtp_content_init(&c, LINE_MAX_OCTETS);
	for (size_t at = 0; at < b->len;) {
		size_t piece = next_piece(&seed, b->len - at);
		smtp_content_feed(&c, b->bytes + at, piece);
		at += piece;
	}
	MUST(smtp_content_finish(&c) == 0);
	MUST(memcmp(&c.flags, &seen->flags, sizeof c.flags) == 0 && c.received == seen->received);
	MUST(c.octets == seen->octets && c.line_longest == seen->line_longest);
}

static void check_round_trip(const struct buffer *content, unsigned seed)
{
	struct buffer wire = buffer(content->len * 2 + 5), back = buffer(content->len + 2);
	struct dot_stuff s = {0};
	struct smtp_data d;

	for (size_t at = 0; at < content->len;) {
		size_t piece = next_piece(&seed, content->len - at);
		dot_stuff_feed(&s, content->bytes + at, piece, append, &wire);
		at += piece;
	}
	dot_stuff_end(&s, append, &wire);
	MUST(read_data(&d, wire.bytes, wire.len, seed, &back) == wire.len);
	MUST(back.len == content->len && memcmp(back.bytes, content->bytes, back.len) == 0);
	MUST((wire.len > content->len + 3) == !!(d.content.flags & SMTP_CONTENT_DOT_LINE));
	free(wire.bytes);
	free(back.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const uint8_t *in = data + 1;
	size_t n = size - 1;
	struct buffer whole = buffer(n), cut = buffer(n);
	struct smtp_data a, b;
	size_t used = read_data(&a, in, n, 0, &whole);

	MUST(read_data(&b, in, n, data[0], &cut) == used);
	MUST(whole.len == cut.len && memcmp(whole.bytes, cut.bytes, cut.len) == 0);
	MUST(a.content.octets == whole.len && a.content.flags == b.content.flags);
	MUST(a.content.line_longest == b.content.line_longest);
	if (used) {
		const uint8_t *end = memmem(in, n, "\r\n.\r\n", 5);
		size_t want = n >= 3 && memcmp(in, ".\r\n", 3) == 0 ? 3 : (size_t)(end - in) + 5;
		MUST(used == want);
		check_content(&whole, &a.content, data[0]);
		check_round_trip(&whole, data[0]);
	}
	free(whole.bytes);
	free(cut.bytes);
	return 0;
}
