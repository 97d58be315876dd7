#include "smtpgw/submission/submitter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/rules/relay.h"
#include "smtpgw/submission/lane.h"
#include "smtpgw/submission/letter.h"
#include "smtpgw/submission/refusals.h"
#include "smtpgw/submission/sender.h"

#define OUT_OF_REACH "the queue is out of reach, try later"

struct submitter {
	struct driver driver; /* first: the session's ops get either */
	const struct submission_door *door;
	struct addr source;
	uint16_t source_port;
	uint64_t conn_id;
	struct identity_check login;
	struct identity who;         /* who logged in; subscriber 0: nobody */
	struct sender_check sender;  /* of the mail in flight, or of the last one */
	struct letter *letter;       /* the mail in flight; null: none */
	struct reception *reception; /* the doors of its recipients who are ours; as letter */
	unsigned ops;                /* completions that will come */
	bool is_asking;              /* for a word that the session waits for */
};

static const struct session_ruling go_on;

/* An operation of the store begins. */
static void ask(struct submitter *p)
{
	p->ops++;
	p->is_asking = true;
}

/* It is over; false: the session does not wait for it any more, and may be gone. */
static bool is_back(struct submitter *p)
{
	bool is_wanted = p->is_asking;

	p->ops--;
	p->is_asking = false;
	if (!is_wanted)
		driver_run(&p->driver);
	return is_wanted;
}

static void rule(struct submitter *p, const struct session_ruling *ruling)
{
	session_ruled(&p->driver.session, ruling);
	driver_run(&p->driver);
}

static void refuse(struct submitter *p, int code, const char *enhanced, const char *text)
{
	rule(p, &(struct session_ruling){.refusal = {code, enhanced, text}});
}

/* ---- AUTH ---- */

static void log_login(const struct submitter *p, enum identity_verdict v)
{
	const struct refusal *r = refusal_of(v);

	if (v == IDENTITY_GOOD)
		log_event(LOG_DEBUG, "login", LOG_TEXT("session", p->driver.session.label),
			  LOG_TEXT("account", p->who.msisdn), LOG_END);
	else
		log_event(r->level, "login-refused", LOG_TEXT("session", p->driver.session.label),
			  LOG_TEXT("why", r->word), LOG_TEXT("realm", p->door->realm),
			  LOG_TEXT("address", p->driver.ip),
			  LOG_TEXT("account", p->login.who.msisdn), LOG_END);
}

/* The time to log in is over; that of a session begins. */
static void allow_time(struct submitter *p)
{
	if (p->driver.conn)
		conn_set_total(p->driver.conn, p->driver.host->total_s);
}

static void on_identity(void *arg, enum identity_verdict v, const struct identity *who)
{
	struct submitter *p = arg;

	if (v == IDENTITY_OTHER)
		counter_add(COUNT_QUARANTINES, 1);
	if (!is_back(p))
		return;
	if (v == IDENTITY_GOOD) {
		p->who = *who;
		counter_add(COUNT_LOGINS, 1);
		allow_time(p);
	} else {
		refusal_count(v);
	}
	log_login(p, v);
	session_authenticated(&p->driver.session, v);
	driver_run(&p->driver);
}

static void op_authenticate(void *arg)
{
	struct submitter *p = arg;
	const struct submission_host *h = p->door->host;

	p->login = (struct identity_check){
		.port = h->port,
		.ring = h->ring,
		.question = {.asker = "smtpgw",
			     .session = p->conn_id,
			     .realm = p->door->realm,
			     .source = p->source,
			     .port = p->source_port,
			     .credentials = &p->driver.session.auth.sasl.credentials,
			     .names = h->login_ids},
		.done = on_identity,
		.arg = p,
	};
	ask(p);
	identity_ask(&p->login);
}

/* ---- MAIL ---- */

static const struct letter_ops letter_ops;

/* His own reverse-path, or none: what a read receipt has. */
static bool is_own_path(const struct subscriber *owner, const struct mailaddr *path)
{
	return mailaddr_is_null(path) || identity_owns(owner, path);
}

static int begin_letter(struct submitter *p, const struct subscriber *owner)
{
	const struct submission_host *h = p->door->host;
	struct transaction *t = &p->driver.session.tx;
	struct letter_new n = {
		.port = h->port,
		.owner = owner,
		.own = t->reverse_path,
		.rewrites = h->rewrites,
		.correspondents = h->correspondents,
		.hostname = h->driver.limits.hostname,
		.id = t->id,
		.limits = h->header,
		.ops = &letter_ops,
		.arg = p,
	};

	if (!identity_owns(owner, &n.own))
		mend_own_address(owner, 0, &n.own);
	if (!mailaddr_is_null(&t->reverse_path))
		t->reverse_path = n.own;
	const struct reception_mail mail = {
		.reverse_path = &t->reverse_path,
		.author = &n.own,
		.declared = t->has_size ? t->declared : 0,
		.id = t->id,
	};
	p->letter = letter_new(&n);
	p->reception = reception_new(&h->reception, &mail);
	return p->letter && p->reception ? 0 : E_NOMEM;
}

static void log_moved(const struct submitter *p)
{
	log_event(LOG_WARN, "binding-moved", LOG_TEXT("session", p->driver.session.label),
		  LOG_TEXT("realm", p->door->realm), LOG_TEXT("address", p->driver.ip),
		  LOG_TEXT("account", p->sender.who.msisdn),
		  LOG_INT("generation", p->sender.who.via.generation), LOG_END);
}

static void refuse_sender(struct submitter *p, enum sender_verdict v)
{
	struct session_ruling ruling = {
		.refusal = {530, "5.7.0", "authentication required"},
		.ends = v == SENDER_MOVED,
	};

	if (v == SENDER_MOVED) {
		log_moved(p);
		ruling.refusal.text = "the address is not yours any more: log in again";
	} else if (v == SENDER_STORE) {
		ruling.refusal = (struct session_answer){451, "4.3.0", OUT_OF_REACH};
	}
	rule(p, &ruling);
}

static void on_sender(void *arg, enum sender_verdict v, const struct subscriber *owner)
{
	struct submitter *p = arg;
	const struct mailaddr *path = &p->driver.session.tx.reverse_path;

	if (!is_back(p))
		return;
	if (v != SENDER_KNOWN) {
		refuse_sender(p, v);
	} else if (owner->address_count == 0) {
		refuse(p, 550, "5.7.1", "you have no address to send from");
	} else if (!is_own_path(owner, path) && !p->door->host->rewrites) {
		counter_add(COUNT_REFUSED_FOREIGN, 1);
		refuse(p, 550, "5.7.1", "the sender is not one of your addresses");
	} else if (begin_letter(p, owner) != 0) {
		refuse(p, 451, "4.3.0", OUT_OF_REACH);
	} else {
		allow_time(p);
		rule(p, &go_on);
	}
}

static void op_inspect_sender(void *arg)
{
	struct submitter *p = arg;
	const struct submission_host *h = p->door->host;

	p->sender = (struct sender_check){
		.port = h->port,
		.realm = p->door->realm,
		.source = p->source,
		.source_port = p->source_port,
		.who = p->who,
		.pop_us = p->door->pop_us,
		.done = on_sender,
		.arg = p,
	};
	if (!p->driver.session.auth.is_done)
		p->sender.who = (struct identity){0};
	ask(p);
	sender_ask(&p->sender);
}

/* ---- RCPT ---- */

/* Reply texts are one line, and that of a stranger may be long. */
static void refuse_suppressed(struct submitter *p, const struct suppression *s)
{
	char text[320], date[RFC5322_DATE_MAX + 1] = "";
	const struct queue_reply *r = &s->reason;

	rfc5322_date_format(s->since_us / CLOCK_S, date);
	snprintf(text, sizeof text, "mail to him fails since %s: %.3d %.200s", date, r->code,
		 r->text);
	counter_add(COUNT_REFUSED_SUPPRESSED, 1);
	refuse(p, 550, *r->enhanced ? r->enhanced : "5.1.1", text);
}

/* Him whom we deliver to has a door of his own; mail to others is their servers' to refuse. */
static bool is_shut_out(struct submitter *p)
{
	struct session *s = &p->driver.session;
	struct ruling ruling = {0};

	reception_rcpt(p->reception, &s->asking, s->tx.accepted + s->awaited == 0, &ruling);
	transaction_take_receipts(&s->tx, reception_takes_receipts(p->reception));
	if (ruling.code)
		refuse(p, ruling.code, ruling.enhanced, ruling.text);
	return ruling.code != 0;
}

static void on_suppression(void *arg, int err, const struct suppression *s)
{
	struct submitter *p = arg;

	if (!is_back(p))
		return;
	if (!err && relay_suppresses(s->reason.enhanced, s->count)) {
		refuse_suppressed(p, s);
	} else if (err && err != E_NOT_FOUND) {
		refuse(p, 451, "4.3.0", OUT_OF_REACH);
	} else if (is_shut_out(p)) {
		return;
	} else if (!rate_take(p->door->host->rate, p->sender.who.via.subscriber, clock_mono_us())) {
		counter_add(COUNT_DEFERRED_RATE, 1);
		refuse(p, 450, "4.7.1", "too many recipients in an hour, try later");
	} else {
		rule(p, &go_on);
	}
}

static void op_inspect_rcpt(void *arg, const struct mailaddr *to)
{
	struct submitter *p = arg;
	char canonical[MAILADDR_TEXT_MAX + 1];

	ask(p);
	suppression_find(p->door->host->port, p->sender.who.via.subscriber,
			 mailaddr_folded(to, canonical), clock_now_us(), on_suppression, p);
}

static void op_rcpt(void *arg, const struct mailaddr *to)
{
	static const struct session_answer ok = {250, "2.1.5", "ok"},
					   no_domain = {550, "5.1.2", "no such domain can be"},
					   later = {451, "4.3.0", OUT_OF_REACH};
	struct submitter *p = arg;
	struct session *s = &p->driver.session;
	char lane[QUEUE_LANE_MAX];
	const struct session_answer *answer = &ok;

	if (lane_of(s->limits->domains, to, lane) != 0)
		answer = &no_domain;
	else if (letter_add(p->letter, to, lane, s->asking_notify, s->asking_orcpt) != 0)
		answer = &later;
	session_rcpt_answered(s, answer);
}

/* ---- the content ---- */

static void log_outcome(const struct submitter *p, const struct session_answer *a, int64_t mail)
{
	const struct transaction *t = &p->driver.session.tx;

	log_event(LOG_INFO, a->code / 100 == 2 ? "submission-queued" : "submission-refused",
		  LOG_TEXT("id", t->id), LOG_INT("mail", mail),
		  LOG_INT("size", p->letter ? (int64_t)letter_size(p->letter) : 0),
		  LOG_INT("recipients", t->accepted), LOG_TEXT("peer", p->driver.ip),
		  LOG_TEXT("account", p->sender.who.msisdn), LOG_INT("code", a->code),
		  LOG_TEXT("answer", a->text), LOG_INT("heard", p->driver.conn != NULL), LOG_END);
}

static void answer_mail(struct submitter *p, const struct session_answer *a, int64_t mail)
{
	log_outcome(p, a, mail);
	session_mail_answered(&p->driver.session, a);
}

static void on_stored(void *arg, int err, int64_t mail)
{
	struct submitter *p = arg;
	struct session_answer a = {250, "2.0.0", "queued"};

	if (err == E_CONFLICT)
		a = (struct session_answer){530, "5.7.0",
					    "the address is not yours any more: log in again"};
	else if (err == E_FULL)
		a = (struct session_answer){452, "4.3.1", "the queue is full, try later"};
	else if (err)
		a = (struct session_answer){451, "4.3.0", OUT_OF_REACH};
	if (err == E_CONFLICT)
		log_moved(p);
	answer_mail(p, &a, mail);
	if (err == E_CONFLICT)
		session_end(&p->driver.session, CLOSE_MOVED);
	driver_run(&p->driver);
}

static void on_drained(void *arg)
{
	driver_run(&((struct submitter *)arg)->driver);
}

static const struct letter_ops letter_ops = {.drained = on_drained, .stored = on_stored};

static void refuse_header(struct submitter *p, enum mend_verdict v)
{
	static const struct session_answer answers[MEND_VERDICTS] = {
		[MEND_FOREIGN] = {550, "5.7.1", "From or Sender is not one of your addresses"},
		[MEND_NO_FIELD] = {554, "5.6.0", "a line of the header is no field"},
		[MEND_TOO_LARGE] = {554, "5.6.0", "the header is too large"},
		[MEND_NO_MEMORY] = {451, "4.3.0", OUT_OF_REACH},
	};

	if (v == MEND_FOREIGN)
		counter_add(COUNT_REFUSED_FOREIGN, 1);
	answer_mail(p, &answers[v], 0);
}

static void finish(struct submitter *p)
{
	struct session *s = &p->driver.session;
	const struct letter_envelope envelope = {
		.via = p->sender.who.via,
		.reverse_path = &s->tx.reverse_path,
		.envid = s->tx.envid,
		.ret = s->tx.ret,
		.is_utf8 = s->tx.is_utf8,
		.is_8bit = s->tx.data.content.flags & SMTP_CONTENT_8BIT,
	};
	enum mend_verdict v = letter_finish(p->letter, &envelope);

	if (v != MEND_GOOD)
		refuse_header(p, v);
}

static void op_content(void *arg, const uint8_t *octets, size_t n, bool is_last)
{
	struct submitter *p = arg;

	letter_octets(p->letter, octets, n);
	if (is_last)
		finish(p);
}

/* ---- the rest of what the session asks for ---- */

static bool op_can_store(void *arg)
{
	(void)arg;
	return true; /* the store says so itself when it cannot */
}

static void op_abandon(void *arg)
{
	struct submitter *p = arg;

	p->is_asking = false;
	letter_free(p->letter);
	p->letter = NULL;
	reception_free(p->reception);
	p->reception = NULL;
}

static void op_inspect(void *arg)
{
	(void)arg;
}

static void op_inspect_octets(void *arg, const uint8_t *octets, size_t n)
{
	reception_octets(((struct submitter *)arg)->reception, octets, n);
}

static void op_inspect_content(void *arg)
{
	struct submitter *p = arg;
	struct ruling ruling = {0};

	reception_complete(p->reception, NULL, &ruling);
	if (ruling.code)
		refuse(p, ruling.code, ruling.enhanced, ruling.text);
	else
		rule(p, &go_on);
}

static void op_trace(void *arg, const char *fields, size_t n)
{
	(void)arg, (void)fields, (void)n;
}

static const struct session_ops session_ops = {
	.reply = driver_reply,
	.is_ahead = driver_is_ahead,
	.can_store = op_can_store,
	.rcpt = op_rcpt,
	.content = op_content,
	.trace = op_trace,
	.abandon = op_abandon,
	.inspect_sender = op_inspect_sender,
	.authenticate = op_authenticate,
	.inspect = op_inspect,
	.inspect_octets = op_inspect_octets,
	.inspect_rcpt = op_inspect_rcpt,
	.inspect_content = op_inspect_content,
};

/* ---- the client as a whole ---- */

static bool is_stalled(const struct driver *d)
{
	const struct submitter *p = (const struct submitter *)d;

	return p->letter && letter_is_full(p->letter);
}

static bool is_awaited(const struct driver *d)
{
	return ((const struct submitter *)d)->ops > 0;
}

static void submitter_free(struct driver *d)
{
	free(d);
}

static const struct driver_way way = {
	.ops = &session_ops,
	.is_stalled = is_stalled,
	.is_awaited = is_awaited,
	.free = submitter_free,
};

void submitter_accepted(void *arg, struct conn *c)
{
	const struct submission_door *door = arg;
	struct submitter *p = calloc(1, sizeof *p);

	if (!p) {
		conn_abort(c);
		return;
	}
	p->door = door;
	p->source = conn_peer(c)->addr;
	p->source_port = conn_peer(c)->port;
	p->conn_id = conn_id(c);
	driver_open(&p->driver, &way, &door->driver, c);
	conn_set_total(c, door->host->login_s);
	p->driver.session.is_tls = conn_is_tls(c);
}
