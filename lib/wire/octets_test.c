#include "lib/wire/octets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void uintvar_both_ways(void **state)
{
	static const struct {
		uint32_t value;
		const char *octets;
		size_t len;
	} cases[] = {
		{0, "\x00", 1},
		{1, "\x01", 1},
		{0x7f, "\x7f", 1},
		{0x80, "\x81\x00", 2},
		{200, "\x81\x48", 2},
		{0x3fff, "\xff\x7f", 2},
		{0x4000, "\x81\x80\x00", 3},
		{0x1fffff, "\xff\xff\x7f", 3},
		{0x200000, "\x81\x80\x80\x00", 4},
		{0xfffffff, "\xff\xff\xff\x7f", 4},
		{0x10000000, "\x81\x80\x80\x80\x00", 5},
		{UINT32_MAX, "\x8f\xff\xff\xff\x7f", 5},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t buf[5];
		struct octets_writer w = {.at = buf, .room = cases[i].len};
		struct octets_reader r = {.at = buf, .left = cases[i].len};
		uint32_t value;

		octets_put_uintvar(&w, cases[i].value);
		assert_false(w.is_full);
		assert_int_equal(w.len, cases[i].len);
		assert_memory_equal(buf, cases[i].octets, w.len);
		assert_true(octets_take_uintvar(&r, &value));
		assert_int_equal(value, cases[i].value);
		assert_int_equal(r.left, 0);
		/* cut short, it is none, and nothing is taken */
		r = (struct octets_reader){.at = buf, .left = cases[i].len - 1};
		assert_false(octets_take_uintvar(&r, &value));
		assert_int_equal(r.left, cases[i].len - 1);
	}
}

static void uintvar_refuses(void **state)
{
	static const struct {
		const char *octets;
		size_t len;
	} cases[] = {
		{"", 0},
		{"\x80", 1},
		{"\x90\x80\x80\x80\x00", 5}, /* 33 bits */
		{"\xff\xff\xff\xff\x7f", 5},
		{"\x80\x80\x80\x80\x80\x00", 6},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct octets_reader r = {.at = (const uint8_t *)cases[i].octets,
					  .left = cases[i].len};
		uint32_t value = 7;

		assert_false(octets_take_uintvar(&r, &value));
		assert_int_equal(value, 7);
		assert_int_equal(r.left, cases[i].len);
	}
}

static void numbers_both_ways(void **state)
{
	uint8_t buf[6];
	struct octets_writer w = {.at = buf, .room = sizeof buf};
	struct octets_reader r = {.at = buf, .left = sizeof buf};
	uint16_t two;
	uint32_t four;

	(void)state;
	octets_put_u16(&w, 0xfe01);
	octets_put_u32(&w, 0xfedcba98);
	assert_false(w.is_full);
	assert_memory_equal(buf, "\xfe\x01\xfe\xdc\xba\x98", 6);
	octets_put_u16(&w, 1);
	assert_true(w.is_full);
	assert_true(octets_take_u16(&r, &two));
	assert_int_equal(two, 0xfe01);
	assert_true(octets_take_u32(&r, &four));
	assert_int_equal(four, 0xfedcba98);
	r = (struct octets_reader){.at = buf, .left = 3};
	assert_false(octets_take_u32(&r, &four));
	assert_int_equal(r.left, 3);
	r.left = 1;
	assert_false(octets_take_u16(&r, &two));
	assert_int_equal(r.left, 1);
}

static void takes_stay_inside(void **state)
{
	struct octets_reader r = {.at = (const uint8_t *)"ab\0c", .left = 4};
	const uint8_t *at;
	const char *text;
	size_t len;
	uint8_t octet;

	(void)state;
	assert_false(octets_take(&r, 5, &at));
	assert_false(octets_take(&r, SIZE_MAX, &at));
	assert_true(octets_take_text(&r, &text, &len));
	assert_string_equal(text, "ab");
	assert_int_equal(len, 2);
	assert_false(octets_take_text(&r, &text, &len));
	assert_true(octets_take_u8(&r, &octet));
	assert_int_equal(octet, 'c');
	assert_false(octets_take_u8(&r, &octet));
	assert_false(octets_take_text(&r, &text, &len));
	assert_true(octets_take(&r, 0, &at));
}

/* After the first append that does not fit nothing is written, even if it would. */
static void a_full_writer_stays_full(void **state)
{
	uint8_t buf[4] = {1, 2, 3, 4};
	struct octets_writer w = {.at = buf, .room = 3};

	(void)state;
	octets_put_text(&w, "x");
	octets_put(&w, "yz", 2);
	assert_true(w.is_full);
	octets_put_u8(&w, 9);
	octets_put(&w, NULL, 0);
	assert_int_equal(w.len, 2);
	assert_memory_equal(buf, "x\0\3\4", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uintvar_both_ways),        cmocka_unit_test(uintvar_refuses),
		cmocka_unit_test(numbers_both_ways),        cmocka_unit_test(takes_stay_inside),
		cmocka_unit_test(a_full_writer_stays_full),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
