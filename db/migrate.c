#include "db/migrate.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "db/ticket.h"
#include "lib/err.h"
#include "lib/log.h"

struct migration {
	const char *file;
	int number;
	const char *name;
	const char *sql;
};
#include "db_migrations.h"

static const struct {
	const char *name;
	int32_t application_id;
	int page_bytes;
} files[DB_FILES] = {
	[DB_BINDINGS] = {"bindings", 0x48614269, 1024}, /* HaBi */
	[DB_MAIL] = {"mail", 0x48614d61, 4096},         /* HaMa */
	[DB_SMSC] = {"smsc", 0x48615363, 4096},         /* HaSc */
	[DB_QUEUE] = {"queue", 0x48615175, 4096},       /* HaQu */
};

static int execute(struct engine *e, const char *sql)
{
	return engine_error(e, sqlite3_exec(e->sql, sql, NULL, NULL, NULL));
}

static int pragma_int(struct engine *e, const char *sql, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(e->sql, sql, -1, &stmt, NULL);

	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return engine_error(e, rc);
}

static int apply(struct engine *e, const struct migration *m)
{
	char version[48];
	int err = execute(e, "BEGIN IMMEDIATE");

	if (err)
		return err;
	snprintf(version, sizeof version, "PRAGMA user_version = %d", m->number);
	err = execute(e, m->sql);
	if (!err)
		err = execute(e, version);
	if (!err)
		err = execute(e, "COMMIT");
	if (err && engine_in_transaction(e))
		execute(e, "ROLLBACK");
	if (!err)
		log_event(LOG_INFO, "store-migrated", LOG_TEXT("migration", m->name), LOG_END);
	return err;
}

static int apply_all(struct engine *e)
{
	int64_t version = 0;
	int newest = 0;
	int err = pragma_int(e, "PRAGMA user_version", &version);

	for (size_t i = 0; !err && i < sizeof migrations / sizeof *migrations; i++) {
		const struct migration *m = &migrations[i];
		if (strcmp(m->file, files[e->file].name) != 0)
			continue;
		newest = m->number;
		if (m->number > version)
			err = apply(e, m);
	}
	return err ? err : version > newest ? E_RANGE : 0;
}

/* A lease event changes a few small rows far apart: what it writes is pages. With 1 KB ones the
 * bindings' file takes twice as many events a second as with 4 KB; mail is written in long rows. */
static int set_pages(struct engine *e)
{
	char sql[96];

	snprintf(sql, sizeof sql, "PRAGMA page_size = %d; PRAGMA auto_vacuum = INCREMENTAL;",
		 files[e->file].page_bytes);
	return execute(e, sql);
}

/* A new file: what must be set before the first table. The order matters: WAL mode writes the first
 * page. */
static int lay_ground(struct engine *e)
{
	char sql[64];
	int64_t pages = 0, id = 0;
	int err = pragma_int(e, "PRAGMA page_count", &pages);

	if (!err && pages == 0)
		err = set_pages(e);
	if (!err)
		err = execute(e, "PRAGMA journal_mode = WAL;");
	if (!err)
		err = pragma_int(e, "PRAGMA application_id", &id);
	if (err)
		return err;
	if (id == files[e->file].application_id)
		return 0;
	if (id != 0 || pages > 1)
		return E_RANGE;
	snprintf(sql, sizeof sql, "PRAGMA application_id = %d", files[e->file].application_id);
	return execute(e, sql);
}

/* The names of new files are durable before anything in them is promised. */
static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return E_IO;
	int err = fsync(fd) ? E_IO : 0;
	close(fd);
	return err;
}

int migrate(const char *dir, enum db_file file, struct engine *e)
{
	struct ticket ticket;
	int err = ticket_open(dir, file, &ticket);

	if (err)
		return err;
	err = ticket_take(&ticket);
	if (!err) {
		err = lay_ground(e);
		if (!err)
			err = apply_all(e);
		if (!err)
			err = sync_dir(dir);
		ticket_release(&ticket);
	}
	ticket_close(&ticket);
	return err;
}
