/* The first octet says how a TPDU comes (way and carrier), the others are it: what is read can be
 * written, and that reads as the same. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/sms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static const struct sms_data *data_of(const struct sms_tpdu *t)
{
	switch (t->type) {
	case SMS_DELIVER:
		return &t->deliver.data;
	case SMS_SUBMIT:
		return &t->submit.data;
	case SMS_STATUS_REPORT:
		return &t->status_report.end.data;
	default:
		return &t->report.end.data;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sms_tpdu t, again;
	uint8_t out[SMS_TPDU_MAX];
	size_t len;

	if (size == 0)
		return 0;
	enum rp_way way = data[0] & 1 ? RP_TO_PHONE : RP_TO_CENTRE;
	enum rp_type carrier = (enum rp_type)(data[0] >> 1 & 3);
	if (sms_decode(way, carrier, data + 1, size - 1, &t))
		return 0;
	must(data_of(&t)->body_len <= SMS_BODY_MAX);
	must(data_of(&t)->udh_len <= SMS_REPORT_OCTETS_MAX);
	/* A name that shows otherwise than it was coded (an ESC before a letter) may be too long to
	   be said again, and a time stamp behind the century's end; nothing else is lost. */
	int err = sms_encode(&t, out, sizeof out, &len);
	must(err == 0 || err == E_RANGE || err == E_TOO_LARGE);
	if (err == 0) {
		must(len <= sizeof out && len <= RP_TPDU_MAX);
		must(sms_decode(way, carrier, out, len, &again) == 0);
		must(memcmp(&t, &again, sizeof t) == 0);
	}
	return 0;
}
