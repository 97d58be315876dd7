#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/status.h"
#include "lib/wire/smpp/tlv.h"

#define COUNT(a)      (sizeof(a) / sizeof(a)[0])
#define SPAN(literal) ((struct smpp_span){(const uint8_t *)(literal), sizeof(literal) - 1})

static const char ports[] = "\x02\x0a\x00\x02\x23\xf0"
			    "\x02\x0b\x00\x02\x0b\x84"
			    "\x00\x1e\x00\x03"
			    "ab\0"
			    "\x04\x27\x00\x01\x05";

static void both_ways(void **state)
{
	uint8_t buffer[64];
	struct octets_writer w = {.at = buffer, .room = sizeof buffer};

	(void)state;
	smpp_tlv_put_u16(&w, SMPP_TLV_SOURCE_PORT, 9200);
	smpp_tlv_put_u16(&w, SMPP_TLV_DESTINATION_PORT, 2948);
	smpp_tlv_put_text(&w, SMPP_TLV_RECEIPTED_MESSAGE_ID, "ab");
	smpp_tlv_put_u8(&w, SMPP_TLV_MESSAGE_STATE, 5);
	assert_false(w.is_full);
	assert_int_equal(w.len, sizeof ports - 1);
	assert_memory_equal(buffer, ports, w.len);
}

static void gets(void **state)
{
	struct smpp_span tlvs = SPAN(ports), none = {0};
	struct smpp_tlv tlv;
	uint16_t port = 1;
	uint8_t octet = 1;
	char text[3];
	size_t at = 0, count = 0;

	(void)state;
	assert_true(smpp_tlv_u16(tlvs, SMPP_TLV_DESTINATION_PORT, &port));
	assert_int_equal(port, 2948);
	assert_true(smpp_tlv_u8(tlvs, SMPP_TLV_MESSAGE_STATE, &octet));
	assert_int_equal(octet, 5);
	assert_true(smpp_tlv_text(tlvs, SMPP_TLV_RECEIPTED_MESSAGE_ID, text, sizeof text));
	assert_string_equal(text, "ab");
	assert_false(smpp_tlv_text(tlvs, SMPP_TLV_RECEIPTED_MESSAGE_ID, text, 2));
	/* of another length, or not there */
	assert_false(smpp_tlv_u8(tlvs, SMPP_TLV_SOURCE_PORT, &octet));
	assert_false(smpp_tlv_u16(tlvs, SMPP_TLV_MESSAGE_STATE, &port));
	assert_false(smpp_tlv_u8(tlvs, SMPP_TLV_DPF_RESULT, &octet));
	assert_false(smpp_tlv_find(none, SMPP_TLV_DPF_RESULT, &tlv));
	while (smpp_tlv_next(tlvs, &at, &tlv))
		count++;
	assert_int_equal(count, 4);
	assert_int_equal(at, sizeof ports - 1);
	/* a text without its NUL */
	assert_true(smpp_tlv_text(SPAN("\x00\x1e\x00\x02xy"), 0x001E, text, sizeof text));
	assert_string_equal(text, "xy");
}

static void checks(void **state)
{
	static const struct {
		struct smpp_span tlvs;
		uint32_t lax, strict;
	} cases[] = {
		{{NULL, 0}, SMPP_ROK, SMPP_ROK},
		{{(const uint8_t *)ports, sizeof ports - 1}, SMPP_ROK, SMPP_ROK},
		{{(const uint8_t *)"\x02\x0a\x00\x01\x23", 5}, SMPP_ROK, SMPP_RINVPARLEN},
		{{(const uint8_t *)"\x02\x0a\x00\x00", 4}, SMPP_ROK, SMPP_RINVPARLEN},
		{{(const uint8_t *)"\x13\x0c\x00\x00", 4}, SMPP_ROK, SMPP_ROK},
		{{(const uint8_t *)"\x14\x00\x00\x00", 4}, SMPP_ROK, SMPP_ROK},
		{{(const uint8_t *)"\x02", 1}, SMPP_RINVOPTPARSTREAM, SMPP_RINVOPTPARSTREAM},
		{{(const uint8_t *)"\x02\x0a\x00", 3},
		 SMPP_RINVOPTPARSTREAM,
		 SMPP_RINVOPTPARSTREAM},
		{{(const uint8_t *)"\x14\x00\x00\x01", 4},
		 SMPP_RINVOPTPARSTREAM,
		 SMPP_RINVOPTPARSTREAM},
		{{(const uint8_t *)"\x14\x00\xff\xff\x01", 5},
		 SMPP_RINVOPTPARSTREAM,
		 SMPP_RINVOPTPARSTREAM},
		{{(const uint8_t *)"\x13\x0c\x00\x00\x00\x00\x00", 7},
		 SMPP_RINVOPTPARSTREAM,
		 SMPP_RINVOPTPARSTREAM},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (smpp_tlv_check(cases[i].tlvs, false) != cases[i].lax ||
		    smpp_tlv_check(cases[i].tlvs, true) != cases[i].strict)
			fail_msg("case %zu", i);
}

/* What does not fit is not there in part, and no shorter one behind it either. */
static void fills(void **state)
{
	uint8_t buffer[12];
	struct octets_writer w = {.at = buffer, .room = sizeof buffer};
	static const uint8_t big[UINT16_MAX + 1];

	(void)state;
	smpp_tlv_put_u16(&w, SMPP_TLV_SOURCE_PORT, 1);
	smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, "abc", 3);
	assert_true(w.is_full);
	assert_int_equal(w.len, 6);
	smpp_tlv_put_u8(&w, SMPP_TLV_MESSAGE_STATE, 1);
	assert_int_equal(w.len, 6);
	w = (struct octets_writer){.at = buffer, .room = SIZE_MAX};
	smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, big, sizeof big);
	assert_true(w.is_full);
	assert_int_equal(w.len, 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(smpp_tlv_name(SMPP_TLV_MESSAGE_PAYLOAD), "message_payload");
	assert_string_equal(smpp_tlv_name(0x1400), "unknown");
	assert_string_equal(smpp_status_name(SMPP_RINVOPTPARSTREAM), "ESME_RINVOPTPARSTREAM");
	assert_string_equal(smpp_status_name(0), "ESME_ROK");
	assert_string_equal(smpp_status_name(0x400), "unknown");
}

/* What protocols 3.3 says an ESME does. */
static void classes(void **state)
{
	static const struct {
		uint32_t status;
		enum smpp_class class;
	} cases[] = {
		{0x00, SMPP_CLASS_OK},           {0x01, SMPP_CLASS_PERMANENT},
		{0x04, SMPP_CLASS_BIND_LOST},    {0x05, SMPP_CLASS_BIND_LOST},
		{0x08, SMPP_CLASS_TEMPORARY},    {0x0A, SMPP_CLASS_PERMANENT},
		{0x0B, SMPP_CLASS_PERMANENT},    {0x0D, SMPP_CLASS_BIND_REFUSED},
		{0x0E, SMPP_CLASS_BIND_REFUSED}, {0x0F, SMPP_CLASS_BIND_REFUSED},
		{0x14, SMPP_CLASS_QUEUE_FULL},   {0x43, SMPP_CLASS_PERMANENT},
		{0x45, SMPP_CLASS_PERMANENT},    {0x58, SMPP_CLASS_THROTTLE},
		{0x61, SMPP_CLASS_PERMANENT},    {0x62, SMPP_CLASS_PERMANENT},
		{0x64, SMPP_CLASS_TEMPORARY},    {0x65, SMPP_CLASS_PERMANENT},
		{0xC0, SMPP_CLASS_PERMANENT},    {0xFF, SMPP_CLASS_PERMANENT},
		{0x400, SMPP_CLASS_PERMANENT},   {UINT32_MAX, SMPP_CLASS_PERMANENT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (smpp_status_class(cases[i].status) != cases[i].class)
			fail_msg("%x", cases[i].status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways), cmocka_unit_test(gets),  cmocka_unit_test(checks),
		cmocka_unit_test(fills),     cmocka_unit_test(names), cmocka_unit_test(classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
