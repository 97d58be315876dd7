/* SMTP sessions from memory: any octets, cut anywhere, before a pushsrv that answers anything at
 * any time, or goes away. What must hold whatever comes: replies are whole lines; pushsrv is asked
 * about our own domains only and within the limits; what it is given to commit is CRLF lines behind
 * one Received field, for a recipient that it accepted; nothing is said to be stored that it has
 * not committed. The first octet seeds the cuts and the answers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtpgw/session.h"

#define HELD_MAX 20000

struct play {
	struct session s;
	uint32_t chance;
	size_t asked, answered, accepted; /* recipients of the mail in flight */
	bool is_begun, is_whole;
	bool is_inspected, is_ruling, is_traced; /* of the mail in flight */
	uint8_t held[HELD_MAX];
	size_t held_n, behind, stored, commits;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct session_limits limits = {
	.kind = &session_mx,
	.hostname = "mx.test",
	.mail = {.max_size = 3000,
		 .max_line = 200,
		 .max_received = 3,
		 .hostname = "mx.test",
		 .max_field = 300},
	.max_recipients = 4,
	.max_errors = 10,
	.max_refused = 8,
	.has_tls = true,
};

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

static void hear(void *arg, const char *octets, size_t n)
{
	struct play *p = arg;

	must(n > 5 && octets[n - 2] == '\r' && octets[n - 1] == '\n');
	must(octets[0] >= '2' && octets[0] <= '5' && !memchr(octets, 0, n));
	for (size_t i = 0; i < n; i++)
		must((octets[i] == '\r') == (i + 1 < n && octets[i + 1] == '\n'));
	p->stored += n > 20 && memcmp(octets, "250 2.0.0 stored as ", 20) == 0;
}

static bool is_ahead(void *arg)
{
	return ((struct play *)arg)->behind > 0;
}

static bool can_store(void *arg)
{
	return draw(arg, 8) > 0;
}

static void ask_rcpt(void *arg, const struct mailaddr *to)
{
	struct play *p = arg;

	must(local_domains_has(limits.domains, to->domain) && to->local[0] && !p->is_whole);
	if (!p->is_begun && draw(p, 8) == 0) {
		session_store_lost(&p->s);
		return;
	}
	if (!p->is_begun) {
		p->asked = p->answered = p->accepted = p->held_n = 0;
		p->is_begun = true;
	}
	p->asked++;
}

static void take_content(void *arg, const uint8_t *octets, size_t n, bool is_last)
{
	struct play *p = arg;

	must(p->is_begun && !p->is_whole && p->accepted > 0 && p->asked == p->answered);
	must(p->held_n + n <= HELD_MAX);
	memcpy(p->held + p->held_n, octets, n);
	p->held_n += n;
	p->is_whole = is_last;
}

/* pushsrv has gone. */
static void lose(struct play *p)
{
	p->is_begun = p->is_whole = p->is_traced = false;
	p->asked = p->answered = 0;
}

static void abandon(void *arg)
{
	struct play *p = arg;

	lose(p);
	p->is_inspected = p->is_ruling = false;
}

static void trace(void *arg, const char *fields, size_t n)
{
	struct play *p = arg;

	must(p->is_begun && !p->is_whole && !p->is_traced && n == 6 &&
	     !memcmp(fields, "A: b\r\n", 6));
	p->is_traced = true;
}

/* What the inspection says, when it is asked and has something to say. */
static void rule(struct play *p)
{
	static const struct session_ruling rulings[] = {
		{.refusal = {0}},
		{.refusal = {0}, .trace = "A: b\r\n", .trace_n = 6},
		{.refusal = {550, "5.7.23", "no"}},
		{.refusal = {451, "4.7.1", "later"}},
	};

	p->is_ruling = false;
	session_ruled(&p->s, &rulings[draw(p, sizeof rulings / sizeof rulings[0])]);
}

static void inspect(void *arg)
{
	struct play *p = arg;

	must(!p->is_inspected);
	p->is_inspected = true;
}

static void inspect_octets(void *arg, const uint8_t *octets, size_t n)
{
	const struct play *p = arg;

	must(octets && n > 0 && p->is_inspected && !p->is_ruling);
}

static void inspect_content(void *arg)
{
	struct play *p = arg;

	must(p->is_inspected && !p->is_ruling && p->s.need == SESSION_NEED_RULING);
	p->is_ruling = true;
	if (draw(p, 2) == 0)
		rule(p);
}

static void inspect_rcpt(void *arg, const struct mailaddr *to)
{
	must(to->domain[0] != '\0');
	inspect_content(arg);
}

static const struct session_ops ops = {
	.reply = hear,
	.is_ahead = is_ahead,
	.can_store = can_store,
	.rcpt = ask_rcpt,
	.content = take_content,
	.trace = trace,
	.abandon = abandon,
	.inspect = inspect,
	.inspect_octets = inspect_octets,
	.inspect_rcpt = inspect_rcpt,
	.inspect_content = inspect_content,
};

static void check_content(const struct play *p)
{
	const uint8_t *octets = p->held;
	size_t n = p->held_n, line = 0;

	must(n > 10 && memcmp(octets, "Received: from ", 15) == 0 &&
	     n <= limits.mail.max_size + RECEIVED_MAX + 2);
	for (size_t i = 0; i < n; i++) {
		must(octets[i] != 0 && ++line <= 1000);
		must(octets[i] != '\r' || (i + 1 < n && octets[i + 1] == '\n'));
		must(octets[i] != '\n' || (i > 0 && octets[i - 1] == '\r'));
		if (octets[i] == '\n')
			line = 0;
	}
	must(octets[n - 1] == '\n');
}

static struct session_answer draw_answer(struct play *p)
{
	static const struct session_answer answers[] = {
		{250, "2.0.0", "ok"},     {250, "2.1.5", "ok"},       {250, "", ""},
		{550, "5.1.1", "nobody"}, {451, "4.3.0", "one\ntwo"}, {452, "", "full"},
	};

	return answers[draw(p, sizeof answers / sizeof answers[0])];
}

/* pushsrv does one thing; false: it has nothing to do. */
static bool store(struct play *p)
{
	bool is_asked = p->is_begun && p->asked > p->answered;

	if (p->is_ruling && draw(p, 2) == 0) {
		rule(p);
		return true;
	}
	if (!is_asked && !p->is_whole)
		return false;
	if (draw(p, 16) == 0) {
		lose(p);
		session_store_lost(&p->s);
		return true;
	}
	struct session_answer answer = draw_answer(p);
	if (is_asked) {
		p->answered++;
		p->accepted += answer.code == 250;
		must(p->accepted <= limits.max_recipients);
		session_rcpt_answered(&p->s, &answer);
	} else {
		check_content(p);
		p->is_begun = p->is_whole = false;
		p->commits += answer.code == 250;
		session_mail_answered(&p->s, &answer);
	}
	must(p->stored == p->commits);
	return true;
}

/* Takes one line or some octets; false: there is not enough, or the session waits. */
static bool take(struct play *p, const char *in, size_t n, size_t *used)
{
	const char *lf = memchr(in, '\n', n);
	bool is_crlf = lf && lf > in && lf[-1] == '\r';
	enum session_line_is is = is_crlf ? SESSION_LINE_WHOLE : SESSION_LINE_BARE_LF;

	*used = 0;
	if (p->s.need == SESSION_NEED_OCTETS && n > 0) {
		*used = session_octets(&p->s, (const uint8_t *)in, n);
		must(*used <= n);
		return true;
	}
	if (p->s.need != SESSION_NEED_LINE || !lf)
		return false;
	size_t length = (size_t)(lf - in) + 1;
	p->behind = n - length;
	if (session_line(&p->s, in, length - 1 - is_crlf,
			 length > 600 ? SESSION_LINE_TOO_LONG : is))
		*used = length;
	return true;
}

static void run(struct play *p, const char *in, size_t size)
{
	size_t at = 0, seen = 0, used;

	while (p->s.need != SESSION_NEED_CLOSE) {
		if (p->s.need == SESSION_NEED_TLS) { /* what waits is thrown away */
			at = seen;
			session_secured(&p->s);
		} else if (draw(p, 64) == 0 && p->is_begun && !p->is_whole &&
			   p->asked == p->answered) {
			lose(p); /* between two commands */
			session_store_lost(&p->s);
		} else if (draw(p, 4) == 0 && store(p)) {
			continue;
		} else if (take(p, in + at, seen - at, &used)) {
			at += used;
		} else if (!store(p)) {
			must(p->s.need != SESSION_NEED_STORE);
			if (seen == size)
				break;
			seen += 1 + draw(p, 100);
			if (seen > size)
				seen = size;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;
	static struct local_domains *domains;
	const char *bad;

	if (!domains)
		must(local_domains_new("x, ours.test", &domains, &bad) == 0);
	limits.domains = domains;
	memset(&p, 0, offsetof(struct play, held));
	p.held_n = p.behind = p.stored = p.commits = 0;
	p.chance = size ? data[0] : 0;
	session_open(&p.s, &limits, "fuzz", "192.0.2.1", &ops, &p);
	if (size)
		run(&p, (const char *)data + 1, size - 1);
	session_close(&p.s);
	return 0;
}
