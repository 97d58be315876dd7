#include "db/engine.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/page_cache.h"
#include "db/wal_buffer.h"
#include "lib/err.h"
#include "lib/log.h"

/* Behind the ticket nobody else writes; this is for strangers (an operator's shell) and for the
 * moment of recovery. */
#define BUSY_MS            2000
#define FRAME_HEADER_BYTES 24

static const char *const statement_text[STATEMENTS] = {
#define STATEMENT(id, sql) [STMT_##id] = sql,
#include "db/statements.def"
};

const char *db_file_name(enum db_file file)
{
	static const char *const names[DB_FILES] = {[DB_BINDINGS] = "bindings.db",
						    [DB_MAIL] = "mail.db",
						    [DB_SMSC] = "smsc.db",
						    [DB_QUEUE] = "queue.db"};

	return names[file];
}

int db_file_path(const char *dir, enum db_file file, const char *suffix, char path[DB_PATH_MAX])
{
	int n = snprintf(path, DB_PATH_MAX, "%s/%s%s", dir, db_file_name(file), suffix);

	return n < 0 || n >= DB_PATH_MAX ? E_RANGE : 0;
}

int engine_error(struct engine *e, int rc)
{
	e->full = (rc & 0xff) == SQLITE_FULL;
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_CONSTRAINT:
		return E_CONFLICT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return E_BUSY;
	case SQLITE_NOMEM:
		return E_NOMEM;
	default:
		log_event(LOG_ERROR, "store-error", LOG_TEXT("file", db_file_name(e->file)),
			  LOG_INT("code", rc), LOG_TEXT("text", sqlite3_errmsg(e->sql)), LOG_END);
		return E_IO;
	}
}

/* ---- opening ---- */

static int execute(struct engine *e, const char *sql)
{
	return engine_error(e, sqlite3_exec(e->sql, sql, NULL, NULL, NULL));
}

/* "file:" and the path with what a URI would misread as %XX. */
static void file_uri(const char *path, char *uri, size_t size)
{
	size_t n = (size_t)snprintf(uri, size, "file:");

	for (; *path && n + 4 < size; path++) {
		if (strchr("%?#", *path))
			n += (size_t)snprintf(uri + n, size - n, "%%%02x", (unsigned char)*path);
		else
			uri[n++] = *path;
	}
	snprintf(uri + n, size - n, "?mode=ro");
}

/* Read only: a plain ATTACH would lock the bindings for as long as the group runs. */
static int attach_bindings(struct engine *e, const char *dir)
{
	char path[DB_PATH_MAX], uri[DB_PATH_MAX * 3];
	int err = db_file_path(dir, DB_BINDINGS, "", path);

	if (err)
		return err;
	file_uri(path, uri, sizeof uri);
	char *sql = sqlite3_mprintf("ATTACH %Q AS bindings", uri);
	if (!sql)
		return E_NOMEM;
	err = execute(e, sql);
	sqlite3_free(sql);
	return err;
}

static int on_wal(void *arg, sqlite3 *sql, const char *schema, int frames)
{
	struct engine *e = arg;

	(void)sql;
	if (strcmp(schema, "main") == 0)
		e->wal_bytes = (uint64_t)frames * e->frame_bytes;
	return SQLITE_OK;
}

/* The page's size is the file's own (db/migrate.c). */
static int read_frame_bytes(struct engine *e)
{
	sqlite3_stmt *q;

	if (sqlite3_prepare_v2(e->sql, "PRAGMA page_size", -1, &q, NULL) != SQLITE_OK)
		return E_IO;
	bool read = sqlite3_step(q) == SQLITE_ROW;
	e->frame_bytes = read ? (uint32_t)sqlite3_column_int(q, 0) + FRAME_HEADER_BYTES : 0;
	sqlite3_finalize(q);
	return read ? 0 : E_IO;
}

static int configure(struct engine *e, const char *dir, enum engine_role role)
{
	static const char *const common = "PRAGMA synchronous = FULL;"
					  "PRAGMA foreign_keys = ON;"
					  "PRAGMA cell_size_check = ON;"
					  "PRAGMA trusted_schema = OFF;"
					  "PRAGMA recursive_triggers = OFF;"
					  "PRAGMA secure_delete = FAST;"
					  "PRAGMA temp_store = MEMORY;";
	static const char *const by_role[] = {
		[ENGINE_READER] = "PRAGMA query_only = ON;",
		[ENGINE_WRITER] = "",
		[ENGINE_KEEPER] = "PRAGMA cache_size = -256;",
	};
	/* The bindings' upper levels and what a group touches: events come in any order, so of the
	 * leaves more than that is seldom asked for again (64 MB saved two reads an event of a
	 * million subscribers, and cost as much in misses of the processor's caches); and each
	 * waiting phone is counted with it. */
	static const char *const caches[][DB_FILES] = {
		[ENGINE_READER] = {[DB_BINDINGS] = "PRAGMA cache_size = -2048;",
				   [DB_MAIL] = "PRAGMA cache_size = -8192;",
				   [DB_SMSC] = "PRAGMA cache_size = -8192;",
				   [DB_QUEUE] = "PRAGMA cache_size = -8192;"},
		[ENGINE_WRITER] = {[DB_BINDINGS] = "PRAGMA cache_size = -12288;",
				   [DB_MAIL] = "PRAGMA cache_size = -65536;",
				   [DB_SMSC] = "PRAGMA cache_size = -65536;",
				   [DB_QUEUE] = "PRAGMA cache_size = -65536;"},
	};

	/* As long as the log becomes before it begins anew (checkpoint.c): it is not cut each time.
	 */
	static const char *const by_file[] = {
		[DB_BINDINGS] = "PRAGMA journal_size_limit = 201326592;",
		[DB_MAIL] = "PRAGMA journal_size_limit = 67108864;",
		[DB_SMSC] = "PRAGMA journal_size_limit = 67108864;",
		[DB_QUEUE] = "PRAGMA journal_size_limit = 67108864;",
	};

	sqlite3_extended_result_codes(e->sql, 1);
	sqlite3_busy_timeout(e->sql, BUSY_MS);
	sqlite3_db_config(e->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	int err = execute(e, common);
	if (!err)
		err = execute(e, by_role[role]);
	if (!err && role != ENGINE_KEEPER)
		err = execute(e, caches[role][e->file]);
	if (!err)
		err = execute(e, by_file[e->file]);
	if (!err && role == ENGINE_WRITER && (e->file == DB_MAIL || e->file == DB_QUEUE))
		err = attach_bindings(e, dir);
	/* Who is to be told is looked up for each trigger, all over the file: read where the kernel
	 * has it, it costs half of what pages that are copied and dropped again do. */
	if (!err && role == ENGINE_WRITER && e->file == DB_MAIL)
		err = execute(e, "PRAGMA bindings.cache_size = -32768;"
				 "PRAGMA bindings.mmap_size = 2147418112;");
	if (!err)
		err = read_frame_bytes(e);
	/* A hook of one's own takes the place of SQLite's automatic checkpoints: checkpoint.c. */
	sqlite3_wal_hook(e->sql, on_wal, e);
	return err;
}

/* Nobody asks SQLite how much memory it has: counting takes a lock at every allocation. Where it
 * runs already, it goes on counting, with the cache that it has. */
int engine_init(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	page_cache_init();
	return wal_buffer_init();
}

int engine_open(const char *dir, enum db_file file, enum engine_role role, struct engine **out)
{
	const char *vfs = role == ENGINE_WRITER ? WAL_BUFFER_VFS : NULL;
	char path[DB_PATH_MAX];
	struct engine *e = calloc(1, sizeof *e);
	int err;

	if (!e)
		return E_NOMEM;
	e->file = file;
	err = db_file_path(dir, file, "", path);
	if (!err)
		err = engine_error(e, sqlite3_open_v2(path, &e->sql,
						      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
							      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI,
						      vfs));
	if (!err)
		err = configure(e, dir, role);
	if (err) {
		engine_close(e);
		return err;
	}
	*out = e;
	return 0;
}

void engine_close(struct engine *e)
{
	if (!e)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(e->statements[i]);
	int rc = sqlite3_close(e->sql);
	assert(rc == SQLITE_OK);
	(void)rc;
	free(e->prompts);
	free(e);
}

/* ---- transactions ---- */

/* Another process may have written between two transactions; what was undone is not. */
static void forget(struct engine *e, bool undone)
{
	for (size_t i = 0; i < NASES_KEPT; i++) {
		e->nases[i].is_whole = false;
		if (undone)
			e->nases[i].id = 0;
	}
	*e->lengths[0].realm = *e->lengths[1].realm = 0;
}

static int run(struct engine *e, enum statement id)
{
	struct query q;

	query_begin(&q, e, id);
	return query_run(&q);
}

int engine_begin(struct engine *e)
{
	struct query q;

	wal_buffer_drop(e->sql);
	int err = run(e, STMT_BEGIN);

	e->changed = false;
	e->prompt_count = 0;
	forget(e, false);
	if (err || e->file != DB_BINDINGS)
		return err;
	query_begin(&q, e, STMT_COUNTER_NEXT);
	query_text(&q, "commit");
	err = query_run_int(&q, &e->commit_no);
	if (err)
		engine_rollback(e);
	return err;
}

int engine_commit(struct engine *e)
{
	return run(e, STMT_COMMIT);
}

void engine_rollback(struct engine *e)
{
	forget(e, true);
	/* SQLite may have rolled back by itself already. */
	if (engine_in_transaction(e))
		run(e, STMT_ROLLBACK);
	wal_buffer_drop(e->sql);
}

bool engine_in_transaction(const struct engine *e)
{
	return !sqlite3_get_autocommit(e->sql);
}

int64_t engine_changes(const struct engine *e)
{
	return sqlite3_total_changes64(e->sql);
}

int engine_savepoint(struct engine *e)
{
	return run(e, STMT_SAVEPOINT);
}

int engine_release(struct engine *e)
{
	return run(e, STMT_RELEASE);
}

void engine_undo(struct engine *e)
{
	forget(e, true);
	if (!engine_in_transaction(e))
		return;
	run(e, STMT_ROLLBACK_TO);
	run(e, STMT_RELEASE);
}

int64_t engine_inserted(const struct engine *e)
{
	return sqlite3_last_insert_rowid(e->sql);
}

int engine_affected(const struct engine *e)
{
	return sqlite3_changes(e->sql);
}

void engine_assert_idle(const struct engine *e)
{
	assert(sqlite3_txn_state(e->sql, NULL) == SQLITE_TXN_NONE);
	(void)e;
}

/* ---- queries ---- */

void query_begin(struct query *q, struct engine *e, enum statement id)
{
	*q = (struct query){.engine = e, .stmt = e->statements[id]};
	if (q->stmt)
		return;
	q->err = engine_error(e, sqlite3_prepare_v3(e->sql, statement_text[id], -1,
						    SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL));
	e->statements[id] = q->stmt;
}

static void note(struct query *q, int rc)
{
	if (rc != SQLITE_OK && !q->err)
		q->err = engine_error(q->engine, rc);
}

void query_int(struct query *q, int64_t value)
{
	if (q->stmt)
		note(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

void query_text(struct query *q, const char *text)
{
	if (q->stmt)
		note(q, sqlite3_bind_text(q->stmt, ++q->bound, text, -1, SQLITE_STATIC));
}

void query_null(struct query *q)
{
	if (q->stmt)
		note(q, sqlite3_bind_null(q->stmt, ++q->bound));
}

void query_text_or_null(struct query *q, const char *text)
{
	if (*text)
		query_text(q, text);
	else
		query_null(q);
}

void query_blob(struct query *q, const void *p, size_t n)
{
	/* A null pointer would bind NULL, not an empty blob. */
	if (q->stmt)
		note(q, sqlite3_bind_blob64(q->stmt, ++q->bound, n ? p : "", n, SQLITE_STATIC));
}

void query_key(struct query *q, const struct key *k)
{
	query_text(q, k->realm);
	query_blob(q, k->addr.bytes, sizeof k->addr.bytes);
	query_int(q, k->plen);
	query_int(q, k->port_first);
	query_int(q, k->port_last);
}

bool query_next(struct query *q)
{
	if (q->err)
		return false;
	assert(q->bound == sqlite3_bind_parameter_count(q->stmt));
	q->column = 0;
	q->engine->has_read = true;
	int rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		q->err = engine_error(q->engine, rc);
	return false;
}

int query_end(struct query *q)
{
	if (q->stmt)
		sqlite3_reset(q->stmt); /* its error was the step's: noted */
	q->stmt = NULL;
	return q->err;
}

int query_first(struct query *q)
{
	if (query_next(q))
		return 0;
	return q->err ? q->err : E_NOT_FOUND;
}

int query_run(struct query *q)
{
	while (query_next(q))
		;
	return query_end(q);
}

int query_run_int(struct query *q, int64_t *value)
{
	int err = query_first(q);

	if (!err)
		*value = query_get_int(q);
	query_end(q);
	return err;
}

int64_t query_get_int(struct query *q)
{
	return sqlite3_column_int64(q->stmt, q->column++);
}

void query_get_text(struct query *q, char *out, size_t size)
{
	const unsigned char *text = sqlite3_column_text(q->stmt, q->column);
	size_t n = (size_t)sqlite3_column_bytes(q->stmt, q->column++);

	if (n >= size)
		n = size - 1;
	if (text && n)
		memcpy(out, text, n);
	else
		n = 0;
	out[n] = '\0';
}

const void *query_get_blob(struct query *q, size_t *n)
{
	const void *p = sqlite3_column_blob(q->stmt, q->column);

	*n = p ? (size_t)sqlite3_column_bytes(q->stmt, q->column) : 0;
	q->column++;
	return p;
}

void query_get_key(struct query *q, struct key *k)
{
	size_t n;

	memset(k, 0, sizeof *k);
	query_get_text(q, k->realm, sizeof k->realm);
	const void *addr = query_get_blob(q, &n);
	if (n == sizeof k->addr.bytes)
		memcpy(k->addr.bytes, addr, n);
	k->plen = (uint8_t)query_get_int(q);
	k->port_first = (uint16_t)query_get_int(q);
	k->port_last = (uint16_t)query_get_int(q);
}
