/* --scenario on the command line, and a scenario from a file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "smsc-sim/scenario.h"

static void args(void **state)
{
	static char *argv[] = {"smsc-sim",    "--config",   "a",
			       "--scenario",  "/no/such",   "--scenario=/",
			       "--scenarios", "--scenario", NULL};
	static const char *const wanted[] = {"smsc-sim",
					     "--config",
					     "a",
					     "--set=smsc-sim.scenario=/no/such",
					     "--set=smsc-sim.scenario=/",
					     "--scenarios",
					     "--scenario"};
	char **out = scenario_args(8, argv);

	(void)state;
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(out[i], wanted[i]);
	assert_null(out[7]);
	scenario_args_free(out);
}

static struct conf *conf_with(const char *file)
{
	char set[128], error[256];
	const char *sets[] = {set};
	struct conf *c;

	snprintf(set, sizeof set, "smsc-sim.scenario=%s", file);
	assert_int_equal(conf_load(NULL, "/tmp", sets, 1, &c, error), 0);
	return c;
}

static void files(void **state)
{
	static struct fault_script script;
	char problem[SCENARIO_PROBLEM_MAX], path[] = "/tmp/scenario-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	struct conf *c = conf_with("");

	(void)state;
	assert_int_equal(scenario_read(c, &script, problem), E_NOT_FOUND);
	conf_free(c);
	fputs("{\"faults\":[{\"what\":\"cut\"}]}", file);
	fclose(file);
	c = conf_with(path + 5); /* below DIR */
	assert_int_equal(scenario_read(c, &script, problem), 0);
	assert_true(script.count == 1 && script.faults[0].what == FAULT_CUT);
	remove(path);
	assert_int_equal(scenario_read(c, &script, problem), E_SYNTAX);
	assert_non_null(strstr(problem, "/tmp/scenario-"));
	assert_non_null(strstr(problem, ": No such file or directory"));
	conf_free(c);
}

/* Those that come with the program are taken, and say what they are for. */
static void ready_made(void **state)
{
	static const char *const names[] = {"quiet-day", "storm", "flaky-links", "silent-smsc",
					    "bad-day"};
	static struct fault_script script;
	char problem[FAULT_PROBLEM_MAX], path[64];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "smsc-sim/scenarios/%s.json", names[i]);
		if (!fault_script_load(path, &script, problem))
			fail_msg("%s: %s", path, problem);
		assert_true(script.count && script.has_seed && *script.name && *script.description);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(args), cmocka_unit_test(files),
					   cmocka_unit_test(ready_made)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
