#include "smtpgw/session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/err.h"

#define LATER     SESSION_OUT_OF_REACH
#define REPLY_MAX (2 * SMTP_REPLY_TEXT_MAX)

/* What becomes of content that is no good. */
static const struct {
	const char *reply;
	enum counter counter;
} fates[TRANSACTION_FATES] = {
	[TRANSACTION_GOOD] = {LATER, COUNT_DEFERRED_MAIL}, /* but its connection is lost */
	[TRANSACTION_UNSAFE] = {"550 5.5.2 bare CR, bare LF or NUL in the message",
				COUNT_REFUSED_UNSAFE},
	[TRANSACTION_LONG_LINE] = {"554 5.6.0 a line of the message is too long",
				   COUNT_REFUSED_LONG_LINE},
	[TRANSACTION_TOO_LARGE] = {"552 5.3.4 the message is too large", COUNT_REFUSED_TOO_LARGE},
	[TRANSACTION_LOOP] = {"554 5.4.6 too many Received fields: a loop", COUNT_REFUSED_LOOP},
	[TRANSACTION_NO_MEMORY] = {LATER, COUNT_DEFERRED_MAIL},
};

/* ---- saying ---- */

__attribute__((format(printf, 2, 0))) static void say(struct session *s, const char *format,
						      va_list args)
{
	char line[SMTP_REPLY_LINE_MAX];
	int n = vsnprintf(line, sizeof line - 2, format, args);

	assert(n > 0 && (size_t)n < sizeof line - 2);
	memcpy(line + n, "\r\n", 2);
	s->ops->reply(s->arg, line, (size_t)n + 2);
}

void session_say(struct session *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(s, format, args);
	va_end(args);
}

void session_complain(struct session *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(s, format, args);
	va_end(args);
	counter_add(COUNT_REFUSED_COMMAND, 1);
	if (++s->errors >= s->limits->max_errors)
		session_goodbye(s, CLOSE_ERRORS);
}

/* The words of pushsrv, or of the inspection. */
static void pass_answer(struct session *s, const struct session_answer *a)
{
	char lines[REPLY_MAX];
	const char *enhanced = *a->enhanced ? a->enhanced : NULL;
	int n = smtp_reply_format(lines, sizeof lines, a->code, enhanced, a->text);

	if (n > 0)
		s->ops->reply(s->arg, lines, (size_t)n);
	else
		session_say(s, LATER);
}

/* ---- states ---- */

void session_enter(struct session *s, enum session_state to)
{
	s->state = to;
}

void session_end(struct session *s, enum close_reason reason)
{
	s->reason = reason;
	s->need = SESSION_NEED_CLOSE;
}

void session_goodbye(struct session *s, enum close_reason reason)
{
	if (*close_goodbye(reason))
		session_say(s, "421 %s", close_goodbye(reason));
	if (session_is_committing(s))
		s->reason = reason;
	else
		session_end(s, reason);
}

void session_open(struct session *s, const struct session_limits *limits, const char *label,
		  const char *ip, const struct session_ops *ops, void *arg)
{
	*s = (struct session){
		.state = SESSION_START, .limits = limits, .ip = ip, .ops = ops, .arg = arg};
	snprintf(s->label, sizeof s->label, "%s", label);
	session_say(s, "220 %s ESMTP Hato", limits->hostname);
}

static void forget_awaited(struct session *s)
{
	free(s->awaiting);
	s->awaiting = NULL;
	s->awaited = s->ring = s->first = 0;
}

void session_forget_login(struct session *s)
{
	sasl_server_fini(&s->auth.sasl);
	s->auth = (struct session_auth){.is_done = s->auth.is_done};
}

void session_close(struct session *s)
{
	session_forget_login(s);
	forget_awaited(s);
	transaction_end(&s->tx);
	session_enter(s, SESSION_ENDED);
}

void session_forget_mail(struct session *s)
{
	s->ops->abandon(s->arg);
	forget_awaited(s);
	transaction_end(&s->tx);
	s->refusal[0] = '\0';
	s->is_chunked = false;
	if (s->state != SESSION_START)
		session_enter(s, SESSION_READY);
}

void session_secured(struct session *s)
{
	assert(s->need == SESSION_NEED_TLS);
	session_forget_mail(s);
	session_enter(s, SESSION_START);
	s->client[0] = '\0';
	s->is_extended = false;
	session_forget_login(s);
	s->auth.is_done = false;
	s->is_tls = true;
	s->need = SESSION_NEED_LINE;
	counter_add(COUNT_TLS, 1);
}

bool session_is_committing(const struct session *s)
{
	return s->need == SESSION_NEED_STORE && s->state == SESSION_CONTENT;
}

/* ---- lines ---- */

/* Of a line that is refused for its form: its octets follow, and nobody knows how many. */
static bool is_chunk_line(const char *line, size_t n)
{
	size_t blank = 0;

	while (blank < n && line[blank] == ' ')
		blank++;
	return n - blank >= 4 && strncasecmp(line + blank, "BDAT", 4) == 0;
}

static void refuse_line(struct session *s, const char *line, size_t n, enum session_line_is is)
{
	session_complain(s, "%s",
			 is == SESSION_LINE_TOO_LONG  ? "500 5.5.2 the line is too long"
			 : is == SESSION_LINE_BARE_LF ? "500 5.5.2 a line ends with CRLF"
						      : "500 5.5.2 NUL in a command");
	if (is != SESSION_LINE_TOO_LONG && is_chunk_line(line, n))
		session_end(s, CLOSE_CHUNK);
}

/* A line that is no line ends the exchange with it. */
static void take_answer(struct session *s, const char *line, size_t n, enum session_line_is is)
{
	if (is == SESSION_LINE_WHOLE) {
		s->limits->kind->auth_line(s, line, n);
	} else {
		session_forget_login(s);
		refuse_line(s, "", 0, is);
	}
}

bool session_line(struct session *s, const char *line, size_t n, enum session_line_is is)
{
	bool is_taken = true;

	assert(s->need == SESSION_NEED_LINE);
	if (s->auth.is_exchanging)
		take_answer(s, line, n, is);
	else if (is == SESSION_LINE_WHOLE && !memchr(line, 0, n))
		is_taken = verbs_run(s, line, n);
	else if (s->awaited > 0)
		is_taken = false;
	else
		refuse_line(s, line, n, is);
	s->commands += is_taken;
	if (!is_taken)
		s->need = SESSION_NEED_STORE;
	return is_taken;
}

/* ---- recipients ---- */

static int make_room(struct session *s)
{
	size_t wanted = s->ring ? 2 * s->ring : 4;

	if (s->awaited < s->ring)
		return 0;
	struct mailaddr *bigger = malloc(wanted * sizeof *bigger);
	if (!bigger)
		return E_NOMEM;
	for (size_t i = 0; i < s->awaited; i++)
		bigger[i] = s->awaiting[(s->first + i) % s->ring];
	free(s->awaiting);
	s->awaiting = bigger;
	s->ring = wanted;
	s->first = 0;
	return 0;
}

/* Asks pushsrv. */
static void await(struct session *s, const struct mailaddr *to)
{
	if (s->tx.is_lost || make_room(s) != 0) {
		counter_add(COUNT_DEFERRED_RCPT, 1);
		session_say(s, LATER);
		return;
	}
	s->awaiting[(s->first + s->awaited++) % s->ring] = *to;
	s->ops->rcpt(s->arg, to);
}

void session_ask(struct session *s, const struct mailaddr *to)
{
	s->asking = *to;
	s->need = SESSION_NEED_RULING;
	s->ops->inspect_rcpt(s->arg, &s->asking);
}

/* The answers of the recipients before it come first. */
static void refuse_rcpt(struct session *s, const struct session_answer *refusal)
{
	bool is_final = refusal->code / 100 == 5;

	s->refused += is_final;
	counter_add(is_final ? COUNT_REFUSED_CHECKS : COUNT_DEFERRED_CHECKS, 1);
	if (s->awaited == 0) {
		pass_answer(s, refusal);
		return;
	}
	snprintf(s->refusal, sizeof s->refusal, "%d %s %.400s", refusal->code, refusal->enhanced,
		 refusal->text);
	s->need = SESSION_NEED_STORE;
}

static void end_wait_for_rcpts(struct session *s)
{
	if (s->need == SESSION_NEED_STORE)
		s->need = SESSION_NEED_LINE;
	if (s->refusal[0])
		session_say(s, "%s", s->refusal);
	s->refusal[0] = '\0';
}

void session_rcpt_answered(struct session *s, const struct session_answer *answer)
{
	assert(s->awaited > 0);
	if (answer->code / 100 == 2) {
		transaction_add(&s->tx, &s->awaiting[s->first]);
		session_enter(s, SESSION_RCPT);
		session_say(s, "250 2.1.5 ok");
	} else {
		s->refused += answer->code / 100 == 5;
		counter_add(answer->code / 100 == 5 ? COUNT_REFUSED_RCPT : COUNT_DEFERRED_RCPT, 1);
		pass_answer(s, answer);
	}
	s->first = (s->first + 1) % s->ring;
	if (--s->awaited == 0)
		end_wait_for_rcpts(s);
}

/* ---- content ---- */

static void refuse_content(struct session *s)
{
	counter_add(fates[s->tx.fate].counter, 1);
	session_say(s, "%s", fates[s->tx.fate].reply);
	session_forget_mail(s);
	s->need = SESSION_NEED_LINE;
}

static bool is_hopeless(const struct transaction *t)
{
	return t->fate != TRANSACTION_GOOD || t->is_lost;
}

/* What has gathered goes on, in large pieces until the end. */
static void pass_content(struct session *s, bool is_last)
{
	struct transaction *t = &s->tx;
	int64_t now_us = clock_mono_us();

	if (is_hopeless(t)) {
		s->ops->abandon(s->arg);
	} else if (is_last || transaction_is_due(t, now_us)) {
		size_t n = t->held;
		transaction_passed(t, now_us);
		s->ops->content(s->arg, t->octets, n, is_last);
	}
}

static void complete(struct session *s)
{
	transaction_complete(&s->tx);
	if (is_hopeless(&s->tx)) {
		refuse_content(s);
		return;
	}
	s->need = SESSION_NEED_RULING;
	s->ops->inspect_content(s->arg);
}

static void refuse_mail(struct session *s, const struct session_answer *refusal)
{
	bool is_final = refusal->code / 100 == 5;

	counter_add(is_final ? COUNT_REFUSED_CHECKS : COUNT_DEFERRED_CHECKS, 1);
	pass_answer(s, refusal);
	session_forget_mail(s);
}

static void content_ruled(struct session *s, const struct session_ruling *ruling)
{
	if (is_hopeless(&s->tx)) {
		refuse_content(s);
	} else if (ruling->refusal.code) {
		refuse_mail(s, &ruling->refusal);
	} else {
		s->need = SESSION_NEED_STORE;
		if (ruling->trace_n > 0)
			s->ops->trace(s->arg, ruling->trace, ruling->trace_n);
		pass_content(s, true);
	}
}

void session_accept_mail(struct session *s)
{
	session_enter(s, SESSION_MAIL);
	session_say(s, "250 2.1.0 ok");
	s->ops->inspect(s->arg);
}

static void sender_ruled(struct session *s, const struct session_ruling *ruling)
{
	if (!ruling->refusal.code) {
		session_accept_mail(s);
		return;
	}
	refuse_mail(s, &ruling->refusal);
	if (ruling->ends)
		session_end(s, CLOSE_MOVED);
}

void session_ruled(struct session *s, const struct session_ruling *ruling)
{
	assert(s->need == SESSION_NEED_RULING);
	s->need = SESSION_NEED_LINE;
	if (s->state == SESSION_READY)
		sender_ruled(s, ruling);
	else if (s->state == SESSION_CONTENT)
		content_ruled(s, ruling);
	else if (ruling->refusal.code)
		refuse_rcpt(s, &ruling->refusal);
	else
		await(s, &s->asking);
}

void session_begin_content(struct session *s)
{
	const struct received trace = {
		.helo = s->client,
		.ip = s->ip,
		.by = s->limits->hostname,
		.how = (s->is_extended ? RECEIVED_EXTENDED : 0U) | (s->is_tls ? RECEIVED_TLS : 0U) |
		       (s->auth.is_done ? RECEIVED_AUTH : 0U),
		.hides_client = s->limits->kind->hides_client,
		.time_s = clock_now_s(),
	};

	if (!s->tx.is_traced) {
		transaction_trace(&s->tx, trace, clock_mono_us());
		transaction_watch(&s->tx, s->ops->inspect_octets, s->arg);
	}
	session_enter(s, SESSION_CONTENT);
	s->need = SESSION_NEED_OCTETS;
}

static size_t take_data(struct session *s, const uint8_t *in, size_t n)
{
	size_t used = 0;

	if (transaction_data(&s->tx, in, n, &used))
		complete(s);
	else
		pass_content(s, false);
	return used;
}

static void end_chunk(struct session *s)
{
	s->need = SESSION_NEED_LINE;
	if (s->chunk_is_void) {
		s->chunk_is_void = false;
		session_complain(s, "503 5.5.1 no valid recipients");
	} else if (s->chunk_is_last) {
		complete(s);
	} else {
		session_enter(s, SESSION_BDAT);
		session_say(s, "250 2.0.0 chunk taken");
	}
}

static size_t take_chunk(struct session *s, const uint8_t *in, size_t n)
{
	size_t used = n < s->chunk_left ? n : (size_t)s->chunk_left;
	bool is_end = used == s->chunk_left;

	s->chunk_left -= used;
	if (!s->chunk_is_void) {
		transaction_chunk(&s->tx, in, used);
		if (!is_end || !s->chunk_is_last)
			pass_content(s, false);
	}
	if (is_end)
		end_chunk(s);
	return used;
}

size_t session_octets(struct session *s, const uint8_t *in, size_t n)
{
	assert(s->need == SESSION_NEED_OCTETS);
	return s->is_chunked || s->chunk_is_void ? take_chunk(s, in, n) : take_data(s, in, n);
}

void session_mail_answered(struct session *s, const struct session_answer *answer)
{
	assert(session_is_committing(s));
	if (answer->code / 100 == 2) {
		s->accepted++;
		counter_add(COUNT_ACCEPTED, 1);
		counter_add(COUNT_ACCEPTED_RECIPIENTS, (int64_t)s->tx.accepted);
		counter_add(COUNT_ACCEPTED_OCTETS, (int64_t)s->tx.size);
		session_say(s, "250 2.0.0 stored as %s", s->tx.id);
	} else {
		counter_add(answer->code / 100 == 5 ? COUNT_REFUSED_MAIL : COUNT_DEFERRED_MAIL, 1);
		pass_answer(s, answer);
	}
	session_forget_mail(s);
	s->need = SESSION_NEED_LINE;
}

/* A mail of which nothing is accepted yet may begin anew on another connection. */
void session_store_lost(struct session *s)
{
	const struct session_answer later = {451, "4.3.0",
					     "the mail store is out of reach, try later"};

	if (session_is_committing(s)) {
		session_mail_answered(s, &later);
		return;
	}
	s->tx.is_lost = s->tx.accepted > 0 || s->state == SESSION_CONTENT;
	while (s->awaited > 0)
		session_rcpt_answered(s, &later);
}
