#include "lib/wire/sms/radio.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)         (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal)  (const uint8_t *)(literal), sizeof(literal) - 1
#define PAYLOAD(literal) .payload = (const uint8_t *)(literal), .payload_len = sizeof(literal) - 1

static void writes_and_reads(void **state)
{
	static const struct {
		struct radio_frame frame;
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		{{RADIO_ATTACH, "819012345678", PAYLOAD("440101234567890")},
		 OCTETS("\x00\x1d\x01\x0c"
			"819012345678440101234567890")},
		{{RADIO_ATTACH, "8", PAYLOAD("")},
		 OCTETS("\x00\x03\x01\x01"
			"8")},
		{{RADIO_DETACH, "819012345678901", PAYLOAD("")},
		 OCTETS("\x00\x11\x02\x0f"
			"819012345678901")},
		{{RADIO_RP, "81", PAYLOAD("\x02\x07")},
		 OCTETS("\x00\x06\x03\x02"
			"81\x02\x07")},
		{{RADIO_ATTACHED, "81", PAYLOAD("\x00")},
		 OCTETS("\x00\x05\x04\x02"
			"81\x00")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct radio_frame *want = &cases[i].frame;
		uint8_t out[RADIO_FRAME_MAX + 1];
		struct radio_frame frame = {0};
		size_t len = 99, taken = 99;

		for (size_t room = 0; room < cases[i].len; room++)
			assert_int_equal(radio_encode(want, out, room, &len), E_TOO_LARGE);
		assert_int_equal(radio_encode(want, out, cases[i].len, &len), 0);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(out, cases[i].octets, len);

		for (size_t there = 0; there < len; there++)
			assert_int_equal(radio_decode(out, there, &frame, &taken), E_AGAIN);
		assert_int_equal(taken, 99);
		/* the next frame's first octet is left */
		assert_int_equal(radio_decode(out, len + 1, &frame, &taken), 0);
		assert_int_equal(taken, len);
		assert_int_equal(frame.kind, want->kind);
		assert_string_equal(frame.number, want->number);
		assert_int_equal(frame.payload_len, want->payload_len);
		assert_memory_equal(frame.payload, want->payload, frame.payload_len);
	}
}

static void reading_refuses(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		{OCTETS("\x00\x00")},
		{OCTETS("\x00\x01\x01")},
		{OCTETS("\x00\x02\x02\x00")},
		/* kinds that are none */
		{OCTETS("\x00\x03\x00\x01"
			"8")},
		{OCTETS("\x00\x03\x05\x01"
			"8")},
		/* numbers: over the frame, too long, no digits */
		{OCTETS("\x00\x03\x02\x02"
			"8")},
		{OCTETS("\x00\x12\x02\x10"
			"8190123456789012")},
		{OCTETS("\x00\x04\x02\x02+8")},
		/* payloads that the kind has not */
		{OCTETS("\x00\x04\x02\x01"
			"8x")},
		{OCTETS("\x00\x03\x03\x01"
			"8")},
		{OCTETS("\x00\x03\x04\x01"
			"8")},
		{OCTETS("\x00\x05\x04\x01"
			"8\x00\x00")},
		{OCTETS("\x00\x04\x01\x01"
			"8x")},
		{OCTETS("\x00\x08\x01\x01"
			"812345")},
		{OCTETS("\x00\x13\x01\x01"
			"81234567890123456")},
		/* longer than any frame: known from the first two octets */
		{OCTETS("\x01\x3e")},
		{OCTETS("\xff\xff")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct radio_frame frame;
		size_t taken;
		int err = radio_decode(cases[i].octets, cases[i].len, &frame, &taken);

		if (err != E_SYNTAX)
			fail_msg("case %zu: %s", i, err_text(err));
	}
}

static void writing_refuses(void **state)
{
	static const uint8_t much[RADIO_PAYLOAD_MAX + 1];
	static const struct radio_frame cases[] = {
		{RADIO_ATTACH, "", PAYLOAD("")},         {RADIO_ATTACH, "+81", PAYLOAD("")},
		{RADIO_ATTACH, "81", PAYLOAD("imsi56")}, {RADIO_DETACH, "81", PAYLOAD("x")},
		{RADIO_RP, "81", PAYLOAD("")},           {RADIO_RP, "81", much, sizeof much},
		{RADIO_ATTACHED, "81", PAYLOAD("")},     {0, "81", PAYLOAD("")},
	};
	const struct radio_frame largest = {RADIO_RP, "819012345678901", much, RADIO_PAYLOAD_MAX};
	uint8_t out[RADIO_FRAME_MAX + 8];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(radio_encode(&cases[i], out, sizeof out, &len), E_SYNTAX);
	assert_int_equal(radio_encode(&largest, out, sizeof out, &len), 0);
	assert_int_equal(len, RADIO_FRAME_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(reading_refuses),
		cmocka_unit_test(writing_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
