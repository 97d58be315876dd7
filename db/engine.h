/* engine -- one connection to a database file, and its prepared statements
 *
 * The only file that calls SQLite, with migrate.c and checkpoint.c. All SQL stands in
 * statements.def and migrations/. A statement is prepared at its first use and kept; its parameters
 * are bound in the order of ?1, ?2, ... and its columns read from left to right by a struct query,
 * which lives on the stack from query_begin to query_end and holds the first error.
 *
 * Engines by role: a reader (one a port and file; every operation leaves it without a transaction,
 * engine_assert_idle), the writer (one a file, its thread's), the keeper's. The writers of mail.db
 * and queue.db see bindings.db too, read only, as of the start of their transaction. THREADS    an
 * engine belongs to one thread at a time ERRORS     E_IO (disk full, corrupt, not to be opened),
 * E_BUSY, E_CONFLICT (a constraint), E_NOMEM
 */
#ifndef HATO_DB_ENGINE_H
#define HATO_DB_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/db.h"

struct sqlite3;
struct sqlite3_stmt;
struct trigger_out;

#define DB_FILES        4
#define DB_PATH_MAX     4096
#define NASES_KEPT      16
#define KEY_LENGTHS_MAX 32

enum statement {
#define STATEMENT(id, sql) STMT_##id,
#include "db/statements.def"
	STATEMENTS
};

/* KEEPER: migrations and checkpoints. */
enum engine_role { ENGINE_READER, ENGINE_WRITER, ENGINE_KEEPER };

struct engine {
	struct sqlite3 *sql;
	struct sqlite3_stmt *statements[STATEMENTS];
	enum db_file file;
	uint32_t frame_bytes; /* of the log: a page and its header */
	/* The writer's notes on the group that runs. */
	bool careful;       /* its operations have savepoints */
	bool changed;       /* it appended to the change feed */
	int64_t commit_no;  /* its number, for the history */
	uint64_t wal_bytes; /* length of the log after the last commit */
	bool full;          /* the last error was lack of space */
	/* Datagrams that leave with the commit (prompt.h). */
	struct trigger_out *prompts;
	size_t prompt_count;
	/* Of a reader: what engine_view saw of the log's index, and how often it was another. */
	bool has_read;
	uint64_t view;
	struct view_mark {
		uint64_t words[6];
	} mark;
	/* What the events of a group have in common, read once: nases.h, and the prefix lengths of
	 * the keys of each family. Forgotten when something is undone. */
	struct nas_kept {
		int64_t id;         /* 0: none */
		struct nas_row row; /* its names at least */
		bool is_whole;      /* all of it, as long as the transaction lasts */
	} nases[NASES_KEPT];
	size_t nas_next;
	struct key_lengths {
		char realm[REALM_MAX]; /* "": not known */
		uint8_t plens[KEY_LENGTHS_MAX];
		size_t count;
		bool has_blocks; /* some are port blocks */
	} lengths[2];
};

const char *db_file_name(enum db_file file); /* "bindings.db" */
/* "DIR/bindings.db" + suffix. E_RANGE: too long. */
int db_file_path(const char *dir, enum db_file file, const char *suffix, char path[DB_PATH_MAX]);

/* Once, before the first engine. */
int engine_init(void);
int engine_open(const char *dir, enum db_file file, enum engine_role role, struct engine **out);
void engine_close(struct engine *e);

/* Maps what SQLite answered to E_*. */
int engine_error(struct engine *e, int rc);

/* The writer's transaction. */
int engine_begin(struct engine *e);
int engine_commit(struct engine *e);
void engine_rollback(struct engine *e);
bool engine_in_transaction(const struct engine *e);
int64_t engine_changes(
	const struct engine *e); /* rows written so far: to see whether an operation wrote any */
int engine_savepoint(struct engine *e);
int engine_release(struct engine *e); /* keeps what was written since the last savepoint */
void engine_undo(struct engine *e);   /* undoes it */
int64_t engine_inserted(const struct engine *e); /* row id of the last insert */
int engine_affected(const struct engine *e);     /* rows of the last insert, update, delete */

/* A number for what a transaction that begins now would see: while it is the same, nothing was
 * committed to the file by anybody. Take it before the look whose answer is to be kept. 0: not
 * known (a commit is on its way, nothing was read yet); equal to no other. No system call. */
uint64_t engine_view(struct engine *e);
/* Of a writer that sees the bindings too, in its transaction: is their newest commit still the one
 * of which a reader's engine_view took this mark? */
bool engine_bindings_are_at(struct engine *e, const struct view_mark *mark);

/* No statement is unfinished, no transaction open: a reader that forgets one sees the old state for
 * ever. */
void engine_assert_idle(const struct engine *e);

struct query {
	struct engine *engine;
	struct sqlite3_stmt *stmt;
	int bound, column;
	int err;
};

void query_begin(struct query *q, struct engine *e, enum statement id);
void query_int(struct query *q, int64_t value);
void query_text(struct query *q, const char *text);         /* borrowed until query_end */
void query_text_or_null(struct query *q, const char *text); /* "" is null */
void query_blob(struct query *q, const void *p, size_t n);  /* borrowed until query_end */
void query_null(struct query *q);
/* realm, addr, plen, port_first, port_last: five parameters. */
void query_key(struct query *q, const struct key *k);

/* Steps to the next row. False: no more, or an error; query_end tells. */
bool query_next(struct query *q);
int query_end(struct query *q); /* 0 or E_* */
/* The first row: 0, E_NOT_FOUND or E_*. query_end is still due. */
int query_first(struct query *q);
/* For a statement without rows: steps and ends. */
int query_run(struct query *q);
/* For one integer: steps, reads, ends. E_NOT_FOUND. */
int query_run_int(struct query *q, int64_t *value);

int64_t query_get_int(struct query *q);
void query_get_text(struct query *q, char *out, size_t size); /* null is "" */
const void *query_get_blob(struct query *q, size_t *n);       /* borrowed until the next step */
void query_get_key(struct query *q, struct key *k);

#endif
