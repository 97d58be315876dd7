#include "handset-sim/letters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PHONES 4
#define EACH   7

static int setup(void **state)
{
	const struct letters_plan plan = {.phones = PHONES, .each = EACH, .first = 9, .run = 0xabc};
	struct letters *l = calloc(1, sizeof *l);

	*state = l;
	return letters_init(l, &plan);
}

static int teardown(void **state)
{
	letters_fini(*state);
	free(*state);
	return 0;
}

/* The phone that letter `index` is for. */
static uint32_t reader_of(const struct letters *l, uint32_t index)
{
	char from[64], to[256];
	unsigned number;

	letters_addresses(l, index, from, to);
	assert_int_equal(sscanf(to, "phone%u@", &number), 1);
	return number - 9;
}

static void write_all(struct letters *l)
{
	for (uint32_t i = 0; i < PHONES * EACH; i++)
		letters_answered(l, i / EACH, true);
}

static bool arrives(struct letters *l, uint32_t index, uint32_t phone, const char *trace)
{
	char text[LETTER_MAX], mail[2 * LETTER_MAX];

	letters_compose(l, index, text);
	int n = snprintf(mail, sizeof mail, "%s%s", trace, text);
	return letters_fetched(l, phone, (const uint8_t *)mail, (size_t)n);
}

static void in_turn_and_to_others(void **state)
{
	struct letters *l = *state;
	uint32_t index;

	for (uint32_t p = 0; p < PHONES; p++) {
		for (uint32_t i = 0; i < EACH; i++) {
			assert_true(letters_next(l, p, &index));
			assert_int_equal(index, p * EACH + i);
			assert_int_not_equal(reader_of(l, index), p);
			letters_answered(l, p, i != 0);
		}
		assert_false(letters_next(l, p, &index));
	}
	assert_int_equal(l->refused, PHONES);
	assert_int_equal(l->accepted, PHONES * (EACH - 1));
}

static void all_is_well(void **state)
{
	struct letters *l = *state;

	write_all(l);
	assert_int_equal(letters_lost(l), PHONES * EACH);
	assert_false(letters_are_done(l));
	for (uint32_t i = 0; i < PHONES * EACH; i++)
		assert_true(arrives(l, i, reader_of(l, i),
				    "Return-Path: <a@b>\r\nReceived: by x\r\n\tfor y\r\n"));
	assert_true(letters_are_done(l));
	assert_true(letters_are_clean(l));
	assert_true(arrives(l, 0, reader_of(l, 0), "")); /* sent again: allowed */
	assert_int_equal(l->again, 1);
	assert_true(letters_are_clean(l));
}

static void what_is_wrong(void **state)
{
	struct letters *l = *state;
	char text[LETTER_MAX], mail[2 * LETTER_MAX];

	write_all(l);
	assert_true(arrives(l, 3, (reader_of(l, 3) + 1) % PHONES, ""));
	assert_int_equal(l->stranger, 1);
	size_t n = letters_compose(l, 4, text);
	text[n - 3] ^= 1;
	assert_true(letters_fetched(l, reader_of(l, 4), (const uint8_t *)text, n));
	assert_int_equal(l->altered, 1);
	letters_compose(l, 5, text);
	int m = snprintf(mail, sizeof mail, "From: MAILER-DAEMON\r\n\r\nreturned:\r\n%s", text);
	assert_true(letters_fetched(l, 0, (const uint8_t *)mail, (size_t)m));
	assert_int_equal(l->bounced, 1);
	assert_int_equal(letters_lost(l), PHONES * EACH - 2);
	assert_false(letters_are_clean(l));
}

static void what_is_none(void **state)
{
	static const char *const mails[] = {"", "Subject: x\r\n\r\n",
					    "X-Hato-Letter: ", "X-Hato-Letter: abd-1\r\n",
					    "X-Hato-Letter: abc-28\r\n"};
	struct letters *l = *state, unused = {0};

	for (size_t i = 0; i < sizeof mails / sizeof *mails; i++)
		assert_false(letters_fetched(l, 0, (const uint8_t *)mails[i], strlen(mails[i])));
	assert_false(letters_fetched(&unused, 0, (const uint8_t *)"X-Hato-Letter: 0-0", 18));
	assert_true(letters_are_clean(&unused));
}

static void who_writes_none(void **state)
{
	struct letters *l = *state;
	uint32_t index;

	letters_spare(l, 2);
	assert_false(letters_next(l, 2, &index));
	assert_int_equal(l->wanted, (PHONES - 1) * EACH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(in_turn_and_to_others), TEST(all_is_well),
					   TEST(what_is_wrong), TEST(what_is_none),
					   TEST(who_writes_none)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
