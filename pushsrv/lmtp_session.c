#include "pushsrv/lmtp_session.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smtp/reply.h"
#include "pushsrv/counters.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define LATER "451 4.3.0 the store cannot take it now, try later"

/* What becomes of the content. */
static const struct {
	const char *reply;
	enum counter counter;
} fates[TRANSACTION_FATES] = {
	[TRANSACTION_UNSAFE] = {"550 5.5.2 bare CR, bare LF or NUL in the message",
				COUNT_REFUSED_UNSAFE},
	[TRANSACTION_LONG_LINE] = {"554 5.6.0 a line of the message is too long",
				   COUNT_REFUSED_LONG_LINE},
	[TRANSACTION_TOO_LARGE] = {"552 5.3.4 the message is too large", COUNT_REFUSED_TOO_LARGE},
	[TRANSACTION_NOT_STORED] = {LATER, COUNT_REFUSED_STORE},
};

/* What the store says of a recipient, at RCPT and after the content. */
static const struct outcome {
	int err;
	const char *reply;
	enum counter counter;
} outcomes[] = {
	{E_NOT_FOUND, "550 5.1.1 nobody has this address", COUNT_REFUSED_UNKNOWN},
	{E_FULL, "452 4.2.2 the mailbox is full", COUNT_REFUSED_FULL},
	{E_CONFLICT, "450 4.2.1 the mailbox is closed for now", COUNT_REFUSED_CLOSED},
	{E_OK, LATER, COUNT_REFUSED_STORE}, /* everything else; the last row */
};

/* The reply to the failure of `n` recipients; counts it. */
static const char *refusal(int err, size_t n)
{
	const struct outcome *o = outcomes;

	while (o->err != E_OK && o->err != err)
		o++;
	counter_add(o->counter, (int64_t)n);
	return o->reply;
}

__attribute__((format(printf, 2, 0))) static void say(struct lmtp_session *s, const char *format,
						      va_list args)
{
	char line[SMTP_REPLY_LINE_MAX];
	int n = vsnprintf(line, sizeof line - 2, format, args);

	assert(n > 0 && (size_t)n < sizeof line - 2);
	memcpy(line + n, "\r\n", 2);
	s->reply(s->arg, line, (size_t)n + 2);
}

void lmtp_say(struct lmtp_session *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(s, format, args);
	va_end(args);
}

void lmtp_complain(struct lmtp_session *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(s, format, args);
	va_end(args);
	counter_add(COUNT_REFUSED_COMMAND, 1);
	if (++s->errors >= s->limits->max_errors)
		lmtp_goodbye(s, "4.7.0 too many errors");
}

void lmtp_enter(struct lmtp_session *s, enum lmtp_state to)
{
	s->state = to;
}

void lmtp_open(struct lmtp_session *s, const struct lmtp_limits *limits, const char *label,
	       void (*reply)(void *arg, const char *octets, size_t n), void *arg)
{
	*s = (struct lmtp_session){
		.state = LMTP_START, .limits = limits, .reply = reply, .arg = arg};
	snprintf(s->label, sizeof s->label, "%s", label);
	lmtp_say(s, "220 %s LMTP Hato", limits->hostname);
}

void lmtp_close(struct lmtp_session *s)
{
	transaction_end(&s->tx);
	lmtp_enter(s, LMTP_CLOSED);
}

void lmtp_forget_mail(struct lmtp_session *s)
{
	transaction_end(&s->tx);
	s->is_chunked = s->is_complete = false;
	if (s->state != LMTP_START)
		lmtp_enter(s, LMTP_READY);
}

void lmtp_goodbye(struct lmtp_session *s, const char *text)
{
	lmtp_say(s, "421 %s", text);
	s->need = LMTP_NEED_CLOSE;
}

void lmtp_line(struct lmtp_session *s, const char *line, size_t n)
{
	const struct smtp_dialect dialect = {
		.is_lmtp = true,
		.is_utf8 = s->tx.is_utf8,
		.params = SMTP_PARAM_SIZE | SMTP_PARAM_BODY | SMTP_PARAM_SMTPUTF8 |
			  SMTP_PARAM_XATOMIC | SMTP_PARAM_XID,
	};
	struct smtp_command command;

	assert(s->need == LMTP_NEED_LINE);
	if (smtp_command_parse(line, n, &dialect, &command) == 0) {
		lmtp_obey(s, &command);
		return;
	}
	struct smtp_refusal r = smtp_command_refusal(&command);
	lmtp_complain(s, "%d %s %.300s", r.code, r.enhanced, r.text);
	if (command.verb == SMTP_BDAT ||
	    command.verb == SMTP_XTRACE) /* where its octets end is not known */
		s->need = LMTP_NEED_CLOSE;
}

void lmtp_bad_line(struct lmtp_session *s, enum lmtp_bad_line why)
{
	lmtp_complain(s, "%s",
		      why == LMTP_LINE_TOO_LONG ? "500 5.5.2 the line is too long"
						: "500 5.5.2 a line ends with CRLF");
}

void lmtp_recipient_checked(struct lmtp_session *s, int err, int64_t subscriber)
{
	assert(s->need == LMTP_NEED_RECIPIENT);
	s->need = LMTP_NEED_LINE;
	if (err == 0)
		err = transaction_add(&s->tx, subscriber, &s->rcpt);
	if (err) {
		lmtp_say(s, "%s", refusal(err, 1));
		return;
	}
	lmtp_enter(s, LMTP_RCPT);
	lmtp_say(s, "250 2.1.5 ok");
}

/* The same reply for each accepted recipient; the mail is over. */
static void say_to_all(struct lmtp_session *s, const char *reply)
{
	for (size_t i = 0; i < s->tx.accepted; i++)
		lmtp_say(s, "%s", reply);
	lmtp_forget_mail(s);
	s->need = LMTP_NEED_LINE;
}

static void refuse_content(struct lmtp_session *s)
{
	counter_add(fates[s->tx.fate].counter, 1);
	say_to_all(s, fates[s->tx.fate].reply);
}

/* Between two steps with content: what comes next? */
static void advance(struct lmtp_session *s)
{
	size_t n;

	if (transaction_piece(&s->tx, s->is_complete, &n))
		s->need = LMTP_NEED_PIECE;
	else if (!s->is_complete)
		s->need = LMTP_NEED_OCTETS;
	else if (s->tx.fate == TRANSACTION_GOOD)
		s->need = LMTP_NEED_ACCEPT;
	else
		refuse_content(s);
}

static void complete(struct lmtp_session *s)
{
	s->is_complete = true;
	transaction_complete(&s->tx);
	advance(s);
}

static size_t take_data(struct lmtp_session *s, const uint8_t *in, size_t n)
{
	size_t used = 0;

	if (transaction_data(&s->tx, in, n, &used))
		complete(s);
	else
		advance(s);
	return used;
}

static size_t share(const struct lmtp_session *s, size_t n)
{
	return n < s->chunk_left ? n : (size_t)s->chunk_left;
}

static size_t skip_chunk(struct lmtp_session *s, size_t n)
{
	const char *reply = s->void_reply;
	size_t used = share(s, n);

	s->chunk_left -= used;
	if (s->chunk_left == 0) {
		s->void_reply = NULL;
		s->need = LMTP_NEED_LINE;
		lmtp_complain(s, "%s", reply);
	}
	return used;
}

static size_t take_trace(struct lmtp_session *s, const uint8_t *in, size_t n)
{
	size_t used = share(s, n);

	trace_fields_add(&s->tx.trace, in, used);
	s->chunk_left -= used;
	if (s->chunk_left > 0)
		return used;
	s->chunk_is_trace = false;
	s->need = LMTP_NEED_LINE;
	if (trace_fields_are_good(&s->tx.trace)) {
		lmtp_say(s, "250 2.0.0 fields taken");
	} else {
		trace_fields_clear(&s->tx.trace);
		lmtp_complain(s, "554 5.6.0 no header lines");
	}
	return used;
}

static void end_chunk(struct lmtp_session *s)
{
	s->need = LMTP_NEED_LINE;
	if (s->chunk_is_last) {
		complete(s);
	} else {
		lmtp_enter(s, LMTP_BDAT);
		lmtp_say(s, "250 2.0.0 chunk taken");
	}
}

static size_t take_chunk(struct lmtp_session *s, const uint8_t *in, size_t n)
{
	size_t used = transaction_chunk(&s->tx, in, share(s, n));

	s->chunk_left -= used;
	advance(s);
	if (s->chunk_left == 0 && s->need == LMTP_NEED_OCTETS)
		end_chunk(s);
	return used;
}

size_t lmtp_octets(struct lmtp_session *s, const uint8_t *in, size_t n)
{
	assert(s->need == LMTP_NEED_OCTETS);
	if (s->void_reply)
		return skip_chunk(s, n);
	if (s->chunk_is_trace)
		return take_trace(s, in, n);
	return s->is_chunked ? take_chunk(s, in, n) : take_data(s, in, n);
}

void lmtp_piece_stored(struct lmtp_session *s, int err, int64_t body)
{
	assert(s->need == LMTP_NEED_PIECE);
	transaction_piece_stored(&s->tx, err, body);
	advance(s);
	if (s->need == LMTP_NEED_OCTETS && s->is_chunked && s->chunk_left == 0)
		end_chunk(s);
}

/* With XATOMIC one recipient's refusal is everybody's, so it must not be final: the next try hears
 * at RCPT who it was. */
static int atomic_result(const struct lmtp_session *s, const int *errs)
{
	for (size_t i = 0; i < s->tx.subscriber_count; i++)
		if (errs[i] != 0)
			return s->tx.subscriber_count > 1 && errs[i] == E_NOT_FOUND ? E_BUSY
										    : errs[i];
	return 0;
}

void lmtp_accepted(struct lmtp_session *s, int err, const int *errs, size_t n)
{
	assert(s->need == LMTP_NEED_ACCEPT && (err || n == s->tx.subscriber_count));
	if (!err && s->tx.is_atomic)
		err = atomic_result(s, errs);
	if (err) {
		say_to_all(s, refusal(err, s->tx.accepted));
		return;
	}
	for (size_t i = 0; i < s->tx.accepted; i++) {
		int its = errs[s->tx.slots[i]];
		if (its) {
			lmtp_say(s, "%s", refusal(its, 1));
		} else {
			counter_add(COUNT_ACCEPTED_RECIPIENTS, 1);
			lmtp_say(s, "250 2.0.0 stored as %s", s->tx.id);
		}
	}
	lmtp_forget_mail(s);
	s->need = LMTP_NEED_LINE;
}
