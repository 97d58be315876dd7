#include "lib/wire/sms/reassembly.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/parts.h"

#define PHONE     "819012345678"
#define MINUTE_US INT64_C(60000000)

static const struct sms_reassembly_limits limits = {5, 4000, 10 * MINUTE_US};

static struct sms_addr from;
static struct sms_reassembly *table;
static struct sms_whole whole;

static int set_up(void **state)
{
	(void)state;
	table = sms_reassembly_new(&limits);
	return table ? sms_addr_number("81900000001", &from) : -1;
}

static int tear_down(void **state)
{
	(void)state;
	sms_reassembly_free(table);
	return 0;
}

/* Part `number` of `total`, whose text is `text`. */
static struct sms_data part_of(unsigned reference, unsigned total, unsigned number,
			       const char *text)
{
	struct sms_data part = {.dcs = 4, .body_len = strlen(text)};
	struct sms_udh udh = {
		.has_ports = true,
		.ports = {2948, 9200, false},
		.has_concat = true,
		.concat = {(uint16_t)reference, (uint8_t)total, (uint8_t)number, reference > 255}};

	memcpy(part.body, text, part.body_len);
	assert_int_equal(sms_udh_encode(&udh, part.udh, sizeof part.udh, &part.udh_len), 0);
	return part;
}

static int add_at(int64_t now_us, unsigned reference, unsigned total, unsigned number,
		  const char *text)
{
	struct sms_data part = part_of(reference, total, number, text);

	return sms_reassembly_add(table, PHONE, &from, &part, now_us, &whole);
}

static int add(unsigned reference, unsigned total, unsigned number, const char *text)
{
	return add_at(0, reference, total, number, text);
}

static void must_say(const char *text)
{
	assert_int_equal(whole.body_len, strlen(text));
	assert_memory_equal(whole.body, text, whole.body_len);
}

static void parts_in_any_order_make_a_whole(void **state)
{
	static const unsigned orders[][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
					     {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
	static const char *const texts[] = {"", "one ", "two ", "three"};

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		for (size_t k = 0; k < 3; k++)
			assert_int_equal(add(7, 3, orders[i][k], texts[orders[i][k]]),
					 k < 2 ? E_AGAIN : 0);
		must_say("one two three");
		assert_true(whole.has_ports);
		assert_int_equal(whole.ports.destination, 2948);
		assert_int_equal(whole.dcs, 4);
	}
	struct sms_reassembly_counts counts = sms_reassembly_counts(table);
	assert_int_equal(counts.messages, 0);
	assert_int_equal(counts.octets, 0);
	assert_int_equal(counts.whole, 6);
}

static void a_message_of_one_part_is_whole_at_once(void **state)
{
	struct sms_data plain = {.dcs = 0, .body = "hi", .body_len = 2};

	(void)state;
	assert_int_equal(add(7, 1, 1, "alone"), 0);
	must_say("alone");
	assert_int_equal(sms_reassembly_add(table, PHONE, &from, &plain, 0, &whole), 0);
	must_say("hi");
	assert_false(whole.has_ports);
}

static void duplicates_change_nothing(void **state)
{
	(void)state;
	assert_int_equal(add(7, 2, 1, "a"), E_AGAIN);
	assert_int_equal(add(7, 2, 1, "a"), E_EXISTS);
	assert_int_equal(add(7, 2, 1, "a"), E_EXISTS);
	assert_int_equal(add(7, 2, 2, "b"), 0);
	must_say("ab");
	assert_int_equal(sms_reassembly_counts(table).duplicates, 2);
}

/* The width of the reference, the sender, the phone and the total tell messages apart. */
static void what_differs_is_another_message(void **state)
{
	struct sms_data part = part_of(7, 2, 2, "x");
	struct sms_addr other;

	(void)state;
	assert_int_equal(add(7, 2, 1, "a"), E_AGAIN);
	assert_int_equal(sms_addr_number("81900000002", &other), 0);
	assert_int_equal(sms_reassembly_add(table, PHONE, &other, &part, 0, &whole), E_AGAIN);
	assert_int_equal(sms_reassembly_add(table, "819012345679", &from, &part, 0, &whole),
			 E_AGAIN);
	assert_int_equal(add(7, 3, 2, "x"), E_AGAIN); /* contradicts the total */
	memcpy(part.udh, "\x0c\x05\x04\x0b\x84\x23\xf0\x08\x04\x00\x07\x02\x02", 13);
	part.udh_len = 13;
	assert_int_equal(sms_reassembly_add(table, PHONE, &from, &part, 0, &whole), E_AGAIN);
	assert_int_equal(add(7, 2, 2, "b"), 0);
	must_say("ab");
	assert_int_equal(sms_reassembly_counts(table).messages, 4);
}

static void the_newest_word_counts(void **state)
{
	struct sms_data part = part_of(7, 2, 2, "d");

	(void)state;
	/* the reference came round again */
	assert_int_equal(add(7, 2, 1, "old"), E_AGAIN);
	assert_int_equal(add(7, 2, 1, "new"), E_AGAIN);
	assert_int_equal(add(7, 2, 2, "er"), 0);
	must_say("newer");
	/* another coding */
	assert_int_equal(add(7, 2, 1, "c"), E_AGAIN);
	part.dcs = 8;
	assert_int_equal(sms_reassembly_add(table, PHONE, &from, &part, 0, &whole), E_AGAIN);
	assert_int_equal(sms_reassembly_counts(table).restarted, 2);
	assert_int_equal(sms_reassembly_counts(table).messages, 1);
	/* what started anew is young again */
	assert_int_equal(add_at(9 * MINUTE_US, 7, 2, 2, "f"), E_AGAIN);
	assert_int_equal(add_at(18 * MINUTE_US, 7, 2, 1, "e"), 0);
	must_say("ef");
}

static void what_never_completes_expires(void **state)
{
	(void)state;
	assert_int_equal(add_at(0, 1, 2, 1, "a"), E_AGAIN);
	assert_int_equal(add_at(MINUTE_US, 2, 2, 1, "b"), E_AGAIN);
	sms_reassembly_expire(table, 10 * MINUTE_US - 1);
	assert_int_equal(sms_reassembly_counts(table).messages, 2);
	sms_reassembly_expire(table, 10 * MINUTE_US);
	assert_int_equal(sms_reassembly_counts(table).messages, 1);
	/* a part that comes too late starts what will not complete either */
	assert_int_equal(add_at(11 * MINUTE_US, 2, 2, 2, "c"), E_AGAIN);
	assert_int_equal(sms_reassembly_counts(table).messages, 1);
	assert_int_equal(sms_reassembly_counts(table).expired, 2);
}

static void the_oldest_makes_room(void **state)
{
	(void)state;
	for (unsigned i = 0; i < limits.messages_max; i++)
		assert_int_equal(add(i, 2, 1, "a"), E_AGAIN);
	assert_int_equal(add(99, 2, 1, "a"), E_AGAIN);
	assert_int_equal(sms_reassembly_counts(table).messages, limits.messages_max);
	assert_int_equal(sms_reassembly_counts(table).evicted, 1);
	assert_int_equal(add(1, 2, 2, "b"), 0);
	assert_int_equal(add(0, 2, 2, "b"), E_AGAIN); /* it was the oldest */
}

static void octets_are_bounded(void **state)
{
	char text[121];

	(void)state;
	memset(text, 'x', 120);
	text[120] = '\0';
	/* one message that alone would be too large, beside one that has to go for it */
	assert_int_equal(add(1, 2, 1, "a"), E_AGAIN);
	for (unsigned number = 1;; number++) {
		int err = add(2, 255, number, text);

		assert_true(sms_reassembly_counts(table).octets <= limits.octets_max);
		if (err != E_AGAIN) {
			assert_int_equal(err, E_TOO_LARGE);
			assert_in_range(number, 10, limits.octets_max / 120);
			break;
		}
	}
	assert_int_equal(sms_reassembly_counts(table).messages, 0);
	assert_int_equal(sms_reassembly_counts(table).octets, 0);
	assert_int_equal(sms_reassembly_counts(table).evicted, 1);
}

static void bad_parts_leave_the_table_as_it_is(void **state)
{
	struct sms_data part = part_of(7, 2, 2, "b"), bad = part;

	(void)state;
	bad.udh[2] = 10; /* its element is over the end */
	assert_int_equal(add(7, 2, 1, "a"), E_AGAIN);
	assert_int_equal(sms_reassembly_add(table, PHONE, &from, &bad, 0, &whole), E_SYNTAX);
	assert_int_equal(sms_reassembly_add(table, "8190123456789012", &from, &part, 0, &whole),
			 E_TOO_LARGE);
	assert_int_equal(sms_reassembly_counts(table).messages, 1);
	assert_int_equal(add(7, 2, 2, "b"), 0);
	must_say("ab");
}

static void the_longest_message_comes_back(void **state)
{
	static struct sms_data parts[SMS_PARTS_MAX];
	static uint8_t body[SMS_PARTS_MAX * 128];
	const struct sms_split how = {
		.dcs = 4, .has_ports = true, .ports = {2948, 9200, false}, .reference = 300};
	const struct sms_reassembly_limits wide = {4, 1000000, MINUTE_US};
	struct sms_reassembly *big = sms_reassembly_new(&wide);
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof body; i++)
		body[i] = (uint8_t)(i * 31 >> 3);
	assert_int_equal(sms_split(&how, body, sizeof body, parts, SMS_PARTS_MAX, &count), 0);
	assert_int_equal(count, SMS_PARTS_MAX);
	for (size_t i = count; i-- > 0;)
		assert_int_equal(sms_reassembly_add(big, PHONE, &from, &parts[i], 0, &whole),
				 i == 0 ? 0 : E_AGAIN);
	assert_int_equal(whole.body_len, sizeof body);
	assert_memory_equal(whole.body, body, sizeof body);
	assert_int_equal(sms_split(&how, body, sizeof body, parts, SMS_PARTS_MAX - 1, &count),
			 E_TOO_LARGE);
	sms_reassembly_free(big);
}

#define a_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		a_test(parts_in_any_order_make_a_whole),
		a_test(a_message_of_one_part_is_whole_at_once),
		a_test(duplicates_change_nothing),
		a_test(what_differs_is_another_message),
		a_test(the_newest_word_counts),
		a_test(what_never_completes_expires),
		a_test(the_oldest_makes_room),
		a_test(octets_are_bounded),
		a_test(bad_parts_leave_the_table_as_it_is),
		a_test(the_longest_message_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
