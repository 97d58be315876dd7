#include "handset-sim/mail_sender.h"

#include <stdlib.h>
#include <string.h>

#include "handset-sim/network.h"
#include "lib/clock.h"
#include "lib/conn.h"
#include "lib/err.h"
#include "lib/wire/smtp/data.h"

#define LINE_LIMIT 2048
#define STEP_S     60
#define PAUSE_US   200000
#define NO_MAIL    SIZE_MAX
/* mails that wait for another try: as many as there are connections suffices */
#define RETRIES_MAX 4096

enum line_state { L_CLOSED, L_GREETING, L_EHLO, L_READY, L_MAIL, L_RCPT, L_DATA, L_END };

/* One SMTP connection. */
struct line {
	struct mail_sender *sender;
	struct conn *conn;
	enum line_state state;
	bool is_lmtp;
	size_t mail;
	struct loop_timer *pause;
};

struct mail_sender {
	struct loop *loop;
	struct sender_options o;
	struct ledger *ledger;
	void (*done)(void *arg);
	void *arg;
	struct line *lines;
	size_t next, open; /* the next mail; those that are not accepted or refused yet */
	size_t retries[RETRIES_MAX], retry_count;
	int64_t started_us;
	struct loop_timer *tick;
	bool freeing;
};

static void line_work(struct line *l);

/* ---- which mail, and when ---- */

static size_t take_mail(struct mail_sender *s)
{
	if (s->retry_count)
		return s->retries[--s->retry_count];
	if (s->next == s->ledger->count)
		return NO_MAIL;
	if (s->o.rate > 0) {
		int64_t due = s->started_us + (int64_t)(1e6 * (double)s->next / s->o.rate);
		int64_t now = clock_mono_us();
		if (due > now) {
			loop_timer_set(s->tick, due - now);
			return NO_MAIL;
		}
	}
	return s->next++;
}

static void settle(struct line *l, bool accepted)
{
	struct mail_sender *s = l->sender;

	if (accepted)
		ledger_accepted(s->ledger, l->mail, clock_mono_us());
	else
		ledger_refused(s->ledger, l->mail);
	l->mail = NO_MAIL;
	if (--s->open == 0)
		s->done(s->arg);
}

/* Later: the mail goes back, the connection rests. */
static void retry(struct line *l)
{
	struct mail_sender *s = l->sender;

	if (l->mail != NO_MAIL && s->retry_count < RETRIES_MAX)
		s->retries[s->retry_count++] = l->mail;
	l->mail = NO_MAIL;
	loop_timer_set(l->pause, PAUSE_US);
}

/* ---- the dialogue ---- */

static void to_conn(void *arg, const uint8_t *run, size_t n)
{
	conn_write(arg, run, n);
}

static void send_content(struct line *l)
{
	const struct ledger *ledger = l->sender->ledger;
	const struct corpus_message *m = &ledger->corpus->messages[ledger->mails[l->mail].message];
	struct dot_stuff stuff = {0};
	char field[LEDGER_FIELD_MAX];

	conn_write(l->conn, field, ledger_field(ledger, l->mail, field));
	dot_stuff_feed(&stuff, (const uint8_t *)"\r\n", 0, to_conn, l->conn);
	dot_stuff_feed(&stuff, m->octets, m->size, to_conn, l->conn);
	if (m->size)
		dot_stuff_end(&stuff, to_conn, l->conn);
	else
		conn_write(l->conn, ".\r\n", 3);
	ledger_content(l->sender->ledger, l->mail, clock_mono_us());
}

static void send_envelope(struct line *l)
{
	char msisdn[16], imsi[16], address[64];
	uint32_t phone = l->sender->ledger->mails[l->mail].phone;

	network_names(l->sender->o.first + phone, msisdn, imsi, address);
	ledger_sending(l->sender->ledger, l->mail, clock_mono_us());
	conn_printf(
		l->conn,
		"MAIL FROM:<sender%zu@outside.example> BODY=8BITMIME\r\nRCPT TO:<%s>\r\nDATA\r\n",
		l->mail, address);
	conn_set_total(l->conn, STEP_S);
	l->state = L_MAIL;
}

static void refused(struct line *l, const char *reply)
{
	/* MAIL, RCPT and DATA were pipelined: the answers to the rest are not waited for. */
	if (reply[0] == '5')
		settle(l, false);
	else
		retry(l);
	l->state = L_CLOSED;
	conn_abort(l->conn);
}

static void on_reply(struct line *l, const char *reply)
{
	static const char expected[] = {[L_GREETING] = '2', [L_EHLO] = '2', [L_MAIL] = '2',
					[L_RCPT] = '2',     [L_DATA] = '3', [L_END] = '2'};

	if (l->state == L_READY || l->state == L_CLOSED)
		return;
	if (reply[0] != expected[l->state]) {
		refused(l, reply);
		return;
	}
	switch (l->state) {
	case L_GREETING:
		conn_printf(l->conn, "%s outside.example\r\n", l->is_lmtp ? "LHLO" : "EHLO");
		l->state = L_EHLO;
		return;
	case L_EHLO:
		l->state = L_READY;
		line_work(l);
		return;
	case L_MAIL:
		l->state = L_RCPT;
		return;
	case L_RCPT:
		l->state = L_DATA;
		return;
	case L_DATA:
		l->state = L_END;
		send_content(l);
		return;
	case L_END:
		l->state = L_READY;
		settle(l, true);
		line_work(l);
		return;
	case L_READY:
	case L_CLOSED:
		return;
	}
}

static void on_input(void *session)
{
	struct line *l = session;
	char *text;
	size_t n;
	bool bare;

	while (l->conn && !conn_line(l->conn, LINE_LIMIT, &text, &n, &bare))
		if (n >= 4 && text[3] == ' ') /* the last line of a reply decides */
			on_reply(l, text);
}

static void on_closed(void *session, enum conn_end why)
{
	struct line *l = session;

	(void)why;
	l->conn = NULL;
	l->state = L_CLOSED;
	if (l->sender->freeing)
		return;
	if (l->mail != NO_MAIL)
		retry(l);
	else
		loop_timer_set(l->pause, PAUSE_US);
}

static const struct conn_ops line_ops = {.input = on_input, .closed = on_closed};

static int line_dial(struct line *l)
{
	const struct sender_options *o = &l->sender->o;

	return conn_connect(l->sender->loop, l->is_lmtp ? &o->lmtp_to : &o->to,
			    l->is_lmtp ? o->lmtp_port : o->port, &line_ops, l, &l->conn);
}

static void line_work(struct line *l)
{
	struct mail_sender *s = l->sender;

	if (l->conn && l->state != L_READY)
		return;
	if (!l->conn && (s->retry_count || s->next < s->ledger->count)) {
		if (line_dial(l))
			loop_timer_set(l->pause, PAUSE_US);
		else
			l->state = L_GREETING;
		return;
	}
	if (!l->conn)
		return;
	l->mail = take_mail(s);
	if (l->mail != NO_MAIL)
		send_envelope(l);
	else
		conn_set_total(l->conn, 0);
}

static void on_pause(void *arg)
{
	line_work(arg);
}

static void on_tick(void *arg)
{
	struct mail_sender *s = arg;
	size_t first = s->next; /* another one each time: all have their share at any rate */

	for (uint32_t i = 0; i < s->o.connections; i++) {
		struct line *l = &s->lines[(first + i) % s->o.connections];
		if (l->state == L_READY || l->state == L_CLOSED)
			line_work(l);
	}
}

int mail_sender_new(struct loop *loop, const struct sender_options *o, struct ledger *l,
		    void (*done)(void *arg), void *arg, struct mail_sender **out)
{
	struct mail_sender *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	*s = (struct mail_sender){.loop = loop, .o = *o, .ledger = l, .done = done, .arg = arg};
	s->open = l->count;
	s->tick = loop_timer_new(loop, on_tick, s);
	s->lines = calloc(o->connections, sizeof *s->lines);
	if (!s->tick || !s->lines) {
		mail_sender_free(s);
		return E_NOMEM;
	}
	for (uint32_t i = 0; i < o->connections; i++) {
		s->lines[i] = (struct line){.sender = s, .mail = NO_MAIL, .is_lmtp = i < o->lmtp};
		s->lines[i].pause = loop_timer_new(loop, on_pause, &s->lines[i]);
		if (!s->lines[i].pause) {
			mail_sender_free(s);
			return E_NOMEM;
		}
	}
	*out = s;
	return 0;
}

void mail_sender_start(struct mail_sender *s)
{
	s->started_us = clock_mono_us();
	if (!s->open) {
		s->done(s->arg);
		return;
	}
	for (uint32_t i = 0; i < s->o.connections; i++)
		line_work(&s->lines[i]);
}

void mail_sender_free(struct mail_sender *s)
{
	if (!s)
		return;
	s->freeing = true;
	for (uint32_t i = 0; s->lines && i < s->o.connections; i++) {
		if (s->lines[i].conn)
			conn_abort(s->lines[i].conn);
		loop_timer_free(s->lines[i].pause);
	}
	loop_timer_free(s->tick);
	/* Connections that are closing still point to their lines: those go with the process. */
}
