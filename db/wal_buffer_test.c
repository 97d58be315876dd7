/* The log of a writer's connection: what it gathers is in the file when a commit is promised, and
 * what was undone never is, whoever appended in its place. */
#include <sqlite3.h>

#include "db/db_testing.h"
#include "db/engine.h"

#define ROWS 3000

static void run_sql(sqlite3 *sql, const char *text)
{
	char *message = NULL;

	if (sqlite3_exec(sql, text, NULL, NULL, &message) != SQLITE_OK)
		print_error("%s: %s\n", text, message);
	assert_null(message);
}

/* Far more than the buffer and than this connection keeps in memory. */
static void insert_rows(sqlite3 *sql, int64_t kind)
{
	char text[512];

	snprintf(text, sizeof text,
		 "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO change (at_us, kind, subscriber, former, realm, plen, port_first,"
		 " port_last, generation, state) SELECT i, %lld, i, 0, 'default', 0, 0, 0, 1, 1"
		 " FROM n",
		 ROWS, (long long)kind);
	run_sql(sql, text);
}

static struct engine *small_writer(const struct bench_store *s)
{
	struct engine *e;

	assert_int_equal(engine_open(s->dir, DB_BINDINGS, ENGINE_WRITER, &e), 0);
	run_sql(e->sql, "PRAGMA cache_size = 20");
	return e;
}

/* Asked over a connection of its own. */
static int64_t ask(const struct bench_store *s, const char *text)
{
	char path[512];
	sqlite3_stmt *q;
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/bindings.db", s->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return value;
}

static void assert_rows(const struct bench_store *s, int64_t kind, int64_t rows)
{
	char text[64];

	snprintf(text, sizeof text, "SELECT count(*) FROM change WHERE kind = %lld",
		 (long long)kind);
	assert_int_equal(ask(s, text), rows);
	assert_int_equal(ask(s, "SELECT count(*) FROM pragma_integrity_check WHERE"
				" integrity_check = 'ok'"),
			 1);
}

static void test_committed(void **state)
{
	struct bench_store *s = *state;
	struct engine *e = small_writer(s);

	for (int64_t kind = 10; kind < 14; kind++) {
		assert_int_equal(engine_begin(e), 0);
		insert_rows(e->sql, kind);
		assert_rows(s, kind, 0);
		assert_int_equal(engine_commit(e), 0);
		assert_rows(s, kind, ROWS); /* of another connection */
	}
	engine_close(e);
	assert_rows(s, 13, ROWS);
}

static void test_undone(void **state)
{
	struct bench_store *s = *state;
	struct engine *e = small_writer(s), *other = small_writer(s);

	for (int64_t kind = 20; kind < 28; kind += 2) {
		assert_int_equal(engine_begin(e), 0);
		insert_rows(e->sql, kind);
		engine_rollback(e);
		assert_int_equal(engine_begin(other), 0);
		insert_rows(other->sql, kind + 1);
		insert_rows(other->sql, kind + 1);
		assert_int_equal(engine_commit(other), 0);
		assert_int_equal(engine_begin(e), 0);
		insert_rows(e->sql, kind);
		engine_savepoint(e);
		insert_rows(e->sql, kind);
		engine_undo(e);
		assert_int_equal(engine_commit(e), 0);
		assert_rows(s, kind, ROWS);
		assert_rows(s, kind + 1, (int64_t)2 * ROWS);
	}
	engine_close(e);
	engine_close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_committed, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_undone, setup_store, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
