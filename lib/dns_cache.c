#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/dns_known.h"
#include "lib/err.h"

#define FNV_PRIME UINT64_C(0x100000001b3)

struct dns_cache {
	uint64_t secret;
	size_t entries_max, octets_max;
	size_t entries, octets;
	struct dns_known *newest, *oldest; /* by their last use */
	size_t rooms;                      /* a power of two */
	struct dns_known *room[];
};

int dns_cache_new(size_t entries, size_t octets, struct dns_cache **out)
{
	size_t rooms = 16;

	while (rooms < entries)
		rooms *= 2;
	struct dns_cache *c = calloc(1, sizeof *c + rooms * sizeof *c->room);
	if (!c)
		return E_NOMEM;
	c->rooms = rooms;
	c->entries_max = entries;
	c->octets_max = octets;
	int err = random_bytes(&c->secret, sizeof c->secret);
	if (err) {
		free(c);
		return err;
	}
	*out = c;
	return 0;
}

static uint64_t hash_of(const struct dns_cache *c, const char *name, enum dns_type type)
{
	uint64_t h = (c->secret ^ type) * FNV_PRIME;

	for (; *name; name++) {
		h = (h ^ (unsigned char)*name) * FNV_PRIME;
		h ^= h >> 29;
	}
	return h ^ h >> 32;
}

static void unlink_use(struct dns_cache *c, struct dns_known *k)
{
	if (k->newer)
		k->newer->older = k->older;
	else
		c->newest = k->older;
	if (k->older)
		k->older->newer = k->newer;
	else
		c->oldest = k->newer;
}

static void link_use(struct dns_cache *c, struct dns_known *k)
{
	k->newer = NULL;
	k->older = c->newest;
	if (c->newest)
		c->newest->newer = k;
	else
		c->oldest = k;
	c->newest = k;
}

static struct dns_known **place_of(struct dns_cache *c, uint64_t hash, const char *name,
				   enum dns_type type)
{
	struct dns_known **at = &c->room[hash & (c->rooms - 1)];

	while (*at && ((*at)->hash != hash || (*at)->type != type || strcmp((*at)->name, name)))
		at = &(*at)->next_alike;
	return at;
}

static void drop(struct dns_cache *c, struct dns_known *k)
{
	struct dns_known **at = place_of(c, k->hash, k->name, k->type);

	*at = k->next_alike;
	unlink_use(c, k);
	c->entries--;
	c->octets -= k->octets;
	dns_known_unref(k);
}

void dns_cache_free(struct dns_cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		drop(c, c->oldest);
	free(c);
}

struct dns_known *dns_cache_find(struct dns_cache *c, const char *name, enum dns_type type,
				 int64_t now_us)
{
	struct dns_known *k = *place_of(c, hash_of(c, name, type), name, type);

	if (!k)
		return NULL;
	if (k->expires_us <= now_us) {
		drop(c, k);
		return NULL;
	}
	unlink_use(c, k);
	link_use(c, k);
	return k;
}

void dns_cache_put(struct dns_cache *c, struct dns_known *k)
{
	uint64_t hash = hash_of(c, k->name, k->type);
	struct dns_known **at = place_of(c, hash, k->name, k->type);

	if (*at)
		drop(c, *at);
	if (c->entries_max == 0 || k->octets > c->octets_max)
		return;
	while (c->entries >= c->entries_max || c->octets + k->octets > c->octets_max)
		drop(c, c->oldest);
	k->hash = hash;
	at = &c->room[hash & (c->rooms - 1)];
	k->next_alike = *at;
	*at = dns_known_ref(k);
	link_use(c, k);
	c->entries++;
	c->octets += k->octets;
}

size_t dns_cache_count(const struct dns_cache *c)
{
	return c->entries;
}

size_t dns_cache_octets(const struct dns_cache *c)
{
	return c->octets;
}
