#include "lib/wire/smtp/dkim_canon.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* ---- fields ---- */

struct relaxing {
	const struct dkim_sink *sink;
	bool is_value, has_value, has_blank;
	size_t held;
	char hold[256];
};

static void flush(struct relaxing *r)
{
	r->sink->put(r->sink->arg, r->hold, r->held);
	r->held = 0;
}

static void put(struct relaxing *r, char c)
{
	if (r->held == sizeof r->hold)
		flush(r);
	r->hold[r->held++] = c;
}

static void relax_name(struct relaxing *r, char c)
{
	if (is_blank(c))
		return;
	put(r, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
	r->is_value = c == ':';
}

static void relax_value(struct relaxing *r, char c)
{
	if (is_blank(c)) {
		r->has_blank = true;
		return;
	}
	if (r->has_blank && r->has_value)
		put(r, ' ');
	put(r, c);
	r->has_value = true;
	r->has_blank = false;
}

static void relax(struct relaxing *r, const char *raw, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (raw[i] == '\r' && i + 1 < n && raw[i + 1] == '\n')
			i++;
		else if (r->is_value)
			relax_value(r, raw[i]);
		else
			relax_name(r, raw[i]);
	}
}

/* Two pieces of one field, as if nothing had been between them. */
static void canon(enum dkim_form form, const char *raw, size_t n, const char *rest, size_t rest_n,
		  const struct dkim_sink *sink)
{
	struct relaxing r = {.sink = sink};

	if (form == DKIM_SIMPLE) {
		sink->put(sink->arg, raw, n);
		sink->put(sink->arg, rest, rest_n);
		return;
	}
	relax(&r, raw, n);
	relax(&r, rest, rest_n);
	flush(&r);
}

static size_t without_line_end(const char *raw, size_t n)
{
	return n >= 2 && memcmp(raw + n - 2, "\r\n", 2) == 0 ? n - 2 : n;
}

void dkim_canon_field(enum dkim_form form, const char *raw, size_t n, const struct dkim_sink *sink)
{
	canon(form, raw, without_line_end(raw, n), "", 0, sink);
	sink->put(sink->arg, "\r\n", 2);
}

void dkim_canon_signature(enum dkim_form form, const char *raw, size_t n,
			  const struct dkim_sink *sink)
{
	struct tag_list l;
	const struct tag *b = NULL;

	n = without_line_end(raw, n);
	const char *colon = memchr(raw, ':', n);
	size_t from = colon ? (size_t)(colon - raw) + 1 : n;
	if (tag_list_read(raw + from, n - from, &l) == 0)
		b = tag_list_find(&l, "b");
	size_t head = b ? (size_t)(b->after - raw) : n;
	size_t skip = b ? b->after_len : 0;
	canon(form, raw, head, raw + head + skip, n - head - skip, sink);
}

/* ---- bodies ---- */

void dkim_body_init(struct dkim_body *b, enum dkim_form form, const struct dkim_sink *sink)
{
	*b = (struct dkim_body){.sink = *sink, .form = form};
}

static void body_flush(struct dkim_body *b)
{
	b->sink.put(b->sink.arg, b->hold, b->held);
	b->held = 0;
}

static void body_put(struct dkim_body *b, const void *octets, size_t n)
{
	if (n > sizeof b->hold - b->held)
		body_flush(b);
	if (n > sizeof b->hold) {
		b->sink.put(b->sink.arg, octets, n);
		return;
	}
	memcpy(b->hold + b->held, octets, n);
	b->held += n;
}

static void body_text(struct dkim_body *b, const void *octets, size_t n)
{
	for (; b->lines > 0; b->lines--)
		body_put(b, "\r\n", 2);
	if (b->has_blank)
		body_put(b, " ", 1);
	b->has_blank = false;
	b->has_text = true;
	body_put(b, octets, n);
}

/* Octets that are what they are. */
static size_t plain_run(const struct dkim_body *b, const uint8_t *at, size_t n)
{
	size_t run = 0;

	if (b->form == DKIM_SIMPLE) {
		const uint8_t *cr = memchr(at, '\r', n);
		return cr ? (size_t)(cr - at) : n;
	}
	while (run < n && at[run] != '\r' && !is_blank((char)at[run]))
		run++;
	return run;
}

static void end_line(struct dkim_body *b)
{
	b->has_blank = false;
	b->lines++;
}

void dkim_body_feed(struct dkim_body *b, const uint8_t *octets, size_t n)
{
	size_t at = 0;

	while (at < n) {
		if (b->has_cr) {
			b->has_cr = false;
			if (octets[at] == '\n') {
				end_line(b);
				at++;
				continue;
			}
			body_text(b, "\r", 1);
		}
		size_t run = plain_run(b, octets + at, n - at);
		if (run > 0)
			body_text(b, octets + at, run);
		at += run;
		if (at == n)
			break;
		if (octets[at] == '\r')
			b->has_cr = true;
		else
			b->has_blank = true;
		at++;
	}
}

/* A body ends with one line end, even if it had none; an empty one is nothing when relaxed. */
void dkim_body_finish(struct dkim_body *b)
{
	if (b->has_cr)
		body_text(b, "\r", 1);
	if (b->has_text || b->form == DKIM_SIMPLE)
		body_put(b, "\r\n", 2);
	body_flush(b);
}
