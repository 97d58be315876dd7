#include "lib/wire/sms/udh.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static uint8_t copy[300];

/* Decodes a copy at the end of a block, so that a sanitizer sees a read past it. */
static int decode(const uint8_t *octets, size_t size, struct sms_udh *out, size_t *len)
{
	memmove(copy + sizeof copy - size, octets, size);
	return sms_udh_decode(copy + sizeof copy - size, size, out, len);
}

static void writes_and_reads(void **state)
{
	static const struct {
		struct sms_udh udh;
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		/* protocols 2.1: a trigger's ports, the secure ones, ports and the second of two */
		{{.has_ports = true, .ports = {2948, 9200, false}},
		 OCTETS("\x06\x05\x04\x0b\x84\x23\xf0")},
		{{.has_ports = true, .ports = {2949, 9203, false}},
		 OCTETS("\x06\x05\x04\x0b\x85\x23\xf3")},
		{{.has_ports = true,
		  .ports = {2948, 9200, false},
		  .has_concat = true,
		  .concat = {0x2a, 2, 1, false}},
		 OCTETS("\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x2a\x02\x01")},
		{{.has_concat = true, .concat = {0x1234, 255, 255, true}},
		 OCTETS("\x06\x08\x04\x12\x34\xff\xff")},
		{{.has_ports = true, .ports = {240, 255, true}}, OCTETS("\x04\x04\x02\xf0\xff")},
		{{.has_concat = true,
		  .concat = {1, 1, 1, false},
		  .others = {{0x24, 1, (const uint8_t *)"\x01"}, {0x70, 0, (const uint8_t *)""}},
		  .other_count = 2},
		 OCTETS("\x0a\x00\x03\x01\x01\x01\x24\x01\x01\x70\x00")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sms_udh *want = &cases[i].udh;
		uint8_t out[SMS_UDH_MAX];
		struct sms_udh udh;
		size_t len = 99;

		for (size_t room = 0; room < cases[i].len; room++)
			assert_int_equal(sms_udh_encode(want, out, room, &len), E_TOO_LARGE);
		assert_int_equal(len, 99);
		assert_int_equal(sms_udh_encode(want, out, cases[i].len, &len), 0);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(out, cases[i].octets, len);

		assert_int_equal(decode(out, len, &udh, &len), 0);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(&udh.ports, &want->ports, sizeof udh.ports);
		assert_memory_equal(&udh.concat, &want->concat, sizeof udh.concat);
		assert_int_equal(udh.has_ports, want->has_ports);
		assert_int_equal(udh.has_concat, want->has_concat);
		assert_int_equal(udh.other_count, want->other_count);
		for (size_t k = 0; k < udh.other_count; k++) {
			assert_int_equal(udh.others[k].id, want->others[k].id);
			assert_int_equal(udh.others[k].len, want->others[k].len);
			assert_memory_equal(udh.others[k].value, want->others[k].value,
					    udh.others[k].len);
		}
	}
}

/* What follows is text, and not looked at. */
static void ends_where_it_says(void **state)
{
	struct sms_udh udh;
	size_t len;

	(void)state;
	assert_int_equal(
		decode(OCTETS("\x06\x05\x04\x0b\x84\x23\xf0\x00\x03\x01\x02\x01"), &udh, &len), 0);
	assert_int_equal(len, 7);
	assert_false(udh.has_concat);
	assert_int_equal(decode(OCTETS("\x00\x05"), &udh, &len), 0);
	assert_int_equal(len, 1);
}

static void what_the_standard_passes_over(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
		int destination; /* -1: no ports */
		int total;       /* -1: no concatenation */
		size_t others;
	} cases[] = {
		/* number 0, total 0, number over total */
		{OCTETS("\x05\x00\x03\x01\x02\x00"), -1, -1, 0},
		{OCTETS("\x05\x00\x03\x01\x00\x01"), -1, -1, 0},
		{OCTETS("\x06\x08\x04\x01\x01\x02\x03"), -1, -1, 0},
		/* a bad one after a good one changes nothing */
		{OCTETS("\x0a\x00\x03\x01\x02\x01\x00\x03\x01\x02\x09"), -1, 2, 0},
		/* of two that exclude each other the last */
		{OCTETS("\x0b\x00\x03\x01\x02\x01\x08\x04\x00\x01\x03\x01"), -1, 3, 0},
		{OCTETS("\x0a\x05\x04\x0b\x84\x23\xf0\x04\x02\xf0\xf1"), 240, -1, 0},
		{OCTETS("\x0c\x05\x04\x00\x01\x00\x02\x05\x04\x00\x03\x00\x04"), 3, -1, 0},
		/* wrong lengths */
		{OCTETS("\x05\x05\x03\x0b\x84\x23"), -1, -1, 1},
		{OCTETS("\x06\x00\x04\x01\x02\x01\x00"), -1, -1, 1},
		{OCTETS("\x02\x04\x00"), -1, -1, 1},
		/* more elements than are kept */
		{OCTETS("\x14\x71\0\x72\0\x73\0\x74\0\x75\0\x76\0\x77\0\x78\0\x79\0\x7a\0"), -1, -1,
		 10},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sms_udh udh;
		size_t len;

		assert_int_equal(decode(cases[i].octets, cases[i].len, &udh, &len), 0);
		if ((udh.has_ports ? udh.ports.destination : -1) != cases[i].destination ||
		    (udh.has_concat ? udh.concat.total : -1) != cases[i].total ||
		    udh.other_count + udh.others_beyond != cases[i].others)
			fail_msg("case %zu: %u %u %zu", i, udh.ports.destination, udh.concat.total,
				 udh.other_count);
		assert_int_equal(udh.others_beyond, cases[i].others > SMS_UDH_OTHERS_MAX
							    ? cases[i].others - SMS_UDH_OTHERS_MAX
							    : 0);
	}
}

static void reading_refuses(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		{OCTETS("")},
		/* longer than the message */
		{OCTETS("\x06\x05\x04\x0b\x84\x23")},
		{OCTETS("\xff\x00\x03\x01\x02\x01")},
		/* elements over the end: the value, the length */
		{OCTETS("\x06\x05\x05\x0b\x84\x23\xf0")},
		{OCTETS("\x05\x05\x04\x0b\x84\x23\xf0")},
		{OCTETS("\x07\x05\x04\x0b\x84\x23\xf0\x00\x00")},
		{OCTETS("\x01\x05")},
		{OCTETS("\x06\x00\xff\x01\x02\x01\x01")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sms_udh udh = {.other_count = 7};
		size_t len = 99;

		assert_int_equal(decode(cases[i].octets, cases[i].len, &udh, &len), E_SYNTAX);
		assert_int_equal(udh.other_count, 7);
		assert_int_equal(len, 99);
	}
}

static void writing_refuses(void **state)
{
	static const uint8_t long_value[136];
	static const struct {
		struct sms_udh udh;
		int err;
	} cases[] = {
		{{0}, E_RANGE},
		{{.has_ports = true, .ports = {2948, 240, true}}, E_RANGE},
		{{.has_concat = true, .concat = {1, 2, 0, false}}, E_RANGE},
		{{.has_concat = true, .concat = {1, 2, 3, false}}, E_RANGE},
		{{.has_concat = true, .concat = {256, 2, 1, false}}, E_RANGE},
		{{.other_count = SMS_UDH_OTHERS_MAX + 1}, E_RANGE},
		{{.has_concat = true,
		  .concat = {1, 2, 1, false},
		  .others = {{0x70, 133, long_value}},
		  .other_count = 1},
		 E_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[SMS_UDH_MAX + 8];
		size_t len;

		assert_int_equal(sms_udh_encode(&cases[i].udh, out, sizeof out, &len),
				 cases[i].err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(ends_where_it_says),
		cmocka_unit_test(what_the_standard_passes_over),
		cmocka_unit_test(reading_refuses),
		cmocka_unit_test(writing_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
