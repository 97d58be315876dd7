/* The set of what is in flight, against a plain list, over random comings and goings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "db/queue_flight.h"

#define MAILS      40
#define RECIPIENTS 12

static uint32_t dice(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void check(const struct queue_flight *f, bool in[MAILS][RECIPIENTS])
{
	size_t count = 0;

	for (int64_t m = 0; m < MAILS; m++) {
		for (uint32_t r = 0; r < RECIPIENTS; r++) {
			assert_int_equal(queue_flight_has(f, m + 1, r + 1), in[m][r]);
			count += in[m][r];
		}
	}
	assert_int_equal(queue_flight_count(f), count);
}

static void test_random(void **state)
{
	struct queue_flight *f = queue_flight_new();
	bool in[MAILS][RECIPIENTS] = {{false}};
	uint32_t seed = 5;

	(void)state;
	assert_non_null(f);
	for (int step = 0; step < 20000; step++) {
		int64_t m = dice(&seed) % MAILS;
		uint32_t r = dice(&seed) % RECIPIENTS, what = dice(&seed) % 16;
		if (what == 0) {
			queue_flight_remove_mail(f, m + 1);
			for (uint32_t k = 0; k < RECIPIENTS; k++)
				in[m][k] = false;
		} else if (what < 9) {
			assert_int_equal(queue_flight_add(f, m + 1, r + 1), 0);
			in[m][r] = true;
		} else {
			queue_flight_remove(f, m + 1, r + 1);
			in[m][r] = false;
		}
		if (step % 50 == 0)
			check(f, in);
	}
	queue_flight_free(f);
	queue_flight_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
