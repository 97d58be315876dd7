/* Every statement prepares on the connections that use it, and none walks through a table that
 * grows with the world. */
#include <sqlite3.h>

#include "db/db_testing.h"
#include "db/engine.h"

static const struct {
	const char *name, *sql;
} statements[] = {
#define STATEMENT(id, text) {#id, text},
#include "db/statements.def"
};

/* Walks in the order of the key with a LIMIT, or over the few subscribers who are gone. */
static const char *const may_scan[] = {
	"SCAN main.change",
	"SCAN lease_event",
	"SCAN g",
	"SCAN message_tombstone",
	"SCAN send_log",
	"SCAN sms",
	"SCAN access",
	"SCAN (subquery",
	"SCAN CONSTANT ROW",
	"SCAN runs",           /* of the history's index: one for 65,536 events */
	"SCAN bindings_heard", /* a row */
	/* as many as an operator froze, as pools tripped */
	"SCAN freeze",
	"SCAN f",
	"SCAN breaker",
};

static bool is_allowed(const char *detail)
{
	if (strncmp(detail, "SCAN", 4) != 0)
		return true;
	for (size_t i = 0; i < sizeof may_scan / sizeof *may_scan; i++) {
		if (!strncmp(detail, may_scan[i], strlen(may_scan[i])))
			return true;
	}
	return false;
}

/* What the queue has comes in the order of its indices: sorting a million rows is as bad as walking
 * through them. */
static bool is_plan(const char *name, const char *detail)
{
	return is_allowed(detail) && (strncmp(name, "QUEUE_", 6) || !strstr(detail, "TEMP B-TREE"));
}

static void check_plan(sqlite3 *db, const char *name, const char *sql)
{
	char explain[4096];
	sqlite3_stmt *stmt;

	snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql);
	if (sqlite3_prepare_v2(db, explain, -1, &stmt, NULL) != SQLITE_OK)
		print_error("%s: %s\n", name, sqlite3_errmsg(db));
	assert_non_null(stmt);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		const char *detail = (const char *)sqlite3_column_text(stmt, 3);
		if (getenv("SHOW_PLANS"))
			print_message("%-24s %s\n", name, detail);
		if (!is_plan(name, detail))
			print_error("%s: %s\n", name, detail);
		assert_true(is_plan(name, detail));
	}
	sqlite3_finalize(stmt);
}

/* The writer of mail.db sees all tables but those of the files whose statements begin so. */
static const struct {
	const char *prefix;
	enum db_file file;
} elsewhere[] = {{"SMSC_", DB_SMSC}, {"QUEUE_", DB_QUEUE}, {"CORRESPONDENT_", DB_QUEUE}};

static enum db_file file_of(const char *name)
{
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
		if (!strncmp(name, elsewhere[i].prefix, strlen(elsewhere[i].prefix)))
			return elsewhere[i].file;
	}
	return DB_MAIL;
}

static void test_plans(void **state)
{
	struct bench_store *s = *state;
	struct engine *engines[DB_FILES];
	const struct db_options options = {.dir = s->dir,
					   .files = DB_FILE(DB_SMSC) | DB_FILE(DB_QUEUE)};
	struct db *db;

	assert_int_equal(db_open(&options, &db), 0);
	db_close(db);
	for (int file = 0; file < DB_FILES; file++)
		assert_int_equal(
			engine_open(s->dir, (enum db_file)file, ENGINE_WRITER, &engines[file]), 0);
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
		check_plan(engines[file_of(statements[i].name)]->sql, statements[i].name,
			   statements[i].sql);
	for (int file = 0; file < DB_FILES; file++)
		engine_close(engines[file]);
}

/* The bindings seen from mail's writer: read only, and not locked by its transaction. */
static void test_attached_bindings(void **state)
{
	struct bench_store *s = *state;
	struct engine *e;
	char *message = NULL;

	assert_int_equal(engine_open(s->dir, DB_MAIL, ENGINE_WRITER, &e), 0);
	assert_int_equal(engine_begin(e), 0);
	assert_int_not_equal(sqlite3_exec(e->sql, "UPDATE nas SET epoch = 1", NULL, NULL, &message),
			     SQLITE_OK);
	sqlite3_free(message);
	make_subscriber(s, 1); /* another connection writes them meanwhile */
	engine_rollback(e);
	engine_close(e);
}

static int64_t pragma_of(struct engine *e, const char *sql)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(e->sql, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void test_pragmas(void **state)
{
	struct bench_store *s = *state;

	for (int file = 0; file < 2; file++) {
		for (int role = ENGINE_READER; role <= ENGINE_KEEPER; role++) {
			struct engine *e;
			assert_int_equal(
				engine_open(s->dir, (enum db_file)file, (enum engine_role)role, &e),
				0);
			assert_int_equal(pragma_of(e, "PRAGMA synchronous"), 2); /* FULL */
			assert_int_equal(pragma_of(e, "PRAGMA foreign_keys"), 1);
			assert_int_equal(pragma_of(e, "PRAGMA cell_size_check"), 1);
			assert_int_equal(pragma_of(e, "PRAGMA query_only"), role == ENGINE_READER);
			assert_int_equal(pragma_of(e, "PRAGMA wal_autocheckpoint"), 0);
			engine_close(e);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_plans), TEST(test_attached_bindings),
					   TEST(test_pragmas)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
