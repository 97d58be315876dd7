#include "smtpgw/driver.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define OCTETS_AT_ONCE (64 * 1024)

/* ---- what the session asks for ---- */

void driver_reply(void *client, const char *octets, size_t n)
{
	struct driver *d = client;

	if (d->conn)
		conn_write(d->conn, octets, n);
}

bool driver_is_ahead(void *client)
{
	struct driver *d = client;

	return conn_waiting(d->conn) > 0;
}

/* ---- running ---- */

/* False: none is there yet. */
static bool get_line(struct driver *d)
{
	bool bare_lf = false;

	if (d->is_line_held)
		return true;
	int err = conn_line(d->conn, d->host->max_command, &d->line, &d->line_n, &bare_lf);
	if (err == E_AGAIN)
		return false;
	d->line_is = err       ? SESSION_LINE_TOO_LONG
		     : bare_lf ? SESSION_LINE_BARE_LF
			       : SESSION_LINE_WHOLE;
	if (err) {
		d->line = "";
		d->line_n = 0;
	}
	return true;
}

static bool take_line(struct driver *d)
{
	if (!get_line(d))
		return false;
	d->is_line_held = !session_line(&d->session, d->line, d->line_n, d->line_is);
	return true;
}

static bool take_octets(struct driver *d)
{
	size_t n = 0;
	const uint8_t *in = conn_peek(d->conn, OCTETS_AT_ONCE, &n);

	if (n == 0)
		return false;
	conn_take(d->conn, session_octets(&d->session, in, n));
	return true;
}

/* A mail that pushsrv is committing is not void because its client is let go. */
static void begin_close(struct driver *d)
{
	d->is_closing = true;
	if (!session_is_committing(&d->session))
		d->session.ops->abandon(d);
	conn_close(d->conn);
}

/* One step of the session; false: it waits. */
static bool step(struct driver *d)
{
	switch (d->session.need) {
	case SESSION_NEED_LINE:
		return take_line(d);
	case SESSION_NEED_OCTETS:
		return take_octets(d);
	case SESSION_NEED_TLS:
		d->is_securing = true;
		conn_start_tls(d->conn, d->host->tls);
		return false;
	case SESSION_NEED_CLOSE:
		begin_close(d);
		return false;
	case SESSION_NEED_STORE:
	case SESSION_NEED_RULING:
	default:
		return false;
	}
}

static bool is_stopped(struct driver *d)
{
	if (d->conn && conn_unsent(d->conn) > DRIVER_UNSENT_MAX)
		d->is_backlogged = true;
	return !d->conn || d->way->is_stalled(d) || d->is_backlogged || d->is_securing ||
	       d->is_closing;
}

static void pause_or_resume(struct driver *d)
{
	bool is_stalled = d->way->is_stalled(d) || d->is_backlogged;
	bool is_asking =
		d->session.need == SESSION_NEED_STORE || d->session.need == SESSION_NEED_RULING;
	bool wants_pause = is_stalled || is_asking;

	/* A client that has said more already awaits all the answers (RFC 2920, 3.2). */
	conn_hold(d->conn, is_asking && !is_stalled && !d->is_closing &&
				   (d->is_line_held || conn_waiting(d->conn) > 0));
	if (wants_pause == d->is_paused)
		return;
	d->is_paused = wants_pause;
	if (wants_pause)
		conn_pause(d->conn);
	else
		conn_resume(d->conn);
}

static void log_end(const struct driver *d)
{
	const struct session *s = &d->session;
	bool is_quiet = s->mails == 0 && s->errors == 0;

	log_event(is_quiet ? LOG_DEBUG : LOG_INFO, "session-end", LOG_TEXT("session", s->label),
		  LOG_TEXT("reason", close_word(s->reason)), LOG_TEXT("peer", d->ip),
		  LOG_TEXT("helo", s->client), LOG_INT("tls", s->is_tls),
		  LOG_INT("commands", s->commands), LOG_INT("mails", s->mails),
		  LOG_INT("accepted", s->accepted), LOG_INT("refused", s->refused),
		  LOG_INT("errors", s->errors),
		  LOG_INT("ms", (clock_mono_us() - d->began_us) / 1000), LOG_END);
}

static bool is_needed(const struct driver *d)
{
	return d->conn || session_is_committing(&d->session) ||
	       (d->way->is_awaited && d->way->is_awaited(d));
}

/* The last act, when neither the client nor the way on knows of it any more. */
static void let_go(struct driver *d)
{
	d->session.ops->abandon(d);
	log_end(d);
	count_close(d->session.reason);
	counter_add(COUNT_SESSIONS, -1);
	session_close(&d->session);
	d->way->free(d);
}

void driver_run(struct driver *d)
{
	if (d->is_running)
		return;
	d->is_running = true;
	while (!is_stopped(d) && step(d))
		;
	d->is_running = false;
	if (d->conn)
		pause_or_resume(d);
	else if (!is_needed(d))
		let_go(d);
}

/* ---- what the conn says ---- */

static void on_input(void *session)
{
	driver_run(session);
}

static void on_drained(void *session)
{
	struct driver *d = session;

	if (d->is_backlogged) {
		d->is_backlogged = false;
		driver_run(d);
	}
}

static void on_secured(void *session)
{
	struct driver *d = session;

	d->is_securing = false;
	session_secured(&d->session);
	driver_run(d);
}

/* Content that is still coming is not ours yet: the client keeps it and brings it again. */
static void on_timed_out(void *session, enum conn_end why)
{
	struct driver *d = session;

	if (d->is_closing)
		return;
	session_goodbye(&d->session, why == CONN_END_SHUTDOWN ? CLOSE_SHUTDOWN
				     : why == CONN_END_TOTAL  ? CLOSE_TOTAL
							      : CLOSE_IDLE);
	begin_close(d);
}

static void on_closed(void *session, enum conn_end why)
{
	static const enum close_reason reasons[] = {
		[CONN_END_LOCAL] = CLOSE_PEER, /* not used: closing it ourselves has a reason */
		[CONN_END_ABORT] = CLOSE_MEMORY, [CONN_END_PEER] = CLOSE_PEER,
		[CONN_END_IDLE] = CLOSE_IDLE,    [CONN_END_TOTAL] = CLOSE_TOTAL,
		[CONN_END_TLS] = CLOSE_TLS,      [CONN_END_SHUTDOWN] = CLOSE_SHUTDOWN,
	};
	struct driver *d = session;

	d->conn = NULL;
	if (!d->is_closing)
		d->session.reason = reasons[why];
	if (!is_needed(d))
		let_go(d);
}

static const struct conn_ops conn_ops = {
	.input = on_input,
	.drained = on_drained,
	.secured = on_secured,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

void driver_open(struct driver *d, const struct driver_way *way, const struct driver_host *host,
		 struct conn *c)
{
	char label[SESSION_LABEL_MAX];

	d->way = way;
	d->host = host;
	d->conn = c;
	d->began_us = clock_mono_us();
	addr_format(&conn_peer(c)->addr, d->ip);
	counter_add(COUNT_CONNECTIONS, 1);
	counter_add(COUNT_SESSIONS, 1);
	conn_attach(c, &conn_ops, d);
	conn_set_idle(c, host->idle_s);
	conn_set_total(c, host->total_s);
	snprintf(label, sizeof label, "%" PRIx64 "-%" PRIx64, (uint64_t)clock_now_us() / 1000,
		 conn_id(c) & 0xffffffff);
	session_open(&d->session, &host->limits, label, d->ip, way->ops, d);
}
