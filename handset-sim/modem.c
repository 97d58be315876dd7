#include "handset-sim/modem.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"

struct modem_outgoing {
	struct modem_outgoing *next;
	struct sms_submit submit;
	uint64_t tag;
	unsigned tries;
};

static void send_next(struct modem *m, int64_t now_us);

static bool is_reachable(const struct modem *m)
{
	return m->is_on && !m->in_tunnel && m->has_link;
}

static void say_rp(struct modem *m, const struct rp_message *rp)
{
	uint8_t payload[RP_MESSAGE_MAX];
	size_t n;

	if (!rp_encode(rp, payload, sizeof payload, &n))
		m->ops->say(m->arg, RADIO_RP, payload, n);
}

/* ---- coming and going ---- */

static void detached(struct modem *m)
{
	m->is_attached = m->smma_waits = m->sent_waits = false;
	m->attach_us = m->smma_us = m->send_us = 0;
}

static void seek(struct modem *m, int64_t now_us)
{
	detached(m);
	if (!is_reachable(m))
		return;
	m->attach_us = now_us + MODEM_ATTACH_US;
	m->ops->say(m->arg, RADIO_ATTACH, (const uint8_t *)m->imsi, strlen(m->imsi));
}

void modem_power(struct modem *m, bool on, int64_t now_us)
{
	if (on == m->is_on)
		return;
	if (!on && is_reachable(m))
		m->ops->say(m->arg, RADIO_DETACH, NULL, 0);
	m->is_on = on;
	seek(m, now_us);
}

void modem_tunnel(struct modem *m, bool in, int64_t now_us)
{
	if (in == m->in_tunnel)
		return;
	m->in_tunnel = in;
	seek(m, now_us);
}

void modem_link(struct modem *m, bool up, int64_t now_us)
{
	m->has_link = up;
	seek(m, now_us);
}

static void say_room(struct modem *m, int64_t now_us)
{
	struct rp_message smma = {.way = RP_TO_CENTRE, .type = RP_SMMA};

	if (!m->is_attached || m->is_full || !m->owes_room || m->smma_waits)
		return;
	smma.reference = m->smma_reference = m->next_reference++;
	m->smma_waits = true;
	m->smma_us = now_us + MODEM_ANSWER_US;
	say_rp(m, &smma);
}

void modem_memory(struct modem *m, bool full, int64_t now_us)
{
	m->is_full = full;
	say_room(m, now_us);
}

static void on_attached(struct modem *m, const struct radio_frame *f, int64_t now_us)
{
	if (m->is_attached || !m->attach_us || f->payload_len != 1 || f->payload[0] != RADIO_OK)
		return; /* refused: it asks again when its time has come */
	m->is_attached = true;
	m->attach_us = 0;
	m->ops->attached(m->arg);
	say_room(m, now_us);
	send_next(m, now_us);
}

/* ---- what comes ---- */

static void answer(struct modem *m, uint8_t reference, uint8_t cause, uint8_t failure)
{
	struct sms_tpdu report = {.type = SMS_DELIVER_REPORT};
	struct rp_message rp = {.way = RP_TO_CENTRE,
				.type = cause ? RP_ERROR : RP_ACK,
				.reference = reference,
				.cause = cause};
	uint8_t tpdu[SMS_TPDU_MAX];
	size_t n;

	report.report.is_error = cause != 0;
	report.report.failure = failure;
	/* Without a failure cause there is no report that could say why. */
	if ((!cause || failure) && !sms_encode(&report, tpdu, sizeof tpdu, &n)) {
		rp.tpdu = tpdu;
		rp.tpdu_len = n;
	}
	say_rp(m, &rp);
}

static void hand_text(struct modem *m, const char *from, const struct sms_whole *whole)
{
	char text[MODEM_TEXT_MAX + 1];
	size_t n;
	int rc = sms_dcs_layout(whole->dcs) == SMS_GSM7
			 ? sms_text_from_septets(whole->body, whole->body_len, text, MODEM_TEXT_MAX,
						 &n)
			 : sms_text_from_ucs2(whole->body, whole->body_len, text, MODEM_TEXT_MAX,
					      &n);

	if (rc) {
		m->counts.broken++;
		return;
	}
	text[n] = 0;
	m->ops->text(m->arg, from, text, n);
}

static void hand_up(struct modem *m, const struct sms_deliver *d, int64_t now_us)
{
	struct sms_whole whole;
	int rc = sms_reassembly_add(m->parts, m->number, &d->from, &d->data, now_us, &whole);

	m->counts.delivered++;
	if (rc == E_AGAIN || rc == E_EXISTS)
		return;
	if (rc)
		m->counts.broken++; /* a header that is none: it is for nobody */
	else if (whole.has_ports)
		m->ops->push(m->arg, whole.ports.destination, whole.body, whole.body_len);
	else if (sms_dcs_layout(whole.dcs) != SMS_8_BIT)
		hand_text(m, d->from.text, &whole);
}

static void on_data(struct modem *m, const struct rp_message *rp, int64_t now_us)
{
	struct sms_tpdu tpdu;

	if (sms_decode(RP_TO_PHONE, RP_DATA, rp->tpdu, rp->tpdu_len, &tpdu)) {
		m->counts.broken++;
		answer(m, rp->reference, RP_PROTOCOL_ERROR, SMS_FAILURE_TPDU);
	} else if (tpdu.type == SMS_STATUS_REPORT) {
		m->counts.status_reports++;
		answer(m, rp->reference, 0, 0);
	} else if (m->is_full && tpdu.deliver.pid != SMS_PID_TYPE_0) {
		m->counts.full++;
		m->owes_room = true;
		answer(m, rp->reference, RP_MEMORY_EXCEEDED, SMS_FAILURE_MEMORY);
	} else {
		answer(m, rp->reference, 0, 0);
		if (tpdu.deliver.pid != SMS_PID_TYPE_0)
			hand_up(m, &tpdu.deliver, now_us);
	}
}

/* ---- what goes ---- */

static void settle(struct modem *m, bool is_taken, int64_t now_us)
{
	struct modem_outgoing *o = m->first;

	m->first = o->next;
	if (!m->first)
		m->last = NULL;
	m->queued--;
	m->ops->sent(m->arg, o->tag, is_taken);
	free(o);
	send_next(m, now_us);
}

static void send_next(struct modem *m, int64_t now_us)
{
	struct rp_message rp = {.way = RP_TO_CENTRE, .type = RP_DATA};
	struct sms_tpdu tpdu = {.type = SMS_SUBMIT};
	uint8_t octets[SMS_TPDU_MAX];

	if (!m->is_attached || m->sent_waits || !m->first)
		return;
	tpdu.submit = m->first->submit;
	tpdu.submit.rejects_duplicates = m->first->tries++ > 0;
	if (sms_addr_number(m->centre, &rp.centre) ||
	    sms_encode(&tpdu, octets, sizeof octets, &rp.tpdu_len))
		return; /* modem_send has tried both */
	rp.tpdu = octets;
	rp.reference = m->sent_reference = m->next_reference++;
	m->sent_waits = true;
	m->send_us = now_us + MODEM_ANSWER_US;
	say_rp(m, &rp);
}

/* A service centre that had it already refuses it as a duplicate. */
static bool is_duplicate(const struct rp_message *rp)
{
	struct sms_tpdu tpdu;

	return rp->tpdu_len && !sms_decode(RP_TO_PHONE, RP_ERROR, rp->tpdu, rp->tpdu_len, &tpdu) &&
	       tpdu.report.failure == SMS_FAILURE_DUPLICATE;
}

static void on_answer(struct modem *m, const struct rp_message *rp, int64_t now_us)
{
	if (m->smma_waits && rp->reference == m->smma_reference) {
		m->smma_waits = false;
		m->owes_room = rp->type != RP_ACK && rp_cause_is_temporary(rp->cause);
		m->smma_us = m->owes_room ? now_us + MODEM_AGAIN_US : 0;
		return;
	}
	if (!m->sent_waits || rp->reference != m->sent_reference)
		return; /* of a try that was given up, or of nothing */
	m->sent_waits = false;
	m->send_us = 0;
	if (rp->type == RP_ACK || is_duplicate(rp))
		settle(m, true, now_us);
	else if (rp_cause_is_temporary(rp->cause) && m->first->tries < MODEM_TRIES_MOST)
		m->send_us = now_us + MODEM_AGAIN_US;
	else
		settle(m, false, now_us);
}

int modem_send(struct modem *m, const char *to, const struct sms_data *data, uint64_t tag,
	       int64_t now_us)
{
	struct sms_tpdu tpdu = {.type = SMS_SUBMIT};
	uint8_t octets[SMS_TPDU_MAX];
	size_t n;

	if (m->queued == MODEM_QUEUE_MAX)
		return E_TOO_LARGE;
	tpdu.submit.data = *data;
	tpdu.submit.reference = m->next_message;
	if (sms_addr_number(m->centre, &tpdu.submit.to) || sms_addr_number(to, &tpdu.submit.to) ||
	    sms_encode(&tpdu, octets, sizeof octets, &n))
		return E_RANGE;
	struct modem_outgoing *o = malloc(sizeof *o);
	if (!o)
		return E_NOMEM;
	*o = (struct modem_outgoing){.submit = tpdu.submit, .tag = tag};
	m->next_message++;
	m->queued++;
	if (m->last)
		m->last->next = o;
	else
		m->first = o;
	m->last = o;
	if (m->first == o)
		send_next(m, now_us);
	return 0;
}

/* ---- from outside ---- */

static void on_rp(struct modem *m, const struct radio_frame *f, int64_t now_us)
{
	struct rp_message rp;

	if (rp_decode(RP_TO_PHONE, f->payload, f->payload_len, &rp)) {
		m->counts.broken++; /* there may be no reference to answer to */
		return;
	}
	if (rp.type == RP_DATA)
		on_data(m, &rp, now_us);
	else
		on_answer(m, &rp, now_us);
}

void modem_hear(struct modem *m, const struct radio_frame *frame, int64_t now_us)
{
	if (!is_reachable(m))
		return;
	if (frame->kind == RADIO_ATTACHED)
		on_attached(m, frame, now_us);
	else if (frame->kind == RADIO_RP && m->is_attached)
		on_rp(m, frame, now_us);
	else if (frame->kind == RADIO_DETACH)
		detached(m); /* its number is somewhere else now */
}

void modem_tick(struct modem *m, int64_t now_us)
{
	if (m->attach_us && m->attach_us <= now_us)
		seek(m, now_us);
	if (m->smma_us && m->smma_us <= now_us) {
		m->smma_us = 0;
		m->smma_waits = false;
		say_room(m, now_us);
	}
	if (m->send_us && m->send_us <= now_us) {
		bool is_over = m->first->tries >= MODEM_TRIES_MOST;
		m->send_us = 0;
		m->sent_waits = false;
		if (is_over)
			settle(m, false, now_us);
		else
			send_next(m, now_us);
	}
}

int64_t modem_next_us(const struct modem *m)
{
	const int64_t all[] = {m->attach_us, m->smma_us, m->send_us};
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i] && all[i] < next)
			next = all[i];
	return next;
}

void modem_init(struct modem *m, const struct modem_ops *ops, void *arg, const char *number,
		const char *imsi, const char *centre, struct sms_reassembly *parts)
{
	*m = (struct modem){.ops = ops,
			    .arg = arg,
			    .number = number,
			    .imsi = imsi,
			    .centre = centre,
			    .parts = parts};
}

void modem_fini(struct modem *m)
{
	while (m->first) {
		struct modem_outgoing *o = m->first;
		m->first = o->next;
		free(o);
	}
	m->last = NULL;
}
