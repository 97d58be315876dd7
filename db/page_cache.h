/* db/page_cache -- SQLite's page cache, without a walk through all of it at each commit
 *
 * Behind a commit SQLite has the cache throw away what lies beyond the end of the file. Its own
 * cache finds out by a walk through all pages, unless it never held one with such a number. It did:
 * whoever puts the leaves of a tree in order swaps two of them over the number that no page of a
 * file may have (that of the lock octets at 1 GB), for a few instructions. So each commit that
 * split a page of a tree walks through the whole cache.
 *
 * Here each cache is SQLite's own, and beside it the greatest number that a page in it can have.
 * A number that a page was moved to and has left again does not count. Where nothing can lie
 * beyond the end, nothing is walked through. All else is passed on.
 *
 * engine_init() wraps it once, before SQLite runs.
 *
 * OWNERSHIP  as of sqlite3_pcache_methods2. THREADS a cache is its connection's. ERRORS E_NOMEM:
 * SQLite runs already, or cannot; it then keeps the cache it has, which is as right and slower.
 *
 * SEE  https://sqlite.org/c3ref/pcache_methods2.html
 */
#ifndef HATO_DB_PAGE_CACHE_H
#define HATO_DB_PAGE_CACHE_H

#include <sqlite3.h>

/* What SQLite is to be given instead of `below`, which is copied. */
void page_cache_over(const sqlite3_pcache_methods2 *below, sqlite3_pcache_methods2 *out);
/* Again: nothing happens. */
int page_cache_init(void);

#endif
