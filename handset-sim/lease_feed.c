#include "handset-sim/lease_feed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/network.h"
#include "lib/clock.h"
#include "lib/err.h"

#define LANES        4
#define BATCH_MAX    500
#define REPEAT_US    200000
#define IDLE_LOOK_US 20000

struct lane {
	struct lease_feed *feed;
	struct http_channel *channel;
	struct loop_timer *repeat;
	struct feed_event batch[BATCH_MAX];
	size_t count;
	bool waits; /* for its repetition */
};

struct lease_feed {
	struct feed_options o;
	char *key;
	struct lane lanes[LANES];
	struct agenda agenda;
	struct loop_timer *wake;
	struct feed_counts counts;
	size_t open;
};

static void feed_work(struct lease_feed *f);

void lease_feed_session(const struct lease_feed *f, uint32_t customer, uint32_t session,
			char name[48])
{
	snprintf(name, 48, "i%" PRIx64 "-%u-%u", f->o.run & 0xffffffffff, customer, session);
}

/* Names an address only where the story has one: a Stop names its session. */
static json_t *event_json(const struct lease_feed *f, const struct feed_event *ev)
{
	char msisdn[16], imsi[16], address[64], session[48], ip[ADDR_TEXT_MAX];
	char time[CLOCK_TEXT_MAX];
	struct addr a;

	network_names(f->o.first + ev->customer, msisdn, imsi, address);
	lease_feed_session(f, ev->customer, ev->session, session);
	f->o.address(ev->address, &a);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "event",
			 ev->kind == FEED_START ? "start" : "stop", "ip", addr_format(&a, ip),
			 "msisdn", msisdn, "session_id", session, "nas_id", f->o.nas[ev->nas],
			 "time", clock_format(ev->time_us, time));
}

static enum feed_result result_read(const json_t *answer)
{
	static const char *const names[] = {"applied", "stale", "duplicate", "quarantined"};
	const char *name = json_string_value(json_object_get(answer, "result"));

	for (int r = 0; name && r < FEED_ERROR; r++)
		if (!strcmp(name, names[r]))
			return (enum feed_result)r;
	return FEED_ERROR;
}

static void lane_send(struct lane *l);

static void on_answer(void *arg, unsigned status, const json_t *answer)
{
	struct lane *l = arg;
	struct lease_feed *f = l->feed;
	const json_t *results = json_object_get(answer, "results");

	if (status != 200 || json_array_size(results) != l->count) {
		f->counts.batches_unanswered++;
		l->waits = true;
		loop_timer_set(l->repeat, REPEAT_US);
		return;
	}
	size_t n = l->count;
	for (size_t i = 0; i < n; i++) {
		enum feed_result r = result_read(json_array_get(results, i));
		f->counts.results[r]++;
		f->open--;
		f->o.acked(f->o.arg, &l->batch[i], r);
	}
	l->count = 0;
	feed_work(f);
}

static void lane_send(struct lane *l)
{
	struct lease_feed *f = l->feed;
	json_t *events = json_array();

	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(events, event_json(f, &l->batch[i]));
	f->counts.sent += l->count;
	http_channel_call(l->channel, "POST", "/v1/lease-events", f->key, events, on_answer, l);
	json_decref(events);
}

static void on_repeat(void *arg)
{
	struct lane *l = arg;

	l->waits = false;
	l->feed->counts.repeated += l->count;
	lane_send(l);
}

static void feed_work(struct lease_feed *f)
{
	int64_t now = clock_mono_us();

	for (int i = 0; i < LANES; i++) {
		struct lane *l = &f->lanes[i];
		if (l->count || http_channel_is_busy(l->channel))
			continue;
		while (l->count < BATCH_MAX && agenda_take(&f->agenda, now, &l->batch[l->count]))
			l->count++;
		if (l->count)
			lane_send(l);
	}
	/* Not at each event's own moment: what becomes due together leaves together. */
	int64_t next = agenda_next_us(&f->agenda);
	if (next != INT64_MAX)
		loop_timer_set(f->wake, next - now > IDLE_LOOK_US ? next - now : IDLE_LOOK_US);
}

static void on_wake(void *arg)
{
	feed_work(arg);
}

int lease_feed_tell(struct lease_feed *f, const struct feed_event *ev)
{
	int64_t before = agenda_next_us(&f->agenda);
	int rc = agenda_add(&f->agenda, ev);

	if (rc)
		return rc;
	f->open++;
	if (ev->due_us < before) {
		int64_t in = ev->due_us - clock_mono_us();
		loop_timer_set(f->wake, in > 1000 ? in : 1000);
	}
	return 0;
}

size_t lease_feed_open(const struct lease_feed *f)
{
	return f->open;
}

const struct feed_counts *lease_feed_counts(const struct lease_feed *f)
{
	return &f->counts;
}

int lease_feed_new(struct loop *loop, const struct feed_options *o, struct lease_feed **out)
{
	struct lease_feed *f = calloc(1, sizeof *f);

	if (!f)
		return E_NOMEM;
	f->o = *o;
	f->key = strdup(o->key);
	f->wake = loop_timer_new(loop, on_wake, f);
	agenda_init(&f->agenda, sizeof(struct feed_event));
	bool whole = f->key && f->wake;
	for (int i = 0; whole && i < LANES; i++) {
		struct lane *l = &f->lanes[i];
		l->feed = f;
		l->repeat = loop_timer_new(loop, on_repeat, l);
		whole = l->repeat && !http_channel_new(loop, o->target, &l->channel);
	}
	if (!whole) {
		lease_feed_free(f);
		return E_NOMEM;
	}
	*out = f;
	return 0;
}

void lease_feed_free(struct lease_feed *f)
{
	if (!f)
		return;
	for (int i = 0; i < LANES; i++) {
		http_channel_free(f->lanes[i].channel);
		if (f->lanes[i].repeat)
			loop_timer_free(f->lanes[i].repeat);
	}
	if (f->wake)
		loop_timer_free(f->wake);
	agenda_free(&f->agenda);
	if (f->key)
		explicit_bzero(f->key, strlen(f->key));
	free(f->key);
	free(f);
}
