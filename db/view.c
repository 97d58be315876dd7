/* Whether anything was committed to a file since, without a transaction.
 *
 * The index of SQLite's log, which its connections share as memory, begins with two copies of a
 * header that every commit writes anew: number of changes, frames, salts, checksum
 * (sqlite.org/walformat.html, 2.1). By comparing them SQLite itself knows whether the pages that a
 * connection holds are still true. A commit writes the second copy, then the first; one that is
 * seen between the two is under way. */
#include <sqlite3.h>
#include <string.h>

#include "db/engine.h"

#define INDEX_BYTES 32768 /* of the index's first piece, as SQLite maps it */
#define WORDS       (sizeof((struct view_mark *)0)->words / sizeof(uint64_t))

static const uint64_t *index_of(struct engine *e, const char *schema)
{
	sqlite3_file *file = NULL;
	void volatile *at = NULL;

	if (sqlite3_file_control(e->sql, schema, SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    !file || !file->pMethods || file->pMethods->iVersion < 2 ||
	    file->pMethods->xShmMap(file, 0, INDEX_BYTES, 0, &at) != SQLITE_OK)
		return NULL;
	return (const uint64_t *)(uintptr_t)at;
}

static struct view_mark copy_at(const uint64_t *from)
{
	struct view_mark mark = {0};

	for (size_t i = 0; i < WORDS; i++)
		mark.words[i] = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
	return mark;
}

/* False: not known. */
static bool read_mark(struct engine *e, const char *schema, struct view_mark *mark)
{
	const uint64_t *index = index_of(e, schema);

	if (!index)
		return false;
	*mark = copy_at(index);
	const struct view_mark second = copy_at(index + WORDS);
	return memcmp(mark, &second, sizeof second) == 0;
}

uint64_t engine_view(struct engine *e)
{
	struct view_mark mark;

	if (!e->has_read || !read_mark(e, "main", &mark))
		return 0;
	if (memcmp(&mark, &e->mark, sizeof mark) != 0) {
		e->mark = mark;
		e->view++;
	}
	return e->view;
}

/* Its transaction reads the bindings, so that their index is there. */
bool engine_bindings_are_at(struct engine *e, const struct view_mark *mark)
{
	struct view_mark now;

	return sqlite3_txn_state(e->sql, "bindings") >= SQLITE_TXN_READ &&
	       read_mark(e, "bindings", &now) && memcmp(&now, mark, sizeof now) == 0;
}
