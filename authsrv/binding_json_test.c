#include "authsrv/binding_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_US INT64_C(1700000000000000)

static struct binding_found found_make(void)
{
	struct binding_found f = {.b = {.state = KEY_CONFIRMED,
					.generation = 3,
					.subscriber = 9,
					.session = 4,
					.started_us = NOW_US,
					.expires_us = NOW_US + 1500000,
					.trigger_key = "secret-secret-s"},
				  .msisdn = "819012345678",
				  .nas_id = "nas-1"};

	assert_int_equal(key_of_prefix("default", "2001:db8:1::/64", &f.b.key), 0);
	return f;
}

static void shows(const struct binding_found *f, int64_t now_us, const char *expected)
{
	json_t *json = binding_json_write(f, now_us);
	char *text = json_dumps(json, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
}

static void binding(void **state)
{
	struct binding_found f = found_make();

	(void)state;
	shows(&f, NOW_US,
	      "{\"realm\":\"default\",\"ip\":\"2001:db8:1::/64\",\"state\":\"confirmed\","
	      "\"msisdn\":\"819012345678\",\"imsi\":null,\"generation\":3,\"session_id\":null,"
	      "\"nas_id\":\"nas-1\",\"started\":\"2023-11-14T22:13:20Z\","
	      "\"expires\":\"2023-11-14T22:13:21.500000Z\",\"behind\":false}");
}

static void a_block_of_ports(void **state)
{
	struct binding_found f = found_make();
	struct history_row row = {.event = "start", .outcome = "applied"};
	json_t *json;

	(void)state;
	assert_int_equal(key_of_prefix("default", "192.0.2.1", &f.b.key), 0);
	json = binding_json_write(&f, NOW_US);
	assert_null(json_object_get(json, "port_range"));
	json_decref(json);
	assert_int_equal(key_set_ports(&f.b.key, "1024-2047"), 0);
	json = binding_json_write(&f, NOW_US);
	assert_string_equal(json_string_value(json_object_get(json, "ip")), "192.0.2.1");
	assert_string_equal(json_string_value(json_object_get(json, "port_range")), "1024-2047");
	json_decref(json);
	row.key = f.b.key;
	json = history_json_write(&row);
	assert_string_equal(json_string_value(json_object_get(json, "port_range")), "1024-2047");
	json_decref(json);
}

static void states_at_a_time(void **state)
{
	struct binding_found f = found_make();
	json_t *json;

	(void)state;
	json = binding_json_write(&f, NOW_US + 2000000);
	assert_string_equal(json_string_value(json_object_get(json, "state")), "free");
	json_decref(json);
	f.b.state = KEY_QUARANTINED;
	f.b.reason = QUARANTINE_IDENTITIES;
	json = binding_json_write(&f, NOW_US + 2000000);
	assert_string_equal(json_string_value(json_object_get(json, "state")), "quarantined");
	assert_string_equal(json_string_value(json_object_get(json, "reason")), "identities");
	json_decref(json);
}

static void history(void **state)
{
	struct history_row row = {.id = 7,
				  .key = found_make().b.key,
				  .event = "start",
				  .outcome = "applied",
				  .msisdn = "819012345678",
				  .session_id = "s",
				  .nas_id = "nas-1",
				  .feeder = "feeder",
				  .time_us = NOW_US,
				  .received_us = NOW_US + 1,
				  .generation = 1};
	json_t *json = history_json_write(&row);
	char *text = json_dumps(json, JSON_COMPACT);

	(void)state;
	assert_string_equal(text, "{\"id\":7,\"event\":\"start\",\"time\":\"2023-11-14T22:13:20Z\","
				  "\"received\":\"2023-11-14T22:13:20.000001Z\","
				  "\"msisdn\":\"819012345678\",\"imsi\":null,\"session_id\":\"s\","
				  "\"nas_id\":\"nas-1\",\"feeder\":\"feeder\",\"generation\":1,"
				  "\"outcome\":\"applied\"}");
	free(text);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binding), cmocka_unit_test(a_block_of_ports),
		cmocka_unit_test(states_at_a_time), cmocka_unit_test(history)};

	return cmocka_run_group_tests_name("authsrv/binding_json", tests, NULL, NULL);
}
