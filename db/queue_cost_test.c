/* What a look into the queue costs does not depend on how long it is, nor on what other lanes hold:
 * the steps of SQLite's machine are counted, so that no clock decides. */
#include <sqlite3.h>

#include "db/db_private.h"
#include "db/queue_testing.h"

#define T0   (1700000000 * SECOND_US)
#define LONG 3000

struct filling {
	struct bench_store *s;
	size_t waits;
};

static void on_filled(void *arg, int err, int64_t mail)
{
	struct filling *f = arg;

	(void)mail;
	assert_int_equal(err, 0);
	if (--f->waits == 0)
		loop_stop(f->s->loop);
}

static void fill(struct bench_store *s, const char *lane, size_t n)
{
	struct queue_recipient_new r = to("u@b.example", lane);
	struct queue_new m = mail_of("x", T0, &r, 1);
	struct filling f = {.s = s, .waits = n};

	for (size_t i = 0; i < n; i++)
		queue_put(s->port, &m, on_filled, &f);
	while (f.waits)
		loop_run(s->loop);
}

/* Of all statements of the reader since the last call. */
static int64_t steps_taken(struct bench_store *s, int what)
{
	struct engine *e = s->port->readers[DB_QUEUE];
	int64_t steps = 0;

	assert_non_null(e);
	for (int i = 0; i < STATEMENTS; i++) {
		if (e->statements[i])
			steps += sqlite3_stmt_status(e->statements[i], what, 1);
	}
	return steps;
}

struct cost {
	int64_t lanes, few, many, listed, told;
};

static void on_page(void *arg, int err, const struct queue_mail *m, size_t n,
		    const struct queue_place *next)
{
	(void)arg;
	(void)m;
	(void)next;
	assert_int_equal(err, 0);
	assert_int_equal(n, 2);
}

static int64_t take_one(struct bench_store *s, int64_t lane)
{
	struct seen_jobs seen;
	struct queue_take take = {.lane = lane, .now_us = T0, .jobs = 1, .recipients = 9};

	queue_lane_take(s->port, &take, on_jobs, &seen);
	assert_int_equal(seen.n, 1);
	queue_give_back(s->port, seen.jobs[0].mail, NULL, 0);
	return steps_taken(s, SQLITE_STMTSTATUS_VM_STEP);
}

static struct cost cost_of(struct bench_store *s)
{
	struct cost c;

	lanes_at(s, T0);
	steps_taken(s, SQLITE_STMTSTATUS_VM_STEP);
	struct seen_lanes l = lanes_at(s, T0);
	c.lanes = steps_taken(s, SQLITE_STMTSTATUS_VM_STEP);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.lanes[0].name, "dead.example");
	c.many = take_one(s, l.lanes[0].id);
	c.few = take_one(s, l.lanes[1].id);
	queue_list(s->port, &(struct queue_question){.lane = "dead.example", .limit = 2}, on_page,
		   NULL);
	c.listed = steps_taken(s, SQLITE_STMTSTATUS_VM_STEP);
	stats_of(s);
	c.told = steps_taken(s, SQLITE_STMTSTATUS_VM_STEP);
	assert_int_equal(steps_taken(s, SQLITE_STMTSTATUS_FULLSCAN_STEP), 0);
	assert_int_equal(steps_taken(s, SQLITE_STMTSTATUS_SORT), 0);
	return c;
}

/* Most of the long lane. */
static void hold_most(struct bench_store *s)
{
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/queue.db", s->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "UPDATE recipient SET next_us = NULL WHERE mail > 10",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
}

static void test_cost(void **state)
{
	struct bench_store *s = *state;

	fill(s, "dead.example", 3);
	put_simple(s, "few.example", T0);
	struct cost before = cost_of(s);
	fill(s, "dead.example", LONG);
	struct cost after = cost_of(s);
	assert_true(before.many > 0);
	assert_int_equal(after.lanes, before.lanes);
	assert_int_equal(after.many, before.many);
	assert_int_equal(after.few, before.few);
	assert_int_equal(after.listed, before.listed);
	assert_int_equal(after.told, before.told);
	hold_most(s);
	struct cost held = cost_of(s);
	assert_int_equal(held.many, before.many);
	assert_int_equal(held.few, before.few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {QUEUE_TEST(test_cost)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
