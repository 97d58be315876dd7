#include "pushsrv/triggers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "pushsrv/counters.h"
#include "pushsrv/outgoing.h"

#define TAKE_ROWS 512     /* of a group: as long as one may keep a mail's commit waiting */
#define WAKE_ROWS 256     /* leases of one group */
#define AHEAD     2       /* groups that are taken at a time when more is due than one holds */
#define RETRY_US  CLOCK_S /* after the store refused */
#define LOOK_US   (60 * CLOCK_S) /* in case the clock was set: the times are of the wall */
/* What one group can bring. */
#define TAKE_OUT (TAKE_ROWS + WAKE_ROWS + TRIGGER_TARGETS_MAX)

_Static_assert(TRIGGERS_UNSENT_MAX >= OUTGOING_MAX + AHEAD * TAKE_OUT, "what a crash leaves");

struct queue {
	struct triggers *all;
	enum bearer bearer;
	struct loop_timer *timer;
	int64_t due_us;  /* what the timer is set for */
	size_t taking;   /* groups at the store */
	bool is_wanted;  /* when there is room, or one came back */
	bool is_backlog; /* the last group was full */
	size_t expected; /* datagrams that the groups at the store may bring */
};

struct triggers {
	struct triggers_options with;
	struct outgoing *outgoing;
	struct queue queues[BEARERS];
	bool is_stopping;
	bool is_any_left; /* datagrams that were logged, at the stop */
	void (*stopped)(void *arg, bool all_left);
	void *stopped_arg;
	size_t sms_expected; /* short messages that the groups at the store may bring */
	int64_t heard;  /* of the bindings' change feed: whom it woke is below, or in a group */
	size_t wakings; /* groups at the store that wake somebody */
	size_t woken_count;
	int64_t woken[TRIGGERS_WOKEN_MAX];
};

/* A group at the store. */
struct taking {
	struct queue *queue;
	size_t sms_room;
	size_t woken_count;
	int64_t woken[];
};

static void take(struct queue *q);
static void take_wanted(struct triggers *t);

/* ---- when ---- */

static void set_due(struct queue *q, int64_t at_us)
{
	int64_t in_us = at_us - clock_now_us();

	q->due_us = at_us;
	loop_timer_set(q->timer, in_us < 0 ? 0 : in_us > LOOK_US ? LOOK_US : in_us);
}

/* There is a row that is due then (not before). */
static void due(struct queue *q, int64_t at_us)
{
	if (!q->all->is_stopping && at_us < q->due_us)
		set_due(q, at_us);
}

static void is_due(void *arg)
{
	struct queue *q = arg;

	q->due_us = INT64_MAX;
	take(q);
}

/* ---- a group ---- */

static void hand_out(struct triggers *t, const struct trigger_taken *taken)
{
	counter_add(COUNT_TRIGGERS_POSTPONED, (int64_t)taken->waiting);
	counter_add(COUNT_TRIGGERS_NO_HOST, (int64_t)taken->no_host);
	for (size_t i = 0; i < taken->count; i++)
		if (taken->out[i].bearer == BEARER_UDP)
			outgoing_add(t->outgoing, &taken->out[i], 1);
		else
			bearer_sms_send(t->with.sms, &taken->out[i]);
}

static void not_taken(struct taking *taking)
{
	struct queue *q = taking->queue;
	struct triggers *t = q->all;

	counter_add(COUNT_STORE_ERRORS, 1);
	due(q, clock_now_us() + RETRY_US);
	if (t->woken_count + taking->woken_count > TRIGGERS_WOKEN_MAX) {
		t->with.lost(t->with.arg);
		return;
	}
	memcpy(t->woken + t->woken_count, taking->woken,
	       taking->woken_count * sizeof *taking->woken);
	t->woken_count += taking->woken_count;
}

static void check_stopped(struct triggers *t)
{
	void (*stopped)(void *, bool) = t->stopped;

	for (size_t b = 0; b < BEARERS; b++)
		if (t->queues[b].taking > 0)
			return;
	t->stopped = NULL;
	if (stopped)
		stopped(t->stopped_arg, !t->is_any_left);
}

static void taken(void *arg, int err, const struct trigger_taken *what)
{
	struct taking *taking = arg;
	struct queue *q = taking->queue;
	struct triggers *t = q->all;

	q->taking--;
	q->expected -= TAKE_OUT;
	t->wakings -= taking->woken_count > 0;
	t->sms_expected -= taking->sms_room;
	if (t->is_stopping) {
		t->is_any_left |= err || what->count > 0;
		if (err && taking->woken_count)
			t->heard = 0;
		check_stopped(t);
	} else if (err) {
		not_taken(taking);
	} else {
		q->is_backlog = what->rows == TAKE_ROWS;
		hand_out(t, what);
		int64_t look_us = clock_now_us() + LOOK_US;
		due(q, what->next_us < look_us ? what->next_us : look_us);
		/* Rows went over to the other queue. */
		due(&t->queues[BEARER_SMS], what->sms_next_us);
		take_wanted(t);
	}
	free(taking);
}

/* Short messages that may be taken now. */
static size_t sms_room(const struct triggers *t)
{
	size_t room = t->with.sms ? bearer_sms_room(t->with.sms) : 0;

	return room > t->sms_expected ? room - t->sms_expected : 0;
}

static bool has_room(const struct queue *q)
{
	if (q->bearer == BEARER_SMS && q->all->with.sms && sms_room(q->all) == 0)
		return false;
	return q->taking < (q->is_backlog ? AHEAD : 1) &&
	       outgoing_room(q->all->outgoing) >= q->expected + TAKE_OUT;
}

static void take(struct queue *q)
{
	struct triggers *t = q->all;
	size_t n = t->woken_count < WAKE_ROWS ? t->woken_count : WAKE_ROWS;

	if (t->is_stopping)
		return;
	q->is_wanted = !has_room(q);
	if (q->is_wanted)
		return;
	struct taking *taking = malloc(sizeof *taking + n * sizeof *taking->woken);
	if (!taking) {
		due(q, clock_now_us() + RETRY_US);
		return;
	}
	taking->queue = q;
	taking->sms_room = sms_room(t);
	taking->woken_count = n;
	memcpy(taking->woken, t->woken, n * sizeof *t->woken);
	memmove(t->woken, t->woken + n, (t->woken_count - n) * sizeof *t->woken);
	t->woken_count -= n;
	int64_t heard = triggers_all_heard(t);
	q->taking++;
	t->wakings += n > 0;
	q->expected += TAKE_OUT;
	t->sms_expected += taking->sms_room;
	const struct trigger_take what = {.bearer = q->bearer,
					  .now_us = clock_now_us(),
					  .limit = TAKE_ROWS,
					  .sms_room = taking->sms_room,
					  .woken = taking->woken,
					  .woken_count = n,
					  .heard = heard};
	triggers_take(t->with.port, &what, taken, taking);
	if (q->is_backlog && has_room(q))
		take(q);
}

bool triggers_is_behind(const struct triggers *t)
{
	return t->queues[BEARER_UDP].is_backlog;
}

bool triggers_is_waking(const struct triggers *t)
{
	return t->woken_count > 0 || t->wakings > 0;
}

int64_t triggers_all_heard(const struct triggers *t)
{
	return triggers_is_waking(t) ? 0 : t->heard;
}

void triggers_heard(struct triggers *t, int64_t seq)
{
	t->heard = seq;
}

static void take_wanted(struct triggers *t)
{
	for (size_t b = 0; b < BEARERS; b++)
		if (t->queues[b].is_wanted || (b == BEARER_UDP && t->woken_count))
			take(&t->queues[b]);
}

/* ---- from outside ---- */

void triggers_begin(struct triggers *t)
{
	for (size_t b = 0; b < BEARERS; b++)
		due(&t->queues[b], clock_now_us());
}

/* In whichever queue its next step stands. */
static void due_in_any(struct triggers *t, int64_t at_us)
{
	for (size_t b = 0; b < BEARERS; b++)
		due(&t->queues[b], at_us);
}

static void logged(void *arg, int err, const struct trigger_out *out, size_t n)
{
	struct triggers *t = arg;

	if (!err)
		outgoing_now(t->outgoing, out, n);
	else if (err != E_NOT_FOUND)
		counter_add(COUNT_STORE_ERRORS, 1); /* the schedule repeats it */
	if (n)
		due_in_any(t, out[0].next_us);
}

bool triggers_left(struct triggers *t, int64_t log)
{
	if (t->is_stopping)
		return false;
	trigger_logged(t->with.port, log, 1, logged, t);
	return true;
}

const struct outgoing *triggers_outgoing(const struct triggers *t)
{
	return t->outgoing;
}

static void raised(void *arg, int err, const struct outbox_row *row)
{
	struct triggers *t = arg;
	int64_t now_us = clock_now_us();

	if (err == E_NOT_FOUND)
		return;
	if (err) {
		due(&t->queues[BEARER_UDP], now_us);
		return;
	}
	counter_add(COUNT_TRIGGERS_COALESCED,
		    row->newest_uid > row->covered_uid && row->next_us > now_us);
	due(&t->queues[row->bearer], row->next_us);
}

void triggers_mail(struct triggers *t, int64_t subscriber, int64_t first, uint32_t n)
{
	if (t->is_stopping)
		return;
	if (n)
		trigger_logged(t->with.port, first, n, logged, t);
	else if (first == CHANGE_MAIL_JOINED)
		counter_add(COUNT_TRIGGERS_COALESCED, 1);
	else if (first)
		due_in_any(t, first);
	else
		outbox_get(t->with.port, subscriber, raised, t);
}

size_t triggers_wake(struct triggers *t, const int64_t *subscribers, size_t n)
{
	size_t room = TRIGGERS_WOKEN_MAX - t->woken_count;

	if (t->is_stopping)
		return 0;
	if (n > room) {
		t->with.lost(t->with.arg);
		n = room;
	}
	if (n)
		memcpy(t->woken + t->woken_count, subscribers, n * sizeof *subscribers);
	t->woken_count += n;
	if (n)
		take(&t->queues[BEARER_UDP]);
	return TRIGGERS_WOKEN_MAX - t->woken_count;
}

/* Most leases are of phones that have no mail waiting: a look is cheaper than a transaction. */
struct lease_look {
	struct triggers *all;
	int64_t subscriber;
};

static void lease_looked(void *arg, int err, const struct outbox_row *row)
{
	struct lease_look *look = arg;

	(void)row;
	if (err != E_NOT_FOUND)
		triggers_wake(look->all, &look->subscriber, 1);
}

void triggers_lease(struct triggers *t, int64_t subscriber)
{
	struct lease_look look = {t, subscriber};

	/* A read completes before its call returns. */
	if (!t->is_stopping)
		outbox_get(t->with.port, subscriber, lease_looked, &look);
}

static void looked(void *arg, int err)
{
	struct triggers *t = arg;

	if (err)
		counter_add(COUNT_STORE_ERRORS, 1); /* it is found when the row is due, in hours */
	else
		due(&t->queues[BEARER_UDP], clock_now_us());
}

void triggers_look(struct triggers *t, int64_t subscriber)
{
	if (!t->is_stopping)
		outbox_look(t->with.port, subscriber, clock_now_us(), looked, t);
}

static void moved(void *arg)
{
	take_wanted(arg);
}

void triggers_sms_room(struct triggers *t)
{
	take_wanted(t);
}

void triggers_sms_due(struct triggers *t, int64_t at_us)
{
	due(&t->queues[BEARER_SMS], at_us);
}

int triggers_new(const struct triggers_options *options, struct triggers **out)
{
	struct triggers *t = calloc(1, sizeof *t);

	if (!t)
		return E_NOMEM;
	t->with = *options;
	const struct outgoing_options with = {.loop = options->loop,
					      .port = options->port,
					      .conf = options->conf,
					      .bearer = options->bearer,
					      .moved = moved,
					      .arg = t};
	int err = outgoing_new(&with, &t->outgoing);
	for (size_t b = 0; !err && b < BEARERS; b++) {
		struct queue *q = &t->queues[b];
		*q = (struct queue){.all = t, .bearer = (enum bearer)b, .due_us = INT64_MAX};
		q->timer = loop_timer_new(options->loop, is_due, q);
		err = q->timer ? 0 : E_NOMEM;
	}
	if (err) {
		triggers_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void triggers_stop(struct triggers *t, void (*stopped)(void *arg, bool all_left), void *arg)
{
	t->is_stopping = true;
	t->stopped = stopped;
	t->stopped_arg = arg;
	t->is_any_left |= outgoing_room(t->outgoing) < OUTGOING_MAX;
	outgoing_stop(t->outgoing);
	for (size_t b = 0; b < BEARERS; b++)
		loop_timer_stop(t->queues[b].timer);
	check_stopped(t);
}

void triggers_free(struct triggers *t)
{
	if (!t)
		return;
	outgoing_free(t->outgoing);
	for (size_t b = 0; b < BEARERS; b++)
		loop_timer_free(t->queues[b].timer);
	free(t);
}
