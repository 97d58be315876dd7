/* The rules of binding-rules 3, told as histories: each line an event, its result, and who holds
 * the address after it. */
#include "lib/rules/lease_fixture.h"

struct step {
	struct said say;
	enum lease_result result;
	int on_x, on_y;
};

static void play(const char *name, const struct step *steps, size_t n)
{
	struct memory_store m = world();

	for (size_t i = 0; i < n; i++) {
		struct lease_outcome out = tell(&m, steps[i].say);
		if (out.result != steps[i].result || holder(&m, X) != steps[i].on_x ||
		    holder(&m, Y) != steps[i].on_y)
			fail_msg("%s, step %zu: %s (%s), X held by %d, Y by %d", name, i + 1,
				 lease_result_name(out.result), out.detail ? out.detail : "",
				 holder(&m, X), holder(&m, Y));
	}
}
#define PLAY(steps) play(__func__, steps, sizeof steps / sizeof *steps)

/* The replay that breaks the tables of 2011: protocols 4.1. */
static void test_lost_stop_then_reuse(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_STOP, X, .session = "b1", .who = BOB, .at = 30},
		 LEASE_APPLIED,
		 NOBODY,
		 NOBODY},
		{{LEASE_START, Y, .session = "a2", .who = ALICE, .at = 40},
		 LEASE_APPLIED,
		 NOBODY,
		 ALICE},
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 15, .arrives = 50},
		 LEASE_APPLIED,
		 NOBODY,
		 ALICE},
	};
	PLAY(steps);
}

static void test_stop_ends_its_own_session_only(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 25},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 25},
		 LEASE_DUPLICATE,
		 BOB,
		 NOBODY},
		{{LEASE_STOP, X, .session = "zz", .who = BOB, .at = 26},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
	};
	PLAY(steps);
}

static void test_older_start_undoes_nothing(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10, .arrives = 21},
		 LEASE_STALE,
		 BOB,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 20, .arrives = 22},
		 LEASE_DUPLICATE,
		 BOB,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 23, .delay = 3},
		 LEASE_DUPLICATE,
		 BOB,
		 NOBODY},
		{{LEASE_STOP, X, .session = "b1", .who = BOB, .at = 30},
		 LEASE_APPLIED,
		 NOBODY,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 25, .arrives = 31},
		 LEASE_STALE,
		 NOBODY,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 20, .arrives = 32},
		 LEASE_STALE,
		 NOBODY,
		 NOBODY},
	};
	PLAY(steps);
}

static void test_newer_start_always_evicts(void **state)
{
	(void)state;
	static const struct step unknown[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "u1", .who = 9, .at = 20},
		 LEASE_ERROR,
		 NOBODY,
		 NOBODY},
	};
	static const struct step nobody_named[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "u1", .at = 20}, LEASE_ERROR, NOBODY, NOBODY},
	};
	static const struct step contradictory[] = {
		{{LEASE_START, X, .session = "c1", .who = CAROL, .at = 10},
		 LEASE_APPLIED,
		 CAROL,
		 NOBODY},
		{{LEASE_START, X, .session = "x1", .who = 12, .at = 20},
		 LEASE_QUARANTINED,
		 QUARANTINED,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "c1", .who = CAROL, .at = 25},
		 LEASE_QUARANTINED,
		 QUARANTINED,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 30},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
	};
	static const struct step same_session_other_person[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = 9, .at = 20},
		 LEASE_ERROR,
		 NOBODY,
		 NOBODY},
		{{LEASE_START, X, .session = "a2", .who = ALICE, .at = 30},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "a2", .who = BOB, .at = 40},
		 LEASE_QUARANTINED,
		 QUARANTINED,
		 NOBODY},
	};
	PLAY(unknown);
	PLAY(nobody_named);
	PLAY(contradictory);
	PLAY(same_session_other_person);
}

static void test_start_that_comes_after_its_stop(void **state)
{
	(void)state;
	static const struct step free_key[] = {
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 NOBODY,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10, .arrives = 21},
		 LEASE_STALE,
		 NOBODY,
		 NOBODY},
	};
	/* It was there after Bob, whose Stop is lost: the address is nobody's. */
	static const struct step evicts[] = {
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 5},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10, .arrives = 21},
		 LEASE_STALE,
		 NOBODY,
		 NOBODY},
	};
	PLAY(free_key);
	PLAY(evicts);
}

static void test_updates(void **state)
{
	(void)state;
	static const struct step reveals[] = {
		{{LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 5, .arrives = 11},
		 LEASE_DUPLICATE,
		 ALICE,
		 NOBODY},
	};
	static const struct step ended[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 NOBODY,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 15, .arrives = 21},
		 LEASE_STALE,
		 NOBODY,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 22},
		 LEASE_STALE,
		 NOBODY,
		 NOBODY},
	};
	static const struct step second_wins[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 30},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
	};
	static const struct step holder_speaks[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 25},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 30},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 40},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
	};
	static const struct step third_party[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "c1", .who = CAROL, .at = 30},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "b1", .who = BOB, .at = 40},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
	};
	static const struct step unknown[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "u1", .who = 9, .at = 20},
		 LEASE_ERROR,
		 ALICE,
		 NOBODY},
		{{LEASE_UPDATE, X, .session = "x1", .who = 12, .at = 30},
		 LEASE_QUARANTINED,
		 QUARANTINED,
		 NOBODY},
	};
	PLAY(reveals);
	PLAY(ended);
	PLAY(second_wins);
	PLAY(holder_speaks);
	PLAY(third_party);
	PLAY(unknown);
}

static void test_one_session_for_a_subscriber(void **state)
{
	(void)state;
	static const struct step moves[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, Y, .session = "a2", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 NOBODY,
		 ALICE},
		{{LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 21},
		 LEASE_STALE,
		 NOBODY,
		 ALICE},
	};
	/* The Start that loses here has still evicted the holder of its key. */
	static const struct step loses_but_evicts[] = {
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 5},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_START, Y, .session = "a2", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 BOB,
		 ALICE},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10, .arrives = 21},
		 LEASE_STALE,
		 NOBODY,
		 ALICE},
	};
	/* Across NASes, inside the uncertainty: the later arrival. */
	static const struct step across[] = {
		{{LEASE_START, X, .nas = "p1", .session = "a1", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, Y, .nas = "p2", .session = "a1", .who = ALICE, .at = 18},
		 LEASE_APPLIED,
		 NOBODY,
		 ALICE},
		{{LEASE_START, X, .nas = "p3", .session = "a1", .who = ALICE, .at = 100},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
	};
	static const struct step session_moves[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, Y, .session = "a1", .who = ALICE, .at = 20},
		 LEASE_APPLIED,
		 NOBODY,
		 ALICE},
		{{LEASE_STOP, .session = "a1", .at = 30}, LEASE_APPLIED, NOBODY, NOBODY},
	};
	PLAY(moves);
	PLAY(loses_but_evicts);
	PLAY(across);
	PLAY(session_moves);
}

static void test_on_off(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, Y, .session = "b1", .who = BOB, .at = 30},
		 LEASE_APPLIED,
		 ALICE,
		 BOB},
		{{LEASE_NAS_ON, .at = 20, .arrives = 31}, LEASE_APPLIED, NOBODY, BOB},
		{{LEASE_NAS_ON, .at = 20, .arrives = 32}, LEASE_STALE, NOBODY, BOB},
		{{LEASE_NAS_ON, .nas = "other", .at = 40}, LEASE_APPLIED, NOBODY, BOB},
		/* a session of before the On comes late */
		{{LEASE_START, X, .session = "c1", .who = CAROL, .at = 15, .arrives = 41},
		 LEASE_STALE,
		 NOBODY,
		 BOB},
		/* what survived the On is still ended by its own Stop */
		{{LEASE_STOP, .session = "b1", .at = 50}, LEASE_APPLIED, NOBODY, NOBODY},
		/* and names may be used again after it */
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 60},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_NAS_OFF, .at = 60}, LEASE_APPLIED, ALICE, NOBODY},
		{{LEASE_NAS_OFF, .at = 61}, LEASE_APPLIED, NOBODY, NOBODY},
	};
	PLAY(steps);
}

static void test_names_come_again_after_an_on(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_STOP, X, .session = "a1", .at = 19}, LEASE_APPLIED, NOBODY, NOBODY},
		{{LEASE_NAS_ON, .at = 20}, LEASE_APPLIED, NOBODY, NOBODY},
		{{LEASE_START, X, .session = "a1", .who = BOB, .at = 21},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
	};
	PLAY(steps);
}

static void test_each_winner_has_a_new_generation(void **state)
{
	(void)state;
	struct memory_store m = world();
	struct key x = key_v4(X);
	uint32_t before = 0;

	for (int i = 0; i < 6; i++) {
		struct lease_outcome out =
			tell(&m, (struct said){LEASE_START, X, .session = i % 2 ? "a" : "b",
					       .who = i == 4 ? 9 : 1 + i % 2,
					       .nas = i % 3 ? "p1" : "p2", .at = 100 * (i + 1)});
		if (out.generation <= before)
			fail_msg("winner %d (%s): generation %u after %u", i,
				 lease_result_name(out.result), out.generation, before);
		before = out.generation;
		assert_int_equal(memory_store_binding(&m, &x)->generation, before);
	}
}

static void test_equal_times(void **state)
{
	(void)state;
	static const struct step conflict[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 10},
		 LEASE_QUARANTINED,
		 QUARANTINED,
		 NOBODY},
	};
	static const struct step in_a_batch[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10, .batch = 7},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 10, .batch = 7},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
	};
	static const struct step after_stop[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 5},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_STOP, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 NOBODY,
		 NOBODY},
		{{LEASE_START, X, .session = "b1", .who = BOB, .at = 10},
		 LEASE_APPLIED,
		 BOB,
		 NOBODY},
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_STALE,
		 BOB,
		 NOBODY},
	};
	PLAY(conflict);
	PLAY(in_a_batch);
	PLAY(after_stop);
}

static void test_clock_in_2036_freezes_nothing(void **state)
{
	(void)state;
	struct memory_store m = world();
	struct lease_outcome out = tell(&m, (struct said){LEASE_START, X, .session = "a1",
							  .who = ALICE, .at = 3e8, .arrives = 10});

	assert_true(out.time_replaced);
	assert_int_equal(out.time_us, EPOCH + 10 * S);
	tell(&m, (struct said){LEASE_START, X, .session = "b1", .who = BOB, .at = 20});
	assert_int_equal(holder(&m, X), BOB);

	/* five seconds ahead is a clock, not an error */
	out = tell(&m, (struct said){LEASE_START, X, .session = "c1", .who = CAROL, .at = 35,
				     .arrives = 30});
	assert_false(out.time_replaced);
	out = tell(&m, (struct said){LEASE_NAS_ON, .at = -200000, .arrives = 40});
	assert_true(out.time_replaced);
}

static void test_one_session_of_two_subscribers(void **state)
{
	(void)state;
	static const struct step update[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, Y, .session = "b1", .who = BOB, .at = 11},
		 LEASE_APPLIED,
		 ALICE,
		 BOB},
		{{LEASE_UPDATE, Y, .session = "a1", .who = BOB, .at = 20}, LEASE_ERROR, ALICE, BOB},
		{{LEASE_UPDATE, X, .session = "a1", .who = BOB, .at = 21},
		 LEASE_QUARANTINED,
		 QUARANTINED,
		 BOB},
	};
	/* A NAS that uses the name again without a word: what the name held is nobody's. */
	static const struct step start[] = {
		{{LEASE_START, X, .session = "a1", .who = ALICE, .at = 10},
		 LEASE_APPLIED,
		 ALICE,
		 NOBODY},
		{{LEASE_START, Y, .session = "a1", .who = BOB, .at = 20},
		 LEASE_APPLIED,
		 NOBODY,
		 BOB},
		{{LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 21},
		 LEASE_ERROR,
		 NOBODY,
		 BOB},
	};
	PLAY(update);
	PLAY(start);
}

static void test_both_families(void **state)
{
	(void)state;
	struct memory_store m = world();
	struct key v6;

	assert_int_equal(key_of_prefix(REALM_DEFAULT, "2001:db8:1::/64", &v6), 0);
	tell(&m, (struct said){LEASE_START, X, "2001:db8:1::/64", .session = "a1", .who = ALICE,
			       .at = 10});
	assert_int_equal(holder(&m, X), ALICE);
	assert_int_equal(memory_store_binding(&m, &v6)->subscriber, ALICE);

	/* a new holder of the IPv4 address only */
	tell(&m, (struct said){LEASE_START, X, .session = "b1", .who = BOB, .at = 20});
	assert_int_equal(holder(&m, X), BOB);
	assert_int_equal(memory_store_binding(&m, &v6)->subscriber, ALICE);

	/* a wider prefix evicts the narrower one inside it */
	struct lease_outcome out = tell(&m, (struct said){LEASE_START, NULL, "2001:db8:1::/56",
							  .session = "c1", .who = CAROL, .at = 30});
	assert_int_equal(out.result, LEASE_APPLIED);
	assert_int_equal(memory_store_binding(&m, &v6)->state, KEY_FREE);

	/* the other family comes by an update; the Stop ends both */
	tell(&m, (struct said){LEASE_UPDATE, Y, .session = "c1", .who = CAROL, .at = 31});
	assert_int_equal(holder(&m, Y), CAROL);
	tell(&m, (struct said){LEASE_STOP, .session = "c1", .at = 32});
	assert_int_equal(holder(&m, Y), NOBODY);
}

static void test_derived_sessions(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{{LEASE_START, X, .who = ALICE, .at = 10}, LEASE_APPLIED, ALICE, NOBODY},
		{{LEASE_STOP, X, .who = BOB, .at = 11}, LEASE_APPLIED, ALICE, NOBODY},
		{{LEASE_STOP, X, .who = ALICE, .at = 20}, LEASE_APPLIED, NOBODY, NOBODY},
		{{LEASE_START, X, .who = ALICE, .at = 21}, LEASE_APPLIED, ALICE, NOBODY},
		{{LEASE_STOP, X, .who = ALICE, .at = 15, .arrives = 22},
		 LEASE_STALE,
		 ALICE,
		 NOBODY},
		{{LEASE_STOP, X, .at = 23}, LEASE_ERROR, ALICE, NOBODY},
	};
	PLAY(steps);
}

static void test_late_feed_is_behind(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, .session = "a1", .who = ALICE, .at = 10});
	struct key x = key_v4(X);
	assert_false(lease_is_behind(&m.nases[0], memory_store_binding(&m, &x)));
	tell(&m, (struct said){LEASE_START, Y, .session = "b1", .who = BOB, .at = 20, .arrives = 60,
			       .delay = 40});
	assert_true(lease_is_behind(&m.nases[0], memory_store_binding(&m, &x)));
	tell(&m, (struct said){LEASE_UPDATE, X, .session = "a1", .who = ALICE, .at = 70});
	assert_false(lease_is_behind(&m.nases[0], memory_store_binding(&m, &x)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_stop_then_reuse),
		cmocka_unit_test(test_stop_ends_its_own_session_only),
		cmocka_unit_test(test_older_start_undoes_nothing),
		cmocka_unit_test(test_newer_start_always_evicts),
		cmocka_unit_test(test_start_that_comes_after_its_stop),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_one_session_for_a_subscriber),
		cmocka_unit_test(test_on_off),
		cmocka_unit_test(test_names_come_again_after_an_on),
		cmocka_unit_test(test_each_winner_has_a_new_generation),
		cmocka_unit_test(test_equal_times),
		cmocka_unit_test(test_clock_in_2036_freezes_nothing),
		cmocka_unit_test(test_one_session_of_two_subscribers),
		cmocka_unit_test(test_both_families),
		cmocka_unit_test(test_derived_sessions),
		cmocka_unit_test(test_late_feed_is_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
