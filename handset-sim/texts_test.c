#include "handset-sim/texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire/sms/text.h"

#define PHONES 7
#define COUNT  20

static int setup(void **state)
{
	struct texts *t = calloc(1, sizeof *t);

	*state = t;
	return texts_init(t, COUNT, PHONES, 0xabcdef);
}

static int teardown(void **state)
{
	texts_fini(*state);
	free(*state);
	return 0;
}

static void write_all(struct texts *t)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		texts_written(t, i, 2);
		texts_sent(t, i, true);
		texts_sent(t, i, true);
	}
}

static void what_is_said_of_the_alphabet_is_so(void **state)
{
	struct texts *t = *state;
	char text[TEXTS_MAX + 1];
	uint8_t septets[2 * TEXTS_MAX];
	size_t n;
	bool has_long[2] = {false, false};

	for (uint32_t i = 0; i < COUNT; i++) {
		size_t len = texts_compose(t, i, text);
		assert_int_equal(len, strlen(text));
		int rc = sms_text_to_septets(text, len, septets, sizeof septets, &n);
		assert_int_equal(rc == 0, texts_is_gsm(i));
		if (rc)
			assert_int_equal(sms_text_to_ucs2(text, len, septets, sizeof septets, &n),
					 0);
		has_long[texts_is_gsm(i)] |= n > 160;
	}
	assert_true(has_long[false] && has_long[true]);
}

static void all_is_well_when_each_has_come_as_it_was_sent(void **state)
{
	struct texts *t = *state;
	char text[TEXTS_MAX + 1];

	write_all(t);
	for (uint32_t i = 0; i < COUNT; i++) {
		assert_false(texts_are_done(t));
		texts_compose(t, i, text);
		texts_arrived(t, t->texts[i].to, true, text);
		texts_arrived(t, t->texts[i].to, true, text); /* the network repeats it */
	}
	assert_true(texts_are_clean(t));
	assert_int_equal(t->again, COUNT);
}

static void a_letter_less_or_another_sender_is_altered(void **state)
{
	struct texts *t = *state;
	char text[TEXTS_MAX + 1];

	write_all(t);
	size_t n = texts_compose(t, 3, text);
	texts_arrived(t, t->texts[3].to, false, text);
	text[n - 1] = 0;
	texts_arrived(t, t->texts[3].to, true, text);
	assert_int_equal(t->altered, 2);
	assert_false(texts_are_clean(t));
}

static void a_stranger_is_told(void **state)
{
	struct texts *t = *state;
	char text[TEXTS_MAX + 1];

	write_all(t);
	texts_compose(t, 3, text);
	texts_arrived(t, (t->texts[3].to + 1) % PHONES, true, text);
	texts_arrived(t, 0, true, "you have mail");
	assert_int_equal(t->stranger, 1);
	assert_int_equal(t->unknown, 1);
	assert_int_equal(t->arrived, 0);
}

static void one_refused_part_refuses_the_text(void **state)
{
	struct texts *t = *state;

	texts_written(t, 0, 2);
	texts_sent(t, 0, false);
	texts_sent(t, 0, true);
	assert_int_equal(t->refused, 1);
	assert_int_equal(t->taken, 0);
	assert_true(texts_are_done(t));
	assert_false(texts_are_clean(t));
}

#define with_texts(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_texts(what_is_said_of_the_alphabet_is_so),
		with_texts(all_is_well_when_each_has_come_as_it_was_sent),
		with_texts(a_letter_less_or_another_sender_is_altered),
		with_texts(a_stranger_is_told),
		with_texts(one_refused_part_refuses_the_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
