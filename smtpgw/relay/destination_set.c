/* destination_set -- all destinations that are in memory, and the connections that they share */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "smtpgw/relay/destination_private.h"

/* ---- connections ---- */

void destinations_note_idle(struct leg *g, bool is_idle)
{
	struct destinations *all = g->of->all;

	if (is_idle == (g->idle_at != NULL))
		return;
	if (is_idle) {
		g->idle_next = NULL;
		g->idle_at = all->idle_last;
		*all->idle_last = g;
		all->idle_last = &g->idle_next;
		return;
	}
	*g->idle_at = g->idle_next;
	if (g->idle_next)
		g->idle_next->idle_at = g->idle_at;
	else
		all->idle_last = g->idle_at;
	g->idle_at = NULL;
}

/* One that is idle is closed for it: there is room when it has gone. */
bool destinations_has_slot(struct destinations *all)
{
	if (all->leg_count < all->with.connections_max)
		return true;
	if (all->idle) {
		struct leg *g = all->idle;
		destinations_note_idle(g, false);
		link_close(g->link);
	}
	return false;
}

void destinations_wait(struct destination *d)
{
	struct destinations *all = d->all;

	if (d->queue)
		return;
	d->queue_next = NULL;
	d->queue = all->queue_last;
	*all->queue_last = d;
	all->queue_last = &d->queue_next;
}

void destinations_wait_no_more(struct destination *d)
{
	if (!d->queue)
		return;
	*d->queue = d->queue_next;
	if (d->queue_next)
		d->queue_next->queue = d->queue;
	else
		d->all->queue_last = d->queue;
	d->queue = NULL;
}

static void tell_stopped(struct destinations *all)
{
	void (*stopped)(void *) = all->stopped;

	if (all->leg_count > 0 || !stopped)
		return;
	all->stopped = NULL;
	stopped(all->stopped_arg);
}

void destinations_leg_gone(struct destinations *all)
{
	struct destination *d = all->queue_first;

	all->leg_count--;
	if (d && !all->is_stopping) {
		destinations_wait_no_more(d);
		destination_go(d);
	}
	if (all->is_stopping)
		tell_stopped(all);
}

/* ---- the set ---- */

static struct destination **bucket_of(struct destinations *all, const char *name)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (const char *at = name; *at; at++)
		h = (h ^ (unsigned char)*at) * 16777619U;
	return &all->buckets[h % DESTINATION_BUCKETS];
}

static struct destination *find(struct destinations *all, const char *name)
{
	struct destination **bucket = bucket_of(all, name), *d;

	for (d = *bucket; d; d = d->next)
		if (strcmp(d->name, name) == 0)
			return d;
	d = calloc(1, sizeof *d);
	if (!d)
		return NULL;
	d->all = all;
	d->last = &d->first;
	snprintf(d->name, sizeof d->name, "%s", name);
	window_init(&d->window, all->with.first, all->with.most);
	d->next = *bucket;
	*bucket = d;
	return d;
}

static void destination_free(struct destination *d)
{
	destinations_wait_no_more(d);
	route_cancel(d->question);
	destination_give_back_all(d);
	free(d->plan);
	free(d->targets);
	free(d);
}

void destinations_offer(struct destinations *all, const struct queue_lane *lane)
{
	struct destination *d = all->is_stopping ? NULL : find(all, lane->name);

	if (!d)
		return;
	d->lane = lane->id;
	d->is_dry = false;
	destination_go(d);
}

static bool is_of_use(struct destination *d)
{
	if (d->down_until_us && clock_now_us() >= d->down_until_us)
		d->down_until_us = 0;
	return d->first || d->out > 0 || d->leg_count > 0 || d->question || d->down_until_us;
}

void destinations_look(struct destinations *all)
{
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination **at = &all->buckets[i], *d; (d = *at);) {
			if (is_of_use(d)) {
				if (!d->is_dry)
					destination_go(d);
				at = &d->next;
			} else {
				*at = d->next;
				destination_free(d);
			}
		}
}

/* ---- life ---- */

int destinations_new(const struct destinations_options *options, struct destinations **out)
{
	struct destinations *all = calloc(1, sizeof *all);

	if (!all)
		return E_NOMEM;
	all->with = *options;
	all->idle_last = &all->idle;
	all->queue_last = &all->queue_first;
	*out = all;
	return 0;
}

void destinations_free(struct destinations *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		while (all->buckets[i]) {
			struct destination *d = all->buckets[i];
			all->buckets[i] = d->next;
			destination_free(d);
		}
	free(all);
}

static void stop_one(struct destination *d, bool at_once)
{
	route_cancel(d->question);
	d->question = NULL;
	destination_give_back_all(d);
	for (struct leg *g = d->legs; g; g = g->next)
		if (link_is_ready(g->link))
			link_close(g->link);
		else if (at_once || !link_is_final(g->link))
			link_abort(g->link);
}

static void stop_all(struct destinations *all, bool at_once)
{
	all->is_stopping = true;
	for (size_t i = 0; i < DESTINATION_BUCKETS; i++)
		for (struct destination *d = all->buckets[i]; d; d = d->next)
			stop_one(d, at_once);
}

void destinations_stop(struct destinations *all, void (*stopped)(void *arg), void *arg)
{
	all->stopped = stopped;
	all->stopped_arg = arg;
	stop_all(all, false);
	tell_stopped(all);
}

void destinations_cut(struct destinations *all)
{
	stop_all(all, true);
}
