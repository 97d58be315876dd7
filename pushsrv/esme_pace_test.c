/* The rate of a link: what it is told, what it obeys, how it comes back. Time is given. */
#include "pushsrv/esme_pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/clock.h"

#define START (1000 * CLOCK_S)

/* As many as it allows until `end`; returns how many. *now_us moves there. */
static int64_t send_until(struct esme_pace *p, int64_t *now_us, int64_t end_us)
{
	int64_t n = 0;

	while (*now_us < end_us) {
		int64_t wait_us = esme_pace_wait_us(p, *now_us);

		if (wait_us) {
			*now_us += wait_us;
			continue;
		}
		esme_pace_sent(p, *now_us);
		*now_us += 10; /* a sender is not infinitely fast */
		n++;
	}
	*now_us = end_us;
	return n;
}

static void without_a_limit_nothing_waits(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START;

	esme_pace_init(&p, 0, now_us);
	assert_int_equal(send_until(&p, &now_us, START + CLOCK_S), 100000);
	assert_int_equal(esme_pace_milli(&p), 0);
}

static void a_limit_holds(void **state)
{
	(void)state;
	static const int64_t limits[] = {1, 3, 40, 1000, 20000};

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct esme_pace p;
		int64_t now_us = START, burst = limits[i] / 20 + 1;

		esme_pace_init(&p, limits[i], now_us);
		assert_in_range(send_until(&p, &now_us, START + 10 * CLOCK_S), 10 * limits[i],
				10 * limits[i] + burst);
	}
}

static void idling_saves_nothing_up(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START;

	esme_pace_init(&p, 100, now_us);
	send_until(&p, &now_us, START + CLOCK_S);
	now_us += 3600 * CLOCK_S;
	assert_in_range(send_until(&p, &now_us, now_us + CLOCK_S), 100, 106);
}

static void a_refusal_halves_and_pauses(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START;

	esme_pace_init(&p, 0, now_us);
	for (int i = 0; i < 200; i++, now_us += 10000)
		esme_pace_sent(&p, now_us); /* 100/s */
	int64_t sent_us = now_us - 10000;

	assert_true(esme_pace_refused(&p, sent_us, now_us));
	assert_true(esme_pace_is_slowed(&p));
	assert_in_range(esme_pace_milli(&p), 49000, 51000);
	assert_int_equal(esme_pace_wait_us(&p, now_us), PACE_PAUSE_US);
	/* What was on its way already says nothing new. */
	assert_false(esme_pace_refused(&p, sent_us, now_us + 5000));
	assert_in_range(esme_pace_milli(&p), 49000, 51000);
	now_us += PACE_PAUSE_US + 10;
	assert_int_equal(esme_pace_wait_us(&p, now_us), 0);
	esme_pace_sent(&p, now_us);
	assert_true(esme_pace_refused(&p, now_us, now_us + 10));
	assert_in_range(esme_pace_milli(&p), 24000, 26000);
}

static void refusals_end_at_one_a_minute(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START;

	esme_pace_init(&p, 5, now_us);
	for (int i = 0; i < 40; i++) {
		now_us += esme_pace_wait_us(&p, now_us) + 1;
		esme_pace_sent(&p, now_us);
		assert_true(esme_pace_refused(&p, now_us, now_us + 1000));
	}
	assert_int_equal(esme_pace_milli(&p), PACE_SLOWEST_MILLI);
	assert_in_range(esme_pace_wait_us(&p, now_us), 60 * CLOCK_S, 64 * CLOCK_S);
}

/* An SMSC that bears 40/s and refuses what comes faster: how much of it is used, how often it is
 * made to refuse. */
static void it_settles_below_what_the_smsc_bears(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START, second_us = START, in_second = 0;
	int64_t accepted = 0, refused = 0;

	esme_pace_init(&p, 0, now_us);
	while (now_us < START + 300 * CLOCK_S) {
		int64_t wait_us = esme_pace_wait_us(&p, now_us);

		if (wait_us) {
			now_us += wait_us;
			continue;
		}
		esme_pace_sent(&p, now_us);
		if (now_us - second_us >= CLOCK_S) {
			second_us = now_us;
			in_second = 0;
		}
		if (in_second++ < 40) {
			esme_pace_accepted(&p, now_us + 500);
			accepted++;
		} else {
			esme_pace_refused(&p, now_us, now_us + 500);
			refused++;
		}
		now_us += 1000;
	}
	assert_in_range(accepted, 300 * 40 * 6 / 10, 300 * 40);
	assert_in_range(refused, 1, 60);
}

static void it_is_free_again(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START;

	esme_pace_init(&p, 0, now_us);
	esme_pace_sent(&p, now_us);
	esme_pace_refused(&p, now_us, now_us);
	assert_true(esme_pace_is_slowed(&p));
	for (int i = 0; i < 60 && esme_pace_is_slowed(&p); i++) {
		now_us += 2 * CLOCK_S;
		assert_int_equal(esme_pace_wait_us(&p, now_us), 0);
		esme_pace_sent(&p, now_us);
		esme_pace_accepted(&p, now_us);
	}
	assert_false(esme_pace_is_slowed(&p));

	/* Long ago is long ago, however slow it was. */
	for (int i = 0; i < 20; i++) {
		now_us += esme_pace_wait_us(&p, now_us) + 1;
		esme_pace_sent(&p, now_us);
		esme_pace_refused(&p, now_us, now_us);
	}
	now_us += PACE_FORGET_US;
	esme_pace_accepted(&p, now_us);
	assert_false(esme_pace_is_slowed(&p));
	assert_int_equal(esme_pace_wait_us(&p, now_us), 0);
}

static void it_comes_back_to_its_limit_and_no_further(void **state)
{
	(void)state;
	struct esme_pace p;
	int64_t now_us = START;

	esme_pace_init(&p, 10, now_us);
	send_until(&p, &now_us, START + 2 * CLOCK_S);
	esme_pace_refused(&p, now_us, now_us + 1);
	assert_in_range(esme_pace_milli(&p), 4900, 5100);
	for (int i = 0; i < 60; i++) {
		now_us += CLOCK_S;
		esme_pace_accepted(&p, now_us);
	}
	assert_int_equal(esme_pace_milli(&p), 10000);
	assert_false(esme_pace_is_slowed(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_limit_nothing_waits),
		cmocka_unit_test(a_limit_holds),
		cmocka_unit_test(idling_saves_nothing_up),
		cmocka_unit_test(a_refusal_halves_and_pauses),
		cmocka_unit_test(refusals_end_at_one_a_minute),
		cmocka_unit_test(it_settles_below_what_the_smsc_bears),
		cmocka_unit_test(it_is_free_again),
		cmocka_unit_test(it_comes_back_to_its_limit_and_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
