/* Any octets as what an ESME submits: what is taken can be brought to a phone, every part of it in
 * a TPDU that reads back, and to an ESME, and its receipt can be written. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "smsc-sim/receipt_pdu.h"
#include "smsc-sim/segments.h"
#include "smsc-sim/submission.h"

#define NOW (INT64_C(1767605416) * CLOCK_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_part(const struct message *m, unsigned part)
{
	struct sms_tpdu tpdu = {.type = SMS_DELIVER}, again;
	uint8_t octets[SMS_TPDU_MAX];
	size_t len = 0;

	must(segment_read(m, part, &tpdu.deliver.data));
	must(sms_addr_number("81900000000", &tpdu.deliver.from) == 0);
	tpdu.deliver.sent = (struct sms_time){.is_known = true, .time_s = NOW / CLOCK_S};
	must(sms_encode(&tpdu, octets, sizeof octets, &len) == 0);
	must(sms_decode(RP_TO_PHONE, RP_DATA, octets, len, &again) == 0);
	must(again.deliver.data.body_len == tpdu.deliver.data.body_len);
	must(!memcmp(again.deliver.data.body, tpdu.deliver.data.body, again.deliver.data.body_len));
}

static void check_pdu(const struct message *m, enum notice what)
{
	static uint8_t octets[SMPP_PDU_MAX];
	struct receipt_buffer buffer;
	struct smpp_header refusal;
	struct smpp_pdu pdu, again;
	size_t len = 0;

	must(receipt_pdu(m, what, true, &buffer, &pdu) == 0);
	pdu.sequence = 1;
	must(smpp_encode(&pdu, octets, sizeof octets, &len) == 0);
	must(smpp_decode(octets, len, &again, &refusal) == 0);
	free(buffer.payload);
}

static void check(struct message *m)
{
	unsigned count = segments_count(m);

	must(strspn(m->destination.number, "0123456789") == strlen(m->destination.number));
	must(count >= 1 && count <= 255);
	/* Both ends of a long one: each part is cut from the whole. */
	check_part(m, 0);
	check_part(m, count / 2);
	check_part(m, count - 1);
	must(!segment_read(m, count, &(struct sms_data){0}));
	check_pdu(m, NOTICE_MESSAGE);
	m->submitted_us = NOW;
	message_finish(m, SMPP_STATE_DELIVERED, NOW);
	check_pdu(m, NOTICE_RECEIPT);
	check_pdu(m, NOTICE_INTERMEDIATE);
	message_free(m);
}

static void submit(const struct smpp_pdu *pdu, const struct smpp_address *to)
{
	struct message *m = NULL;
	uint32_t status = submission_read(pdu, to, NOW, &m);

	must((status == SMPP_ROK) == (m != NULL));
	if (m)
		check(m);
	else
		must(strcmp(smpp_status_name(status), "unknown") != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smpp_destination d;
	struct smpp_header refusal;
	struct smpp_pdu pdu;

	if (smpp_decode(data, size, &pdu, &refusal))
		return 0;
	if (pdu.id == SMPP_SUBMIT_SM || pdu.id == SMPP_DATA_SM)
		submit(&pdu, &pdu.message.destination);
	else if (pdu.id == SMPP_SUBMIT_MULTI)
		for (size_t at = 0; smpp_next_destination(&pdu.message.destinations, &at, &d);)
			if (!d.is_list)
				submit(&pdu, &d.address);
	return 0;
}
