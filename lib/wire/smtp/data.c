#include "lib/wire/smtp/data.h"

#include <string.h>

static const char received_name[] = "received";
#define NAME_LEN  (sizeof received_name - 1)
#define NAME_OVER (NAME_LEN + 1) /* decided: no more to match in this line */

/* -- content -- */

static bool has_high_bit(const uint8_t *in, size_t n)
{
	uint64_t seen = 0, word[4];

	for (; n >= sizeof word; in += sizeof word, n -= sizeof word) {
		memcpy(word, in, sizeof word);
		seen |= word[0] | word[1] | word[2] | word[3];
	}
	for (; n > 0; in++, n--)
		seen |= *in;
	return seen & UINT64_C(0x8080808080808080);
}

static void match_received(struct smtp_content *c, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n && c->name_matched != NAME_OVER; i++) {
		uint8_t octet = in[i];
		bool is_blank = octet == ' ' || octet == '\t';
		if (c->name_matched < NAME_LEN) {
			bool is_next = (octet | 0x20) == received_name[c->name_matched];
			c->name_matched = is_next ? c->name_matched + 1 : NAME_OVER;
		} else if (!is_blank) {
			c->received += octet == ':';
			c->name_matched = NAME_OVER;
		}
	}
}

static void count_octets(struct smtp_content *c, size_t n)
{
	c->line_octets += n;
	if (c->line_octets > c->line_max)
		c->flags |= SMTP_CONTENT_LONG_LINE;
}

/* The CR that we waited to know about was not followed by LF. */
static void settle_bare_cr(struct smtp_content *c)
{
	c->is_after_cr = false;
	c->flags |= SMTP_CONTENT_BARE_CR;
	count_octets(c, 1);
}

/* Octets of one line, LF not among them. */
static void line_piece(struct smtp_content *c, const uint8_t *in, size_t n)
{
	if (n == 0)
		return;
	if (c->is_after_cr)
		settle_bare_cr(c);
	if (c->line_octets == 0 && in[0] == '.')
		c->flags |= SMTP_CONTENT_DOT_LINE;
	if (!(c->flags & SMTP_CONTENT_HEADER_END))
		match_received(c, in, n);
	if (in[n - 1] == '\r') {
		c->is_after_cr = true;
		n--;
	}
	if (!(c->flags & SMTP_CONTENT_BARE_CR) && memchr(in, '\r', n))
		c->flags |= SMTP_CONTENT_BARE_CR;
	count_octets(c, n);
}

static void line_ends(struct smtp_content *c)
{
	if (c->line_octets == 0)
		c->flags |= SMTP_CONTENT_HEADER_END;
	if (c->line_octets > c->line_longest)
		c->line_longest = c->line_octets;
	c->line_octets = 0;
	c->name_matched = 0;
	c->is_after_cr = false;
}

static void line_feed(struct smtp_content *c)
{
	if (c->is_after_cr) {
		line_ends(c);
		return;
	}
	c->flags |= SMTP_CONTENT_BARE_LF;
	c->name_matched = NAME_OVER;
	count_octets(c, 1);
}

void smtp_content_init(struct smtp_content *c, uint64_t line_max)
{
	*c = (struct smtp_content){.line_max = line_max};
}

void smtp_content_feed(struct smtp_content *c, const uint8_t *in, size_t n)
{
	const uint8_t *at = in, *end = in + n;

	if (n == 0)
		return;
	if (!(c->flags & SMTP_CONTENT_NUL) && memchr(in, '\0', n))
		c->flags |= SMTP_CONTENT_NUL;
	if (!(c->flags & SMTP_CONTENT_8BIT) && has_high_bit(in, n))
		c->flags |= SMTP_CONTENT_8BIT;
	while (at < end) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
		line_piece(c, at, (size_t)((lf ? lf : end) - at));
		if (!lf)
			break;
		line_feed(c);
		at = lf + 1;
	}
	c->octets += n;
}

size_t smtp_content_finish(struct smtp_content *c)
{
	if (c->is_after_cr)
		settle_bare_cr(c);
	if (c->line_octets == 0)
		return 0;
	line_ends(c);
	c->flags |= SMTP_CONTENT_CUT;
	c->octets += 2;
	return 2;
}

/* -- runs between dots that begin a line, for both directions -- */

enum state {
	LINE_START, /* the beginning, or CRLF was last */
	IN_LINE,
	AFTER_CR,
	DOT,    /* LINE_START, then '.' that is withheld */
	DOT_CR, /* and CR, withheld too */
	ENDED
};

/* Octets up to a dot that begins a line, or to the end of the input. */
static size_t run_len(const uint8_t *in, size_t n, int *state)
{
	const uint8_t *at = in, *end = in + n, *lf;

	while ((lf = memchr(at, '\n', (size_t)(end - at)))) {
		bool is_crlf = lf > in ? lf[-1] == '\r' : *state == AFTER_CR;
		at = lf + 1;
		if (is_crlf && (at == end || *at == '.')) {
			*state = LINE_START;
			return (size_t)(at - in);
		}
	}
	*state = end[-1] == '\r' ? AFTER_CR : IN_LINE;
	return n;
}

static void put(struct smtp_data *d, const void *run, size_t n, smtp_sink sink, void *arg)
{
	smtp_content_feed(&d->content, run, n);
	if (sink)
		sink(arg, run, n);
}

void smtp_data_init(struct smtp_data *d, uint64_t line_max)
{
	smtp_content_init(&d->content, line_max);
	d->state = LINE_START;
}

/* Withholds an octet that may be part of the end; false if `octet` is content. */
static bool withhold(struct smtp_data *d, uint8_t octet, smtp_sink sink, void *arg)
{
	switch (d->state) {
	case LINE_START:
		if (octet != '.')
			return false;
		d->state = DOT;
		return true;
	case DOT:
		d->state = octet == '\r' ? DOT_CR : IN_LINE;
		return octet == '\r';
	case DOT_CR:
		if (octet == '\n') {
			d->state = ENDED;
			return true;
		}
		put(d, "\r", 1, sink, arg);
		d->state = IN_LINE;
		return false;
	default:
		return false;
	}
}

int smtp_data_feed(struct smtp_data *d, const uint8_t *in, size_t n, size_t *used, smtp_sink sink,
		   void *arg)
{
	size_t at = 0;

	while (at < n && d->state != ENDED) {
		if (withhold(d, in[at], sink, arg)) {
			at++;
			continue;
		}
		size_t run = run_len(in + at, n - at, &d->state);
		put(d, in + at, run, sink, arg);
		at += run;
	}
	*used = at;
	return d->state == ENDED;
}

void dot_stuff_feed(struct dot_stuff *s, const uint8_t *in, size_t n, smtp_sink sink, void *arg)
{
	while (n > 0) {
		if (s->state == LINE_START && *in == '.')
			sink(arg, (const uint8_t *)".", 1);
		size_t run = run_len(in, n, &s->state);
		sink(arg, in, run);
		in += run;
		n -= run;
	}
}

void dot_stuff_end(struct dot_stuff *s, smtp_sink sink, void *arg)
{
	static const uint8_t end[] = "\r\n.\r\n";
	size_t skip = s->state == LINE_START ? 2 : 0;

	sink(arg, end + skip, sizeof end - 1 - skip);
	s->state = ENDED;
}
