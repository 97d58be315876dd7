#include "smtpgw/relay/intake.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "smtpgw/counters.h"

struct intake {
	struct intake_options with;
	struct settler *settler;
	size_t count;
};

/* ---- out ---- */

static void gone(struct intake *in, int64_t next_us)
{
	in->count--;
	counter_add(COUNT_RELAY_MAILS, -1);
	in->with.room(in->with.arg, next_us);
}

static void on_settled(void *arg, int64_t next_us)
{
	gone(arg, next_us);
}

void intake_settle(struct intake *in, struct job *j, int64_t not_before_us)
{
	settler_settle(in->settler, j, not_before_us);
}

void intake_give_back(struct intake *in, struct job *j)
{
	settler_give_back(in->settler, j);
	gone(in, 0);
}

/* ---- in ---- */

struct taking {
	struct intake *in;
	size_t wanted, count;
	int err;
	struct job *first, **last;
};

static void on_jobs(void *arg, int err, const struct queue_job *jobs, size_t n)
{
	struct taking *t = arg;
	struct intake *in = t->in;

	t->err = err;
	for (size_t i = 0; i < n; i++) {
		struct job *j;
		if (job_new(&jobs[i], &j) != 0) {
			t->err = E_NOMEM;
			for (size_t k = 0; k < jobs[i].recipient_count; k++)
				queue_give_back(in->with.port, jobs[i].mail,
						&jobs[i].recipients[k].id, 1);
			continue;
		}
		*t->last = j;
		t->last = &j->next;
		t->count++;
		in->count++;
		counter_add(COUNT_RELAY_MAILS, 1);
	}
}

struct looking {
	struct job *job;
	int err;
};

static void on_octets(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct looking *l = arg;

	l->err = err ? err : job_look(l->job, octets, n);
}

static bool is_looping(const struct intake *in, struct job *j)
{
	struct relay_answer a = {.stage = RELAY_STAGE_ROUTE,
				 .enhanced = "5.4.6",
				 .text = "the mail has been round in circles"};

	if (j->received <= in->with.received_max)
		return false;
	job_answer_rest(j, &a);
	return true;
}

/* False: it is not to be sent, and has gone. */
static bool look(struct intake *in, struct job *j, bool *is_dry)
{
	struct looking l = {.job = j};

	queue_octets(in->with.port, j->mail, 0, on_octets, &l);
	if (l.err) {
		if (l.err != E_NOT_FOUND) /* else an operator has dropped it */
			counter_add(COUNT_RELAY_STORE_ERRORS, 1);
		intake_give_back(in, j);
		*is_dry = true; /* not at once again */
		return false;
	}
	if (is_looping(in, j)) {
		intake_settle(in, j, 0);
		return false;
	}
	return true;
}

size_t intake_take(struct intake *in, int64_t lane, size_t jobs, bool *is_dry,
		   void (*taken)(void *arg, struct job *j), void *arg)
{
	struct taking t = {.in = in, .last = &t.first};
	size_t room = intake_room(in), handed = 0;
	const struct queue_take what = {.lane = lane,
					.now_us = clock_now_us(),
					.jobs = jobs < room ? jobs : room,
					.recipients = in->with.recipients};

	*is_dry = false;
	if (what.jobs == 0)
		return 0;
	queue_lane_take(in->with.port, &what, on_jobs, &t);
	if (t.err)
		counter_add(COUNT_RELAY_STORE_ERRORS, 1);
	*is_dry = t.err || t.count < what.jobs; /* an error: the next look at the lanes */
	for (struct job *j = t.first, *next; j; j = next) {
		next = j->next;
		j->next = NULL;
		if (look(in, j, is_dry)) {
			taken(arg, j);
			handed++;
		}
	}
	return handed;
}

size_t intake_room(const struct intake *in)
{
	return in->count < in->with.mails_max ? in->with.mails_max - in->count : 0;
}

size_t intake_count(const struct intake *in)
{
	return in->count;
}

size_t intake_settling(const struct intake *in)
{
	return settler_left(in->settler);
}

/* ---- life ---- */

int intake_new(const struct intake_options *options, struct intake **out)
{
	struct intake *in = calloc(1, sizeof *in);

	if (!in)
		return E_NOMEM;
	in->with = *options;
	const struct settler_options with = {.loop = options->loop,
					     .port = options->port,
					     .rules = options->rules,
					     .settled = on_settled,
					     .arg = in};
	int err = settler_new(&with, &in->settler);
	if (err) {
		free(in);
		return err;
	}
	*out = in;
	return 0;
}

void intake_free(struct intake *in)
{
	if (!in)
		return;
	settler_free(in->settler);
	free(in);
}
