#include "lib/err.h"
#include "popgw/session.h"

static void act_capa(struct session *s)
{
	SESSION_SAY(s,
		    "+OK\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUTF8\r\n"
		    "EXPIRE NEVER\r\nIMPLEMENTATION Hato");
	if (s->state == POP_AUTHORIZATION && !conn_is_tls(s->conn))
		SESSION_SAY(s, "STLS");
	if (login_is_offered(s))
		SESSION_SAY(s, "USER\r\nSASL PLAIN LOGIN OAUTHBEARER XOAUTH2");
	SESSION_SAY(s, ".");
	session_done(s);
}

static void act_stls(struct session *s)
{
	if (conn_is_tls(s->conn)) {
		session_wrong(s, "-ERR TLS is up already");
		return;
	}
	SESSION_SAY(s, "+OK begin TLS");
	/* What was said in clear counts no more (RFC 2595 4); the octets behind STLS are thrown
	 * away by conn_start_tls. */
	login_forget(s);
	s->securing = true;
	conn_start_tls(s->conn, s->worker->popgw->tls);
}

static void act_noop(struct session *s)
{
	SESSION_SAY(s, "+OK");
	session_done(s);
}

/* RFC 6856 2: from here on UTF-8 may come in headers. What is stored is sent as it is, so nothing
 * changes. */
static void act_utf8(struct session *s)
{
	SESSION_SAY(s, "+OK UTF-8 it is");
	session_done(s);
}

#define IN(state) (1u << (state))
#define AUTH      IN(POP_AUTHORIZATION)
#define TRANS     IN(POP_TRANSACTION)

enum need { NOTHING, BINDING };

/* Where a verb is legal, whether the binding must hold first, and what it does. A row without an
 * act is unknown here. */
static const struct verb {
	unsigned legal_in;
	enum need need;
	void (*act)(struct session *s);
} verbs[] = {
	[POP3_USER] = {AUTH, NOTHING, login_user},
	[POP3_PASS] = {AUTH, NOTHING, login_pass},
	[POP3_AUTH] = {AUTH, NOTHING, login_auth},
	[POP3_STLS] = {AUTH, NOTHING, act_stls},
	[POP3_UTF8] = {AUTH, NOTHING, act_utf8},
	[POP3_CAPA] = {AUTH | TRANS, NOTHING, act_capa},
	[POP3_NOOP] = {TRANS, NOTHING, act_noop},
	[POP3_STAT] = {TRANS, BINDING, maildrop_stat},
	[POP3_LIST] = {TRANS, BINDING, maildrop_list},
	[POP3_UIDL] = {TRANS, BINDING, maildrop_uidl},
	[POP3_RETR] = {TRANS, BINDING, retr_begin},
	[POP3_TOP] = {TRANS, BINDING, retr_top},
	[POP3_DELE] = {TRANS, BINDING, maildrop_dele},
	[POP3_RSET] = {TRANS, BINDING, maildrop_rset},
	[POP3_QUIT] = {AUTH | TRANS, NOTHING,
		       update_quit}, /* the store checks it in its transaction */
	[POP3_LANG] = {0},
};
#define VERBS (sizeof(verbs) / sizeof(verbs[0]))

static void refuse_line(struct session *s, int err)
{
	switch (err) {
	case E_RANGE:
		SESSION_SAY(s, "-ERR no such message");
		session_done(s);
		break;
	case E_TOO_LARGE:
		session_wrong(s, "-ERR the line is too long");
		break;
	default:
		session_wrong(s, "-ERR wrong arguments");
		break;
	}
}

void verbs_run(struct session *s, const char *line, size_t length)
{
	if (s->login.exchanging) {
		login_answer(s, line, length);
		return;
	}
	int err = pop3_command_parse(line, length, &s->command);
	const struct verb *v = s->command.verb < VERBS ? &verbs[s->command.verb] : NULL;

	if (!v || !v->act)
		session_wrong(s, "-ERR unknown command");
	else if (!(v->legal_in & IN(s->state)))
		session_wrong(s, s->state == POP_AUTHORIZATION ? "-ERR log in first"
							       : "-ERR not after the login");
	else if (err)
		refuse_line(s, err);
	else if (v->need == BINDING)
		session_check(s, v->act);
	else
		v->act(s);
}
