/* LMTP sessions from memory: any octets, cut anywhere, a store that answers anything. What must
 * hold whatever comes: replies are whole lines; nothing is accepted that bare line ends or NUL ever
 * touched; what is accepted is CRLF lines within the limits; each accepted recipient gets one
 * reply. The first octet seeds the cuts and the store's answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "pushsrv/lmtp_session.h"

static const struct lmtp_limits limits = {
	.hostname = "mx.test",
	.max_size = 3000,
	.max_line = 200,
	.max_command = 512,
	.max_recipients = 5,
	.max_errors = 10,
};

struct play {
	struct lmtp_session s;
	uint32_t chance;
	size_t replies;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t draw(struct play *p, uint32_t n)
{
	p->chance = p->chance * 1664525 + 1013904223;
	return (p->chance >> 16) % n;
}

static int draw_err(struct play *p)
{
	static const int errs[] = {0, 0, 0, 0, 0, E_NOT_FOUND, E_FULL, E_BUSY, E_IO, E_CLOSED};

	return errs[draw(p, sizeof errs / sizeof errs[0])];
}

static void hear(void *arg, const char *octets, size_t n)
{
	struct play *p = arg;

	must(n > 5 && n <= 512 && octets[n - 2] == '\r' && octets[n - 1] == '\n');
	must(octets[0] >= '2' && octets[0] <= '5');
	must(!memchr(octets, '\r', n - 2) && !memchr(octets, '\n', n - 2) && !memchr(octets, 0, n));
	p->replies++;
}

static void is_canonical(const uint8_t *octets, size_t n)
{
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		must(octets[i] != 0 && ++line <= limits.max_line + 2);
		must(octets[i] != '\r' || (i + 1 < n && octets[i + 1] == '\n'));
		must(octets[i] != '\n' || (i > 0 && octets[i - 1] == '\r'));
		if (octets[i] == '\n')
			line = 0;
	}
	must(n == 0 || octets[n - 1] == '\n');
}

static void accept_mail(struct play *p)
{
	const struct transaction *t = &p->s.tx;
	const struct transaction_trace trace = {.helo = p->s.client, .by = "mx.test"};
	size_t n, replies = p->replies, recipients = t->accepted;
	char prefix[TRANSACTION_PREFIX_MAX];
	int errs[8];

	must(t->subscriber_count > 0 && t->subscriber_count <= limits.max_recipients);
	must(t->fate == TRANSACTION_GOOD && t->size == t->held);
	must(t->size <= limits.max_size + 2 + (t->is_atomic ? RECEIVED_MAX : 0));
	is_canonical(t->octets, t->held);
	must(transaction_prefix(t, &trace, prefix, &n) == 0);
	is_canonical((const uint8_t *)prefix, 0);
	must(prefix[n - 1] == '\n' && strncmp(prefix, "Return-Path: <", 14) == 0);
	for (size_t i = 0; i < t->subscriber_count; i++)
		errs[i] = draw_err(p);
	lmtp_accepted(&p->s, draw_err(p), errs, t->subscriber_count);
	must(p->replies == replies + recipients);
}

/* Does what the session needs; false: it needs more input than `in` has. */
static int step(struct play *p, const char *in, size_t n, size_t *used)
{
	const char *lf;

	*used = 0;
	switch (p->s.need) {
	case LMTP_NEED_LINE:
		lf = memchr(in, '\n', n);
		if (!lf)
			return 0;
		*used = (size_t)(lf - in) + 1;
		if (*used > limits.max_command)
			lmtp_bad_line(&p->s, LMTP_LINE_TOO_LONG);
		else if (lf == in || lf[-1] != '\r')
			lmtp_bad_line(&p->s, LMTP_LINE_BARE_LF);
		else
			lmtp_line(&p->s, in, *used - 2);
		return 1;
	case LMTP_NEED_OCTETS:
		if (n == 0)
			return 0;
		*used = lmtp_octets(&p->s, (const uint8_t *)in, n);
		return 1;
	case LMTP_NEED_RECIPIENT:
		lmtp_recipient_checked(&p->s, draw_err(p), 1 + draw(p, 3));
		return 1;
	case LMTP_NEED_ACCEPT:
		accept_mail(p);
		return 1;
	case LMTP_NEED_PIECE: /* max_size is below a piece */
		abort();
	case LMTP_NEED_CLOSE:
	default:
		return 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct play p = {.chance = size ? data[0] : 0};
	size_t at = size ? 1 : 0, seen = at, used;

	lmtp_open(&p.s, &limits, "fuzz", hear, &p);
	while (p.s.need != LMTP_NEED_CLOSE) {
		if (step(&p, (const char *)data + at, seen - at, &used)) {
			at += used;
			continue;
		}
		if (seen == size)
			break;
		seen += 1 + draw(&p, 100);
		if (seen > size)
			seen = size;
	}
	lmtp_close(&p.s);
	return 0;
}
