/* Files of every age: new, ours, newer than we are, somebody else's; and daemons that start
 * together. */
#include <sqlite3.h>
#include <sys/wait.h>

#include "db/db_testing.h"

struct migration {
	const char *file;
	int number;
	const char *name, *sql;
};
#include "db_migrations.h"

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

/* bindings.db as it was after a migration. */
static void lay_old_file(const struct bench_store *s, int number, const char *rows)
{
	char path[512], sql[128];

	file_of(s, DB_BINDINGS, path);
	run_sql(path, "PRAGMA page_size = 1024; PRAGMA auto_vacuum = INCREMENTAL;"
		      "PRAGMA journal_mode = WAL; PRAGMA application_id = 1214333545");
	for (size_t i = 0; i < sizeof migrations / sizeof *migrations; i++) {
		if (!strcmp(migrations[i].file, "bindings") && migrations[i].number <= number)
			run_sql(path, migrations[i].sql);
	}
	snprintf(sql, sizeof sql, "PRAGMA user_version = %d", number);
	run_sql(path, sql);
	run_sql(path, rows);
}

/* Two subscribers: a former session, one that is his and holds its key, one that ended; a port
 * block; and rows of history of each mark. */
static const char *const old_rows =
	"INSERT INTO subscriber (id, msisdn) VALUES (1, '819000000001'), (2, '819000000002');"
	"INSERT INTO address VALUES ('b@x', 1, 1, 'b@x'), ('a@x', 1, 0, 'A@x');"
	"INSERT INTO nas VALUES (1, 'default', 'nas-1', 0, -9223372036854775808, 0, 0, 0, 0);"
	"INSERT INTO session (id, nas, session_id, epoch, realm, subscriber, started_us,"
	" normalised_us, renewed_us, ended_us, active, key_v4) VALUES"
	" (1, 1, 's1', 0, 'default', 1, 10, 10, 10, 0, 0, NULL),"
	" (2, 1, 's2', 0, 'default', 1, 20, 20, 20, 0, 1,"
	"  x'00000000000000000000ffff0a000001800000ffff'),"
	" (3, 1, 's3', 0, 'default', 2, 30, 30, 30, 40, 0, NULL);"
	"INSERT INTO key_length VALUES ('default', 1, 128), ('default', 0, 64);"
	"INSERT INTO binding (realm, addr, plen, port_first, port_last, state, generation,"
	" subscriber, session, watermark_us, watermark_batch, started_us, expires_us, renewed_us,"
	" confirmed_us, rival, reason) VALUES"
	" ('default', x'00000000000000000000ffff0a000001', 128, 0, 65535, 1, 7, 1, 2, 20, 0, 20,"
	"  0, 20, 0, 0, 0),"
	" ('default', x'00000000000000000000ffff0a000002', 128, 1024, 2047, 0, 3, 0, 0, 5, 0, 5,"
	"  0, 5, 0, 0, 0);"
	"INSERT INTO lease_event (commit_no, received_us, time_us, event, outcome, realm, addr,"
	" plen, port_first, port_last, generation, decides, msisdn, imsi, session_id, nas_id,"
	" feeder, evidence) VALUES"
	" (0, 9000000, 9000000, 'start', 'applied', 'default', NULL, 0, 0, 0, 1, 1, '', '', '', "
	"'', '', ''),"
	" (0, 9000000, 1000000, 'start', 'applied', 'default', NULL, 0, 0, 0, 1, 1, '', '', '', "
	"'', '', ''),"
	" (0, 9000000, 9000000, 'start', 'stale', 'default', NULL, 0, 0, 0, 1, 0, '', '', '', '', "
	"'', ''),"
	" (0, 9000000, 9000000, 'frozen', 'applied', 'default', NULL, 0, 0, 0, 1, 0, '', '', '', "
	"'', '', '');"
	"INSERT INTO lease_event_key VALUES (x'00000000000000000000ffff0a000001', 2),"
	" (x'00000000000000000000ffff0a000001', 70000),"
	" (x'00000000000000000000ffff0a000000', 70001);"
	"UPDATE counter SET value = 70001 WHERE name = 'indexed'";

/* What a file of yesterday holds is what it held. */
static void test_lean_rows(void **state)
{
	struct bench_store *s = *state;
	struct binding b = {0};
	char path[512];

	lay_old_file(s, 8, old_rows);
	store_open(s);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
	assert_int_equal(b.generation, 7);
	assert_int_equal(b.session, 2);
	/* A Start takes the subscriber's row over; the former address is free. */
	struct lease_event ev = an_event(LEASE_START, "10.0.0.9", 1, "s4", clock_now_us());
	assert_int_equal(apply(s, ev).result, LEASE_APPLIED);
	assert_int_equal(check(s, "10.0.0.1", &b), E_NOT_FOUND);
	store_close(s);
	file_of(s, DB_BINDINGS, path);
	assert_int_equal(one_int(path, "SELECT count(*) FROM current_session"), 1);
	assert_int_equal(one_int(path, "SELECT session FROM current_session"), 4);
	assert_int_equal(one_int(path, "SELECT sum(has_blocks * plen) FROM key_length"), 128);
	assert_int_equal(one_int(path, "SELECT group_concat(mark, '') FROM"
				       " (SELECT mark FROM lease_event ORDER BY id LIMIT 4)"),
			 221);
	assert_int_equal(one_int(path, "SELECT sum(run) * 10 + count(*) FROM lease_event_key"
				       " WHERE event IN (2, 70000, 70001)"),
			 23); /* runs 0, 1 and 1 */
	assert_int_equal(one_int(path, "SELECT count(*) FROM subscriber WHERE first_address ="
				       " CASE id WHEN 1 THEN 'A@x' ELSE '' END"),
			 2);
	store_open(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_files, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_refused_files, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_not_a_database, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_started_together, setup_dir, teardown_store),
		cmocka_unit_test_setup_teardown(test_lean_rows, setup_dir, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
