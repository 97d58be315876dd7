#include "popgw/maildrop_lock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

/* A holder on a loop that only runs when the test lets it. */
struct holder {
	struct maildrop_lock lock;
	int told; /* how often `lost` ran */
};

static struct maildrop_locks *locks;
static struct loop *loop;

static void be_told(struct loop_task *task)
{
	struct holder *h = (struct holder *)((char *)task - offsetof(struct holder, lock.lost));

	h->told++;
}

static void holder_init(struct holder *h, int64_t subscriber, const char *addr, uint32_t generation)
{
	struct addr a;

	memset(h, 0, sizeof(*h));
	assert_int_equal(addr_parse(addr, &a), 0);
	assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &h->lock.key), 0);
	h->lock.subscriber = subscriber;
	h->lock.generation = generation;
	h->lock.conn = generation;
	h->lock.loop = loop;
	h->lock.lost.run = be_told;
}

static void stop_loop(struct loop_task *task)
{
	(void)task;
	loop_stop(loop);
}

static void run_what_is_posted(void)
{
	struct loop_task last = {.run = stop_loop};

	loop_post(loop, &last);
	loop_run(loop);
}

static int table_new(void **state)
{
	(void)state;
	locks = maildrop_locks_new();
	return locks && !loop_new(&loop) ? 0 : -1;
}

static int table_free(void **state)
{
	(void)state;
	loop_free(loop);
	maildrop_locks_free(locks);
	return 0;
}

static void test_one_holds_the_other_waits(void **state)
{
	struct holder a, b;
	struct maildrop_holder rival;

	(void)state;
	holder_init(&a, 1, "127.0.0.1", 7);
	holder_init(&b, 1, "127.0.0.2", 8);
	assert_int_equal(maildrop_lock_take(locks, &a.lock, &rival), 0);
	assert_int_equal(maildrop_lock_take(locks, &b.lock, &rival), E_BUSY);
	assert_true(key_equal(&rival.key, &a.lock.key));
	assert_int_equal(rival.generation, 7);
	assert_int_equal(maildrop_locks_held(locks), 1);
	assert_true(maildrop_lock_release(locks, &a.lock));
	assert_int_equal(maildrop_lock_take(locks, &b.lock, &rival), 0);
	assert_true(maildrop_lock_release(locks, &b.lock));
	assert_int_equal(maildrop_locks_held(locks), 0);
}

static void test_release_counts_once(void **state)
{
	struct holder a, b;
	struct maildrop_holder rival;

	(void)state;
	holder_init(&a, 1, "127.0.0.1", 1);
	holder_init(&b, 1, "127.0.0.1", 2);
	assert_true(maildrop_lock_release(locks, &a.lock)); /* never taken */
	assert_int_equal(maildrop_lock_take(locks, &a.lock, &rival), 0);
	assert_true(maildrop_lock_release(locks, &a.lock));
	assert_int_equal(maildrop_lock_take(locks, &b.lock, &rival), 0);
	assert_true(maildrop_lock_release(locks, &a.lock)); /* must not give b's away */
	assert_int_equal(maildrop_locks_held(locks), 1);
	assert_int_equal(maildrop_lock_take(locks, &a.lock, &rival), E_BUSY);
	assert_true(maildrop_lock_release(locks, &b.lock));
}

static void test_take_over_tells_the_holder(void **state)
{
	struct holder a, b;
	struct maildrop_holder rival;
	bool evicted = false;

	(void)state;
	holder_init(&a, 1, "127.0.0.1", 1);
	holder_init(&b, 1, "127.0.0.2", 2);
	assert_int_equal(maildrop_lock_take(locks, &a.lock, &rival), 0);
	assert_int_equal(maildrop_lock_take(locks, &b.lock, &rival), E_BUSY);
	assert_int_equal(maildrop_lock_take_over(locks, &b.lock, rival.ticket, &evicted), 0);
	assert_true(evicted);
	assert_int_equal(a.told, 0);
	assert_false(maildrop_lock_release(locks, &a.lock));
	run_what_is_posted();
	assert_int_equal(a.told, 1);
	assert_int_equal(b.told, 0);
	assert_int_equal(maildrop_locks_held(locks), 1);
	assert_true(maildrop_lock_release(locks, &b.lock));
}

/* Between `take` and `take_over` the store was asked: the world has gone on. */
static void test_take_over_only_from_whom_it_saw(void **state)
{
	struct holder a, b, c;
	struct maildrop_holder rival, other;
	bool evicted = true;

	(void)state;
	holder_init(&a, 1, "127.0.0.1", 1);
	holder_init(&b, 1, "127.0.0.2", 2);
	holder_init(&c, 1, "127.0.0.3", 3);
	assert_int_equal(maildrop_lock_take(locks, &a.lock, &rival), 0);
	assert_int_equal(maildrop_lock_take(locks, &b.lock, &rival), E_BUSY);
	assert_true(maildrop_lock_release(locks, &a.lock));
	assert_int_equal(maildrop_lock_take(locks, &c.lock, &other), 0);
	assert_int_equal(maildrop_lock_take_over(locks, &b.lock, rival.ticket, &evicted), E_BUSY);
	assert_true(maildrop_lock_release(locks, &c.lock));
	assert_int_equal(maildrop_lock_take_over(locks, &b.lock, rival.ticket, &evicted), 0);
	assert_false(evicted);
	run_what_is_posted();
	assert_int_equal(a.told + c.told, 0);
	assert_true(maildrop_lock_release(locks, &b.lock));
}

#define MANY 20000

static void test_subscribers_do_not_meet(void **state)
{
	struct holder *all = calloc(MANY, sizeof(*all));
	struct maildrop_holder rival;

	(void)state;
	assert_non_null(all);
	for (int i = 0; i < MANY; i++) {
		holder_init(&all[i], i + 1, "127.0.0.1", 1);
		assert_int_equal(maildrop_lock_take(locks, &all[i].lock, &rival), 0);
	}
	assert_int_equal(maildrop_locks_held(locks), MANY);
	for (int i = MANY; i-- > 0;)
		assert_true(maildrop_lock_release(locks, &all[i].lock));
	assert_int_equal(maildrop_locks_held(locks), 0);
	free(all);
}

/* Threads that fight for one maildrop: never two holders at a time. */
#define FIGHTERS 4
#define ROUNDS   20000
static _Atomic int inside, worst;

static void *fight(void *arg)
{
	struct holder *h = arg;
	struct maildrop_holder rival;

	for (int i = 0; i < ROUNDS; i++) {
		if (maildrop_lock_take(locks, &h->lock, &rival))
			continue;
		int now = ++inside;
		if (now > worst)
			worst = now;
		inside--;
		maildrop_lock_release(locks, &h->lock);
	}
	return NULL;
}

static void test_threads_exclude_each_other(void **state)
{
	struct holder h[FIGHTERS];
	pthread_t threads[FIGHTERS];

	(void)state;
	for (int i = 0; i < FIGHTERS; i++) {
		holder_init(&h[i], 1, "127.0.0.1", 1);
		assert_int_equal(pthread_create(&threads[i], NULL, fight, &h[i]), 0);
	}
	for (int i = 0; i < FIGHTERS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(worst, 1);
	assert_int_equal(maildrop_locks_held(locks), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_holds_the_other_waits, table_new,
						table_free),
		cmocka_unit_test_setup_teardown(test_release_counts_once, table_new, table_free),
		cmocka_unit_test_setup_teardown(test_take_over_tells_the_holder, table_new,
						table_free),
		cmocka_unit_test_setup_teardown(test_take_over_only_from_whom_it_saw, table_new,
						table_free),
		cmocka_unit_test_setup_teardown(test_subscribers_do_not_meet, table_new,
						table_free),
		cmocka_unit_test_setup_teardown(test_threads_exclude_each_other, table_new,
						table_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
