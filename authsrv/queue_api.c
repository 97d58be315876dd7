/* queue_api -- what waits to go out, and the operator's hand on it: /v1/queue */
#include <stdio.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "authsrv/queue_json.h"
#include "authsrv/whole.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define REASON_MAX 256

struct queue_call {
	struct call call;
	const struct network_key *by;
	struct queue_question asked;
	struct queue_steer steer;
	char lane[QUEUE_LANE_MAX];
	char reason[REASON_MAX];
};

static struct queue_call *begin(struct worker *w, struct http_request *r,
				const struct network_key *by)
{
	struct queue_call *c = call_begin(w, r, sizeof *c);

	if (c)
		c->by = by;
	return c;
}

/* ---- lists ---- */

static void on_page(void *arg, int err, const struct queue_mail *mails, size_t n,
		    const struct queue_place *next)
{
	struct queue_call *c = arg;
	char place[QUEUE_PLACE_MAX];

	/* A lane is there as long as something is in it. */
	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, queue_mail_json_write(&mails[i]));
	json_t *page = json_pack("{s:o}", "mails", array);
	if (!err && (next->mail || next->next_us))
		json_object_set_new(page, "next", json_string(queue_place_write(next, place)));
	http_reply_json(c->call.r, 200, page);
	call_end(c);
}

static void on_sender(void *arg, int err, const struct subscriber *s)
{
	struct queue_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	c->asked.sender = s->id;
	queue_list(c->call.worker->port, &c->asked, on_page, c);
}

/* ?after= is what the last page called `next`. */
static bool read_question(struct http_request *r, struct queue_question *q)
{
	const char *lane = http_query(r, "lane");
	struct page page;

	if (!network_page(r, &page))
		return false;
	*q = (struct queue_question){.limit = page.limit};
	if (*page.after && !queue_place_read(page.after, &q->after)) {
		network_malformed(r, "after is what the last page called next");
		return false;
	}
	if (!lane || strlen(lane) < QUEUE_LANE_MAX)
		return true;
	network_malformed(r, "lane is a domain, or empty");
	return false;
}

void queue_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	const char *lane = http_query(r, "lane"), *sender = http_query(r, "sender");
	char msisdn[MSISDN_MAX];
	struct queue_question asked;

	if (!by || !read_question(r, &asked))
		return;
	if (sender && !msisdn_read(sender, msisdn)) {
		network_malformed(r, "sender is an MSISDN of 3 to 15 digits");
		return;
	}
	struct queue_call *c = begin(w, r, by);
	if (!c)
		return;
	c->asked = asked;
	if (lane) {
		snprintf(c->lane, sizeof c->lane, "%s", lane);
		c->asked.lane = c->lane;
	}
	if (sender)
		subscriber_by_msisdn(w->port, msisdn, on_sender, c);
	else
		queue_list(w->port, &c->asked, on_page, c);
}

static void on_got(void *arg, int err, const struct queue_mail *m,
		   const struct queue_waiting *waiting, size_t n)
{
	struct queue_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such mail");
		return;
	}
	json_t *json = queue_mail_json_write(m);
	json_object_set_new(json, "waiting", queue_waiting_json_write(waiting, n));
	http_reply_json(c->call.r, 200, json);
	call_end(c);
}

/* The {id} of the path and the key's scope. Null: answered. */
static const struct network_key *read_id(struct http_request *r, int64_t *id)
{
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);

	if (!by || (whole_read(http_param(r, "id"), id) && *id > 0))
		return by;
	network_malformed(r, "the number of a mail is needed");
	return NULL;
}

void queue_get_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	int64_t id;
	const struct network_key *by = read_id(r, &id);
	struct queue_call *c = by ? begin(w, r, by) : NULL;

	if (c)
		queue_get(w->port, id, on_got, c);
}

/* ---- the hand ---- */

static const char *const act_events[] = {[QUEUE_RETRY] = "queue-retried",
					 [QUEUE_HOLD] = "queue-held",
					 [QUEUE_RELEASE] = "queue-released",
					 [QUEUE_DROP] = "queue-dropped"};

static void on_steered(void *arg, int err, uint64_t mails)
{
	struct queue_call *c = arg;
	const struct queue_steer *s = &c->steer;

	if (mails || !err)
		log_event(s->act == QUEUE_DROP ? LOG_WARN : LOG_INFO, act_events[s->act],
			  LOG_INT("mail", s->mail), LOG_TEXT("lane", s->mail ? NULL : c->lane),
			  LOG_INT("mails", (int64_t)mails),
			  LOG_TEXT("reason", *c->reason ? c->reason : NULL),
			  LOG_TEXT("by", c->by->conf->id), LOG_END);
	if (err) {
		network_fail(&c->call, err, s->mail ? "no such mail" : "nothing is in that lane");
		return;
	}
	http_reply_json(c->call.r, 200, json_pack("{s:I}", "mails", (json_int_t)mails));
	call_end(c);
}

static void steer(struct queue_call *c, enum queue_act act, int64_t mail)
{
	c->steer = (struct queue_steer){
		.act = act, .mail = mail, .lane = c->lane, .now_us = clock_now_us()};
	queue_steer(c->call.worker->port, &c->steer, on_steered, c);
}

static void steer_mail(void *arg, struct http_request *r, enum queue_act act)
{
	struct worker *w = arg;
	int64_t id;
	const struct network_key *by = read_id(r, &id);
	struct queue_call *c = by ? begin(w, r, by) : NULL;

	if (c)
		steer(c, act, id);
}

void queue_mail_retry_route(void *arg, struct http_request *r)
{
	steer_mail(arg, r, QUEUE_RETRY);
}

void queue_mail_hold_route(void *arg, struct http_request *r)
{
	steer_mail(arg, r, QUEUE_HOLD);
}

void queue_mail_release_route(void *arg, struct http_request *r)
{
	steer_mail(arg, r, QUEUE_RELEASE);
}

/* {"lane": "b.example"}; "" is that of our own domains. */
static bool read_lane(struct http_request *r, char lane[QUEUE_LANE_MAX])
{
	size_t length;
	const char *text = http_body(r, &length);
	json_t *body = body_read(text, length);
	const char *name = json_string_value(json_object_get(body, "lane"));
	bool is_good = name && strlen(name) < QUEUE_LANE_MAX;

	if (is_good)
		snprintf(lane, QUEUE_LANE_MAX, "%s", name);
	else
		network_malformed(r, "lane is a domain, or empty");
	json_decref(body);
	return is_good;
}

static void steer_lane(void *arg, struct http_request *r, enum queue_act act)
{
	struct worker *w = arg;
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	char lane[QUEUE_LANE_MAX];
	struct queue_call *c = by && read_lane(r, lane) ? begin(w, r, by) : NULL;

	if (!c)
		return;
	memcpy(c->lane, lane, sizeof lane);
	steer(c, act, 0);
}

void queue_lane_retry_route(void *arg, struct http_request *r)
{
	steer_lane(arg, r, QUEUE_RETRY);
}

void queue_lane_hold_route(void *arg, struct http_request *r)
{
	steer_lane(arg, r, QUEUE_HOLD);
}

void queue_lane_release_route(void *arg, struct http_request *r)
{
	steer_lane(arg, r, QUEUE_RELEASE);
}

/* ---- dropping: never without a reason ---- */

static const char *read_reason(struct http_request *r)
{
	const char *reason = http_query(r, "reason");

	if (reason && *reason && strlen(reason) < REASON_MAX)
		return reason;
	network_malformed(r, "a drop needs its reason (1 to 255 octets)");
	return NULL;
}

void queue_mail_drop_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	int64_t id;
	const struct network_key *by = read_id(r, &id);
	const char *reason = by ? read_reason(r) : NULL;
	struct queue_call *c = reason ? begin(w, r, by) : NULL;

	if (!c)
		return;
	snprintf(c->reason, sizeof c->reason, "%s", reason);
	steer(c, QUEUE_DROP, id);
}

void queue_lane_drop_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	const char *lane = http_query(r, "lane");
	const char *reason = by ? read_reason(r) : NULL;

	if (!reason)
		return;
	if (!lane || strlen(lane) >= QUEUE_LANE_MAX) {
		network_malformed(r, "lane is a domain, or empty");
		return;
	}
	struct queue_call *c = begin(w, r, by);
	if (!c)
		return;
	snprintf(c->lane, sizeof c->lane, "%s", lane);
	snprintf(c->reason, sizeof c->reason, "%s", reason);
	steer(c, QUEUE_DROP, 0);
}
