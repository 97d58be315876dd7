/* The steps of a trigger over a store that obeys the test: it answers when and what it is told to,
 * so that the world can move between any two steps. */
#include "pushsrv/triggers.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/trigger.h"
#include "pushsrv/counters.h"

#define ALICE 1
#define BOB   2
#define PLACE "127.3.0.1"

/* ---- the store ---- */

static struct store {
	int get_err, record_err, wake_err, list_err;
	bool holds_get, holds_renew, holds_record; /* the answer waits for the test */
	struct outbox_row row;                     /* of ALICE; nobody else has one */
	struct binding listed,
		committed; /* what the list says, and what is true when asked again */
	bool behind;

	outbox_row_got *renewed;
	void *renew_arg;
	db_done *recorded;
	void *record_arg;
	unsigned gets, renews, records, postpones, wakes;
	int64_t postponed_us;
	struct trigger_sent sent;
	struct {
		outbox_row_got *got;
		void *arg;
	} waiting[2 * TRIGGERS_AT_ONCE];
	size_t waiting_count;
} store;

void outbox_get(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	(void)port;
	store.gets++;
	if (store.holds_get) {
		store.waiting[store.waiting_count].got = got;
		store.waiting[store.waiting_count++].arg = arg;
	} else if (store.get_err) {
		got(arg, store.get_err, NULL);
	} else if (subscriber == ALICE) {
		got(arg, 0, &store.row);
	} else {
		got(arg, E_NOT_FOUND, NULL);
	}
}

static void renew_now(void)
{
	outbox_row_got *got = store.renewed;

	store.renewed = NULL;
	store.row.covered_uid = store.row.newest_uid;
	store.row.timestamp_s++;
	store.row.attempts = 0;
	got(store.renew_arg, 0, &store.row);
}

void outbox_renew(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	(void)port;
	assert_int_equal(subscriber, ALICE);
	store.renews++;
	store.renewed = got;
	store.renew_arg = arg;
	if (!store.holds_renew)
		renew_now();
}

static void record_now(void)
{
	db_done *done = store.recorded;

	store.recorded = NULL;
	if (!store.record_err) {
		store.row.attempts = store.sent.attempts;
		store.row.next_us = store.sent.next_us;
	}
	done(store.record_arg, store.record_err);
}

void trigger_record(struct db_port *port, const struct trigger_sent *sent, db_done *done, void *arg)
{
	(void)port;
	store.records++;
	store.sent = *sent;
	store.recorded = done;
	store.record_arg = arg;
	if (!store.holds_record)
		record_now();
}

void trigger_postpone(struct db_port *port, int64_t subscriber, int64_t next_us, db_done *done,
		      void *arg)
{
	(void)port;
	assert_int_equal(subscriber, ALICE);
	store.postpones++;
	store.postponed_us = store.row.next_us = next_us;
	done(arg, 0);
}

void trigger_wake(struct db_port *port, int64_t subscriber, int64_t now_us, db_done *done,
		  void *arg)
{
	(void)port;
	(void)subscriber;
	(void)now_us;
	store.wakes++;
	done(arg, store.wake_err);
}

void subscriber_by_id(struct db_port *port, int64_t id, subscriber_got *got, void *arg)
{
	struct subscriber s = {.id = id, .address_count = 1};

	(void)port;
	strcpy(s.addresses[0].shown, "alice@hato.example");
	got(arg, 0, &s);
}

void binding_of_subscriber(struct db_port *port, const char *realm, int64_t subscriber,
			   binding_list_got *got, void *arg)
{
	const struct binding_found found = {.b = store.listed};

	(void)port;
	(void)subscriber;
	assert_string_equal(realm, "");
	got(arg, store.list_err, &found, store.listed.subscriber ? 1 : 0);
}

void binding_check(struct db_port *port, const char *realm, const struct addr *source,
		   uint16_t source_port, binding_checked *got, void *arg)
{
	(void)port;
	(void)source_port;
	assert_string_equal(realm, REALM_DEFAULT);
	if (addr_equal(source, &store.committed.key.addr))
		got(arg, 0, &store.committed, store.behind);
	else
		got(arg, E_NOT_FOUND, NULL, false);
}

/* What other parts of pushsrv ask for: not here. Defined so that the real store stays out of the
 * program. */
int db_port_open(struct db *d, struct loop *l, struct db_port **o)
{
	(void)d, (void)l, (void)o;
	fail();
	return 0;
}

void db_port_close(struct db_port *p)
{
	(void)p;
	fail();
}

int db_watch(struct db_port *p, enum db_file f, change_fn *fn, void *arg)
{
	(void)p, (void)f, (void)fn, (void)arg;
	fail();
	return 0;
}

void outbox_due(struct db_port *p, int64_t now, size_t n, outbox_got *got, void *arg)
{
	(void)p, (void)now, (void)n, (void)got, (void)arg;
	fail();
}

void outbox_after(struct db_port *p, int64_t after, size_t n, outbox_got *got, void *arg)
{
	(void)p, (void)after, (void)n, (void)got, (void)arg;
	fail();
}

void recipient_check(struct db_port *p, const char *a, uint64_t size, uint64_t quota,
		     recipient_got *got, void *arg)
{
	(void)p, (void)a, (void)size, (void)quota, (void)got, (void)arg;
	fail();
}

void body_append(struct db_port *p, int64_t body, uint32_t piece, const uint8_t *octets, size_t n,
		 body_stored *got, void *arg)
{
	(void)p, (void)body, (void)piece, (void)octets, (void)n, (void)got, (void)arg;
	fail();
}

void mail_accept(struct db_port *p, const struct mail_accept *m, mail_accepted *got, void *arg)
{
	(void)p, (void)m, (void)got, (void)arg;
	fail();
}

void mail_purge_gone(struct db_port *p, mail_purged *got, void *arg)
{
	(void)p, (void)got, (void)arg;
	fail();
}

void mail_sweep(struct db_port *p, int64_t now, db_done *got, void *arg)
{
	(void)p, (void)now, (void)got, (void)arg;
	fail();
}

/* ---- the scene ---- */

struct scene {
	struct loop *loop;
	struct loop_timer *tick;
	struct conf *conf;
	struct bearer_udp *bearer;
	struct triggers *t;
	int phones;
	int64_t due_us;
	unsigned rooms, losses;
};

static void due(void *arg, int64_t at_us)
{
	struct scene *s = arg;

	if (at_us < s->due_us)
		s->due_us = at_us;
}

static void room(void *arg)
{
	((struct scene *)arg)->rooms++;
}

static void lost(void *arg)
{
	((struct scene *)arg)->losses++;
}

static void ticked(void *arg)
{
	loop_stop(((struct scene *)arg)->loop);
}

static void pass(struct scene *s, int64_t us)
{
	loop_timer_set(s->tick, us);
	loop_run(s->loop);
}

static struct binding binding_at(const char *ip, int64_t subscriber, uint32_t generation)
{
	struct binding b = {.state = KEY_CONFIRMED,
			    .generation = generation,
			    .subscriber = subscriber,
			    .session = 1,
			    .confirmed_us = clock_now_us()};
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &b.key), 0);
	memset(b.trigger_key, (int)generation, sizeof b.trigger_key);
	return b;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	char port[64], error[256];
	const char *sets[] = {"pushsrv.trigger_source_port=0", port, "pushsrv.retry=5,7",
			      "pushsrv.coalesce=300"};

	log_level_set("error");
	assert_non_null(s);
	s->phones = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->phones, (struct sockaddr *)&name, size), 0);
	assert_int_equal(getsockname(s->phones, (struct sockaddr *)&name, &size), 0);
	snprintf(port, sizeof port, "pushsrv.trigger_port=%u", ntohs(name.sin_port));
	assert_int_equal(conf_load(NULL, "/", sets, 4, &s->conf, error), 0);
	assert_int_equal(loop_new(&s->loop), 0);
	s->tick = loop_timer_new(s->loop, ticked, s);
	assert_int_equal(bearer_udp_open(s->conf, &s->bearer, error), 0);
	s->due_us = INT64_MAX;
	const struct triggers_options with = {.loop = s->loop,
					      .conf = s->conf,
					      .bearer = s->bearer,
					      .due = due,
					      .room = room,
					      .lost = lost,
					      .arg = s};
	assert_int_equal(triggers_new(&with, &s->t), 0);
	store = (struct store){.row = {.subscriber = ALICE,
				       .newest_uid = 1,
				       .covered_uid = 1,
				       .timestamp_s = clock_now_s(),
				       .next_us = clock_now_us(),
				       .mailed_us = clock_now_us()},
			       .listed = binding_at(PLACE, ALICE, 3)};
	store.committed = store.listed;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	triggers_free(s->t);
	bearer_udp_close(s->bearer);
	loop_timer_free(s->tick);
	loop_free(s->loop);
	conf_free(s->conf);
	close(s->phones);
	free(s);
	return 0;
}

/* A send over the loopback is there when sendto returns. */
static unsigned datagrams(struct scene *s)
{
	uint8_t octets[256];
	unsigned n = 0;

	while (recv(s->phones, octets, sizeof octets, 0) > 0)
		n++;
	return n;
}

static void mail_comes(void)
{
	store.row.newest_uid++;
	store.row.next_us = store.row.mailed_us = clock_now_us();
}

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
		SCENE(a_read_that_fails_is_tried_again),
		SCENE(without_a_slot_the_store_remembers),
		SCENE(after_the_stop_nothing_begins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
