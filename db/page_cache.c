#include "db/page_cache.h"

#include <stdlib.h>

#include "lib/err.h"

struct page_cache {
	sqlite3_pcache *own; /* SQLite's */
	unsigned greatest;   /* number that a page can have; but for: */
	unsigned passing;    /* one that a page was moved to and has not left; 0: none */
};

static sqlite3_pcache_methods2 below; /* set before SQLite runs, and never again */

static struct page_cache *of(sqlite3_pcache *cache)
{
	return (struct page_cache *)(void *)cache;
}

static int cache_init(void *arg)
{
	(void)arg;
	return below.xInit ? below.xInit(below.pArg) : SQLITE_OK;
}

static void cache_shutdown(void *arg)
{
	(void)arg;
	if (below.xShutdown)
		below.xShutdown(below.pArg);
}

static sqlite3_pcache *cache_create(int page_bytes, int extra_bytes, int is_purgeable)
{
	struct page_cache *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->own = below.xCreate(page_bytes, extra_bytes, is_purgeable);
	if (!c->own) {
		free(c);
		return NULL;
	}
	return (sqlite3_pcache *)(void *)c;
}

static void cache_size(sqlite3_pcache *cache, int pages)
{
	below.xCachesize(of(cache)->own, pages);
}

static int cache_count(sqlite3_pcache *cache)
{
	return below.xPagecount(of(cache)->own);
}

static sqlite3_pcache_page *cache_fetch(sqlite3_pcache *cache, unsigned number, int how)
{
	struct page_cache *c = of(cache);
	sqlite3_pcache_page *page = below.xFetch(c->own, number, how);

	if (number > c->greatest && page)
		c->greatest = number;
	return page;
}

static void cache_unpin(sqlite3_pcache *cache, sqlite3_pcache_page *page, int discard)
{
	below.xUnpin(of(cache)->own, page, discard);
}

/* Of several that pass, one is known by its number; the others count as if they stayed. */
static void cache_rekey(sqlite3_pcache *cache, sqlite3_pcache_page *page, unsigned from,
			unsigned to)
{
	struct page_cache *c = of(cache);

	below.xRekey(c->own, page, from, to);
	if (from == c->passing)
		c->passing = 0;
	if (to <= c->greatest || to == c->passing)
		return;
	if (c->passing == 0)
		c->passing = to;
	else
		c->greatest = to;
}

static void cache_truncate(sqlite3_pcache *cache, unsigned first)
{
	struct page_cache *c = of(cache);

	if (first > c->greatest && first > c->passing)
		return;
	below.xTruncate(c->own, first);
	if (first <= c->greatest)
		c->greatest = first ? first - 1 : 0;
	if (first <= c->passing)
		c->passing = 0;
}

static void cache_destroy(sqlite3_pcache *cache)
{
	below.xDestroy(of(cache)->own);
	free(of(cache));
}

static void cache_shrink(sqlite3_pcache *cache)
{
	below.xShrink(of(cache)->own);
}

void page_cache_over(const sqlite3_pcache_methods2 *under, sqlite3_pcache_methods2 *out)
{
	below = *under;
	*out = (sqlite3_pcache_methods2){
		.iVersion = 1,
		.xInit = cache_init,
		.xShutdown = cache_shutdown,
		.xCreate = cache_create,
		.xCachesize = cache_size,
		.xPagecount = cache_count,
		.xFetch = cache_fetch,
		.xUnpin = cache_unpin,
		.xRekey = cache_rekey,
		.xTruncate = cache_truncate,
		.xDestroy = cache_destroy,
		.xShrink = cache_shrink,
	};
}

int page_cache_init(void)
{
	sqlite3_pcache_methods2 own, wrapped;

	if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &own) != SQLITE_OK)
		return E_NOMEM;
	if (own.xFetch == cache_fetch)
		return 0;
	page_cache_over(&own, &wrapped);
	return sqlite3_config(SQLITE_CONFIG_PCACHE2, &wrapped) == SQLITE_OK ? 0 : E_NOMEM;
}
