#include "lib/wire/sms/addr.h"

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

static struct octets_reader reader(const uint8_t *octets, size_t len)
{
	static uint8_t block[32];

	memcpy(block + sizeof block - len, octets, len);
	return (struct octets_reader){.at = block + sizeof block - len, .left = len};
}

static void writes_and_reads(void **state)
{
	static const struct {
		struct sms_addr addr;
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		/* protocols 2.1 */
		{{1, 1, "819012345678"}, OCTETS("\x0c\x91\x18\x09\x21\x43\x65\x87")},
		{{1, 1, "81901234567"}, OCTETS("\x0b\x91\x18\x09\x21\x43\x65\xf7")},
		{{1, 1, "12345678901234567890"},
		 OCTETS("\x14\x91\x21\x43\x65\x87\x09\x21\x43\x65\x87\x09")},
		{{2, 8, "*#09abc"}, OCTETS("\x07\xa8\xba\x90\xdc\xfe")},
		{{0, 0, ""}, OCTETS("\x00\x80")},
		/* names: 4, 7 (49 bits: 13 half octets), 8 and 11 septets, one character of two */
		{{5, 0, "Hato"}, OCTETS("\x07\xd0\xc8\x30\xfd\x0d")},
		{{5, 0, "hellohe"}, OCTETS("\x0d\xd0\xe8\x32\x9b\xfd\x46\x97\x01")},
		{{5, 0, "hellohel"}, OCTETS("\x0e\xd0\xe8\x32\x9b\xfd\x46\x97\xd9")},
		{{5, 0, "Design@Home"}, OCTETS("\x14\xd0\xc4\xf2\x3c\x7d\x76\x03\x90\xef\x76\x19")},
		{{5, 0, "€"}, OCTETS("\x04\xd0\x9b\x32")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sms_addr addr;
		uint8_t out[16];
		struct octets_writer w = {.at = out, .room = cases[i].len};

		assert_int_equal(sms_addr_put(&w, &cases[i].addr), 0);
		assert_int_equal(w.len, cases[i].len);
		assert_memory_equal(out, cases[i].octets, w.len);
		w = (struct octets_writer){.at = out, .room = cases[i].len - 1};
		assert_int_equal(sms_addr_put(&w, &cases[i].addr), E_TOO_LARGE);
		struct octets_reader r = reader(cases[i].octets, cases[i].len);
		assert_int_equal(sms_addr_take(&r, &addr), 0);
		assert_int_equal(r.left, 0);
		assert_true(sms_addr_equal(&addr, &cases[i].addr));
		for (size_t len = 0; len < cases[i].len; len++) {
			r = reader(cases[i].octets, len);
			assert_int_equal(sms_addr_take(&r, &addr), E_SYNTAX);
		}
	}
}

static void reading_refuses(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
		int err;
	} cases[] = {
		/* digits beyond 9 in an international number; 1111 inside one; a fill that is none
		 */
		{OCTETS("\x04\x91\x18\xa9"), E_SYNTAX},
		{OCTETS("\x04\x91\xb8\x19"), E_SYNTAX},
		{OCTETS("\x04\xa1\xf8\x19"), E_SYNTAX},
		{OCTETS("\x04\xa1\x18\xf9"), E_SYNTAX},
		{OCTETS("\x03\x91\x18\x09"), E_SYNTAX},
		/* a type without its bit 7 */
		{OCTETS("\x02\x11\x18"), E_SYNTAX},
		/* too many digits, too long a name, names of nothing */
		{OCTETS("\x15\x91\x21\x43\x65\x87\x09\x21\x43\x65\x87\x09\xf1"), E_TOO_LARGE},
		{OCTETS("\xff\x91\x21"), E_TOO_LARGE},
		{OCTETS("\x00\xd0"), E_SYNTAX},
		{OCTETS("\x01\xd0\x08"), E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct octets_reader r = reader(cases[i].octets, cases[i].len);
		struct sms_addr addr = {.ton = 7};

		if (sms_addr_take(&r, &addr) != cases[i].err)
			fail_msg("case %zu", i);
		assert_int_equal(addr.ton, 7);
	}
}

static void writing_refuses(void **state)
{
	static const struct {
		struct sms_addr addr;
		int err;
	} cases[] = {
		{{1, 1, "+8190"}, E_SYNTAX},
		{{1, 1, "8190a"}, E_SYNTAX},
		{{1, 1, "81*0"}, E_SYNTAX},
		{{2, 8, "d"}, E_SYNTAX},
		{{1, 1, "123456789012345678901"}, E_TOO_LARGE},
		{{5, 0, ""}, E_SYNTAX},
		{{5, 0, "twelve chars"}, E_TOO_LARGE},
		{{5, 0, "ten chars€"}, 0},
		{{5, 0, "eleven char€"}, E_TOO_LARGE},
		{{5, 0, "鳩"}, E_RANGE},
		{{5, 0, "\xff"}, E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[16];
		struct octets_writer w = {.at = out, .room = sizeof out};

		if (sms_addr_put(&w, &cases[i].addr) != cases[i].err)
			fail_msg("case %zu", i);
	}
}

static void numbers(void **state)
{
	struct sms_addr addr;

	(void)state;
	assert_int_equal(sms_addr_number("819012345678", &addr), 0);
	assert_int_equal(addr.ton, SMS_TON_INTERNATIONAL);
	assert_string_equal(addr.text, "819012345678");
	assert_int_equal(sms_addr_number("", &addr), E_SYNTAX);
	assert_int_equal(sms_addr_number("+81", &addr), E_SYNTAX);
	assert_int_equal(sms_addr_number("123456789012345678901", &addr), E_TOO_LARGE);
	assert_string_equal(addr.text, "819012345678");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(reading_refuses),
		cmocka_unit_test(writing_refuses),
		cmocka_unit_test(numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
