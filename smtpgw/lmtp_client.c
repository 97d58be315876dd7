#include "smtpgw/lmtp_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/smtp/reply.h"

#define LINE_MAX_READ 4096 /* pushsrv keeps to 512; more is no answer */

enum lmtp_state { LMTP_OPENING, LMTP_IDLE, LMTP_HELD, LMTP_DONE, LMTP_CLOSED };

struct lmtp_client {
	const struct lmtp_settings *settings;
	struct conn *conn;
	struct loop_timer *timer; /* for the next answer */
	const struct lmtp_owner_ops *owner;
	void *owner_arg;
	const struct lmtp_holder_ops *ops; /* null: nobody holds it, or nobody cares */
	void *arg;
	enum lmtp_state state;
	bool was_up;
	bool takes_trace; /* it offered XTRACE */
	bool takes_xid;   /* and XID */

	/* What is asked and not answered yet, in the order of the answers. */
	bool expects_greeting, expects_lhlo, expects_mail;
	size_t expects_rcpt, expects_chunk, expects_last;
	bool expects_trace, expects_rset;

	int64_t used_us;           /* when holder or pushsrv said something last */
	size_t accepted;           /* recipients */
	bool is_refused;           /* by MAIL or by a chunk: `refusal` says how */
	size_t last_answers;       /* of them, so far */
	struct smtp_reply refusal; /* and the first answer after the last chunk */
	struct smtp_reply reply;
};

static void enter(struct lmtp_client *l, enum lmtp_state to)
{
	l->state = to;
}

static bool expects_any(const struct lmtp_client *l)
{
	return l->expects_greeting || l->expects_lhlo || l->expects_mail || l->expects_rcpt ||
	       l->expects_chunk || l->expects_trace || l->expects_last || l->expects_rset;
}

static void watch(struct lmtp_client *l)
{
	l->used_us = clock_mono_us();
	if (expects_any(l))
		loop_timer_set(l->timer, l->settings->step_us);
	else
		loop_timer_stop(l->timer);
}

static void let_go(struct lmtp_client *l)
{
	l->ops = NULL;
	l->arg = NULL;
}

/* ---- the end ---- */

static void tell_lost(struct lmtp_client *l)
{
	const struct lmtp_holder_ops *ops = l->ops;
	void *arg = l->arg;

	let_go(l);
	if (!ops)
		return;
	counter_add(COUNT_LMTP_LOST, 1);
	ops->lost(arg);
}

/* Whatever was not answered never will be. `closed` follows from the loop. */
static void give_up(struct lmtp_client *l, const char *why)
{
	if (l->state == LMTP_CLOSED)
		return;
	log_event(l->state == LMTP_IDLE ? LOG_DEBUG : LOG_WARN, "lmtp-given-up",
		  LOG_INT("conn", conn_id(l->conn)), LOG_TEXT("why", why),
		  LOG_TEXT("answer", l->reply.text), LOG_INT("code", l->reply.code), LOG_END);
	enter(l, LMTP_CLOSED);
	conn_abort(l->conn);
	tell_lost(l);
}

static void on_silence(void *arg)
{
	struct lmtp_client *l = arg;

	counter_add(COUNT_LMTP_TIMEOUTS, 1);
	give_up(l, "no answer in time");
}

static void on_closed(void *arg, enum conn_end why)
{
	struct lmtp_client *l = arg;
	bool was_up = l->was_up;

	if (l->state == LMTP_HELD || l->state == LMTP_DONE)
		log_event(LOG_WARN, "lmtp-lost", LOG_INT("why", why), LOG_END);
	enter(l, LMTP_CLOSED);
	l->conn = NULL;
	tell_lost(l);
	loop_timer_free(l->timer);
	l->owner->closed(l->owner_arg, l, was_up);
	free(l);
}

void lmtp_client_close(struct lmtp_client *l)
{
	if (l->state == LMTP_CLOSED)
		return;
	bool is_idle = l->state == LMTP_IDLE;
	enter(l, LMTP_CLOSED);
	if (is_idle) {
		conn_printf(l->conn, "QUIT\r\n");
		conn_close(l->conn);
	} else {
		conn_abort(l->conn);
	}
}

/* ---- answers ---- */

static struct session_answer answer_of(const struct smtp_reply *r)
{
	return (struct session_answer){r->code, r->enhanced, r->text};
}

static bool is_good(const struct smtp_reply *r)
{
	return r->code / 100 == 2;
}

static void refuse(struct lmtp_client *l)
{
	if (!l->is_refused)
		l->refusal = l->reply;
	l->is_refused = true;
}

static void become_idle(struct lmtp_client *l, bool is_new)
{
	let_go(l);
	enter(l, LMTP_IDLE);
	l->owner->idle(l->owner_arg, l, is_new);
}

static void heard_greeting(struct lmtp_client *l)
{
	l->expects_greeting = false;
	if (!is_good(&l->reply)) {
		give_up(l, "no welcome");
		return;
	}
	conn_printf(l->conn, "LHLO %s\r\n", l->settings->hostname);
	l->expects_lhlo = true;
}

static void heard_lhlo(struct lmtp_client *l)
{
	static const char *const needed[] = {"XATOMIC", "CHUNKING", "PIPELINING", "SMTPUTF8",
					     "8BITMIME"};

	l->expects_lhlo = false;
	if (!is_good(&l->reply)) {
		give_up(l, "LHLO refused");
		return;
	}
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (!smtp_reply_keyword(&l->reply, needed[i])) {
			give_up(l, "this is not pushsrv: it lacks an extension");
			return;
		}
	l->was_up = true;
	l->takes_trace = smtp_reply_keyword(&l->reply, "XTRACE");
	l->takes_xid = smtp_reply_keyword(&l->reply, "XID");
	become_idle(l, true);
}

static void heard_rcpt(struct lmtp_client *l)
{
	const struct session_answer answer = answer_of(l->is_refused ? &l->refusal : &l->reply);

	l->expects_rcpt--;
	l->accepted += is_good(&l->reply);
	if (l->ops)
		l->ops->rcpt_answered(l->arg, &answer);
}

/* Without what the checks found the mail is still the sender's. */
static void heard_trace(struct lmtp_client *l)
{
	l->expects_trace = false;
	if (!is_good(&l->reply))
		log_event(LOG_WARN, "lmtp-trace-refused", LOG_INT("code", l->reply.code),
			  LOG_TEXT("answer", l->reply.text), LOG_END);
}

/* All recipients heard the same, so the mail is stored for all or for none. */
static void tell_outcome(struct lmtp_client *l)
{
	const struct lmtp_holder_ops *ops = l->ops;
	void *arg = l->arg;
	struct smtp_reply outcome = l->refusal;
	const struct session_answer answer = answer_of(&outcome);

	become_idle(l, false);
	if (ops)
		ops->mail_answered(arg, &answer);
}

static void heard_last(struct lmtp_client *l)
{
	if (l->last_answers++ == 0)
		l->refusal = l->reply;
	l->expects_last--;
	if (l->refusal.code != l->reply.code)
		give_up(l, "recipients of one mail were answered differently");
	else if (l->expects_last == 0)
		tell_outcome(l);
}

static void heard(struct lmtp_client *l)
{
	if (l->reply.code == 421) {
		give_up(l, "pushsrv says goodbye");
	} else if (l->expects_greeting) {
		heard_greeting(l);
	} else if (l->expects_lhlo) {
		heard_lhlo(l);
	} else if (l->expects_mail) {
		l->expects_mail = false;
		if (!is_good(&l->reply))
			refuse(l);
	} else if (l->expects_rcpt > 0) {
		heard_rcpt(l);
	} else if (l->expects_chunk > 0) {
		l->expects_chunk--;
		if (!is_good(&l->reply))
			refuse(l);
	} else if (l->expects_trace) {
		heard_trace(l);
	} else if (l->expects_last > 0) {
		heard_last(l);
	} else if (l->expects_rset && is_good(&l->reply)) {
		l->expects_rset = false;
		become_idle(l, false);
	} else {
		give_up(l, "an answer to nothing");
	}
}

static void on_input(void *arg)
{
	struct lmtp_client *l = arg;
	char *line;
	size_t n;
	bool bare_lf = false;

	while (l->state != LMTP_CLOSED) {
		int err = conn_line(l->conn, LINE_MAX_READ, &line, &n, &bare_lf);
		if (err == E_AGAIN)
			break;
		if (!err)
			err = smtp_reply_line(&l->reply, line, n);
		if (err == E_AGAIN)
			continue;
		if (err)
			give_up(l, "no answer of LMTP");
		else
			heard(l);
		smtp_reply_init(&l->reply);
	}
	if (l->state != LMTP_CLOSED)
		watch(l);
}

static void on_drained(void *arg)
{
	struct lmtp_client *l = arg;

	if (l->ops)
		l->ops->drained(l->arg);
}

/* ---- opening ---- */

static const struct conn_ops conn_ops = {
	.input = on_input,
	.drained = on_drained,
	.closed = on_closed,
};

static int connect_to(struct loop *loop, const struct lmtp_where *w, struct lmtp_client *l)
{
	return w->path ? conn_connect_unix(loop, w->path, &conn_ops, l, &l->conn)
		       : conn_connect(loop, &w->addr, w->port, &conn_ops, l, &l->conn);
}

int lmtp_client_open(struct loop *loop, const struct lmtp_settings *settings,
		     const struct lmtp_owner_ops *owner, void *owner_arg, struct lmtp_client **out)
{
	struct lmtp_client *l = calloc(1, sizeof *l);

	if (!l)
		return E_NOMEM;
	*l = (struct lmtp_client){.settings = settings,
				  .owner = owner,
				  .owner_arg = owner_arg,
				  .state = LMTP_OPENING,
				  .expects_greeting = true};
	l->timer = loop_timer_new(loop, on_silence, l);
	int err = l->timer ? connect_to(loop, &settings->where, l) : E_NOMEM;
	if (err) {
		loop_timer_free(l->timer);
		free(l);
		return err;
	}
	watch(l);
	*out = l;
	return 0;
}

bool lmtp_client_is_idle(const struct lmtp_client *l)
{
	return l->state == LMTP_IDLE;
}

/* ---- a mail ---- */

void lmtp_client_begin(struct lmtp_client *l, const struct transaction *tx,
		       const struct lmtp_holder_ops *ops, void *arg)
{
	static const char *const bodies[] = {"", " BODY=7BIT", " BODY=8BITMIME", ""};
	char path[MAILADDR_TEXT_MAX + 1], size[32] = "";

	assert(l->state == LMTP_IDLE);
	l->ops = ops;
	l->arg = arg;
	l->accepted = l->last_answers = 0;
	l->is_refused = false;
	enter(l, LMTP_HELD);
	if (tx->has_size)
		snprintf(size, sizeof size, " SIZE=%llu", (unsigned long long)tx->declared);
	bool has_xid = l->takes_xid && *tx->xid;
	conn_printf(l->conn, "MAIL FROM:<%s>%s%s%s XATOMIC%s%s\r\n",
		    mailaddr_format(&tx->reverse_path, path), size, bodies[tx->body],
		    tx->is_utf8 ? " SMTPUTF8" : "", has_xid ? " XID=" : "", has_xid ? tx->xid : "");
	l->expects_mail = true;
	watch(l);
}

void lmtp_client_rcpt(struct lmtp_client *l, const struct mailaddr *to)
{
	char path[MAILADDR_TEXT_MAX + 1];

	if (l->state == LMTP_CLOSED)
		return;
	assert(l->state == LMTP_HELD);
	conn_printf(l->conn, "RCPT TO:<%s>\r\n", mailaddr_format(to, path));
	l->expects_rcpt++;
	watch(l);
}

static void reset(struct lmtp_client *l)
{
	conn_printf(l->conn, "RSET\r\n");
	l->expects_rset = true;
	enter(l, LMTP_DONE);
	watch(l);
}

/* The content was refused before its end: the refusal is the outcome. */
static void end_refused(struct lmtp_client *l)
{
	const struct lmtp_holder_ops *ops = l->ops;
	void *arg = l->arg;
	const struct session_answer answer = answer_of(&l->refusal);

	let_go(l);
	reset(l);
	ops->mail_answered(arg, &answer);
}

void lmtp_client_trace(struct lmtp_client *l, const char *fields, size_t n)
{
	if (l->state == LMTP_CLOSED || !l->takes_trace || l->is_refused)
		return;
	assert(l->state == LMTP_HELD && l->accepted > 0);
	conn_printf(l->conn, "XTRACE %zu\r\n", n);
	conn_write(l->conn, fields, n);
	l->expects_trace = true;
	watch(l);
}

void lmtp_client_content(struct lmtp_client *l, const uint8_t *octets, size_t n, bool is_last)
{
	if (l->state == LMTP_CLOSED)
		return;
	assert(l->state == LMTP_HELD && l->accepted > 0);
	if (l->is_refused) {
		if (is_last)
			end_refused(l);
		return;
	}
	conn_printf(l->conn, "BDAT %zu%s\r\n", n, is_last ? " LAST" : "");
	conn_write(l->conn, octets, n);
	if (is_last) {
		l->expects_last = l->accepted;
		enter(l, LMTP_DONE);
	} else {
		l->expects_chunk++;
	}
	watch(l);
}

bool lmtp_client_is_full(const struct lmtp_client *l)
{
	return l->state == LMTP_HELD && conn_unsent(l->conn) > LMTP_UNSENT_MAX;
}

bool lmtp_client_is_stalled(const struct lmtp_client *l, int64_t mono_us)
{
	return l->state == LMTP_HELD && !expects_any(l) &&
	       mono_us - l->used_us >= l->settings->stall_us;
}

void lmtp_client_reclaim(struct lmtp_client *l)
{
	const struct lmtp_holder_ops *ops = l->ops;
	void *arg = l->arg;

	assert(l->state == LMTP_HELD);
	let_go(l);
	reset(l);
	ops->lost(arg);
}

void lmtp_client_abandon(struct lmtp_client *l)
{
	let_go(l);
	if (l->state == LMTP_HELD)
		reset(l);
}
