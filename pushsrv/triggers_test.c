/* The steps of a trigger, one move of the world between any two of them; what the store in trouble
 * must not cause. */
#include "pushsrv/testbed.h"

/* ---- who gets it ---- */

static void the_right_one_does(void **state)
{
	struct scene *s = *state;

	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.records, 1);
	assert_int_equal(store.sent.via.generation, 3);
	assert_int_equal(store.sent.via.subscriber, ALICE);
	assert_int_equal(store.sent.attempts, 1);
	assert_int_equal(store.sent.next_us - store.sent.sent_us, 5 * CLOCK_S);
	assert_int_equal(s->due_us, store.sent.next_us);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE);
}

static struct binding next_holder(void)
{
	return binding_at(PLACE, BOB, 4);
}

static struct binding new_generation(void)
{
	return binding_at(PLACE, ALICE, 4);
}

static struct binding other_subscriber_same_generation(void)
{
	return binding_at(PLACE, BOB, 3);
}

static struct binding in_state(enum key_state state)
{
	struct binding b = store.listed;

	b.state = state;
	return b;
}

static struct binding now_free(void)
{
	return in_state(KEY_FREE);
}

static struct binding now_unconfirmed(void)
{
	return in_state(KEY_UNCONFIRMED);
}

static struct binding now_contested(void)
{
	return in_state(KEY_CONTESTED);
}

static struct binding now_quarantined(void)
{
	return in_state(KEY_QUARANTINED);
}

static struct binding now_expired(void)
{
	struct binding b = store.listed;

	b.expires_us = clock_now_us() - 1;
	return b;
}

static struct binding shorter_key(void)
{
	struct binding b = store.listed;

	b.key.port_last = 4095;
	return b;
}

/* Whatever the list said a moment ago. */
static void what_is_committed_now_decides(void **state)
{
	static struct binding (*const moves[])(void) = {
		next_holder,     new_generation,  other_subscriber_same_generation,
		now_free,        now_unconfirmed, now_contested,
		now_quarantined, now_expired,     shorter_key};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
		store.row.next_us = clock_now_us();
		store.committed = moves[i]();
		store.postpones = 0;
		triggers_look(s->t, ALICE, SCHEDULE_MAIL);
		if (datagrams(s) != 0 || store.records != 0)
			fail_msg("move %zu: it was sent", i);
		assert_int_equal(store.postpones, 1);
		assert_true(store.postponed_us == SCHEDULE_NEVER);
	}
	store.row.next_us = clock_now_us();
	store.committed = binding_at("127.3.0.9", ALICE, 3); /* nobody holds the old place */
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 0);
}

/* The timestamp is committed first; meanwhile the address goes to the next phone. */
static void it_moves_while_the_store_works(void **state)
{
	struct scene *s = *state;

	mail_comes();
	store.holds_renew = true;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(store.renews, 1);
	assert_int_equal(datagrams(s), 0); /* not before the commit */
	store.committed = next_holder();
	renew_now();
	assert_int_equal(datagrams(s), 0);
	assert_true(store.postponed_us == SCHEDULE_NEVER);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE);
}

/* The lease that was confirmed meanwhile is not forgotten by the postponement. */
static void it_is_confirmed_while_the_store_works(void **state)
{
	struct scene *s = *state;

	mail_comes();
	store.holds_renew = true;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	store.committed = store.listed = binding_at("127.3.0.2", ALICE, 8);
	triggers_look(s->t, ALICE, SCHEDULE_LEASE);
	renew_now(); /* the old place is nobody's, the new one is found at once */
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.sent.via.generation, 8);
}

static void behind_waits_a_little(void **state)
{
	struct scene *s = *state;
	int64_t now_us = clock_now_us();

	store.behind = true;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 0);
	assert_true(store.postponed_us > now_us && store.postponed_us < now_us + 60 * CLOCK_S);
}

/* ---- when ---- */

static void a_window_makes_one_of_many(void **state)
{
	struct scene *s = *state;

	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 1);
	for (int i = 0; i < 5; i++) {
		mail_comes();
		triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	}
	assert_int_equal(datagrams(s), 0);
	assert_int_equal(store.postpones, 0);
	pass(s, 400000);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.renews, 1);
	assert_int_equal(store.row.covered_uid, 6);
}

static void what_a_scan_finds_in_a_window_is_moved_to_its_end(void **state)
{
	struct scene *s = *state;
	int64_t now_us = clock_now_us();

	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	mail_comes();
	assert_true(triggers_take(s->t, &store.row, SCHEDULE_MAIL));
	assert_int_equal(store.postpones, 1);
	assert_true(store.postponed_us > now_us && store.postponed_us <= clock_now_us() + 300000);
	assert_int_equal(datagrams(s), 1);
}

static void a_lease_does_not_wait(void **state)
{
	struct scene *s = *state;

	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	mail_comes();
	triggers_look(s->t, ALICE, SCHEDULE_LEASE);
	assert_int_equal(datagrams(s), 2);
	assert_int_equal(store.sent.attempts, 1);
	store.row.attempts = 3; /* used up: begun anew */
	store.row.next_us = SCHEDULE_NEVER;
	triggers_look(s->t, ALICE, SCHEDULE_LEASE);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.sent.attempts, 1);
}

static void mail_during_the_work_is_not_forgotten(void **state)
{
	struct scene *s = *state;

	store.holds_record = true;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 1);
	mail_comes();
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	store.holds_record = false;
	store.row.next_us = store.row.mailed_us;
	record_now();
	pass(s, 400000);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.row.covered_uid, 2);
}

/* ---- the store in trouble ---- */

static void a_record_that_fails_repeats_no_datagram(void **state)
{
	struct scene *s = *state;

	store.record_err = E_BUSY;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE - 1);
	assert_true(triggers_take(s->t, &store.row, SCHEDULE_MAIL)); /* still due, says the store */
	pass(s, 1200000);
	assert_int_equal(store.records, 2);
	store.record_err = 0;
	pass(s, 1200000);
	assert_int_equal(store.records, 3);
	assert_int_equal(datagrams(s), 0);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE);
	assert_int_equal(s->rooms, 1);
}

static void a_postponement_that_fails_keeps_its_slot(void **state)
{
	struct scene *s = *state;

	store.listed.subscriber = 0;
	store.postpone_err = E_BUSY;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(store.postpones, 1);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE - 1);
	store.postpone_err = 0;
	pass(s, 1200000);
	assert_int_equal(store.postpones, 2);
	assert_true(store.postponed_us == SCHEDULE_NEVER);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE);
}

static void a_read_that_fails_is_tried_again(void **state)
{
	struct scene *s = *state;

	store.get_err = E_IO;
	triggers_look(s->t, ALICE, SCHEDULE_LEASE);
	assert_int_equal(datagrams(s), 0);
	store.get_err = 0;
	store.row.next_us = SCHEDULE_NEVER; /* it is the lease that must not be lost */
	pass(s, 1200000);
	assert_int_equal(datagrams(s), 1);
}

static void without_a_slot_the_store_remembers(void **state)
{
	struct scene *s = *state;

	store.holds_get = true;
	for (int i = 0; i < TRIGGERS_AT_ONCE; i++)
		triggers_look(s->t, 1000 + i, SCHEDULE_MAIL);
	assert_int_equal(triggers_room(s->t), 0);
	assert_false(triggers_take(s->t, &store.row, SCHEDULE_MAIL));
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_true(s->due_us <= clock_now_us());
	triggers_look(s->t, ALICE, SCHEDULE_LEASE);
	assert_int_equal(store.wakes, 1);
	assert_int_equal(s->losses, 0);
	store.wake_err = E_BUSY;
	triggers_look(s->t, ALICE, SCHEDULE_LEASE);
	assert_int_equal(s->losses, 1);
	for (size_t i = 0; i < store.waiting_count; i++)
		store.waiting[i].got(store.waiting[i].arg, E_NOT_FOUND, NULL);
	assert_int_equal(triggers_room(s->t), TRIGGERS_AT_ONCE);
	assert_int_equal(s->rooms, TRIGGERS_AT_ONCE);
}

/* A scan before the commit would find the row as it was, leave it to the job, and not come back. */
static void a_repeat_is_waited_for_when_it_is_committed(void **state)
{
	struct scene *s = *state;

	store.holds_record = true;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 1);
	assert_true(s->due_us == INT64_MAX);
	assert_true(triggers_take(s->t, &store.row, SCHEDULE_MAIL));
	record_now();
	assert_int_equal(s->due_us, store.sent.next_us);
}

static void after_the_stop_nothing_begins(void **state)
{
	struct scene *s = *state;

	store.holds_record = true;
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	triggers_look(s->t, ALICE, SCHEDULE_MAIL);
	assert_int_equal(datagrams(s), 1);
	triggers_stop(s->t);
	store.record_err = E_CLOSED;
	record_now();
	assert_int_equal(store.gets, 1);
	assert_int_equal(triggers_room(s->t), 0);
	assert_false(triggers_take(s->t, &store.row, SCHEDULE_MAIL));
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE(the_right_one_does),
		SCENE(what_is_committed_now_decides),
		SCENE(it_moves_while_the_store_works),
		SCENE(it_is_confirmed_while_the_store_works),
		SCENE(behind_waits_a_little),
		SCENE(a_window_makes_one_of_many),
		SCENE(what_a_scan_finds_in_a_window_is_moved_to_its_end),
		SCENE(a_lease_does_not_wait),
		SCENE(mail_during_the_work_is_not_forgotten),
		SCENE(a_record_that_fails_repeats_no_datagram),
		SCENE(a_postponement_that_fails_keeps_its_slot),
		SCENE(a_read_that_fails_is_tried_again),
		SCENE(without_a_slot_the_store_remembers),
		SCENE(a_repeat_is_waited_for_when_it_is_committed),
		SCENE(after_the_stop_nothing_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
