/* Which truncations reach the cache below: each that a page may lie behind, and no other. And a
 * store over it, whose pages are split, dropped and cut off, is whole. */
#include "db/page_cache.h"

#include "db/db_testing.h"
#include "db/engine.h"

#define LOCK_PAGE                                                                                  \
	262145 /* pages of 4 KB: where nobody may be, and where two of them change places */

static struct {
	int walks;
	bool lacks_page;
} under;

static sqlite3_pcache *under_create(int page, int extra, int is_purgeable)
{
	(void)page, (void)extra, (void)is_purgeable;
	return (sqlite3_pcache *)(void *)&under;
}

static sqlite3_pcache_page *under_fetch(sqlite3_pcache *c, unsigned number, int how)
{
	static sqlite3_pcache_page page;

	(void)c, (void)number, (void)how;
	return under.lacks_page ? NULL : &page;
}

static void under_rekey(sqlite3_pcache *c, sqlite3_pcache_page *p, unsigned from, unsigned to)
{
	(void)c, (void)p, (void)from, (void)to;
}

static void under_truncate(sqlite3_pcache *c, unsigned first)
{
	(void)c, (void)first;
	under.walks++;
}

static void under_destroy(sqlite3_pcache *c)
{
	(void)c;
}

static const sqlite3_pcache_methods2 below = {.xCreate = under_create,
					      .xFetch = under_fetch,
					      .xRekey = under_rekey,
					      .xTruncate = under_truncate,
					      .xDestroy = under_destroy};

static int walks(const sqlite3_pcache_methods2 *m, sqlite3_pcache *c, unsigned first)
{
	under.walks = 0;
	m->xTruncate(c, first);
	return under.walks;
}

static void truncations(void **state)
{
	sqlite3_pcache_methods2 m;

	(void)state;
	page_cache_over(&below, &m);
	sqlite3_pcache *c = m.xCreate(4096, 0, 1);
	assert_int_equal(walks(&m, c, 1), 0);
	for (unsigned n = 1; n <= 100; n++)
		m.xFetch(c, n, 2);
	assert_int_equal(walks(&m, c, 101), 0);
	m.xRekey(c, NULL, 50, LOCK_PAGE); /* 50 and 60 change places */
	m.xRekey(c, NULL, 60, 50);
	m.xRekey(c, NULL, LOCK_PAGE, 60);
	assert_int_equal(walks(&m, c, 101), 0);
	assert_int_equal(walks(&m, c, 100), 1);
	assert_int_equal(walks(&m, c, 100), 0); /* it has gone */

	m.xRekey(c, NULL, 99, LOCK_PAGE); /* it stays there */
	assert_int_equal(walks(&m, c, LOCK_PAGE + 1), 0);
	assert_int_equal(walks(&m, c, 100), 1);
	assert_int_equal(walks(&m, c, 100), 0);

	m.xRekey(c, NULL, 10, 200); /* two at a time, in whichever order they leave */
	m.xRekey(c, NULL, 11, 300);
	m.xRekey(c, NULL, 200, 10);
	assert_int_equal(walks(&m, c, 300), 1);
	m.xFetch(c, 400, 2);
	m.xRekey(c, NULL, 400, 12); /* it may have come back since: nobody says so */
	assert_int_equal(walks(&m, c, 101), 1);
	under.lacks_page = true;
	m.xFetch(c, 500, 0);
	under.lacks_page = false;
	assert_int_equal(walks(&m, c, 101), 0);
	assert_int_equal(walks(&m, c, 0), 1); /* all */
	assert_int_equal(walks(&m, c, 1), 0);
	m.xDestroy(c);
	assert_int_equal(page_cache_init(), 0); /* SQLite's own again, for the store below */
}

static void run_sql(struct engine *e, const char *text)
{
	assert_int_equal(sqlite3_exec(e->sql, text, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t ask(struct engine *e, const char *text)
{
	sqlite3_stmt *q;

	assert_int_equal(sqlite3_prepare_v2(e->sql, text, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return value;
}

/* Keys all over the tree split its leaves; the file shrinks and grows again over the same numbers.
 */
static void a_store(void **state)
{
	struct bench_store *s = *state;
	struct engine *e;

	assert_int_equal(engine_open(s->dir, DB_MAIL, ENGINE_WRITER, &e), 0);
	run_sql(e, "CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB) STRICT");
	for (int round = 0; round < 3; round++) {
		run_sql(e, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i"
			   " < 3000) INSERT INTO t SELECT i * 7919 % 100003, randomblob(i % 900)"
			   " FROM n");
		run_sql(e, "BEGIN; DELETE FROM t; ROLLBACK");
		assert_int_equal(ask(e, "SELECT count(*) FROM t"), 3000);
		assert_int_equal(ask(e, "SELECT count(*) FROM pragma_integrity_check WHERE"
					" integrity_check <> 'ok'"),
				 0);
		int64_t pages = ask(e, "PRAGMA page_count");
		run_sql(e, "DELETE FROM t; PRAGMA incremental_vacuum");
		assert_true(ask(e, "PRAGMA page_count") < pages);
	}
	engine_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(truncations), /* first: before SQLite runs */
		TEST(a_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
