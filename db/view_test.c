/* A binding that is asked for again: told as it was seen while nothing was committed, and never
 * after that. */
#include <sqlite3.h>

#include "db/bindings.h"
#include "db/db_testing.h"

#define IP     "10.0.0.1"
#define MARKED 4711 /* no row says so: an answer with it was not looked up */

static int again(struct bench_store *s, const char *ip, struct binding_told *seen,
		 struct binding *out)
{
	struct heard *h = HEARD(s);
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	binding_check(s->port, REALM_DEFAULT, &a, 4711, seen, on_checked, h);
	int err = wait_for(h);
	*out = h->binding;
	if (err)
		memset(out, 0, sizeof *out);
	return err;
}

/* Is the answer the one that was seen, without a look? */
static bool is_told_again(struct bench_store *s, struct binding_told *seen)
{
	struct binding b;
	int64_t was = seen->b.watermark_us;

	seen->b.watermark_us = MARKED;
	assert_int_equal(again(s, IP, seen, &b), 0);
	if (b.watermark_us != MARKED)
		return false;
	seen->b.watermark_us = was;
	return true;
}

static void start(struct bench_store *s, int n, const char *session, int64_t time_us)
{
	assert_int_equal(apply(s, an_event(LEASE_START, IP, n, session, time_us)).result,
			 LEASE_APPLIED);
}

static void test_told_again(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();
	struct binding_told seen = {0};
	struct binding b;

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	start(s, 1, "s1", now_us);
	assert_int_equal(again(s, IP, &seen, &b), 0);
	again(s, IP, &seen, &b); /* the very first look of a connection knows no view */
	assert_true(is_told_again(s, &seen));
	assert_true(is_told_again(s, &seen));
	/* Anybody's commit makes it look, also one that is about others. */
	make_subscriber(s, 3);
	assert_false(is_told_again(s, &seen));
	assert_true(is_told_again(s, &seen));
	start(s, 2, "s2", now_us + 1);
	uint32_t before = b.generation;
	assert_int_equal(again(s, IP, &seen, &b), 0);
	assert_true(b.generation > before);
}

/* Each acknowledged event is seen by the very next question, whoever wrote it. */
static void test_another_writer(void **state)
{
	struct bench_store *s = *state, other = {.options = s->options};
	int64_t now_us = clock_now_us();
	struct binding_told seen = {0};
	struct binding b;
	uint32_t before = 0;

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	memcpy(other.dir, s->dir, sizeof other.dir);
	store_open(&other);
	for (int i = 0; i < 100; i++) {
		char session[16];

		snprintf(session, sizeof session, "s%d", i);
		start(i % 3 ? &other : s, 1 + i % 2, session, now_us + i);
		assert_int_equal(again(s, IP, &seen, &b), 0);
		assert_true(b.generation > before);
		before = b.generation;
		assert_true(i == 0 || is_told_again(s, &seen));
	}
	apply(&other, an_event(LEASE_STOP, IP, 2, "s99", now_us + 100));
	assert_int_equal(again(s, IP, &seen, &b), E_NOT_FOUND);
	assert_int_equal(again(s, IP, &seen, &b), E_NOT_FOUND); /* what is not is not kept */
	store_close(&other);
}

static void execute(struct bench_store *s, const char *sql)
{
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/bindings.db", s->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The log begins anew, a stranger writes by hand, the log begins anew behind him. */
static void test_log_begins_anew(void **state)
{
	struct bench_store *s = *state;
	struct binding_told seen = {0};
	struct binding b;

	make_subscriber(s, 1);
	start(s, 1, "s1", clock_now_us());
	again(s, IP, &seen, &b);
	execute(s, "PRAGMA wal_checkpoint(TRUNCATE)");
	assert_int_equal(again(s, IP, &seen, &b), 0);
	assert_int_equal(b.generation, 1);
	execute(s, "UPDATE binding SET generation = 7; PRAGMA wal_checkpoint(RESTART)");
	assert_int_equal(again(s, IP, &seen, &b), 0);
	assert_int_equal(b.generation, 7);
	execute(s, "UPDATE binding SET generation = 8");
	assert_int_equal(again(s, IP, &seen, &b), 0);
	assert_int_equal(b.generation, 8);
	assert_true(is_told_again(s, &seen));
}

static int caller(struct bench_store *s, const char *ip, struct binding_found *out)
{
	struct heard *h = HEARD(s);
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	binding_find_caller(s->port, REALM_DEFAULT, &a, 1, on_found, h);
	int err = wait_for(h);
	*out = h->found;
	if (err)
		memset(out, 0, sizeof *out);
	return err;
}

static void test_caller(void **state)
{
	struct bench_store *s = *state;
	struct binding_found f;

	make_subscriber(s, 1);
	start(s, 1, "s1", clock_now_us());
	assert_int_equal(caller(s, IP, &f), 0);
	assert_int_equal(caller(s, IP, &f), 0);
	assert_string_equal(f.msisdn, "819000000001");
	assert_int_equal(f.b.generation, 1);
	assert_false(f.behind);
	/* What it saw is where asking again begins. */
	struct binding_told told = {.view = f.view, .b = f.b};
	assert_true(is_told_again(s, &told));
	start(s, 1, "s2", clock_now_us());
	assert_false(is_told_again(s, &told));
	assert_int_equal(caller(s, "10.0.0.2", &f), E_NOT_FOUND);
}

/* What a session has read and listed, by its binding as it was told of. */
static void submit(struct bench_store *s, const struct binding *b, const struct binding_told *seen,
		   struct heard *h)
{

	maildrop_update(s->port,
			&(struct maildrop_update){.via = {.key = key_at(IP),
							  .generation = b->generation,
							  .subscriber = b->subscriber},
						  .listed_uid = 1,
						  .seen = seen},
			on_done, h);
}

static int record(struct bench_store *s, const struct binding *b, const struct binding_told *seen)
{
	struct heard *h = HEARD(s);

	submit(s, b, seen, h);
	return wait_for(h);
}

/* A stranger who keeps the writer of mail.db from beginning. */
static sqlite3 *hold_mail(struct bench_store *s)
{
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/mail.db", s->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

/* The transaction that puts it on record believes what was told until the next commit to the
 * bindings, and then looks itself. */
static void test_record_by_what_was_told(void **state)
{
	struct bench_store *s = *state;
	struct binding_told seen = {0}, planted;
	struct binding b;

	int64_t id = make_subscriber(s, 1);
	make_subscriber(s, 2);
	start(s, 1, "s1", clock_now_us());
	assert_int_equal(claim(s, IP, 1, id, NULL), CLAIM_ACCEPTED);
	again(s, IP, &seen, &b);
	assert_int_equal(again(s, IP, &seen, &b), 0);
	assert_int_equal(record(s, &b, NULL), 0);
	assert_int_equal(record(s, &b, &seen), 0);
	planted = seen;
	planted.b.generation++;
	assert_int_equal(record(s, &b, &planted), E_CONFLICT);
	planted = seen;
	planted.b.expires_us = clock_now_us() - 1;
	assert_int_equal(record(s, &b, &planted), E_CONFLICT);
	planted.view = 0;
	assert_int_equal(record(s, &b, &planted), 0);
	/* What was true when it was handed over, and is not when it is written. */
	sqlite3 *held = hold_mail(s);
	struct heard *h = HEARD(s);
	submit(s, &b, &seen, h);
	start(s, 2, "s2", clock_now_us());
	sqlite3_close(held);
	assert_int_equal(wait_for(h), E_CONFLICT);
	assert_int_equal(record(s, &b, &seen), E_CONFLICT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_told_again, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_another_writer, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_log_begins_anew, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_caller, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_record_by_what_was_told, setup_store,
						teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
