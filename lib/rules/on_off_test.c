/* An On/Off that ends its sessions piece by piece, and what comes between the pieces. */
#include <stdlib.h>
#include <unistd.h>

#include "lib/rules/lease_fixture.h"

static const struct lease_limits by_one = {.max_skew_us = 5 * S, .lag_us = 30 * S, .ends_max = 1};

static struct lease_outcome tell_by_one(struct memory_store *m, struct said say)
{
	struct lease_store port = memory_store_port(m);
	struct lease_event ev = event_of(&say);
	struct lease_outcome out;

	assert_int_equal(lease_apply(&port, &by_one, &ev, &out), 0);
	return out;
}

static bool go_on(struct memory_store *m, struct said say, struct lease_outcome *out)
{
	struct lease_store port = memory_store_port(m);
	struct lease_event ev = event_of(&say);

	assert_int_equal(lease_go_on(&port, &by_one, &ev, out), 0);
	return out->unfinished;
}

static const struct said off = {LEASE_NAS_OFF, .at = 100};

/* Alice and Bob, in the order in which they are ended, and an Off that has ended Alice. */
static struct memory_store half_off(struct lease_outcome *out)
{
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, .session = "a1", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, Y, .session = "b1", .who = BOB, .at = 20});
	*out = tell_by_one(&m, off);
	assert_int_equal(out->result, LEASE_APPLIED);
	assert_true(out->unfinished);
	assert_int_equal(holder(&m, X), NOBODY);
	assert_int_equal(holder(&m, Y), BOB);
	return m;
}

static void finish(struct memory_store *m, struct lease_outcome *out)
{
	for (int i = 0; go_on(m, off, out); i++)
		assert_true(i < 5);
}

static void test_all_of_them(void **state)
{
	(void)state;
	struct lease_outcome out;
	struct memory_store m = half_off(&out);

	finish(&m, &out);
	assert_int_equal(out.result, LEASE_APPLIED);
	assert_int_equal(out.time_us, EPOCH + 100 * S);
	assert_int_equal(holder(&m, Y), NOBODY);
	assert_int_equal(m.nases[0].epoch, 1);
	for (size_t i = 0; i < m.session_count; i++)
		assert_int_equal(m.sessions[i].ended_us, EPOCH + 100 * S);
}

/* A NAS that began anew counts from the beginning: at once, and while the old sessions still end.
 */
static void test_names_used_again_between(void **state)
{
	(void)state;
	struct lease_outcome out;
	struct memory_store m = half_off(&out);

	tell(&m, (struct said){LEASE_START, X, .session = "a1", .who = CAROL, .at = 101});
	tell(&m, (struct said){LEASE_START, Y, .session = "b1", .who = ALICE, .at = 102});
	assert_int_equal(holder(&m, X), CAROL);
	assert_int_equal(holder(&m, Y), ALICE);
	finish(&m, &out);
	assert_int_equal(holder(&m, X), CAROL);
	assert_int_equal(holder(&m, Y), ALICE);
}

/* Nobody is in doubt about an address whose holder is still to be ended. */
static void test_update_between(void **state)
{
	(void)state;
	struct lease_outcome out;
	struct memory_store m = half_off(&out);

	tell(&m, (struct said){LEASE_UPDATE, Y, .session = "c1", .who = CAROL, .at = 130});
	assert_int_equal(holder(&m, Y), CAROL);
	finish(&m, &out);
	assert_int_equal(holder(&m, Y), CAROL);
}

static void test_update_of_a_wider_key_between(void **state)
{
	(void)state;
	struct memory_store m = world();
	struct key wide;

	assert_int_equal(key_of_prefix(REALM_DEFAULT, "2001:db8:1::/48", &wide), 0);
	tell(&m, (struct said){LEASE_START, X, .session = "a1", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, "2001:db8:1:1::/64", .session = "b1", .who = BOB,
			       .at = 20});
	struct lease_outcome out = tell_by_one(&m, off);
	assert_true(out.unfinished);
	tell(&m, (struct said){LEASE_UPDATE, "2001:db8:1::/48", .session = "c1", .who = CAROL,
			       .at = 130});
	finish(&m, &out);
	assert_int_equal(memory_store_binding(&m, &wide)->subscriber, CAROL);
}

static void test_older_ones_between(void **state)
{
	(void)state;
	struct lease_outcome out;
	struct memory_store m = half_off(&out);
	struct lease_outcome late = tell(&m, (struct said){LEASE_START, X, .session = "c1",
							   .who = CAROL, .at = 99, .arrives = 101});

	assert_int_equal(late.result, LEASE_STALE);
	assert_int_equal(holder(&m, X), NOBODY);
	finish(&m, &out);
	assert_int_equal(holder(&m, X), NOBODY);
}

/* Its end was lost: the NAS repeats it, by its own clock or by its delay; nothing newer ends. */
static void test_repeated(void **state)
{
	(void)state;
	static const double times[] = {100, 99.5};

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		struct lease_outcome out;
		struct memory_store m = half_off(&out);
		struct said again = {LEASE_NAS_OFF, .at = times[i], .arrives = 104};

		tell(&m, (struct said){LEASE_START, X, .session = "a1", .who = ALICE, .at = 100});
		out = tell_by_one(&m, again);
		assert_int_equal(out.result, LEASE_STALE);
		while (out.unfinished)
			go_on(&m, again, &out);
		assert_int_equal(holder(&m, X), ALICE);
		assert_int_equal(holder(&m, Y), NOBODY);
		assert_int_equal(m.nases[0].epoch, 1);
	}
}

/* ---- any history of one NAS ---- */

static unsigned dice(unsigned sides)
{
	return (unsigned)random() % sides;
}

static struct said random_said(double now)
{
	static const char *const ips[] = {X, Y, "10.0.0.3"};
	static const char *const sessions[] = {"s1", "s2", "s3", "s4"};
	static const enum lease_kind kinds[] = {LEASE_START,  LEASE_START, LEASE_START,
						LEASE_UPDATE, LEASE_STOP,  LEASE_NAS_ON};
	struct said say = {.kind = kinds[dice(6)], .at = now - dice(8), .arrives = now};

	if (say.kind == LEASE_NAS_ON)
		return say;
	say.ip = ips[dice(3)];
	say.session = sessions[dice(4)];
	say.who = 1 + (int)dice(3);
	return say;
}

/* One world ends all at once, the other has pieces somewhen between the events: when it is through,
 * the same people hold the same addresses. (Not so when the next On/Off comes meanwhile: what is
 * left then ends at the newer one's time, as if the older had been lost.) */
static void one_history(void)
{
	struct memory_store at_once = world(), pieces = world();
	struct lease_outcome out = {.unfinished = false};
	double now = 100;

	for (unsigned i = 0, events = dice(25); i < events; i++) {
		struct said say = random_said(now += dice(3));
		while (out.unfinished && say.kind == LEASE_NAS_ON)
			go_on(&pieces, off, &out);
		tell(&at_once, say);
		struct lease_outcome one = tell_by_one(&pieces, say);
		if (say.kind == LEASE_NAS_ON)
			out = one;
		while (out.unfinished && dice(3) == 0)
			go_on(&pieces, off, &out);
	}
	while (out.unfinished)
		go_on(&pieces, off, &out);
	assert_int_equal(holder(&at_once, X), holder(&pieces, X));
	assert_int_equal(holder(&at_once, Y), holder(&pieces, Y));
	assert_int_equal(holder(&at_once, "10.0.0.3"), holder(&pieces, "10.0.0.3"));
}

static void test_any_history(void **state)
{
	(void)state;
	const char *seed = getenv("ON_OFF_SEED");
	unsigned number = seed ? (unsigned)atoi(seed) : (unsigned)getpid();

	print_message("ON_OFF_SEED=%u\n", number);
	srandom(number);
	for (int i = 0; i < 20000; i++)
		one_history();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_of_them),
					   cmocka_unit_test(test_names_used_again_between),
					   cmocka_unit_test(test_update_between),
					   cmocka_unit_test(test_update_of_a_wider_key_between),
					   cmocka_unit_test(test_older_ones_between),
					   cmocka_unit_test(test_repeated),
					   cmocka_unit_test(test_any_history)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
