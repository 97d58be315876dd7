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
#define WORDS       (sizeof((struct engine *)0)->mark / sizeof(uint64_t))

static const uint64_t *index_of(struct engine *e)
{
	sqlite3_file *file = NULL;
	void volatile *at = NULL;

	if (!e->has_read ||
	    sqlite3_file_control(e->sql, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    !file || !file->pMethods || file->pMethods->iVersion < 2 ||
	    file->pMethods->xShmMap(file, 0, INDEX_BYTES, 0, &at) != SQLITE_OK)
		return NULL;
	return (const uint64_t *)(uintptr_t)at;
}

static void copy(uint64_t *to, const uint64_t *from)
{
	for (size_t i = 0; i < WORDS; i++)
		to[i] = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
}

uint64_t engine_view(struct engine *e)
{
	const uint64_t *index = index_of(e);
	uint64_t first[WORDS], second[WORDS];

	if (!index)
		return 0;
	copy(first, index);
	copy(second, index + WORDS);
	if (memcmp(first, second, sizeof first) != 0)
		return 0;
	if (memcmp(first, e->mark, sizeof first) != 0) {
		memcpy(e->mark, first, sizeof first);
		e->view++;
	}
	return e->view;
}
