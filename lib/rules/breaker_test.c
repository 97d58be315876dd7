/* Who can trip a breaker, and who cannot, however busy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "lib/rules/breaker.h"

#define S INT64_C(1000000)

static const struct breaker_limits limits = {
	.window_us = 300 * S, .grace_us = 30 * S, .share = 10, .bare_cap = 50, .least = 20};

static int setup(void **state)
{
	*state = breaker_new(7);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	breaker_free(*state);
	return 0;
}

static struct breaker_count judge(struct breaker *b, int64_t now_us)
{
	struct breaker_count c;

	breaker_judge(b, &limits, now_us, &c);
	return c;
}

static void attempts(struct breaker *b, int64_t first, int64_t n, int64_t now_us)
{
	for (int64_t id = first; id < first + n; id++)
		breaker_attempt(b, &limits, id, now_us);
}

/* At n addresses in a row somebody else's phone says who it is. */
static void swapped(struct breaker *b, int64_t first, int64_t n, int64_t now_us)
{
	for (int64_t id = first; id < first + n; id++)
		breaker_bare(b, &limits, id, id + 1, 0, now_us, now_us);
}

static void test_a_faulty_feed_trips(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 200, 1 * S);
	swapped(b, 1, 19, 2 * S);
	assert_false(judge(b, 3 * S).trips);
	swapped(b, 20, 1, 3 * S);
	struct breaker_count c = judge(b, 3 * S);
	assert_true(c.trips);
	assert_int_equal(c.attempts, 200);
	assert_int_equal(c.bare, 20);
	assert_int_equal(c.hard, 0);
	assert_int_equal(c.tags, 1);
}

static void test_below_the_share_it_does_not(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 201, 1 * S);
	swapped(b, 1, 20, 2 * S);
	assert_false(judge(b, 3 * S).trips);
}

/* All day, every name there is, at its one address. */
static void test_one_liar_cannot(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 25, 1 * S);
	for (int64_t i = 0; i < 100000; i++)
		breaker_bare(b, &limits, 1, 100 + i, 0, i * 100, i * 100);
	struct breaker_count c = judge(b, 10 * S);
	assert_int_equal(c.bare, 1);
	assert_false(c.trips);
}

/* Its one name, at address after address. */
static void test_one_confused_phone_cannot(void **state)
{
	struct breaker *b = *state;

	for (int64_t id = 1; id <= 200; id++)
		breaker_bare(b, &limits, id, 999, 0, S, S);
	struct breaker_count c = judge(b, 2 * S);
	assert_int_equal(c.bare, 1);
	assert_false(c.trips);
}

/* Nineteen phones of one mind, each busy, hardly anybody else awake. */
static void test_a_handful_cannot(void **state)
{
	struct breaker *b = *state;

	for (int64_t i = 0; i < 100000; i++)
		breaker_bare(b, &limits, 1 + i % 19, 1000 + i, 0, i * 100, i * 100);
	assert_int_equal(judge(b, 10 * S).attempts, 19);
	assert_false(judge(b, 10 * S).trips);
}

/* In the quiet of a large pool they stay below its share; in a thinned sample below the least. */
static void test_a_handful_cannot_in_a_crowd(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 300000, 1 * S);
	for (int64_t round = 0; round < 10; round++)
		for (int64_t id = 1; id <= 19; id++)
			breaker_bare(b, &limits, id, 500000 + id + round * 100, 0, 2 * S, 2 * S);
	struct breaker_count c = judge(b, 3 * S);
	assert_false(c.trips);
	assert_in_range(c.attempts, 270000, 330000);
}

static void test_a_crowd_is_judged_by_a_sample(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 200000, 1 * S);
	swapped(b, 1, 12000, 2 * S);
	assert_false(judge(b, 3 * S).trips);
	swapped(b, 12001, 18000, 2 * S);
	struct breaker_count c = judge(b, 3 * S);
	assert_true(c.trips);
	assert_in_range(c.bare, 24000, 36000);
	assert_in_range(c.attempts, 170000, 230000);
}

static void test_hard_evidence_counts_in_full(void **state)
{
	struct breaker *b = *state;
	struct breaker_limits deaf = limits;
	struct breaker_count c;

	deaf.bare_cap = 0;
	attempts(b, 1, 100, 1 * S);
	swapped(b, 1, 60, 2 * S);
	breaker_judge(b, &deaf, 3 * S, &c);
	assert_int_equal(c.bare, 0);
	assert_false(c.trips);
	for (int64_t id = 1; id <= 20; id++)
		breaker_hard(b, &limits, id, 3, 2 * S);
	breaker_judge(b, &deaf, 3 * S, &c);
	assert_int_equal(c.hard, 20);
	assert_true(c.trips);
	c = judge(b, 3 * S); /* 20 in full, 40 words more of the cap's 50 */
	assert_int_equal(c.hard, 20);
	assert_int_equal(c.bare, 40);
	assert_int_equal(c.tags, 1 << 0 | 1 << 3);
}

static void test_words_are_capped(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 100, 1 * S);
	swapped(b, 1, 90, 2 * S);
	assert_int_equal(judge(b, 3 * S).bare, 50);
}

static void test_the_window_slides(void **state)
{
	struct breaker *b = *state;

	swapped(b, 1, 30, 10 * S);
	attempts(b, 1, 50, 10 * S);
	assert_true(judge(b, 310 * S).trips);
	assert_false(judge(b, 311 * S).trips);
	assert_int_equal(judge(b, 311 * S).attempts, 0);
	attempts(b, 100, 5000, 400 * S); /* what is over makes room */
	assert_in_range(judge(b, 400 * S).attempts, 4000, 6000);
}

static void test_released_is_forgotten(void **state)
{
	struct breaker *b = *state;

	attempts(b, 1, 50, S);
	swapped(b, 1, 30, S);
	assert_true(judge(b, S).trips);
	breaker_reset(b);
	assert_false(judge(b, S).trips);
	swapped(b, 1, 40, 2 * S);
	assert_true(judge(b, 2 * S).trips);
}

static void test_off(void **state)
{
	struct breaker *b = *state;
	struct breaker_limits off = limits;
	struct breaker_count c;

	off.share = 0;
	swapped(b, 1, 500, S);
	breaker_judge(b, &off, S, &c);
	assert_false(c.trips);
}

/* ---- words that wait ---- */

static void say(struct breaker_words *w, int64_t claimant, int64_t at_us)
{
	breaker_words_say(w, &(struct breaker_word){.claimant = claimant,
						    .subscriber = claimant + 1,
						    .at_us = at_us});
}

static void test_a_start_of_the_claimant_ends_the_word(void **state)
{
	struct breaker_words *w = breaker_words_new(1);
	struct breaker_word word;

	(void)state;
	assert_non_null(w);
	say(w, 1, 0);
	say(w, 2, 1 * S);
	say(w, 1, 2 * S); /* one waits already */
	say(w, 0, 2 * S); /* nobody's */
	breaker_words_started(w, 3);
	assert_false(breaker_words_ripe(w, &limits, 29 * S, &word));
	breaker_words_started(w, 1); /* his Start was only late */
	assert_false(breaker_words_ripe(w, &limits, 30 * S, &word));
	assert_true(breaker_words_ripe(w, &limits, 31 * S, &word));
	assert_int_equal(word.claimant, 2);
	assert_int_equal(word.subscriber, 3);
	assert_false(breaker_words_ripe(w, &limits, 500 * S, &word));
	breaker_words_free(w);
}

#define NAMES 400

/* Against arrays. */
static void test_words_at_random(void **state)
{
	struct breaker_words *w = breaker_words_new(3);
	struct breaker_word word;
	int64_t said[NAMES] = {0};

	(void)state;
	srand(5);
	for (int64_t now = 1; now < 200000; now++) {
		int64_t claimant = 1 + rand() % (NAMES - 1);
		if (rand() % 3) {
			say(w, claimant, now * 1000);
			if (!said[claimant])
				said[claimant] = now * 1000;
		} else {
			breaker_words_started(w, claimant);
			said[claimant] = 0;
		}
		while (breaker_words_ripe(w, &limits, now * 100000, &word)) {
			assert_int_equal(word.at_us, said[word.claimant]);
			said[word.claimant] = 0;
		}
	}
	for (int64_t i = 1; i < NAMES; i++) /* who is not there is not found */
		breaker_words_started(w, i);
	assert_false(breaker_words_ripe(w, &limits, INT64_MAX, &word));
	breaker_words_free(w);
}

static void test_only_so_many_wait(void **state)
{
	struct breaker_words *w = breaker_words_new(3);
	struct breaker_word word;
	size_t n = 0;

	(void)state;
	for (int64_t i = 1; i <= BREAKER_WORDS_MAX + 100; i++)
		say(w, i, i);
	while (breaker_words_ripe(w, &limits, 100 * S, &word))
		assert_int_equal(word.claimant, ++n);
	assert_int_equal(n, BREAKER_WORDS_MAX);
	say(w, 1, 100 * S);
	assert_true(breaker_words_ripe(w, &limits, 130 * S, &word));
	breaker_words_free(w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_a_faulty_feed_trips),
		TEST(test_below_the_share_it_does_not),
		TEST(test_one_liar_cannot),
		TEST(test_one_confused_phone_cannot),
		TEST(test_a_handful_cannot),
		TEST(test_a_handful_cannot_in_a_crowd),
		TEST(test_a_crowd_is_judged_by_a_sample),
		TEST(test_hard_evidence_counts_in_full),
		TEST(test_words_are_capped),
		TEST(test_the_window_slides),
		TEST(test_released_is_forgotten),
		TEST(test_off),
		cmocka_unit_test(test_a_start_of_the_claimant_ends_the_word),
		cmocka_unit_test(test_words_at_random),
		cmocka_unit_test(test_only_so_many_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
