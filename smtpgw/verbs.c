/* The commands of SMTP: a row each. Order and limits are here; reading a command is
 * lib/wire/smtp/command's, and what is done otherwise at the submission ports submission/verbs.c's.
 */
#include "smtpgw/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

#define ANYTIME  (SESSION_START | SESSION_READY | SESSION_MAIL | SESSION_RCPT | SESSION_BDAT)
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define OUT_OF_REACH SESSION_OUT_OF_REACH

static void greet(struct session *s, const struct smtp_command *command, bool is_extended)
{
	session_forget_mail(s);
	snprintf(s->client, sizeof s->client, "%s", command->domain);
	s->is_extended = is_extended;
	session_enter(s, SESSION_READY);
}

static void act_helo(struct session *s, const struct smtp_command *command)
{
	greet(s, command, false);
	session_say(s, "250 %s", s->limits->hostname);
}

static void act_ehlo(struct session *s, const struct smtp_command *command)
{
	greet(s, command, true);
	session_say(s, "250-%s", s->limits->hostname);
	session_say(s, "250-PIPELINING");
	session_say(s, "250-SIZE %" PRIu64, s->limits->mail.max_size);
	if (s->limits->has_tls && !s->is_tls)
		session_say(s, "250-STARTTLS");
	session_say(s, "250-8BITMIME");
	session_say(s, "250-SMTPUTF8");
	session_say(s, "250-CHUNKING");
	if (s->limits->kind->offer)
		s->limits->kind->offer(s);
	session_say(s, "250 ENHANCEDSTATUSCODES");
}

static void act_starttls(struct session *s, const struct smtp_command *command)
{
	(void)command;
	if (s->is_tls) {
		session_complain(s, "503 5.5.1 TLS is up already");
	} else if (!s->limits->has_tls) {
		session_complain(s, "502 5.5.1 no TLS here");
	} else {
		session_say(s, "220 2.0.0 begin TLS");
		s->need = SESSION_NEED_TLS;
	}
}

static void act_mail(struct session *s, const struct smtp_command *command)
{
	const struct session_kind *kind = s->limits->kind;
	char id[TRANSACTION_ID_MAX];

	if (command->body == SMTP_BODY_BINARYMIME) {
		session_complain(s, "501 5.5.4 BODY=BINARYMIME was not offered");
	} else if (command->size_bytes > s->limits->mail.max_size) {
		counter_add(COUNT_REFUSED_TOO_LARGE, 1);
		session_say(s, "552 5.3.4 over %" PRIu64 " octets", s->limits->mail.max_size);
	} else if (!s->ops->can_store(s->arg)) {
		counter_add(COUNT_DEFERRED_MAIL, 1);
		session_say(s, OUT_OF_REACH);
	} else if (!kind->may_mail || kind->may_mail(s)) {
		snprintf(id, sizeof id, "%s.%u", s->label, ++s->mails);
		transaction_begin(&s->tx, id, command, &s->limits->mail);
		if (kind->asks_sender) {
			s->need = SESSION_NEED_RULING;
			s->ops->inspect_sender(s->arg);
		} else {
			session_accept_mail(s);
		}
	}
}

static void act_auth(struct session *s, const struct smtp_command *command)
{
	s->limits->kind->auth(s, command);
}

/* RFC 5321 4.5.1: every server has a postmaster, and domains are optional for this one. */
static void complete_address(const struct session *s, struct mailaddr *a)
{
	if (a->domain[0] == '\0')
		snprintf(a->domain, sizeof a->domain, "%s",
			 local_domains_first(s->limits->domains));
}

static bool is_local(struct session *s, const struct mailaddr *to)
{
	if (local_domains_has(s->limits->domains, to->domain))
		return true;
	counter_add(COUNT_REFUSED_RELAY, 1);
	s->refused++;
	session_say(s, "550 5.7.1 mail for this domain is not ours to take");
	return false;
}

static void act_rcpt(struct session *s, const struct smtp_command *command)
{
	struct mailaddr to = command->path;

	if (s->refused >= s->limits->max_refused) {
		session_goodbye(s, CLOSE_REFUSED);
		return;
	}
	complete_address(s, &to);
	if (!s->limits->kind->may_rcpt(s, &to))
		return;
	if (s->tx.accepted >= s->limits->max_recipients) {
		counter_add(COUNT_REFUSED_MANY, 1);
		session_say(s, "452 4.5.3 over %zu recipients", s->limits->max_recipients);
	} else {
		s->asking_notify = command->notify;
		memcpy(s->asking_orcpt, command->orcpt, sizeof s->asking_orcpt);
		session_ask(s, &to);
	}
}

static void act_data(struct session *s, const struct smtp_command *command)
{
	(void)command;
	if (s->tx.is_lost) {
		counter_add(COUNT_DEFERRED_MAIL, 1);
		session_say(s, OUT_OF_REACH);
		session_forget_mail(s);
	} else {
		session_say(s, "354 end with CRLF.CRLF");
		session_begin_content(s);
	}
}

static void act_bdat(struct session *s, const struct smtp_command *command)
{
	s->is_chunked = true;
	s->chunk_left = command->chunk_bytes;
	s->chunk_is_last = command->is_last;
	session_begin_content(s);
	session_octets(s, NULL, 0);
}

/* Its octets follow all the same. */
static void void_bdat(struct session *s, const struct smtp_command *command)
{
	s->chunk_is_void = true;
	s->chunk_left = command->chunk_bytes;
	s->need = SESSION_NEED_OCTETS;
	session_octets(s, NULL, 0);
}

static void act_rset(struct session *s, const struct smtp_command *command)
{
	(void)command;
	session_forget_mail(s);
	session_say(s, "250 2.0.0 ok");
}

static void act_noop(struct session *s, const struct smtp_command *command)
{
	(void)command;
	session_say(s, "250 2.0.0 ok");
}

static void act_vrfy(struct session *s, const struct smtp_command *command)
{
	(void)command;
	session_say(s, "252 2.5.0 try RCPT");
}

static void act_help(struct session *s, const struct smtp_command *command)
{
	(void)command;
	session_say(s, "214 2.0.0 HELO EHLO STARTTLS MAIL RCPT DATA BDAT RSET NOOP VRFY QUIT: "
		       "RFC 5321");
}

static void act_quit(struct session *s, const struct smtp_command *command)
{
	(void)command;
	session_forget_mail(s);
	session_say(s, "221 2.0.0 %s", s->limits->hostname);
	session_end(s, CLOSE_QUIT);
}

static void act_never(struct session *s, const struct smtp_command *command)
{
	session_complain(s, "502 5.5.1 no %s here", smtp_verb_name(command->verb));
}

/* Where a verb is legal, what it does, and what is said elsewhere. */
static const struct verb {
	enum smtp_verb verb;
	unsigned legal_in; /* of enum session_state */
	void (*act)(struct session *s, const struct smtp_command *command);
	const char *when_not;
} verbs[] = {
	{SMTP_HELO, ANYTIME, act_helo, NULL},
	{SMTP_EHLO, ANYTIME, act_ehlo, NULL},
	{SMTP_STARTTLS, SESSION_START | SESSION_READY, act_starttls,
	 "503 5.5.1 not now: a mail is in flight"},
	{SMTP_MAIL, SESSION_READY, act_mail, "503 5.5.1 not now: after EHLO, one mail at a time"},
	{SMTP_RCPT, SESSION_MAIL | SESSION_RCPT, act_rcpt, "503 5.5.1 not now: after MAIL"},
	{SMTP_DATA, SESSION_RCPT, act_data, "503 5.5.1 no valid recipients"},
	{SMTP_BDAT, SESSION_RCPT | SESSION_BDAT, act_bdat, NULL},
	{SMTP_RSET, ANYTIME, act_rset, NULL},
	{SMTP_NOOP, ANYTIME, act_noop, NULL},
	{SMTP_VRFY, ANYTIME, act_vrfy, NULL},
	{SMTP_HELP, ANYTIME, act_help, NULL},
	{SMTP_QUIT, ANYTIME, act_quit, NULL},
	{SMTP_EXPN, ANYTIME, act_never, NULL},
	{SMTP_AUTH, SESSION_READY, act_auth, "503 5.5.1 not now: after EHLO, and between mails"},
};

const struct session_kind session_mx = {
	.params = SMTP_PARAM_SIZE | SMTP_PARAM_BODY | SMTP_PARAM_SMTPUTF8,
	.may_rcpt = is_local,
};

static bool is_never(const struct session *s, const struct verb *v)
{
	return v->act == act_never || (v->act == act_auth && !s->limits->kind->auth);
}

static const struct verb *find_verb(enum smtp_verb verb)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == verb)
			return &verbs[i];
	return NULL;
}

static void refuse_command(struct session *s, const struct smtp_command *command)
{
	struct smtp_refusal r = smtp_command_refusal(command);

	session_complain(s, "%d %s %.300s", r.code, r.enhanced, r.text);
	if (command->verb == SMTP_BDAT)
		session_end(s, CLOSE_CHUNK);
}

/* RCPT behind RCPT is the one command whose answer does not depend on what pushsrv is just asked.
 */
static bool may_overtake(const struct session *s, const struct smtp_command *command)
{
	return command->verb == SMTP_RCPT && command->fault == SMTP_FAULT_NONE &&
	       (command->path.domain[0] == '\0' ||
		local_domains_has(s->limits->domains, command->path.domain)) &&
	       s->tx.accepted + s->awaited < s->limits->max_recipients &&
	       s->refused + s->awaited < s->limits->max_refused;
}

/* Content that did not wait for 354 may be the tail of a mail that another server saw as one and of
 * which this one shall see two: smuggling. Nothing behind DATA is a command to be trusted then,
 * least of all when DATA is refused. */
static bool is_content_ahead(const struct session *s, const struct smtp_command *command)
{
	return command->verb == SMTP_DATA &&
	       s->state & (SESSION_MAIL | SESSION_RCPT | SESSION_BDAT) && s->ops->is_ahead(s->arg);
}

static void refuse_ahead(struct session *s)
{
	counter_add(COUNT_REFUSED_AHEAD, 1);
	session_say(s, "554 5.5.0 content before 354");
	session_end(s, CLOSE_AHEAD);
}

bool verbs_run(struct session *s, const char *line, size_t n)
{
	const struct smtp_dialect dialect = {
		.is_utf8 = s->tx.is_utf8,
		.params = s->limits->kind->params,
	};
	struct smtp_command command;
	int err = smtp_command_parse(line, n, &dialect, &command);
	const struct verb *v = find_verb(command.verb);

	if (s->awaited > 0 && !may_overtake(s, &command))
		return false;
	if (is_content_ahead(s, &command))
		refuse_ahead(s);
	else if (v && is_never(s, v))
		act_never(s, &command);
	else if (err)
		refuse_command(s, &command);
	else if (v->legal_in & s->state)
		v->act(s, &command);
	else if (command.verb == SMTP_BDAT)
		void_bdat(s, &command);
	else
		session_complain(s, "%s", v->when_not);
	return true;
}
