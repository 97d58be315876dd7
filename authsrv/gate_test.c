#include "authsrv/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void shut_by_number(void **state)
{
	struct gate g = {.max = 2, .wait_us = 100};
	struct gate_pass p[2];

	(void)state;
	assert_false(gate_is_shut(&g, 0, 0));
	gate_enter(&g, &p[0], 0);
	assert_false(gate_is_shut(&g, 0, 0));
	gate_enter(&g, &p[1], 0);
	assert_true(gate_is_shut(&g, 0, 0));
	gate_leave(&g, &p[0]);
	gate_leave(&g, &p[0]);
	assert_false(gate_is_shut(&g, 0, 0));
	gate_leave(&g, &p[1]);
	assert_int_equal(g.inside, 0);
	assert_null(g.oldest);
	assert_null(g.newest);
}

static void shut_by_age(void **state)
{
	struct gate g = {.max = 10, .wait_us = 100};
	struct gate_pass p[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		gate_enter(&g, &p[i], i * 50);
	assert_false(gate_is_shut(&g, 100, 0));
	assert_true(gate_is_shut(&g, 101, 0));
	gate_leave(&g, &p[1]); /* not in their order */
	assert_true(gate_is_shut(&g, 101, 0));
	gate_leave(&g, &p[0]);
	assert_false(gate_is_shut(&g, 101, 0));
	assert_true(gate_is_shut(&g, 201, 0));
	gate_leave(&g, &p[2]);
	assert_false(gate_is_shut(&g, 1000, 100));
	assert_true(gate_is_shut(&g, 1000, 101)); /* a turn that is too long */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shut_by_number),
		cmocka_unit_test(shut_by_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
