#include "handset-sim/smtp_submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/err.h"
#include "lib/wire/base64.h"
#include "lib/wire/smtp/data.h"

#define LINE_LIMIT 2048
#define SESSION_S  60

enum submit_state { S_GREETING, S_EHLO, S_AUTH, S_MAIL, S_RCPT, S_DATA, S_END, S_QUIT, S_OVER };

struct smtp_submit {
	struct submit_request r;
	struct conn *conn;
	enum submit_state state;
	struct submit_mail mail;
	int64_t sent_us;
	enum submit_end end;
	bool abandoned;
};

static void over(struct smtp_submit *s, enum submit_end end)
{
	s->state = S_OVER;
	s->end = end;
	conn_close(s->conn);
}

static void say_auth(struct smtp_submit *s)
{
	char octets[512], text[BASE64_TEXT_MAX(512)];
	int n = snprintf(octets, sizeof octets, "%c%s%c%s", 0, s->r.login, 0, s->r.token);

	base64_encode(BASE64_STD, (const uint8_t *)octets, (size_t)n, text);
	conn_printf(s->conn, "AUTH PLAIN %s\r\n", text);
}

static void to_conn(void *arg, const uint8_t *run, size_t n)
{
	conn_write(arg, run, n);
}

static void say_content(struct smtp_submit *s)
{
	struct dot_stuff stuff = {0};

	dot_stuff_feed(&stuff, (const uint8_t *)s->mail.octets, s->mail.size, to_conn, s->conn);
	dot_stuff_end(&stuff, to_conn, s->conn);
	s->sent_us = clock_mono_us();
}

/* Step by step: what is refused at one is not said at the next. */
static void next_mail(struct smtp_submit *s)
{
	if (s->r.next(s->r.arg, &s->mail)) {
		s->state = S_MAIL;
		conn_set_total(s->conn, SESSION_S);
		conn_printf(s->conn, "MAIL FROM:<%s>\r\n", s->mail.from);
	} else {
		s->state = S_QUIT;
		conn_printf(s->conn, "QUIT\r\n");
	}
}

static void on_refused(struct smtp_submit *s, const char *reply)
{
	bool is_mail = s->state >= S_MAIL && s->state <= S_END;

	if (!strncmp(reply, "535", 3) || !strncmp(reply, "530", 3)) {
		over(s, SUBMIT_DENIED);
	} else if (reply[0] == '5' && is_mail) {
		s->r.answered(s->r.arg, false, 0);
		conn_printf(s->conn, "RSET\r\n");
		s->state = S_AUTH; /* its answer is one after which the next letter begins */
	} else {
		over(s, SUBMIT_LATER);
	}
}

static void on_reply(struct smtp_submit *s, const char *reply)
{
	if (reply[0] != (s->state == S_DATA ? '3' : '2')) {
		on_refused(s, reply);
		return;
	}
	switch (s->state) {
	case S_GREETING:
		s->state = S_EHLO;
		conn_printf(s->conn, "EHLO handset.example\r\n");
		return;
	case S_EHLO:
		s->state = S_AUTH;
		say_auth(s);
		return;
	case S_MAIL:
		s->state = S_RCPT;
		conn_printf(s->conn, "RCPT TO:<%s>\r\n", s->mail.to);
		return;
	case S_RCPT:
		s->state = S_DATA;
		conn_printf(s->conn, "DATA\r\n");
		return;
	case S_DATA:
		s->state = S_END;
		say_content(s);
		return;
	case S_END:
		s->r.answered(s->r.arg, true, clock_mono_us() - s->sent_us);
		next_mail(s);
		return;
	case S_AUTH:
		next_mail(s);
		return;
	case S_QUIT:
		over(s, SUBMIT_DONE);
		return;
	case S_OVER:
		return;
	}
}

static void on_input(void *session)
{
	struct smtp_submit *s = session;
	char *text;
	size_t n;
	bool bare;

	while (s->state != S_OVER && !s->abandoned) {
		int rc = conn_line(s->conn, LINE_LIMIT, &text, &n, &bare);
		if (rc == E_AGAIN)
			return;
		if (rc)
			over(s, SUBMIT_LATER);
		else if (n >= 4 && text[3] == ' ') /* the last line of a reply decides */
			on_reply(s, text);
	}
}

static void on_connected(void *session)
{
	struct smtp_submit *s = session;

	if (s->r.tls)
		conn_start_client_tls(s->conn, s->r.tls);
}

static void on_closed(void *session, enum conn_end why)
{
	struct smtp_submit *s = session;

	(void)why;
	if (!s->abandoned)
		s->r.ended(s->r.arg, s->state == S_OVER ? s->end : SUBMIT_LATER);
	free(s);
}

static const struct conn_ops submit_ops = {
	.input = on_input, .connected = on_connected, .closed = on_closed};

int smtp_submit_start(struct loop *loop, const struct submit_request *request,
		      struct smtp_submit **out)
{
	struct smtp_submit *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->r = *request;
	int rc = conn_connect_from(loop, &request->from, &request->to, request->port, &submit_ops,
				   s, &s->conn);
	if (rc) {
		free(s);
		return rc;
	}
	conn_set_total(s->conn, SESSION_S);
	*out = s;
	return 0;
}

void smtp_submit_abandon(struct smtp_submit *s)
{
	s->abandoned = true;
	conn_abort(s->conn);
}
