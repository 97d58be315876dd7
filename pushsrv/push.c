#include "pushsrv/push.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/counters.h"
#include "pushsrv/prompt.h"
#include "pushsrv/purge.h"
#include "pushsrv/trigger_rules.h"
#include "pushsrv/triggers.h"

#define DOUBT_US       (10 * CLOCK_S) /* a datagram that was logged longer before the last one left */
#define RESUME_ROWS    128 /* a turn of the loop: a mail that comes meanwhile is in between */
#define RETRY_US       CLOCK_S
#define SETTLE_US      (2 * CLOCK_S) /* leases come all the time: it is not waited longer */
#define BEHIND_US      20000 /* between pieces, while what is due does not get out fast enough */
#define RESUME_WAIT_US 5000  /* for the groups that wake whom it found */

enum pass { PASS_NONE, PASS_FEED, PASS_WHOLE };

struct push {
	struct db *db;
	struct loop *loop;
	struct db_port *port;
	struct bearer_udp *bearer;
	struct bearer_sms *sms; /* null: off */
	struct triggers *triggers;
	struct prompt *prompt;
	struct purge *purge;
	struct loop_task stopping;
	pthread_t thread;
	bool is_stopping;

	/* The pass over the whole outbox. */
	struct loop_timer *resume_timer;
	bool is_begun;
	enum pass pass;
	int64_t started_us, started_seq; /* of the bindings' feed */
	int64_t resume_after;            /* the pass stands here */
	int64_t resumed_us; /* when it began, and of how many rows it found something */
	size_t resumed_rows;
	/* Nothing that the feed told before is unknown to the triggers. */
	bool is_all_heard;
};

/* ---- what was missed ---- */

/* A start asks twice. First the bindings' change feed, from where the last pushsrv's outbox shows
 * that it had followed it: whose lease was confirmed since. This takes as long as the pause was
 * eventful. Then the whole outbox, row by row: the feed may not reach back, and other rules than
 * yesterday's may be in force. What is due goes out all the while. */

static void resume(struct push *p);

static void resume_in(struct push *p, int64_t in_us)
{
	loop_timer_set(p->resume_timer, in_us);
}

static void heard_all(struct push *p)
{
	p->is_all_heard = true;
	triggers_heard(p->triggers, db_watched(p->port, DB_BINDINGS));
}

static void begin_pass(struct push *p, enum pass which, int64_t after)
{
	p->pass = which;
	p->resume_after = after;
	p->resumed_us = clock_mono_us();
	p->resumed_rows = 0;
}

static void end_pass(struct push *p)
{
	bool was_feed = p->pass == PASS_FEED;

	log_event(LOG_INFO, was_feed ? "outbox-caught-up" : "outbox-resumed",
		  LOG_INT("woken", p->resumed_rows),
		  LOG_INT("ms", (clock_mono_us() - p->resumed_us) / 1000), LOG_END);
	heard_all(p);
	triggers_begin(p->triggers); /* a group that keeps it */
	p->pass = PASS_NONE;
	if (was_feed) {
		begin_pass(p, PASS_WHOLE, 0);
		resume_in(p, 0);
	}
}

/* Whose lease was confirmed while nobody watched. */
static void found_missed(void *arg, int err, const int64_t *subscribers, size_t n, int64_t last)
{
	struct push *p = arg;

	if (p->is_stopping)
		return;
	if (err == E_NOT_FOUND && p->pass == PASS_FEED) {
		begin_pass(p, PASS_WHOLE, 0);
		resume_in(p, 0);
		return;
	}
	if (err) {
		counter_add(COUNT_STORE_ERRORS, 1);
		resume_in(p, RETRY_US);
		return;
	}
	p->resume_after = last;
	p->resumed_rows += n;
	counter_add(p->pass == PASS_FEED ? COUNT_MISSED_FEED : COUNT_MISSED_WHOLE, (int64_t)n);
	size_t room = triggers_wake(p->triggers, subscribers, n);
	if (p->pass == PASS_NONE) /* lost some: from the first row on, later */
		return;
	/* What the feed told is done: the walk may wait for what is due. */
	if (last && p->is_all_heard && triggers_is_behind(p->triggers))
		resume_in(p, BEHIND_US);
	else if (last)
		resume_in(p, room > RESUME_ROWS ? 0 : RESUME_WAIT_US);
	else
		end_pass(p);
}

static bool is_settling(const struct push *p)
{
	return p->pass == PASS_WHOLE && p->resume_after == 0 && triggers_is_waking(p->triggers) &&
	       clock_mono_us() - p->resumed_us < SETTLE_US;
}

static void resume(struct push *p)
{
	if (p->is_stopping)
		return;
	if (p->pass == PASS_NONE)
		begin_pass(p, PASS_WHOLE, 0);
	/* Without room for a whole piece: when the groups have taken some. Whom the feed told of is
	 * not to be found again, because his group is not committed yet. */
	if (triggers_wake(p->triggers, NULL, 0) < RESUME_ROWS || is_settling(p))
		resume_in(p, RESUME_WAIT_US);
	else if (p->pass == PASS_FEED)
		outbox_missed_since(p->port, p->resume_after, p->started_seq, RESUME_ROWS,
				    clock_now_us(), found_missed, p);
	else
		outbox_missed(p->port, p->resume_after, RESUME_ROWS, clock_now_us(), found_missed,
			      p);
}

static void doubted(void *arg, int err)
{
	struct push *p = arg;
	int64_t heard = 0;

	if (err)
		counter_add(COUNT_STORE_ERRORS, 1); /* they count as sent: the schedule repeats */
	if (p->is_stopping)
		return;
	triggers_begin(p->triggers);
	if (bindings_heard(p->port, &heard) == 0 && heard)
		begin_pass(p, PASS_FEED, heard);
	resume(p);
}

static void resume_is_due(void *arg)
{
	struct push *p = arg;

	if (p->is_begun) {
		resume(p);
		return;
	}
	p->is_begun = true;
	triggers_doubt(p->port, TRIGGERS_UNSENT_MAX, p->started_us, DOUBT_US, doubted, p);
}

/* From the first row on. */
static void lost(void *arg)
{
	struct push *p = arg;

	if (p->is_stopping)
		return;
	p->pass = PASS_NONE;
	p->is_all_heard = false;
	triggers_heard(p->triggers, 0);
	resume_in(p, RETRY_US);
}

/* ---- the change feed ---- */

static void binding_changed(void *arg, const struct change *change)
{
	struct push *p = arg;

	if (p->is_stopping)
		return;
	if (change->kind == CHANGE_GONE)
		purge_gone(p->purge);
	else if (change->kind == CHANGE_THAW && change->subscriber)
		triggers_lease(p->triggers, change->subscriber);
	else if (change->kind == CHANGE_THAW)
		lost(p); /* whoever it kept from being told */
	else if (change->kind == CHANGE_NOTIFICATION)
		triggers_look(p->triggers, change->subscriber);
	else if (change->kind == CHANGE_BINDING && change->state == KEY_CONFIRMED &&
		 change->subscriber)
		triggers_lease(p->triggers, change->subscriber);
	if (p->is_all_heard)
		triggers_heard(p->triggers, change->seq);
}

static void mail_changed(void *arg, const struct change *change)
{
	struct push *p = arg;

	if (!p->is_stopping && change->kind == CHANGE_MAIL)
		triggers_mail(p->triggers, change->subscriber, change->former, change->generation);
}

/* ---- the thread ---- */

static void *run(void *arg)
{
	struct push *p = arg;

	loop_run(p->loop);
	/* What is in flight completes here, and begins nothing new. */
	db_port_close(p->port);
	p->port = NULL;
	return NULL;
}

/* If not, the next one doubts what has left. */
static void noted(void *arg, int err)
{
	(void)arg;
	if (err)
		counter_add(COUNT_STORE_ERRORS, 1);
}

static void links_closed(void *arg)
{
	loop_stop(((struct push *)arg)->loop);
}

static void groups_ended(void *arg, bool all_left)
{
	struct push *p = arg;

	if (all_left && p->is_begun && !prompt_is_any_left(p->prompt))
		triggers_all_left(p->port, triggers_all_heard(p->triggers), noted, p);
	if (p->sms)
		bearer_sms_stop(p->sms, links_closed, p);
	else
		loop_stop(p->loop);
}

static void stop(struct loop_task *task)
{
	struct push *p = (struct push *)((char *)task - offsetof(struct push, stopping));

	p->is_stopping = true;
	purge_stop(p->purge);
	loop_timer_stop(p->resume_timer);
	triggers_stop(p->triggers, groups_ended, p);
}

static void push_free(struct push *p)
{
	prompt_free(p->prompt);
	if (p->port)
		db_port_close(p->port);
	triggers_free(p->triggers);
	purge_free(p->purge);
	bearer_sms_close(p->sms);
	bearer_udp_close(p->bearer);
	loop_timer_free(p->resume_timer);
	loop_free(p->loop);
	free(p);
}

static void sms_room(void *arg)
{
	struct push *p = arg;

	if (!p->is_stopping)
		triggers_sms_room(p->triggers);
}

static void sms_due(void *arg, int64_t at_us)
{
	triggers_sms_due(((struct push *)arg)->triggers, at_us);
}

static int open_sms(struct push *p, const struct conf *c, char error[256])
{
	const struct bearer_sms_options with = {.loop = p->loop,
						.port = p->port,
						.conf = c,
						.room = sms_room,
						.due = sms_due,
						.arg = p};

	return bearer_sms_open(&with, &p->sms, error);
}

static bool prompt_left(void *arg, int64_t log)
{
	return triggers_left(((struct push *)arg)->triggers, log);
}

static int open_prompt(struct push *p)
{
	const struct prompt_options with = {.db = p->db,
					    .loop = p->loop,
					    .outgoing = triggers_outgoing(p->triggers),
					    .left = prompt_left,
					    .arg = p};

	return prompt_new(&with, &p->prompt);
}

static int make_parts(struct push *p, const struct conf *c, char error[256])
{
	int err = bearer_udp_open(c, &p->bearer, error);

	if (!err)
		err = loop_new(&p->loop);
	if (!err)
		err = db_port_open(p->db, p->loop, &p->port);
	if (!err && trigger_rules(c).sms)
		err = open_sms(p, c, error);
	if (err)
		return err;
	p->resume_timer = loop_timer_new(p->loop, resume_is_due, p);
	if (!p->resume_timer)
		return E_NOMEM;
	const struct triggers_options with = {
		.loop = p->loop,
		.port = p->port,
		.conf = c,
		.bearer = p->bearer,
		.sms = p->sms,
		.lost = lost,
		.arg = p,
	};
	err = triggers_new(&with, &p->triggers);
	if (!err)
		err = open_prompt(p);
	return err ? err : purge_new(p->loop, p->port, &p->purge);
}

/* Watch first, then read: what changes in between is seen twice rather than never. */
static int begin(struct push *p)
{
	p->started_us = clock_now_us();
	int err = db_watch(p->port, DB_BINDINGS, binding_changed, p);

	p->started_seq = db_watched(p->port, DB_BINDINGS);
	if (!err)
		err = db_watch(p->port, DB_MAIL, mail_changed, p);
	if (err)
		return err;
	loop_timer_set(p->resume_timer, 0);
	purge_gone(p->purge);
	return pthread_create(&p->thread, NULL, run, p) ? E_IO : 0;
}

int push_start(struct db *db, const struct conf *c, struct push **out, char error[256])
{
	struct push *p = calloc(1, sizeof *p);

	if (!p)
		return E_NOMEM;
	*error = '\0';
	p->db = db;
	p->stopping.run = stop;
	int err = make_parts(p, c, error);
	if (!err)
		err = begin(p);
	if (err) {
		if (!*error)
			snprintf(error, 256, "triggers: %s", err_text(err));
		push_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void push_stop(struct push *p)
{
	if (!p)
		return;
	loop_post(p->loop, &p->stopping);
	pthread_join(p->thread, NULL);
	push_free(p);
}
