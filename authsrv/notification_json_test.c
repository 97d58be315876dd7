#include "authsrv/notification_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "authsrv/json_field.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const char *read_text(const char *text, struct notification *n)
{
	json_t *body = body_read(text, strlen(text));
	const char *wrong = notification_json_read(body, n);

	json_decref(body);
	return wrong;
}

static void the_least_that_is_said(void **state)
{
	struct notification n;

	(void)state;
	assert_null(read_text("{\"mode\":\"push\"}", &n));
	assert_int_equal(n.mode, NOTIFY_PUSH);
	assert_false(n.replaces || n.hides_sender || n.quiet.lets_udp_through);
	assert_int_equal(n.quiet.from_min, n.quiet.to_min);
	assert_int_equal(n.udp_per_hour, NOTIFY_RATE_DEFAULT);
	assert_int_equal(n.sms_per_hour, NOTIFY_RATE_DEFAULT);
	assert_null(read_text("{\"mode\":\"off\",\"quiet\":null,\"replace\":null,\"sender\":null,"
			      "\"udp_per_hour\":null}",
			      &n));
	assert_int_equal(n.mode, NOTIFY_OFF);
	assert_false(n.hides_sender);
}

static void everything(void **state)
{
	struct notification n;

	(void)state;
	assert_null(read_text(
		"{\"mode\":\"text\",\"replace\":true,\"sender\":false,\"udp_per_hour\":0,"
		"\"sms_per_hour\":4,\"quiet\":{\"from\":\"22:30\",\"to\":\"07:05\",\"zone\":"
		"\"Asia/Tokyo\",\"udp\":\"go\"}}",
		&n));
	assert_int_equal(n.mode, NOTIFY_TEXT);
	assert_true(n.replaces && n.hides_sender && n.quiet.lets_udp_through);
	assert_int_equal(n.quiet.from_min, 22 * 60 + 30);
	assert_int_equal(n.quiet.to_min, 7 * 60 + 5);
	assert_string_equal(n.quiet.rule_text, "JST-9");
	assert_int_equal(zone_offset_s(&n.quiet.rule, 0), 9 * 3600);
	assert_int_equal(n.udp_per_hour, 0);
	assert_int_equal(n.sms_per_hour, 4);
}

static void what_is_written_is_read_again(void **state)
{
	static const char *const texts[] = {
		"{\"mode\":\"push\"}",
		"{\"mode\":\"text\",\"replace\":true,\"sender\":false,\"sms_per_hour\":3600}",
		"{\"mode\":\"off\",\"quiet\":{\"from\":\"00:00\",\"to\":\"23:59\",\"zone\":\"Z\"}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct notification n, again;

		assert_null(read_text(texts[i], &n));
		json_t *out = notification_json_write(&n, true);
		assert_false(json_is_true(json_object_get(out, "default")));
		/* what is shown and not said */
		json_object_del(out, "default");
		assert_null(notification_json_read(out, &again));
		assert_memory_equal(&n, &again, sizeof n);
		json_decref(out);
	}
}

#define QUIET(members) "{\"mode\":\"push\",\"quiet\":{" members "}}"
#define HOURS          "\"from\":\"22:00\",\"to\":\"07:00\","

/* Each with the word that its problem must have in it. */
static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"", "object"},
		{"[]", "object"},
		{"\"push\"", "object"},
		{"{}", "mode"},
		{"{\"mode\":\"sms\"}", "mode"},
		{"{\"mode\":null}", "mode"},
		{"{\"mode\":1}", "mode"},
		{"{\"mode\":\"push\",\"silent\":true}", "member"},
		{"{\"mode\":\"push\",\"default\":true}", "member"},
		{"{\"mode\":\"text\",\"replace\":\"yes\"}", "replace"},
		{"{\"mode\":\"text\",\"sender\":0}", "sender"},
		{"{\"mode\":\"push\",\"sms_per_hour\":-1}", "sms_per_hour"},
		{"{\"mode\":\"push\",\"sms_per_hour\":3601}", "sms_per_hour"},
		{"{\"mode\":\"push\",\"sms_per_hour\":1.5}", "sms_per_hour"},
		{"{\"mode\":\"push\",\"udp_per_hour\":\"1\"}", "udp_per_hour"},
		{"{\"mode\":\"push\",\"udp_per_hour\":99999999999999999999}", "udp_per_hour"},
		{"{\"mode\":\"push\",\"quiet\":\"22-7\"}", "quiet"},
		{QUIET(""), "from"},
		{QUIET("\"from\":\"22:00\",\"zone\":\"Z\""), "to"},
		{QUIET(HOURS ""
			     "\"x\":1"),
		 "members"},
		{QUIET("\"from\":\"24:00\",\"to\":\"07:00\",\"zone\":\"Z\""), "from"},
		{QUIET("\"from\":\"22:60\",\"to\":\"07:00\",\"zone\":\"Z\""), "from"},
		{QUIET("\"from\":\"22:00\",\"to\":\"7:00\",\"zone\":\"Z\""), "to"},
		{QUIET("\"from\":\"22:00\",\"to\":\"07:00:00\",\"zone\":\"Z\""), "to"},
		{QUIET("\"from\":\"22:00\",\"to\":\"-7:00\",\"zone\":\"Z\""), "to"},
		{QUIET("\"from\":\"22:00\",\"to\":\" 7:00\",\"zone\":\"Z\""), "to"},
		{QUIET("\"from\":2200,\"to\":\"07:00\",\"zone\":\"Z\""), "from"},
		{QUIET("\"from\":\"07:00\",\"to\":\"07:00\",\"zone\":\"Z\""), "same"},
		{QUIET(HOURS "\"zone\":\"Asia/Edo\""), "known"},
		{QUIET(HOURS "\"zone\":\"../../etc/passwd\""), "zone"},
		{QUIET(HOURS "\"zone\":\"+9\""), "zone"},
		{QUIET(HOURS "\"zone\":\"\""), "zone"},
		{QUIET(HOURS "\"zone\":\"Z\",\"udp\":\"silent\""), "udp"},
		{QUIET(HOURS "\"zone\":\"Z\",\"udp\":true"), "udp"},
		{"{\"mode\":\"push\",\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\"}}", "zone"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct notification n = {.sms_per_hour = 77};
		const char *wrong = read_text(cases[i].text, &n);

		if (!wrong || !strstr(wrong, cases[i].word))
			fail_msg("%s: %s", cases[i].text, wrong ? wrong : "taken");
		assert_int_equal(n.sms_per_hour, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_least_that_is_said),
		cmocka_unit_test(everything),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_wrong_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
