#include "lib/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

static void texts(void **state)
{
	static const struct {
		const char *text, *canonical; /* null: refused */
	} cases[] = {
		{"020000000001", "020000000001"},
		{"02:00:00:00:00:01", "020000000001"},
		{"0A:fF", "0aff"},
		{"0a:ffee:01", "0affee01"},
		{"00", "00"},
		{"", NULL},
		{"0", NULL},
		{"0a0", NULL},
		{":0a", NULL},
		{"0a:", NULL},
		{"0a::0b", NULL},
		{"2:0:0", NULL},
		{"0x0a", NULL},
		{"0a-0b", NULL},
		{"0g", NULL},
		{" 0a", NULL},
	};
	char text[DEVICE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct device d = {.kind = DEVICE_CLIENT_ID, .length = 77};
		int err = device_parse(cases[i].text, &d);
		if (!cases[i].canonical) {
			assert_int_equal(err, E_SYNTAX);
			assert_int_equal(d.length, 77);
			continue;
		}
		assert_int_equal(err, 0);
		assert_int_equal(d.kind, DEVICE_CLIENT_ID);
		assert_string_equal(device_format(&d, text), cases[i].canonical);
	}
}

static void longest(void **state)
{
	char text[DEVICE_TEXT_MAX + 2] = "", again[DEVICE_TEXT_MAX];
	struct device d = {.kind = DEVICE_REMOTE_ID};

	(void)state;
	memset(text, 'a', DEVICE_TEXT_MAX - 1);
	assert_int_equal(device_parse(text, &d), 0);
	assert_int_equal(d.length, DEVICE_OCTETS_MAX);
	assert_string_equal(device_format(&d, again), text);
	memset(text, 'a', DEVICE_TEXT_MAX + 1);
	assert_int_equal(device_parse(text, &d), E_TOO_LARGE);
}

static void kinds(void **state)
{
	enum device_kind kind;
	struct device a = {.kind = DEVICE_CLIENT_ID, .length = 1, .octets = {1}}, b = a;

	(void)state;
	for (int k = 0; k < DEVICE_KINDS; k++) {
		assert_int_equal(device_kind_parse(device_kind_name((enum device_kind)k), &kind),
				 0);
		assert_int_equal(kind, k);
	}
	assert_int_equal(device_kind_parse("Client-Id", &kind), E_SYNTAX);
	assert_int_equal(device_kind_parse("", &kind), E_SYNTAX);
	assert_true(device_equal(&a, &b));
	b.kind = DEVICE_HW_ADDRESS;
	assert_false(device_equal(&a, &b));
	b = a;
	b.octets[0] = 2;
	assert_false(device_equal(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(longest),
		cmocka_unit_test(kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
