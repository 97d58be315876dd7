#include "smtpgw/relay/local.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

/* A mail on its way to pushsrv. */
struct errand {
	struct local *local;
	struct errand *next, **at;
	struct job *job;
	struct lmtp_ticket ticket;
	struct lmtp_client *lmtp; /* null: it waits for one */
	struct transaction tx;
	size_t *order; /* the recipients that were asked for, in the order of the answers */
	size_t asked, answered, accepted;
	bool is_complete; /* all of the content is out */
	bool is_feeding;  /* inside feed(), which frees it if it is */
	bool is_over;
};

struct local {
	struct local_options with;
	struct lmtp_pool *pool;
	struct loop_timer *timer; /* while it rests */
	struct errand *errands;
	size_t count;
	int64_t lane;
	bool is_dry, is_resting, is_stopping, is_taking, is_pool_closed;
	int64_t rest_us;
	void (*stopped)(void *arg);
	void *stopped_arg;
};

static void go(struct local *l);

/* ---- the end of an errand ---- */

static void tell_stopped(struct local *l)
{
	void (*stopped)(void *) = l->stopped;

	if (!l->is_pool_closed || l->count > 0 || !stopped)
		return;
	l->stopped = NULL;
	stopped(l->stopped_arg);
}

static void memory_free(struct errand *e)
{
	free(e->order);
	free(e);
}

/* Its job is gone already. */
static void errand_free(struct errand *e)
{
	struct local *l = e->local;

	lmtp_pool_leave(l->pool, &e->ticket);
	*e->at = e->next;
	if (e->next)
		e->next->at = e->at;
	l->count--;
	e->is_over = true;
	if (!e->is_feeding)
		memory_free(e);
	if (l->is_stopping)
		tell_stopped(l);
}

static void answer(struct job *j, size_t i, enum relay_stage stage, const struct session_answer *a)
{
	struct relay_answer *to = &j->recipients[i].answer;

	to->stage = stage;
	to->code = a->code;
	snprintf(to->enhanced, sizeof to->enhanced, "%s", a->enhanced);
	snprintf(to->text, sizeof to->text, "%s", a->text);
	for (char *at = to->text; (at = strchr(at, '\n'));)
		*at = ' ';
}

static void settle(struct errand *e)
{
	struct local *l = e->local;

	l->rest_us = 0;
	intake_settle(l->with.intake, e->job, 0);
	errand_free(e);
	go(l);
}

/* Nobody knows what became of it, or it never began. */
static void come_back_later(struct errand *e)
{
	struct local *l = e->local;

	intake_give_back(l->with.intake, e->job);
	errand_free(e);
	l->is_dry = false;
	if (l->is_resting || l->is_stopping)
		return;
	l->is_resting = true;
	l->rest_us = l->rest_us ? 2 * l->rest_us : LOCAL_REST_US;
	if (l->rest_us > LOCAL_REST_MAX_US)
		l->rest_us = LOCAL_REST_MAX_US;
	loop_timer_set(l->timer, l->rest_us);
}

/* ---- what pushsrv says ---- */

static void on_octets(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct errand *e = arg;
	struct job *j = e->job;

	if (err) {
		lmtp_client_abandon(e->lmtp);
		come_back_later(e);
		return;
	}
	j->offset += n;
	e->is_complete = n == 0 || j->offset >= j->envelope.size;
	lmtp_client_content(e->lmtp, octets, n, e->is_complete);
}

/* Piece by piece, as far as pushsrv takes them. */
static void feed(struct errand *e)
{
	e->is_feeding = true;
	while (!e->is_over && !e->is_complete && !lmtp_client_is_full(e->lmtp)) {
		if (e->job->offset == 0)
			on_octets(e, 0, e->job->piece, e->job->piece_n);
		else
			queue_octets(e->local->with.port, e->job->mail, e->job->offset, on_octets,
				     e);
	}
	e->is_feeding = false;
	if (e->is_over)
		memory_free(e);
}

static void on_rcpt_answered(void *arg, const struct session_answer *a)
{
	struct errand *e = arg;
	size_t i = e->order[e->answered++];

	if (a->code / 100 == 2)
		e->accepted++;
	else
		answer(e->job, i, RELAY_STAGE_RCPT, a);
	if (e->answered < e->asked)
		return;
	if (e->accepted > 0) {
		feed(e);
		return;
	}
	lmtp_client_abandon(e->lmtp);
	settle(e);
}

static void on_mail_answered(void *arg, const struct session_answer *a)
{
	struct errand *e = arg;

	for (size_t i = 0; i < e->job->count; i++)
		if (e->job->recipients[i].answer.stage == RELAY_STAGE_NONE)
			answer(e->job, i, RELAY_STAGE_CONTENT, a);
	settle(e);
}

static void on_lost(void *arg)
{
	come_back_later(arg);
}

static void on_drained(void *arg)
{
	struct errand *e = arg;

	if (e->answered == e->asked)
		feed(e);
}

static const struct lmtp_holder_ops holder_ops = {
	.rcpt_answered = on_rcpt_answered,
	.mail_answered = on_mail_answered,
	.lost = on_lost,
	.drained = on_drained,
};

/* ---- how it begins ---- */

static void describe(struct errand *e)
{
	const struct job *j = e->job;

	snprintf(e->tx.xid, sizeof e->tx.xid, "%" PRId64 ".%" PRId64, j->mail, j->received_us);
	e->tx.has_size = true;
	e->tx.declared = j->envelope.size;
	e->tx.body = j->envelope.is_8bit ? SMTP_BODY_8BITMIME : SMTP_BODY_UNSAID;
	e->tx.is_utf8 = j->is_utf8;
	if (*j->reverse_path && mailaddr_parse(j->reverse_path, strlen(j->reverse_path),
					       MAILADDR_UTF8, &e->tx.reverse_path) != 0)
		e->tx.reverse_path = (struct mailaddr){0};
}

static void ask_recipients(struct errand *e)
{
	static const struct session_answer no_address = {501, "5.1.3", "this is no address"};
	struct job *j = e->job;
	struct mailaddr to;

	for (size_t i = 0; i < j->count; i++) {
		const char *text = j->rows[i].address;
		if (mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &to) != 0) {
			answer(j, i, RELAY_STAGE_RCPT, &no_address);
			continue;
		}
		e->order[e->asked++] = i;
		lmtp_client_rcpt(e->lmtp, &to);
	}
}

static void begin(struct errand *e, struct lmtp_client *lmtp)
{
	e->lmtp = lmtp;
	describe(e);
	lmtp_client_begin(lmtp, &e->tx, &holder_ops, e);
	ask_recipients(e);
	if (e->asked > 0)
		return;
	lmtp_client_abandon(lmtp);
	settle(e);
}

static void on_granted(void *arg, struct lmtp_client *lmtp)
{
	struct errand *e = arg;

	if (lmtp)
		begin(e, lmtp);
	else
		come_back_later(e);
}

static struct errand *errand_new(struct local *l, struct job *j)
{
	struct errand *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->order = calloc(j->count, sizeof *e->order);
	if (!e->order) {
		free(e);
		return NULL;
	}
	e->local = l;
	e->job = j;
	e->ticket.granted = on_granted;
	e->ticket.arg = e;
	j->is_local = true;
	snprintf(j->remote, sizeof j->remote, "%s", l->with.lmtp->hostname);
	e->next = l->errands;
	e->at = &l->errands;
	if (e->next)
		e->next->at = &e->next;
	l->errands = e;
	l->count++;
	return e;
}

static void on_taken(void *arg, struct job *j)
{
	struct local *l = arg;
	struct lmtp_client *lmtp;
	struct errand *e = errand_new(l, j);

	if (!e) {
		intake_give_back(l->with.intake, j);
		return;
	}
	int err = lmtp_pool_take(l->pool, &e->ticket, &lmtp);
	if (err == 0)
		begin(e, lmtp);
	else if (err != E_AGAIN)
		come_back_later(e);
}

static void go(struct local *l)
{
	if (l->is_taking || l->is_dry || l->is_resting || l->is_stopping)
		return;
	if (l->count * 2 > l->with.most)
		return;
	l->is_taking = true;
	intake_take(l->with.intake, l->lane, l->with.most - l->count, &l->is_dry, on_taken, l);
	l->is_taking = false;
}

static void on_rested(void *arg)
{
	struct local *l = arg;

	l->is_resting = false;
	go(l);
}

void local_offer(struct local *l, int64_t lane)
{
	l->lane = lane;
	l->is_dry = false;
	go(l);
}

void local_look(struct local *l)
{
	go(l);
}

/* ---- life ---- */

int local_new(const struct local_options *options, struct local **out)
{
	struct local *l = calloc(1, sizeof *l);

	if (!l)
		return E_NOMEM;
	l->with = *options;
	l->is_dry = true;
	l->timer = loop_timer_new(options->loop, on_rested, l);
	int err = l->timer ? lmtp_pool_new(options->loop, options->lmtp, options->most,
					   options->lmtp->step_us, &l->pool)
			   : E_NOMEM;
	if (err) {
		local_free(l);
		return err;
	}
	*out = l;
	return 0;
}

void local_free(struct local *l)
{
	if (!l)
		return;
	while (l->errands) {
		struct errand *e = l->errands;
		l->is_stopping = true;
		intake_give_back(l->with.intake, e->job);
		errand_free(e);
	}
	loop_timer_free(l->timer);
	lmtp_pool_free(l->pool);
	free(l);
}

static void on_pool_closed(void *arg)
{
	struct local *l = arg;

	l->is_pool_closed = true;
	tell_stopped(l);
}

void local_stop(struct local *l, void (*stopped)(void *arg), void *arg)
{
	struct errand *next;

	l->is_stopping = true;
	l->stopped = stopped;
	l->stopped_arg = arg;
	loop_timer_stop(l->timer);
	for (struct errand *e = l->errands; e; e = next) {
		next = e->next;
		if (e->is_complete)
			continue;
		if (e->lmtp)
			lmtp_client_abandon(e->lmtp);
		come_back_later(e);
	}
	lmtp_pool_close(l->pool, on_pool_closed, l);
}
