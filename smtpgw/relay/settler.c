#include "smtpgw/relay/settler.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"

#define RETRY_US CLOCK_S /* after the store refused */

struct settlement {
	struct settler *settler;
	struct settlement *next;
	struct job *job;
	int64_t not_before_us;
	int64_t now_us;
	int64_t next_us; /* of the first recipient who is deferred */
	bool is_told;    /* logged and counted */
};

struct settler {
	struct settler_options with;
	struct loop_timer *timer;
	struct settlement *refused; /* by the store: brought again */
	size_t left;
};

/* ---- one recipient ---- */

static void log_recipient(const struct job *j, size_t i, enum relay_fate fate, bool is_expired)
{
	static const char *const words[] = {[RELAY_DELIVERED] = "relayed",
					    [RELAY_DEFERRED] = "relay-deferred",
					    [RELAY_FAILED] = "relay-failed"};
	const struct relay_answer *a = &j->recipients[i].answer;

	log_event(fate == RELAY_DELIVERED ? LOG_INFO : LOG_WARN,
		  is_expired ? "relay-expired" : words[fate], LOG_INT("mail", j->mail),
		  LOG_TEXT("to", j->rows[i].canonical), LOG_TEXT("remote", j->remote),
		  LOG_INT("code", a->code), LOG_TEXT("enhanced", relay_enhanced(a)),
		  LOG_TEXT("answer", a->text), LOG_INT("attempts", j->rows[i].attempts + 1),
		  LOG_END);
}

static void count(enum relay_fate fate, bool is_expired)
{
	static const enum counter counters[] = {[RELAY_DELIVERED] = COUNT_RELAY_DELIVERED,
						[RELAY_DEFERRED] = COUNT_RELAY_DEFERRED,
						[RELAY_FAILED] = COUNT_RELAY_FAILED};

	counter_add(is_expired ? COUNT_RELAY_EXPIRED : counters[fate], 1);
}

/* False: not any more. */
static bool has_next(const struct settlement *t, size_t i, int64_t *next_us)
{
	const struct job *j = t->job;

	if (!relay_next(&t->settler->with.rules.schedule, j->received_us, j->rows[i].attempts + 1,
			j->mail, t->now_us, next_us))
		return false;
	if (*next_us < t->not_before_us)
		*next_us = t->not_before_us;
	return true;
}

/* ---- what follows for a recipient ---- */

/* The rows of one transaction. */
struct work {
	struct queue_outcome *outcomes;
	struct notice_about *about;
	struct suppression *suppressions;
	size_t suppression_count;
	struct notices notices;
	bool can_tell; /* the sender */
	bool has_news; /* for him */
};

static void work_free(struct work *w)
{
	notices_free(&w->notices);
	free(w->outcomes);
	free(w->about);
	free(w->suppressions);
}

static int work_new(struct work *w, const struct settlement *t)
{
	size_t n = t->job->count;

	*w = (struct work){
		.outcomes = calloc(n, sizeof *w->outcomes),
		.about = calloc(n, sizeof *w->about),
		.suppressions = calloc(n, sizeof *w->suppressions),
		.can_tell = notices_can_go(&t->settler->with.rules.notices, t->job),
	};
	return w->outcomes && w->about && w->suppressions ? 0 : E_NOMEM;
}

static struct queue_reply reply_of(const struct job *j, size_t i)
{
	const struct relay_answer *a = &j->recipients[i].answer;

	return (struct queue_reply){.code = a->code,
				    .enhanced = relay_enhanced(a),
				    .text = a->text,
				    .remote = j->remote};
}

static void judge_notice(const struct settlement *t, size_t i, enum relay_fate fate,
			 bool is_expired, struct work *w)
{
	const struct job *j = t->job;
	const struct relay_course course = {.fate = fate,
					    .is_expired = is_expired,
					    .is_final = j->is_local,
					    .passes_notify = j->envelope.passes_dsn,
					    .is_warned = j->rows[i].is_warned,
					    .has_sender = w->can_tell,
					    .notify = j->recipients[i].notify,
					    .waited_us = t->now_us - j->received_us};

	w->about[i].notice = relay_notice(&t->settler->with.rules.schedule, &course);
	w->about[i].is_expired = is_expired;
	w->has_news |= w->about[i].notice != RELAY_NO_NOTICE;
}

static void judge_suppression(const struct settlement *t, size_t i, struct work *w)
{
	const struct job *j = t->job;
	int64_t keep_us = t->settler->with.rules.suppress_us;

	if (j->sender == 0 || keep_us == 0 ||
	    relay_suppression(&j->recipients[i].answer) == RELAY_SUPPRESS_NOT)
		return;
	w->suppressions[w->suppression_count++] =
		(struct suppression){.sender = j->sender,
				     .address = j->rows[i].canonical,
				     .reason = reply_of(j, i),
				     .since_us = t->now_us,
				     .expires_us = t->now_us + keep_us};
	if (!t->is_told)
		counter_add(COUNT_RELAY_SUPPRESSED, 1);
}

/* A bounce that cannot be delivered: nobody is told, so the operator has it. */
static bool is_held(const struct settlement *t, size_t i)
{
	const struct job *j = t->job;

	if (*j->reverse_path || j->sender != 0)
		return false;
	if (!t->is_told) {
		counter_add(COUNT_RELAY_DOUBLE_BOUNCES, 1);
		log_event(LOG_ERROR, "relay-double-bounce", LOG_INT("mail", j->mail),
			  LOG_TEXT("to", j->rows[i].canonical),
			  LOG_TEXT("kept", t->settler->with.rules.holds_bounces ? "yes" : "no"),
			  LOG_END);
	}
	return t->settler->with.rules.holds_bounces;
}

static void decide(struct settlement *t, size_t i, struct work *w)
{
	const struct job *j = t->job;
	enum relay_fate fate = relay_judge(&j->recipients[i].answer);
	struct queue_outcome *o = &w->outcomes[i];
	bool is_expired = fate == RELAY_DEFERRED && !has_next(t, i, &o->next_us);

	judge_notice(t, i, fate, is_expired, w);
	judge_suppression(t, i, w);
	o->recipient = j->rows[i].id;
	o->reply = reply_of(j, i);
	o->is_warned = j->rows[i].is_warned || w->about[i].notice == RELAY_NOTICE_DELAYED;
	o->fate = QUEUE_DEFERRED;
	if (fate == RELAY_DELIVERED) {
		o->fate = QUEUE_DELIVERED;
	} else if (fate == RELAY_FAILED || is_expired) {
		o->next_us = INT64_MAX;
		if (!is_held(t, i))
			o->fate = QUEUE_FAILED;
	}
	if (o->fate == QUEUE_DEFERRED && o->next_us < t->next_us)
		t->next_us = o->next_us;
	if (t->is_told)
		return;
	log_recipient(j, i, fate, is_expired);
	count(fate, is_expired);
}

/* ---- the job ---- */

static void settlement_end(struct settlement *t)
{
	struct settler *s = t->settler;
	int64_t next_us = t->next_us;

	job_free(t->job);
	free(t);
	s->left--;
	s->with.settled(s->with.arg, next_us);
}

static void refuse(struct settlement *t)
{
	struct settler *s = t->settler;

	counter_add(COUNT_RELAY_STORE_ERRORS, 1);
	t->next = s->refused;
	s->refused = t;
	loop_timer_set(s->timer, RETRY_US);
}

static void on_settled(void *arg, int err)
{
	struct settlement *t = arg;

	if (err && err != E_NOT_FOUND && err != E_CLOSED)
		refuse(t);
	else
		settlement_end(t);
}

static int make_notices(const struct settlement *t, struct work *w)
{
	if (!w->has_news)
		return 0;
	int err = notices_make(&t->settler->with.rules.notices, t->job, w->about, t->now_us,
			       &w->notices);
	if (!err && !t->is_told)
		counter_add(COUNT_RELAY_NOTICES, (int64_t)w->notices.count);
	return err;
}

static void submit(struct settlement *t)
{
	struct work w;
	int err = work_new(&w, t);

	t->now_us = clock_now_us();
	t->next_us = INT64_MAX;
	for (size_t i = 0; !err && i < t->job->count; i++)
		decide(t, i, &w);
	if (!err)
		err = make_notices(t, &w);
	if (err) {
		work_free(&w);
		refuse(t);
		return;
	}
	t->is_told = true;
	const struct queue_settlement what = {.mail = t->job->mail,
					      .outcomes = w.outcomes,
					      .count = t->job->count,
					      .notices = w.notices.mails,
					      .notice_count = w.notices.count,
					      .suppressions = w.suppressions,
					      .suppression_count = w.suppression_count,
					      .now_us = t->now_us};
	queue_settle(t->settler->with.port, &what, on_settled, t);
	work_free(&w);
}

static void on_timer(void *arg)
{
	struct settler *s = arg;
	struct settlement *t = s->refused;

	s->refused = NULL;
	while (t) {
		struct settlement *next = t->next;
		submit(t);
		t = next;
	}
}

void settler_settle(struct settler *s, struct job *j, int64_t not_before_us)
{
	struct settlement *t = calloc(1, sizeof *t);

	if (!t) { /* it is due again, and may go out twice: better than not at all */
		settler_give_back(s, j);
		s->with.settled(s->with.arg, 0);
		return;
	}
	*t = (struct settlement){.settler = s, .job = j, .not_before_us = not_before_us};
	s->left++;
	submit(t);
}

void settler_give_back(struct settler *s, struct job *j)
{
	for (size_t i = 0; i < j->count; i++)
		queue_give_back(s->with.port, j->mail, &j->rows[i].id, 1);
	job_free(j);
}

size_t settler_left(const struct settler *s)
{
	return s->left;
}

/* ---- life ---- */

int settler_new(const struct settler_options *options, struct settler **out)
{
	struct settler *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->with = *options;
	s->timer = loop_timer_new(options->loop, on_timer, s);
	if (!s->timer) {
		free(s);
		return E_NOMEM;
	}
	*out = s;
	return 0;
}

void settler_free(struct settler *s)
{
	if (!s)
		return;
	while (s->refused) {
		struct settlement *t = s->refused;
		s->refused = t->next;
		job_free(t->job);
		free(t);
	}
	loop_timer_free(s->timer);
	free(s);
}
