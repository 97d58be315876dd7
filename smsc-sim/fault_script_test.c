/* A scenario as JSON: what is taken, what each mistake is told, and that what is written is read
 * again as the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smsc-sim/fault_script.h"

static struct fault_script script;
static char problem[FAULT_PROBLEM_MAX];

static bool parse(const char *text)
{
	*problem = 0;
	return fault_script_parse(text, strlen(text), &script, problem);
}

/* `fault` as the only one of a script. */
static bool parse_one(const char *fault)
{
	char text[512];

	snprintf(text, sizeof text, "{\"faults\":[%s]}", fault);
	return parse(text);
}

static void is_taken(void **state)
{
	(void)state;
	assert_true(
		parse("{\"name\":\"n\",\"seed\":7,\"faults\":["
		      "{\"what\":\"delay\",\"of\":\"receipt\",\"distribution\":\"normal\","
		      "\"mean_ms\":1.5,\"deviation_ms\":2,\"at\":0.25,\"until\":60,\"share\":0.5,"
		      "\"account\":\"hato\",\"destination\":\"8190\"},"
		      "{\"what\":\"cut\",\"at\":30,\"every_s\":20,\"until\":120,\"down_s\":5},"
		      "{\"what\":\"absent\"},"
		      "{\"what\":\"absent\",\"per\":\"each\",\"share\":0.1}]}"));
	const struct fault *f = script.faults;
	assert_string_equal(script.name, "n");
	assert_true(script.has_seed && script.seed == 7 && script.count == 4);
	assert_true(f->what == FAULT_DELAY && f->of == FAULT_OF_RECEIPT);
	assert_true(f->spread.kind == SPREAD_NORMAL && f->spread.mean_us == 1500 &&
		    f->spread.deviation_us == 2000);
	assert_true(f->at_us == 250000 && f->until_us == 60000000 && f->share == 0.5);
	assert_string_equal(f->account, "hato");
	assert_string_equal(f->destination, "8190");
	assert_true(f[1].every_us == 20000000 && f[1].down_us == 5000000 && !f[1].after_pdus);
	assert_true(f[2].per == FAULT_PER_DESTINATION && f[2].share == 1 && f[2].nth == 0);
	assert_true(f[2].until_us == FAULT_NEVER_US && f[2].at_us == 0);
	assert_true(f[3].per == FAULT_PER_EACH && f[3].nth == 1);
}

static void bare_words(void **state)
{
	static const char *const words[] = {"loss",        "duplicate", "throttle", "generic_nack",
					    "sequence",    "silence",   "cut",      "absent",
					    "memory_full", "fail"};

	(void)state;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char text[64];
		snprintf(text, sizeof text, "{\"what\":\"%s\"}", words[i]);
		assert_true(parse_one(text));
	}
	assert_true(parse("{\"faults\":[]}") && !script.count && !script.has_seed);
	assert_true(parse("{\"faults\":[],\"running\":{\"elapsed_s\":3}}"));
}

static const struct mistake {
	const char *fault, *problem;
} mistakes[] = {
	{"7", "faults[0]: an object is wanted"},
	{"{}", "faults[0].what: one of delay, loss,"},
	{"{\"what\":\"dely\"}", "faults[0].what: one of delay, loss,"},
	{"{\"what\":\"loss\"},{\"what\":\"loss\",\"shear\":1}",
	 "faults[1].shear: there is no such member"},
	{"{\"what\":\"loss\",\"share\":1.1}", "faults[0].share: a number from 0 to 1 is wanted"},
	{"{\"what\":\"loss\",\"share\":\"1\"}", "faults[0].share: a number from 0 to 1 is wanted"},
	{"{\"what\":\"loss\",\"share\":null}", "faults[0].share: a number from 0 to 1 is wanted"},
	{"{\"what\":\"loss\",\"copies\":1}",
	 "faults[0].copies: does not belong to this kind of loss"},
	{"{\"what\":\"loss\",\"of\":\"all\"}",
	 "faults[0].of: one of delivery, receipt, message is wanted"},
	{"{\"what\":\"loss\",\"of\":3}",
	 "faults[0].of: one of delivery, receipt, message is wanted"},
	{"{\"what\":\"throttle\",\"of\":\"receipt\"}",
	 "faults[0].of: does not belong to this kind of throttle"},
	{"{\"what\":\"delay\"}", "faults[0].ms: is needed here"},
	{"{\"what\":\"delay\",\"ms\":-1}",
	 "faults[0].ms: milliseconds from 0 to 86400000 is wanted"},
	{"{\"what\":\"delay\",\"ms\":1,\"mean_ms\":2}",
	 "faults[0].mean_ms: does not belong to this kind of delay"},
	{"{\"what\":\"delay\",\"distribution\":\"normal\",\"mean_ms\":2}",
	 "faults[0].deviation_ms: is needed here"},
	{"{\"what\":\"delay\",\"distribution\":\"poisson\",\"mean_ms\":2}",
	 "faults[0].distribution: one of constant, uniform, exponential, normal is wanted"},
	{"{\"what\":\"delay\",\"distribution\":\"uniform\",\"from_ms\":9,\"to_ms\":2}",
	 "faults[0].from_ms: is more than to_ms"},
	{"{\"what\":\"loss\",\"at\":5,\"until\":5}", "faults[0].until: must be after `at`"},
	{"{\"what\":\"loss\",\"at\":-1}", "faults[0].at: seconds from 0 to"},
	{"{\"what\":\"loss\",\"destination\":\"+8190\"}",
	 "faults[0].destination: a text of up to 20 digits is wanted"},
	{"{\"what\":\"loss\",\"destination\":\"123456789012345678901\"}",
	 "faults[0].destination: a text of up to 20 digits is wanted"},
	{"{\"what\":\"loss\",\"account\":\"a\\u0001\"}",
	 "faults[0].account: a text of up to 31 octets is wanted"},
	{"{\"what\":\"duplicate\",\"copies\":0}",
	 "faults[0].copies: a whole number from 1 to 100 is wanted"},
	{"{\"what\":\"duplicate\",\"copies\":1.5}",
	 "faults[0].copies: a whole number from 1 to 100 is wanted"},
	{"{\"what\":\"reorder\"}", "faults[0].within_ms: is needed here"},
	{"{\"what\":\"throttle\",\"status\":8}", "faults[0].status: of a throttle is 88"},
	{"{\"what\":\"throttle\",\"above_per_s\":0}",
	 "faults[0].above_per_s: a whole number from 1 to 1000000 is wanted"},
	{"{\"what\":\"refuse\"}", "faults[0].status: is needed: the command_status"},
	{"{\"what\":\"sequence\",\"by\":0}", "faults[0].by: must not be 0"},
	{"{\"what\":\"generic_nack\",\"zero\":1}", "faults[0].zero: true or false is wanted"},
	{"{\"what\":\"cut\",\"share\":0.5}",
	 "faults[0].share: does not belong to this kind of cut"},
	{"{\"what\":\"cut\",\"to_pdus\":5}", "faults[0].to_pdus: goes with after_pdus"},
	{"{\"what\":\"cut\",\"after_pdus\":9,\"to_pdus\":5}",
	 "faults[0].to_pdus: is less than after_pdus"},
	{"{\"what\":\"cut\",\"after_pdus\":9,\"every_s\":5}",
	 "faults[0].every_s: is of a cut by the clock"},
	{"{\"what\":\"cut\",\"every_s\":0}", "faults[0].every_s: seconds from 0.1 to 86400"},
	{"{\"what\":\"cut\",\"answered\":true}", "faults[0].answered: goes with after_pdus"},
};

static void mistakes_told(void **state)
{
	(void)state;
	assert_true(parse_one("{\"what\":\"fail\"}"));
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		assert_false(parse_one(mistakes[i].fault));
		if (strncmp(problem, mistakes[i].problem, strlen(mistakes[i].problem)) != 0)
			fail_msg("%s: %s", mistakes[i].fault, problem);
	}
	/* What was there before stands. */
	assert_true(script.count == 1 && script.faults[0].what == FAULT_FAIL);
}

static void wholes_told(void **state)
{
	static const struct mistake wholes[] = {
		{"", "line 1, column 0: "},
		{"{\"faults\":[}", "line 1, column 12: "},
		{"{\"faults\":[],\"faults\":[]}", "line 1, column 21: duplicate object key"},
		{"[]", "scenario: an object is wanted"},
		{"{}", "faults: is needed"},
		{"{\"faults\":{}}", "faults: a list is wanted"},
		{"{\"faults\":[],\"sed\":1}", "sed: there is no such member"},
		{"{\"faults\":[],\"seed\":-1}", "seed: a whole number"},
		{"{\"faults\":[],\"seed\":1.5}", "seed: a whole number"},
		{"{\"faults\":[],\"name\":7}", "name: a text of up to 63 octets is wanted"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof wholes / sizeof *wholes; i++) {
		assert_false(parse(wholes[i].fault));
		if (strncmp(problem, wholes[i].problem, strlen(wholes[i].problem)) != 0)
			fail_msg("%s: %s", wholes[i].fault, problem);
	}
}

static void too_many(void **state)
{
	static char text[FAULTS_MAX * 32 + 64];

	(void)state;
	strcpy(text, "{\"faults\":[{\"what\":\"loss\"}");
	for (size_t i = 1; i < FAULTS_MAX; i++)
		strcat(text, ",{\"what\":\"loss\"}");
	strcat(text, "]}");
	assert_true(parse(text) && script.count == FAULTS_MAX);
	strcpy(strrchr(text, ']'), ",{\"what\":\"loss\"}]}");
	assert_false(parse(text));
	assert_string_equal(problem, "faults: there are 129, 128 is the most");
}

/* Written, read and written again: the same, also where a value is the default one. */
static void round_trip(void **state)
{
	static const char *const faults[] = {
		"{\"what\":\"delay\",\"ms\":0}",
		"{\"what\":\"delay\",\"of\":\"submit_resp\",\"distribution\":\"uniform\",\"from_"
		"ms\":0,"
		"\"to_ms\":10.5}",
		"{\"what\":\"delay\",\"distribution\":\"exponential\",\"mean_ms\":3,\"max_ms\":9}",
		"{\"what\":\"loss\",\"of\":\"message\",\"share\":0.25,\"per\":\"destination\"}",
		"{\"what\":\"duplicate\",\"copies\":3,\"note\":\"thrice\"}",
		"{\"what\":\"reorder\",\"of\":\"submit_resp\",\"within_ms\":500}",
		"{\"what\":\"throttle\",\"status\":20,\"above_per_s\":100}",
		"{\"what\":\"refuse\",\"status\":8}",
		"{\"what\":\"generic_nack\",\"zero\":true}",
		"{\"what\":\"sequence\",\"by\":-3}",
		"{\"what\":\"silence\",\"of\":\"all\",\"at\":1,\"until\":2}",
		"{\"what\":\"cut\",\"after_pdus\":5,\"to_pdus\":9,\"answered\":true}",
		"{\"what\":\"cut\",\"at\":0.5,\"every_s\":2,\"down_s\":0.5}",
		"{\"what\":\"absent\",\"per\":\"each\",\"destination\":\"8190\"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		assert_true(parse_one(faults[i]));
		struct fault first = script.faults[0];
		json_t *json = fault_script_write(&script);
		assert_true(fault_script_read(json, &script, problem));
		assert_memory_equal(&first, &script.faults[0], sizeof first);
		json_decref(json);
	}
}

static void files(void **state)
{
	char path[] = "/tmp/fault-script-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	(void)state;
	fputs("{\"seed\":3,\n\"faults\":[{\"what\":\"loss\"]}", file);
	fclose(file);
	assert_false(fault_script_load(path, &script, problem));
	assert_true(!strncmp(problem, "line 2, column ", 15));
	remove(path);
	assert_false(fault_script_load(path, &script, problem));
	assert_string_equal(problem, "No such file or directory");
	assert_false(fault_script_load("/tmp", &script, problem));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_taken),      cmocka_unit_test(bare_words),
		cmocka_unit_test(mistakes_told), cmocka_unit_test(wholes_told),
		cmocka_unit_test(too_many),      cmocka_unit_test(round_trip),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
