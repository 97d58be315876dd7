#include "smtpgw/peer.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

struct peer {
	struct driver driver; /* first: the session's ops get either */
	struct peer_host *host;
	struct lmtp_client *lmtp; /* the mail's, null: it has none */
	struct lmtp_ticket ticket;
	struct inspection *inspection; /* the mail's, null: nothing is checked */
	struct reception *reception;   /* the mail's, null: none, or no memory */
	bool is_waiting;               /* for a connection to pushsrv */
	bool is_choked;                /* pushsrv does not take content as fast as it comes */
};

/* ---- what the session asks for ---- */

static bool op_can_store(void *arg)
{
	struct peer *p = arg;

	return lmtp_pool_is_up(p->host->pool);
}

static const struct lmtp_holder_ops holder_ops;

/* With the recipient that it waited for. */
static void begin_mail(struct peer *p, struct lmtp_client *l)
{
	const struct session *s = &p->driver.session;

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
		session_store_lost(&p->driver.session);
	driver_run(&p->driver);
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
		session_store_lost(&p->driver.session);
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
	reception_free(p->reception);
	p->reception = NULL;
	lmtp_pool_leave(p->host->pool, &p->ticket);
	if (p->lmtp)
		lmtp_client_abandon(p->lmtp);
	p->lmtp = NULL;
	p->is_waiting = p->is_choked = false;
}

/* ---- what is found out about the mail ---- */

static void log_ruling(const struct peer *p, const struct ruling *ruling)
{
	log_event(LOG_INFO, "mail-refused", LOG_TEXT("id", p->driver.session.tx.id),
		  LOG_TEXT("peer", p->driver.ip), LOG_TEXT("check", ruling->check),
		  LOG_INT("code", ruling->code), LOG_TEXT("answer", ruling->text), LOG_END);
}

/* The recipients' own doors come after the checks. */
static void ask_doors(struct peer *p, struct ruling *ruling)
{
	struct session *s = &p->driver.session;

	if (!p->reception) {
		ruling_refuse(ruling, 451, "4.3.0", "out of memory, try later");
		ruling->check = "door";
	} else if (s->state == SESSION_CONTENT) {
		reception_complete(p->reception,
				   p->inspection ? inspection_findings(p->inspection) : NULL,
				   ruling);
	} else {
		reception_rcpt(p->reception, &s->asking, s->tx.accepted + s->awaited == 0, ruling);
		transaction_take_receipts(&s->tx, reception_takes_receipts(p->reception));
	}
}

static void on_ruled(void *arg, const struct ruling *given)
{
	struct peer *p = arg;
	struct ruling ruling = *given;
	char trace[INSPECTION_TRACE_MAX];
	struct session_ruling words = {.trace = trace};

	if (!ruling.code)
		ask_doors(p, &ruling);
	words.refusal = (struct session_answer){ruling.code, ruling.enhanced, ruling.text};
	if (ruling.code)
		log_ruling(p, &ruling);
	else if (p->driver.session.state == SESSION_CONTENT && p->inspection)
		words.trace_n = inspection_trace(p->inspection, trace);
	session_ruled(&p->driver.session, &words);
	driver_run(&p->driver);
}

static void op_inspect(void *arg)
{
	struct peer *p = arg;
	const struct session *s = &p->driver.session;
	const struct inspection_mail mail = {
		.client = conn_peer(p->driver.conn)->addr,
		.helo = s->client,
		.reverse_path = &s->tx.reverse_path,
		.id = s->tx.id,
		.ruled = on_ruled,
		.arg = p,
	};

	const struct reception_mail received = {
		.reverse_path = &s->tx.reverse_path,
		.declared = s->tx.has_size ? s->tx.declared : 0,
		.id = s->tx.id,
	};

	p->inspection = inspection_begin(p->host->inspector, &mail);
	p->reception = reception_new(&p->host->reception, &received);
}

static const struct ruling no_objection;

static void op_inspect_octets(void *arg, const uint8_t *octets, size_t n)
{
	struct peer *p = arg;

	if (p->inspection)
		inspection_octets(p->inspection, octets, n);
	if (p->reception)
		reception_octets(p->reception, octets, n);
}

static void op_inspect_rcpt(void *arg, const struct mailaddr *to)
{
	struct peer *p = arg;

	if (p->inspection)
		inspection_rcpt(p->inspection, to);
	else
		on_ruled(p, &no_objection);
}

static void op_inspect_content(void *arg)
{
	struct peer *p = arg;

	if (p->inspection)
		inspection_complete(p->inspection);
	else
		on_ruled(p, &no_objection);
}

static const struct session_ops session_ops = {
	.reply = driver_reply,
	.is_ahead = driver_is_ahead,
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

	session_rcpt_answered(&p->driver.session, answer);
	driver_run(&p->driver);
}

static void log_outcome(const struct peer *p, const struct session_answer *answer)
{
	const struct transaction *t = &p->driver.session.tx;
	bool is_stored = answer->code / 100 == 2;

	if (is_stored && !p->driver.conn)
		counter_add(COUNT_UNHEARD, 1);
	log_event(LOG_INFO, is_stored ? "mail-accepted" : "mail-refused", LOG_TEXT("id", t->id),
		  LOG_INT("size", t->size), LOG_INT("recipients", t->accepted),
		  LOG_TEXT("peer", p->driver.ip), LOG_INT("code", answer->code),
		  LOG_TEXT("answer", answer->text), LOG_INT("heard", p->driver.conn != NULL),
		  LOG_END);
}

static void on_mail_answered(void *arg, const struct session_answer *answer)
{
	struct peer *p = arg;

	p->lmtp = NULL;
	log_outcome(p, answer);
	session_mail_answered(&p->driver.session, answer);
	driver_run(&p->driver);
}

static void on_lost(void *arg)
{
	struct peer *p = arg;

	p->lmtp = NULL;
	p->is_choked = false;
	if (session_is_committing(&p->driver.session))
		log_event(LOG_WARN, "mail-outcome-unknown", LOG_TEXT("id", p->driver.session.tx.id),
			  LOG_TEXT("peer", p->driver.ip), LOG_END);
	session_store_lost(&p->driver.session);
	driver_run(&p->driver);
}

static void on_taken(void *arg)
{
	struct peer *p = arg;

	if (p->is_choked) {
		p->is_choked = false;
		driver_run(&p->driver);
	}
}

static const struct lmtp_holder_ops holder_ops = {
	.rcpt_answered = on_rcpt_answered,
	.mail_answered = on_mail_answered,
	.lost = on_lost,
	.drained = on_taken,
};

/* ---- the client as a whole ---- */

static bool is_stalled(const struct driver *d)
{
	const struct peer *p = (const struct peer *)d;

	return p->is_waiting || p->is_choked;
}

static void peer_free(struct driver *d)
{
	free(d);
}

static const struct driver_way way = {
	.ops = &session_ops,
	.is_stalled = is_stalled,
	.free = peer_free,
};

void peer_accepted(void *host, struct conn *c)
{
	struct peer_host *h = host;
	struct peer *p = calloc(1, sizeof *p);

	if (!p) {
		conn_abort(c);
		return;
	}
	p->host = h;
	p->ticket = (struct lmtp_ticket){.granted = on_granted, .arg = p};
	driver_open(&p->driver, &way, &h->driver, c);
}
