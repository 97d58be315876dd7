/* What is done otherwise at the submission ports: AUTH, and who may say MAIL and RCPT. RFC 6409,
 * 4954. */
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "smtpgw/session.h"
#include "smtpgw/submission/refusals.h"

static bool is_auth_offered(const struct session *s)
{
	return s->is_tls || !s->limits->auth_requires_tls;
}

static void offer(struct session *s)
{
	char line[128] = "250-AUTH";
	size_t n = strlen(line);

	session_say(s, "250-DSN");
	if (!is_auth_offered(s))
		return;
	for (int m = 0; m < SASL_MECHANISMS; m++)
		n += (size_t)snprintf(line + n, sizeof line - n, " %s",
				      sasl_mechanism_name((enum sasl_mechanism)m));
	session_say(s, "%s", line);
}

/* ---- AUTH ---- */

static void fail(struct session *s, int err)
{
	session_forget_login(s);
	if (err == E_AUTH)
		session_complain(s, "535 5.7.8 the login failed");
	else if (err == E_TOO_LARGE)
		session_complain(s, "500 5.5.6 the line is too long");
	else
		session_complain(s, "501 5.5.2 not the form of this mechanism");
}

static void take_step(struct session *s, enum sasl_step step)
{
	s->auth.is_exchanging = step == SASL_CHALLENGE;
	switch (step) {
	case SASL_CHALLENGE:
		session_say(s, "334 %s", s->auth.sasl.challenge);
		break;
	case SASL_CREDENTIALS:
		s->need = SESSION_NEED_RULING;
		s->ops->authenticate(s->arg);
		break;
	case SASL_CANCELLED:
		session_forget_login(s);
		session_complain(s, "501 5.7.0 cancelled");
		break;
	case SASL_FAILED:
		fail(s, s->auth.sasl.error);
		break;
	}
}

static void auth(struct session *s, const struct smtp_command *command)
{
	enum sasl_mechanism mechanism;

	if (s->auth.is_done) {
		session_complain(s, "503 5.5.1 you are known already");
	} else if (!is_auth_offered(s)) {
		session_complain(s, "538 5.7.11 TLS first: use STARTTLS");
	} else if (sasl_mechanism_find(command->mechanism, strlen(command->mechanism),
				       &mechanism)) {
		session_complain(s, "504 5.5.4 no such mechanism");
	} else {
		session_forget_login(s);
		take_step(s, sasl_server_start(&s->auth.sasl, mechanism, command->argument,
					       command->argument_len));
	}
}

static void refuse(struct session *s, enum identity_verdict verdict)
{
	const struct refusal *r = refusal_of(verdict);

	session_forget_login(s);
	/* Our store's trouble is not the client's mistake. */
	if (verdict == IDENTITY_STORE)
		session_say(s, "%d %s %s", r->code, r->enhanced, r->text);
	else
		session_complain(s, "%d %s %s", r->code, r->enhanced, r->text);
}

/* The round that OAUTHBEARER and XOAUTH2 want between the reason and the end takes any line. */
static void auth_line(struct session *s, const char *line, size_t n)
{
	enum identity_verdict refused = s->auth.refused;
	enum sasl_step step = sasl_server_answer(&s->auth.sasl, line, n);

	if (refused != IDENTITY_GOOD && step == SASL_FAILED)
		refuse(s, refused);
	else
		take_step(s, step);
}

void session_authenticated(struct session *s, enum identity_verdict verdict)
{
	s->need = SESSION_NEED_LINE;
	if (verdict == IDENTITY_GOOD) {
		session_forget_login(s);
		s->auth.is_done = true;
		session_say(s, "235 2.7.0 welcome");
		return;
	}
	if (verdict != IDENTITY_STORE && sasl_server_reject(&s->auth.sasl) == SASL_CHALLENGE) {
		s->auth.refused = verdict;
		take_step(s, SASL_CHALLENGE);
		return;
	}
	refuse(s, verdict);
}

/* ---- MAIL, RCPT ---- */

static bool may_mail(struct session *s)
{
	if (s->auth.is_done || s->limits->trusts_pop)
		return true;
	session_complain(s, "530 5.7.0 authentication required%s",
			 is_auth_offered(s) ? "" : ": STARTTLS, then AUTH");
	return false;
}

/* A literal names a machine of whatever network we stand in, and none that has an MX. */
static bool may_rcpt(struct session *s, const struct mailaddr *to)
{
	if (to->domain[0] != '[' || local_domains_has(s->limits->domains, to->domain))
		return true;
	session_say(s, "550 5.1.2 no mail to addresses without a domain");
	return false;
}

const struct session_kind session_submission = {
	.params = SMTP_PARAM_SIZE | SMTP_PARAM_BODY | SMTP_PARAM_SMTPUTF8 | SMTP_PARAM_AUTH |
		  SMTP_PARAMS_DSN,
	.hides_client = true,
	.asks_sender = true,
	.offer = offer,
	.auth = auth,
	.auth_line = auth_line,
	.may_mail = may_mail,
	.may_rcpt = may_rcpt,
};
