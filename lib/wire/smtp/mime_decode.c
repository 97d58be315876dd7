#include "lib/wire/smtp/mime_decode.h"

#include <string.h>

#define RUN 1024

struct run {
	uint8_t octets[RUN];
	size_t n;
	smtp_sink sink;
	void *arg;
};

static void flush(struct run *run)
{
	if (run->n > 0)
		run->sink(run->arg, run->octets, run->n);
	run->n = 0;
}

static void give(struct run *run, uint8_t octet)
{
	run->octets[run->n++] = octet;
	if (run->n == RUN)
		flush(run);
}

void mime_decode_init(struct mime_decode *d, enum mime_encoding encoding)
{
	*d = (struct mime_decode){.encoding = encoding};
}

/* ---- base64 ---- */

static int value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* An octet is given out as soon as it is whole. */
static void feed_base64(struct mime_decode *d, const uint8_t *in, size_t n, struct run *run)
{
	for (size_t i = 0; i < n; i++) {
		int value = value_of(in[i]);
		if (in[i] == '=')
			d->count = 0;
		if (value < 0)
			continue;
		d->bits = d->bits << 6 | (uint32_t)value;
		d->count = (d->count + 1) % 4;
		if (d->count != 1)
			give(run, (uint8_t)(d->bits >> (2 * ((4 - d->count) % 4))));
	}
}

/* ---- quoted-printable ---- */

static int digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What is held is an escape, the end of a line that goes on, or neither: then it is itself, but for
 * a last `=`, which may begin the next one. */
static void judge_held(struct mime_decode *d, struct run *run)
{
	const uint8_t *h = d->held;
	bool is_end = h[1] == '\n' || (h[1] == '\r' && h[2] == '\n');
	bool is_escape = digit_of(h[1]) >= 0 && digit_of(h[2]) >= 0;
	bool keeps_last = !is_escape && !is_end && h[d->held_n - 1] == '=';

	if (is_escape)
		give(run, (uint8_t)(digit_of(h[1]) << 4 | digit_of(h[2])));
	else if (!is_end)
		for (size_t i = 0; i < d->held_n - keeps_last; i++)
			give(run, h[i]);
	memset(d->held, 0, sizeof d->held);
	d->held[0] = '=';
	d->held_n = keeps_last;
}

static bool may_go_on(const struct mime_decode *d)
{
	return d->held_n < 2 ||
	       (d->held_n == 2 && (digit_of(d->held[1]) >= 0 || d->held[1] == '\r'));
}

static void feed_quoted(struct mime_decode *d, const uint8_t *in, size_t n, struct run *run)
{
	for (size_t i = 0; i < n; i++) {
		if (d->held_n == 0 && in[i] != '=') {
			give(run, in[i]);
			continue;
		}
		if (d->held_n == 1 && (in[i] == ' ' || in[i] == '\t'))
			continue; /* blanks behind a line that goes on */
		d->held[d->held_n++] = in[i];
		if (!may_go_on(d))
			judge_held(d, run);
	}
}

void mime_decode_feed(struct mime_decode *d, const uint8_t *in, size_t n, smtp_sink sink, void *arg)
{
	struct run run = {.sink = sink, .arg = arg};

	if (d->encoding == MIME_PLAIN) {
		if (n > 0)
			sink(arg, in, n);
		return;
	}
	if (d->encoding == MIME_BASE64)
		feed_base64(d, in, n, &run);
	else
		feed_quoted(d, in, n, &run);
	flush(&run);
}
