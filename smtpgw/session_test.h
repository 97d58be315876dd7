/* session_test -- for the tests of sessions: a client that is an array of octets, a pushsrv that is
 * one too
 *
 * play_feed gives octets as a socket would, `step` at a time, and lets pushsrv answer when the
 * session waits for it, or when all input is used. Addresses tell pushsrv what to say: one, two,
 * three are taken, full and gone and busy are not.
 */
#ifndef HATO_SMTPGW_SESSION_TEST_H
#define HATO_SMTPGW_SESSION_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "smtpgw/session.h"

#define HELLO "EHLO c.test\r\n"
#define BEGIN "MAIL FROM:<a@b.test>\r\nRCPT TO:<one@ours.test>\r\n"
#define GONE  "RCPT TO:<gone@ours.test>\r\n"

#define COUNT(a)    (sizeof(a) / sizeof(a)[0])
#define STORED_MAX  (1024 * 1024)
#define PENDING_MAX 16

struct play {
	struct session s;
	struct session_limits limits;
	char said[65536];
	size_t said_n;
	struct mailaddr pending[PENDING_MAX]; /* put to pushsrv, not answered */
	size_t pending_n, pending_most, asked;
	char stored[STORED_MAX + 1]; /* what came of the mail in flight, or of the last one */
	size_t stored_n, pieces;
	bool is_whole, is_begun; /* the last piece has come */
	unsigned commits, abandons;
	struct session_answer verdict; /* after the content */
	bool is_down, loses_rcpt, loses_mail, is_mute;
	/* The inspection rules at once, or when nothing else is left to do. */
	bool rules_late, is_asked;
	struct session_ruling rcpt_ruling, content_ruling;
	char refused[MAILADDR_LOCAL_MAX + 1];   /* rcpt_ruling is about this one; "": all */
	char seen[STORED_MAX + 1], traced[200]; /* what was inspected; the fields for the top */
	size_t seen_n;
	unsigned begun, ruled;
	size_t behind; /* octets that the client has sent before it was time */
	bool is_closed;
};

static inline void play_hear(void *arg, const char *octets, size_t n)
{
	struct play *p = arg;

	assert_true(n > 2 && n <= 65535 - p->said_n && memcmp(octets + n - 2, "\r\n", 2) == 0);
	memcpy(p->said + p->said_n, octets, n);
	p->said_n += n;
	p->said[p->said_n] = '\0';
}

static inline bool play_is_ahead(void *arg)
{
	return ((struct play *)arg)->behind > 0;
}

static inline bool play_can_store(void *arg)
{
	return !((struct play *)arg)->is_down;
}

static inline void play_rcpt(void *arg, const struct mailaddr *to)
{
	struct play *p = arg;

	assert_true(p->pending_n < PENDING_MAX && !p->is_whole);
	if (p->is_down) { /* the answer comes at once */
		session_store_lost(&p->s);
		return;
	}
	if (!p->is_begun)
		p->stored_n = p->pieces = 0;
	p->is_begun = true;
	p->pending[p->pending_n++] = *to;
	p->asked++;
	if (p->pending_n > p->pending_most)
		p->pending_most = p->pending_n;
}

static inline void play_content(void *arg, const uint8_t *octets, size_t n, bool is_last)
{
	struct play *p = arg;

	assert_true(p->is_begun && p->pending_n == 0 && !p->is_whole);
	assert_true(p->s.tx.accepted > 0 && p->stored_n + n <= STORED_MAX);
	memcpy(p->stored + p->stored_n, octets, n);
	p->stored_n += n;
	p->stored[p->stored_n] = '\0';
	p->is_whole = is_last;
	p->pieces++;
}

static inline void play_abandon(void *arg)
{
	struct play *p = arg;

	p->abandons += p->is_begun;
	p->is_asked = false;
	p->is_begun = p->is_whole = false;
	p->pending_n = 0;
}

static inline void play_trace(void *arg, const char *fields, size_t n)
{
	struct play *p = arg;

	assert_true(n < sizeof p->traced && !p->is_whole);
	memcpy(p->traced, fields, n);
	p->traced[n] = '\0';
}

static inline void play_inspect(void *arg)
{
	struct play *p = arg;

	p->begun++;
	p->seen_n = 0;
	p->traced[0] = '\0';
}

static inline void play_inspect_octets(void *arg, const uint8_t *octets, size_t n)
{
	struct play *p = arg;

	assert_true(p->seen_n + n <= STORED_MAX && !p->is_asked);
	memcpy(p->seen + p->seen_n, octets, n);
	p->seen_n += n;
	p->seen[p->seen_n] = '\0';
}

static inline void play_rule(struct play *p)
{
	static const struct session_ruling go_on;
	bool is_meant = !p->refused[0] || strcmp(p->refused, p->s.asking.local) == 0;

	p->is_asked = false;
	p->ruled++;
	session_ruled(&p->s, p->s.state == SESSION_CONTENT ? &p->content_ruling
			     : is_meant                    ? &p->rcpt_ruling
							   : &go_on);
}

static inline void play_inspect_content(void *arg)
{
	struct play *p = arg;

	assert_false(p->is_asked);
	p->is_asked = true;
	if (!p->rules_late)
		play_rule(p);
}

static inline void play_inspect_rcpt(void *arg, const struct mailaddr *to)
{
	(void)to;
	play_inspect_content(arg);
}

static const struct session_ops play_ops = {
	.reply = play_hear,
	.is_ahead = play_is_ahead,
	.can_store = play_can_store,
	.rcpt = play_rcpt,
	.content = play_content,
	.trace = play_trace,
	.abandon = play_abandon,
	.inspect = play_inspect,
	.inspect_octets = play_inspect_octets,
	.inspect_rcpt = play_inspect_rcpt,
	.inspect_content = play_inspect_content,
};

static inline void play_open(struct play *p)
{
	static struct local_domains *domains;
	const char *bad;

	if (!domains)
		assert_int_equal(local_domains_new("ours.test, second.test", &domains, &bad), 0);
	memset(p, 0, sizeof *p);
	p->limits = (struct session_limits){
		.kind = &session_mx,
		.hostname = "mx.test",
		.domains = domains,
		.mail = {.max_size = 300000,
			 .max_line = 100,
			 .max_received = 3,
			 .hostname = "mx.test",
			 .max_field = 1000},
		.max_recipients = 3,
		.max_errors = 6,
		.max_refused = 8,
		.has_tls = true,
	};
	p->verdict = (struct session_answer){250, "2.0.0", "stored"};
	session_open(&p->s, &p->limits, "label", "192.0.2.7", &play_ops, p);
}

static inline void play_close(struct play *p)
{
	session_close(&p->s);
}

static inline void play_answer_rcpt(struct play *p)
{
	static const struct {
		const char *local;
		struct session_answer answer;
	} known[] = {
		{"one", {250, "2.1.5", "ok"}},
		{"two", {250, "2.1.5", "ok"}},
		{"three", {250, "2.1.5", "ok"}},
		{"postmaster", {250, "2.1.5", "ok"}},
		{"full", {452, "4.2.2", "the mailbox is full"}},
		{"busy", {451, "", "two\nlines"}},
	};
	struct session_answer answer = {550, "5.1.1", "nobody has this address"};

	for (size_t i = 0; i < COUNT(known); i++)
		if (strcmp(p->pending[0].local, known[i].local) == 0)
			answer = known[i].answer;
	memmove(p->pending, p->pending + 1, --p->pending_n * sizeof p->pending[0]);
	session_rcpt_answered(&p->s, &answer);
}

static inline void play_lose(struct play *p)
{
	p->is_begun = p->is_whole = false;
	p->pending_n = 0;
	session_store_lost(&p->s);
}

/* pushsrv does one thing; false: there is none to do. */
static inline bool play_store(struct play *p)
{
	if (p->s.need == SESSION_NEED_RULING && p->is_asked) {
		play_rule(p);
		return true;
	}
	if (p->is_mute)
		return false;
	if (p->pending_n > 0) {
		if (p->loses_rcpt)
			play_lose(p);
		else
			play_answer_rcpt(p);
	} else if (p->is_whole && p->loses_mail) {
		play_lose(p);
	} else if (p->is_whole) {
		p->is_begun = p->is_whole = false; /* over, as far as pushsrv is concerned */
		p->commits += p->verdict.code / 100 == 2;
		session_mail_answered(&p->s, &p->verdict);
	} else {
		return false;
	}
	return true;
}

/* Takes one line or some octets; false: there is not enough. `more`: the rest was sent already. */
static inline bool play_take(struct play *p, const char *in, size_t n, bool more, size_t *used)
{
	const char *lf = memchr(in, '\n', n);
	bool is_crlf = lf && lf > in && lf[-1] == '\r';

	*used = 0;
	if (p->s.need == SESSION_NEED_OCTETS && n > 0) {
		*used = session_octets(&p->s, (const uint8_t *)in, n);
		return true;
	}
	if (p->s.need != SESSION_NEED_LINE || !lf)
		return false;
	*used = (size_t)(lf - in) + 1;
	p->behind = more ? n - *used : 0;
	if (!session_line(&p->s, in, *used - 1 - is_crlf,
			  is_crlf ? SESSION_LINE_WHOLE : SESSION_LINE_BARE_LF))
		*used = 0;
	return true;
}

/* Returns how many octets were taken: all, unless the session closes or starts TLS. `all_at_once`:
 * the client has sent them all before the first answer. */
static inline size_t play_feed(struct play *p, const char *in, size_t n, size_t step,
			       bool all_at_once)
{
	size_t at = 0, seen = step < n ? step : n, used;

	while (p->s.need != SESSION_NEED_CLOSE && p->s.need != SESSION_NEED_TLS) {
		if (play_take(p, in + at, seen - at, all_at_once, &used))
			at += used;
		else if (p->s.need == SESSION_NEED_STORE || p->s.need == SESSION_NEED_RULING ||
			 at == n || seen == n) {
			if (!play_store(p))
				break;
		} else
			seen = seen + step < n ? seen + step : n;
	}
	return at;
}

static inline void play_say(struct play *p, const char *text)
{
	p->said_n = 0;
	p->said[0] = '\0';
	play_feed(p, text, strlen(text), SIZE_MAX / 2, false);
}

/* The codes of what was said, in order: "250 2.1.0" -> "250 ", without the lines of EHLO. */
static inline const char *play_codes(const struct play *p)
{
	static char text[4096];
	size_t n = 0;

	for (const char *line = p->said; *line; line = strchr(line, '\n') + 1)
		if (line[3] == ' ')
			n += (size_t)snprintf(text + n, sizeof text - n, "%.3s ", line);
	text[n] = '\0';
	return text;
}

/* What lies behind the Received field. */
static inline const char *play_content_of(const struct play *p)
{
	const char *at = strstr(p->stored, " +0000\r\n");

	assert_true(at &&
		    strncmp(p->stored, "Received: from c.test ([192.0.2.7])\r\n\tby mx.test with ",
			    53) == 0);
	return at + 8;
}

#endif
