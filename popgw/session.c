#include "popgw/session.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/rules/weaken.h"

static const struct conn_ops session_ops;

const char *pop_state_name(enum pop_state state)
{
	static const char *const names[POP_STATES] = {
		[POP_AUTHORIZATION] = "authorization",
		[POP_TRANSACTION] = "transaction",
		[POP_UPDATE] = "update",
		[POP_ENDED] = "ended",
	};

	return names[state];
}

void session_enter(struct session *s, enum pop_state to)
{
	log_event(LOG_DEBUG, "state", LOG_INT("session", s->id),
		  LOG_TEXT("from", pop_state_name(s->state)), LOG_TEXT("to", pop_state_name(to)),
		  LOG_END);
	s->state = to;
}

/* ---- birth ---- */

/* Runs on our loop after another session took our maildrop over. */
static void lock_lost(struct loop_task *task)
{
	struct session *s = (struct session *)((char *)task - offsetof(struct session, lock.lost));

	s->lost = true;
	session_end(s, CLOSE_TAKEN);
	session_settle(s);
}

/* The others have had their turn: the rest of the lines. */
static void take_turn(struct loop_task *task)
{
	struct session *s = (struct session *)((char *)task - offsetof(struct session, turn));

	s->in_queue = false;
	session_done(s);
	session_settle(s);
}

void session_accept(struct worker *w, const char *realm, struct conn *c)
{
	struct session *s = calloc(1, sizeof(*s));
	const struct conn_peer *peer = conn_peer(c);

	if (!s) {
		conn_abort(c);
		return;
	}
	s->worker = w;
	s->conn = c;
	s->realm = realm;
	s->addr = peer->addr;
	s->port = peer->port;
	s->id = conn_id(c);
	s->began_us = clock_now_us();
	s->turn.run = take_turn;
	s->lock.lost.run = lock_lost;
	s->lock.loop = w->loop;
	s->lock.conn = s->id;
	worker_add(w, s);
	count(COUNT_SESSIONS, 1);
	conn_attach(c, &session_ops, s);
	conn_set_idle(c, w->popgw->conf->popgw_idle_seconds);
	conn_set_total(c, w->popgw->conf->popgw_login_seconds);
	SESSION_SAY(s, "+OK Hato POP3 ready");
}

/* ---- lines in ---- */

/* An AUTH line is the verb, the mechanism and a response as long as a line of the exchange may be.
 */
#define AUTH_WORDS 64

static size_t line_limit(const struct session *s)
{
	size_t limit = (size_t)s->worker->popgw->conf->popgw_max_line;

	return s->state == POP_AUTHORIZATION ? limit + AUTH_WORDS : limit;
}

/* A client that sends a thousand commands at once must not keep the loop from the others. */
#define LINES_A_TURN 64

/* One line, if there is one; false: there is none yet. */
static bool take_line(struct session *s)
{
	char *line;
	size_t length;
	bool bare_lf;

	if (conn_unsent(s->conn) >= OUTPUT_HIGH) {
		s->backlogged = s->in_command = true;
		return false;
	}
	int err = conn_line(s->conn, line_limit(s), &line, &length, &bare_lf);
	if (err == E_AGAIN)
		return false;
	s->in_command = true;
	if (err) {
		if (s->login.exchanging)
			login_forget(s);
		session_wrong(s, "-ERR the line is too long");
	} else {
		verbs_run(s, line, length);
	}
	return true;
}

static void session_input(void *arg)
{
	struct session *s = arg;

	if (s->reading || s->securing)
		return;
	int left = LINES_A_TURN;
	s->reading = true;
	while (left && s->state != POP_ENDED && !s->in_command && !s->securing && take_line(s))
		left--;
	s->reading = false;
	if (s->state == POP_ENDED || s->securing)
		return;
	if (!left && !s->in_command) {
		s->in_command = s->in_queue = true;
		loop_post(s->worker->loop, &s->turn);
	}
	if (s->in_command && !s->paused) {
		s->paused = true;
		conn_pause(s->conn);
	}
}

void session_done(struct session *s)
{
	if (s->state == POP_ENDED)
		return;
	s->in_command = false;
	if (s->paused && !s->reading) {
		s->paused = false;
		conn_resume(s->conn);
	}
}

void session_wrong(struct session *s, const char *text)
{
	if (++s->errors >= (unsigned)s->worker->popgw->conf->popgw_max_errors) {
		SESSION_SAY(s, "-ERR too many wrong commands");
		session_end(s, CLOSE_NOISE);
		return;
	}
	conn_write(s->conn, text, strlen(text));
	conn_write(s->conn, "\r\n", 2);
	session_done(s);
}

static void session_drained(void *arg)
{
	struct session *s = arg;

	if (s->state == POP_ENDED)
		return;
	if (s->backlogged) {
		s->backlogged = false;
		session_done(s);
	} else {
		output_drained(s);
	}
}

static void session_secured(void *arg)
{
	struct session *s = arg;

	s->securing = false;
	session_done(s);
}

/* ---- the binding, again and again ---- */

void session_ask(struct session *s)
{
	s->ops++;
}

bool session_back(struct session *s)
{
	s->ops--;
	if (s->state != POP_ENDED)
		return true;
	session_settle(s);
	return false;
}

static bool still_holds(const struct session *s, const struct binding *b)
{
	if (!PROTECTED(RECHECK))
		return true;
	return key_equal(&b->key, &s->who.key) &&
	       binding_opens_mail(b, s->who.subscriber, s->who.generation, clock_now_us());
}

void session_cut_moved(struct session *s, const struct binding *now)
{
	char text[ADDR_TEXT_MAX];

	log_event(LOG_WARN, "binding-moved", LOG_INT("session", s->id), LOG_TEXT("realm", s->realm),
		  LOG_TEXT("address", addr_format(&s->addr, text)),
		  LOG_TEXT("account", s->who.msisdn), LOG_INT("generation", s->who.generation),
		  LOG_INT("generation_now", now ? now->generation : 0),
		  LOG_TEXT("state_now", key_state_name(now ? now->state : KEY_FREE)), LOG_END);
	session_end(s, CLOSE_MOVED);
}

static void on_checked(void *arg, int err, const struct binding *b, bool behind)
{
	struct session *s = arg;

	(void)behind; /* forbids new tokens and datagrams; open mail stays open */
	if (!session_back(s))
		return;
	if (err && err != E_NOT_FOUND) {
		if (s->output.step) {
			session_end(s, CLOSE_STORE);
		} else {
			SESSION_SAY(s, "-ERR [SYS/TEMP] the store cannot be asked, try later");
			session_done(s);
		}
		return;
	}
	if (err || !still_holds(s, b))
		session_cut_moved(s, err ? NULL : b);
	else
		s->checked(s);
}

void session_check(struct session *s, void (*then)(struct session *s))
{
	s->checked = then;
	session_ask(s);
	binding_check(s->worker->db, s->realm, &s->addr, s->port, &s->seen, on_checked, s);
}

static void on_rechecked(void *arg, int err, const struct binding *b, bool behind)
{
	struct session *s = arg;

	(void)behind;
	if (!session_back(s) || s->state != POP_TRANSACTION)
		return;
	if (err == E_NOT_FOUND || (!err && !still_holds(s, b)))
		session_cut_moved(s, err ? NULL : b);
}

void session_recheck(struct session *s)
{
	/* In UPDATE the store's own transaction looks at the binding; what it did is what is told.
	 */
	if (s->state != POP_TRANSACTION)
		return;
	session_ask(s);
	binding_check(s->worker->db, s->realm, &s->addr, s->port, &s->seen, on_rechecked, s);
}

/* ---- the end ---- */

void session_unlock(struct session *s)
{
	if (s->has_lock && !s->updating && maildrop_lock_release(s->worker->popgw->locks, &s->lock))
		s->has_lock = false;
}

void session_end(struct session *s, enum close_reason reason)
{
	if (s->state == POP_ENDED)
		return;
	if (s->state == POP_TRANSACTION && reason != CLOSE_QUIT)
		update_abandon(s);
	s->reason = reason;
	session_enter(s, POP_ENDED);
	session_unlock(s);
	if (!s->conn)
		return;
	if (close_cuts(reason))
		conn_abort(s->conn);
	else
		conn_close(s->conn);
}

static void log_end(const struct session *s)
{
	char text[ADDR_TEXT_MAX];

	log_event(LOG_INFO, "session-end", LOG_INT("session", s->id),
		  LOG_TEXT("reason", close_word(s->reason)), LOG_TEXT("realm", s->realm),
		  LOG_TEXT("address", addr_format(&s->addr, text)),
		  LOG_TEXT("account", s->who.msisdn), LOG_INT("generation", s->who.generation),
		  LOG_INT("messages", s->drop ? s->drop->count : 0), LOG_INT("read", s->read_count),
		  LOG_INT("deleted", s->deleted_count), LOG_INT("octets", s->sent_octets),
		  LOG_INT("errors", s->errors),
		  LOG_INT("ms", (clock_now_us() - s->began_us) / 1000), LOG_END);
}

/* Frees it when nothing will call it any more. */
void session_settle(struct session *s)
{
	if (s->conn || s->ops || s->rechecking || s->in_queue)
		return;
	session_unlock(s);
	if (s->has_lock && !s->lost)
		return;
	log_end(s);
	count_close(s->reason);
	count(COUNT_SESSIONS, -1);
	sasl_server_fini(&s->login.sasl);
	maildrop_close(s);
	loop_timer_free(s->patience);
	worker_remove(s->worker, s);
	free(s);
}

static void session_closed(void *arg, enum conn_end why)
{
	static const enum close_reason reasons[] = {
		[CONN_END_LOCAL] = CLOSE_QUIT, /* ended before: the reason is known */
		[CONN_END_ABORT] = CLOSE_STORE, [CONN_END_PEER] = CLOSE_PEER,
		[CONN_END_IDLE] = CLOSE_IDLE,   [CONN_END_TOTAL] = CLOSE_TOTAL,
		[CONN_END_TLS] = CLOSE_TLS,     [CONN_END_SHUTDOWN] = CLOSE_SHUTDOWN,
	};
	struct session *s = arg;

	s->conn = NULL;
	session_end(s, reasons[why]);
	session_settle(s);
}

/* RFC 1939 3: an autologout closes without deleting and without a word. Only who has not logged in
 * is told. */
static void session_timed_out(void *arg, enum conn_end why)
{
	struct session *s = arg;

	if (why == CONN_END_SHUTDOWN) {
		session_end(s, CLOSE_SHUTDOWN);
	} else if (why == CONN_END_TOTAL && s->state == POP_AUTHORIZATION) {
		SESSION_SAY(s, "-ERR [SYS/TEMP] the login took too long");
		session_end(s, CLOSE_LOGIN_TIME);
	} else {
		session_end(s, why == CONN_END_TOTAL ? CLOSE_TOTAL : CLOSE_IDLE);
	}
}

static const struct conn_ops session_ops = {
	.input = session_input,
	.drained = session_drained,
	.secured = session_secured,
	.timed_out = session_timed_out,
	.closed = session_closed,
};
