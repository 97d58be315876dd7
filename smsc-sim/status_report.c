#include "smsc-sim/status_report.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/sms/sms.h"
#include "smsc-sim/delivery.h"

static uint8_t status_of(const struct message *m)
{
	switch (m->state) {
	case SMPP_STATE_DELIVERED:
		return SMS_STATUS_RECEIVED;
	case SMPP_STATE_EXPIRED:
		return SMS_STATUS_EXPIRED;
	case SMPP_STATE_DELETED:
		return SMS_STATUS_DELETED_BY_SENDER;
	default:
		return m->last_outcome == OUTCOME_REFUSED ? SMS_STATUS_REJECTED
							  : SMS_STATUS_REMOTE_ERROR;
	}
}

int party_to_addr(const struct party *p, struct sms_addr *out)
{
	struct sms_addr a = {.ton = p->ton, .npi = p->npi & 0x0F};
	uint8_t octets[16];
	struct octets_writer w = {.at = octets, .room = sizeof octets};

	if (p->ton > SMS_TON_ABBREVIATED)
		a.ton = SMS_TON_UNKNOWN;
	if (p->ton == SMS_TON_ALPHANUMERIC)
		a.npi = SMS_NPI_UNKNOWN;
	strcpy(a.text, p->number);
	int rc = sms_addr_put(&w, &a);
	if (!rc)
		*out = a;
	return rc;
}

static struct sms_time time_of(int64_t at_us)
{
	return (struct sms_time){.is_known = true, .time_s = at_us / CLOCK_S};
}

static int encode(const struct message *m, uint8_t *out, size_t size, size_t *len)
{
	struct sms_tpdu tpdu = {.type = SMS_STATUS_REPORT};
	struct sms_status_report *r = &tpdu.status_report;

	r->reference = m->reference;
	r->sent = time_of(m->submitted_us);
	r->done = time_of(m->done_us);
	r->status = status_of(m);
	int rc = party_to_addr(&m->destination, &r->to);
	return rc ? rc : sms_encode(&tpdu, out, size, len);
}

static void landed(void *arg, struct message *m, int err)
{
	if (!err)
		delivery_start(arg, m);
}

void status_report_send(struct smsc *s, const struct message *m)
{
	uint8_t tpdu[SMS_TPDU_MAX];
	size_t len = 0;
	struct message *report;

	if (encode(m, tpdu, sizeof tpdu, &len) || !(report = message_new(tpdu, len, NULL, 0)))
		return;
	report->origin = MESSAGE_OF_CENTRE;
	report->source = m->destination;
	report->destination = m->source;
	int rc = delivery_add(s, report, clock_now_us(), landed, s);
	if (!rc) {
		delivery_start(s, report);
	} else if (rc != E_AGAIN) {
		log_event(LOG_WARN, "status-report-dropped", LOG_TEXT("error", err_text(rc)),
			  LOG_END);
		message_free(report);
	}
}
