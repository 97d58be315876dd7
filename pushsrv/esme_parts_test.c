/* What a message looks like on the wire: one part, or several, and where they end. */
#include "pushsrv/esme_parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/udh.h"

#define PARTS_MAX 10

static struct conf_smsc link_with(unsigned form, unsigned parts)
{
	static char empty[] = "", source[] = "4286";

	return (struct conf_smsc){.form = form,
				  .parts = parts,
				  .service_type = empty,
				  .source = source,
				  .source_ton = -1,
				  .source_npi = -1};
}

static uint8_t text[4096], scratch[ESME_SCRATCH_SIZE];

static struct esme_message message(size_t size, uint8_t data_coding, bool has_ports)
{
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)('a' + i % 26);
	return (struct esme_message){
		.destination = "819012345678",
		.octets = text,
		.size = size,
		.data_coding = data_coding,
		.registered_delivery = SMPP_REGISTERED_FINAL,
		.validity_s = 600,
		.source_port = has_ports ? 9200 : 0,
		.destination_port = has_ports ? 2948 : 0,
	};
}

/* Through the encoder and back: what an SMSC reads. */
static struct smpp_pdu on_the_wire(const struct smpp_pdu *pdu)
{
	static uint8_t octets[SMPP_PDU_MAX];
	struct smpp_pdu out, in = *pdu;
	struct smpp_header refusal;
	size_t n;

	in.sequence = 1;
	assert_int_equal(smpp_encode(&in, octets, sizeof octets, &n), 0);
	assert_int_equal(smpp_decode(octets, n, &out, &refusal), 0);
	return out;
}

static void a_trigger_is_one_part_with_a_header(void **state)
{
	(void)state;
	static const uint8_t ports[] = {0x06, 0x05, 0x04, 0x0b, 0x84, 0x23, 0xf0};
	const struct conf_smsc with = link_with(CONF_SMSC_FORM_UDH, CONF_SMSC_PARTS_UDH);
	const struct esme_message m = message(133, 0xF5, true);
	struct esme_plan plan;
	struct smpp_pdu pdu;
	size_t at = 0;

	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), 0);
	assert_int_equal(plan.count, 1);
	esme_part(&with, &plan, &m, 0, 7, &at, scratch, &pdu);
	assert_int_equal(at, 133);
	pdu = on_the_wire(&pdu);
	assert_int_equal(pdu.message.esm_class, SMPP_ESM_UDHI);
	assert_int_equal(pdu.message.short_message.len, 140);
	assert_memory_equal(pdu.message.short_message.octets, ports, sizeof ports);
	assert_memory_equal(pdu.message.short_message.octets + 7, text, 133);
	assert_int_equal(pdu.tlvs.len, 0);
	assert_int_equal(pdu.message.data_coding, 0xF5);
	assert_int_equal(pdu.message.registered_delivery, 1);
	assert_string_equal(pdu.message.validity_period, "000000001000000R");
	assert_string_equal(pdu.message.destination.number, "819012345678");
	assert_int_equal(pdu.message.destination.ton, 1);
	assert_int_equal(pdu.message.destination.npi, 1);
	assert_string_equal(pdu.message.source.number, "4286");
	assert_int_equal(pdu.message.source.ton, SMPP_TON_NETWORK);
}

static void a_trigger_may_have_its_ports_in_tlvs(void **state)
{
	(void)state;
	const struct conf_smsc with = link_with(CONF_SMSC_FORM_TLV, CONF_SMSC_PARTS_UDH);
	const struct esme_message m = message(133, 4, true);
	struct esme_plan plan;
	struct smpp_pdu pdu;
	uint16_t port;
	size_t at = 0;

	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), 0);
	esme_part(&with, &plan, &m, 0, 7, &at, scratch, &pdu);
	pdu = on_the_wire(&pdu);
	assert_int_equal(pdu.message.esm_class, 0);
	assert_int_equal(pdu.message.short_message.len, 133);
	assert_true(smpp_tlv_u16(pdu.tlvs, SMPP_TLV_DESTINATION_PORT, &port));
	assert_int_equal(port, 2948);
	assert_true(smpp_tlv_u16(pdu.tlvs, SMPP_TLV_SOURCE_PORT, &port));
	assert_int_equal(port, 9200);
}

/* All parts one after the other; returns how many. The message must be whole at the end. */
static size_t walk(const struct conf_smsc *with, const struct esme_message *m, uint16_t reference,
		   void (*look)(const struct smpp_pdu *pdu, size_t i, size_t count, size_t size))
{
	struct esme_plan plan;
	size_t at = 0;

	assert_int_equal(esme_plan(with, PARTS_MAX, m, &plan), 0);
	for (size_t i = 0; i < plan.count; i++) {
		struct smpp_pdu pdu;
		size_t from = at;

		esme_part(with, &plan, m, i, reference, &at, scratch, &pdu);
		pdu = on_the_wire(&pdu);
		struct smpp_span s = smpp_message_octets(&pdu);
		assert_true(s.len >= at - from);
		assert_memory_equal(s.octets + s.len - (at - from), m->octets + from, at - from);
		assert_int_equal(pdu.message.registered_delivery, i + 1 == plan.count);
		look(&pdu, i, plan.count, at - from);
	}
	assert_int_equal(at, m->size);
	return plan.count;
}

static void look_at_header(const struct smpp_pdu *pdu, size_t i, size_t count, size_t size)
{
	struct sms_udh udh;
	size_t n;

	assert_int_equal(sms_udh_decode(pdu->message.short_message.octets,
					pdu->message.short_message.len, &udh, &n),
			 0);
	assert_true(n + size <= 140);
	assert_int_equal(pdu->message.esm_class, SMPP_ESM_UDHI);
	assert_int_equal(pdu->tlvs.len, 0);
	assert_true(udh.has_concat);
	assert_int_equal(udh.concat.reference, 0x2A);
	assert_int_equal(udh.concat.total, count);
	assert_int_equal(udh.concat.number, i + 1);
	assert_true(udh.has_ports);
	assert_int_equal(udh.ports.destination, 2948);
}

static void look_at_sar(const struct smpp_pdu *pdu, size_t i, size_t count, size_t size)
{
	uint16_t reference = 0, port = 0;
	uint8_t total = 0, number = 0;

	assert_true(size <= 127); /* and a header with 16 bits of reference */
	assert_int_equal(pdu->message.esm_class, 0);
	assert_true(smpp_tlv_u16(pdu->tlvs, SMPP_TLV_SAR_MSG_REF_NUM, &reference));
	assert_true(smpp_tlv_u8(pdu->tlvs, SMPP_TLV_SAR_TOTAL_SEGMENTS, &total));
	assert_true(smpp_tlv_u8(pdu->tlvs, SMPP_TLV_SAR_SEGMENT_SEQNUM, &number));
	assert_true(smpp_tlv_u16(pdu->tlvs, SMPP_TLV_DESTINATION_PORT, &port));
	assert_int_equal(reference, 0x12A);
	assert_int_equal(total, count);
	assert_int_equal(number, i + 1);
	assert_int_equal(port, 2948);
}

static void look_at_payload(const struct smpp_pdu *pdu, size_t i, size_t count, size_t size)
{
	uint16_t port = 0;

	(void)i;
	assert_int_equal(count, 1);
	assert_int_equal(pdu->message.short_message.len, 0);
	assert_int_equal(smpp_message_octets(pdu).len, size);
	assert_int_equal(pdu->message.esm_class, 0);
	assert_true(smpp_tlv_u16(pdu->tlvs, SMPP_TLV_DESTINATION_PORT, &port));
	assert_int_equal(port, 2948);
}

static void a_long_one_goes_in_parts(void **state)
{
	(void)state;
	const struct esme_message m = message(300, 4, true);
	struct conf_smsc with = link_with(CONF_SMSC_FORM_TLV, CONF_SMSC_PARTS_UDH);

	assert_int_equal(walk(&with, &m, 0x12A, look_at_header), 3);
	with = link_with(CONF_SMSC_FORM_UDH, CONF_SMSC_PARTS_SAR);
	assert_int_equal(walk(&with, &m, 0x12A, look_at_sar), 3);
	with = link_with(CONF_SMSC_FORM_UDH, CONF_SMSC_PARTS_PAYLOAD);
	assert_int_equal(walk(&with, &m, 0x12A, look_at_payload), 1);
}

static void capacities(void **state)
{
	(void)state;
	static const struct {
		size_t size;
		uint8_t coding;
		bool ports;
		size_t parts;
	} cases[] = {
		{0, 4, false, 1},     {140, 4, false, 1}, {141, 4, false, 2}, {268, 4, false, 2},
		{269, 4, false, 3},   {133, 4, true, 1},  {134, 4, true, 2},  {256, 4, true, 2},
		{257, 4, true, 3},    {160, 0, false, 1}, {161, 0, false, 2}, {306, 0, false, 2},
		{307, 0, false, 3},   {140, 8, false, 1}, {142, 8, false, 2}, {268, 8, false, 2},
		{270, 8, false, 3},   {132, 8, true, 1},  {134, 8, true, 2},  {140, 0xF5, false, 1},
		{1340, 4, false, 10},
	};
	const struct conf_smsc with = link_with(CONF_SMSC_FORM_UDH, CONF_SMSC_PARTS_UDH);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct esme_message m =
			message(cases[i].size, cases[i].coding, cases[i].ports);
		struct esme_plan plan;

		assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), 0);
		assert_int_equal(plan.count, cases[i].parts);
	}
}

static void look_at_nothing(const struct smpp_pdu *pdu, size_t i, size_t count, size_t size)
{
	(void)pdu;
	(void)i;
	(void)count;
	(void)size;
}

static void no_character_is_torn(void **state)
{
	(void)state;
	const struct conf_smsc with = link_with(CONF_SMSC_FORM_UDH, CONF_SMSC_PARTS_UDH);
	struct esme_message m = message(306, 0, false);
	struct esme_plan plan;
	struct smpp_pdu pdu;
	size_t at = 0;

	text[152] = 0x1B; /* the first part's last septet */
	assert_int_equal(walk(&with, &m, 1, look_at_nothing), 3);
	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), 0);
	esme_part(&with, &plan, &m, 0, 1, &at, scratch, &pdu);
	assert_int_equal(at, 152);

	m = message(268, 8, false);
	text[132] = 0xD8;
	text[134] = 0xDC;
	at = 0;
	assert_int_equal(walk(&with, &m, 1, look_at_nothing), 3);
	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), 0);
	esme_part(&with, &plan, &m, 0, 1, &at, scratch, &pdu);
	assert_int_equal(at, 132);
}

static void what_cannot_go_is_refused(void **state)
{
	(void)state;
	const struct conf_smsc with = link_with(CONF_SMSC_FORM_UDH, CONF_SMSC_PARTS_PAYLOAD);
	struct esme_message m = message(1341, 4, false);
	struct esme_plan plan;

	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), E_TOO_LARGE);
	m = message(4096, 4, true);
	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), E_TOO_LARGE);
	static const char *const wrong[] = {"", "+81901", "taro", "123456789012345678901"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		m = message(10, 4, true);
		m.destination = wrong[i];
		assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), E_RANGE);
	}
	m = message(10, 4, true);
	m.source_port = 0;
	assert_int_equal(esme_plan(&with, PARTS_MAX, &m, &plan), E_RANGE);
}

static void sources(void **state)
{
	(void)state;
	static const struct {
		const char *source;
		int64_t ton, npi;
		struct smpp_address is;
	} cases[] = {
		{"", -1, -1, {0, 0, ""}},
		{"4286", -1, -1, {SMPP_TON_NETWORK, 0, "4286"}},
		{"+4286", -1, -1, {1, 1, "4286"}},
		{"819000000001", -1, -1, {1, 1, "819000000001"}},
		{"SPMAIL", -1, -1, {SMPP_TON_ALPHANUMERIC, 0, "SPMAIL"}},
		{"4286", 0, 9, {0, 9, "4286"}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char source[21];
		struct conf_smsc with = {
			.source = source, .source_ton = cases[i].ton, .source_npi = cases[i].npi};

		strcpy(source, cases[i].source);
		struct smpp_address a = esme_source(&with);
		assert_string_equal(a.number, cases[i].is.number);
		assert_int_equal(a.ton, cases[i].is.ton);
		assert_int_equal(a.npi, cases[i].is.npi);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trigger_is_one_part_with_a_header),
		cmocka_unit_test(a_trigger_may_have_its_ports_in_tlvs),
		cmocka_unit_test(a_long_one_goes_in_parts),
		cmocka_unit_test(capacities),
		cmocka_unit_test(no_character_is_torn),
		cmocka_unit_test(what_cannot_go_is_refused),
		cmocka_unit_test(sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
