#include "lib/wire/sms/sms.h"

#include <string.h>

#include "lib/err.h"

/* The first octet. */
#define MTI_MASK       0x03
#define MTI_DELIVER    0x00 /* DELIVER-REPORT too */
#define MTI_SUBMIT     0x01 /* SUBMIT-REPORT too */
#define MTI_STATUS     0x02 /* COMMAND too */
#define NO_MORE        0x04 /* DELIVER, STATUS-REPORT */
#define REJECT_DOUBLES 0x04 /* SUBMIT */
#define LOOP           0x08
#define VPF_SHIFT      3
#define VPF_MASK       0x03
#define REPORT_WANTED  0x20 /* STATUS-REPORT: it is a command's */
#define HAS_UDH        0x40
#define REPLY_PATH     0x80

/* TP-PI */
#define PI_PID      0x01
#define PI_DCS      0x02
#define PI_DATA     0x04
#define PI_RESERVED 0x78
#define PI_MORE     0x80

#define FAILURE_LEAST 0x80

/* User data's limits, TS 23.040 9.2.2. */
#define DELIVER_REPORT_ACK_MAX   159
#define DELIVER_REPORT_ERROR_MAX 158
#define SUBMIT_REPORT_ACK_MAX    152
#define SUBMIT_REPORT_ERROR_MAX  151
#define STATUS_REPORT_MAX        131

static size_t report_octets_max(enum sms_type type, bool is_error)
{
	if (type == SMS_DELIVER_REPORT)
		return is_error ? DELIVER_REPORT_ERROR_MAX : DELIVER_REPORT_ACK_MAX;
	return is_error ? SUBMIT_REPORT_ERROR_MAX : SUBMIT_REPORT_ACK_MAX;
}

static uint8_t flag(bool is_set, uint8_t bit)
{
	return is_set ? bit : 0;
}

static int put_deliver(struct octets_writer *w, const struct sms_deliver *d)
{
	int err;

	octets_put_u8(w, (uint8_t)(MTI_DELIVER | flag(!d->has_more_waiting, NO_MORE) |
				   flag(d->is_looped, LOOP) | flag(d->wants_report, REPORT_WANTED) |
				   flag(d->data.udh_len > 0, HAS_UDH) |
				   flag(d->has_reply_path, REPLY_PATH)));
	err = sms_addr_put(w, &d->from);
	octets_put_u8(w, d->pid);
	octets_put_u8(w, d->data.dcs);
	if (!err)
		err = sms_time_put(w, &d->sent);
	return err ? err : sms_data_put(w, &d->data, SMS_DATA_OCTETS_MAX);
}

static int put_submit(struct octets_writer *w, const struct sms_submit *s)
{
	int err;

	octets_put_u8(w, (uint8_t)(MTI_SUBMIT | flag(s->rejects_duplicates, REJECT_DOUBLES) |
				   (s->validity.form & VPF_MASK) << VPF_SHIFT |
				   flag(s->wants_report, REPORT_WANTED) |
				   flag(s->data.udh_len > 0, HAS_UDH) |
				   flag(s->has_reply_path, REPLY_PATH)));
	octets_put_u8(w, s->reference);
	err = sms_addr_put(w, &s->to);
	octets_put_u8(w, s->pid);
	octets_put_u8(w, s->data.dcs);
	if (!err)
		err = sms_validity_put(w, &s->validity);
	return err ? err : sms_data_put(w, &s->data, SMS_DATA_OCTETS_MAX);
}

static void put_indicator(struct octets_writer *w, const struct sms_report_end *end)
{
	octets_put_u8(w, (uint8_t)(flag(end->has_pid, PI_PID) | flag(end->has_dcs, PI_DCS) |
				   flag(end->has_data, PI_DATA)));
}

static int put_end(struct octets_writer *w, const struct sms_report_end *end, size_t octets_max)
{
	if (!end->has_dcs && end->data.dcs != 0)
		return E_RANGE;
	if (end->has_pid)
		octets_put_u8(w, end->pid);
	if (end->has_dcs)
		octets_put_u8(w, end->data.dcs);
	if (end->has_data)
		return sms_data_put(w, &end->data, octets_max);
	return 0;
}

static bool has_header(const struct sms_report_end *end)
{
	return end->has_data && end->data.udh_len > 0;
}

static int put_report(struct octets_writer *w, enum sms_type type, const struct sms_report *r)
{
	int err = 0;

	if (r->is_error && r->failure < FAILURE_LEAST)
		return E_RANGE;
	octets_put_u8(w, (uint8_t)((type == SMS_DELIVER_REPORT ? MTI_DELIVER : MTI_SUBMIT) |
				   flag(has_header(&r->end), HAS_UDH)));
	if (r->is_error)
		octets_put_u8(w, r->failure);
	put_indicator(w, &r->end);
	if (type == SMS_SUBMIT_REPORT)
		err = sms_time_put(w, &r->sent);
	return err ? err : put_end(w, &r->end, report_octets_max(type, r->is_error));
}

static int put_status_report(struct octets_writer *w, const struct sms_status_report *s)
{
	const struct sms_report_end *end = &s->end;
	int err;

	octets_put_u8(w,
		      (uint8_t)(MTI_STATUS | flag(!s->has_more_waiting, NO_MORE) |
				flag(s->is_looped, LOOP) | flag(s->is_of_command, REPORT_WANTED) |
				flag(has_header(end), HAS_UDH)));
	octets_put_u8(w, s->reference);
	err = sms_addr_put(w, &s->to);
	if (!err)
		err = sms_time_put(w, &s->sent);
	if (!err)
		err = sms_time_put(w, &s->done);
	octets_put_u8(w, s->status);
	if (err || (!end->has_pid && !end->has_dcs && !end->has_data))
		return err;
	put_indicator(w, end);
	return put_end(w, end, STATUS_REPORT_MAX);
}

int sms_encode(const struct sms_tpdu *tpdu, uint8_t *out, size_t size, size_t *len)
{
	struct octets_writer w = {.at = out, .room = size};
	int err = E_RANGE;

	switch (tpdu->type) {
	case SMS_DELIVER:
		err = put_deliver(&w, &tpdu->deliver);
		break;
	case SMS_SUBMIT:
		err = put_submit(&w, &tpdu->submit);
		break;
	case SMS_DELIVER_REPORT:
	case SMS_SUBMIT_REPORT:
		err = put_report(&w, tpdu->type, &tpdu->report);
		break;
	case SMS_STATUS_REPORT:
		err = put_status_report(&w, &tpdu->status_report);
		break;
	}
	if (err)
		return err;
	if (w.is_full)
		return E_TOO_LARGE;
	*len = w.len;
	return 0;
}

/* The protocol identifier and the coding, which stand side by side. */
static bool take_coding(struct octets_reader *r, uint8_t *pid, struct sms_data *data)
{
	return octets_take_u8(r, pid) && octets_take_u8(r, &data->dcs);
}

/* User data are a message's end. */
static int take_last_data(struct octets_reader *r, uint8_t first, struct sms_data *data)
{
	int err = sms_data_take(r, first & HAS_UDH, SMS_DATA_OCTETS_MAX, data);

	return err ? err : r->left > 0 ? E_SYNTAX : 0;
}

static int take_deliver(struct octets_reader *r, uint8_t first, struct sms_deliver *d)
{
	int err;

	d->has_more_waiting = !(first & NO_MORE);
	d->is_looped = first & LOOP;
	d->wants_report = first & REPORT_WANTED;
	d->has_reply_path = first & REPLY_PATH;
	err = sms_addr_take(r, &d->from);
	if (err)
		return err;
	if (!take_coding(r, &d->pid, &d->data) || sms_time_take(r, &d->sent))
		return E_SYNTAX;
	return take_last_data(r, first, &d->data);
}

static int take_submit(struct octets_reader *r, uint8_t first, struct sms_submit *s)
{
	enum sms_validity_form form = (enum sms_validity_form)(first >> VPF_SHIFT & VPF_MASK);
	int err;

	s->rejects_duplicates = first & REJECT_DOUBLES;
	s->wants_report = first & REPORT_WANTED;
	s->has_reply_path = first & REPLY_PATH;
	if (!octets_take_u8(r, &s->reference))
		return E_SYNTAX;
	err = sms_addr_take(r, &s->to);
	if (err)
		return err;
	if (!take_coding(r, &s->pid, &s->data))
		return E_SYNTAX;
	err = sms_validity_take(r, form, &s->validity);
	return err ? err : take_last_data(r, first, &s->data);
}

/* TP-PI, and those octets of it that extend it. What its reserved bits announce is at the end. */
static bool take_indicator(struct octets_reader *r, uint8_t *indicator, bool *has_unknown)
{
	uint8_t more;

	if (!octets_take_u8(r, indicator))
		return false;
	*has_unknown = *indicator & (PI_RESERVED | PI_MORE);
	more = *indicator;
	while (more & PI_MORE) {
		if (!octets_take_u8(r, &more))
			return false;
	}
	return true;
}

static int take_end(struct octets_reader *r, uint8_t first, uint8_t indicator, size_t octets_max,
		    struct sms_report_end *end)
{
	end->has_pid = indicator & PI_PID;
	end->has_dcs = indicator & PI_DCS;
	end->has_data = indicator & PI_DATA;
	if (end->has_pid && !octets_take_u8(r, &end->pid))
		return E_SYNTAX;
	if (end->has_dcs && !octets_take_u8(r, &end->data.dcs))
		return E_SYNTAX;
	return end->has_data ? sms_data_take(r, first & HAS_UDH, octets_max, &end->data) : 0;
}

static int take_report(struct octets_reader *r, uint8_t first, enum sms_type type,
		       struct sms_report *report)
{
	bool has_unknown;
	uint8_t indicator;
	int err;

	/* Causes have bit 7: an octet without it stands where a cause should. */
	if (report->is_error &&
	    (!octets_take_u8(r, &report->failure) || report->failure < FAILURE_LEAST))
		return E_SYNTAX;
	if (!take_indicator(r, &indicator, &has_unknown))
		return E_SYNTAX;
	if (type == SMS_SUBMIT_REPORT && sms_time_take(r, &report->sent))
		return E_SYNTAX;
	err = take_end(r, first, indicator, report_octets_max(type, report->is_error),
		       &report->end);
	return err ? err : r->left > 0 && !has_unknown ? E_SYNTAX : 0;
}

static int take_status_report(struct octets_reader *r, uint8_t first, struct sms_status_report *s)
{
	bool has_unknown;
	uint8_t indicator;
	int err;

	s->has_more_waiting = !(first & NO_MORE);
	s->is_looped = first & LOOP;
	s->is_of_command = first & REPORT_WANTED;
	if (!octets_take_u8(r, &s->reference))
		return E_SYNTAX;
	err = sms_addr_take(r, &s->to);
	if (err)
		return err;
	if (sms_time_take(r, &s->sent) || sms_time_take(r, &s->done) ||
	    !octets_take_u8(r, &s->status))
		return E_SYNTAX;
	if (r->left == 0)
		return 0;
	if (!take_indicator(r, &indicator, &has_unknown))
		return E_SYNTAX;
	err = take_end(r, first, indicator, STATUS_REPORT_MAX, &s->end);
	return err ? err : r->left > 0 && !has_unknown ? E_SYNTAX : 0;
}

/* The table of sms.h. COMMAND and the reserved value go nowhere. */
static int type_of(enum rp_way way, enum rp_type carrier, uint8_t mti, enum sms_type *type)
{
	static const struct {
		enum rp_way way;
		bool is_data;
		uint8_t mti;
		enum sms_type type;
	} table[] = {
		{RP_TO_PHONE, true, MTI_DELIVER, SMS_DELIVER},
		{RP_TO_PHONE, true, MTI_STATUS, SMS_STATUS_REPORT},
		{RP_TO_PHONE, false, MTI_SUBMIT, SMS_SUBMIT_REPORT},
		{RP_TO_CENTRE, true, MTI_SUBMIT, SMS_SUBMIT},
		{RP_TO_CENTRE, false, MTI_DELIVER, SMS_DELIVER_REPORT},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		if (table[i].way == way && table[i].is_data == (carrier == RP_DATA) &&
		    table[i].mti == mti && carrier != RP_SMMA) {
			*type = table[i].type;
			return 0;
		}
	}
	return E_RANGE;
}

static int take_tpdu(struct octets_reader *r, uint8_t first, enum rp_type carrier,
		     struct sms_tpdu *t)
{
	switch (t->type) {
	case SMS_DELIVER:
		return take_deliver(r, first, &t->deliver);
	case SMS_SUBMIT:
		return take_submit(r, first, &t->submit);
	case SMS_STATUS_REPORT:
		return take_status_report(r, first, &t->status_report);
	case SMS_DELIVER_REPORT:
	case SMS_SUBMIT_REPORT:
		t->report.is_error = carrier == RP_ERROR;
		return take_report(r, first, t->type, &t->report);
	}
	return E_RANGE;
}

int sms_decode(enum rp_way way, enum rp_type carrier, const uint8_t *octets, size_t len,
	       struct sms_tpdu *out)
{
	struct octets_reader r = {.at = octets, .left = len};
	struct sms_tpdu t;
	uint8_t first;
	int err;

	memset(&t, 0, sizeof t);
	if (!octets_take_u8(&r, &first))
		return E_SYNTAX;
	err = type_of(way, carrier, first & MTI_MASK, &t.type);
	if (!err)
		err = take_tpdu(&r, first, carrier, &t);
	if (!err)
		*out = t;
	return err;
}
