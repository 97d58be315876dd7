#include "smtpgw/submission/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define S INT64_C(1000000)

static size_t take_all(struct rate *r, int64_t subscriber, int64_t now_us)
{
	size_t n = 0;

	while (n < 10000 && rate_take(r, subscriber, now_us))
		n++;
	return n;
}

static void an_hour(void **state)
{
	struct rate *r = rate_new(60, 10);

	(void)state;
	assert_int_equal(take_all(r, 1, 0), 60);
	assert_int_equal(take_all(r, 2, 0), 60); /* each his own */
	assert_int_equal(take_all(r, 1, 59 * S), 0);
	assert_int_equal(take_all(r, 1, 60 * S), 1);
	assert_int_equal(take_all(r, 1, 600 * S), 9);
	assert_int_equal(take_all(r, 1, 100000 * S), 60);
	rate_free(r);
}

static void no_limit(void **state)
{
	struct rate *r = rate_new(0, 1);

	(void)state;
	assert_int_equal(take_all(r, 1, 0), 10000);
	assert_int_equal(rate_remembered(r), 0);
	rate_free(r);
}

/* Memory is bounded, and whoever has been quiet for long enough makes room. */
static void crowd(void **state)
{
	struct rate *r = rate_new(3600, 100);

	(void)state;
	for (int64_t i = 1; i <= 100; i++)
		assert_true(rate_take(r, i, 0));
	assert_int_equal(rate_remembered(r), 100);
	assert_false(rate_take(r, 101, 0));
	assert_true(rate_take(r, 50, 0));
	assert_true(rate_take(r, 101, 1 * S));
	assert_in_range(rate_remembered(r), 1, 100);
	rate_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour),
		cmocka_unit_test(no_limit),
		cmocka_unit_test(crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
