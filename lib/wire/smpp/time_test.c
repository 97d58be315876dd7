#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/time.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define SECOND_US INT64_C(1000000)
/* 2026-01-05 18:30:16 in Tokyo */
#define NOW_US (INT64_C(1767605416) * SECOND_US)

static void reads(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* after NOW_US */
	} cases[] = {
		{"260105183016036+", 0},
		{"260105093016000+", 0},
		{"260105093016000-", 0},
		{"260105033016024-", 0},
		{"260105213016048+", 0},
		{"260105183016936+", 900000},
		{"260105183116036+", 60 * SECOND_US},
		{"000000000000000R", 0},
		{"000000001000000R", 600 * SECOND_US},
		{"000001000000000R", 86400 * SECOND_US},
		{"000000009000000R", 5400 * SECOND_US},
		{"000000000000999R", 0},
		/* 31 days of January, then 28 of February; a leap year has one more */
		{"000100000000000R", 31 * 86400 * SECOND_US},
		{"000200000000000R", (31 + 28) * 86400 * SECOND_US},
		{"001200000000000R", 365 * 86400 * SECOND_US},
		{"020300000000000R", (365 + 365 + 31 + 29 + 31) * 86400 * SECOND_US},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t at = 0;

		if (smpp_time_parse(cases[i].text, NOW_US, &at) || at - NOW_US != cases[i].us)
			fail_msg("%s: %ld", cases[i].text, (long)(at - NOW_US));
	}
}

/* A month after 31 January is the last of February, the time of day the same. */
static void keeps_to_the_month(void **state)
{
	int64_t at, s;

	(void)state;
	assert_int_equal(smpp_time_of_digits("280131235959", 12, &s), 0);
	assert_int_equal(smpp_time_parse("000100000000000R", s * SECOND_US + 7, &at), 0);
	assert_int_equal(smpp_time_of_digits("280229235959", 12, &s), 0);
	assert_int_equal(at, s * SECOND_US + 7);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"", E_SYNTAX},
		{"0", E_SYNTAX},
		{"26010518301603+", E_SYNTAX},
		{"2601051830160036+", E_SYNTAX},
		{"260105183016036", E_SYNTAX},
		{"260105183016036 ", E_SYNTAX},
		{"260105183016036r", E_SYNTAX},
		{"26010518301603++", E_SYNTAX},
		{"2601051830160 6+", E_SYNTAX},
		{"+60105183016036+", E_SYNTAX},
		{"260005183016036+", E_RANGE},
		{"261305183016036+", E_RANGE},
		{"260100183016036+", E_RANGE},
		{"260229183016036+", E_RANGE},
		{"260105243016036+", E_RANGE},
		{"260105186016036+", E_RANGE},
		{"260105183060036+", E_RANGE},
		{"260105183016049+", E_RANGE},
		{"260105183016099-", E_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t at = 77;

		if (smpp_time_parse(cases[i].text, NOW_US, &at) != cases[i].err)
			fail_msg("%s", cases[i].text);
		assert_int_equal(at, 77);
	}
}

static void writes(void **state)
{
	char out[SMPP_TIME_LEN + 1];

	(void)state;
	assert_int_equal(smpp_time_absolute(NOW_US + 999999, 36, out), 0);
	assert_string_equal(out, "260105183016036+");
	assert_int_equal(smpp_time_absolute(NOW_US, -48, out), 0);
	assert_string_equal(out, "260104213016048-");
	assert_int_equal(smpp_time_absolute(NOW_US, 0, out), 0);
	assert_string_equal(out, "260105093016000+");
	assert_int_equal(smpp_time_relative(600, out), 0);
	assert_string_equal(out, "000000001000000R");
	assert_int_equal(smpp_time_relative(2 * 86400 + 3 * 3600 + 4 * 60 + 5, out), 0);
	assert_string_equal(out, "000002030405000R");
	assert_int_equal(smpp_time_relative(SMPP_TIME_RELATIVE_MAX_S, out), 0);
	assert_string_equal(out, "000031000000000R");
	assert_int_equal(smpp_time_relative(SMPP_TIME_RELATIVE_MAX_S + 1, out), E_RANGE);
	assert_int_equal(smpp_time_relative(-1, out), E_RANGE);
	assert_int_equal(smpp_time_absolute(NOW_US, 49, out), E_RANGE);
	assert_int_equal(smpp_time_absolute(NOW_US, -49, out), E_RANGE);
	assert_int_equal(smpp_time_absolute(-1, 0, out), E_RANGE);
	assert_int_equal(smpp_time_absolute(INT64_C(4102444799) * SECOND_US, 0, out), 0);
	assert_string_equal(out, "991231235959000+");
	assert_int_equal(smpp_time_absolute(INT64_C(4102444800) * SECOND_US, 0, out), E_RANGE);
	assert_int_equal(smpp_time_absolute(INT64_C(946684800) * SECOND_US, 0, out), 0);
	assert_string_equal(out, "000101000000000+");
	assert_int_equal(smpp_time_absolute(INT64_C(946684799) * SECOND_US, 0, out), E_RANGE);
}

static void both_ways(void **state)
{
	(void)state;
	for (int64_t s = INT64_C(946771200); s < INT64_C(4102358400); s += 86400 * 3 + 3661) {
		char out[SMPP_TIME_LEN + 1];
		int64_t at = 0;

		assert_int_equal(smpp_time_absolute(s * SECOND_US, (int)(s % 97) - 48, out), 0);
		assert_int_equal(smpp_time_parse(out, 0, &at), 0);
		assert_int_equal(at, s * SECOND_US);
	}
	for (int64_t s = 0; s <= SMPP_TIME_RELATIVE_MAX_S; s += 7919) {
		char out[SMPP_TIME_LEN + 1];
		int64_t at = 0;

		assert_int_equal(smpp_time_relative(s, out), 0);
		assert_int_equal(smpp_time_parse(out, NOW_US, &at), 0);
		assert_int_equal(at, NOW_US + s * SECOND_US);
	}
}

static void digits(void **state)
{
	int64_t s = 77;
	char out[13];

	(void)state;
	assert_int_equal(smpp_time_of_digits("2601051830", 10, &s), 0);
	assert_int_equal(s, INT64_C(1767637800));
	assert_int_equal(smpp_time_digits(s, out), 0);
	assert_string_equal(out, "260105183000");
	assert_int_equal(smpp_time_of_digits("26010518301", 11, &s), E_SYNTAX);
	assert_int_equal(smpp_time_of_digits("260105183x", 10, &s), E_SYNTAX);
	assert_int_equal(smpp_time_of_digits("260105183/", 10, &s), E_SYNTAX);
	assert_int_equal(smpp_time_of_digits("2601052430", 10, &s), E_RANGE);
	assert_int_equal(s, INT64_C(1767637800));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),     cmocka_unit_test(keeps_to_the_month),
		cmocka_unit_test(refuses),   cmocka_unit_test(writes),
		cmocka_unit_test(both_ways), cmocka_unit_test(digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
