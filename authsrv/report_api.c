/* report_api -- POST /v1/reports/misdirected: a handset got a trigger that was meant for somebody
 * else
 *
 * Anyone with a token can write a report, so it counts only if pushsrv's own send log has that
 * datagram (number and time) for the reporter's address, and for another subscriber; and since a
 * number of eight bits and a second can be guessed, only if it names the mailbox that ours names,
 * and is signed as ours is while the generation's trigger key is at hand. Then it is hard evidence
 * against the generation it was sent to; if that is over, its key is gone, and what is left is the
 * alarm and the history. Everything else is counted as forged and changes nothing; the reporter
 * hears the same 202.
 *
 * What this cannot tell: whether a logged datagram has left (its row is older than it), and whether
 * it was heard or composed by one who knows the other's address.
 */
#include <stdio.h>
#include <string.h>

#include "authsrv/handset_api.h"
#include "authsrv/holder.h"
#include "authsrv/token_json.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/push/trigger.h"

struct report_call {
	struct holder holder;
	uint8_t datagram[REPORT_DATAGRAM_MAX];
	size_t octets;
	bool readable; /* it is a trigger: this one */
	struct trigger trigger;
	int64_t meant_for; /* of the send log's row */
	uint32_t generation;
};

static void thank(struct report_call *c)
{
	http_reply_json(c->holder.call.r, 202, json_object());
	call_end(c);
}

static void call_forged(struct report_call *c)
{
	count(COUNT_REPORT_FORGED, 1);
	thank(c);
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

/* Only the generation that is now has its key here; the datagram of another passes. */
static bool is_signed_as_ours(const struct report_call *c)
{
	static const uint8_t none[TRIGGER_KEY_BYTES];
	const struct binding *b = &c->holder.found.b;

	if (c->generation != b->generation || !memcmp(b->trigger_key, none, sizeof none))
		return true;
	int err = trigger_verify(c->datagram, c->octets, b->trigger_key, sizeof b->trigger_key,
				 b->key.realm, b->generation);
	return !err ||
	       (err == E_NOT_FOUND && !c->holder.call.worker->shared->conf->pushsrv_trigger_mac);
}

static bool names_mailbox_of(const struct trigger *t, const struct subscriber *s)
{
	return s->address_count && !strcmp(t->mailbox, s->addresses[0].shown);
}

static void on_meant_for(void *arg, int err, const struct subscriber *s)
{
	struct report_call *c = arg;
	const struct binding *b = &c->holder.found.b;
	char evidence[160];

	if (err && err != E_NOT_FOUND) {
		handset_fail(&c->holder.call, err);
		return;
	}
	if (err || !names_mailbox_of(&c->trigger, s) || !is_signed_as_ours(c)) {
		call_forged(c);
		return;
	}
	snprintf(evidence, sizeof evidence,
		 "trigger %u of generation %u, meant for subscriber %lld, reported by %lld",
		 (unsigned)c->trigger.tid, (unsigned)c->generation, (long long)c->meant_for,
		 (long long)b->subscriber);
	/* The generation that the datagram went to: a late one after an honest move is an alarm,
	 * but not the new holder's fault. */
	binding_quarantine(c->holder.call.worker->port, &b->key, c->generation,
			   QUARANTINE_MISDIRECTED, evidence, on_quarantined, c);
}

static void on_logged(void *arg, int err, int64_t subscriber, uint32_t generation)
{
	struct report_call *c = arg;

	if (err && err != E_NOT_FOUND) {
		handset_fail(&c->holder.call, err);
		return;
	}
	if (err || subscriber == c->holder.found.b.subscriber) {
		call_forged(c);
		return;
	}
	c->meant_for = subscriber;
	c->generation = generation;
	subscriber_by_id(c->holder.call.worker->port, subscriber, on_meant_for, c);
}

static void look_in_log(struct holder *h)
{
	struct report_call *c = (struct report_call *)h;

	if (c->readable) {
		send_log_find(h->call.worker->port, &h->found.b.key, c->trigger.tid,
			      c->trigger.timestamp_s, on_logged, c);
		return;
	}
	call_forged(c);
}

void report_post(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	size_t length, octets = 0;
	const char *body = http_body(r, &length);
	uint8_t datagram[REPORT_DATAGRAM_MAX];
	const char *wrong = report_json_read(body, length, datagram, &octets);

	if (wrong || worker_sheds(w)) {
		handset_refuse(w, r, wrong ? OUTCOME_MALFORMED : OUTCOME_OVERLOADED, wrong);
		return;
	}
	struct report_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	memcpy(c->datagram, datagram, octets);
	c->octets = octets;
	c->readable = !trigger_decode(datagram, octets, &c->trigger);
	c->holder.next = look_in_log;
	holder_check(&c->holder);
}
