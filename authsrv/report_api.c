/* report_api -- POST /v1/reports/misdirected: a handset got a trigger that was meant for somebody
 * else
 *
 * Anyone with a token can write a report, so it counts only if pushsrv's own send log has that
 * datagram (number and time) for the reporter's address, and for another subscriber. Then it is
 * hard evidence against the generation it was sent to; if that is over, what is left is the alarm
 * and the history. What the log does not know is counted as forged and changes nothing; the
 * reporter hears the same 202.
 */
#include <stdio.h>

#include "authsrv/handset_api.h"
#include "authsrv/holder.h"
#include "authsrv/token_json.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/push/trigger.h"

struct report_call {
	struct holder holder;
	bool readable; /* it is a trigger */
	uint8_t tid;
	int64_t timestamp_s;
	int64_t meant_for;
};

static void thank(struct report_call *c)
{
	http_reply_json(c->holder.call.r, 202, json_object());
	call_end(c);
}

static void on_quarantined(void *arg, int err)
{
	struct report_call *c = arg;
	const struct binding *b = &c->holder.found.b;
	char ip[KEY_TEXT_MAX];

	if (err && err != E_CONFLICT) {
		handset_fail(&c->holder.call, err);
		return;
	}
	count(COUNT_REPORT_CONFIRMED, 1);
	if (!err) /* else the binding that it was about is gone already */
		count_quarantine(QUARANTINE_MISDIRECTED);
	log_event(LOG_WARN, "misdirected", LOG_TEXT("realm", b->key.realm),
		  LOG_TEXT("ip", key_format(&b->key, ip)), LOG_INT("generation", b->generation),
		  LOG_INT("reporter", b->subscriber), LOG_INT("meant_for", c->meant_for),
		  LOG_INT("quarantined", !err), LOG_END);
	thank(c);
}

static void on_logged(void *arg, int err, int64_t subscriber, uint32_t generation)
{
	struct report_call *c = arg;
	const struct binding *b = &c->holder.found.b;
	char evidence[160];

	if (err && err != E_NOT_FOUND) {
		handset_fail(&c->holder.call, err);
		return;
	}
	if (err || subscriber == b->subscriber) {
		count(COUNT_REPORT_FORGED, 1);
		thank(c);
		return;
	}
	c->meant_for = subscriber;
	snprintf(evidence, sizeof evidence,
		 "trigger %u of generation %u, meant for subscriber %lld, reported by %lld",
		 (unsigned)c->tid, (unsigned)generation, (long long)subscriber,
		 (long long)b->subscriber);
	/* The generation that the datagram went to: a late one after an honest move is an alarm,
	 * but not the new holder's fault. */
	binding_quarantine(c->holder.call.worker->port, &b->key, generation, QUARANTINE_MISDIRECTED,
			   evidence, on_quarantined, c);
}

static void look_in_log(struct holder *h)
{
	struct report_call *c = (struct report_call *)h;

	if (c->readable) {
		send_log_find(h->call.worker->port, &h->found.b.key, c->tid, c->timestamp_s,
			      on_logged, c);
		return;
	}
	count(COUNT_REPORT_FORGED, 1);
	thank(c);
}

void report_post(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	size_t length, octets = 0;
	const char *body = http_body(r, &length);
	uint8_t datagram[REPORT_DATAGRAM_MAX];
	struct trigger trigger;
	const char *wrong = report_json_read(body, length, datagram, &octets);

	if (wrong || worker_sheds(w)) {
		handset_refuse(w, r, wrong ? OUTCOME_MALFORMED : OUTCOME_OVERLOADED, wrong);
		return;
	}
	struct report_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	if (!trigger_decode(datagram, octets, &trigger)) {
		c->readable = true;
		c->tid = trigger.tid;
		c->timestamp_s = trigger.timestamp_s;
	}
	c->holder.next = look_in_log;
	holder_check(&c->holder);
}
