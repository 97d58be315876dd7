#include "smsc-sim/radio_say.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/wire/sms/sms.h"
#include "smsc-sim/segments.h"
#include "smsc-sim/status_report.h"

int radio_say(struct conn *c, enum radio_kind kind, const char *number, const uint8_t *payload,
	      size_t length)
{
	struct radio_frame f = {.kind = kind, .payload = payload, .payload_len = length};
	uint8_t octets[RADIO_FRAME_MAX];
	size_t len = 0;

	if (strlen(number) >= sizeof f.number)
		return E_TOO_LARGE;
	strcpy(f.number, number);
	int rc = radio_encode(&f, octets, sizeof octets, &len);
	if (!rc)
		conn_write(c, octets, len);
	return rc;
}

int radio_say_rp(struct conn *c, const char *number, const struct rp_message *rp)
{
	uint8_t octets[RP_MESSAGE_MAX];
	size_t len = 0;
	int rc = rp_encode(rp, octets, sizeof octets, &len);

	return rc ? rc : radio_say(c, RADIO_RP, number, octets, len);
}

int radio_say_error(struct conn *c, const char *number, uint8_t reference, uint8_t cause)
{
	const struct rp_message error = {
		.way = RP_TO_PHONE, .type = RP_ERROR, .reference = reference, .cause = cause};

	return radio_say_rp(c, number, &error);
}

static int deliver_tpdu(const struct smsc *s, const struct message *m, bool more_wait, uint8_t *out,
			size_t size, size_t *len)
{
	struct sms_tpdu tpdu = {.type = SMS_DELIVER};
	struct sms_deliver *d = &tpdu.deliver;

	if (!segment_read(m, m->part, &d->data))
		return E_RANGE;
	d->has_more_waiting = more_wait;
	d->wants_report = m->registered & SMPP_REGISTERED_RECEIPT || m->wants_status;
	d->has_reply_path = m->esm_class & SMPP_ESM_REPLY_PATH;
	d->pid = m->protocol_id;
	d->sent = (struct sms_time){.is_known = true, .time_s = m->submitted_us / CLOCK_S};
	int rc = *m->source.number ? party_to_addr(&m->source, &d->from)
				   : sms_addr_number(s->conf->smsc_sim_number, &d->from);
	return rc ? rc : sms_encode(&tpdu, out, size, len);
}

int radio_tpdu(const struct smsc *s, const struct message *m, bool more_wait, uint8_t *out,
	       size_t size, size_t *len)
{
	if (m->origin != MESSAGE_OF_CENTRE)
		return deliver_tpdu(s, m, more_wait, out, size, len);
	if (m->length > size)
		return E_TOO_LARGE;
	memcpy(out, m->octets, m->length);
	*len = m->length;
	return 0;
}
