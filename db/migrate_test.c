/* Files of every age: new, ours, newer than we are, somebody else's; and daemons that start
 * together. */
#include <sqlite3.h>
#include <sys/wait.h>

#include "db/db_testing.h"

static int64_t one_int(const char *path, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int setup_dir(void **state)
{
	struct bench_store *s = malloc(sizeof *s);

	store_dir(s);
	*state = s;
	return 0;
}

static void file_of(const struct bench_store *s, int file, char path[512])
{
	snprintf(path, 512, "%s/%s", s->dir, file == DB_BINDINGS ? "bindings.db" : "mail.db");
}

static void test_new_files(void **state)
{
	struct bench_store *s = *state;
	char path[512];

	store_open(s);
	store_close(s);
	for (int i = 0; i < 2; i++) {
		file_of(s, i, path);
		assert_int_equal(one_int(path, "PRAGMA auto_vacuum"), 2);
		assert_in_range(one_int(path, "PRAGMA user_version"), 1, 9999);
		assert_int_not_equal(one_int(path, "PRAGMA application_id"), 0);
		assert_int_equal(one_int(path, "SELECT count(*) FROM pragma_journal_mode WHERE"
					       " journal_mode = 'wal'"),
				 1);
		assert_int_equal(one_int(path,
					 "SELECT count(*) FROM pragma_table_list WHERE strict = 0"
					 " AND name NOT LIKE 'sqlite_%'"),
				 0);
	}
	store_open(s); /* and again */
	make_subscriber(s, 1);
}

static void test_refused_files(void **state)
{
	struct bench_store *s = *state;
	static const struct {
		int file;
		const char *sql;
		int err;
	} cases[] = {
		{DB_BINDINGS, "PRAGMA user_version = 9999", E_RANGE},
		{DB_MAIL, "PRAGMA user_version = 9999", E_RANGE},
		{DB_MAIL, "PRAGMA application_id = 77", E_RANGE},
		/* the two files exchanged */
		{DB_MAIL, "PRAGMA application_id = 1214333545", E_RANGE},
	};
	struct db *db = NULL;
	char path[512];

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct db_options options = {.dir = s->dir, .daemon = "test"};
		log_level_set("error");
		assert_int_equal(db_open(&options, &db), 0);
		db_close(db);
		file_of(s, cases[i].file, path);
		run_sql(path, cases[i].sql);
		db = NULL;
		assert_int_equal(db_open(&options, &db), cases[i].err);
		assert_null(db);
		remove_tree(s->dir);
		assert_int_equal(mkdir(s->dir, 0700), 0);
	}
}

static void test_not_a_database(void **state)
{
	struct bench_store *s = *state;
	struct db_options options = {.dir = s->dir, .daemon = "test"};
	struct db *db = NULL;
	char path[512];

	file_of(s, DB_BINDINGS, path);
	FILE *f = fopen(path, "w");
	for (int i = 0; i < 10000; i++)
		fputs("not a database ", f);
	fclose(f);
	assert_int_equal(db_open(&options, &db), E_IO);
	assert_null(db);

	options.dir = "/proc/no/such/place";
	assert_int_equal(db_open(&options, &db), E_IO);
}

/* All get a store, and the schema is made once. */
static void test_started_together(void **state)
{
	struct bench_store *s = *state;
	pid_t pids[6];

	for (int i = 0; i < 6; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct db_options options = {.dir = s->dir, .daemon = "test"};
			struct db *db;
			log_level_set("error");
			int err = db_open(&options, &db);
			if (!err)
				db_close(db);
			_exit(err ? 1 : 0);
		}
	}
	for (int i = 0; i < 6; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	store_open(s);
	make_subscriber(s, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_files, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_refused_files, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_not_a_database, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_started_together, setup_dir, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
