/* The trigger thread: whom it tells, when, and whom never. Leases that do not matter to a test are
 * confirmed before the start: the news of one begins the datagrams anew. */
#include "pushsrv/push_scene.h"

static void mail_triggers_at_once(void **state)
{
	struct scene *s = scene_new(NULL, 0);

	(void)state;
	attach(s, 1, "127.1.0.1");
	attach(s, 2, "127.1.0.2");
	start(s);
	mail(s, 1);
	struct caught first = expect(s, 1, "127.1.0.1");
	mail(s, 2);
	struct caught second = expect(s, 2, "127.1.0.2");
	assert_int_not_equal(first.trigger.tid, second.trigger.tid);
	struct outbox_row row = row_with_attempts(s, 1, 1);
	assert_int_equal(row.timestamp_s, first.trigger.timestamp_s);
	assert_true(row.next_us > clock_now_us() && row.next_us <= clock_now_us() + 2 * SECOND_US);
	struct heard *h = HEARD(&s->store);
	struct key k = key_at("127.1.0.1");
	send_log_find(s->store.port, &k, first.trigger.tid, first.trigger.timestamp_s, on_send_log,
		      h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->id, person(s, 1));
	scene_free(s);
}

static void repeats_then_sleeps(void **state)
{
	static const char *const sets[] = {"pushsrv.retry=1,1"};
	struct scene *s = scene_paced(sets, 1, SECOND_US / 10);

	(void)state;
	attach(s, 1, "127.1.0.1");
	start(s);
	mail(s, 1);
	struct caught c[3];
	for (int i = 0; i < 3; i++)
		c[i] = expect(s, 1, "127.1.0.1");
	assert_int_equal(c[0].trigger.timestamp_s, c[1].trigger.timestamp_s);
	assert_int_equal(c[0].trigger.timestamp_s, c[2].trigger.timestamp_s);
	assert_int_not_equal(c[0].trigger.tid, c[1].trigger.tid);
	struct outbox_row row = row_with_attempts(s, 1, 3);
	assert_true(row.next_us == INT64_MAX);
	/* New mail begins anew, with a newer timestamp. */
	mail(s, 1);
	struct caught again = expect(s, 1, "127.1.0.1");
	assert_true(again.trigger.timestamp_s > c[0].trigger.timestamp_s);
	row_with_attempts(s, 1, 1);
	scene_free(s);
}

static void mails_in_a_window_share_a_trigger(void **state)
{
	static const char *const sets[] = {"pushsrv.coalesce=500"};
	struct scene *s = scene_new(sets, 1);
	int64_t coalesced = counter_read(COUNT_TRIGGERS_COALESCED);

	(void)state;
	attach(s, 1, "127.1.0.1");
	attach(s, SENTINEL, SENTINEL_IP);
	start(s);
	mail(s, 1);
	struct caught first = expect(s, 1, "127.1.0.1");
	for (int i = 0; i < 5; i++)
		mail(s, 1);
	expect_nothing_but_sentinel(s);
	struct caught second = expect(s, 1, "127.1.0.1");
	assert_true(second.trigger.timestamp_s > first.trigger.timestamp_s);
	struct outbox_row row = row_with_attempts(s, 1, 1);
	assert_int_equal(row.newest_uid, 6);
	assert_int_equal(row.covered_uid, 6);
	assert_true(counter_read(COUNT_TRIGGERS_COALESCED) > coalesced);
	scene_free(s);
}

static void waits_for_a_confirmed_lease(void **state)
{
	struct scene *s = scene_new(NULL, 0);

	(void)state;
	start(s);
	attach(s, SENTINEL, SENTINEL_IP);
	mail(s, 1);
	row_asleep(s, 1);
	lease(s, 1, "127.1.0.1"); /* unconfirmed */
	mail(s, 1);
	expect_nothing_but_sentinel(s);
	confirm(s, 1, "127.1.0.1");
	expect(s, 1, "127.1.0.1");
	row_with_attempts(s, 1, 1);
	/* Another address: at once, whatever window is open. */
	attach(s, 1, "127.1.0.2");
	expect(s, 1, "127.1.0.2");
	scene_free(s);
}

/* The address that a stranger holds now gets nothing of the former one's. */
static void never_to_the_next_holder(void **state)
{
	static const char *const sets[] = {"pushsrv.retry=60"};
	struct scene *s = scene_new(sets, 1);
	struct binding b = {.generation = 0};
	struct key k = key_at("127.1.0.3");

	(void)state;
	start(s);
	attach(s, SENTINEL, SENTINEL_IP);
	attach(s, 1, "127.1.0.1");
	mail(s, 1);
	expect(s, 1, "127.1.0.1");
	attach(s, 2, "127.1.0.1");
	mail(s, 1);
	expect_nothing_but_sentinel(s);
	row_asleep(s, 1);

	attach(s, 3, "127.1.0.3");
	assert_int_equal(check(&s->store, "127.1.0.3", &b), 0);
	struct heard *h = HEARD(&s->store);
	binding_quarantine(s->store.port, &k, b.generation, QUARANTINE_OPERATOR, "test", on_done,
			   h);
	assert_int_equal(wait_for(h), 0);
	mail(s, 3);
	row_asleep(s, 3);

	attach(s, 4, "127.1.0.4");
	assert_int_equal(check(&s->store, "127.1.0.4", &b), 0);
	assert_int_equal(claim(&s->store, "127.1.0.4", b.generation, person(s, 5), NULL),
			 CLAIM_MISMATCH); /* contested */
	mail(s, 4);
	row_asleep(s, 4);
	mail(s, 2);
	expect(s, 2, "127.1.0.1");
	scene_free(s);
}

static void what_was_owed_is_sent_after_a_restart(void **state)
{
	struct scene *s = scene_new(NULL, 0);

	(void)state;
	attach(s, 1, "127.1.0.1");
	mail(s, 1); /* nobody watches */
	start(s);
	expect(s, 1, "127.1.0.1");
	row_with_attempts(s, 1, 1); /* on record already, but nobody knew whether it was sent */
	mail(s, 2);
	row_asleep(s, 2);
	stop(s);
	attach(s, 2, "127.1.0.2"); /* nobody watches */
	start(s);
	expect(s, 2, "127.1.0.2");
	row_with_attempts(s, 2, 1);
	scene_free(s);
}

/* Repeats that were used up are not begun anew by a restart. */
static void a_restart_wakes_nobody_who_did_not_answer(void **state)
{
	static const char *const sets[] = {"pushsrv.retry=1"};
	struct scene *s = scene_paced(sets, 1, SECOND_US / 10);

	(void)state;
	attach(s, 1, "127.1.0.1");
	attach(s, SENTINEL, SENTINEL_IP);
	start(s);
	mail(s, 1);
	expect(s, 1, "127.1.0.1");
	expect(s, 1, "127.1.0.1");
	row_asleep(s, 1);
	stop(s);
	start(s);
	expect_nothing_but_sentinel(s);
	stop(s);
	assert_int_equal(row_asleep(s, 1).attempts, 2);
	start(s); /* for scene_free */
	scene_free(s);
}

static void a_read_mailbox_is_left_alone(void **state)
{
	static const char *const sets[] = {"pushsrv.retry=1,1"};
	struct scene *s = scene_new(sets, 1);
	struct binding b = {.generation = 0};

	(void)state;
	attach(s, SENTINEL, SENTINEL_IP);
	attach(s, 1, "127.1.0.1");
	start(s);
	mail(s, 1);
	expect(s, 1, "127.1.0.1");
	assert_int_equal(check(&s->store, "127.1.0.1", &b), 0);
	const struct maildrop_update up = {
		.via = {.key = b.key, .generation = b.generation, .subscriber = person(s, 1)},
		.listed_uid = 1};
	struct heard *h = HEARD(&s->store);
	maildrop_update(s->store.port, &up, on_done, h);
	assert_int_equal(wait_for(h), 0);
	mail(s, SENTINEL);
	expect(s, SENTINEL, SENTINEL_IP);
	expect(s, SENTINEL,
	       SENTINEL_IP); /* its repeat, a second later: 1's would have come before */
	struct outbox_row row;
	assert_int_equal(get_outbox_row(&s->store, person(s, 1), &row), E_NOT_FOUND);
	scene_free(s);
}

static void a_removed_subscriber_loses_the_mail(void **state)
{
	struct scene *s = scene_new(NULL, 0);
	int64_t purged = counter_read(COUNT_PURGED);

	(void)state;
	start(s);
	mail(s, 1);
	mail(s, 1);
	struct heard *h = HEARD(&s->store);
	subscriber_remove(s->store.port, "819000000001", on_done, h);
	assert_int_equal(wait_for(h), 0);
	for (int i = 0; i < WAIT_MS && counter_read(COUNT_PURGED) == purged; i++)
		usleep(1000);
	assert_int_equal(counter_read(COUNT_PURGED), purged + 2);
	scene_free(s);
}

static void without_a_mac_it_is_sp_mode_to_the_byte(void **state)
{
	static const char *const sets[] = {"pushsrv.trigger_mac=no",
					   "pushsrv.application_id=spmode"};
	struct scene *s = scene_new(sets, 2);
	static const uint8_t head[] = {0x06, 0x08, 0x03, 0x02, 0x03, 0x0a, 0xaf,
				       0x02, 0x90, 0x5c, 0x03, 0x0d, 0x6a, 0x00};

	(void)state;
	start(s);
	attach(s, 1, "127.1.0.1");
	mail(s, 1);
	struct caught c = catch_one(s);
	assert_memory_equal(c.octets + 1, head, sizeof head);
	scene_free(s);
}

static void some_keys_are_not_for_datagrams(void **state)
{
	struct scene *s = scene_new(NULL, 0);
	int64_t no_host = counter_read(COUNT_TRIGGERS_NO_HOST);
	struct lease_event block;

	(void)state;
	start(s);
	attach(s, SENTINEL, SENTINEL_IP);
	lease(s, 1, "2001:db8:1::/64"); /* which of its addresses? */
	static const struct addr nowhere;
	struct key prefix;
	assert_int_equal(key_of_prefix(REALM_DEFAULT, "2001:db8:1::/64", &prefix), 0);
	struct heard *claimed = HEARD(&s->store);
	binding_claim(s->store.port, &prefix, 1, person(s, 1), &nowhere, on_claimed, claimed);
	assert_int_equal(wait_for(claimed), 0);
	mail(s, 1);
	row_asleep(s, 1);
	for (int i = 0; i < WAIT_MS && counter_read(COUNT_TRIGGERS_NO_HOST) == no_host; i++)
		usleep(1000);
	assert_int_equal(counter_read(COUNT_TRIGGERS_NO_HOST), no_host + 1);

	person(s, 2);
	block = an_event(LEASE_START, "127.1.0.2", 2, "s2", clock_now_us());
	block.keys[0].port_first = block.keys[0].port_last = s->port == 5000 ? 5001 : 5000;
	assert_int_equal(apply(&s->store, block).result, LEASE_APPLIED);
	struct heard *h = HEARD(&s->store);
	binding_claim(s->store.port, &block.keys[0], 1, person(s, 2), &block.keys[0].addr,
		      on_claimed, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->answer, CLAIM_ACCEPTED);
	mail(s, 2);
	row_asleep(s, 2);
	expect_nothing_but_sentinel(s);
	scene_free(s);
}

static void an_egress_that_cannot_be_is_told(void **state)
{
	static const char *const sets[] = {"pushsrv.trigger_source=192.0.2.1"};
	struct scene *s = scene_new(sets, 1);
	char error[256];

	(void)state;
	assert_int_equal(push_start(s->store.db, s->conf, &s->push, error), E_IO);
	assert_non_null(strstr(error, "192.0.2.1"));
	s->push = NULL;
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_triggers_at_once),
		cmocka_unit_test(repeats_then_sleeps),
		cmocka_unit_test(mails_in_a_window_share_a_trigger),
		cmocka_unit_test(waits_for_a_confirmed_lease),
		cmocka_unit_test(never_to_the_next_holder),
		cmocka_unit_test(what_was_owed_is_sent_after_a_restart),
		cmocka_unit_test(a_restart_wakes_nobody_who_did_not_answer),
		cmocka_unit_test(a_read_mailbox_is_left_alone),
		cmocka_unit_test(a_removed_subscriber_loses_the_mail),
		cmocka_unit_test(without_a_mac_it_is_sp_mode_to_the_byte),
		cmocka_unit_test(some_keys_are_not_for_datagrams),
		cmocka_unit_test(an_egress_that_cannot_be_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
