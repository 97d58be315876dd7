/* What a submit_sm's fields may say, and the status of each that they may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "smsc-sim/receipt_pdu.h"
#include "smsc-sim/submission.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define NOW      (INT64_C(1767605416) * CLOCK_S) /* 2026-01-05T09:30:16Z */

static struct smpp_pdu good(void)
{
	struct smpp_pdu p = {.id = SMPP_SUBMIT_SM, .sequence = 1};

	p.message.source = (struct smpp_address){SMPP_TON_ALPHANUMERIC, 0, "SPMAIL"};
	p.message.destination = (struct smpp_address){1, 1, "819012345678"};
	p.message.data_coding = SMPP_CODING_OCTETS;
	p.message.registered_delivery = SMPP_REGISTERED_FINAL;
	p.message.short_message = (struct smpp_span){(const uint8_t *)"push", 4};
	return p;
}

static uint32_t status_of(const struct smpp_pdu *p)
{
	struct message *m = NULL;
	uint32_t status = submission_read(p, &p->message.destination, NOW, &m);

	assert_true((status == SMPP_ROK) == (m != NULL));
	message_free(m);
	return status;
}

static void test_all_of_it(void **state)
{
	(void)state;
	static const uint8_t tlvs[] = {0x02, 0x04, 0, 2, 0x12, 0x34, 0x04, 0x24, 0, 0};
	struct smpp_pdu p = good();
	struct message *m = NULL;

	strcpy(p.message.service_type, "WAP");
	strcpy(p.message.destination.number, "+819012345678");
	strcpy(p.message.validity_period, "000000001000000R");
	p.message.protocol_id = 0x41;
	p.message.priority_flag = 3;
	p.tlvs = (struct smpp_span){tlvs, sizeof tlvs};
	assert_int_equal(submission_read(&p, &p.message.destination, NOW, &m), SMPP_ROK);
	assert_string_equal(m->source.number, "SPMAIL");
	assert_string_equal(m->destination.number, "819012345678");
	assert_string_equal(m->service_type, "WAP");
	assert_int_equal(m->protocol_id, 0x41);
	assert_int_equal(m->expires_us, NOW + 600 * CLOCK_S);
	assert_int_equal(m->tlvs_length, 6); /* message_payload is the message */
	assert_int_equal(m->length, 4);
	message_free(m);
}

static void test_addresses(void **state)
{
	(void)state;
	static const struct {
		uint8_t ton;
		const char *number;
		uint32_t source, destination;
	} rows[] = {
		{1, "819012345678", 0, 0},
		{0, "4711", 0, 0},
		{1, "+4711", 0, 0},
		{1, "", 0, SMPP_RINVDSTADR},
		{1, "+", 0, SMPP_RINVDSTADR},
		{1, "12345678901234567890", 0, 0},
		{1, "123456789012345678901", SMPP_RINVSRCADR, SMPP_RINVDSTADR},
		{1, "47a1", SMPP_RINVSRCADR, SMPP_RINVDSTADR},
		{5, "Eleven char", 0, SMPP_RINVDSTADR},
		{5, "Twelve chars", SMPP_RINVSRCADR, SMPP_RINVDSTADR},
		{5, "grave`", SMPP_RINVSRCADR, SMPP_RINVDSTADR},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct smpp_address a = {.ton = rows[i].ton, .npi = 1};
		struct party party;
		strcpy(a.number, rows[i].number);
		assert_int_equal(submission_source(&a, &party), rows[i].source);
		assert_int_equal(submission_destination(&a, &party), rows[i].destination);
	}
}

static void test_flags(void **state)
{
	(void)state;
	static const struct {
		uint8_t esm_class, priority, registered, replace, default_id;
		uint32_t status;
	} rows[] = {
		{0, 0, 0, 0, 0, 0},
		{0x83, 3, 0x1f, 1, 0, 0},
		{0x08, 0, 0, 0, 0, 0},
		{0x10, 0, 0, 0, 0, 0},
		{0x04, 0, 0, 0, 0, SMPP_RINVESMCLASS},
		{0x20, 0, 0, 0, 0, SMPP_RINVESMCLASS},
		{0, 4, 0, 0, 0, SMPP_RINVPRTFLG},
		{0, 0, 0x20, 0, 0, SMPP_RINVREGDLVFLG},
		{0, 0, 0, 2, 0, SMPP_RINVREPFLAG},
		{0, 0, 0, 0, 1, SMPP_RINVDFTMSGID},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct smpp_pdu p = good();
		p.message.esm_class = rows[i].esm_class;
		p.message.priority_flag = rows[i].priority;
		p.message.registered_delivery = rows[i].registered;
		p.message.replace_if_present = rows[i].replace;
		p.message.sm_default_msg_id = rows[i].default_id;
		assert_int_equal(status_of(&p), rows[i].status);
	}
}

static void test_times(void **state)
{
	(void)state;
	static const struct {
		const char *schedule, *validity;
		uint32_t status;
		int64_t at_s, until_s; /* from now; 0: not said */
	} rows[] = {
		{"", "", 0, 0, 0},
		{"000000000100000R", "000000000200000R", 0, 60, 120},
		{"000000000200000R", "000000000100000R", SMPP_RINVEXPIRY, 0, 0},
		{"", "000000000000000R", SMPP_RINVEXPIRY, 0, 0},
		{"", "260105093015000+", SMPP_RINVEXPIRY, 0, 0}, /* a second ago */
		{"", "260105093017000+", 0, 0, 1},
		{"260105093116000+", "", 0, 60, 0},
		{"260132000000000+", "", SMPP_RINVSCHED, 0, 0},
		{"", "2601050", SMPP_RINVEXPIRY, 0, 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t at_us = -1, until_us = -1;
		assert_int_equal(submission_times(rows[i].schedule, rows[i].validity, NOW, &at_us,
						  &until_us),
				 rows[i].status);
		if (rows[i].status)
			continue;
		assert_true(at_us == (rows[i].at_s ? NOW + rows[i].at_s * CLOCK_S : 0));
		assert_true(until_us == (rows[i].until_s ? NOW + rows[i].until_s * CLOCK_S : 0));
	}
}

/* A receipt reads back as what it is about. */
static void test_receipt(void **state)
{
	(void)state;
	struct smpp_pdu p = good(), receipt;
	struct receipt_buffer buffer;
	struct message *m = NULL;
	uint8_t said = 0;

	p.message.data_coding = 0;
	assert_int_equal(submission_read(&p, &p.message.destination, NOW, &m), SMPP_ROK);
	m->shown_id = 71;
	m->submitted_us = NOW;
	m->error = 27;
	message_finish(m, SMPP_STATE_EXPIRED, NOW + 60 * CLOCK_S);
	assert_int_equal(receipt_pdu(m, NOTICE_RECEIPT, true, &buffer, &receipt), 0);
	static const char text[] = "id:000000001z sub:001 dlvrd:000 submit date:2601050930 "
				   "done date:2601050931 stat:EXPIRED err:027 text:push";
	assert_int_equal(receipt.message.short_message.len, sizeof text - 1);
	assert_memory_equal(receipt.message.short_message.octets, text, sizeof text - 1);
	assert_string_equal(receipt.message.source.number, "819012345678");
	assert_string_equal(receipt.message.destination.number, "SPMAIL");
	assert_int_equal(receipt.message.esm_class, SMPP_ESM_RECEIPT);
	assert_true(smpp_tlv_u8(receipt.tlvs, SMPP_TLV_MESSAGE_STATE, &said));
	assert_int_equal(said, SMPP_STATE_EXPIRED);
	assert_int_equal(receipt_pdu(m, NOTICE_INTERMEDIATE, false, &buffer, &receipt), 0);
	assert_int_equal(receipt.message.esm_class, SMPP_ESM_INTERMEDIATE);
	assert_int_equal(receipt.tlvs.len, 0); /* an ESME of 3.3 */
	message_free(m);
}

static void test_itself(void **state)
{
	(void)state;
	static uint8_t text[1000];
	struct smpp_pdu pdu;
	struct receipt_buffer buffer;
	struct smpp_tlv tlv;
	struct message *m = message_new(text, 254, NULL, 0);

	assert_int_equal(receipt_pdu(m, NOTICE_MESSAGE, true, &buffer, &pdu), 0);
	assert_int_equal(pdu.message.short_message.len, 254);
	assert_null(buffer.payload);
	message_free(m);
	m = message_new(text, sizeof text, "\x02\x04\x00\x02xy", 6);
	assert_int_equal(receipt_pdu(m, NOTICE_MESSAGE, true, &buffer, &pdu), 0);
	assert_int_equal(pdu.message.short_message.len, 0);
	assert_true(smpp_tlv_find(pdu.tlvs, SMPP_TLV_MESSAGE_PAYLOAD, &tlv));
	assert_int_equal(tlv.length, sizeof text);
	assert_true(smpp_tlv_find(pdu.tlvs, SMPP_TLV_USER_MESSAGE_REFERENCE, &tlv));
	free(buffer.payload);
	message_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it), cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_flags),     cmocka_unit_test(test_times),
		cmocka_unit_test(test_receipt),   cmocka_unit_test(test_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
