#include "authsrv/feed_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "lib/clock.h"
#include "lib/err.h"

#define FEEDS_MAX 64

/* A store of its own, one worker's line, and feeds whose ends are counted. */
struct world {
	char dir[64];
	struct loop *loop;
	struct db *db;
	struct db_port *port;
	struct feed_line line;
	size_t begun, ended;
	size_t order[FEEDS_MAX];
	int errs[FEEDS_MAX];
	struct request {
		struct feed feed;
		struct world *world;
		size_t number;
	} requests[FEEDS_MAX];
};

static void turn(struct world *w)
{
	event_base_loop(loop_base(w->loop), EVLOOP_ONCE);
}

static void until_ended(struct world *w, size_t n)
{
	while (w->ended < n)
		turn(w);
}

static void on_put(void *arg, int err, int64_t id, bool created)
{
	(void)id;
	assert_int_equal(err, 0);
	assert_true(created);
	*(bool *)arg = true;
}

static int world_make(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	bool stored = false;
	struct subscriber_put put = {.subscriber = {.msisdn = "819012345678", .address_count = 1}};

	strcpy(put.subscriber.addresses[0].shown, "a@b.example");
	strcpy(put.subscriber.addresses[0].canonical, "a@b.example");
	snprintf(w->dir, sizeof w->dir, "/tmp/feed-line.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	struct db_options o = {.dir = w->dir,
			       .daemon = "test",
			       .lease = {.max_skew_us = 5 * CLOCK_S, .lag_us = 30 * CLOCK_S}};
	assert_int_equal(loop_new(&w->loop), 0);
	assert_int_equal(db_open(&o, &w->db), 0);
	assert_int_equal(db_port_open(w->db, w->loop, &w->port), 0);
	w->line.port = w->port;
	subscriber_put(w->port, &put, on_put, &stored);
	while (!stored)
		turn(w);
	*state = w;
	return 0;
}

static int world_free(void **state)
{
	struct world *w = *state;
	char command[128];

	db_port_close(w->port);
	db_close(w->db);
	loop_free(w->loop);
	for (size_t i = 0; i < w->begun; i++) {
		free((void *)(uintptr_t)w->requests[i].feed.events);
		free(w->requests[i].feed.outcomes);
	}
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	free(w);
	return system(command);
}

static void on_complete(struct feed *f, int err)
{
	struct request *r = (struct request *)f;
	struct world *w = r->world;

	w->order[w->ended++] = r->number;
	w->errs[r->number] = err;
}

/* n Starts of one subscriber, each on another address. */
static struct lease_event *events_make(size_t n, size_t number)
{
	struct lease_event *events = calloc(n + 1, sizeof *events);
	char ip[32];
	struct addr a;

	for (size_t i = 0; i < n; i++) {
		struct lease_event *ev = &events[i];

		snprintf(ip, sizeof ip, "10.%zu.%zu.%zu", number, i / 250, 1 + i % 250);
		assert_int_equal(addr_parse(ip, &a), 0);
		assert_int_equal(key_of_addr("default", &a, &ev->keys[0]), 0);
		*ev = (struct lease_event){.kind = LEASE_START,
					   .realm = "default",
					   .keys = {ev->keys[0]},
					   .key_count = 1,
					   .nas_id = "nas",
					   .msisdn = "819012345678",
					   .feeder = "test",
					   .batch = (int64_t)number + 1,
					   .received_us = clock_now_us(),
					   .time_us = clock_now_us()};
		snprintf(ev->session_id, sizeof ev->session_id, "s-%zu-%zu", number, i);
	}
	return events;
}

static void begin(struct world *w, size_t n)
{
	struct request *r = &w->requests[w->begun];

	r->world = w;
	r->number = w->begun++;
	r->feed = (struct feed){.events = events_make(n, r->number),
				.outcomes = calloc(n + 1, sizeof(struct lease_outcome)),
				.count = n,
				.complete = on_complete};
	feed_line_join(&w->line, &r->feed);
}

static void nothing(void **state)
{
	struct world *w = *state;

	begin(w, 0);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->errs[0], 0);
	assert_int_equal(w->line.waiting, 0);
}

/* Many pieces; every event is applied, in its order: the last one holds the subscriber. */
static void on_held(void *arg, int err, const struct binding_found *list, size_t n)
{
	struct world *w = arg;

	assert_int_equal(err, 0);
	assert_int_equal(n, 1);
	assert_string_equal(list[0].session_id, "s-0-2999");
	w->ended++;
}

static void pieces_in_order(void **state)
{
	struct world *w = *state;

	begin(w, 3000);
	assert_true(w->line.in_store <= FEED_PIECE);
	until_ended(w, w->begun);
	assert_int_equal(w->errs[0], 0);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(w->requests[0].feed.outcomes[i].result, LEASE_APPLIED);
	assert_int_equal(w->line.waiting, 0);
	assert_int_equal(w->line.in_store, 0);
	binding_of_subscriber(w->port, "default", 1, on_held, w);
	until_ended(w, 2);
}

/* A small one does not wait for all of a large one. */
static void in_turn(void **state)
{
	struct world *w = *state;

	begin(w, 5000);
	begin(w, 1000);
	begin(w, 1);
	assert_true(w->line.in_store <= FEED_IN_STORE);
	until_ended(w, w->begun);
	assert_int_equal(w->order[0], 2);
	assert_int_equal(w->order[1], 1);
	assert_int_equal(w->order[2], 0);
}

static void bounded(void **state)
{
	struct world *w = *state;
	size_t fit = FEED_WAITING_MAX / 10000;

	for (size_t i = 0; i < fit; i++)
		begin(w, 10000);
	assert_int_equal(w->ended, 0);
	begin(w, 1);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->errs[fit], E_BUSY);
	feed_line_stop(&w->line);
	until_ended(w, w->begun);
	assert_int_equal(w->ended, fit + 1);
	assert_int_equal(w->line.waiting, 0);
	assert_int_equal(w->line.in_store, 0);
}

/* Those in the store complete, with what was applied; those in the line hear of the end at once. */
static void stopped(void **state)
{
	struct world *w = *state;

	begin(w, FEED_PIECE);
	begin(w, FEED_PIECE + 1);
	begin(w, 2);
	feed_line_stop(&w->line);
	assert_int_equal(w->ended, 1);
	assert_int_equal(w->errs[2], E_CLOSED);
	begin(w, 1);
	assert_int_equal(w->errs[3], E_CLOSED);
	until_ended(w, w->begun);
	assert_int_equal(w->errs[0], 0);
	assert_int_equal(w->errs[1], E_CLOSED);
	assert_int_equal(w->requests[1].feed.done, FEED_PIECE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing, world_make, world_free),
		cmocka_unit_test_setup_teardown(pieces_in_order, world_make, world_free),
		cmocka_unit_test_setup_teardown(in_turn, world_make, world_free),
		cmocka_unit_test_setup_teardown(bounded, world_make, world_free),
		cmocka_unit_test_setup_teardown(stopped, world_make, world_free),
	};

	return cmocka_run_group_tests_name("authsrv/feed_line", tests, NULL, NULL);
}
