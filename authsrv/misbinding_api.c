/* misbinding_api -- what went through bindings that later proved wrong: GET /v1/reports/misbinding;
 * and the steps of containment: GET /v1/containment */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/network_api.h"
#include "authsrv/whole.h"
#include "db/containment.h"
#include "lib/clock.h"

static void set_known(json_t *json, const char *name, const char *text)
{
	json_object_set_new(json, name, *text ? json_string(text) : json_null());
}

static json_t *time_json(int64_t time_us)
{
	char text[CLOCK_TEXT_MAX];

	return json_string(clock_format(time_us, text));
}

/* ---- the report ---- */

struct report_call {
	struct call call;
	struct misbinding_query query;
};

static json_t *uids_json(const struct misbinding *m)
{
	json_t *uids = json_array();

	for (size_t i = 0; i < m->uid_count; i++)
		json_array_append_new(uids, json_integer(m->uids[i]));
	return uids;
}

/* What the history has against it. */
static json_t *doubt_json(const struct misbinding *m)
{
	json_t *json =
		json_pack("{s:I, s:s, s:s, s:s, s:o, s:o}", "id", (json_int_t)m->doubt, "why",
			  misbinding_why_name(m->why), "event", m->event, "outcome", m->outcome,
			  "time", time_json(m->time_us), "received", time_json(m->received_us));

	set_known(json, "msisdn", m->holder_msisdn);
	set_known(json, "imsi", m->holder_imsi);
	set_known(json, "session_id", m->session_id);
	set_known(json, "nas_id", m->nas_id);
	set_known(json, "evidence", m->evidence);
	return json;
}

static json_t *row_json(const struct misbinding *m)
{
	char ip[KEY_TEXT_MAX];
	json_t *json =
		json_pack("{s:o, s:s, s:I, s:o, s:s, s:s, s:I, s:s, s:o}", "when",
			  time_json(m->at_us), "what", m->what, "subscriber",
			  (json_int_t)m->subscriber, "uids", uids_json(m), "realm", m->key.realm,
			  "ip", key_format(&m->key, ip), "generation", (json_int_t)m->generation,
			  "why", misbinding_why_name(m->why), "doubt", doubt_json(m));

	set_known(json, "msisdn", m->msisdn);
	set_known(json, "imsi", m->imsi);
	return json;
}

static void on_report(void *arg, int err, const struct misbinding *rows, size_t n,
		      const struct misbinding_place *next)
{
	struct report_call *c = arg;
	char place[64];

	if (err) {
		network_fail(&c->call, err, NULL);
		return;
	}
	json_t *accesses = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(accesses, row_json(&rows[i]));
	if (next)
		snprintf(place, sizeof place, "%lld-%lld", (long long)next->doubt,
			 (long long)next->access);
	http_reply_json(c->call.r, 200,
			json_pack("{s:s, s:o, s:o, s:o, s:s?}", "realm", c->query.realm, "since",
				  time_json(c->query.since_us), "until",
				  time_json(c->query.until_us), "accesses", accesses, "next",
				  next ? place : NULL));
	call_end(c);
}

/* "12-345", as `next` was. */
static bool place_read(const char *text, struct misbinding_place *out)
{
	char doubt[24];
	size_t n = strcspn(text, "-");

	if (n >= sizeof doubt || text[n] != '-')
		return false;
	memcpy(doubt, text, n);
	doubt[n] = '\0';
	return whole_read(doubt, &out->doubt) && whole_read(text + n + 1, &out->access);
}

/* False: answered. */
static bool query_read(struct http_request *r, const char *realm, struct misbinding_query *q)
{
	struct page page;

	*q = (struct misbinding_query){.until_us = clock_now_us()};
	snprintf(q->realm, sizeof q->realm, "%s", realm);
	if (!network_page(r, &page) || !network_time(r, "since", &q->since_us) ||
	    !network_time(r, "until", &q->until_us))
		return false;
	q->limit = page.limit;
	if (!q->since_us) {
		network_malformed(r, "since= is needed: an RFC 3339 time");
		return false;
	}
	if (*page.after && !place_read(page.after, &q->after)) {
		network_malformed(r, "after is what next was");
		return false;
	}
	return true;
}

void misbinding_report_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	struct misbinding_query q;

	if (!realm || !query_read(r, realm, &q))
		return;
	struct report_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->query = q;
	misbinding_report(w->port, &c->query, on_report, c);
}

/* ---- the steps ---- */

struct steps_call {
	struct call call;
	const char *realm;
};

static json_t *step_json(const struct containment_step *s)
{
	char prefix[ADDR_RANGE_TEXT_MAX];
	json_t *json = json_pack("{s:I, s:o, s:s, s:s, s:s}", "id", (json_int_t)s->id, "time",
				 time_json(s->time_us), "event", s->event, "kind", s->outcome,
				 "realm", s->realm);

	set_known(json, "msisdn", s->msisdn);
	set_known(json, "nas_id", s->nas_id);
	set_known(json, "prefix", s->prefix.plen ? addr_range_format(&s->prefix, prefix) : "");
	set_known(json, "by", s->feeder);
	set_known(json, "evidence", s->evidence);
	return json;
}

static void on_steps(void *arg, int err, const struct containment_step *list, size_t n)
{
	struct steps_call *c = arg;

	if (err) {
		network_fail(&c->call, err, NULL);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, step_json(&list[i]));
	http_reply_json(c->call.r, 200, array);
	call_end(c);
}

void containment_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	struct page page;
	int64_t before;

	if (!realm || !network_page_of_ids(r, &page, &before))
		return;
	struct steps_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->realm = realm;
	containment_steps(w->port, realm, before, page.limit, on_steps, c);
}
