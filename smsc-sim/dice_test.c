/* The draws: the same names, the same luck; each distribution within what it says. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "smsc-sim/census.h"
#include "smsc-sim/dice.h"

#define DRAWS 20000

struct seen {
	int64_t least, most;
	double mean, deviation_squared;
};

static struct seen draw(const struct spread *s)
{
	struct seen seen = {INT64_MAX, INT64_MIN, 0, 0};

	for (uint64_t i = 0; i < DRAWS; i++) {
		int64_t us = dice_spread(dice_mix(7, i), s);
		double ahead = (double)us - seen.mean;
		seen.mean += ahead / (double)(i + 1);
		seen.deviation_squared += ahead * ((double)us - seen.mean) / DRAWS;
		seen.least = us < seen.least ? us : seen.least;
		seen.most = us > seen.most ? us : seen.most;
	}
	return seen;
}

static void near(double is, double wanted, double part)
{
	assert_true(is > wanted * (1 - part) && is < wanted * (1 + part));
}

static void spreads(void **state)
{
	(void)state;
	struct seen s = draw(&(struct spread){.kind = SPREAD_CONSTANT, .constant_us = 4711});
	assert_true(s.least == 4711 && s.most == 4711);

	s = draw(&(struct spread){.kind = SPREAD_UNIFORM, .from_us = 1000, .to_us = 5000});
	assert_true(s.least >= 1000 && s.least < 1010 && s.most <= 5000 && s.most > 4990);
	near(s.mean, 3000, 0.02);

	s = draw(&(struct spread){.kind = SPREAD_EXPONENTIAL, .mean_us = 10000});
	assert_true(s.least < 10 && s.most > 70000);
	near(s.mean, 10000, 0.03);
	near(s.deviation_squared, 1e8, 0.06);

	s = draw(&(struct spread){.kind = SPREAD_EXPONENTIAL, .mean_us = 10000, .most_us = 20000});
	assert_true(s.most == 20000);

	s = draw(&(struct spread){.kind = SPREAD_NORMAL, .mean_us = 10000, .deviation_us = 1000});
	assert_true(s.least > 5000 && s.least < 7000 && s.most > 13000 && s.most < 15000);
	near(s.mean, 10000, 0.01);
	near(s.deviation_squared, 1e6, 0.05);

	s = draw(&(struct spread){.kind = SPREAD_NORMAL, .mean_us = 10, .deviation_us = 1000});
	assert_true(s.least == 0);
}

/* A bit of the name moves half of the bits of the draw: neighbours are not alike. */
static void mixing(void **state)
{
	unsigned moved = 0;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++)
		moved += (unsigned)__builtin_popcountll(dice_mix(5, i) ^ dice_mix(5, i ^ 1));
	assert_in_range(moved, 31000, 33000);
	assert_true(dice_text(1, "8190") == dice_text(1, "8190"));
	assert_true(dice_text(1, "8190") != dice_text(2, "8190"));
	assert_true(dice_text(dice_text(1, "ab"), "c") != dice_text(dice_text(1, "a"), "bc"));
}

/* The draws are part of what a scenario means: they must not change from one build to the next. */
static void constants(void **state)
{
	(void)state;
	assert_true(dice_mix(0, 0) == UINT64_C(0xe220a8397b1dcdaf)); /* splitmix64's first of 0 */
	for (uint64_t i = 0; i < 1000; i++) {
		int64_t whole = dice_whole(dice_mix(1, i), -2, 2);
		double unit = dice_unit(dice_mix(1, i));
		assert_true(whole >= -2 && whole <= 2 && unit >= 0 && unit < 1);
	}
	assert_true(dice_whole(99, 5, 5) == 5 && dice_unit(UINT64_MAX) < 1);
}

static void counts(void **state)
{
	struct census c;

	(void)state;
	census_init(&c, 1000);
	for (uint64_t turn = 1; turn <= 3; turn++)
		for (uint64_t i = 0; i < 1000; i++)
			assert_true(census_next(&c, dice_mix(i, 0)) == turn);
	assert_true(c.used == 1000);
	/* No room for more: they share one count, those that are there keep theirs. */
	assert_true(census_next(&c, 1) == 1 && census_next(&c, 2) == 2);
	assert_true(census_next(&c, dice_mix(5, 0)) == 4 && c.used == 1000);
	census_free(&c);
	assert_true(census_next(&c, 1) == 1);
	census_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(spreads), cmocka_unit_test(mixing),
					   cmocka_unit_test(constants), cmocka_unit_test(counts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
