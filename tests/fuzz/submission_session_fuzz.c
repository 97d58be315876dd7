/* Sessions at a submission port from memory: any octets, cut anywhere, before a store that says
 * anything. What must hold whatever comes: replies are whole lines; a login is decided by the store
 * alone; no mail begins, no recipient is named and nothing is queued unless the store said at this
 * very MAIL who sends; secrets are not said back. The first octet seeds the cuts and the answers.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smtpgw/session.h"

struct play {
	struct session s;
	uint32_t chance;
	bool is_known; /* the store let the login pass */
	bool is_mail;  /* and this mail's sender */
	bool is_whole;
	size_t recipients, behind, stored, commits;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct session_limits limits = {
	.kind = &session_submission,
	.hostname = "mx.test",
	.mail = {.max_size = 3000, .max_line = 200, .max_received = 3},
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

	must(n >= 6 && octets[n - 2] == '\r' && octets[n - 1] == '\n');
	must(octets[0] >= '2' && octets[0] <= '5' && !memchr(octets, 0, n));
	for (size_t i = 0; i < n; i++)
		must((octets[i] == '\r') == (i + 1 < n && octets[i + 1] == '\n'));
	must(memcmp(octets, "235", 3) != 0 || p->is_known);
	p->stored += n > 20 && memcmp(octets, "250 2.0.0 stored as ", 20) == 0;
}

static bool is_ahead(void *arg)
{
	return ((struct play *)arg)->behind > 0;
}

static bool can_store(void *arg)
{
	(void)arg;
	return true;
}

static void inspect_sender(void *arg)
{
	struct play *p = arg;

	must(p->is_known && p->s.auth.is_done && !p->is_mail);
	must(p->s.is_tls || !limits.auth_requires_tls);
}

static void authenticate(void *arg)
{
	struct play *p = arg;
	const struct sasl_credentials *c = &p->s.auth.sasl.credentials;

	must(!p->s.auth.is_done && (p->s.is_tls || !limits.auth_requires_tls));
	must(strlen(c->login) <= SASL_LOGIN_MAX && c->token_len <= SASL_TOKEN_MAX);
}

static void inspect(void *arg)
{
	(void)arg;
}

static void inspect_octets(void *arg, const uint8_t *octets, size_t n)
{
	(void)octets;
	must(((struct play *)arg)->is_mail && n > 0);
}

static void inspect_rcpt(void *arg, const struct mailaddr *to)
{
	struct play *p = arg;

	must(p->is_mail && to->local[0] | to->domain[0] && to->domain[0] != '[');
	must(p->recipients < limits.max_recipients);
}

static void inspect_content(void *arg)
{
	must(((struct play *)arg)->recipients > 0);
}

static void ask_rcpt(void *arg, const struct mailaddr *to)
{
	static const struct session_answer ok = {250, "2.1.5", "ok"};
	struct play *p = arg;

	(void)to;
	must(p->is_mail && !p->is_whole);
	p->recipients++;
	session_rcpt_answered(&p->s, &ok);
}

static void take_content(void *arg, const uint8_t *octets, size_t n, bool is_last)
{
	struct play *p = arg;

	must(p->is_mail && p->recipients > 0 && !p->is_whole);
	must(!memchr(octets, 0, n));
	p->is_whole = is_last;
}

static void trace(void *arg, const char *fields, size_t n)
{
	(void)arg, (void)fields, (void)n;
	must(false);
}

static void abandon(void *arg)
{
	struct play *p = arg;

	p->is_mail = p->is_whole = false;
	p->recipients = 0;
}

static const struct session_ops ops = {
	.reply = hear,
	.is_ahead = is_ahead,
	.can_store = can_store,
	.rcpt = ask_rcpt,
	.content = take_content,
	.trace = trace,
	.abandon = abandon,
	.inspect_sender = inspect_sender,
	.authenticate = authenticate,
	.inspect = inspect,
	.inspect_octets = inspect_octets,
	.inspect_rcpt = inspect_rcpt,
	.inspect_content = inspect_content,
};

/* The store says who it is, or may: what the session waits for tells what was asked. */
static void rule(struct play *p)
{
	static const struct session_ruling go_on;
	struct session_ruling no = {.refusal = {550, "5.7.1", "no"}, .ends = draw(p, 4) == 0};
	bool is_good = draw(p, 3) > 0;

	if (p->s.auth.sasl.state == SASL_STATE_DECIDE) {
		p->is_known = is_good;
		session_authenticated(&p->s, is_good ? IDENTITY_GOOD
						     : (enum identity_verdict)(
							       1 + draw(p, IDENTITY_VERDICTS - 1)));
		return;
	}
	if (p->s.state == SESSION_READY)
		p->is_mail = is_good;
	session_ruled(&p->s, is_good ? &go_on : &no);
}

/* False: it has nothing to do. */
static bool store(struct play *p)
{
	static const struct session_answer answers[] = {
		{250, "2.0.0", "queued"}, {530, "5.7.0", "moved"}, {451, "4.3.0", "later"}};

	if (p->s.need == SESSION_NEED_RULING) {
		rule(p);
	} else if (p->is_whole) {
		struct session_answer a = answers[draw(p, 3)];
		p->commits += a.code == 250;
		session_mail_answered(&p->s, &a);
	} else {
		return false;
	}
	must(p->stored == p->commits);
	return true;
}

static bool take(struct play *p, const char *in, size_t n, size_t *used)
{
	const char *lf = memchr(in, '\n', n);
	bool is_crlf = lf && lf > in && lf[-1] == '\r';
	enum session_line_is is = is_crlf ? SESSION_LINE_WHOLE : SESSION_LINE_BARE_LF;

	*used = 0;
	if (p->s.need == SESSION_NEED_OCTETS && n > 0) {
		*used = session_octets(&p->s, (const uint8_t *)in, n);
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
		if (p->s.need == SESSION_NEED_TLS) {
			at = seen;
			session_secured(&p->s);
			p->is_known = false;
		} else if (take(p, in + at, seen - at, &used)) {
			at += used;
		} else if (!store(p)) {
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
	static struct local_domains *domains;
	struct play p = {.chance = size ? data[0] : 0};
	const char *bad;

	if (!domains)
		must(local_domains_new("x, ours.test", &domains, &bad) == 0);
	limits.domains = domains;
	limits.auth_requires_tls = p.chance & 1;
	session_open(&p.s, &limits, "fuzz", "192.0.2.1", &ops, &p);
	if (size)
		run(&p, (const char *)data + 1, size - 1);
	session_close(&p.s);
	return 0;
}
