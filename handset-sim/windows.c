#include "handset-sim/windows.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"

enum { ATTACH, TOKEN, ACCEPT, TRIGGER, FETCHED, KINDS };

struct windows {
	struct world *world;
	struct loop_timer *timer;
	size_t told[KINDS]; /* samples of each kind that a line has told */
	uint32_t sent, fetched, moves;
	int64_t begun_us;
};

static const struct {
	const char *name;
	size_t offset;
} kinds[KINDS] = {
	[ATTACH] = {"attach", offsetof(struct ledger, attach)},
	[TOKEN] = {"token", offsetof(struct ledger, token)},
	[ACCEPT] = {"accept", offsetof(struct ledger, accept)},
	[TRIGGER] = {"accept_trigger", offsetof(struct ledger, accept_trigger)},
	[FETCHED] = {"trigger_fetched", offsetof(struct ledger, trigger_fetched)},
};

static void say_kind(struct windows *w, int kind)
{
	const struct latency *all =
		(const void *)((const char *)&w->world->ledger + kinds[kind].offset);
	struct latency some = {0};

	for (size_t i = w->told[kind]; i < all->count; i++)
		latency_add(&some, all->samples_us[i]);
	w->told[kind] = all->count;
	printf(",\"%s\":{\"count\":%zu,\"p50\":%.3f,\"p99\":%.3f}", kinds[kind].name, some.count,
	       latency_ms(&some, 0.5), latency_ms(&some, 0.99));
	latency_free(&some);
}

static void on_timer(void *arg)
{
	struct windows *w = arg;
	const struct ledger *l = &w->world->ledger;

	printf("{\"at_s\":%.1f,\"accepted\":%u,\"fetched\":%u,\"moves\":%u,\"waiting\":%u",
	       (double)(clock_mono_us() - w->begun_us) / 1e6, l->sent - w->sent,
	       l->fetched - w->fetched, l->moves - w->moves, l->sent - l->fetched);
	for (int kind = 0; kind < KINDS; kind++)
		say_kind(w, kind);
	puts("}");
	fflush(stdout);
	w->sent = l->sent;
	w->fetched = l->fetched;
	w->moves = l->moves;
	loop_timer_set(w->timer, w->world->scenario->window_s * CLOCK_S);
}

int windows_new(struct world *world, struct windows **out)
{
	struct windows *w = calloc(1, sizeof *w);

	if (!w)
		return E_NOMEM;
	w->world = world;
	w->timer = loop_timer_new(world->loop, on_timer, w);
	if (!w->timer) {
		free(w);
		return E_NOMEM;
	}
	*out = w;
	return 0;
}

void windows_begin(struct windows *w)
{
	if (!w)
		return;
	w->begun_us = clock_mono_us();
	w->told[ATTACH] = w->world->ledger.attach.count;
	w->told[TOKEN] = w->world->ledger.token.count;
	loop_timer_set(w->timer, w->world->scenario->window_s * CLOCK_S);
	puts("{\"at_s\":0}");
	fflush(stdout);
}

void windows_free(struct windows *w)
{
	if (!w)
		return;
	loop_timer_free(w->timer);
	free(w);
}
