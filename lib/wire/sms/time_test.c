#include "lib/wire/sms/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct octets_reader reader(const void *octets, size_t len)
{
	static uint8_t block[16];

	memcpy(block + sizeof block - len, octets, len);
	return (struct octets_reader){.at = block + sizeof block - len, .left = len};
}

static void time_stamps(void **state)
{
	static const struct {
		struct sms_time time;
		const char *octets;
	} cases[] = {
		{{true, 1767605416, 36}, "\x62\x10\x50\x81\x03\x61\x63"}, /* protocols 2.1 */
		{{true, 1767605416, 0}, "\x62\x10\x50\x90\x03\x61\x00"},
		{{true, 1767605416, -20}, "\x62\x10\x50\x40\x03\x61\x0a"},
		{{true, SMS_TIME_LEAST_S, 0}, "\x00\x10\x10\x00\x00\x00\x00"},
		{{true, SMS_TIME_MOST_S, 0}, "\x99\x21\x13\x32\x95\x95\x00"},
		{{true, 1709164800, -79}, "\x42\x20\x82\x40\x51\x00\x9f"},
		{{false, 0, 0}, "\0\0\0\0\0\0\0"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[SMS_TIME_LEN];
		struct octets_writer w = {.at = out, .room = sizeof out};
		struct sms_time time;

		assert_int_equal(sms_time_put(&w, &cases[i].time), 0);
		assert_memory_equal(out, cases[i].octets, SMS_TIME_LEN);
		assert_int_equal(sms_time_put(&w, &cases[i].time), E_TOO_LARGE);

		struct octets_reader r = reader(out, sizeof out);
		assert_int_equal(sms_time_take(&r, &time), 0);
		assert_int_equal(time.is_known, cases[i].time.is_known);
		assert_int_equal(time.time_s, cases[i].time.time_s);
		assert_int_equal(time.zone_quarters, cases[i].time.zone_quarters);
	}
}

static void stamps_that_are_no_time(void **state)
{
	static const char *const cases[] = {
		"\x62\x20\x13\x00\x00\x00\x00", /* 31 February */
		"\x62\x31\x10\x00\x00\x00\x00", /* month 13 */
		"\x62\x10\x50\x42\x00\x00\x00", /* hour 24 */
		"\x62\x10\x50\x00\x06\x00\x00", /* minute 60 */
		"\xff\xff\xff\xff\xff\xff\xff",
	};
	struct sms_time time;
	struct octets_reader r;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		r = reader(cases[i], SMS_TIME_LEN);
		assert_int_equal(sms_time_take(&r, &time), 0);
		assert_int_equal(r.left, 0);
		assert_false(time.is_known);
	}
	/* a half octet that is no digit counts as 0 */
	r = reader("\x62\x10\x50\x8b\x03\x61\x63", SMS_TIME_LEN);
	assert_int_equal(sms_time_take(&r, &time), 0);
	assert_true(time.is_known);
	assert_int_equal(time.time_s, 1767605416 - 10 * 3600);
	r = reader("\x62\x10\x50\x81\x03\x61", SMS_TIME_LEN - 1);
	assert_int_equal(sms_time_take(&r, &time), E_SYNTAX);
}

static void times_that_cannot_be_written(void **state)
{
	static const struct sms_time cases[] = {
		{true, -1, 0},
		{true, SMS_TIME_LEAST_S - 1, 0},
		{true, SMS_TIME_LEAST_S, -1},
		{true, SMS_TIME_MOST_S + 1, 0},
		{true, SMS_TIME_MOST_S, 1},
		{true, INT64_MAX, 79},
		{true, 1767605416, 80},
		{true, 1767605416, -80},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[SMS_TIME_LEN];
		struct octets_writer w = {.at = out, .room = sizeof out};

		assert_int_equal(sms_time_put(&w, &cases[i]), E_RANGE);
	}
}

static int put(const struct sms_validity *validity, uint8_t out[SMS_TIME_LEN], size_t *len)
{
	struct octets_writer w = {.at = out, .room = SMS_TIME_LEN};
	int err = sms_validity_put(&w, validity);

	*len = w.len;
	return err;
}

static void relative_validity(void **state)
{
	static const struct {
		uint32_t asked_s, said_s;
		uint8_t value;
	} cases[] = {
		{1, 300, 0},
		{300, 300, 0},
		{301, 600, 1},
		{600, 600, 1},
		{43200, 43200, 143},
		{43201, 45000, 144},
		{86400, 86400, 167},
		{86401, 172800, 168},
		{30 * 86400, 30 * 86400, 196},
		{30 * 86400 + 1, 35 * 86400, 197},
		{SMS_VALIDITY_MAX_S, SMS_VALIDITY_MAX_S, 255},
	};
	uint8_t out[SMS_TIME_LEN];
	struct sms_validity v = {.form = SMS_VALIDITY_RELATIVE};
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		v.period_s = cases[i].asked_s;
		assert_int_equal(put(&v, out, &len), 0);
		assert_int_equal(len, 1);
		assert_int_equal(out[0], cases[i].value);
		struct octets_reader r = reader(out, 1);
		assert_int_equal(sms_validity_take(&r, SMS_VALIDITY_RELATIVE, &v), 0);
		assert_int_equal(v.period_s, cases[i].said_s);
	}
	/* every value says what it means: written again, it is the same */
	for (unsigned value = 0; value < 256; value++) {
		uint8_t octet = (uint8_t)value;
		struct octets_reader r = {.at = &octet, .left = 1};

		assert_int_equal(sms_validity_take(&r, SMS_VALIDITY_RELATIVE, &v), 0);
		assert_int_equal(put(&v, out, &len), 0);
		assert_int_equal(out[0], value);
	}
	v.period_s = 0;
	assert_int_equal(put(&v, out, &len), E_RANGE);
	v.period_s = SMS_VALIDITY_MAX_S + 1;
	assert_int_equal(put(&v, out, &len), E_RANGE);
}

static void other_validity(void **state)
{
	static const struct {
		struct sms_validity validity;
		const char *octets;
		size_t len;
	} cases[] = {
		{{.form = SMS_VALIDITY_NONE}, "", 0},
		{{.form = SMS_VALIDITY_ABSOLUTE, .until = {true, 1767605416, 36}},
		 "\x62\x10\x50\x81\x03\x61\x63",
		 7},
		{{.form = SMS_VALIDITY_ENHANCED}, "\0\0\0\0\0\0\0", 7},
		{{.form = SMS_VALIDITY_ENHANCED, .is_single_shot = true}, "\x40\0\0\0\0\0\0", 7},
		{{.form = SMS_VALIDITY_ENHANCED, .has_period = true, .period_s = 255},
		 "\x02\xff\0\0\0\0\0",
		 7},
		{{.form = SMS_VALIDITY_ENHANCED, .has_period = true, .period_s = 3723},
		 "\x03\x10\x20\x30\0\0\0",
		 7},
		{{.form = SMS_VALIDITY_ENHANCED, .has_period = true, .period_s = 30 * 86400},
		 "\x01\xc4\0\0\0\0\0",
		 7},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sms_validity *want = &cases[i].validity;
		uint8_t out[SMS_TIME_LEN];
		struct sms_validity v;
		size_t len;

		assert_int_equal(put(want, out, &len), 0);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(out, cases[i].octets, len);
		struct octets_reader r = reader(out, len);
		assert_int_equal(sms_validity_take(&r, want->form, &v), 0);
		assert_int_equal(r.left, 0);
		assert_true(v.form == want->form && v.is_single_shot == want->is_single_shot &&
			    v.has_period == want->has_period && v.period_s == want->period_s &&
			    v.until.time_s == want->until.time_s);
		if (len == 0)
			continue;
		r = reader(out, len - 1);
		assert_int_equal(sms_validity_take(&r, want->form, &v), E_SYNTAX);
	}
}

static void bad_validity(void **state)
{
	static const struct {
		enum sms_validity_form form;
		const char *octets;
	} cases[] = {
		{SMS_VALIDITY_ABSOLUTE, "\x62\x31\x10\x00\x00\x00\x00"},
		{SMS_VALIDITY_ENHANCED, "\x82\x01\0\0\0\0\0"},
		{SMS_VALIDITY_ENHANCED, "\x02\0\0\0\0\0\0"},
		{SMS_VALIDITY_ENHANCED, "\x03\0\0\0\0\0\0"},
		{SMS_VALIDITY_ENHANCED, "\x03\x0a\0\0\0\0\0"},
		{SMS_VALIDITY_ENHANCED, "\x04\x01\0\0\0\0\0"},
	};
	static const struct sms_validity unsayable[] = {
		{.form = SMS_VALIDITY_ABSOLUTE},
		{.form = SMS_VALIDITY_ENHANCED, .has_period = true},
		{.form = SMS_VALIDITY_ENHANCED, .has_period = true, .period_s = UINT32_MAX},
	};
	struct sms_validity v;
	uint8_t out[SMS_TIME_LEN];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct octets_reader r = reader(cases[i].octets, SMS_TIME_LEN);

		assert_int_equal(sms_validity_take(&r, cases[i].form, &v), E_SYNTAX);
	}
	for (size_t i = 0; i < COUNT(unsayable); i++)
		assert_int_equal(put(&unsayable[i], out, &len), E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_stamps),
		cmocka_unit_test(stamps_that_are_no_time),
		cmocka_unit_test(times_that_cannot_be_written),
		cmocka_unit_test(relative_validity),
		cmocka_unit_test(other_validity),
		cmocka_unit_test(bad_validity),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
