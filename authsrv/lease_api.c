/* lease_api -- POST /v1/lease-events: what the network says about who holds which address */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/counters.h"
#include "authsrv/json_field.h"
#include "authsrv/lease_json.h"
#include "authsrv/network_api.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define LOG_LINES_MAX 20 /* of one request; the rest is in the counters */
#define NAS_ALARMS    8  /* NASes of one request whose clocks are told apart in the log */

struct feed_row {
	enum lease_reading reading;
	struct lease_fault fault;
	size_t event; /* which of the applied ones; of no meaning when refused */
};

struct feed_call {
	struct call call;
	struct feed feed; /* the events that go to the store, in order */
	size_t count;
	struct feed_row *rows; /* one for each event of the request */
	struct lease_event *events;
	struct lease_outcome *outcomes;
};

static void feed_empty(struct feed_call *f)
{
	for (size_t i = 0; f->events && i < f->count; i++)
		lease_json_release(&f->events[i]);
	free(f->rows);
	free(f->events);
	free(f->outcomes);
}

static void feed_end(struct feed_call *f)
{
	feed_empty(f);
	call_end(f);
}

/* ---- the answer ---- */

static json_t *result_json(enum lease_result result, const char *problem, const char *detail)
{
	json_t *json = json_pack("{s:s}", "result", lease_result_name(result));

	if (problem)
		json_object_set_new(json, "problem", json_string(problem));
	if (detail)
		json_object_set_new(json, "detail", json_string(detail));
	return json;
}

static json_t *row_json(const struct feed_row *row, const struct lease_outcome *out,
			enum lease_result *result)
{
	*result = LEASE_ERROR;
	if (row->reading == LEASE_REFUSED)
		return result_json(LEASE_ERROR, row->fault.problem, row->fault.detail);
	const struct lease_outcome *o = &out[row->event];
	*result = o->result;
	/* What was wrong with its text tells more than that its identity was not readable. */
	bool misread = row->reading == LEASE_READ_BADLY && o->result == LEASE_ERROR;
	return result_json(o->result, misread ? row->fault.problem : o->problem,
			   misread ? row->fault.detail : o->detail);
}

static void feed_answer(struct feed_call *f)
{
	json_t *results = json_array();
	int64_t tally[LEASE_ERROR + 1] = {0};

	for (size_t i = 0; i < f->count; i++) {
		enum lease_result result;
		json_array_append_new(results, row_json(&f->rows[i], f->outcomes, &result));
		tally[result]++;
	}
	for (int k = 0; k <= LEASE_ERROR; k++)
		count_leases((enum lease_result)k, tally[k]);
	http_reply_json(f->call.r, 200,
			json_pack("{s:I, s:o}", "accepted",
				  (json_int_t)f->count - tally[LEASE_ERROR], "results", results));
	feed_end(f);
}

/* ---- alarms ---- */

struct nas_alarm {
	const char *nas_id;
	int64_t events;
};

/* One line a NAS, not one an event: a clock that is wrong is wrong for all of them. */
static void alarm_times(const struct feed_call *f, const struct lease_outcome *out, size_t n)
{
	struct nas_alarm alarms[NAS_ALARMS];
	size_t known = 0, at;
	int64_t all = 0;

	for (size_t i = 0; i < n; i++) {
		if (!out[i].time_replaced)
			continue;
		all++;
		for (at = 0; at < known; at++)
			if (!strcmp(alarms[at].nas_id, f->events[i].nas_id))
				break;
		if (at == NAS_ALARMS)
			continue;
		if (at == known)
			alarms[known++] = (struct nas_alarm){.nas_id = f->events[i].nas_id};
		alarms[at].events++;
	}
	count(COUNT_LEASE_TIME_REPLACED, all);
	for (at = 0; at < known; at++)
		log_event(LOG_WARN, "nas-clock-wrong", LOG_TEXT("realm", f->events[0].realm),
			  LOG_TEXT("nas_id", alarms[at].nas_id),
			  LOG_INT("events", alarms[at].events), LOG_END);
}

static void log_outcome(const struct lease_event *ev, const struct lease_outcome *o)
{
	char text[KEY_TEXT_MAX], room[LEASE_DEVICES_TEXT_MAX];
	const char *ip = ev->key_count ? key_format(&ev->keys[0], text) : NULL;
	const char *devices = ev->devices ? lease_devices_format(ev->devices, room) : NULL;

	log_event(LOG_WARN, o->result == LEASE_QUARANTINED ? "lease-quarantined" : "lease-error",
		  LOG_TEXT("realm", ev->realm), LOG_TEXT("ip", ip),
		  LOG_TEXT("kind", lease_kind_name(ev->kind)), LOG_TEXT("nas_id", ev->nas_id),
		  LOG_TEXT("msisdn", ev->msisdn), LOG_TEXT("imsi", ev->imsi),
		  LOG_TEXT("devices", devices), LOG_INT("generation", o->generation),
		  LOG_TEXT("problem", o->problem), LOG_TEXT("detail", o->detail), LOG_END);
}

static void alarm_outcomes(const struct feed_call *f, const struct lease_outcome *out, size_t n)
{
	int64_t unknown = 0;
	size_t lines = 0;

	for (size_t i = 0; i < n; i++) {
		if (out[i].problem && !strcmp(out[i].problem, "unknown-subscriber"))
			unknown++;
		if (out[i].result != LEASE_QUARANTINED && out[i].result != LEASE_ERROR)
			continue;
		if (lines++ < LOG_LINES_MAX)
			log_outcome(&f->events[i], &out[i]);
	}
	count(COUNT_LEASE_UNKNOWN_SUBSCRIBER, unknown);
	if (lines > LOG_LINES_MAX)
		log_event(LOG_WARN, "lease-errors", LOG_TEXT("realm", f->events[0].realm),
			  LOG_TEXT("feeder", f->events[0].feeder), LOG_INT("events", lines),
			  LOG_END);
}

static void fail(struct feed_call *f, int err)
{
	count(COUNT_LEASE_SHED, (int64_t)(f->feed.count - f->feed.done));
	feed_empty(f);
	network_fail(&f->call, err, NULL);
}

static void on_complete(struct feed *feed, int err)
{
	struct feed_call *f = (struct feed_call *)((char *)feed - offsetof(struct feed_call, feed));

	alarm_times(f, f->outcomes, feed->done);
	alarm_outcomes(f, f->outcomes, feed->done);
	if (err)
		fail(f, err);
	else
		feed_answer(f);
}

/* ---- the request ---- */

static void feed_read(struct feed_call *f, const json_t *body, const struct lease_context *c)
{
	for (size_t i = 0; i < f->count; i++) {
		const json_t *json = json_is_array(body) ? json_array_get(body, i) : body;
		struct feed_row *row = &f->rows[i];

		row->event = f->feed.count;
		row->reading = lease_json_read(json, c, &f->events[f->feed.count], &row->fault);
		if (row->reading != LEASE_REFUSED)
			f->feed.count++;
		else
			lease_json_release(&f->events[f->feed.count]);
	}
}

static void feed_apply(struct worker *w, struct http_request *r, const json_t *body,
		       const struct lease_context *c)
{
	size_t n = json_is_array(body) ? json_array_size(body) : 1;
	struct feed_call *f = call_begin(w, r, sizeof *f);

	if (!f)
		return;
	f->count = n;
	f->rows = calloc(n + 1, sizeof *f->rows);
	f->events = calloc(n + 1, sizeof *f->events);
	f->outcomes = calloc(n + 1, sizeof *f->outcomes);
	if (!f->rows || !f->events || !f->outcomes) {
		fail(f, E_NOMEM);
		return;
	}
	feed_read(f, body, c);
	f->feed.events = f->events;
	f->feed.outcomes = f->outcomes;
	f->feed.complete = on_complete;
	feed_line_join(&w->feed, &f->feed);
}

void lease_events_post(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	size_t length;
	const char *text = http_body(r, &length);
	const struct network_key *key = network_key_with(r, SCOPE_LEASE);
	const char *realm = key ? network_realm(w, r, key) : NULL;

	if (!realm)
		return;
	json_t *body = body_read(text, length);
	if (!json_is_object(body) && !json_is_array(body))
		network_malformed(r, "the body is no JSON object or array");
	else if (json_array_size(body) > LEASE_EVENTS_MAX)
		http_problem(r, 413, "too-large", "over 10,000 events", 0);
	else
		feed_apply(w, r, body,
			   &(struct lease_context){.key = key,
						   .realm = realm,
						   .received_us = clock_now_us(),
						   .batch = authsrv_batch(w->shared)});
	json_decref(body);
}
