#include "smtpgw/lmtp_pool.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

struct lmtp_pool {
	struct loop *loop;
	struct lmtp_settings settings;
	int64_t wait_us;
	size_t size, open, opening; /* opening: those of `open` that have not greeted yet */
	struct lmtp_client **all;   /* `open` of them */
	struct lmtp_client **idle;  /* a stack: the one that was used last goes first */
	size_t idle_count;

	struct lmtp_ticket *first, **last;
	size_t waiting;
	struct loop_timer *timer; /* runs while somebody waits */

	int64_t pause_us, retry_at_us; /* 0: the last attempt went well */
	bool is_closing;
	void (*done)(void *arg);
	void *done_arg;
};

/* ---- tickets ---- */

static void set_timer(struct lmtp_pool *p)
{
	if (!p->first) {
		loop_timer_stop(p->timer);
		return;
	}
	int64_t in_us = p->first->until_us - clock_mono_us();
	loop_timer_set(p->timer, in_us < LMTP_POOL_LOOK_US ? in_us : LMTP_POOL_LOOK_US);
}

static void enqueue(struct lmtp_pool *p, struct lmtp_ticket *t)
{
	t->until_us = clock_mono_us() + p->wait_us;
	t->next = NULL;
	t->link = p->last;
	*p->last = t;
	p->last = &t->next;
	p->waiting++;
	counter_add(COUNT_LMTP_WAITED, 1);
	if (p->first == t)
		set_timer(p);
}

static void dequeue(struct lmtp_pool *p, struct lmtp_ticket *t)
{
	*t->link = t->next;
	if (t->next)
		t->next->link = t->link;
	else
		p->last = t->link;
	t->link = NULL;
	p->waiting--;
	if (!p->first)
		set_timer(p);
}

void lmtp_pool_leave(struct lmtp_pool *p, struct lmtp_ticket *t)
{
	if (t->link)
		dequeue(p, t);
}

static void grant_first(struct lmtp_pool *p, struct lmtp_client *l)
{
	struct lmtp_ticket *t = p->first;

	dequeue(p, t);
	t->granted(t->arg, l);
}

static void refuse_all(struct lmtp_pool *p)
{
	while (p->first)
		grant_first(p, NULL);
}

/* As many as wait; they come back when RSET is answered. */
static void reclaim_stalled(struct lmtp_pool *p)
{
	int64_t now_us = clock_mono_us();
	size_t wanted = p->waiting;

	for (size_t i = 0; i < p->open && wanted > 0; i++) {
		if (!lmtp_client_is_stalled(p->all[i], now_us))
			continue;
		counter_add(COUNT_LMTP_RECLAIMED, 1);
		lmtp_client_reclaim(p->all[i]);
		wanted--;
	}
}

static void on_timer(void *arg)
{
	struct lmtp_pool *p = arg;

	reclaim_stalled(p);
	while (p->first && p->first->until_us <= clock_mono_us())
		grant_first(p, NULL);
	set_timer(p);
}

/* ---- connections ---- */

static bool is_pausing(const struct lmtp_pool *p)
{
	return p->retry_at_us && clock_mono_us() < p->retry_at_us;
}

static void note_failure(struct lmtp_pool *p)
{
	counter_add(COUNT_LMTP_FAILED, 1);
	if (!p->pause_us)
		log_event(LOG_WARN, "pushsrv-out-of-reach", LOG_INT("open", p->open), LOG_END);
	p->pause_us = p->pause_us ? 2 * p->pause_us : LMTP_POOL_PAUSE_US;
	if (p->pause_us > LMTP_POOL_PAUSE_MAX_US)
		p->pause_us = LMTP_POOL_PAUSE_MAX_US;
	p->retry_at_us = clock_mono_us() + p->pause_us;
}

static void note_success(struct lmtp_pool *p)
{
	counter_add(COUNT_LMTP_OPENED, 1);
	if (p->pause_us)
		log_event(LOG_INFO, "pushsrv-in-reach", LOG_END);
	p->pause_us = p->retry_at_us = 0;
}

static const struct lmtp_owner_ops owner_ops;

/* As many as wait, if that may be. */
static void open_more(struct lmtp_pool *p)
{
	struct lmtp_client *l;

	while (p->opening < p->waiting && p->open < p->size && !p->is_closing && !is_pausing(p)) {
		if (lmtp_client_open(p->loop, &p->settings, &owner_ops, p, &l) != 0) {
			note_failure(p);
			break;
		}
		p->all[p->open++] = l;
		p->opening++;
		counter_add(COUNT_LMTP_OPEN, 1);
	}
	if (p->open == 0)
		refuse_all(p);
}

static void on_idle(void *arg, struct lmtp_client *l, bool is_new)
{
	struct lmtp_pool *p = arg;

	if (is_new) {
		p->opening--;
		note_success(p);
	}
	if (p->is_closing)
		lmtp_client_close(l);
	else if (p->first)
		grant_first(p, l);
	else
		p->idle[p->idle_count++] = l;
}

static void forget(struct lmtp_client **list, size_t *count, const struct lmtp_client *l)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == l) {
			list[i] = list[--*count];
			return;
		}
}

static void on_closed(void *arg, struct lmtp_client *l, bool was_up)
{
	struct lmtp_pool *p = arg;

	forget(p->idle, &p->idle_count, l);
	forget(p->all, &p->open, l);
	counter_add(COUNT_LMTP_OPEN, -1);
	if (!was_up) {
		p->opening--;
		note_failure(p);
	}
	open_more(p);
	if (p->is_closing && p->open == 0 && p->done)
		p->done(p->done_arg);
}

static const struct lmtp_owner_ops owner_ops = {.idle = on_idle, .closed = on_closed};

/* ---- what sessions do ---- */

int lmtp_pool_take(struct lmtp_pool *p, struct lmtp_ticket *t, struct lmtp_client **out)
{
	assert(!t->link);
	while (p->idle_count > 0) {
		struct lmtp_client *l = p->idle[--p->idle_count];

		if (lmtp_client_is_idle(l)) { /* else `closed` is on its way */
			*out = l;
			return 0;
		}
	}
	if (!lmtp_pool_is_up(p))
		return E_CLOSED;
	enqueue(p, t);
	open_more(p);
	return E_AGAIN;
}

bool lmtp_pool_is_up(const struct lmtp_pool *p)
{
	return !p->is_closing && (p->open > 0 || !is_pausing(p));
}

/* ---- life ---- */

int lmtp_pool_new(struct loop *loop, const struct lmtp_settings *settings, size_t size,
		  int64_t wait_us, struct lmtp_pool **out)
{
	struct lmtp_pool *p = calloc(1, sizeof *p);

	if (!p)
		return E_NOMEM;
	p->loop = loop;
	p->settings = *settings;
	p->size = size;
	p->wait_us = wait_us;
	p->last = &p->first;
	p->all = calloc(size, sizeof(struct lmtp_client *));
	p->idle = calloc(size, sizeof(struct lmtp_client *));
	p->timer = loop_timer_new(loop, on_timer, p);
	if (!p->all || !p->idle || !p->timer) {
		lmtp_pool_free(p);
		return E_NOMEM;
	}
	*out = p;
	return 0;
}

void lmtp_pool_close(struct lmtp_pool *p, void (*done)(void *arg), void *arg)
{
	p->is_closing = true;
	p->done = done;
	p->done_arg = arg;
	refuse_all(p);
	while (p->idle_count > 0)
		lmtp_client_close(p->idle[--p->idle_count]);
	if (p->open == 0 && done)
		done(arg);
}

void lmtp_pool_free(struct lmtp_pool *p)
{
	if (!p)
		return;
	loop_timer_free(p->timer);
	free(p->all);
	free(p->idle);
	free(p);
}
