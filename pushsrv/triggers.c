#include "pushsrv/trigger_job.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/wire/wsp.h"
#include "pushsrv/counters.h"

#define WINDOWS_MAX 65536 /* mailboxes in their coalescing window */
#define STUCK_US    CLOCK_S

/* ---- slots ---- */

static struct job *slot_of(struct triggers *t, int64_t subscriber)
{
	for (size_t i = 0; i < TRIGGERS_AT_ONCE; i++)
		if (t->jobs[i].subscriber == subscriber)
			return &t->jobs[i];
	return NULL;
}

static struct job *slot_take(struct triggers *t, int64_t subscriber, enum schedule_cause cause)
{
	struct job *j = t->is_stopping ? NULL : slot_of(t, 0);

	if (!j)
		return NULL;
	*j = (struct job){.all = t, .subscriber = subscriber, .cause = cause};
	t->busy++;
	return j;
}

void job_finish(struct job *j)
{
	struct triggers *t = j->all;

	if (j->is_again && !t->is_stopping) {
		*j = (struct job){.all = t, .subscriber = j->subscriber, .cause = j->again_cause};
		job_begin(j);
		return;
	}
	j->subscriber = 0;
	t->busy--;
	t->with.room(t->with.arg);
}

/* The store refused: the same step again in a while. */
void job_stuck(struct job *j, void (*step)(struct job *j))
{
	counter_add(COUNT_STORE_ERRORS, 1);
	if (j->all->is_stopping) {
		job_finish(j);
		return;
	}
	j->stuck = step;
	loop_timer_set(j->all->stuck_timer, STUCK_US);
}

static void try_stuck(void *arg)
{
	struct triggers *t = arg;

	for (size_t i = 0; i < TRIGGERS_AT_ONCE; i++) {
		struct job *j = &t->jobs[i];
		void (*step)(struct job *) = j->subscriber ? j->stuck : NULL;
		j->stuck = NULL;
		if (step)
			step(j);
	}
}

/* ---- from outside ---- */

static void woken(void *arg, int err)
{
	struct triggers *t = arg;

	if (err && err != E_NOT_FOUND)
		t->with.lost(t->with.arg);
	else
		t->with.due(t->with.arg, clock_now_us());
}

void triggers_look(struct triggers *t, int64_t subscriber, enum schedule_cause cause)
{
	struct job *j = slot_of(t, subscriber);

	if (j) {
		if (!j->is_again || cause == SCHEDULE_LEASE)
			j->again_cause = cause;
		j->is_again = true;
		return;
	}
	j = slot_take(t, subscriber, cause);
	if (j)
		job_begin(j);
	else if (cause == SCHEDULE_LEASE)
		trigger_wake(t->with.port, subscriber, clock_now_us(), woken, t);
	else
		t->with.due(t->with.arg, clock_now_us());
}

bool triggers_take(struct triggers *t, const struct outbox_row *row, enum schedule_cause cause)
{
	if (slot_of(t, row->subscriber))
		return true;
	struct job *j = slot_take(t, row->subscriber, cause);
	if (!j)
		return false;
	j->row = *row;
	j->is_scanned = true;
	job_consider(j);
	return true;
}

size_t triggers_room(const struct triggers *t)
{
	return t->is_stopping ? 0 : TRIGGERS_AT_ONCE - t->busy;
}

void triggers_set_window(struct triggers *t)
{
	int64_t at_us = recent_next(t->recent), now_us = clock_mono_us();

	if (at_us != INT64_MAX)
		loop_timer_set(t->window_timer, at_us > now_us ? at_us - now_us : 0);
}

static void window_ended(void *arg)
{
	struct triggers *t = arg;
	int64_t subscriber, now_us = clock_mono_us();

	while (recent_ended(t->recent, now_us, &subscriber))
		triggers_look(t, subscriber, SCHEDULE_MAIL);
	triggers_set_window(t);
}

int triggers_new(const struct triggers_options *options, struct triggers **out)
{
	struct triggers *t = calloc(1, sizeof *t);

	if (!t)
		return E_NOMEM;
	t->with = *options;
	schedule_init(&t->schedule, options->conf);
	t->is_signed = options->conf->pushsrv_trigger_mac;
	t->application_id = strcmp(options->conf->pushsrv_application_id, "spmode") == 0
				    ? WSP_APPLICATION_SPMODE
				    : WSP_APPLICATION_EMN;
	t->tid = (uint8_t)clock_now_s();
	t->recent = recent_new(WINDOWS_MAX, t->schedule.coalesce_us);
	t->window_timer = loop_timer_new(options->loop, window_ended, t);
	t->stuck_timer = loop_timer_new(options->loop, try_stuck, t);
	if (!t->recent || !t->window_timer || !t->stuck_timer) {
		triggers_free(t);
		return E_NOMEM;
	}
	*out = t;
	return 0;
}

void triggers_stop(struct triggers *t)
{
	t->is_stopping = true;
	loop_timer_stop(t->window_timer);
	loop_timer_stop(t->stuck_timer);
}

void triggers_free(struct triggers *t)
{
	if (!t)
		return;
	recent_free(t->recent);
	loop_timer_free(t->window_timer);
	loop_timer_free(t->stuck_timer);
	free(t);
}
