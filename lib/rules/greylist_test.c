/* A triplet's life: asked to come again, let in, kept, forgotten. */
#include "lib/rules/greylist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S   INT64_C(1000000)
#define DAY (86400 * S)

static const struct greylist_rules rules = {60 * S, 4 * 3600 * S, 36 * DAY};

static struct greylist_row row;
static bool has_row;

static struct greylist_verdict at(int64_t now_us)
{
	struct greylist_verdict v;

	greylist_judge(has_row ? &row : NULL, &rules, now_us, &v);
	if (!v.is_stored) {
		row = v.row;
		has_row = true;
	}
	return v;
}

static void a_triplet_comes_again(void **state)
{
	struct greylist_verdict v;

	(void)state;
	has_row = false;
	v = at(1000 * S);
	assert_int_equal(v.answer, GREYLIST_WAIT);
	assert_int_equal(v.wait_us, 60 * S);
	assert_false(v.is_stored);
	v = at(1059 * S); /* too soon: the first time stays the first */
	assert_int_equal(v.answer, GREYLIST_WAIT);
	assert_int_equal(v.wait_us, S);
	assert_true(v.is_stored);
	v = at(1060 * S);
	assert_int_equal(v.answer, GREYLIST_PASS);
	assert_true(v.is_first_pass);
	assert_false(v.is_stored);
	v = at(1061 * S);
	assert_int_equal(v.answer, GREYLIST_PASS);
	assert_false(v.is_first_pass);
	assert_true(v.is_stored);
}

static void who_keeps_coming_stays(void **state)
{
	int64_t now = 1000 * S;

	(void)state;
	has_row = false;
	at(now);
	now += 60 * S;
	assert_int_equal(at(now).answer, GREYLIST_PASS);
	for (int i = 0; i < 3; i++) {
		now += 35 * DAY;
		struct greylist_verdict v = at(now);
		assert_int_equal(v.answer, GREYLIST_PASS);
		assert_false(v.is_stored);
	}
	assert_int_equal(at(now + 36 * DAY).answer, GREYLIST_WAIT);
}

static void who_comes_too_late_is_new(void **state)
{
	(void)state;
	has_row = false;
	at(1000 * S);
	assert_int_equal(at(1000 * S + rules.window_us).answer, GREYLIST_WAIT);
	assert_int_equal(at(1000 * S + rules.window_us + 60 * S).answer, GREYLIST_PASS);
}

static void a_clock_that_went_back_costs_no_more_than_the_delay(void **state)
{
	(void)state;
	has_row = false;
	at(1000 * S);
	struct greylist_verdict v = at(10 * S);
	assert_int_equal(v.answer, GREYLIST_WAIT);
	assert_int_equal(v.wait_us, 60 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_triplet_comes_again),
		cmocka_unit_test(who_keeps_coming_stays),
		cmocka_unit_test(who_comes_too_late_is_new),
		cmocka_unit_test(a_clock_that_went_back_costs_no_more_than_the_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
