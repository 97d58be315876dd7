#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"
#include "lib/token.h"
#include "popgw/identify.h"
#include "popgw/session.h"

/* Every form ends in the same two things, a login id (perhaps none) and a token, in
 * s->login.sasl.credentials: AUTH PLAIN | LOGIN | OAUTHBEARER | XOAUTH2      RFC 5034 USER id, PASS
 * token                              RFC 1939 7 USER token, PASS anything                        a
 * handset that knows nothing but its token */

bool login_is_offered(const struct session *s)
{
	return s->state == POP_AUTHORIZATION &&
	       (conn_is_tls(s->conn) || !s->worker->popgw->conf->popgw_auth_requires_tls);
}

static void refuse(struct session *s, enum refusal why)
{
	char text[128];

	snprintf(text, sizeof(text), "-ERR %s", refusal_answer(why));
	/* Neither our store's trouble nor another session is the client's mistake. */
	if (why == REFUSAL_STORE || why == REFUSAL_MEMORY || why == REFUSAL_IN_USE) {
		conn_printf(s->conn, "%s\r\n", text);
		session_done(s);
	} else {
		session_wrong(s, text);
	}
}

static void log_refusal(const struct session *s, enum refusal why)
{
	char text[ADDR_TEXT_MAX];

	log_event(refusal_level(why), "login-refused", LOG_INT("session", s->id),
		  LOG_TEXT("why", refusal_word(why)), LOG_TEXT("realm", s->realm),
		  LOG_TEXT("address", addr_format(&s->addr, text)),
		  LOG_TEXT("account", s->who.msisdn), LOG_END);
}

/* A login may not even begin without TLS where TLS is asked for. */
static bool may_begin(struct session *s)
{
	if (login_is_offered(s))
		return true;
	count_refusal(REFUSAL_NO_TLS);
	refuse(s, REFUSAL_NO_TLS);
	return false;
}

void login_forget(struct session *s)
{
	sasl_server_fini(&s->login.sasl);
	s->login = (struct login){0};
}

/* ---- USER and PASS ---- */

static bool is_token_text(const char *text, size_t length)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	if (length != TOKEN_TEXT)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!memchr(alphabet, text[i], sizeof(alphabet) - 1))
			return false;
	return true;
}

static void put_token(struct login *l, const char *text, size_t length)
{
	struct sasl_credentials *c = &l->sasl.credentials;

	/* Longer than any token is wrong; the empty one is wrong in the same way. */
	c->token_len = length <= SASL_TOKEN_MAX ? length : 0;
	memcpy(c->token, text, c->token_len);
	c->token[c->token_len] = '\0';
}

void login_user(struct session *s)
{
	const char *name = s->command.text;
	size_t length = s->command.text_len;

	if (!may_begin(s))
		return;
	login_forget(s);
	if (length > SASL_LOGIN_MAX) {
		session_wrong(s, "-ERR the name is too long");
		return;
	}
	s->login.has_user = true;
	s->login.user_token = is_token_text(name, length);
	if (s->login.user_token) {
		put_token(&s->login, name, length);
	} else {
		memcpy(s->login.sasl.credentials.login, name, length);
		s->login.sasl.credentials.login[length] = '\0';
	}
	SESSION_SAY(s, "+OK");
	session_done(s);
}

void login_pass(struct session *s)
{
	if (!may_begin(s))
		return;
	if (!s->login.has_user) {
		session_wrong(s, "-ERR USER first");
		return;
	}
	if (!s->login.user_token)
		put_token(&s->login, s->command.text, s->command.text_len);
	identify_start(s);
}

/* ---- AUTH ---- */

static void list_mechanisms(struct session *s)
{
	SESSION_SAY(s, "+OK");
	for (int m = 0; m < SASL_MECHANISMS; m++) {
		const char *name = sasl_mechanism_name((enum sasl_mechanism)m);
		conn_write(s->conn, name, strlen(name));
		SESSION_SAY(s, "");
	}
	SESSION_SAY(s, ".");
	session_done(s);
}

static void take_step(struct session *s, enum sasl_step step)
{
	struct sasl_server *sasl = &s->login.sasl;
	int err = sasl->error;

	s->login.exchanging = step == SASL_CHALLENGE;
	switch (step) {
	case SASL_CHALLENGE:
		conn_write(s->conn, "+ ", 2);
		conn_write(s->conn, sasl->challenge, strlen(sasl->challenge));
		SESSION_SAY(s, "");
		session_done(s);
		break;
	case SASL_CREDENTIALS:
		identify_start(s);
		break;
	case SASL_CANCELLED:
		login_forget(s);
		session_wrong(s, "-ERR cancelled");
		break;
	case SASL_FAILED:
		login_forget(s);
		if (err == E_AUTH)
			session_wrong(s, "-ERR [AUTH] the login failed");
		else
			session_wrong(s, "-ERR not the form of this mechanism");
		break;
	}
}

void login_auth(struct session *s)
{
	enum sasl_mechanism mechanism;
	const struct pop3_command *c = &s->command;

	if (!may_begin(s))
		return;
	if (!c->has_arg) {
		list_mechanisms(s);
		return;
	}
	if (sasl_mechanism_find(c->text, c->text_len, &mechanism)) {
		session_wrong(s, "-ERR no such mechanism");
		return;
	}
	login_forget(s);
	s->login.by_sasl = true;
	take_step(s, sasl_server_start(&s->login.sasl, mechanism, c->initial, c->initial_len));
}

void login_answer(struct session *s, const char *line, size_t length)
{
	enum refusal why = s->login.refused;
	enum sasl_step step = sasl_server_answer(&s->login.sasl, line, length);

	if (why != REFUSAL_NONE && step == SASL_FAILED) {
		/* The round that OAUTHBEARER and XOAUTH2 want between the reason and the end. */
		login_forget(s);
		refuse(s, why);
	} else {
		take_step(s, step);
	}
}

/* ---- the decision ---- */

static void log_in(struct session *s)
{
	login_forget(s);
	count(COUNT_LOGINS, 1);
	session_enter(s, POP_TRANSACTION);
	conn_set_total(s->conn, s->worker->popgw->conf->popgw_total_seconds);
	SESSION_SAY(s, "+OK welcome");
	session_done(s);
}

void login_decided(struct session *s, enum refusal why)
{
	if (why == REFUSAL_NONE) {
		log_in(s);
		return;
	}
	count_refusal(why);
	log_refusal(s, why);
	s->who = (struct who){0};
	bool ours = why == REFUSAL_STORE || why == REFUSAL_MEMORY || why == REFUSAL_IN_USE;
	if (s->login.by_sasl && !ours) {
		enum sasl_step step = sasl_server_reject(&s->login.sasl);
		if (step == SASL_CHALLENGE) {
			s->login.refused = why;
			take_step(s, step);
			return;
		}
	}
	login_forget(s);
	refuse(s, why);
}
