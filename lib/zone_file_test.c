#include "lib/zone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void names_and_their_rules(void **state)
{
	static const struct {
		const char *name, *rule;
	} cases[] = {
		{"Asia/Tokyo", "JST-9"},
		{"Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"},
		{"America/Argentina/Buenos_Aires", "<-03>3"},
		{"Etc/GMT+5", "<-05>5"},
		{"UTC", "UTC0"},
		{"Z", "UTC0"},
		{"+09:00", "<+0900>-09:00"},
		{"-03:30", "<-0330>+03:30"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char rule[ZONE_RULE_MAX] = "";

		if (zone_file_rule(cases[i].name, rule) || strcmp(rule, cases[i].rule) != 0)
			fail_msg("%s: \"%s\"", cases[i].name, rule);
	}
}

static void fixed_offsets_are_what_they_say(void **state)
{
	char rule[ZONE_RULE_MAX];
	struct zone z;

	(void)state;
	assert_int_equal(zone_file_rule("-03:30", rule), 0);
	assert_int_equal(zone_parse(rule, &z), 0);
	assert_int_equal(zone_offset_s(&z, 0), -12600);
}

static void what_is_no_zone(void **state)
{
	static const struct {
		const char *name;
		int err;
	} cases[] = {
		{"", E_SYNTAX},
		{"/etc/passwd", E_SYNTAX},
		{"../../../etc/passwd", E_SYNTAX},
		{"Asia/Tokyo/", E_SYNTAX},
		{"Asia Tokyo", E_SYNTAX},
		{"Asia/T\xc3\xb4kyo", E_SYNTAX},
		{"+9", E_SYNTAX},
		{"+09:60", E_SYNTAX},
		{"+25:00", E_SYNTAX},
		{"+09-00", E_SYNTAX},
		{"Asia", E_NOT_FOUND}, /* a folder */
		{"zone1970/tab", E_NOT_FOUND},
		{"Asia/Edo", E_NOT_FOUND},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char rule[ZONE_RULE_MAX] = "kept";

		if (zone_file_rule(cases[i].name, rule) != cases[i].err)
			fail_msg("%s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_their_rules),
		cmocka_unit_test(fixed_offsets_are_what_they_say),
		cmocka_unit_test(what_is_no_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
