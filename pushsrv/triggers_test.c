/* From a group that the store took to datagrams, one move of the world between any two steps; what
 * the store in trouble must not cause. */
#include "pushsrv/testbed.h"

/* ---- who gets it ---- */

static void the_right_one_does(void **state)
{
	struct scene *s = *state;

	is_due(1);
	triggers_begin(s->t);
	pass(s, 1000);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.takes, 1);
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
	struct binding b = store.committed;

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
	struct binding b = store.committed;

	b.expires_us = clock_now_us() - 1;
	return b;
}

static struct binding now_frozen(void)
{
	struct binding b = store.committed;

	b.frozen = true;
	return b;
}

static struct binding gone(void)
{
	return binding_at("127.3.0.9", ALICE, 3);
}

/* Whatever was logged a moment ago; and it costs no other sending of the group. */
static void what_is_committed_now_decides(void **state)
{
	static struct binding (*const moves[])(void) = {next_holder,
							new_generation,
							other_subscriber_same_generation,
							now_free,
							now_unconfirmed,
							now_contested,
							now_quarantined,
							now_expired,
							now_frozen,
							gone};
	struct scene *s = *state;
	struct binding before = store.committed;

	for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++) {
		int64_t moved = counter_read(COUNT_TRIGGERS_MOVED);
		store.committed = before;
		is_due(1);
		store.committed = moves[i]();
		triggers_begin(s->t);
		pass(s, 1000);
		if (datagrams(s) != 0)
			fail_msg("move %zu: it was sent", i);
		assert_int_equal(counter_read(COUNT_TRIGGERS_MOVED), moved + 1);
	}
	store.committed = before;
	is_due(3);
	store.out[1].key = gone().key;
	triggers_begin(s->t);
	pass(s, 1000);
	assert_int_equal(datagrams(s), 2);
}

/* Between the commit and the datagram the address goes to the next phone. */
static void it_moves_while_the_store_works(void **state)
{
	struct scene *s = *state;

	store.holds_take = true;
	triggers_begin(s->t);
	pass(s, 1000);
	assert_int_equal(store.held_count, 1);
	assert_int_equal(datagrams(s), 0); /* not before the commit */
	is_due(1);
	store.committed = next_holder();
	take_now();
	pass(s, 1000);
	assert_int_equal(datagrams(s), 0);
}

static void a_nas_that_is_behind_is_no_target(void **state)
{
	struct scene *s = *state;

	store.behind = true;
	is_due(1);
	triggers_begin(s->t);
	pass(s, 1000);
	assert_int_equal(datagrams(s), 0);
}

/* ---- mail and leases ---- */

/* What its own transaction logged is sent in the very call. */
static void mail_does_not_wait(void **state)
{
	struct scene *s = *state;

	is_due(1);
	store.count = store.rows = 0;
	triggers_mail(s->t, ALICE, 1, 1);
	assert_int_equal(datagrams(s), 1);
	assert_int_equal(store.takes, 0);
}

/* Not even for a backlog. */
static void mail_goes_before_what_waits(void **state)
{
	struct scene *s = *state;

	is_due(500);
	store.next_us = INT64_MAX;
	triggers_begin(s->t);
	pass(s, 0);
	unsigned sent = datagrams(s);
	assert_in_range(sent, 0, 300); /* a group a turn of the loop */
	triggers_mail(s->t, ALICE, 1, 1);
	assert_int_equal(datagrams(s), 1);
	for (int i = 0; i < 2000 && sent < 500; i++) {
		pass(s, 1000);
		sent += datagrams(s);
	}
	assert_int_equal(sent, 500);
}

static void mail_in_a_window_is_taken_at_its_end(void **state)
{
	struct scene *s = *state;
	int64_t coalesced = counter_read(COUNT_TRIGGERS_COALESCED);

	store.row.newest_uid = 2;
	store.row.next_us = clock_now_us() + 50000;
	triggers_mail(s->t, ALICE, 0, 0);
	pass(s, 10000);
	assert_int_equal(store.takes, 0);
	assert_int_equal(counter_read(COUNT_TRIGGERS_COALESCED), coalesced + 1);
	pass(s, 100000);
	assert_int_equal(store.takes, 1);
}

static void mail_that_joined_needs_no_look(void **state)
{
	struct scene *s = *state;
	int64_t coalesced = counter_read(COUNT_TRIGGERS_COALESCED);

	store.row.next_us = clock_now_us();
	triggers_mail(s->t, ALICE, CHANGE_MAIL_JOINED, 0);
	pass(s, 10000);
	assert_int_equal(store.takes, 0);
	assert_int_equal(counter_read(COUNT_TRIGGERS_COALESCED), coalesced + 1);
}

static void a_lease_wakes_its_row_at_once(void **state)
{
	struct scene *s = *state;

	triggers_lease(s->t, BOB); /* has no row: no transaction */
	assert_int_equal(store.takes, 0);
	triggers_lease(s->t, ALICE);
	assert_int_equal(store.takes, 1);
	assert_int_equal(store.woken_count, 1);
	assert_int_equal(store.woken[0], ALICE);
}

static void what_a_subscriber_chose_anew_is_looked_at_now(void **state)
{
	struct scene *s = *state;

	store.look_err = E_BUSY;
	triggers_look(s->t, ALICE);
	pass(s, 1000);
	assert_int_equal(store.takes, 0);
	store.look_err = 0;
	triggers_look(s->t, ALICE);
	pass(s, 1000);
	assert_int_equal(store.takes, 1);
	assert_int_equal(store.woken_count, 0); /* no lease: the datagrams do not begin anew */
}

/* While a group is at the store the next leases wait for it, and then go together. */
static void leases_go_in_groups(void **state)
{
	struct scene *s = *state;

	store.holds_take = true;
	triggers_lease(s->t, ALICE);
	for (int i = 0; i < 300; i++)
		triggers_lease(s->t, 1000 + i);
	assert_int_equal(store.takes, 1);
	take_now();
	assert_int_equal(store.takes, 2);
	assert_int_equal(store.last.woken_count, 256);
	take_now();
	assert_int_equal(store.takes, 3);
	take_now();
	assert_int_equal(store.woken_count, 301);
	assert_int_equal(s->losses, 0);
}

/* ---- much ---- */

/* What is taken never exceeds what there is room for; while one group is sent the next is taken. */
static void a_backlog_is_taken_as_fast_as_it_is_sent(void **state)
{
	struct scene *s = *state;
	unsigned sent = 0;

	store.holds_take = true;
	triggers_begin(s->t);
	pass(s, 0);
	assert_int_equal(store.held_count, 1);
	for (int i = 0; i < 20; i++) {
		is_due(512);
		store.next_us = 1;
		take_now();
		assert_in_range(store.held_count, 0, 2);
		pass(s, 0);
		sent += datagrams(s);
		while (store.held_count == 0) {
			pass(s, 1000);
			sent += datagrams(s);
		}
	}
	store.holds_take = false;
	while (store.held_count)
		take_now();
	for (int i = 0; i < 2000 && sent < 20 * 512; i++) {
		pass(s, 1000);
		sent += datagrams(s);
	}
	assert_int_equal(sent, 20 * 512);
}

/* ---- the store in trouble ---- */

static void a_group_that_was_refused_is_taken_again(void **state)
{
	struct scene *s = *state;

	store.take_err = E_IO;
	triggers_lease(s->t, ALICE);
	assert_int_equal(store.takes, 1);
	assert_int_equal(datagrams(s), 0);
	store.take_err = 0;
	is_due(1);
	pass(s, 1200000);
	assert_true(store.takes >= 2);
	assert_int_equal(store.woken_count, 1); /* it is the lease that must not be lost */
	assert_int_equal(datagrams(s), 1);
}

static void too_many_leases_are_found_again_in_the_outbox(void **state)
{
	struct scene *s = *state;

	store.holds_take = true;
	for (int i = 0; i < TRIGGERS_WOKEN_MAX + 300; i++)
		triggers_lease(s->t, 1000 + i);
	assert_true(s->losses > 0);
	store.holds_take = false;
	while (store.held_count)
		take_now();
}

/* Nothing leaves unseen, and nothing is dropped. */
static void without_a_last_look_nothing_leaves(void **state)
{
	struct scene *s = *state;

	store.check_err = E_IO;
	is_due(2);
	triggers_begin(s->t);
	pass(s, 10000);
	assert_int_equal(datagrams(s), 0);
	store.check_err = 0;
	pass(s, 1200000);
	assert_int_equal(datagrams(s), 2);
}

/* A realm without an egress for the family: not counted as sent. */
static void what_the_network_refused_is_put_back(void **state)
{
	struct scene *s = *state;

	store.committed = binding_at(PLACE, ALICE, 3);
	strcpy(store.committed.key.realm, "elsewhere");
	is_due(1);
	triggers_begin(s->t);
	pass(s, 1000);
	assert_int_equal(store.unsents, 1);
	assert_int_equal(store.unsent.subscriber, ALICE);
	assert_int_equal(store.unsent.bearer, BEARER_UDP);
}

static void stopped(void *arg, bool all_left)
{
	*(int *)arg = all_left ? 1 : 0;
}

static void after_the_stop_nothing_begins(void **state)
{
	struct scene *s = *state;
	int all_left = -1;

	store.holds_take = true;
	triggers_begin(s->t);
	pass(s, 1000);
	triggers_stop(s->t, stopped, &all_left);
	assert_int_equal(all_left, -1); /* a group is at the store */
	is_due(1);
	take_now();
	assert_int_equal(all_left, 0);
	triggers_lease(s->t, ALICE);
	triggers_mail(s->t, ALICE, 1, 1);
	pass(s, 1000);
	assert_int_equal(datagrams(s), 0);
	assert_int_equal(store.takes, 1);
}

static void an_orderly_end_leaves_nothing(void **state)
{
	struct scene *s = *state;
	int all_left = -1;

	is_due(1);
	triggers_begin(s->t);
	pass(s, 5000);
	assert_int_equal(datagrams(s), 1);
	triggers_stop(s->t, stopped, &all_left);
	assert_int_equal(all_left, 1);
}

/* ---- how far the feed was followed ---- */

/* A number is kept only by a group with which all is done that was told up to it. */
static void heard_is_what_is_done(void **state)
{
	struct scene *s = *state;

	triggers_heard(s->t, 7);
	triggers_begin(s->t);
	pass(s, 1000);
	assert_int_equal(store.last.heard, 7);
	store.holds_take = true;
	for (int64_t id = 1; id <= 300; id++)
		triggers_wake(s->t, &id, 1);
	triggers_heard(s->t, 8);
	assert_int_equal(store.held_count,
			 1); /* the first one's: alone, and of the number before */
	assert_int_equal(store.last.woken_count, 1);
	assert_int_equal(store.last.heard, 7);
	assert_int_equal(triggers_all_heard(s->t), 0);
	take_now(); /* the next one takes 256 */
	assert_int_equal(store.last.woken_count, 256);
	assert_int_equal(store.last.heard, 0); /* some are left */
	take_now();
	assert_int_equal(store.last.woken_count, 43);
	assert_int_equal(store.last.heard, 8);
	assert_int_equal(triggers_all_heard(s->t), 0);
	take_now();
	assert_int_equal(triggers_all_heard(s->t), 8);
}

/* Whom a failed group was to wake is woken by the next one, and the number waits for it. */
static void heard_waits_for_a_failed_group(void **state)
{
	struct scene *s = *state;
	int64_t id = ALICE;

	triggers_heard(s->t, 7);
	store.take_err = E_IO;
	triggers_wake(s->t, &id, 1);
	triggers_heard(s->t, 8);
	assert_int_equal(triggers_all_heard(s->t), 0);
	store.take_err = 0;
	pass(s, 1100000);
	assert_int_equal(store.woken_count, 1);
	assert_int_equal(store.last.heard, 8);
	assert_int_equal(triggers_all_heard(s->t), 8);
}

/* At the end, too. */
static void heard_is_not_what_failed_at_the_end(void **state)
{
	struct scene *s = *state;
	int64_t id = ALICE;
	int all_left = -1;

	triggers_heard(s->t, 7);
	store.holds_take = true;
	triggers_wake(s->t, &id, 1);
	triggers_stop(s->t, stopped, &all_left);
	store.take_err = E_IO;
	take_now();
	assert_int_equal(triggers_all_heard(s->t), 0);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE(the_right_one_does),
		SCENE(what_is_committed_now_decides),
		SCENE(it_moves_while_the_store_works),
		SCENE(a_nas_that_is_behind_is_no_target),
		SCENE(mail_does_not_wait),
		SCENE(mail_goes_before_what_waits),
		SCENE(mail_in_a_window_is_taken_at_its_end),
		SCENE(mail_that_joined_needs_no_look),
		SCENE(a_lease_wakes_its_row_at_once),
		SCENE(what_a_subscriber_chose_anew_is_looked_at_now),
		SCENE(leases_go_in_groups),
		SCENE(a_backlog_is_taken_as_fast_as_it_is_sent),
		SCENE(a_group_that_was_refused_is_taken_again),
		SCENE(too_many_leases_are_found_again_in_the_outbox),
		SCENE(without_a_last_look_nothing_leaves),
		SCENE(what_the_network_refused_is_put_back),
		SCENE(after_the_stop_nothing_begins),
		SCENE(an_orderly_end_leaves_nothing),
		SCENE(heard_is_what_is_done),
		SCENE(heard_waits_for_a_failed_group),
		SCENE(heard_is_not_what_failed_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
