#include "authsrv/token_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

/* 32 octets */
#define PROOF "YdvfPMF5Oor1CQDvxRdH-fHa2MgFxdXL8Wp4SGJOk14"

static void claims_with_proof(void **state)
{
	static const char body[] =
		"{\"imsi\":\"440101\",\"challenge\":\"abc\",\"proof\":\"" PROOF "\"}";
	struct claim c;

	(void)state;
	assert_null(claim_json_read(body, sizeof body - 1, &c));
	assert_true(c.has_proof);
	assert_string_equal(c.challenge, "abc");
	assert_int_equal(c.proof[0], 0x61);
	assert_int_equal(c.proof[31], 0x5e);
}

static void claims(void **state)
{
	static const struct {
		const char *body;
		bool good;
	} cases[] = {
		{"{\"imsi\":\"440101234567890\"}", true},
		{" {\"imsi\":\"440101\",\"model\":\"x\"} ", true},
		{"{\"imsi\":\"440101\",\"proof\":null,\"challenge\":null}", true},
		{"", false},
		{"{}", false},
		{"[]", false},
		{"[\"440101\"]", false},
		{"\"440101\"", false},
		{"{\"imsi\":440101234567890}", false},
		{"{\"imsi\":null}", false},
		{"{\"imsi\":\"\"}", false},
		{"{\"imsi\":\"44010\"}", false},
		{"{\"imsi\":\"4401012345678901\"}", false},
		{"{\"imsi\":\"440101\\u0000\"}", false},
		{"{\"imsi\":\" 440101\"}", false},
		{"{\"imsi\":\"440101\"", false},
		{"{\"imsi\":\"440101\",\"proof\":\"x\"}", false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"proof\":\"" PROOF "\"}", true},
		{"{\"imsi\":\"440101\",\"challenge\":\"" PROOF PROOF "\",\"proof\":\"" PROOF "\"}",
		 false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\"}", false},
		{"{\"imsi\":\"440101\",\"challenge\":\"\",\"proof\":\"" PROOF "\"}", false},
		{"{\"imsi\":\"440101\",\"challenge\":7,\"proof\":\"" PROOF "\"}", false},
		{"{\"imsi\":\"440101\",\"proof\":\"" PROOF "\"}", false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"proof\":\"" PROOF "=\"}", false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"proof\":\"A" PROOF "\"}", false},
		{"{\"imsi\":\"440101\",\"challenge\":\"x\",\"proof\":\"y\"}", false},
	};
	struct claim c;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (!claim_json_read(cases[i].body, strlen(cases[i].body), &c) != cases[i].good)
			fail_msg("%s", cases[i].body);
	assert_null(claim_json_read(cases[0].body, strlen(cases[0].body), &c));
	assert_string_equal(c.imsi, "440101234567890");
	assert_false(c.has_proof);
}

static void reports(void **state)
{
	static const struct {
		const char *body;
		size_t octets; /* 0: refused */
	} cases[] = {
		{"{\"trigger\":\"AQYB\"}", 3},
		{"{\"trigger\":\"+/8=\"}", 2},
		{"{\"trigger\":\"-_8\"}", 2},
		{"{}", 0},
		{"{\"trigger\":null}", 0},
		{"{\"trigger\":7}", 0},
		{"{\"trigger\":\"A\"}", 0},
		{"{\"trigger\":\"AQ YB\"}", 0},
		{"{\"trigger\":\"AQ\\u0000YB\"}", 0},
		{"[]", 0},
		{"x", 0},
	};
	uint8_t datagram[REPORT_DATAGRAM_MAX];
	char body[REPORT_DATAGRAM_MAX * 2];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *wrong =
			report_json_read(cases[i].body, strlen(cases[i].body), datagram, &n);
		if (!wrong != (cases[i].octets != 0) || (!wrong && n != cases[i].octets))
			fail_msg("%s", cases[i].body);
	}
	/* 1,368 characters are 1,026 octets */
	strcpy(body, "{\"trigger\":\"");
	size_t at = strlen(body);
	memset(body + at, 'A', 1368);
	strcpy(body + at + 1368, "\"}");
	assert_non_null(report_json_read(body, strlen(body), datagram, &n));
}

static void services(void **state)
{
	static const struct {
		uint16_t plain, tls;
		bool want;
		struct service chosen;
	} cases[] = {
		{1110, 1995, false, {1110, false}}, {1110, 1995, true, {1995, true}},
		{1110, 0, true, {1110, false}},     {0, 1995, false, {1995, true}},
		{0, 0, true, {0, false}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct service s = service_choose(cases[i].plain, cases[i].tls, cases[i].want);
		assert_int_equal(s.port, cases[i].chosen.port);
		assert_int_equal(s.tls, cases[i].chosen.tls);
	}
}

static void answer(void **state)
{
	struct binding b = {.key = {.realm = "default"},
			    .generation = UINT32_MAX,
			    .trigger_key = {0xff, 0xff, 0xff, 0xfb}};
	struct token_answer a = {.token = "0123456789abcdef0123456789abcdef01234567",
				 .expires_in_s = 3600,
				 .login = "819012345678",
				 .addresses = json_pack("[s]", "a@b.example"),
				 .host = "127.0.0.1",
				 .pop = {1110, false},
				 .submission = {1465, true},
				 .trigger_port = 2948,
				 .binding = &b};

	(void)state;
	char *text = token_json_write(&a);
	assert_string_equal(
		text,
		"{\"token\":\"0123456789abcdef0123456789abcdef01234567\",\"token_type\":\"Bearer\","
		"\"expires_in\":3600,\"login\":\"819012345678\",\"addresses\":[\"a@b.example\"],"
		"\"pop\":{\"host\":\"127.0.0.1\",\"port\":1110,\"tls\":false},"
		"\"submission\":{\"host\":\"127.0.0.1\",\"port\":1465,\"tls\":true},"
		"\"trigger\":{\"port\":2948,\"key\":\"____-wAAAAAAAAAAAAAAAA\",\"realm\":"
		"\"default\","
		"\"generation\":4294967295}}");
	free(text);

	/* after a proof both sides derive it; and what a local part may have in it */
	b.proved_sqn = 1;
	a.addresses = json_pack("[s, s]", "\"a\\\\ \\\"b\"@b.example", "\u00fc@b.example");
	text = token_json_write(&a);
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	const json_t *list = json_object_get(json, "addresses");
	assert_string_equal(json_string_value(json_array_get(list, 0)),
			    "\"a\\\\ \\\"b\"@b.example");
	assert_string_equal(json_string_value(json_array_get(list, 1)), "\u00fc@b.example");
	assert_null(json_object_get(json_object_get(json, "trigger"), "key"));
	assert_non_null(json_object_get(json_object_get(json, "trigger"), "generation"));
	json_decref(json);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims),  cmocka_unit_test(claims_with_proof),
		cmocka_unit_test(reports), cmocka_unit_test(services),
		cmocka_unit_test(answer),
	};

	return cmocka_run_group_tests_name("authsrv/token_json", tests, NULL, NULL);
}
