#include "handset-sim/roaming.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"

struct arrivals {
	struct loop *loop;
	char order[8];
	size_t count, awaited;
	int64_t last_us;
};

static void on_arrived(void *arg, uint32_t phone, enum roaming_what what, unsigned tag,
		       const uint8_t *octets, size_t n)
{
	struct arrivals *a = arg;

	assert_int_equal(phone, 7);
	assert_int_equal(what, ROAMING_SAID);
	assert_int_equal(tag, 3);
	assert_int_equal(n, 1);
	a->order[a->count++] = (char)octets[0];
	a->last_us = clock_mono_us();
	if (a->count == a->awaited)
		loop_stop(a->loop);
}

static void hold(struct roaming *r, int64_t in_us, char what)
{
	uint8_t octet = (uint8_t)what;

	assert_int_equal(roaming_hold(r, in_us, 7, ROAMING_SAID, 3, &octet, 1), 0);
	octet = 0; /* it was copied */
}

static void each_arrives_in_its_time_and_not_before(void **state)
{
	struct arrivals a = {.awaited = 3};
	struct roaming *r;

	(void)state;
	assert_int_equal(loop_new(&a.loop), 0);
	assert_int_equal(roaming_new(a.loop, on_arrived, &a, &r), 0);
	int64_t began_us = clock_mono_us();
	hold(r, 30000, 'c');
	hold(r, 10000, 'a');
	hold(r, 20000, 'b');
	loop_run(a.loop);
	assert_string_equal(a.order, "abc");
	assert_true(a.last_us - began_us >= 30000);
	hold(r, 1000000, 'd'); /* is freed, and does not arrive */
	roaming_free(r);
	loop_free(a.loop);
	assert_int_equal(a.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_arrives_in_its_time_and_not_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
