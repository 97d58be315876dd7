#include "pushsrv/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define WINDOW 1000

static void a_window_opens_and_ends(void **state)
{
	struct recent *r = recent_new(4, WINDOW);
	int64_t who = 0;

	(void)state;
	assert_int_equal(recent_left(r, 7, 0), 0);
	assert_int_equal(recent_sent(r, 7, 100), 0);
	assert_int_equal(recent_left(r, 7, 100), WINDOW);
	assert_int_equal(recent_left(r, 7, 600), 500);
	assert_int_equal(recent_left(r, 7, 1100), 0);
	assert_int_equal(recent_left(r, 8, 600), 0);
	assert_true(recent_next(r) == INT64_MAX); /* nobody waits for it */
	assert_false(recent_ended(r, 5000, &who));
	recent_free(r);
}

static void mail_waits_for_the_end(void **state)
{
	struct recent *r = recent_new(4, WINDOW);
	int64_t who = 0;

	(void)state;
	recent_sent(r, 7, 0);
	recent_sent(r, 8, 10);
	recent_wait(r, 8);
	recent_wait(r, 8);
	recent_wait(r, 99);                       /* has no window */
	assert_int_equal(recent_next(r), WINDOW); /* no later than 8's end */
	assert_false(recent_ended(r, 1009, &who));
	assert_true(recent_ended(r, 1010, &who));
	assert_int_equal(who, 8);
	assert_false(recent_ended(r, 5000, &who));
	assert_true(recent_next(r) == INT64_MAX);
	recent_free(r);
}

static void another_datagram_begins_the_window_anew(void **state)
{
	struct recent *r = recent_new(4, WINDOW);
	int64_t who = 0;

	(void)state;
	recent_sent(r, 7, 0);
	recent_wait(r, 7);
	recent_sent(r, 7, 900);
	assert_true(recent_next(r) == INT64_MAX); /* what waited went with it */
	recent_wait(r, 7);
	assert_int_equal(recent_next(r), 1900);
	assert_false(recent_ended(r, 1500, &who));
	assert_true(recent_ended(r, 1900, &who));
	recent_free(r);
}

static void a_full_ring_gives_the_oldest_up(void **state)
{
	struct recent *r = recent_new(4, WINDOW);

	(void)state;
	for (int64_t i = 1; i <= 4; i++)
		assert_int_equal(recent_sent(r, i, i), 0);
	recent_wait(r, 2);
	assert_int_equal(recent_sent(r, 5, 5), 0); /* 1 gave way, nothing waited */
	assert_int_equal(recent_left(r, 1, 5), 0);
	assert_int_equal(recent_sent(r, 6, 6), 2);
	assert_int_equal(recent_left(r, 6, 6), WINDOW);
	recent_free(r);
}

static void no_window_no_table(void **state)
{
	struct recent *r = recent_new(4, 0);

	(void)state;
	assert_int_equal(recent_sent(r, 1, 0), 0);
	assert_int_equal(recent_left(r, 1, 0), 0);
	recent_free(r);
}

/* Against a plain array: every subscriber's window end, and whether mail waits. */
static void agrees_with_a_plain_array(void **state)
{
	enum { WHO = 50 };
	int64_t end_us[WHO + 1] = {0}, who;
	bool waits[WHO + 1] = {false};
	struct recent *r = recent_new(64, WINDOW);

	(void)state;
	srand(1);
	for (int64_t now_us = 1; now_us < 200000; now_us += rand() % 40) {
		int64_t s = 1 + rand() % WHO;
		while (recent_ended(r, now_us, &who)) {
			assert_true(waits[who] && end_us[who] <= now_us);
			waits[who] = false;
		}
		for (size_t i = 1; i <= WHO; i++)
			assert_false(waits[i] && end_us[i] <= now_us);
		assert_int_equal(recent_left(r, s, now_us),
				 end_us[s] > now_us ? end_us[s] - now_us : 0);
		if (rand() % 2) {
			int64_t evicted = recent_sent(r, s, now_us);
			end_us[s] = now_us + WINDOW;
			waits[s] = false;
			if (evicted) {
				assert_true(waits[evicted]);
				waits[evicted] = false;
				end_us[evicted] = 0;
			}
			/* the ring may have closed others early, unseen: never with mail */
			for (size_t i = 1; i <= WHO; i++)
				if (recent_left(r, (int64_t)i, now_us) == 0) {
					assert_false(waits[i] && end_us[i] > now_us);
					end_us[i] = end_us[i] > now_us ? 0 : end_us[i];
				}
		} else if (recent_left(r, s, now_us) > 0) {
			recent_wait(r, s);
			waits[s] = true;
		}
	}
	recent_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_opens_and_ends),
		cmocka_unit_test(mail_waits_for_the_end),
		cmocka_unit_test(another_datagram_begins_the_window_anew),
		cmocka_unit_test(a_full_ring_gives_the_oldest_up),
		cmocka_unit_test(no_window_no_table),
		cmocka_unit_test(agrees_with_a_plain_array),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
