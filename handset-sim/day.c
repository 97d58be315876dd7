#include "handset-sim/day.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/phone.h"
#include "lib/clock.h"
#include "lib/err.h"

#define TICK_US         INT64_C(50000)
#define TROUBLES_S      0.2 /* that begin, a phone and second */
#define SHORTEST_US     300000
#define LONGEST_US      3000000
#define LATENCY_MOST    800000 /* microseconds */
#define KILLS_LEAST     2
#define KILLS_MOST      8
#define MAILS_OF_A_KILL 2000 /* one more for so many */

struct trouble_end {
	int64_t due_us; /* first: the agenda sorts by it */
	uint32_t phone;
	enum trouble what;
};

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "handset-sim: %s: %s\n", what, why);
	return -1;
}

/* ---- phones ---- */

static void set_trouble(struct day *d, uint32_t phone, enum trouble what, bool begins)
{
	struct phone *p = &d->world->phones[phone];
	uint8_t bit = (uint8_t)(1 << what);

	d->troubled[phone] = begins ? d->troubled[phone] | bit : d->troubled[phone] & (uint8_t)~bit;
	switch (what) {
	case TROUBLE_OFF:
		phone_power(p, !begins);
		return;
	case TROUBLE_TUNNEL:
		phone_tunnel(p, begins);
		return;
	case TROUBLE_ROAMING:
		phone_roam(p, begins ? 1 + world_random(d->world, LATENCY_MOST) : 0);
		return;
	default:
		phone_memory(p, begins);
		return;
	}
}

static void begin_trouble(struct day *d)
{
	/* Of twenty: eight are switched off, five in a tunnel, four roam, three are full. */
	static const enum trouble drawn[20] = {
		TROUBLE_OFF,     TROUBLE_OFF,     TROUBLE_OFF,    TROUBLE_OFF,     TROUBLE_OFF,
		TROUBLE_OFF,     TROUBLE_OFF,     TROUBLE_OFF,    TROUBLE_TUNNEL,  TROUBLE_TUNNEL,
		TROUBLE_TUNNEL,  TROUBLE_TUNNEL,  TROUBLE_TUNNEL, TROUBLE_ROAMING, TROUBLE_ROAMING,
		TROUBLE_ROAMING, TROUBLE_ROAMING, TROUBLE_FULL,   TROUBLE_FULL,    TROUBLE_FULL};
	struct world *w = d->world;
	struct trouble_end end = {
		.due_us = clock_mono_us() + SHORTEST_US + world_random(w, LONGEST_US - SHORTEST_US),
		.phone = world_random(w, w->scenario->handsets),
		.what = drawn[world_random(w, 20)],
	};

	if (d->troubled[end.phone] & 1 << end.what || agenda_add(&d->ends, &end))
		return;
	d->troubles[end.what]++;
	set_trouble(d, end.phone, end.what, true);
}

static void end_troubles(struct day *d, int64_t until_us)
{
	struct trouble_end end;

	while (agenda_take(&d->ends, until_us, &end))
		set_trouble(d, end.phone, end.what, false);
}

/* ---- the SMSC's faults ---- */

static void put_faults(struct day *d);

static void on_faults_put(void *arg, unsigned status, const json_t *answer)
{
	struct day *d = arg;
	const char *detail = json_string_value(json_object_get(answer, "detail"));

	if (status == 200 || status == 204)
		d->faults_put++;
	else if (status) /* without an answer it is dead: it will come back */
		fprintf(stderr, "handset-sim: smsc-sim refuses the faults: %u %s\n", status,
			detail ? detail : "");
	if (d->has_news)
		put_faults(d);
}

static void put_faults(struct day *d)
{
	if (!d->faults || http_channel_is_busy(d->control))
		return;
	d->has_news = false;
	json_t *none = json_pack("{s:[]}", "faults");
	http_channel_call(d->control, "PUT", "/v1/faults", NULL, d->is_evening ? none : d->faults,
			  on_faults_put, d);
	json_decref(none);
}

static void tell_faults(struct day *d)
{
	d->has_news = d->faults != NULL;
	put_faults(d);
}

void day_linked(struct day *d)
{
	if (d->is_on)
		tell_faults(d);
}

/* ---- the hours ---- */

static void kill_some(struct day *d)
{
	static const char *const victims[2] = {"smsc-sim", "pushsrv"};
	const struct world *w = d->world;
	uint64_t due = (uint64_t)w->ledger.sent * (d->kills_planned + 1) / (w->scenario->mails + 1);

	if (d->killer.kills > d->kills_seen && d->kills_seen++ % 2)
		trigger_tally_death(&d->world->ledger.tally);
	if (d->kills_begun < due && d->kills_begun < d->kills_planned &&
	    killer_strike(&d->killer, victims[d->kills_begun % 2]))
		d->kills_begun++;
}

static void on_tick(void *arg)
{
	struct day *d = arg;

	end_troubles(d, clock_mono_us());
	if (d->is_evening)
		return;
	d->owed += TROUBLES_S * (double)d->world->scenario->handsets * (double)TICK_US / 1e6;
	for (; d->owed >= 1; d->owed--)
		begin_trouble(d);
	kill_some(d);
	loop_timer_set(d->tick, TICK_US);
}

void day_begin(struct day *d)
{
	d->is_on = true;
	tell_faults(d);
	loop_timer_set(d->tick, TICK_US);
}

void day_evening(struct day *d)
{
	d->is_evening = true;
	loop_timer_stop(d->tick);
	end_troubles(d, INT64_MAX);
	tell_faults(d);
}

/* ---- opening ---- */

static int read_faults(struct day *d, const char *path)
{
	json_error_t error;

	if (!path)
		return 0;
	d->faults = json_load_file(path, 0, &error);
	return d->faults ? 0 : fail(path, error.text);
}

static void set_gaps(struct trigger_gaps *g, const struct conf_list *list, int64_t coalesce_us)
{
	g->count = list->count < TALLY_GAPS_MAX ? list->count : TALLY_GAPS_MAX;
	for (size_t i = 0; i < g->count; i++)
		g->us[i] = list->value[i] * CLOCK_S;
	g->coalesce_us = coalesce_us;
}

static void set_limits(struct trigger_limits *l, const struct conf *c)
{
	*l = (struct trigger_limits){.clock_ahead_us = clock_now_us() - clock_mono_us()};
	set_gaps(&l->by[BEARER_UDP], &c->pushsrv_retry, c->pushsrv_coalesce * 1000);
	set_gaps(&l->by[BEARER_SMS], &c->pushsrv_sms_retry, c->pushsrv_sms_coalesce * CLOCK_S);
	l->by[BEARER_SMS].repeats_last = true;
}

int day_open(struct world *w, struct day **out)
{
	struct http_target target = {.port = (uint16_t)w->conf->smsc_sim_control_port};
	struct day *d = calloc(1, sizeof *d);

	if (!d)
		return fail("day", "out of memory");
	*out = d;
	d->world = w;
	d->kills_planned = KILLS_LEAST + w->scenario->mails / MAILS_OF_A_KILL;
	if (d->kills_planned > KILLS_MOST)
		d->kills_planned = KILLS_MOST;
	if (w->scenario->no_kill)
		d->kills_planned = 0;
	agenda_init(&d->ends, sizeof(struct trouble_end));
	set_limits(&w->ledger.tally.limits, w->conf);
	addr_parse("127.0.0.1", &target.to);
	d->troubled = calloc(w->scenario->handsets, 1);
	d->tick = loop_timer_new(w->loop, on_tick, d);
	if (!d->troubled || !d->tick || http_channel_new(w->loop, &target, &d->control))
		return fail("day", "out of memory");
	if (killer_init(&d->killer, w->loop, w->conf))
		return fail("console", "it is needed to kill daemons (hato.console_port)");
	return read_faults(d, w->scenario->faults);
}

void day_close(struct day *d)
{
	if (!d)
		return;
	killer_fini(&d->killer);
	http_channel_free(d->control);
	loop_timer_free(d->tick);
	agenda_free(&d->ends);
	json_decref(d->faults);
	free(d->troubled);
	free(d);
}
