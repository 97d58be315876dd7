/* The spool against a plain model of it: ids, times, inboxes and history stay right whatever comes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "smsc-sim/later.h"
#include "smsc-sim/spool.h"

static const struct message_policy policy = {
	.retry_us = {1000}, .retry_count = 1, .validity_us = 1000000, .validity_most_us = 1000000};

static struct message *made(size_t length)
{
	uint8_t octets[256] = {0};
	struct message *m = message_new(octets, length, NULL, 0);

	assert_non_null(m);
	message_begin(m, &policy, 1);
	return m;
}

static void open_spool(struct spool *s, size_t queue, size_t history, size_t octets)
{
	const struct spool_limits limits = {queue, history, octets};

	assert_int_equal(spool_init(s, &limits), 0);
}

static void test_by_id(void **state)
{
	(void)state;
	struct spool s;
	uint64_t ids[10000];

	open_spool(&s, 20000, 10, 1 << 20);
	for (size_t i = 0; i < 10000; i++) {
		struct message *m = made(4);
		assert_int_equal(spool_add(&s, m, i == 5000 ? 1000000 : 100), 0);
		ids[i] = m->id;
		assert_true(i == 0 || ids[i] > ids[i - 1]);
	}
	assert_true(ids[0] == 100 && ids[5000] == 1000000);
	for (size_t i = 0; i < 10000; i++)
		assert_true(spool_find(&s, ids[i])->id == ids[i]);
	assert_null(spool_find(&s, 99));
	assert_true(spool_after(&s, 0)->id == ids[0]);
	assert_true(spool_after(&s, ids[4999] + 1)->id == ids[5000]);
	assert_null(spool_after(&s, ids[9999]));
	spool_fini(&s);
}

static void test_room(void **state)
{
	(void)state;
	struct spool s;
	struct message *m[4];

	open_spool(&s, 3, 10, 100);
	for (size_t i = 0; i < 3; i++) {
		m[i] = made(30);
		assert_int_equal(spool_add(&s, m[i], 1), 0);
	}
	m[3] = made(1);
	assert_int_equal(spool_add(&s, m[3], 1), E_FULL); /* three wait */
	message_finish(m[0], SMPP_STATE_DELIVERED, 2);
	spool_settle(&s, m[0]);
	assert_int_equal(spool_add(&s, m[3], 1), 0);
	assert_int_equal(s.octets, 91);
	message_finish(m[1], SMPP_STATE_DELIVERED, 2);
	spool_settle(&s, m[1]);
	struct message *large = made(80);
	assert_int_equal(spool_add(&s, large, 1), E_FULL); /* though history has gone */
	assert_int_equal(s.history_count, 0);
	assert_int_equal(s.octets, 31);
	message_free(large);
	spool_fini(&s);
}

static struct message *finished(struct spool *s, bool pin)
{
	struct message *m = made(1);

	assert_int_equal(spool_add(s, m, 1), 0);
	if (pin)
		spool_pin(m);
	message_finish(m, SMPP_STATE_DELIVERED, 2);
	spool_settle(s, m);
	return m;
}

static void test_history_and_pins(void **state)
{
	(void)state;
	struct spool s;

	open_spool(&s, 100, 5, 1 << 20);
	struct message *pinned = finished(&s, true);
	uint64_t first = pinned->id;
	for (int i = 0; i < 20; i++) {
		finished(&s, false);
		assert_true(s.history_count <= 5);
	}
	assert_null(spool_find(&s, first));
	assert_true(pinned->is_gone);
	assert_int_equal(pinned->state, SMPP_STATE_DELIVERED); /* still there for who holds it */
	spool_unpin(&s, pinned);
	assert_int_equal(s.octets, 5);
	assert_int_equal(s.pending, 0);
	spool_fini(&s);
}

/* A thousand rounds of planning anew, taking and dropping, beside a linear search. */
static void test_times(void **state)
{
	(void)state;
	enum { N = 300 };
	struct spool s;
	struct message *m[N];

	srandom(7);
	open_spool(&s, N, N, 1 << 20);
	for (int i = 0; i < N; i++) {
		m[i] = made(1);
		assert_int_equal(spool_add(&s, m[i], 1), 0);
	}
	for (int round = 0; round < 5000; round++) {
		struct message *one = m[random() % N];
		one->next_us = random() % 8 ? random() % 1000 : INT64_MAX;
		spool_plan(&s, one);
		int64_t least = INT64_MAX;
		for (int i = 0; i < N; i++)
			if (m[i]->heap_at && m[i]->next_us < least)
				least = m[i]->next_us;
		assert_true(spool_next_us(&s) == least);
		if (round % 3 == 0 && least < 500) {
			struct message *due = spool_due(&s, 500);
			assert_non_null(due);
			assert_true(due->next_us == least && due->heap_at == 0);
		}
	}
	assert_null(spool_due(&s, -1));
	spool_fini(&s);
}

static void test_inboxes(void **state)
{
	(void)state;
	struct spool s;
	struct message *m[3];

	open_spool(&s, 10, 10, 1 << 20);
	struct inbox *i = inbox_get(&s.inboxes, "4711");
	assert_ptr_equal(inbox_get(&s.inboxes, "4711"), i);
	assert_null(inbox_find(&s.inboxes, "4712"));
	for (int n = 0; n < 3; n++) {
		m[n] = made(1);
		assert_int_equal(spool_add(&s, m[n], 1), 0);
		inbox_join(i, m[n]);
	}
	assert_null(inbox_take(i)); /* all wait */
	inbox_ready(m[1]);
	inbox_ready(m[1]);
	inbox_ready_all(i);
	assert_ptr_equal(inbox_take(i), m[1]); /* who was ready first */
	assert_null(inbox_take(i));            /* one at a time */
	inbox_ready(m[1]);
	inbox_wait(m[1]);
	assert_ptr_equal(inbox_take(i), m[0]);
	message_finish(m[0], SMPP_STATE_DELIVERED, 1);
	spool_settle(&s, m[0]);
	assert_ptr_equal(inbox_take(i), m[2]);
	spool_drop(&s, m[2]);
	assert_ptr_equal(inbox_find(&s.inboxes, "4711"), i);
	spool_drop(&s, m[1]);
	assert_null(inbox_find(&s.inboxes, "4711")); /* nothing waits, no phone is there */
	for (int n = 0; n < 5000; n++) {
		char number[16];
		snprintf(number, sizeof number, "%d", n);
		assert_non_null(inbox_get(&s.inboxes, number));
	}
	assert_non_null(inbox_find(&s.inboxes, "4999"));
	assert_null(inbox_get(&s.inboxes, "123456789012345678901")); /* longer than any number */
	spool_fini(&s);
}

static void ignore(struct later_task *task)
{
	(void)task;
}

static void test_later(void **state)
{
	(void)state;
	enum { N = 500 };
	static struct later_task tasks[N];
	struct later l;
	int64_t last = -1;
	uint64_t order = 0;

	srandom(11);
	assert_int_equal(later_init(&l), 0);
	for (int i = 0; i < N; i++) {
		tasks[i].run = ignore;
		assert_int_equal(later_put(&l, &tasks[i], random() % 50), 0);
	}
	for (int i = 0; i < N; i += 7)
		later_take(&l, &tasks[i]);
	later_take(&l, &tasks[0]); /* twice does no harm */
	assert_null(later_due(&l, -1));
	for (struct later_task *t; (t = later_due(&l, 1000));) {
		assert_true(t->at_us > last || (t->at_us == last && t->order > order));
		last = t->at_us;
		order = t->order;
	}
	assert_true(later_next_us(&l) == INT64_MAX);
	later_fini(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_id),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_history_and_pins),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_inboxes),
		cmocka_unit_test(test_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
