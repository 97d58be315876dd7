#include "smsc-sim/mobile_originated.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/wire/sms/sms.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/delivery.h"
#include "smsc-sim/radio_link.h"
#include "smsc-sim/radio_say.h"
#include "smsc-sim/segments.h"

/* ---- answers ---- */

struct refusal {
	uint8_t cause;   /* of RP-ERROR; 0: none */
	uint8_t failure; /* TP-FCS */
};

static void say_report(struct smsc *s, const char *number, uint8_t reference,
		       const struct refusal *why, int64_t sent_us)
{
	struct sms_tpdu tpdu = {.type = SMS_SUBMIT_REPORT};
	struct rp_message rp = {.way = RP_TO_PHONE, .reference = reference};
	const struct inbox *i = inbox_find(&s->spool.inboxes, number);
	uint8_t octets[SMS_TPDU_MAX];

	if (!i || !i->phone)
		return; /* it went meanwhile */
	rp.type = why->cause ? RP_ERROR : RP_ACK;
	rp.cause = why->cause;
	tpdu.report.is_error = why->cause != 0;
	tpdu.report.failure = why->failure;
	tpdu.report.sent = (struct sms_time){.is_known = true, .time_s = sent_us / CLOCK_S};
	if (!sms_encode(&tpdu, octets, sizeof octets, &rp.tpdu_len))
		rp.tpdu = octets;
	radio_say_rp(radio_conn(i->phone), number, &rp);
}

static struct refusal refusal_of(int err)
{
	if (err == E_FULL)
		return (struct refusal){RP_CONGESTION, SMS_FAILURE_BUSY};
	return (struct refusal){RP_TEMPORARY_FAILURE, SMS_FAILURE_SYSTEM};
}

/* ---- making the message ---- */

static struct refusal read_destination(const struct sms_addr *to, struct party *out)
{
	size_t n = strlen(to->text);

	if (to->ton == SMS_TON_ALPHANUMERIC || n == 0 || n >= sizeof out->number ||
	    to->text[strspn(to->text, "0123456789")])
		return (struct refusal){RP_UNASSIGNED_NUMBER, SMS_FAILURE_ADDRESS};
	out->ton = to->ton;
	out->npi = to->npi;
	strcpy(out->number, to->text);
	return (struct refusal){0};
}

static int64_t expiry_of(const struct sms_validity *v, int64_t now_us)
{
	switch (v->form) {
	case SMS_VALIDITY_RELATIVE:
		return now_us + v->period_s * CLOCK_S;
	case SMS_VALIDITY_ENHANCED:
		return v->has_period ? now_us + v->period_s * CLOCK_S : 0;
	case SMS_VALIDITY_ABSOLUTE:
		return v->until.is_known ? v->until.time_s * CLOCK_S : 0;
	default:
		return 0;
	}
}

static struct message *make(const struct sms_submit *t, const char *from, int64_t now_us)
{
	uint8_t octets[SMS_REPORT_OCTETS_MAX + SMS_BODY_MAX];
	size_t n = t->data.udh_len;

	memcpy(octets, t->data.udh, n);
	memcpy(octets + n, t->data.body, t->data.body_len);
	struct message *m = message_new(octets, n + t->data.body_len, NULL, 0);
	if (!m)
		return NULL;
	m->origin = MESSAGE_OF_PHONE;
	m->source = (struct party){.ton = SMPP_TON_INTERNATIONAL, .npi = SMPP_NPI_E164};
	strcpy(m->source.number, from);
	m->reference = t->reference;
	m->wants_status = t->wants_report;
	m->protocol_id = t->pid;
	m->data_coding = segment_data_coding(t->data.dcs);
	m->esm_class =
		(uint8_t)((n ? SMPP_ESM_UDHI : 0) | (t->has_reply_path ? SMPP_ESM_REPLY_PATH : 0) |
			  (t->validity.is_single_shot ? SMPP_ESM_DATAGRAM : 0));
	m->expires_us = expiry_of(&t->validity, now_us);
	return m;
}

static bool is_same(const struct message *old, const struct sms_submit *t, const char *from)
{
	return old->origin == MESSAGE_OF_PHONE && old->reference == t->reference &&
	       !strcmp(old->source.number, from);
}

static bool is_duplicate(struct smsc *s, const struct sms_submit *t, const char *from,
			 const char *to)
{
	const struct inbox *i = t->rejects_duplicates ? inbox_find(&s->spool.inboxes, to) : NULL;

	if (!i)
		return false;
	for (const struct message *m = i->ready.first; m; m = m->inbox_link.next)
		if (is_same(m, t, from))
			return true;
	for (const struct message *m = i->waiting.first; m; m = m->inbox_link.next)
		if (is_same(m, t, from))
			return true;
	return i->in_flight && is_same(i->in_flight, t, from);
}

/* ---- taking it ---- */

struct waiting {
	struct smsc *smsc;
	char number[SMPP_NUMBER_SIZE];
	uint8_t reference; /* of its RP-DATA */
};

static void landed(void *arg, struct message *m, int err)
{
	struct waiting *w = arg;
	struct smsc *s = w->smsc;
	const struct refusal why = err ? refusal_of(err) : (struct refusal){0};

	say_report(s, w->number, w->reference, &why, m->submitted_us);
	free(w);
	if (!err)
		delivery_start(s, m);
}

static struct refusal take(struct smsc *s, struct phone *p, const struct sms_submit *t,
			   uint8_t reference)
{
	int64_t now_us = clock_now_us();
	const char *from = p->inbox->number;
	struct party to = {0};
	struct refusal why = read_destination(&t->to, &to);

	if (why.cause)
		return why;
	if (is_duplicate(s, t, from, to.number))
		return (struct refusal){RP_TRANSFER_REJECTED, SMS_FAILURE_DUPLICATE};
	struct waiting *w = malloc(sizeof *w);
	struct message *m = w ? make(t, from, now_us) : NULL;
	if (!m) {
		free(w);
		return refusal_of(E_NOMEM);
	}
	*w = (struct waiting){.smsc = s, .reference = reference};
	strcpy(w->number, from);
	m->destination = to;
	counter_add(COUNT_FROM_PHONES, 1);
	int rc = delivery_add(s, m, now_us, landed, w);
	if (!rc) {
		landed(w, m, 0);
	} else if (rc != E_AGAIN) {
		message_free(m);
		free(w);
		return refusal_of(rc);
	}
	return (struct refusal){0};
}

void mobile_originated(struct smsc *s, struct phone *p, const struct rp_message *rp)
{
	struct sms_tpdu tpdu;
	struct refusal why = {RP_INVALID_INFORMATION, SMS_FAILURE_TPDU};
	char number[SMPP_NUMBER_SIZE];

	strcpy(number, p->inbox->number);
	if (rp->tpdu_len && !sms_decode(RP_TO_CENTRE, RP_DATA, rp->tpdu, rp->tpdu_len, &tpdu) &&
	    tpdu.type == SMS_SUBMIT)
		why = take(s, p, &tpdu.submit, rp->reference);
	else
		counter_add(COUNT_BAD_FRAMES, 1);
	if (why.cause)
		say_report(s, number, rp->reference, &why, clock_now_us());
}

/* ---- by the control API ---- */

static void landed_quietly(void *arg, struct message *m, int err)
{
	if (!err)
		delivery_start(arg, m);
}

uint32_t mobile_originated_add(struct smsc *s, struct message *m)
{
	m->origin = MESSAGE_OF_PHONE;
	counter_add(COUNT_FROM_PHONES, 1);
	int rc = delivery_add(s, m, clock_now_us(), landed_quietly, s);
	if (!rc) {
		delivery_start(s, m);
		return SMPP_ROK;
	}
	if (rc == E_AGAIN)
		return SMPP_ROK;
	message_free(m);
	return rc == E_FULL ? SMPP_RMSGQFUL : SMPP_RSYSERR;
}
