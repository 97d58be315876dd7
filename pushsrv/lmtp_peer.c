#include "pushsrv/lmtp_peer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "db/handed_over.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/counters.h"

#define OCTETS_AT_ONCE (64 * 1024)

struct lmtp_peer {
	const struct lmtp_host *host;
	struct conn *conn; /* null: closed */
	struct lmtp_session session;
	bool is_running; /* in run(): a completion that comes at once leaves the rest to it */
	bool is_waiting; /* for the store */
	bool is_closing; /* conn_close was called */
};

static void run(struct lmtp_peer *p);

static void reply(void *arg, const char *octets, size_t n)
{
	struct lmtp_peer *p = arg;

	if (p->conn)
		conn_write(p->conn, octets, n);
}

/* The last act, when neither socket nor store knows of it any more. */
static void peer_free(struct lmtp_peer *p)
{
	lmtp_close(&p->session);
	free(p);
}

static void begin_wait(struct lmtp_peer *p)
{
	p->is_waiting = true;
	if (p->conn)
		conn_pause(p->conn);
}

/* A completion has been told to the session. */
static void end_wait(struct lmtp_peer *p)
{
	p->is_waiting = false;
	if (p->conn)
		conn_resume(p->conn);
	if (!p->is_running)
		run(p);
}

static void recipient_checked(void *arg, int err, int64_t subscriber)
{
	struct lmtp_peer *p = arg;
	const struct transaction *t = &p->session.tx;

	if (err == E_FULL && *t->xid && handed_over_has(p->host->port, t->xid, subscriber))
		err = 0; /* maybe it is this mail that filled it */
	lmtp_recipient_checked(&p->session, err, subscriber);
	end_wait(p);
}

static void piece_stored(void *arg, int err, int64_t body)
{
	struct lmtp_peer *p = arg;

	lmtp_piece_stored(&p->session, err, body);
	end_wait(p);
}

/* For how many of its subscribers the store has it now. */
static size_t stored_for(const struct transaction *t, int err, const int *errs, size_t n)
{
	size_t failed = 0;

	if (err)
		return 0;
	for (size_t i = 0; i < n; i++)
		failed += errs[i] != 0;
	return t->is_atomic && failed > 0 ? 0 : n - failed;
}

static void mail_is_accepted(void *arg, int err, const int *errs, size_t n)
{
	struct lmtp_peer *p = arg;
	const struct transaction *t = &p->session.tx;
	size_t stored = stored_for(t, err, errs, n);

	if (stored > 0) {
		counter_add(COUNT_ACCEPTED, 1);
		counter_add(COUNT_ACCEPTED_OCTETS, (int64_t)t->size);
		log_event(LOG_INFO, "mail-accepted", LOG_TEXT("id", t->id),
			  LOG_INT("size", t->size), LOG_INT("recipients", stored), LOG_END);
	}
	lmtp_accepted(&p->session, err, errs, n);
	end_wait(p);
}

static void store_piece(struct lmtp_peer *p)
{
	const struct transaction *t = &p->session.tx;
	size_t n = 0;
	const uint8_t *piece = transaction_piece(t, p->session.is_complete, &n);

	body_append(p->host->port, t->body, t->pieces, piece, n, piece_stored, p);
}

/* The prefix is the same for all: a mail with one recipient names it, one with several names none.
 */
static void store_mail(struct lmtp_peer *p)
{
	struct transaction *t = &p->session.tx;
	char ip[ADDR_TEXT_MAX], path[MAILADDR_TEXT_MAX + 1];
	char prefix[TRANSACTION_PREFIX_MAX];
	size_t prefix_size = 0;
	int64_t now_us = clock_now_us();
	const struct conn_peer *who = p->conn ? conn_peer(p->conn) : NULL;
	const struct transaction_trace trace = {
		.helo = p->session.client,
		.ip = who && !who->is_unix ? addr_format(&who->addr, ip) : NULL,
		.by = p->host->limits.hostname,
		.time_s = now_us / CLOCK_S,
	};
	struct mail_recipient *recipients = calloc(t->subscriber_count, sizeof *recipients);

	if (!recipients || transaction_prefix(t, &trace, prefix, &prefix_size) != 0) {
		free(recipients);
		mail_is_accepted(p, E_NOMEM, NULL, 0);
		return;
	}
	for (size_t i = 0; i < t->subscriber_count; i++)
		recipients[i] = (struct mail_recipient){t->subscribers[i], prefix, prefix_size};
	const struct mail_accept mail = {
		.recipients = recipients,
		.recipient_count = t->subscriber_count,
		.all_or_none = t->is_atomic,
		.reverse_path = mailaddr_format(&t->reverse_path, path),
		.octets = t->body     ? NULL
			  : t->octets ? t->octets
				      : (const uint8_t *)"",
		.body = t->body,
		.size = t->size,
		.has_dot_lines = t->data.content.flags & SMTP_CONTENT_DOT_LINE,
		.quota_bytes = p->host->quota_bytes,
		.received_us = now_us,
		.xid = t->xid,
	};
	mail_accept(p->host->port, &mail, mail_is_accepted, p);
	free(recipients);
}

static void ask_store(struct lmtp_peer *p)
{
	struct lmtp_session *s = &p->session;

	begin_wait(p);
	if (s->need == LMTP_NEED_RECIPIENT)
		recipient_check(p->host->port, s->recipient, s->tx.declared, p->host->quota_bytes,
				recipient_checked, p);
	else if (s->need == LMTP_NEED_PIECE)
		store_piece(p);
	else
		store_mail(p);
}

/* False: nothing more is there yet. */
static bool take_line(struct lmtp_peer *p)
{
	char *line;
	size_t n;
	bool bare_lf = false;
	int err = conn_line(p->conn, p->host->limits.max_command, &line, &n, &bare_lf);

	if (err == E_TOO_LARGE)
		lmtp_bad_line(&p->session, LMTP_LINE_TOO_LONG);
	else if (err)
		return false;
	else if (bare_lf)
		lmtp_bad_line(&p->session, LMTP_LINE_BARE_LF);
	else
		lmtp_line(&p->session, line, n);
	return true;
}

static bool take_octets(struct lmtp_peer *p)
{
	size_t n = 0;
	const uint8_t *in = conn_peek(p->conn, OCTETS_AT_ONCE, &n);

	if (n == 0)
		return false;
	conn_take(p->conn, lmtp_octets(&p->session, in, n));
	return true;
}

/* One step of the session; false: it waits for input or for the close. */
static bool step(struct lmtp_peer *p)
{
	switch (p->session.need) {
	case LMTP_NEED_LINE:
		return take_line(p);
	case LMTP_NEED_OCTETS:
		return take_octets(p);
	case LMTP_NEED_CLOSE:
		p->is_closing = true;
		conn_close(p->conn);
		return false;
	case LMTP_NEED_RECIPIENT:
	case LMTP_NEED_PIECE:
	case LMTP_NEED_ACCEPT:
	default:
		ask_store(p);
		return true;
	}
}

static void run(struct lmtp_peer *p)
{
	p->is_running = true;
	while (p->conn && !p->is_waiting && !p->is_closing && step(p))
		;
	p->is_running = false;
	if (!p->conn && !p->is_waiting)
		peer_free(p);
}

static void input(void *session)
{
	struct lmtp_peer *p = session;

	if (!p->is_running && !p->is_waiting)
		run(p);
}

/* Content that is still coming is not ours yet: the client keeps it and brings it again. */
static void timed_out(void *session, enum conn_end why)
{
	struct lmtp_peer *p = session;

	if (p->is_waiting || p->is_closing)
		return;
	lmtp_goodbye(&p->session,
		     why == CONN_END_SHUTDOWN ? "4.3.2 shutting down" : "4.4.2 idle for too long");
	p->is_closing = true;
	conn_close(p->conn);
}

static void closed(void *session, enum conn_end why)
{
	struct lmtp_peer *p = session;

	log_event(LOG_DEBUG, "lmtp-closed", LOG_TEXT("session", p->session.label),
		  LOG_INT("mails", p->session.mails), LOG_INT("why", why), LOG_END);
	p->conn = NULL;
	if (!p->is_waiting && !p->is_running)
		peer_free(p);
}

static const struct conn_ops ops = {.input = input, .timed_out = timed_out, .closed = closed};

void lmtp_peer_accepted(void *host, struct conn *c)
{
	const struct lmtp_host *h = host;
	struct lmtp_peer *p = calloc(1, sizeof *p);
	char label[24];

	if (!p) {
		conn_abort(c);
		return;
	}
	p->host = h;
	p->conn = c;
	counter_add(COUNT_CONNECTIONS, 1);
	conn_attach(c, &ops, p);
	conn_set_idle(c, h->idle_s);
	snprintf(label, sizeof label, "%" PRIx64 "-%" PRIx64, (uint64_t)clock_now_us() / 1000,
		 conn_id(c) & 0xffffffff);
	lmtp_open(&p->session, &h->limits, label, reply, p);
}
