/* esme_sending -- a message on its way over a link */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/esme_private.h"

#define TAIL_DIGITS 8

/* Its link is down then, and bound anew as `reconnect` says; another one may take it. */
#define RETRY_BIND_LOST_US (1 * CLOCK_S)

struct part {
	struct esme_sending *of;
	size_t index;
};

struct esme_sending {
	struct esme_link *link;
	struct esme_sending *next, **at;
	void *arg;
	uint64_t number, order; /* the destination's tail; when it began */
	struct esme_plan plan;
	struct esme_message message; /* of more than one part: a copy, below */
	size_t sent, read;           /* parts; octets of the message in them */
	size_t in_flight;
	uint16_t reference;
	enum esme_outcome outcome;
	uint32_t status;
	int64_t retry_us;
	char message_id[SMPP_MESSAGE_ID_SIZE];
	char destination[ESME_NUMBER_MAX + 1];
	struct part parts[]; /* and then the copy's octets */
};

uint64_t esme_number_tail(const char *number)
{
	size_t length = strlen(number);
	uint64_t tail = 0;

	for (const char *p = number + (length > TAIL_DIGITS ? length - TAIL_DIGITS : 0); *p; p++)
		tail = tail * 131 + (unsigned char)*p;
	return tail;
}

bool esme_sending_may_be(const struct esme *e, size_t account, uint64_t number, uint64_t order)
{
	for (size_t i = 0; i < e->link_count; i++) {
		if (e->links[i].account != account)
			continue;
		for (const struct esme_sending *s = e->links[i].sendings; s; s = s->next)
			if (s->number == number && s->order <= order)
				return true;
	}
	return false;
}

/* ---- the end ---- */

static void unlink_sending(struct esme_sending *s)
{
	if (s->link->partial == s)
		s->link->partial = NULL;
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
}

static void tell(struct esme_sending *s)
{
	static const enum esme_counter counters[] = {
		[ESME_ACCEPTED] = ESME_COUNT_ACCEPTED,
		[ESME_TEMPORARY] = ESME_COUNT_TEMPORARY,
		[ESME_PERMANENT] = ESME_COUNT_PERMANENT,
		[ESME_UNKNOWN] = ESME_COUNT_UNKNOWN,
	};
	struct esme_link *l = s->link;
	struct esme *e = l->pool;
	const struct esme_result result = {
		.outcome = s->outcome,
		.smsc = l->conf->account,
		.link = l->conf->name,
		.message_id = s->outcome == ESME_ACCEPTED ? s->message_id : "",
		.status = s->status,
		.retry_us = s->retry_us,
	};

	unlink_sending(s);
	esme_count(l->index, counters[s->outcome], 1);
	e->client.submitted(e->client.arg, s->arg, &result);
	/* Only now: the client knows the id before it hears of it. */
	esme_inbox_release(e, l->account, s->number);
	free(s);
}

/* One that failed sends no more parts; what is in flight is waited for. */
static void end_if_over(struct esme_sending *s)
{
	bool is_all_sent = s->sent == s->plan.count || s->outcome != ESME_ACCEPTED;

	if (s->in_flight == 0 && is_all_sent)
		tell(s);
}

/* ---- sending ---- */

static int send_part(struct esme_sending *s, int64_t now_us)
{
	struct esme_link *l = s->link;
	struct smpp_pdu pdu;
	size_t read = s->read;

	esme_part(l->conf, &s->plan, &s->message, s->sent, s->reference, &read, l->pool->scratch,
		  &pdu);
	s->parts[s->sent] = (struct part){s, s->sent};
	int err = esme_session_submit(&esme_link_sender(l)->session, &pdu, &s->parts[s->sent],
				      now_us);
	if (err)
		return err;
	s->read = read;
	s->sent++;
	s->in_flight++;
	esme_pace_sent(&l->pace, now_us);
	esme_count(l->index, ESME_COUNT_SUBMITS, 1);
	esme_gauge(l->index, ESME_COUNT_IN_FLIGHT,
		   esme_session_in_flight(&esme_link_sender(l)->session));
	return 0;
}

void esme_sending_pump(struct esme_link *l)
{
	int64_t now_us = clock_mono_us();

	while (l->partial && l->state == ESME_UP &&
	       esme_session_room(&esme_link_sender(l)->session) > 0 &&
	       esme_pace_wait_us(&l->pace, now_us) == 0) {
		struct esme_sending *s = l->partial;

		if (send_part(s, now_us))
			return;
		if (s->sent == s->plan.count)
			l->partial = NULL;
	}
}

static struct esme_sending *sending_new(struct esme_link *l, const struct esme_plan *plan,
					const struct esme_message *m, void *arg)
{
	size_t parts = plan->count * sizeof(struct part);
	size_t copied = plan->count > 1 ? m->size : 0;
	struct esme_sending *s = malloc(sizeof *s + parts + copied);

	if (!s)
		return NULL;
	*s = (struct esme_sending){
		.link = l,
		.arg = arg,
		.number = esme_number_tail(m->destination),
		.plan = *plan,
		.message = *m,
		.outcome = ESME_ACCEPTED,
	};
	strcpy(s->destination, m->destination); /* the plan found it short enough */
	s->message.destination = s->destination;
	if (copied) {
		uint8_t *copy = (uint8_t *)s->parts + parts;

		memcpy(copy, m->octets, copied);
		s->message.octets = copy;
	}
	return s;
}

int esme_sending_begin(struct esme_link *l, const struct esme_message *m, void *arg)
{
	struct esme_plan plan;
	int err = esme_plan(l->conf, (size_t)l->pool->conf->pushsrv_smsc_parts_max, m, &plan);
	struct esme_sending *s = err ? NULL : sending_new(l, &plan, m, arg);

	if (!s)
		return err ? err : E_NOMEM;
	if (plan.count > 1)
		s->reference = ++l->reference;
	err = send_part(s, clock_mono_us());
	if (err) {
		free(s);
		return err;
	}
	s->order = ++l->pool->order;
	s->next = l->sendings;
	s->at = &l->sendings;
	if (s->next)
		s->next->at = &s->next;
	l->sendings = s;
	if (s->sent < plan.count) {
		l->partial = s;
		esme_sending_pump(l);
	}
	return 0;
}

/* ---- what became of it ---- */

/* Refused outweighs unknown, and that outweighs accepted. */
static void fail(struct esme_sending *s, enum esme_outcome outcome, uint32_t status,
		 int64_t retry_in_us)
{
	static const int weight[] = {[ESME_ACCEPTED] = 0,
				     [ESME_UNKNOWN] = 1,
				     [ESME_TEMPORARY] = 2,
				     [ESME_PERMANENT] = 3};

	if (s->link->partial == s)
		s->link->partial = NULL;
	if (weight[outcome] <= weight[s->outcome])
		return;
	s->outcome = outcome;
	s->status = status;
	s->retry_us = retry_in_us ? clock_now_us() + retry_in_us : 0;
}

static void slow_down(struct esme_link *l, const struct esme_answered *a)
{
	esme_count(l->index, ESME_COUNT_THROTTLED, 1);
	if (!esme_pace_refused(&l->pace, a->sent_us, clock_mono_us()))
		return;
	esme_gauge(l->index, ESME_COUNT_PACE, esme_pace_milli(&l->pace));
	log_event(LOG_WARN, "smsc-throttled", LOG_TEXT("smsc", l->conf->name),
		  LOG_TEXT("status", smpp_status_name(a->status)),
		  LOG_INT("pace_milli", esme_pace_milli(&l->pace)), LOG_END);
}

static void accepted(struct esme_sending *s, const struct part *p, const struct esme_answered *a)
{
	struct esme_link *l = s->link;
	bool was_slowed = esme_pace_is_slowed(&l->pace);

	esme_pace_accepted(&l->pace, clock_mono_us());
	if (was_slowed)
		esme_gauge(l->index, ESME_COUNT_PACE, esme_pace_milli(&l->pace));
	if (was_slowed && !esme_pace_is_slowed(&l->pace))
		log_event(LOG_INFO, "smsc-free", LOG_TEXT("smsc", l->conf->name), LOG_END);
	if (p->index + 1 == s->plan.count)
		snprintf(s->message_id, sizeof s->message_id, "%s", a->message_id);
}

static void judge(struct esme_sending *s, const struct part *p, const struct esme_answered *a)
{
	struct esme_link *l = s->link;

	switch (smpp_status_class(a->status)) {
	case SMPP_CLASS_OK:
		accepted(s, p, a);
		break;
	case SMPP_CLASS_THROTTLE:
		slow_down(l, a);
		fail(s, ESME_TEMPORARY, a->status, l->conf->throttled_us);
		break;
	case SMPP_CLASS_QUEUE_FULL:
		slow_down(l, a);
		fail(s, ESME_TEMPORARY, a->status, l->conf->queue_full_us);
		break;
	case SMPP_CLASS_TEMPORARY:
		fail(s, ESME_TEMPORARY, a->status, l->conf->temporary_us);
		break;
	case SMPP_CLASS_BIND_LOST:
		fail(s, ESME_TEMPORARY, a->status, RETRY_BIND_LOST_US);
		break;
	case SMPP_CLASS_PERMANENT:
	case SMPP_CLASS_BIND_REFUSED: /* of a message it makes no sense */
		fail(s, ESME_PERMANENT, a->status, 0);
		break;
	}
}

void esme_sending_answered(struct esme_link *l, void *part, const struct esme_answered *a)
{
	struct part *p = part;
	struct esme_sending *s = p->of;

	s->in_flight--;
	if (a->how == ESME_ANSWERED) {
		int64_t waited_us = clock_mono_us() - a->sent_us;

		esme_count(l->index, ESME_COUNT_LATENCY_SUM_US, waited_us);
		esme_most(l->index, ESME_COUNT_LATENCY_MAX_US, waited_us);
		l->tries = 0;
		l->is_silent = false;
		judge(s, p, a);
	} else {
		fail(s, ESME_UNKNOWN, SMPP_ROK, 0);
	}
	esme_gauge(l->index, ESME_COUNT_IN_FLIGHT,
		   esme_session_in_flight(&esme_link_sender(l)->session));
	end_if_over(s);
}

/* What was answered so far was accepted, or it would not wait. */
void esme_sending_break(struct esme_link *l)
{
	struct esme_sending *s = l->partial;

	if (!s)
		return;
	fail(s, ESME_UNKNOWN, SMPP_ROK, 0);
	end_if_over(s);
}

void esme_sending_free_all(struct esme_link *l)
{
	while (l->sendings) {
		struct esme_sending *s = l->sendings;

		unlink_sending(s);
		free(s);
	}
}
