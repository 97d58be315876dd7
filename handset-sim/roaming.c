#include "handset-sim/roaming.h"

#include <stdlib.h>
#include <string.h>

#include "handset-sim/agenda.h"
#include "lib/clock.h"
#include "lib/err.h"

struct held {
	int64_t due_us; /* first: the agenda sorts by it */
	uint32_t phone;
	enum roaming_what what;
	unsigned tag;
	uint8_t *octets;
	size_t n;
};

struct roaming {
	struct agenda agenda;
	struct loop_timer *timer;
	roaming_arrived *arrived;
	void *arg;
};

static void wait_for_next(struct roaming *r)
{
	int64_t next = agenda_next_us(&r->agenda), now = clock_mono_us();

	if (next != INT64_MAX)
		loop_timer_set(r->timer, next > now ? next - now : 0);
}

static void on_due(void *arg)
{
	struct roaming *r = arg;
	struct held h;

	while (agenda_take(&r->agenda, clock_mono_us(), &h)) {
		r->arrived(r->arg, h.phone, h.what, h.tag, h.octets, h.n);
		free(h.octets);
	}
	wait_for_next(r);
}

int roaming_hold(struct roaming *r, int64_t in_us, uint32_t phone, enum roaming_what what,
		 unsigned tag, const uint8_t *octets, size_t n)
{
	struct held h = {.due_us = clock_mono_us() + in_us,
			 .phone = phone,
			 .what = what,
			 .tag = tag,
			 .octets = malloc(n + 1),
			 .n = n};

	if (!h.octets)
		return E_NOMEM;
	if (n)
		memcpy(h.octets, octets, n);
	if (agenda_add(&r->agenda, &h)) {
		free(h.octets);
		return E_NOMEM;
	}
	wait_for_next(r);
	return 0;
}

int roaming_new(struct loop *loop, roaming_arrived *arrived, void *arg, struct roaming **out)
{
	struct roaming *r = calloc(1, sizeof *r);

	if (!r)
		return E_NOMEM;
	*r = (struct roaming){.arrived = arrived, .arg = arg};
	agenda_init(&r->agenda, sizeof(struct held));
	r->timer = loop_timer_new(loop, on_due, r);
	if (!r->timer) {
		free(r);
		return E_NOMEM;
	}
	*out = r;
	return 0;
}

void roaming_free(struct roaming *r)
{
	struct held h;

	if (!r)
		return;
	while (agenda_take(&r->agenda, INT64_MAX, &h))
		free(h.octets);
	agenda_free(&r->agenda);
	loop_timer_free(r->timer);
	free(r);
}
