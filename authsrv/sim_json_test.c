#include "authsrv/sim_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])
#define K           "465b5ce8b199b49faa5f0a2ee238a6bc"
#define AUTS        "0123456789abcdef0123456789ab"

static void requests(void **state)
{
	static const struct {
		const char *body;
		int kind; /* 0: refused */
		bool auts;
	} cases[] = {
		{"{\"imsi\":\"440101\"}", CHALLENGE_TOKEN, false},
		{"{\"imsi\":\"440101\",\"for\":\"token\",\"auts\":null}", CHALLENGE_TOKEN, false},
		{"{\"imsi\":\"440101\",\"for\":\"sim\"}", CHALLENGE_SIM, false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"auts\":\"" AUTS "\"}", CHALLENGE_TOKEN,
		 true},
		{"", 0, false},
		{"[]", 0, false},
		{"{}", 0, false},
		{"{\"imsi\":440101}", 0, false},
		{"{\"imsi\":\"440101\",\"for\":\"mail\"}", 0, false},
		{"{\"imsi\":\"440101\",\"for\":\"simsimsim\"}", 0, false},
		{"{\"imsi\":\"440101\",\"for\":7}", 0, false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\"}", 0, false},
		{"{\"imsi\":\"440101\",\"auts\":\"" AUTS "\"}", 0, false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"auts\":\"" AUTS "0\"}", 0, false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"auts\":"
		 "\"x123456789abcdef0123456789ab\"}",
		 0, false},
		{"{\"imsi\":\"440101\",\"challenge\":\"" K K K "\",\"auts\":\"" AUTS "\"}", 0,
		 false},
	};
	struct challenge_request r;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *wrong = challenge_json_read(cases[i].body, strlen(cases[i].body), &r);
		if (!wrong != (cases[i].kind != 0))
			fail_msg("%s", cases[i].body);
		if (wrong)
			continue;
		assert_int_equal(r.kind, cases[i].kind);
		assert_int_equal(r.has_auts, cases[i].auts);
		assert_string_equal(r.imsi, "440101");
	}
	assert_null(challenge_json_read(cases[3].body, strlen(cases[3].body), &r));
	assert_string_equal(r.challenge, "x");
	assert_int_equal(r.auts[0], 0x01);
	assert_int_equal(r.auts[13], 0xab);
}

static void answers(void **state)
{
	static const uint8_t rand[RAND_BYTES] = {0xff, [15] = 1};
	static const uint8_t autn[AUTN_BYTES] = {0xab};
	struct challenge_answer a = {.challenge = "c",
				     .rand = rand,
				     .autn = autn,
				     .realm = "default",
				     .key = "2001:db8::/64",
				     .expires_in_s = 30};

	(void)state;
	json_t *json = challenge_json_write(&a);
	char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text,
			    "{\"challenge\":\"c\",\"rand\":\"ff000000000000000000000000000001\","
			    "\"autn\":\"ab000000000000000000000000000000\","
			    "\"realm\":\"default\",\"key\":\"2001:db8::/64\","
			    "\"expires_in\":30}");
	free(text);
	json_decref(json);
}

static void keys(void **state)
{
	static const struct {
		const char *body;
		bool good;
	} cases[] = {
		{"{\"k\":\"" K "\",\"opc\":\"" K "\"}", true},
		{"{\"k\":\"" K "\"}", false},
		{"{\"opc\":\"" K "\"}", false},
		{"{\"k\":\"" K "\",\"opc\":null}", false},
		{"{\"k\":\"" K "0\",\"opc\":\"" K "\"}", false},
		{"[]", false},
		{"", false},
	};
	struct sim_key key;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (!sim_key_json_read(cases[i].body, strlen(cases[i].body), &key) != cases[i].good)
			fail_msg("%s", cases[i].body);
	assert_null(sim_key_json_read(cases[0].body, strlen(cases[0].body), &key));
	assert_int_equal(key.k[0], 0x46);
	assert_int_equal(key.opc[15], 0xbc);
}

static void changes(void **state)
{
	char imsi[IMSI_MAX];

	(void)state;
	assert_null(sim_change_json_read("", 0, imsi));
	assert_string_equal(imsi, "");
	assert_null(sim_change_json_read("{}", 2, imsi));
	assert_string_equal(imsi, "");
	assert_null(sim_change_json_read("{\"imsi\":\"440101\"}", 17, imsi));
	assert_string_equal(imsi, "440101");
	assert_non_null(sim_change_json_read("{\"imsi\":\"4401\"}", 15, imsi));
	assert_non_null(sim_change_json_read("[]", 2, imsi));
	assert_non_null(sim_change_json_read("x", 1, imsi));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),
		cmocka_unit_test(answers),
		cmocka_unit_test(keys),
		cmocka_unit_test(changes),
	};

	return cmocka_run_group_tests_name("authsrv/sim_json", tests, NULL, NULL);
}
