#include "db/wal_buffer.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

/* SQLite's own layer takes less than 128 KB at a time. */
#define BUFFER_BYTES (64 << 10)

/* Behind it in memory stands the file of SQLite's own layer. */
struct wal_file {
	sqlite3_file head; /* first: what SQLite knows of it */
	sqlite3_file *below;
	uint8_t *octets; /* BUFFER_BYTES, at the first write; null: written through */
	size_t used;
	sqlite3_int64 at; /* where they belong */
};

static sqlite3_vfs buffering;

static sqlite3_vfs *below(void)
{
	return buffering.pAppData;
}

static struct wal_file *wal_of(sqlite3_file *f)
{
	return (struct wal_file *)(void *)f;
}

/* A failed one is gone: the commit that it belongs to fails, and is undone. */
static int flush(struct wal_file *w)
{
	size_t n = w->used;

	w->used = 0;
	return n ? w->below->pMethods->xWrite(w->below, w->octets, (int)n, w->at) : SQLITE_OK;
}

static int wal_close(sqlite3_file *f)
{
	struct wal_file *w = wal_of(f);

	free(w->octets);
	w->octets = NULL;
	return w->below->pMethods->xClose(w->below);
}

static int wal_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
	struct wal_file *w = wal_of(f);
	bool overlaps = w->used && at < w->at + (sqlite3_int64)w->used && at + n > w->at;
	int rc = overlaps ? flush(w) : SQLITE_OK;

	return rc ? rc : w->below->pMethods->xRead(w->below, to, n, at);
}

static int wal_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at)
{
	struct wal_file *w = wal_of(f);
	size_t size = (size_t)n;
	int rc = SQLITE_OK;

	if (!w->octets)
		w->octets = malloc(BUFFER_BYTES);
	if (w->used && (at != w->at + (sqlite3_int64)w->used || w->used + size > BUFFER_BYTES))
		rc = flush(w);
	if (rc)
		return rc;
	if (!w->octets || size > BUFFER_BYTES)
		return w->below->pMethods->xWrite(w->below, from, n, at);
	if (!w->used)
		w->at = at;
	memcpy(w->octets + w->used, from, size);
	w->used += size;
	return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct wal_file *w = wal_of(f);
	int rc = flush(w);

	return rc ? rc : w->below->pMethods->xTruncate(w->below, size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
	struct wal_file *w = wal_of(f);
	int rc = flush(w);

	return rc ? rc : w->below->pMethods->xSync(w->below, flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *size)
{
	struct wal_file *w = wal_of(f);
	int rc = flush(w);

	return rc ? rc : w->below->pMethods->xFileSize(w->below, size);
}

static int wal_lock(sqlite3_file *f, int how)
{
	return wal_of(f)->below->pMethods->xLock(wal_of(f)->below, how);
}

static int wal_unlock(sqlite3_file *f, int how)
{
	return wal_of(f)->below->pMethods->xUnlock(wal_of(f)->below, how);
}

static int wal_check_lock(sqlite3_file *f, int *reserved)
{
	return wal_of(f)->below->pMethods->xCheckReservedLock(wal_of(f)->below, reserved);
}

static int wal_control(sqlite3_file *f, int what, void *arg)
{
	return wal_of(f)->below->pMethods->xFileControl(wal_of(f)->below, what, arg);
}

static int wal_sector(sqlite3_file *f)
{
	return wal_of(f)->below->pMethods->xSectorSize(wal_of(f)->below);
}

static int wal_characteristics(sqlite3_file *f)
{
	return wal_of(f)->below->pMethods->xDeviceCharacteristics(wal_of(f)->below);
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = wal_close,
	.xRead = wal_read,
	.xWrite = wal_write,
	.xTruncate = wal_truncate,
	.xSync = wal_sync,
	.xFileSize = wal_size,
	.xLock = wal_lock,
	.xUnlock = wal_unlock,
	.xCheckReservedLock = wal_check_lock,
	.xFileControl = wal_control,
	.xSectorSize = wal_sector,
	.xDeviceCharacteristics = wal_characteristics,
};

/* All files but the log are SQLite's own, as if we were not there. */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	struct wal_file *w = wal_of(f);

	(void)vfs;
	if (!(flags & SQLITE_OPEN_WAL))
		return below()->xOpen(below(), name, f, flags, out);
	*w = (struct wal_file){.below = (sqlite3_file *)(void *)(w + 1)};
	int rc = below()->xOpen(below(), name, w->below, flags, out);
	if (rc == SQLITE_OK)
		w->head.pMethods = &methods;
	return rc;
}

int wal_buffer_init(void)
{
	if (sqlite3_initialize() != SQLITE_OK)
		return E_NOMEM;
	if (sqlite3_vfs_find(WAL_BUFFER_VFS))
		return 0;
	sqlite3_vfs *own = sqlite3_vfs_find(NULL);
	buffering = *own;
	buffering.pNext = NULL;
	buffering.zName = WAL_BUFFER_VFS;
	buffering.szOsFile = (int)sizeof(struct wal_file) + own->szOsFile;
	buffering.pAppData = own;
	buffering.xOpen = open_file;
	return sqlite3_vfs_register(&buffering, 0) == SQLITE_OK ? 0 : E_NOMEM;
}

void wal_buffer_drop(sqlite3 *sql)
{
	sqlite3_file *f = NULL;

	if (sqlite3_file_control(sql, "main", SQLITE_FCNTL_JOURNAL_POINTER, &f) == SQLITE_OK && f &&
	    f->pMethods == &methods)
		wal_of(f)->used = 0;
}
