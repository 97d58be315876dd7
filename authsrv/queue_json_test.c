/* Mails that wait as JSON: what a stranger's server said cannot spoil it; where a page ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "authsrv/queue_json.h"

static struct queue_mail a_mail(void)
{
	return (struct queue_mail){.id = 7,
				   .sender = 3,
				   .msisdn = "819012345678",
				   .reverse_path = "a@b.example",
				   .size = 12,
				   .received_us = 1700000000000000,
				   .left = 2,
				   .next_us = 1700000060000000,
				   .attempts = 1,
				   .lane = "c.example",
				   .first = "d@c.example",
				   .last = {451, "4.3.0", "later", "mx.c.example"}};
}

static const char *text_in(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void test_mail(void **state)
{
	struct queue_mail m = a_mail();
	json_t *json = queue_mail_json_write(&m);

	(void)state;
	assert_non_null(json);
	assert_string_equal(text_in(json, "sender"), "819012345678");
	assert_string_equal(text_in(json, "next"), "2023-11-14T22:14:20Z");
	assert_string_equal(text_in(json_object_get(json, "last"), "text"), "later");
	json_decref(json);

	/* Ours, held, not tried yet. */
	m.msisdn = "";
	m.next_us = INT64_MAX;
	m.last = (struct queue_reply){0, "", "", ""};
	json = queue_mail_json_write(&m);
	assert_true(json_is_null(json_object_get(json, "sender")));
	assert_true(json_is_null(json_object_get(json, "next")));
	assert_true(json_is_null(json_object_get(json, "last")));
	json_decref(json);
}

static void test_octets_of_strangers(void **state)
{
	struct queue_mail m = a_mail();
	char longest[QUEUE_TEXT_MAX];

	(void)state;
	memset(longest, 0xe3, sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	m.last.text = longest;
	m.first = "\xff@c.example";
	json_t *json = queue_mail_json_write(&m);
	assert_non_null(json);
	assert_string_equal(text_in(json, "to"), "?@c.example");
	assert_int_equal(strspn(text_in(json_object_get(json, "last"), "text"), "?"),
			 QUEUE_TEXT_MAX - 1);
	json_decref(json);
}

static void test_places(void **state)
{
	static const char *const bad[] = {
		"", ".", "1.", ".1", "x", "1.x", "-1", "1.2.3", "99999999999999999999", "1 "};
	char text[QUEUE_PLACE_MAX];
	struct queue_place place = {0};

	(void)state;
	assert_true(queue_place_read("42", &place));
	assert_true(place.next_us == 0 && place.mail == 42);
	assert_true(
		queue_place_read(queue_place_write(&(struct queue_place){5, 42}, text), &place));
	assert_true(place.next_us == 5 && place.mail == 42);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(queue_place_read(bad[i], &place));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_mail),
					   cmocka_unit_test(test_octets_of_strangers),
					   cmocka_unit_test(test_places)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
