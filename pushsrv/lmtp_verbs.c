/* The commands of LMTP: a row each. Order and limits are here; reading a command is
 * lib/wire/smtp/command's. */
#include "pushsrv/lmtp_session.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/err.h"

#define ANYTIME  (LMTP_START | LMTP_READY | LMTP_MAIL | LMTP_RCPT | LMTP_BDAT)
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void act_lhlo(struct lmtp_session *s, const struct smtp_command *command)
{
	lmtp_forget_mail(s);
	snprintf(s->client, sizeof s->client, "%s", command->domain);
	lmtp_say(s, "250-%s", s->limits->hostname);
	lmtp_say(s, "250-PIPELINING");
	lmtp_say(s, "250-8BITMIME");
	lmtp_say(s, "250-SMTPUTF8");
	lmtp_say(s, "250-SIZE %" PRIu64, s->limits->max_size);
	lmtp_say(s, "250-CHUNKING");
	lmtp_say(s, "250-XATOMIC");
	lmtp_say(s, "250-XID");
	lmtp_say(s, "250-XTRACE");
	lmtp_say(s, "250 ENHANCEDSTATUSCODES");
	lmtp_enter(s, LMTP_READY);
}

static void act_mail(struct lmtp_session *s, const struct smtp_command *command)
{
	char id[TRANSACTION_ID_MAX];

	if (command->body == SMTP_BODY_BINARYMIME) {
		lmtp_complain(s, "501 5.5.4 BODY=BINARYMIME was not offered");
		return;
	}
	if (command->params & SMTP_PARAM_SIZE && command->size_bytes > s->limits->max_size) {
		lmtp_say(s, "552 5.3.4 over %" PRIu64 " octets", s->limits->max_size);
		return;
	}
	snprintf(id, sizeof id, "%s.%u", s->label, ++s->mails);
	transaction_begin(&s->tx, id, command, s->limits->max_size, s->limits->max_line);
	lmtp_enter(s, LMTP_MAIL);
	lmtp_say(s, "250 2.1.0 ok");
}

static void act_rcpt(struct lmtp_session *s, const struct smtp_command *command)
{
	if (s->tx.accepted >= s->limits->max_recipients) {
		lmtp_say(s, "452 4.5.3 over %zu recipients", s->limits->max_recipients);
		return;
	}
	s->rcpt = command->path;
	mailaddr_folded(&s->rcpt, s->recipient);
	s->need = LMTP_NEED_RECIPIENT;
}

static void act_data(struct lmtp_session *s, const struct smtp_command *command)
{
	(void)command;
	lmtp_say(s, "354 end with CRLF.CRLF");
	lmtp_enter(s, LMTP_DATA);
	s->need = LMTP_NEED_OCTETS;
}

static void act_bdat(struct lmtp_session *s, const struct smtp_command *command)
{
	s->is_chunked = true;
	s->chunk_left = command->chunk_bytes;
	s->chunk_is_last = command->is_last;
	s->need = LMTP_NEED_OCTETS;
	lmtp_enter(s, LMTP_DATA);
	lmtp_octets(s, NULL, 0);
}

/* Its octets follow all the same. */
static void skip_octets(struct lmtp_session *s, const struct smtp_command *command,
			const char *reply)
{
	s->void_reply = reply;
	s->chunk_left = command->chunk_bytes;
	s->need = LMTP_NEED_OCTETS;
	lmtp_octets(s, NULL, 0);
}

static void act_xtrace(struct lmtp_session *s, const struct smtp_command *command)
{
	int err = command->chunk_bytes > TRACE_FIELDS_MAX ? E_TOO_LARGE : 0;

	if (s->tx.is_traced) {
		skip_octets(s, command, "503 5.5.1 once is enough");
		return;
	}
	if (!err)
		err = trace_fields_begin(&s->tx.trace, (size_t)command->chunk_bytes);
	if (err) {
		skip_octets(s, command,
			    err == E_TOO_LARGE ? "552 5.3.4 too many octets"
					       : "451 4.3.0 out of memory, try later");
		return;
	}
	s->tx.is_traced = s->chunk_is_trace = true;
	s->chunk_left = command->chunk_bytes;
	s->need = LMTP_NEED_OCTETS;
	lmtp_octets(s, NULL, 0);
}

static void act_rset(struct lmtp_session *s, const struct smtp_command *command)
{
	(void)command;
	lmtp_forget_mail(s);
	lmtp_say(s, "250 2.0.0 ok");
}

static void act_noop(struct lmtp_session *s, const struct smtp_command *command)
{
	(void)command;
	lmtp_say(s, "250 2.0.0 ok");
}

static void act_vrfy(struct lmtp_session *s, const struct smtp_command *command)
{
	(void)command;
	lmtp_say(s, "252 2.5.0 try RCPT");
}

static void act_help(struct lmtp_session *s, const struct smtp_command *command)
{
	(void)command;
	lmtp_say(s, "214 2.0.0 LHLO MAIL RCPT DATA BDAT XTRACE RSET NOOP VRFY QUIT: RFC 2033");
}

static void act_quit(struct lmtp_session *s, const struct smtp_command *command)
{
	(void)command;
	lmtp_say(s, "221 2.0.0 bye");
	s->need = LMTP_NEED_CLOSE;
}

static const struct verb {
	enum smtp_verb verb;
	unsigned legal_in; /* of enum lmtp_state */
	void (*act)(struct lmtp_session *s, const struct smtp_command *command);
	const char *when_not; /* said in another state */
} verbs[] = {
	{SMTP_LHLO, ANYTIME, act_lhlo, NULL},
	{SMTP_MAIL, LMTP_READY, act_mail, "503 5.5.1 not now: after LHLO, one mail at a time"},
	{SMTP_RCPT, LMTP_MAIL | LMTP_RCPT, act_rcpt, "503 5.5.1 not now: after MAIL"},
	{SMTP_DATA, LMTP_RCPT, act_data, "503 5.5.1 no valid recipients"},
	{SMTP_BDAT, LMTP_RCPT | LMTP_BDAT, act_bdat, NULL},
	{SMTP_XTRACE, LMTP_RCPT | LMTP_BDAT, act_xtrace, NULL},
	{SMTP_RSET, ANYTIME, act_rset, NULL},
	{SMTP_NOOP, ANYTIME, act_noop, NULL},
	{SMTP_VRFY, ANYTIME, act_vrfy, NULL},
	{SMTP_HELP, ANYTIME, act_help, NULL},
	{SMTP_QUIT, ANYTIME, act_quit, NULL},
};

void lmtp_obey(struct lmtp_session *s, const struct smtp_command *command)
{
	const struct verb *v = NULL;

	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == command->verb)
			v = &verbs[i];
	if (!v)
		lmtp_complain(s, "502 5.5.1 %s is not for LMTP", smtp_verb_name(command->verb));
	else if (v->legal_in & s->state)
		v->act(s, command);
	else if (command->verb == SMTP_BDAT || command->verb == SMTP_XTRACE)
		skip_octets(s, command, "503 5.5.1 no valid recipients");
	else
		lmtp_complain(s, "%s", v->when_not);
}
