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

	if (!relay_next(&t->settler->with.schedule, j->received_us, j->rows[i].attempts + 1,
			j->mail, t->now_us, next_us))
		return false;
	if (*next_us < t->not_before_us)
		*next_us = t->not_before_us;
	return true;
}

static void decide(struct settlement *t, size_t i, struct queue_outcome *o)
{
	const struct job *j = t->job;
	const struct relay_answer *a = &j->recipients[i].answer;
	enum relay_fate fate = relay_judge(a);
	bool is_expired = fate == RELAY_DEFERRED && !has_next(t, i, &o->next_us);

	o->recipient = j->rows[i].id;
	o->fate = fate == RELAY_DELIVERED ? QUEUE_DELIVERED : QUEUE_DEFERRED;
	if (fate == RELAY_FAILED || is_expired)
		o->next_us = INT64_MAX;
	if (o->fate == QUEUE_DEFERRED && o->next_us < t->next_us)
		t->next_us = o->next_us;
	o->is_warned = j->rows[i].is_warned;
	o->reply = (struct queue_reply){.code = a->code,
					.enhanced = relay_enhanced(a),
					.text = a->text,
					.remote = j->remote};
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

static void submit(struct settlement *t)
{
	struct queue_outcome *outcomes = calloc(t->job->count, sizeof *outcomes);

	if (!outcomes) {
		refuse(t);
		return;
	}
	t->now_us = clock_now_us();
	t->next_us = INT64_MAX;
	for (size_t i = 0; i < t->job->count; i++)
		decide(t, i, &outcomes[i]);
	t->is_told = true;
	const struct queue_settlement what = {.mail = t->job->mail,
					      .outcomes = outcomes,
					      .count = t->job->count,
					      .now_us = t->now_us};
	queue_settle(t->settler->with.port, &what, on_settled, t);
	free(outcomes);
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
