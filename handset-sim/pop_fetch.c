#include "handset-sim/pop_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conn.h"
#include "lib/err.h"
#include "lib/wire/base64.h"
#include "lib/wire/smtp/data.h"

#define LINE_LIMIT    8192
#define SESSION_S     60
#define MESSAGE_LIMIT (64 * 1024 * 1024)

enum fetch_state { F_GREETING, F_LOGIN, F_STAT, F_RETR, F_MESSAGE, F_DELE, F_QUIT, F_OVER };

struct pop_fetch {
	struct fetch_request r;
	struct conn *conn;
	enum fetch_state state;
	int login_step;
	unsigned count, at; /* messages, and the one whose answer is awaited */
	struct smtp_data data;
	uint8_t *message;
	size_t length, size;
	enum fetch_end end;
	bool abandoned;
};

static void over(struct pop_fetch *f, enum fetch_end end)
{
	f->state = F_OVER;
	f->end = end;
	conn_close(f->conn);
}

/* ---- logging in ---- */

static void say_base64(struct pop_fetch *f, const char *before, const char *octets, size_t n)
{
	char text[1024];

	base64_encode(BASE64_STD, (const uint8_t *)octets, n, text);
	conn_printf(f->conn, "%s%s\r\n", before, text);
}

static void say_sasl(struct pop_fetch *f)
{
	char text[512];
	int n = 0;
	const char *login = f->r.login, *token = f->r.token;

	switch (f->r.form) {
	case LOGIN_PLAIN:
		n = snprintf(text, sizeof text, "%c%s%c%s", 0, login, 0, token);
		say_base64(f, "AUTH PLAIN ", text, (size_t)n);
		break;
	case LOGIN_OAUTHBEARER:
		n = snprintf(text, sizeof text, "n,a=%s,\001auth=Bearer %s\001\001", login, token);
		say_base64(f, "AUTH OAUTHBEARER ", text, (size_t)n);
		break;
	case LOGIN_XOAUTH2:
		n = snprintf(text, sizeof text, "user=%s\001auth=Bearer %s\001\001", login, token);
		say_base64(f, "AUTH XOAUTH2 ", text, (size_t)n);
		break;
	default:
		break;
	}
}

/* The next line of the login; false when there is none: the last answer decides. */
static bool login_next(struct pop_fetch *f)
{
	int step = f->login_step++;

	switch (f->r.form) {
	case LOGIN_USERPASS:
	case LOGIN_TOKEN:
		if (step == 0)
			conn_printf(f->conn, "USER %s\r\n",
				    f->r.form == LOGIN_TOKEN ? f->r.token : f->r.login);
		else if (step == 1)
			conn_printf(f->conn, "PASS %s\r\n",
				    f->r.form == LOGIN_TOKEN ? "x" : f->r.token);
		return step < 2;
	case LOGIN_LOGIN:
		if (step == 0)
			conn_printf(f->conn, "AUTH LOGIN\r\n");
		else if (step == 1)
			say_base64(f, "", f->r.login, strlen(f->r.login));
		else if (step == 2)
			say_base64(f, "", f->r.token, strlen(f->r.token));
		return step < 3;
	default:
		if (step == 0)
			say_sasl(f);
		return step < 1;
	}
}

static enum fetch_end reason(const char *line)
{
	return strstr(line, "[AUTH]") ? FETCH_DENIED : FETCH_LATER;
}

/* ---- the session ---- */

static void on_stat(struct pop_fetch *f, const char *line)
{
	f->count = (unsigned)strtoul(line + 3, NULL, 10);
	f->at = 1;
	if (!f->count) {
		f->state = F_QUIT;
		conn_printf(f->conn, "QUIT\r\n");
		return;
	}
	f->state = F_RETR;
	for (unsigned i = 1; i <= f->count; i++)
		conn_printf(f->conn, "RETR %u\r\n", i);
}

static void on_all_taken(struct pop_fetch *f)
{
	f->state = F_DELE;
	f->at = 1;
	for (unsigned i = 1; i <= f->count; i++)
		conn_printf(f->conn, "DELE %u\r\n", i);
}

static void on_line(struct pop_fetch *f, const char *line)
{
	bool ok = line[0] == '+';

	if (!ok) {
		over(f, reason(line));
		return;
	}
	switch (f->state) {
	case F_GREETING:
		f->state = F_LOGIN;
		login_next(f);
		return;
	case F_LOGIN:
		if (login_next(f))
			return;
		f->state = F_STAT;
		conn_printf(f->conn, "STAT\r\n");
		return;
	case F_STAT:
		on_stat(f, line);
		return;
	case F_RETR:
		f->state = F_MESSAGE;
		f->length = 0;
		smtp_data_init(&f->data, MESSAGE_LIMIT);
		return;
	case F_DELE:
		if (f->at++ == f->count) {
			f->state = F_QUIT;
			conn_printf(f->conn, "QUIT\r\n");
		}
		return;
	case F_QUIT:
		over(f, FETCH_DONE);
		return;
	case F_MESSAGE:
	case F_OVER:
		return;
	}
}

static void keep(void *arg, const uint8_t *run, size_t n)
{
	struct pop_fetch *f = arg;

	if (f->length + n > f->size) {
		size_t size = 2 * (f->length + n);
		uint8_t *grown = size > MESSAGE_LIMIT ? NULL : realloc(f->message, size);
		if (!grown)
			return; /* the message is short then: the ledger calls it altered */
		f->message = grown;
		f->size = size;
	}
	memcpy(f->message + f->length, run, n);
	f->length += n;
}

static bool read_message(struct pop_fetch *f)
{
	size_t n, used;
	const uint8_t *octets = conn_peek(f->conn, 65536, &n);

	if (!n)
		return false;
	int done = smtp_data_feed(&f->data, octets, n, &used, keep, f);
	conn_take(f->conn, used);
	if (!done)
		return true;
	f->r.message(f->r.arg, f->message, f->length);
	f->state = F_RETR;
	if (f->at++ == f->count)
		on_all_taken(f);
	return true;
}

static void on_input(void *session)
{
	struct pop_fetch *f = session;
	char *line;
	size_t n;
	bool bare;

	while (f->state != F_OVER && !f->abandoned) {
		if (f->state == F_MESSAGE) {
			if (!read_message(f))
				return;
			continue;
		}
		int rc = conn_line(f->conn, LINE_LIMIT, &line, &n, &bare);
		if (rc == E_AGAIN)
			return;
		if (rc)
			over(f, FETCH_LATER);
		else
			on_line(f, line);
	}
}

static void on_connected(void *session)
{
	struct pop_fetch *f = session;

	if (f->r.tls)
		conn_start_client_tls(f->conn, f->r.tls);
}

static void on_closed(void *session, enum conn_end why)
{
	struct pop_fetch *f = session;

	(void)why;
	if (!f->abandoned)
		f->r.ended(f->r.arg, f->state == F_OVER ? f->end : FETCH_LATER);
	free(f->message);
	free(f);
}

static const struct conn_ops fetch_ops = {
	.input = on_input, .connected = on_connected, .closed = on_closed};

int pop_fetch_start(struct loop *loop, const struct fetch_request *request, struct pop_fetch **out)
{
	struct pop_fetch *f = calloc(1, sizeof *f);

	if (!f)
		return E_NOMEM;
	f->r = *request;
	int rc = conn_connect_from(loop, &request->from, &request->to, request->port, &fetch_ops, f,
				   &f->conn);
	if (rc) {
		free(f);
		return rc;
	}
	conn_set_total(f->conn, SESSION_S);
	*out = f;
	return 0;
}

void pop_fetch_abandon(struct pop_fetch *f)
{
	f->abandoned = true;
	conn_abort(f->conn);
}
