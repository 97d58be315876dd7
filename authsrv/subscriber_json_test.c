#include "authsrv/subscriber_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "authsrv/json_field.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])
#define K           "465b5ce8b199b49faa5f0a2ee238a6bc"
#define OPC         "CD63CB71954A9F4E48A5994E37A02BAF"

static const char *read_text(const char *text, struct subscriber_put *out)
{
	json_t *json = body_read(text, strlen(text));
	const char *wrong = subscriber_json_read(json, "819012345678", out);

	json_decref(json);
	return wrong;
}

static void whole(void **state)
{
	struct subscriber_put put;

	(void)state;
	assert_null(read_text("{\"msisdn\":\"+819012345678\",\"imsi\":\"440101234567890\","
			      "\"addresses\":[\"Taro.Yamada@Hato.Example\",\"t..y.@hato.example\"],"
			      "\"k\":\"" K "\",\"opc\":\"" OPC "\",\"else\":[1]}",
			      &put));
	assert_string_equal(put.subscriber.msisdn, "819012345678");
	assert_string_equal(put.subscriber.imsi, "440101234567890");
	assert_int_equal(put.subscriber.address_count, 2);
	assert_string_equal(put.subscriber.addresses[0].shown, "Taro.Yamada@Hato.Example");
	assert_string_equal(put.subscriber.addresses[0].canonical, "taro.yamada@hato.example");
	assert_string_equal(put.subscriber.addresses[1].shown, "t..y.@hato.example");
	assert_string_equal(put.subscriber.addresses[1].canonical, "t..y.@hato.example");
	assert_true(put.set_sim_key);
	assert_int_equal(put.k[0], 0x46);
	assert_int_equal(put.k[15], 0xbc);
	assert_int_equal(put.opc[0], 0xcd);
}

static void without_sim(void **state)
{
	struct subscriber_put put;

	(void)state;
	assert_null(read_text("{\"addresses\":[\"a@b.example\"]}", &put));
	assert_string_equal(put.subscriber.imsi, "");
	assert_false(put.set_sim_key);
	assert_null(read_text("{\"imsi\":null,\"k\":null,\"opc\":null,"
			      "\"addresses\":[\"a@b.example\"]}",
			      &put));
}

static void quoted(void **state)
{
	static const struct {
		const char *written, *shown, *canonical;
	} cases[] = {
		{"\\\"a.\\\"@b.example", "a.@b.example", "a.@b.example"},
		{"\\\"A..B\\\"@B.example", "A..B@B.example", "a..b@b.example"},
		{"\\\"x\\\\\\\"y\\\"@b.example", "x\"y@b.example", "x\"y@b.example"},
		{"a@[192.0.2.1]", "a@[192.0.2.1]", "a@[192.0.2.1]"},
	};
	struct subscriber_put put;
	char text[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(text, sizeof text, "{\"addresses\":[\"%s\"]}", cases[i].written);
		if (read_text(text, &put))
			fail_msg("%s", text);
		assert_string_equal(put.subscriber.addresses[0].shown, cases[i].shown);
		assert_string_equal(put.subscriber.addresses[0].canonical, cases[i].canonical);
	}
}

static void refused(void **state)
{
	static const char *const cases[] = {
		"[]",
		"{}",
		"{\"addresses\":[]}",
		"{\"addresses\":\"a@b.example\"}",
		"{\"addresses\":{\"0\":\"a@b.example\"}}",
		"{\"addresses\":[17]}",
		"{\"addresses\":[null]}",
		"{\"addresses\":[\"\"]}",
		"{\"addresses\":[\"nobody\"]}",
		"{\"addresses\":[\"@b.example\"]}",
		"{\"addresses\":[\"a@\"]}",
		"{\"addresses\":[\"a b@b.example\"]}",
		"{\"addresses\":[\"<a@b.example>\"]}",
		"{\"addresses\":[\"a@b.example\\r\\nX: y\"]}",
		"{\"addresses\":[\"a@b.example\\u0000\"]}",
		"{\"addresses\":[\"\\u9ce9@b.example\"]}",
		"{\"addresses\":[\"a@b.example\",\"A@B.EXAMPLE\"]}",
		"{\"addresses\":[\"a.@b.example\",\"\\\"a.\\\"@b.example\"]}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":440101234567890}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"4401\"}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"44010123456789a\"}",
		"{\"addresses\":[\"a@b.example\"],\"msisdn\":\"819012345679\"}",
		"{\"addresses\":[\"a@b.example\"],\"msisdn\":7}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"440101\",\"k\":\"" K "\"}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"440101\",\"opc\":\"" OPC "\"}",
		"{\"addresses\":[\"a@b.example\"],\"k\":\"" K "\",\"opc\":\"" OPC "\"}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"440101\",\"k\":\"" K
		"00\",\"opc\":\"" OPC "\"}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"440101\",\"k\":\"465b\",\"opc\":\"" OPC
		"\"}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"440101\",\"k\":"
		"\"x65b5ce8b199b49faa5f0a2ee238a6bc\",\"opc\":\"" OPC "\"}",
		"{\"addresses\":[\"a@b.example\"],\"imsi\":\"440101\",\"k\":4,\"opc\":\"" OPC "\"}",
	};
	struct subscriber_put put;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (!read_text(cases[i], &put))
			fail_msg("took %s", cases[i]);
	assert_non_null(subscriber_json_read(NULL, "8190", &put));
}

/* The first address is a mailbox's name in triggers; the others may be longer. */
static void limits(void **state)
{
	struct subscriber_put put;
	char text[4096], label[64];

	(void)state;
	memset(label, 'd', 63);
	label[63] = 0;
	for (int over = 0; over < 2; over++) {
		/* 16 or 17 octets, `@`, 63 */
		snprintf(text, sizeof text, "{\"addresses\":[\"%.*s@%s\"]}", 16 + over,
			 "aaaaaaaaaaaaaaaaa", label);
		assert_int_equal(read_text(text, &put) != NULL, over);
		snprintf(text, sizeof text, "{\"addresses\":[\"a@b\",\"%.*s@%s\"]}", 16 + over,
			 "aaaaaaaaaaaaaaaaa", label);
		assert_null(read_text(text, &put));
	}
	for (int n = SUBSCRIBER_ADDRESSES; n <= SUBSCRIBER_ADDRESSES + 1; n++) {
		strcpy(text, "{\"addresses\":[");
		for (int i = 0; i < n; i++)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s\"a%d@b\"",
				 i ? "," : "", i);
		strcat(text, "]}");
		assert_int_equal(read_text(text, &put) != NULL, n > SUBSCRIBER_ADDRESSES);
	}
}

/* What is shown never has K or OPc in it, and can be written back. */
static void written(void **state)
{
	struct subscriber_put put, again;

	(void)state;
	assert_null(read_text("{\"imsi\":\"440101234567890\",\"addresses\":[\"A@b.example\"],"
			      "\"k\":\"" K "\",\"opc\":\"" OPC "\"}",
			      &put));
	put.subscriber.has_sim_key = true;
	json_t *json = subscriber_json_write(&put.subscriber);
	char *text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, "{\"msisdn\":\"819012345678\",\"imsi\":\"440101234567890\","
				  "\"addresses\":[\"A@b.example\"],\"sim_key\":true}");
	assert_null(subscriber_json_read(json, "819012345678", &again));
	assert_memory_equal(&again.subscriber.addresses, &put.subscriber.addresses,
			    sizeof put.subscriber.addresses);
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),   cmocka_unit_test(without_sim), cmocka_unit_test(quoted),
		cmocka_unit_test(refused), cmocka_unit_test(limits),      cmocka_unit_test(written),
	};

	return cmocka_run_group_tests_name("authsrv/subscriber_json", tests, NULL, NULL);
}
