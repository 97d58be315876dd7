#include "handset-sim/agenda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

struct entry {
	int64_t due_us;
	uint32_t what;
};

static void comes_out_in_order_of_time_and_not_before_it(void **state)
{
	struct agenda a;
	struct entry e;
	unsigned short dice[3] = {1, 2, 3};

	(void)state;
	agenda_init(&a, sizeof e);
	assert_true(agenda_next_us(&a) == INT64_MAX);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(
			agenda_add(&a, &(struct entry){.due_us = nrand48(dice) % 1000, .what = i}),
			0);
	int64_t last = 0;
	for (int64_t now = 0; now < 1000; now++) {
		while (agenda_take(&a, now, &e)) {
			assert_true(e.due_us >= last && e.due_us <= now);
			last = e.due_us;
		}
		assert_true(agenda_next_us(&a) > now);
	}
	assert_false(agenda_take(&a, INT64_MAX, &e));
	assert_int_equal(a.count, 0);
	agenda_free(&a);
}

static void what_goes_in_comes_out_once(void **state)
{
	struct agenda a;
	struct entry e;
	static uint8_t seen[1000];

	(void)state;
	agenda_init(&a, sizeof e);
	for (uint32_t i = 0; i < 1000; i++)
		agenda_add(&a, &(struct entry){.due_us = (i * 7919) % 13, .what = i});
	while (agenda_take(&a, 13, &e))
		seen[e.what]++;
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(seen[i], 1);
	agenda_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_out_in_order_of_time_and_not_before_it),
		cmocka_unit_test(what_goes_in_comes_out_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
