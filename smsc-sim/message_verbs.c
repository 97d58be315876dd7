#include "smsc-sim/message_verbs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/wire/smpp/time.h"
#include "smsc-sim/delivery.h"
#include "smsc-sim/segments.h"
#include "smsc-sim/store.h"
#include "smsc-sim/submission.h"

static bool is_party(const struct party *p, const struct smpp_address *a)
{
	const char *number = a->number;

	if (a->ton != SMPP_TON_ALPHANUMERIC && *number == '+')
		number++;
	return !strcmp(p->number, number);
}

/* The first of those that have this id towards the ESME. */
static struct message *own_message(struct link *l, const char *id_text,
				   const struct smpp_address *source)
{
	uint64_t id;

	if (!message_id_parse(id_text, &id))
		return NULL;
	struct message *m = spool_find(&l->smsc->spool, id);
	bool is_own = m && m->account == l->account->index && !m->is_landing &&
		      is_party(&m->source, source);
	return is_own ? m : NULL;
}

/* ---- query_sm ---- */

void verb_query(struct link *l, const struct smpp_pdu *pdu)
{
	const struct message *m = own_message(l, pdu->query.message_id, &pdu->query.source);

	if (!m) {
		link_refuse(l, pdu, SMPP_RINVMSGID);
		return;
	}
	struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);
	struct smpp_query_resp *r = &answer.query_resp;
	strcpy(r->message_id, pdu->query.message_id);
	r->message_state = m->state;
	r->error_code = (uint8_t)m->error;
	if (message_is_final(m) && smpp_time_absolute(m->done_us, 0, r->final_date))
		r->final_date[0] = '\0';
	link_say(l, &answer);
}

/* ---- cancel_sm ---- */

static bool cancel_by_id(struct link *l, const struct smpp_cancel *c)
{
	struct message *m = own_message(l, c->message_id, &c->source), *next;
	bool any = false;

	for (uint64_t shown = m ? m->shown_id : 0; m && m->shown_id == shown; m = next) {
		next = m->order.next;
		if (!*c->destination.number || is_party(&m->destination, &c->destination))
			any |= delivery_cancel(l->smsc, m);
	}
	return any;
}

static bool is_meant(const struct link *l, const struct message *m, const struct smpp_cancel *c)
{
	return m->account == l->account->index && is_party(&m->source, &c->source) &&
	       is_party(&m->destination, &c->destination) &&
	       (!*c->service_type || !strcmp(c->service_type, m->service_type));
}

static bool cancel_in(struct link *l, struct message *first, const struct smpp_cancel *c)
{
	struct message *next;
	bool any = false;

	for (struct message *m = first; m; m = next) {
		next = m->inbox_link.next;
		if (is_meant(l, m, c))
			any |= delivery_cancel(l->smsc, m);
	}
	return any;
}

/* Without an id: all between these two that wait for a phone. */
static bool cancel_by_parties(struct link *l, const struct smpp_cancel *c)
{
	const char *number = c->destination.number + (*c->destination.number == '+');
	struct inbox *i = inbox_find(&l->smsc->spool.inboxes, number);
	bool any;

	if (!i)
		return false;
	i->count++; /* it stays while we walk */
	any = cancel_in(l, i->ready.first, c);
	any |= cancel_in(l, i->waiting.first, c);
	i->count--;
	inbox_release(&l->smsc->spool.inboxes, i);
	return any;
}

void verb_cancel(struct link *l, const struct smpp_pdu *pdu)
{
	const struct smpp_cancel *c = &pdu->cancel;
	bool by_id = *c->message_id;

	if (by_id && !own_message(l, c->message_id, &c->source)) {
		link_refuse(l, pdu, SMPP_RINVMSGID);
		return;
	}
	bool any = by_id ? cancel_by_id(l, c) : cancel_by_parties(l, c);
	if (!any) {
		link_refuse(l, pdu, SMPP_RCANCELFAIL);
		return;
	}
	const struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);
	link_say(l, &answer);
}

/* ---- replace_sm ---- */

/* Takes the octets if it is SMPP_ROK. */
static uint32_t replace(struct link *l, struct message *m, uint8_t *octets, size_t length,
			int64_t schedule_us, int64_t expires_us, uint8_t registered)
{
	struct smsc *s = l->smsc;
	struct message probe = *m;
	size_t before = m->length;

	probe.octets = octets;
	probe.length = length;
	uint32_t status = segments_check(&probe);
	if (status)
		return status;
	if (!message_replace(m, octets, length, schedule_us, expires_us, registered, &s->policy,
			     clock_now_us()))
		return SMPP_RREPLACEFAIL;
	spool_resized(&s->spool, m, before);
	store_replaced(s->store, m);
	delivery_replanned(s, m);
	return SMPP_ROK;
}

static uint32_t try_replace(struct link *l, const struct smpp_replace *r)
{
	struct message *m = own_message(l, r->message_id, &r->source);
	size_t n = r->short_message.len;
	int64_t schedule_us, expires_us;

	if (!m)
		return SMPP_RINVMSGID;
	if (r->sm_default_msg_id)
		return SMPP_RINVDFTMSGID;
	uint32_t status = submission_times(r->schedule_delivery_time, r->validity_period,
					   clock_now_us(), &schedule_us, &expires_us);
	if (status)
		return status;
	uint8_t *octets = malloc(n + 1);
	if (!octets)
		return SMPP_RSYSERR;
	if (n)
		memcpy(octets, r->short_message.octets, n);
	status = replace(l, m, octets, n, schedule_us, expires_us, r->registered_delivery);
	if (status)
		free(octets);
	return status;
}

void verb_replace(struct link *l, const struct smpp_pdu *pdu)
{
	uint32_t status = try_replace(l, &pdu->replace);

	if (status) {
		link_refuse(l, pdu, status);
		return;
	}
	const struct smpp_pdu answer = smpp_respond(pdu, SMPP_ROK);
	link_say(l, &answer);
}

/* ---- replace_if_present_flag ---- */

static struct message *present(struct link *l, const struct message *m, struct message *first)
{
	for (struct message *old = first; old; old = old->inbox_link.next)
		if (old->account == l->account->index && old->part == 0 && !old->is_landing &&
		    !strcmp(old->source.number, m->source.number) &&
		    !strcmp(old->service_type, m->service_type))
			return old;
	return NULL;
}

void replace_present(struct link *l, const struct message *m)
{
	struct inbox *i = inbox_find(&l->smsc->spool.inboxes, m->destination.number);
	struct message *old = i ? present(l, m, i->ready.first) : NULL;

	if (i && !old)
		old = present(l, m, i->waiting.first);
	if (old)
		delivery_cancel(l->smsc, old);
}
