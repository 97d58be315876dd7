#include "lib/wire/smtp/header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"

#define ROOM_FIRST 512

/* Where the next octet stands. */
enum at {
	AT_LINE, /* at the beginning of a line */
	IN_LINE,
	AFTER_CR,
	AT_LINE_CUT, /* the same three in a field that has been told of already */
	IN_LINE_CUT,
	AFTER_CR_CUT
};

static bool is_cut(const struct header *h)
{
	return h->at >= AT_LINE_CUT;
}

static bool is_line_start(const struct header *h)
{
	return h->at == AT_LINE || h->at == AT_LINE_CUT;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

void header_init(struct header *h, const struct header_limits *limits,
		 const struct header_sink *sink, void *arg)
{
	*h = (struct header){.limits = *limits, .sink = sink, .arg = arg};
}

void header_fini(struct header *h)
{
	free(h->raw);
	free(h->value);
	h->raw = h->value = NULL;
	h->len = h->room = 0;
}

/* ---- telling ---- */

/* Octets of the name that raw begins with; 0 if this is no field. */
static size_t name_of(const char *raw, size_t n)
{
	const char *colon = memchr(raw, ':', n);
	size_t len = colon ? (size_t)(colon - raw) : 0;

	while (len > 0 && is_blank(raw[len - 1]))
		len--;
	for (size_t i = 0; i < len; i++)
		if (raw[i] <= ' ' || raw[i] > '~')
			return 0;
	return len;
}

/* raw[from..n) without its line ends and the blanks around it, into value. */
static size_t unfold(const char *raw, size_t from, size_t n, char *value, const char **begin)
{
	const char *at = raw + from, *end = raw + n;
	size_t len = 0, skip = 0;

	while (at < end) {
		const char *cr = memchr(at, '\r', (size_t)(end - at));
		bool is_crlf = cr && cr + 1 < end && cr[1] == '\n';
		const char *stop = cr ? cr + !is_crlf : end;
		memcpy(value + len, at, (size_t)(stop - at));
		len += (size_t)(stop - at);
		at = stop + (is_crlf ? 2 : 0);
	}
	while (len > 0 && is_blank(value[len - 1]))
		len--;
	while (skip < len && is_blank(value[skip]))
		skip++;
	*begin = value + skip;
	return len - skip;
}

static void tell(struct header *h, bool has_more)
{
	struct header_field f = {.raw = h->raw, .raw_len = h->len, .is_cut = has_more};
	size_t from = 0;

	f.name = f.raw;
	f.name_len = name_of(h->raw, h->len);
	if (f.name_len > 0)
		from = (size_t)((const char *)memchr(h->raw, ':', h->len) - h->raw) + 1;
	f.value_len = unfold(h->raw, from, h->len, h->value, &f.value);
	h->fields++;
	h->len = 0;
	h->sink->field(h->arg, &f);
}

static void end(struct header *h, enum header_end how)
{
	h->has_ended = true;
	h->sink->end(h->arg, how);
}

/* What is held is not whole and never will be. */
static void give_up(struct header *h)
{
	if (h->len > 0)
		tell(h, true);
	end(h, HEADER_OVER);
}

/* ---- holding ---- */

static int make_room(struct header *h, size_t wanted)
{
	size_t room = h->room ? h->room : ROOM_FIRST;

	if (wanted <= h->room)
		return 0;
	while (room < wanted)
		room *= 2;
	char *raw = realloc(h->raw, room);
	if (raw)
		h->raw = raw;
	char *value = raw ? realloc(h->value, room) : NULL;
	if (!value)
		return E_NOMEM;
	h->value = value;
	h->room = room;
	return 0;
}

/* Octets of one field: held up to the limit, then told of, then passed on. */
static int hold(struct header *h, const char *in, size_t n)
{
	size_t fits = 0;

	if (!is_cut(h)) {
		size_t left = h->limits.field_max - h->len;
		fits = n < left ? n : left;
		if (make_room(h, h->len + fits) != 0)
			return E_NOMEM;
		if (fits > 0)
			memcpy(h->raw + h->len, in, fits);
		h->len += fits;
		if (fits < n) {
			tell(h, true);
			h->at += AT_LINE_CUT;
		}
	}
	if (fits < n && h->sink->more)
		h->sink->more(h->arg, in + fits, n - fits);
	return 0;
}

/* ---- lines ---- */

static void move_to(struct header *h, enum at at)
{
	h->at = is_cut(h) ? (int)at + AT_LINE_CUT : (int)at;
}

/* A line begins with `first`. Is it of this header? If it continues no field, the one before is
 * whole. A CR may be the first half of the empty line, which is no field and counts as none. */
static bool begin_line(struct header *h, char first)
{
	bool is_held = h->len > 0 || is_cut(h);

	if (is_blank(first) && is_held)
		return true;
	if (h->len > 0)
		tell(h, false);
	h->at = AT_LINE;
	if (h->fields + (first != '\r') > h->limits.fields_max) {
		end(h, HEADER_OVER);
		return false;
	}
	return true;
}

/* Takes a run within one line, its LF included if it is there. */
static int take_run(struct header *h, const char *in, size_t n)
{
	bool is_after_cr = h->at == AFTER_CR || h->at == AFTER_CR_CUT;
	bool has_lf = in[n - 1] == '\n';
	bool is_crlf = has_lf && (n > 1 ? in[n - 2] == '\r' : is_after_cr);

	if (is_crlf && !is_cut(h) && h->len + n == 2) {
		h->len = 0;
		end(h, HEADER_EMPTY_LINE);
		return 0;
	}
	int err = hold(h, in, n);
	move_to(h, is_crlf ? AT_LINE : in[n - 1] == '\r' ? AFTER_CR : IN_LINE);
	return err;
}

int header_feed(struct header *h, const uint8_t *in, size_t n, size_t *used)
{
	size_t at = 0;
	int err = 0;

	while (at < n && !h->has_ended && !err) {
		if (is_line_start(h) && !begin_line(h, (char)in[at]))
			break;
		size_t left = h->limits.octets_max - h->octets;
		size_t run = n - at;
		const uint8_t *lf = memchr(in + at, '\n', run);
		if (lf)
			run = (size_t)(lf - in) + 1 - at;
		if (run > left)
			run = left;
		if (run == 0) {
			give_up(h);
			break;
		}
		err = take_run(h, (const char *)in + at, run);
		h->octets += run;
		at += run;
	}
	h->has_ended |= err != 0;
	*used = at;
	return err;
}

int header_finish(struct header *h)
{
	if (h->has_ended)
		return 0;
	if (h->len > 0)
		tell(h, false);
	end(h, HEADER_NO_BODY);
	return 0;
}

bool header_is(const struct header_field *field, const char *name)
{
	return strlen(name) == field->name_len &&
	       strncasecmp(field->name, name, field->name_len) == 0;
}
