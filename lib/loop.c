#include "lib/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"

#define PRIORITIES 2 /* LOOP_URGENT, and the usual one */

struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	/* Protects first, last, stop. Held for a few instructions, with nothing else locked. */
	pthread_mutex_t lock;
	struct loop_task *first, *last;
	bool stop;
};

struct loop_reader {
	void (*fn)(void *arg);
	void *arg;
	struct event *event;
};

struct loop_watch {
	void (*fn)(void *arg, int fd, bool can_read, bool can_write);
	void *arg;
	struct loop *loop;
	int fd;
	struct event *event;
};

struct loop_timer {
	struct event *event;
	void (*fn)(void *arg);
	void *arg;
};

static void run_tasks(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	struct loop_task *task = loop->first;
	bool stop = loop->stop;
	loop->first = loop->last = NULL;
	pthread_mutex_unlock(&loop->lock);

	while (task) {
		struct loop_task *next = task->next; /* the poster may free or reuse it in run() */
		task->run(task);
		task = next;
	}
	if (stop)
		event_base_loopbreak(loop->base);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof count) == (ssize_t)sizeof count)
		run_tasks(arg);
}

int loop_new(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof *loop);
	struct event_config *config = event_config_new();

	if (!loop || !config)
		goto fail;
	/* A loop's events are touched by its own thread only: no lock inside libevent. */
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	loop->base = event_base_new_with_config(config);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!loop->base || loop->wake_fd < 0 || event_base_priority_init(loop->base, PRIORITIES))
		goto fail;
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	if (!loop->wake || event_priority_set(loop->wake, LOOP_URGENT) ||
	    event_add(loop->wake, NULL))
		goto fail;
	pthread_mutex_init(&loop->lock, NULL);
	event_config_free(config);
	*out = loop;
	return 0;
fail:
	if (config)
		event_config_free(config);
	if (loop) {
		if (loop->wake)
			event_free(loop->wake);
		if (loop->wake_fd > 0)
			close(loop->wake_fd);
		if (loop->base)
			event_base_free(loop->base);
		free(loop);
	}
	return E_NOMEM;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	event_free(loop->wake);
	close(loop->wake_fd);
	/* A connection that was closed in the last turn is held by a callback that libevent put
	 * off: with the base alone it would never be freed. */
	event_base_loop(loop->base, EVLOOP_NONBLOCK);
	event_base_free(loop->base);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int64_t loop_turn_us(struct loop *loop)
{
	struct timeval began, now;

	if (event_base_gettimeofday_cached(loop->base, &began) || evutil_gettimeofday(&now, NULL))
		return 0;
	int64_t us = (int64_t)(now.tv_sec - began.tv_sec) * 1000000 + now.tv_usec - began.tv_usec;
	return us > 0 ? us : 0;
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_run(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	run_tasks(loop); /* what was posted together with the stop */
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;
	/* The counter cannot overflow, and a full one is a wake-up already. */
	ssize_t n = write(loop->wake_fd, &one, sizeof one);
	(void)n;
}

void loop_stop(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->stop = true;
	pthread_mutex_unlock(&loop->lock);
	wake(loop);
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&loop->lock);
	bool was_empty = loop->first == NULL;
	if (was_empty)
		loop->first = task;
	else
		loop->last->next = task;
	loop->last = task;
	pthread_mutex_unlock(&loop->lock);
	if (was_empty)
		wake(loop);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct loop_reader *r = arg;

	(void)fd;
	(void)what;
	r->fn(r->arg);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	t->event = evtimer_new(loop->base, on_timer, t);
	if (!t->event) {
		free(t);
		return NULL;
	}
	return t;
}

void loop_timer_set(struct loop_timer *t, int64_t in_us)
{
	if (in_us < 0)
		in_us = 0;
	struct timeval tv = {.tv_sec = (time_t)(in_us / 1000000),
			     .tv_usec = (suseconds_t)(in_us % 1000000)};
	evtimer_add(t->event, &tv);
}

void loop_timer_stop(struct loop_timer *t)
{
	evtimer_del(t->event);
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	event_free(t->event);
	free(t);
}

struct loop_reader *loop_reader_new(struct loop *loop, int fd, void (*fn)(void *arg), void *arg)
{
	struct loop_reader *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->fn = fn;
	r->arg = arg;
	r->event = event_new(loop->base, fd, EV_READ | EV_PERSIST, on_readable, r);
	if (!r->event) {
		free(r);
		return NULL;
	}
	event_priority_set(r->event, LOOP_URGENT); /* what the network says of leases */
	return r;
}

void loop_reader_turn(struct loop_reader *r, bool on)
{
	if (on)
		event_add(r->event, NULL);
	else
		event_del(r->event);
}

void loop_reader_free(struct loop_reader *r)
{
	if (!r)
		return;
	event_free(r->event);
	free(r);
}

static void on_watched(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *w = arg;

	w->fn(w->arg, fd, what & EV_READ, what & EV_WRITE);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd,
				  void (*fn)(void *arg, int fd, bool can_read, bool can_write),
				  void *arg)
{
	struct loop_watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	*w = (struct loop_watch){.fn = fn, .arg = arg, .loop = loop, .fd = fd};
	w->event = event_new(loop->base, fd, 0, on_watched, w);
	if (!w->event) {
		free(w);
		return NULL;
	}
	return w;
}

void loop_watch_want(struct loop_watch *w, bool read, bool write)
{
	short what = (short)((read ? EV_READ : 0) | (write ? EV_WRITE : 0));

	event_del(w->event);
	event_assign(w->event, w->loop->base, w->fd, (short)(what | EV_PERSIST), on_watched, w);
	if (what)
		event_add(w->event, NULL);
}

void loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	event_free(w->event);
	free(w);
}
