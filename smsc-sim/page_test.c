/* The page is whole, loads nothing, and its policy lets in only its own style and script. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smsc-sim/fault_script.h"
#include "smsc-sim/page.h"

static void is_the_file(void **state)
{
	struct page page;
	FILE *file = fopen("smsc-sim/page.html", "r");

	(void)state;
	assert_int_equal(page_init(&page), 0);
	assert_non_null(file);
	char *text = calloc(1, page.length + 2);
	assert_int_equal(fread(text, 1, page.length + 1, file), page.length);
	assert_string_equal(text, page.html);
	fclose(file);
	free(text);
}

static void loads_nothing(void **state)
{
	static const char *const never[] = {
		"src=",   "<link",     "@import",   "url(",  " style=", " onclick=\"",
		"https:", "innerHTML", "outerHTML", "eval(", "<iframe", "document.write"};
	struct page page;

	(void)state;
	assert_int_equal(page_init(&page), 0);
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		if (strstr(page.html, never[i]))
			fail_msg("the page has %s", never[i]);
	assert_non_null(strstr(page.policy, "default-src 'none'; style-src 'sha256-"));
	assert_non_null(strstr(page.policy, "; script-src 'sha256-"));
	assert_non_null(strstr(page.policy, "frame-ancestors 'none'"));
	assert_null(strstr(page.policy, "unsafe"));
}

static void offers_scenarios(void **state)
{
	static struct fault_script script;
	char problem[FAULT_PROBLEM_MAX];
	struct page page;
	size_t n = 0;

	(void)state;
	assert_int_equal(page_init(&page), 0);
	for (; page.scenarios[n]; n++)
		assert_true(fault_script_parse(page.scenarios[n], strlen(page.scenarios[n]),
					       &script, problem));
	assert_true(n >= 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(is_the_file),
					   cmocka_unit_test(loads_nothing),
					   cmocka_unit_test(offers_scenarios)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
