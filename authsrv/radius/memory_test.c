/* What is remembered of requests, sources of rubbish and NASes: all of it bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "authsrv/complaints.h"
#include "authsrv/radius/memory.h"
#include "authsrv/radius/nases.h"
#include "authsrv/radius/retry.h"
#include "lib/clock.h"

#define S CLOCK_S

static struct radius_known request_of(int i)
{
	struct radius_known k = {.port = 1000, .id = (uint8_t)i};

	memcpy(k.authenticator, &i, sizeof i);
	return k;
}

struct memory {
	struct radius_memory *m;
	const uint8_t *answer;
	size_t n;
};

static struct memory memory_of(size_t in_flight, size_t answers)
{
	struct memory m = {.answer = NULL};

	assert_int_equal(radius_memory_new(in_flight, answers, 30 * S, &m.m), 0);
	return m;
}

static enum radius_seen ask(struct memory *m, const struct radius_known *k, int64_t at,
			    struct radius_entry **e)
{
	return radius_memory_begin(m->m, k, at, e, &m->answer, &m->n);
}

static void a_request_comes_again(void **state)
{
	struct memory m = memory_of(4, 4);
	struct radius_known a = request_of(1), b = request_of(2);
	struct radius_entry *e, *other;

	(void)state;
	assert_int_equal(ask(&m, &a, 0, &e), RADIUS_NEW);
	assert_int_equal(ask(&m, &a, 0, &other), RADIUS_WAITING);
	assert_int_equal(ask(&m, &b, 0, &other), RADIUS_NEW);
	assert_int_equal(radius_memory_in_flight(m.m), 2);
	radius_memory_answer(m.m, e, (const uint8_t *)"answer", 6, 0);
	assert_int_equal(radius_memory_in_flight(m.m), 1);
	assert_int_equal(ask(&m, &a, 30 * S, &e), RADIUS_ANSWERED);
	assert_int_equal(m.n, 6);
	assert_memory_equal(m.answer, "answer", 6);
	radius_memory_forget(m.m, other);
	assert_int_equal(ask(&m, &b, 0, &other), RADIUS_NEW);
	/* A NAS that started anew may say the same octets again. */
	assert_int_equal(ask(&m, &a, 30 * S + 1, &e), RADIUS_NEW);
	radius_memory_free(m.m); /* with two in flight */
}

static void each_part_tells_requests_apart(void **state)
{
	struct memory m = memory_of(8, 0);
	struct radius_known k = request_of(1);
	struct radius_entry *e;

	(void)state;
	assert_int_equal(ask(&m, &k, 0, &e), RADIUS_NEW);
	k.port++;
	assert_int_equal(ask(&m, &k, 0, &e), RADIUS_NEW);
	k.id++;
	assert_int_equal(ask(&m, &k, 0, &e), RADIUS_NEW);
	k.source.bytes[15]++;
	assert_int_equal(ask(&m, &k, 0, &e), RADIUS_NEW);
	k.authenticator[15]++;
	assert_int_equal(ask(&m, &k, 0, &e), RADIUS_NEW);
	radius_memory_free(m.m);
}

static void both_bounds_hold(void **state)
{
	struct memory m = memory_of(3, 100);
	struct radius_entry *e[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct radius_known k = request_of(i);
		assert_int_equal(ask(&m, &k, 0, &e[i]), i < 3 ? RADIUS_NEW : RADIUS_FULL);
	}
	for (int i = 0; i < 3; i++)
		radius_memory_forget(m.m, e[i]);
	for (int i = 0; i < 300; i++) {
		struct radius_known k = request_of(i);
		assert_int_equal(ask(&m, &k, 0, &e[0]), RADIUS_NEW);
		radius_memory_answer(m.m, e[0], (const uint8_t *)"x", 1, 0);
	}
	for (int i = 299; i >= 200; i--) {
		struct radius_known k = request_of(i);
		assert_int_equal(ask(&m, &k, 0, &e[0]), RADIUS_ANSWERED);
	}
	struct radius_known k = request_of(199);
	assert_int_equal(ask(&m, &k, 0, &e[0]), RADIUS_NEW);
	radius_memory_free(m.m);
}

static struct addr source_of(unsigned i)
{
	return (struct addr){.bytes = {[10] = 0xff,
				       [11] = 0xff,
				       [12] = 10,
				       [13] = (uint8_t)(i >> 16),
				       [14] = (uint8_t)(i >> 8),
				       [15] = (uint8_t)i}};
}

static void one_line_a_source_reason_and_minute(void **state)
{
	static struct complaints c;
	struct addr a = source_of(1), b = source_of(2);
	int64_t unsaid = -1, now = 1000 * S;

	(void)state;
	assert_true(complaints_say(&c, &a, 1, now, &unsaid));
	assert_int_equal(unsaid, 0);
	assert_false(complaints_say(&c, &a, 1, now, &unsaid));
	assert_false(complaints_say(&c, &a, 1, now + 60 * S - 1, &unsaid));
	assert_true(complaints_say(&c, &a, 2, now, &unsaid));
	assert_true(complaints_say(&c, &b, 1, now, &unsaid));
	assert_true(complaints_say(&c, &a, 1, now + 60 * S, &unsaid));
	assert_int_equal(unsaid, 2);
	assert_false(complaints_say(&c, &a, 1, now + 61 * S, &unsaid));
}

static void lines_are_bounded_whoever_complains(void **state)
{
	static struct complaints c;
	int64_t unsaid;
	int lines = 0;

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		struct addr a = source_of(i);
		lines += complaints_say(&c, &a, 1, 1000 * S, &unsaid);
	}
	assert_in_range(lines, COMPLAINTS_MAX / 2, COMPLAINTS_MAX);
}

static void the_way_to_a_nas(void **state)
{
	static const struct radius_client client;
	struct radius_nases *n;
	struct addr a = source_of(1), b = source_of(2);
	char name[16];

	(void)state;
	assert_int_equal(radius_nases_new(64, &n), 0);
	assert_null(radius_nases_find(n, "default", "pgw1"));
	radius_nases_heard(n, "default", "pgw1", &client, &a, 1);
	radius_nases_heard(n, "other", "pgw1", &client, &b, 2);
	assert_true(addr_equal(&radius_nases_find(n, "default", "pgw1")->addr, &a));
	assert_true(addr_equal(&radius_nases_find(n, "other", "pgw1")->addr, &b));
	radius_nases_heard(n, "default", "pgw1", &client, &b, 3);
	assert_true(addr_equal(&radius_nases_find(n, "default", "pgw1")->addr, &b));
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		radius_nases_heard(n, "default", name, &client, &a, 10 + i);
		assert_non_null(radius_nases_find(n, "default", name));
	}
	assert_null(radius_nases_find(n, "default", "pgw1"));
	radius_nases_free(n);
}

/* RFC 5080: 2, 4, 8, 16 s and an end after 30. */
static void repeating(void **state)
{
	static const int64_t waits[] = {2 * S, 4 * S, 8 * S, 16 * S};
	struct radius_retry r;
	int64_t now = 500 * S;

	(void)state;
	int64_t wait = radius_retry_begin(&r, now, 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(wait, waits[i]);
		now += wait;
		wait = radius_retry_next(&r, now, 0);
	}
	assert_int_equal(wait, 0);
	for (int jitter = -100; jitter <= 100; jitter += 100) {
		now = 0;
		unsigned tries = 1;
		for (wait = radius_retry_begin(&r, 0, jitter); wait; tries++) {
			assert_in_range(wait, 1, 17600000);
			now += wait;
			wait = radius_retry_next(&r, now, jitter);
			assert_true(now + wait <= 30 * S);
		}
		assert_in_range(tries - 1, 4, RADIUS_TRIES);
		assert_in_range(now, 25 * S, 30 * S);
	}
	/* A loop that stood still sends nothing out of time. */
	radius_retry_begin(&r, 0, 0);
	assert_int_equal(radius_retry_next(&r, 31 * S, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_comes_again),
		cmocka_unit_test(each_part_tells_requests_apart),
		cmocka_unit_test(both_bounds_hold),
		cmocka_unit_test(one_line_a_source_reason_and_minute),
		cmocka_unit_test(lines_are_bounded_whoever_complains),
		cmocka_unit_test(the_way_to_a_nas),
		cmocka_unit_test(repeating),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
