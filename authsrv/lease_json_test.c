#include "authsrv/lease_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "authsrv/json_field.h"
#include "lib/clock.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])
#define NOW_US      INT64_C(1700000000000000)

static char any_nas[] = "", one_nas[] = "nas-1";
static const struct conf_network_key row_any = {
	.id = "feeder", .realm = "default", .nas_ids = any_nas};
static const struct conf_network_key row_one = {
	.id = "radio", .realm = "default", .nas_ids = one_nas};
static const struct network_key key_any = {.conf = &row_any}, key_one = {.conf = &row_one};

static enum lease_reading read_as(const struct network_key *key, const char *text,
				  struct lease_event *ev, struct lease_fault *fault)
{
	json_t *json =
		json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	struct lease_context c = {
		.key = key, .realm = "default", .received_us = NOW_US, .batch = 7};

	if (!json)
		fail_msg("no JSON: %s", text);
	enum lease_reading reading = lease_json_read(json, &c, ev, fault);
	json_decref(json);
	lease_json_release(ev);
	return reading;
}

static void whole_event(void **state)
{
	struct lease_event ev;
	struct lease_fault fault;
	char text[KEY_TEXT_MAX];

	(void)state;
	assert_int_equal(read_as(&key_any,
				 "{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"ipv6_prefix\":\"2001:"
				 "db8:1::/64\","
				 "\"msisdn\":\"+819012345678\",\"imsi\":\"440101234567890\","
				 "\"session_id\":\"s-1\",\"nas_id\":\"nas-9\","
				 "\"time\":\"2023-11-14T22:13:20.5Z\",\"lease_seconds\":3600,"
				 "\"colour\":{\"of\":[\"no\",\"meaning\"]}}",
				 &ev, &fault),
			 LEASE_READ);
	assert_int_equal(ev.kind, LEASE_START);
	assert_int_equal(ev.key_count, 2);
	assert_string_equal(key_format(&ev.keys[0], text), "10.0.0.1");
	assert_string_equal(key_format(&ev.keys[1], text), "2001:db8:1::/64");
	assert_string_equal(ev.keys[0].realm, "default");
	assert_string_equal(ev.realm, "default");
	assert_string_equal(ev.msisdn, "819012345678");
	assert_string_equal(ev.imsi, "440101234567890");
	assert_string_equal(ev.session_id, "s-1");
	assert_string_equal(ev.nas_id, "nas-9");
	assert_string_equal(ev.feeder, "feeder");
	assert_int_equal(ev.time_us, NOW_US + 500000);
	assert_int_equal(ev.lease_us, 3600 * CLOCK_S);
	assert_int_equal(ev.received_us, NOW_US);
	assert_int_equal(ev.batch, 7);
	assert_int_equal(ev.delay_us, 0);
	assert_false(ev.unreadable);
}

static void devices(void **state)
{
	static const char text[] =
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"hw_address\":\"02:00:00:00:00:0A\","
		"\"client_id\":\"01020000000001\",\"circuit_id\":\"30\",\"remote_id\":null,"
		"\"session_id\":\"s\",\"session_recurs\":true}";
	struct lease_context c = {.key = &key_any, .realm = "default", .received_us = NOW_US};
	struct lease_event ev;
	struct lease_fault fault;
	char hex[DEVICE_TEXT_MAX];
	json_t *json = json_loads(text, 0, NULL);

	(void)state;
	assert_int_equal(lease_json_read(json, &c, &ev, &fault), LEASE_READ);
	json_decref(json);
	assert_true(ev.session_recurs);
	assert_int_equal(ev.devices->count, 3);
	/* in the order of precedence, not of the text */
	assert_int_equal(ev.devices->list[0].kind, DEVICE_CIRCUIT_ID);
	assert_int_equal(ev.devices->list[1].kind, DEVICE_CLIENT_ID);
	assert_int_equal(ev.devices->list[2].kind, DEVICE_HW_ADDRESS);
	assert_string_equal(device_format(&ev.devices->list[2], hex), "02000000000a");
	lease_json_release(&ev);
	assert_null(ev.devices);
}

/* A block that cannot be read is the whole address: its Start frees all of it. */
static void port_ranges(void **state)
{
	static const struct {
		const char *text, *key;
		enum lease_reading reading;
	} cases[] = {
		{"\"event\":\"start\",\"port_range\":\"1024-2047\"", "10.0.0.1#1024-2047",
		 LEASE_READ},
		{"\"event\":\"stop\",\"port_range\":\"0-1023\"", "10.0.0.1#0-1023", LEASE_READ},
		{"\"event\":\"start\",\"port_range\":null", "10.0.0.1", LEASE_READ},
		{"\"event\":\"start\",\"port_range\":\"0-65535\"", "10.0.0.1", LEASE_READ},
		{"\"event\":\"start\",\"port_range\":\"2047-1024\"", "10.0.0.1", LEASE_READ_BADLY},
		{"\"event\":\"start\",\"port_range\":[1024,2047]", "10.0.0.1", LEASE_READ_BADLY},
		{"\"event\":\"start\",\"port_range\":\"1024-2047-4095\"", "10.0.0.1",
		 LEASE_READ_BADLY},
		{"\"event\":\"update\",\"port_range\":\"all\"", NULL, LEASE_REFUSED},
	};
	struct lease_event ev;
	struct lease_fault fault;
	char text[256], key[KEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(text, sizeof text, "{%s,\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
			 cases[i].text);
		assert_int_equal(read_as(&key_any, text, &ev, &fault), cases[i].reading);
		if (cases[i].key)
			assert_string_equal(key_format(&ev.keys[0], key), cases[i].key);
	}
	/* The block is the IPv4 address's, beside a whole prefix; a prefix alone has none. */
	assert_int_equal(read_as(&key_any,
				 "{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"ipv6_prefix\":\"2001:"
				 "db8:1::/64\","
				 "\"port_range\":\"1024-2047\",\"msisdn\":\"8190\"}",
				 &ev, &fault),
			 LEASE_READ);
	assert_string_equal(key_format(&ev.keys[0], key), "10.0.0.1#1024-2047");
	assert_string_equal(key_format(&ev.keys[1], key), "2001:db8:1::/64");
	assert_int_equal(read_as(&key_any,
				 "{\"event\":\"start\",\"ipv6_prefix\":\"2001:db8:1::/64\","
				 "\"port_range\":\"1024-2047\",\"msisdn\":\"8190\"}",
				 &ev, &fault),
			 LEASE_READ_BADLY);
	assert_string_equal(fault.problem, "malformed");
}

static void read_well(void **state)
{
	static const char *const cases[] = {
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"update\",\"ip\":\"10.0.0.1\",\"imsi\":\"440101234567890\"}",
		"{\"event\":\"start\",\"ipv6_prefix\":\"2001:db8:1::/56\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"2001:db8::5\",\"msisdn\":\"8190\"}",
		"{\"event\":\"stop\",\"session_id\":\"s\"}",
		"{\"event\":\"stop\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"nas-on\"}",
		"{\"event\":\"nas-off\",\"nas_id\":\"nas-1\",\"time\":\"2023-11-14T22:13:20Z\"}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"subscriber_id\":\"00\"}",
		"{\"event\":\"stop\",\"ip\":\"10.0.0.1\",\"client_id\":\"01\"}",
		"{\"event\":\"stop\",\"session_id\":\"s\",\"session_recurs\":false}",
		/* what is not its business does not spoil a NAS event */
		"{\"event\":\"nas-on\",\"ip\":17,\"msisdn\":[],\"lease_seconds\":\"x\"}",
		/* null is absent */
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"imsi\":null,"
		"\"time\":null,\"session_id\":null,\"nas_id\":null,\"lease_seconds\":null,"
		"\"ipv6_prefix\":null}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"lease_seconds\":1}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\","
		"\"lease_seconds\":4294967295}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"lease_seconds\":60."
		"0}",
	};
	struct lease_event ev;
	struct lease_fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (read_as(&key_any, cases[i], &ev, &fault) != LEASE_READ || ev.unreadable)
			fail_msg("%s", cases[i]);
}

static void refused(void **state)
{
	static const char *const cases[] = {
		"17",
		"\"start\"",
		"[]",
		"null",
		"{}",
		"{\"event\":\"begin\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"START\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":1,\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\\u0000\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.256\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\\u0000\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1/32\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":167772161,\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"0.0.0.0\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"224.0.0.1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"fe80::1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ip\":\"64:ff9b::1\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ipv6_prefix\":\"2001:db8::/65\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ipv6_prefix\":\"2001:db8::/32\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ipv6_prefix\":\"2001:db8::1/64\",\"msisdn\":\"8190\"}",
		"{\"event\":\"start\",\"ipv6_prefix\":\"10.0.0.1/32\",\"msisdn\":\"8190\"}",
		"{\"event\":\"update\",\"ip\":\"10.0.0.1\"}",
		"{\"event\":\"update\",\"ip\":\"10.0.0.1\",\"msisdn\":\"81-90\"}",
		"{\"event\":\"update\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"imsi\":\"4401x\"}",
		"{\"event\":\"update\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"time\":\"now\"}",
		"{\"event\":\"stop\"}",
		"{\"event\":\"stop\",\"ip\":\"10.0.0.1\"}",
		"{\"event\":\"stop\",\"msisdn\":\"8190\"}",
		"{\"event\":\"stop\",\"session_id\":\"\"}",
		"{\"event\":\"nas-on\",\"time\":\"1969-12-31T23:59:59Z\"}",
		"{\"event\":\"nas-on\",\"nas_id\":\"\"}",
		"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"nas_id\":5}",
	};
	struct lease_event ev;
	struct lease_fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fault = (struct lease_fault){0};
		if (read_as(&key_any, cases[i], &ev, &fault) != LEASE_REFUSED)
			fail_msg("%s", cases[i]);
		assert_string_equal(fault.problem, "malformed");
		assert_non_null(fault.detail);
	}
}

/* A Start whose address can be read evicts, whatever else is wrong with it. */
static void start_evicts(void **state)
{
	static const char *const cases[] = {
		"\"x\":1", /* no identity */
		"\"msisdn\":\"\"",
		"\"msisdn\":5",
		"\"msisdn\":\"12\"",
		"\"msisdn\":\"1234567890123456\"",
		"\"msisdn\":\"++8190\"",
		"\"msisdn\":\"819\\u0000\"",
		"\"imsi\":\"12345\"",
		"\"imsi\":\"1234567890123456\"",
		"\"imsi\":{}",
		"\"client_id\":7",
		"\"client_id\":\"\"",
		"\"client_id\":\"0\"",
		"\"msisdn\":\"8190\",\"hw_address\":\"02-00\"",
		"\"msisdn\":\"8190\",\"circuit_id\":\"00\\u0000\"",
		"\"msisdn\":\"8190\",\"session_recurs\":1",
		"\"msisdn\":\"8190\",\"imsi\":false",
		"\"msisdn\":\"8190\",\"time\":1700000000",
		"\"msisdn\":\"8190\",\"time\":\"2023-02-29T00:00:00Z\"",
		"\"msisdn\":\"8190\",\"session_id\":7",
		"\"msisdn\":\"8190\",\"session_id\":\"a\\nb\"",
		"\"msisdn\":\"8190\",\"lease_seconds\":0",
		"\"msisdn\":\"8190\",\"lease_seconds\":-1",
		"\"msisdn\":\"8190\",\"lease_seconds\":4294967296",
		"\"msisdn\":\"8190\",\"lease_seconds\":99999999999999999999999999",
		"\"msisdn\":\"8190\",\"lease_seconds\":1.5",
		"\"msisdn\":\"8190\",\"lease_seconds\":\"60\"",
		"\"msisdn\":\"8190\",\"ipv6_prefix\":\"2001:db8::/65\"",
	};
	struct lease_event ev;
	struct lease_fault fault;
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		snprintf(text, sizeof text, "{\"event\":\"start\",\"ip\":\"10.0.0.1\",%s}",
			 cases[i]);
		if (read_as(&key_any, text, &ev, &fault) != LEASE_READ_BADLY || !ev.unreadable)
			fail_msg("%s", text);
		assert_int_equal(ev.key_count, 1);
		assert_string_equal(fault.problem, "malformed");
		assert_non_null(fault.detail);
	}
}

static void unreadable_address_beside_a_good_prefix(void **state)
{
	struct lease_event ev;
	struct lease_fault fault;

	(void)state;
	assert_int_equal(read_as(&key_any,
				 "{\"event\":\"start\",\"ip\":\"x\",\"msisdn\":\"8190\","
				 "\"ipv6_prefix\":\"2001:db8:1::/64\"}",
				 &ev, &fault),
			 LEASE_READ_BADLY);
	assert_int_equal(ev.key_count, 1);
	assert_int_equal(ev.keys[0].plen, 64);
}

static void address_and_prefix_of_one_family(void **state)
{
	struct lease_event ev;
	struct lease_fault fault;

	(void)state;
	assert_int_equal(
		read_as(&key_any,
			"{\"event\":\"start\",\"ip\":\"2001:db8:1::9\",\"msisdn\":\"8190\","
			"\"ipv6_prefix\":\"2001:db8:1::/56\"}",
			&ev, &fault),
		LEASE_READ);
	assert_int_equal(ev.key_count, 1);
	assert_int_equal(ev.keys[0].plen, 56);
	/* Two different ones: both former holders go. */
	assert_int_equal(
		read_as(&key_any,
			"{\"event\":\"start\",\"ip\":\"2001:db8:2::9\",\"msisdn\":\"8190\","
			"\"ipv6_prefix\":\"2001:db8:1::/64\"}",
			&ev, &fault),
		LEASE_READ_BADLY);
	assert_int_equal(ev.key_count, 2);
}

static void nas_of_the_key(void **state)
{
	static const struct {
		const char *text;
		enum lease_reading reading;
		const char *problem;
	} cases[] = {
		{"{\"event\":\"nas-on\",\"nas_id\":\"nas-1\"}", LEASE_READ, NULL},
		{"{\"event\":\"nas-on\",\"nas_id\":\"nas-2\"}", LEASE_REFUSED, "forbidden"},
		{"{\"event\":\"nas-on\"}", LEASE_REFUSED, "forbidden"}, /* the key's id is none */
		{"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"nas_id\":\"nas-"
		 "2\"}",
		 LEASE_REFUSED, "forbidden"}, /* not even to evict */
		{"{\"event\":\"start\",\"ip\":\"10.0.0.1\",\"msisdn\":\"8190\",\"nas_id\":[]}",
		 LEASE_REFUSED, "malformed"},
	};
	struct lease_event ev;
	struct lease_fault fault;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (read_as(&key_one, cases[i].text, &ev, &fault) != cases[i].reading)
			fail_msg("%s", cases[i].text);
		if (cases[i].problem)
			assert_string_equal(fault.problem, cases[i].problem);
	}
	assert_int_equal(read_as(&key_any, "{\"event\":\"nas-on\"}", &ev, &fault), LEASE_READ);
	assert_string_equal(ev.nas_id, "feeder");
}

static void longest_texts(void **state)
{
	struct lease_event ev;
	struct lease_fault fault;
	char text[1024], session[SESSION_ID_MAX + 1], nas[NAS_ID_MAX + 1];

	(void)state;
	memset(session, 's', sizeof session);
	memset(nas, 'n', sizeof nas);
	for (int over = 0; over < 2; over++) {
		session[SESSION_ID_MAX - 1 + over] = 0;
		snprintf(text, sizeof text, "{\"event\":\"stop\",\"session_id\":\"%s\"}", session);
		assert_int_equal(read_as(&key_any, text, &ev, &fault),
				 over ? LEASE_REFUSED : LEASE_READ);
		session[SESSION_ID_MAX - 1 + over] = 's';
		nas[NAS_ID_MAX - 1 + over] = 0;
		snprintf(text, sizeof text, "{\"event\":\"nas-on\",\"nas_id\":\"%s\"}", nas);
		assert_int_equal(read_as(&key_any, text, &ev, &fault),
				 over ? LEASE_REFUSED : LEASE_READ);
		nas[NAS_ID_MAX - 1 + over] = 'n';
	}
}

/* 1970 itself is a time (a NAS without a clock says it), not the absence of one. */
static void epoch(void **state)
{
	struct lease_event ev;
	struct lease_fault fault;

	(void)state;
	assert_int_equal(read_as(&key_any,
				 "{\"event\":\"nas-on\",\"time\":\"1970-01-01T00:00:00Z\"}", &ev,
				 &fault),
			 LEASE_READ);
	assert_int_not_equal(ev.time_us, 0);
}

/* What would spoil the reading of a whole batch spoils one event. */
static void bodies(void **state)
{
	static const char nul[] = "[{\"event\":\"stop\",\"session_id\":\"a\\u0000\"}]";
	static const char big[] = "[{\"event\":\"start\",\"lease_seconds\":123456789012345678901}]";
	static const char *const bad[] = {"", "{", "[1,]", "{\"a\":1} x", "'a'", "\xff", "nan"};

	(void)state;
	json_t *json = body_read(nul, sizeof nul - 1);
	assert_true(json_is_array(json));
	json_decref(json);
	json = body_read(big, sizeof big - 1);
	assert_true(json_is_array(json));
	json_decref(json);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_null(body_read(bad[i], strlen(bad[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_event),
		cmocka_unit_test(devices),
		cmocka_unit_test(port_ranges),
		cmocka_unit_test(read_well),
		cmocka_unit_test(refused),
		cmocka_unit_test(start_evicts),
		cmocka_unit_test(unreadable_address_beside_a_good_prefix),
		cmocka_unit_test(address_and_prefix_of_one_family),
		cmocka_unit_test(nas_of_the_key),
		cmocka_unit_test(longest_texts),
		cmocka_unit_test(epoch),
		cmocka_unit_test(bodies),
	};

	return cmocka_run_group_tests_name("authsrv/lease_json", tests, NULL, NULL);
}
