#include "smtpgw/peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define OCTETS_AT_ONCE (64 * 1024)

struct peer {
	struct peer_host *host;
	struct conn *conn; /* null: closed */
	struct session session;
	struct lmtp_client *lmtp; /* the mail's, null: it has none */
	struct lmtp_ticket ticket;
	struct inspection *inspection; /* the mail's, null: nothing is checked */
	char ip[ADDR_TEXT_MAX];
	int64_t began_us;

	bool is_running; /* in run(): what comes at once leaves the rest to it */
	bool is_paused;
	bool is_waiting;    /* for a connection to pushsrv */
	bool is_choked;     /* pushsrv does not take content as fast as it comes */
	bool is_backlogged; /* the client does not take its answers */
	bool is_securing;   /* the handshake */
	bool is_closing;    /* conn_close was called */

	bool is_line_held; /* the session said: not now. In the conn's buffer: */
	char *line;
	size_t line_n;
	enum session_line_is line_is;
};

static void run(struct peer *p);

/* ---- what the session asks for ---- */

static void op_reply(void *arg, const char *octets, size_t n)
{
	struct peer *p = arg;

	if (p->conn)
		conn_write(p->conn, octets, n);
}

static bool op_is_ahead(void *arg)
{
	struct peer *p = arg;

	return conn_waiting(p->conn) > 0;
}

static bool op_can_store(void *arg)
{
	struct peer *p = arg;

	return lmtp_pool_is_up(p->host->pool);
}

static const struct lmtp_holder_ops holder_ops;

/* With the recipient that it waited for. */
static void begin_mail(struct peer *p, struct lmtp_client *l)
{
	const struct session *s = &p->session;

	p->lmtp = l;
	lmtp_client_begin(l, &s->tx, &holder_ops, p);
	lmtp_client_rcpt(l, &s->awaiting[s->first]);
}

static void on_granted(void *arg, struct lmtp_client *l)
{
	struct peer *p = arg;

	p->is_waiting = false;
	if (l)
		begin_mail(p, l);
	else
		session_store_lost(&p->session);
	run(p);
}

static void op_rcpt(void *arg, const struct mailaddr *to)
{
	struct peer *p = arg;
	struct lmtp_client *l;

	if (p->lmtp) {
		lmtp_client_rcpt(p->lmtp, to);
		return;
	}
	p->is_waiting = true;
	int err = lmtp_pool_take(p->host->pool, &p->ticket, &l);
	if (err == E_AGAIN)
		return;
	p->is_waiting = false;
	if (err)
		session_store_lost(&p->session);
	else
		begin_mail(p, l);
}

static void op_content(void *arg, const uint8_t *octets, size_t n, bool is_last)
{
	struct peer *p = arg;

	lmtp_client_content(p->lmtp, octets, n, is_last);
	p->is_choked = p->lmtp && lmtp_client_is_full(p->lmtp);
}

static void op_trace(void *arg, const char *fields, size_t n)
{
	struct peer *p = arg;

	lmtp_client_trace(p->lmtp, fields, n);
}

static void op_abandon(void *arg)
{
	struct peer *p = arg;

	inspection_end(p->inspection);
	p->inspection = NULL;
	lmtp_pool_leave(p->host->pool, &p->ticket);
	if (p->lmtp)
		lmtp_client_abandon(p->lmtp);
	p->lmtp = NULL;
	p->is_waiting = p->is_choked = false;
}

/* ---- what is found out about the mail ---- */

static void log_ruling(const struct peer *p, const struct ruling *ruling)
{
	log_event(LOG_INFO, "mail-refused", LOG_TEXT("id", p->session.tx.id),
		  LOG_TEXT("peer", p->ip), LOG_TEXT("check", ruling->check),
		  LOG_INT("code", ruling->code), LOG_TEXT("answer", ruling->text), LOG_END);
}

static void on_ruled(void *arg, const struct ruling *ruling)
{
	struct peer *p = arg;
	char trace[INSPECTION_TRACE_MAX];
	struct session_ruling words = {.refusal = {ruling->code, ruling->enhanced, ruling->text},
				       .trace = trace};

	if (ruling->code)
		log_ruling(p, ruling);
	else if (p->session.state == SESSION_CONTENT)
		words.trace_n = inspection_trace(p->inspection, trace);
	session_ruled(&p->session, &words);
	run(p);
}

static void op_inspect(void *arg)
{
	struct peer *p = arg;
	const struct session *s = &p->session;
	const struct inspection_mail mail = {
		.client = conn_peer(p->conn)->addr,
		.helo = s->client,
		.reverse_path = &s->tx.reverse_path,
		.id = s->tx.id,
		.ruled = on_ruled,
		.arg = p,
	};

	p->inspection = inspection_begin(p->host->inspector, &mail);
}

static const struct session_ruling go_on;

static void op_inspect_octets(void *arg, const uint8_t *octets, size_t n)
{
	struct peer *p = arg;

	if (p->inspection)
		inspection_octets(p->inspection, octets, n);
}

static void op_inspect_rcpt(void *arg, const struct mailaddr *to)
{
	struct peer *p = arg;

	if (p->inspection)
		inspection_rcpt(p->inspection, to);
	else
		session_ruled(&p->session, &go_on);
}

static void op_inspect_content(void *arg)
{
	struct peer *p = arg;

	if (p->inspection)
		inspection_complete(p->inspection);
	else
		session_ruled(&p->session, &go_on);
}

static const struct session_ops session_ops = {
	.reply = op_reply,
	.is_ahead = op_is_ahead,
	.can_store = op_can_store,
	.rcpt = op_rcpt,
	.content = op_content,
	.trace = op_trace,
	.abandon = op_abandon,
	.inspect = op_inspect,
	.inspect_octets = op_inspect_octets,
	.inspect_rcpt = op_inspect_rcpt,
	.inspect_content = op_inspect_content,
};

/* ---- what pushsrv says ---- */

static void on_rcpt_answered(void *arg, const struct session_answer *answer)
{
	struct peer *p = arg;

	session_rcpt_answered(&p->session, answer);
	run(p);
}

static void log_outcome(const struct peer *p, const struct session_answer *answer)
{
	const struct transaction *t = &p->session.tx;
	bool is_stored = answer->code / 100 == 2;

	if (is_stored && !p->conn)
		counter_add(COUNT_UNHEARD, 1);
	log_event(LOG_INFO, is_stored ? "mail-accepted" : "mail-refused", LOG_TEXT("id", t->id),
		  LOG_INT("size", t->size), LOG_INT("recipients", t->accepted),
		  LOG_TEXT("peer", p->ip), LOG_INT("code", answer->code),
		  LOG_TEXT("answer", answer->text), LOG_INT("heard", p->conn != NULL), LOG_END);
}

static void on_mail_answered(void *arg, const struct session_answer *answer)
{
	struct peer *p = arg;

	p->lmtp = NULL;
	log_outcome(p, answer);
	session_mail_answered(&p->session, answer);
	run(p);
}

static void on_lost(void *arg)
{
	struct peer *p = arg;

	p->lmtp = NULL;
	p->is_choked = false;
	if (session_is_committing(&p->session))
		log_event(LOG_WARN, "mail-outcome-unknown", LOG_TEXT("id", p->session.tx.id),
			  LOG_TEXT("peer", p->ip), LOG_END);
	session_store_lost(&p->session);
	run(p);
}

static void on_taken(void *arg)
{
	struct peer *p = arg;

	if (p->is_choked) {
		p->is_choked = false;
		run(p);
	}
}

static const struct lmtp_holder_ops holder_ops = {
	.rcpt_answered = on_rcpt_answered,
	.mail_answered = on_mail_answered,
	.lost = on_lost,
	.drained = on_taken,
};

/* ---- running ---- */

/* False: none is there yet. */
static bool get_line(struct peer *p)
{
	bool bare_lf = false;

	if (p->is_line_held)
		return true;
	int err = conn_line(p->conn, p->host->max_command, &p->line, &p->line_n, &bare_lf);
	if (err == E_AGAIN)
		return false;
	p->line_is = err       ? SESSION_LINE_TOO_LONG
		     : bare_lf ? SESSION_LINE_BARE_LF
			       : SESSION_LINE_WHOLE;
	if (err) {
		p->line = "";
		p->line_n = 0;
	}
	return true;
}

static bool take_line(struct peer *p)
{
	if (!get_line(p))
		return false;
	p->is_line_held = !session_line(&p->session, p->line, p->line_n, p->line_is);
	return true;
}

static bool take_octets(struct peer *p)
{
	size_t n = 0;
	const uint8_t *in = conn_peek(p->conn, OCTETS_AT_ONCE, &n);

	if (n == 0)
		return false;
	conn_take(p->conn, session_octets(&p->session, in, n));
	return true;
}

/* A mail that pushsrv is committing is not void because its client is let go. */
static void begin_close(struct peer *p)
{
	p->is_closing = true;
	if (!session_is_committing(&p->session))
		op_abandon(p);
	conn_close(p->conn);
}

/* One step of the session; false: it waits. */
static bool step(struct peer *p)
{
	switch (p->session.need) {
	case SESSION_NEED_LINE:
		return take_line(p);
	case SESSION_NEED_OCTETS:
		return take_octets(p);
	case SESSION_NEED_TLS:
		p->is_securing = true;
		conn_start_tls(p->conn, p->host->tls);
		return false;
	case SESSION_NEED_CLOSE:
		begin_close(p);
		return false;
	case SESSION_NEED_STORE:
	case SESSION_NEED_RULING:
	default:
		return false;
	}
}

static bool is_stopped(struct peer *p)
{
	if (p->conn && conn_unsent(p->conn) > PEER_UNSENT_MAX)
		p->is_backlogged = true;
	return !p->conn || p->is_waiting || p->is_choked || p->is_backlogged || p->is_securing ||
	       p->is_closing;
}

static void pause_or_resume(struct peer *p)
{
	bool wants_pause = p->is_waiting || p->is_choked || p->is_backlogged ||
			   p->session.need == SESSION_NEED_STORE ||
			   p->session.need == SESSION_NEED_RULING;

	if (wants_pause == p->is_paused)
		return;
	p->is_paused = wants_pause;
	if (wants_pause)
		conn_pause(p->conn);
	else
		conn_resume(p->conn);
}

static void log_end(const struct peer *p)
{
	const struct session *s = &p->session;
	bool is_quiet = s->mails == 0 && s->errors == 0;

	log_event(is_quiet ? LOG_DEBUG : LOG_INFO, "session-end", LOG_TEXT("session", s->label),
		  LOG_TEXT("reason", close_word(s->reason)), LOG_TEXT("peer", p->ip),
		  LOG_TEXT("helo", s->client), LOG_INT("tls", s->is_tls),
		  LOG_INT("commands", s->commands), LOG_INT("mails", s->mails),
		  LOG_INT("accepted", s->accepted), LOG_INT("errors", s->errors),
		  LOG_INT("ms", (clock_mono_us() - p->began_us) / 1000), LOG_END);
}

/* The last act, when neither client nor pushsrv knows of it any more. */
static void peer_free(struct peer *p)
{
	op_abandon(p);
	log_end(p);
	count_close(p->session.reason);
	counter_add(COUNT_SESSIONS, -1);
	session_close(&p->session);
	free(p);
}

static void run(struct peer *p)
{
	if (p->is_running)
		return;
	p->is_running = true;
	while (!is_stopped(p) && step(p))
		;
	p->is_running = false;
	if (p->conn)
		pause_or_resume(p);
	else if (!session_is_committing(&p->session))
		peer_free(p);
}

/* ---- what the conn says ---- */

static void on_input(void *session)
{
	run(session);
}

static void on_drained(void *session)
{
	struct peer *p = session;

	if (p->is_backlogged) {
		p->is_backlogged = false;
		run(p);
	}
}

static void on_secured(void *session)
{
	struct peer *p = session;

	p->is_securing = false;
	session_secured(&p->session);
	run(p);
}

/* Content that is still coming is not ours yet: the client keeps it and brings it again. */
static void on_timed_out(void *session, enum conn_end why)
{
	struct peer *p = session;

	if (p->is_closing)
		return;
	session_goodbye(&p->session, why == CONN_END_SHUTDOWN ? CLOSE_SHUTDOWN
				     : why == CONN_END_TOTAL  ? CLOSE_TOTAL
							      : CLOSE_IDLE);
	begin_close(p);
}

static void on_closed(void *session, enum conn_end why)
{
	static const enum close_reason reasons[] = {
		[CONN_END_LOCAL] = CLOSE_PEER, /* not used: closing it ourselves has a reason */
		[CONN_END_ABORT] = CLOSE_MEMORY, [CONN_END_PEER] = CLOSE_PEER,
		[CONN_END_IDLE] = CLOSE_IDLE,    [CONN_END_TOTAL] = CLOSE_TOTAL,
		[CONN_END_TLS] = CLOSE_TLS,      [CONN_END_SHUTDOWN] = CLOSE_SHUTDOWN,
	};
	struct peer *p = session;

	p->conn = NULL;
	if (!p->is_closing)
		p->session.reason = reasons[why];
	if (!session_is_committing(&p->session))
		peer_free(p);
}

static const struct conn_ops conn_ops = {
	.input = on_input,
	.drained = on_drained,
	.secured = on_secured,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

void peer_accepted(void *host, struct conn *c)
{
	struct peer_host *h = host;
	struct peer *p = calloc(1, sizeof *p);
	char label[SESSION_LABEL_MAX];

	if (!p) {
		conn_abort(c);
		return;
	}
	p->host = h;
	p->conn = c;
	p->ticket = (struct lmtp_ticket){.granted = on_granted, .arg = p};
	p->began_us = clock_mono_us();
	addr_format(&conn_peer(c)->addr, p->ip);
	counter_add(COUNT_CONNECTIONS, 1);
	counter_add(COUNT_SESSIONS, 1);
	conn_attach(c, &conn_ops, p);
	conn_set_idle(c, h->idle_s);
	conn_set_total(c, h->total_s);
	snprintf(label, sizeof label, "%" PRIx64 "-%" PRIx64, (uint64_t)clock_now_us() / 1000,
		 conn_id(c) & 0xffffffff);
	session_open(&p->session, &h->limits, label, p->ip, &session_ops, p);
}
