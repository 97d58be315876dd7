#include "pushsrv/push.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/counters.h"
#include "pushsrv/purge.h"
#include "pushsrv/triggers.h"

#define SCAN_ROWS                                                                                  \
	(2 * TRIGGERS_AT_ONCE) /* more than can be at work: there is always a new one among them   \
				*/
#define SCAN_ROOM   (TRIGGERS_AT_ONCE / 4)
#define RESUME_ROWS 128
#define RETRY_US    CLOCK_S
#define LOOK_US                                                                                    \
	(60 * CLOCK_S) /* in case the clock was set: the times in the outbox are of the wall */

struct push {
	struct db *db;
	struct loop *loop;
	struct db_port *port;
	struct bearer_udp *bearer;
	struct triggers *triggers;
	struct purge *purge;
	struct loop_task stopping, roomy;
	pthread_t thread;
	bool is_stopping, is_room_posted;

	struct loop_timer *due_timer;
	int64_t due_us; /* what due_timer is set for */
	bool is_scanning, is_scan_wanted;

	/* The pass over the whole outbox. */
	struct loop_timer *resume_timer;
	bool is_resuming; /* a page is being read */
	bool is_resume_wanted;
	int64_t resume_after; /* the pass stands here */
};

static void scan(struct push *p);
static void resume(struct push *p);

/* ---- the next due row ---- */

static void set_due(struct push *p, int64_t at_us)
{
	int64_t in_us = at_us - clock_now_us();

	p->due_us = at_us;
	loop_timer_set(p->due_timer, in_us < 0 ? 0 : in_us > LOOK_US ? LOOK_US : in_us);
}

static void due(void *arg, int64_t at_us)
{
	struct push *p = arg;

	if (!p->is_stopping && at_us < p->due_us)
		set_due(p, at_us);
}

static void is_due(void *arg)
{
	struct push *p = arg;

	p->due_us = INT64_MAX;
	scan(p);
}

static void scanned(void *arg, int err, const struct outbox_row *rows, size_t n, int64_t next_us)
{
	struct push *p = arg;
	size_t at = 0;

	p->is_scanning = false;
	if (err) {
		counter_add(COUNT_STORE_ERRORS, 1);
		due(p, clock_now_us() + RETRY_US);
		return;
	}
	while (at < n && triggers_take(p->triggers, &rows[at], SCHEDULE_MAIL))
		at++;
	/* The rest is still due: when there is room again. */
	if (at < n || n == SCAN_ROWS)
		p->is_scan_wanted = true;
	int64_t look_us = clock_now_us() + LOOK_US;
	due(p, next_us < look_us ? next_us : look_us);
}

static void scan(struct push *p)
{
	if (p->is_stopping)
		return;
	if (p->is_scanning || triggers_room(p->triggers) < SCAN_ROOM) {
		p->is_scan_wanted = true;
		return;
	}
	p->is_scanning = true;
	p->is_scan_wanted = false;
	outbox_due(p->port, clock_now_us(), SCAN_ROWS, scanned, p);
}

/* On the loop, after the step that freed the slot. */
static void use_room(struct loop_task *task)
{
	struct push *p = (struct push *)((char *)task - offsetof(struct push, roomy));

	p->is_room_posted = false;
	if (p->is_scan_wanted)
		scan(p);
	if (p->is_resume_wanted)
		resume(p);
}

static void room(void *arg)
{
	struct push *p = arg;

	if (p->is_room_posted || p->is_stopping || !(p->is_scan_wanted || p->is_resume_wanted))
		return;
	p->is_room_posted = true;
	loop_post(p->loop, &p->roomy);
}

/* ---- the whole outbox ---- */

static void resume_in(struct push *p, int64_t in_us)
{
	p->is_resume_wanted = false;
	loop_timer_set(p->resume_timer, in_us);
}

static void resumed(void *arg, int err, const struct outbox_row *rows, size_t n, int64_t next_us)
{
	struct push *p = arg;
	size_t at = 0;

	(void)next_us;
	p->is_resuming = false;
	if (p->is_stopping)
		return;
	if (err) {
		counter_add(COUNT_STORE_ERRORS, 1);
		resume_in(p, RETRY_US);
		return;
	}
	for (; at < n && triggers_take(p->triggers, &rows[at], SCHEDULE_START); at++)
		p->resume_after = rows[at].subscriber;
	if (at < n)
		p->is_resume_wanted = true; /* when there is room */
	else if (n == RESUME_ROWS)
		resume_in(p, 0);
}

static void resume(struct push *p)
{
	if (p->is_stopping || p->is_resuming)
		return;
	if (triggers_room(p->triggers) < SCAN_ROOM) {
		p->is_resume_wanted = true;
		return;
	}
	p->is_resuming = true;
	p->is_resume_wanted = false;
	outbox_after(p->port, p->resume_after, RESUME_ROWS, resumed, p);
}

static void resume_is_due(void *arg)
{
	resume(arg);
}

/* From the first row on. */
static void lost(void *arg)
{
	struct push *p = arg;

	if (p->is_stopping)
		return;
	p->resume_after = 0;
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
		triggers_look(p->triggers, change->subscriber, SCHEDULE_LEASE);
	else if (change->kind == CHANGE_THAW)
		lost(p); /* whoever it kept from being told */
	else if (change->kind == CHANGE_BINDING && change->state == KEY_CONFIRMED &&
		 change->subscriber)
		triggers_look(p->triggers, change->subscriber, SCHEDULE_LEASE);
}

static void mail_changed(void *arg, const struct change *change)
{
	struct push *p = arg;

	if (!p->is_stopping && change->kind == CHANGE_MAIL)
		triggers_look(p->triggers, change->subscriber, SCHEDULE_MAIL);
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

static void stop(struct loop_task *task)
{
	struct push *p = (struct push *)((char *)task - offsetof(struct push, stopping));

	p->is_stopping = true;
	triggers_stop(p->triggers);
	purge_stop(p->purge);
	loop_timer_stop(p->due_timer);
	loop_timer_stop(p->resume_timer);
	loop_stop(p->loop);
}

static void push_free(struct push *p)
{
	if (p->port)
		db_port_close(p->port);
	triggers_free(p->triggers);
	purge_free(p->purge);
	bearer_udp_close(p->bearer);
	loop_timer_free(p->due_timer);
	loop_timer_free(p->resume_timer);
	loop_free(p->loop);
	free(p);
}

static int make_parts(struct push *p, const struct conf *c, char error[256])
{
	int err = bearer_udp_open(c, &p->bearer, error);

	if (!err)
		err = loop_new(&p->loop);
	if (!err)
		err = db_port_open(p->db, p->loop, &p->port);
	if (err)
		return err;
	p->due_timer = loop_timer_new(p->loop, is_due, p);
	p->resume_timer = loop_timer_new(p->loop, resume_is_due, p);
	if (!p->due_timer || !p->resume_timer)
		return E_NOMEM;
	const struct triggers_options with = {
		.loop = p->loop,
		.port = p->port,
		.conf = c,
		.bearer = p->bearer,
		.due = due,
		.room = room,
		.lost = lost,
		.arg = p,
	};
	err = triggers_new(&with, &p->triggers);
	return err ? err : purge_new(p->loop, p->port, &p->purge);
}

/* Watch first, then read: what changes in between is seen twice rather than never. */
static int begin(struct push *p)
{
	int err = db_watch(p->port, DB_BINDINGS, binding_changed, p);

	if (!err)
		err = db_watch(p->port, DB_MAIL, mail_changed, p);
	if (err)
		return err;
	p->due_us = INT64_MAX;
	loop_timer_set(p->resume_timer, 0);
	due(p, clock_now_us());
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
	p->roomy.run = use_room;
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
