/* Several bearers on one address: the session ends with the last, or when the NAS says so. */
#include "lib/rules/lease_fixture.h"

static struct lease_outcome bearer_says(struct memory_store *m, enum lease_kind kind,
					uint32_t bearer, bool last, double at)
{
	struct lease_store port = memory_store_port(m);
	struct said say = {.kind = kind, .ip = X, .session = "s1", .who = ALICE, .at = at};
	struct lease_event ev = event_of(&say);
	struct lease_outcome out;

	ev.bearer = bearer;
	ev.last_bearer = last;
	assert_int_equal(lease_apply(&port, &limits, &ev, &out), 0);
	return out;
}

static void the_last_one_ends_it(void **state)
{
	struct memory_store m = world();

	(void)state;
	bearer_says(&m, LEASE_START, 1, false, 1);
	assert_int_equal(bearer_says(&m, LEASE_START, 2, false, 2).result, LEASE_DUPLICATE);
	bearer_says(&m, LEASE_UPDATE, 3, false, 3);
	struct lease_outcome out = bearer_says(&m, LEASE_STOP, 1, false, 4);
	assert_int_equal(out.result, LEASE_APPLIED);
	assert_non_null(out.detail);
	assert_int_equal(holder(&m, X), ALICE);
	bearer_says(&m, LEASE_STOP, 1, false, 5); /* again */
	bearer_says(&m, LEASE_STOP, 3, false, 6);
	assert_int_equal(holder(&m, X), ALICE);
	bearer_says(&m, LEASE_STOP, 2, false, 7);
	assert_int_equal(holder(&m, X), NOBODY);
}

static void the_nas_says_that_it_was_the_last(void **state)
{
	struct memory_store m = world();

	(void)state;
	bearer_says(&m, LEASE_START, 1, false, 1);
	bearer_says(&m, LEASE_START, 2, false, 2);
	bearer_says(&m, LEASE_STOP, 2, true, 3);
	assert_int_equal(holder(&m, X), NOBODY);
}

static void a_stop_without_a_bearer_is_the_sessions(void **state)
{
	struct memory_store m = world();

	(void)state;
	bearer_says(&m, LEASE_START, 1, false, 1);
	bearer_says(&m, LEASE_START, 2, false, 2);
	bearer_says(&m, LEASE_STOP, 0, false, 3);
	assert_int_equal(holder(&m, X), NOBODY);
}

/* Its Stop overtook its Start: the late Start does not keep the session alive. */
static void a_bearer_ends_once(void **state)
{
	struct memory_store m = world();

	(void)state;
	bearer_says(&m, LEASE_START, 1, false, 1);
	bearer_says(&m, LEASE_STOP, 2, false, 3);
	bearer_says(&m, LEASE_START, 2, false, 2);
	assert_int_equal(holder(&m, X), ALICE);
	bearer_says(&m, LEASE_STOP, 1, false, 4);
	assert_int_equal(holder(&m, X), NOBODY);
}

/* Another's Start evicts whatever bearers there are. */
static void bearers_hold_no_address_against_a_start(void **state)
{
	struct memory_store m = world();

	(void)state;
	bearer_says(&m, LEASE_START, 1, false, 1);
	bearer_says(&m, LEASE_START, 2, false, 2);
	tell(&m, (struct said){.kind = LEASE_START, .ip = X, .session = "s2", .who = BOB, .at = 3});
	assert_int_equal(holder(&m, X), BOB);
	bearer_says(&m, LEASE_STOP, 1, false, 4);
	bearer_says(&m, LEASE_STOP, 2, false, 5);
	assert_int_equal(holder(&m, X), BOB);
}

static void there_is_room_for_sixteen(void **state)
{
	struct session_row s = {.id = 1};

	(void)state;
	for (uint32_t i = 1; i <= SESSION_BEARERS_MAX; i++)
		session_bearer_note(&s, i, i == 5 || i == 7);
	session_bearer_note(&s, 100, false); /* in the place of 5 */
	session_bearer_note(&s, 101, false); /* of 7 */
	session_bearer_note(&s, 102, false); /* none */
	assert_int_equal(s.bearer_count, SESSION_BEARERS_MAX);
	for (uint32_t i = 1; i <= SESSION_BEARERS_MAX; i++)
		if (i != 5 && i != 7)
			session_bearer_note(&s, i, true);
	session_bearer_note(&s, 100, true);
	assert_true(session_has_active_bearer(&s));
	session_bearer_note(&s, 101, true);
	assert_false(session_has_active_bearer(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_one_ends_it),
		cmocka_unit_test(the_nas_says_that_it_was_the_last),
		cmocka_unit_test(a_stop_without_a_bearer_is_the_sessions),
		cmocka_unit_test(a_bearer_ends_once),
		cmocka_unit_test(bearers_hold_no_address_against_a_start),
		cmocka_unit_test(there_is_room_for_sixteen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
