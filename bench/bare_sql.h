/* bare_sql -- what the bare writers share: SQLite without anything of ours around it, and an end at
 * the first error
 *
 * CALLERS    bare_store.c, mail_bare.c, mail_fill.c, queue_bare.c
 */
#ifndef HATO_BENCH_BARE_SQL_H
#define HATO_BENCH_BARE_SQL_H

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* db: null before it is open. */
static inline void bare_die(sqlite3 *db, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what,
		db ? sqlite3_errmsg(db) : "");
	exit(1);
}

static inline void bare_execute(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		bare_die(db, text);
}

/* Seconds of the monotonic clock. */
static inline double bare_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
