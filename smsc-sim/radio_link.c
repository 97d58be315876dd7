#include "smsc-sim/radio_link.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/sms/radio.h"
#include "lib/wire/sms/sms.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/delivery.h"
#include "smsc-sim/mobile_originated.h"
#include "smsc-sim/radio_say.h"
#include "smsc-sim/segments.h"

#define INPUT_AT_ONCE 65536

struct radio_link {
	struct smsc *smsc;
	struct conn *conn;
	struct phone *phones;
	struct radio_link *next, *previous;
	bool is_closing;
};

struct radio {
	struct radio_link *links;
	struct phone *phones;
	size_t link_count, phone_count;
};

struct conn *radio_conn(const struct phone *p)
{
	return p->link->conn;
}

/* ---- phones ---- */

static void phone_add(struct radio_link *l, struct phone *p)
{
	struct radio *r = l->smsc->radio;

	p->link = l;
	p->previous = NULL;
	p->next = l->phones;
	if (l->phones)
		l->phones->previous = p;
	l->phones = p;
	p->all_next = r->phones;
	if (r->phones)
		r->phones->all_previous = p;
	r->phones = p;
	gauge_set(GAUGE_PHONES, (int64_t)++r->phone_count);
}

static void phone_remove(struct smsc *s, struct phone *p)
{
	struct inbox *i = p->inbox;
	struct radio *r = s->radio;

	*(p->previous ? &p->previous->next : &p->link->phones) = p->next;
	if (p->next)
		p->next->previous = p->previous;
	*(p->all_previous ? &p->all_previous->all_next : &r->phones) = p->all_next;
	if (p->all_next)
		p->all_next->all_previous = p->all_previous;
	gauge_set(GAUGE_PHONES, (int64_t)--r->phone_count);
	free(p);
	i->phone = NULL;
	delivery_phone_went(s, i);
}

const struct phone *radio_phones(const struct radio *r, size_t *count)
{
	*count = r->phone_count;
	return r->phones;
}

static struct phone *phone_of(const struct radio_link *l, const char *number)
{
	const struct inbox *i = inbox_find(&l->smsc->spool.inboxes, number);

	return i && i->phone && i->phone->link == l ? i->phone : NULL;
}

/* ---- coming and going ---- */

static bool is_imsi(const struct radio_frame *f)
{
	for (size_t n = 0; n < f->payload_len; n++)
		if (f->payload[n] < '0' || f->payload[n] > '9')
			return false;
	return f->payload_len < sizeof((struct phone *)0)->imsi;
}

static uint8_t attach(struct radio_link *l, const struct radio_frame *f, struct phone **out)
{
	struct smsc *s = l->smsc;

	if (!is_imsi(f))
		return RADIO_BAD_IMSI;
	if (s->radio->phone_count >= (size_t)s->conf->smsc_sim_phones_max)
		return RADIO_FULL;
	struct phone *p = calloc(1, sizeof *p);
	struct inbox *i = p ? inbox_get(&s->spool.inboxes, f->number) : NULL;
	if (!i) {
		free(p);
		return RADIO_FULL;
	}
	memcpy(p->imsi, f->payload, f->payload_len);
	p->inbox = i;
	p->since_us = clock_now_us();
	i->phone = p;
	phone_add(l, p);
	*out = p;
	return RADIO_OK;
}

/* The newest wins: elsewhere it is told that it is detached. */
static void on_attach(struct radio_link *l, const struct radio_frame *f)
{
	struct smsc *s = l->smsc;
	struct inbox *i = inbox_find(&s->spool.inboxes, f->number);
	struct phone *p = i ? i->phone : NULL;
	uint8_t cause;

	if (p && p->link == l) {
		cause = RADIO_OK; /* it is there already: asked again */
	} else {
		if (p) {
			radio_say(p->link->conn, RADIO_DETACH, f->number, NULL, 0);
			phone_remove(s, p);
		}
		cause = attach(l, f, &p);
	}
	radio_say(l->conn, RADIO_ATTACHED, f->number, &cause, 1);
	if (cause == RADIO_OK)
		delivery_phone_came(s, p->inbox);
}

static void on_detach(struct radio_link *l, const struct radio_frame *f)
{
	struct phone *p = phone_of(l, f->number);

	if (p)
		phone_remove(l->smsc, p);
}

/* ---- to the phone ---- */

int radio_send(struct smsc *s, struct phone *p, const struct message *m, bool more_wait)
{
	struct rp_message rp = {.way = RP_TO_PHONE, .type = RP_DATA};
	uint8_t tpdu[SMS_TPDU_MAX];

	rp.tpdu = tpdu;
	int rc = radio_tpdu(s, m, more_wait, tpdu, sizeof tpdu, &rp.tpdu_len);
	if (!rc)
		rc = sms_addr_number(s->conf->smsc_sim_number, &rp.centre);
	if (rc)
		return rc;
	rp.reference = ++p->reference;
	p->is_awaited = true;
	return radio_say_rp(p->link->conn, p->inbox->number, &rp);
}

void radio_forget(struct phone *p)
{
	p->is_awaited = false;
}

/* ---- from the phone ---- */

static enum outcome outcome_of(uint8_t cause)
{
	if (cause == RP_MEMORY_EXCEEDED)
		return OUTCOME_FULL;
	return rp_cause_is_temporary(cause) ? OUTCOME_BUSY : OUTCOME_REFUSED;
}

static void on_answer(struct radio_link *l, struct phone *p, const struct rp_message *rp)
{
	struct message *m = p->inbox->in_flight;

	if (!p->is_awaited || rp->reference != p->reference || !m)
		return;
	p->is_awaited = false;
	if (rp->type == RP_ACK)
		delivery_part_taken(l->smsc, m);
	else
		delivery_ended(l->smsc, m, outcome_of(rp->cause), rp->cause);
}

static void on_memory_available(struct radio_link *l, struct phone *p, const struct rp_message *rp)
{
	const struct rp_message ack = {
		.way = RP_TO_PHONE, .type = RP_ACK, .reference = rp->reference};

	radio_say_rp(l->conn, p->inbox->number, &ack);
	delivery_phone_came(l->smsc, p->inbox);
}

static void on_rp(struct radio_link *l, const struct radio_frame *f)
{
	struct phone *p = phone_of(l, f->number);
	struct rp_message rp;
	int rc = rp_decode(RP_TO_CENTRE, f->payload, f->payload_len, &rp);

	if (rc || !p) {
		counter_add(COUNT_BAD_FRAMES, 1);
		log_event(LOG_INFO, "radio-bad-rp", LOG_TEXT("number", f->number),
			  LOG_TEXT("error", rc ? err_text(rc) : "not attached here"), LOG_END);
		if (p && f->payload_len > 1)
			radio_say_error(l->conn, f->number, f->payload[1],
					rc == E_RANGE ? RP_UNKNOWN_TYPE : RP_INVALID_INFORMATION);
		return;
	}
	switch (rp.type) {
	case RP_DATA:
		mobile_originated(l->smsc, p, &rp);
		break;
	case RP_SMMA:
		on_memory_available(l, p, &rp);
		break;
	default:
		on_answer(l, p, &rp);
	}
}

/* ---- the connection ---- */

static void on_frame(struct radio_link *l, const struct radio_frame *f)
{
	switch (f->kind) {
	case RADIO_ATTACH:
		on_attach(l, f);
		break;
	case RADIO_DETACH:
		on_detach(l, f);
		break;
	case RADIO_RP:
		on_rp(l, f);
		break;
	default: /* ATTACHED is ours to say */
		counter_add(COUNT_BAD_FRAMES, 1);
	}
}

static void on_input(void *session)
{
	struct radio_link *l = session;
	size_t n = 0, at = 0, taken = 0;
	const uint8_t *in = conn_peek(l->conn, INPUT_AT_ONCE, &n);
	struct radio_frame f;
	int rc = E_AGAIN;

	while (at < n && !(rc = radio_decode(in + at, n - at, &f, &taken))) {
		on_frame(l, &f);
		at += taken;
	}
	conn_take(l->conn, at);
	if (rc == E_SYNTAX) {
		counter_add(COUNT_BAD_FRAMES, 1);
		log_event(LOG_WARN, "radio-bad-frame", LOG_INT("conn", conn_id(l->conn)), LOG_END);
		conn_close(l->conn);
	} else if (conn_unsent(l->conn) > (size_t)l->smsc->conf->smsc_sim_unsent_max) {
		conn_pause(l->conn);
	}
}

static void on_drained(void *session)
{
	struct radio_link *l = session;

	conn_resume(l->conn);
}

static void on_timed_out(void *session, enum conn_end why)
{
	struct radio_link *l = session;

	(void)why;
	conn_close(l->conn);
}

static void on_closed(void *session, enum conn_end why)
{
	struct radio_link *l = session;
	struct smsc *s = l->smsc;
	struct radio *r = s->radio;

	log_event(LOG_INFO, "radio-closed", LOG_INT("why", why), LOG_END);
	*(l->previous ? &l->previous->next : &r->links) = l->next;
	if (l->next)
		l->next->previous = l->previous;
	r->link_count--;
	while (l->phones)
		phone_remove(s, l->phones);
	free(l);
	smsc_link_gone(s);
}

static const struct conn_ops ops = {
	.input = on_input, .drained = on_drained, .timed_out = on_timed_out, .closed = on_closed};

void radio_accepted(void *smsc, struct conn *c)
{
	struct smsc *s = smsc;
	struct radio_link *l = calloc(1, sizeof *l);

	if (!l) {
		conn_abort(c);
		return;
	}
	l->smsc = s;
	l->conn = c;
	l->next = s->radio->links;
	if (l->next)
		l->next->previous = l;
	s->radio->links = l;
	s->radio->link_count++;
	log_event(LOG_INFO, "radio-opened", LOG_INT("conn", conn_id(c)), LOG_END);
	conn_attach(c, &ops, l);
}

/* ---- the whole ---- */

int radio_open(struct smsc *s, struct radio **out)
{
	struct radio *r = calloc(1, sizeof *r);

	(void)s;
	if (!r)
		return E_NOMEM;
	*out = r;
	return 0;
}

void radio_stop(struct radio *r)
{
	for (struct radio_link *l = r->links; l; l = l->next)
		conn_close(l->conn);
}

size_t radio_connections(const struct radio *r)
{
	return r ? r->link_count : 0;
}

void radio_close(struct radio *r)
{
	free(r);
}
