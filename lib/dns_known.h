/* dns_known -- what is known of one name and type, and the cache of it
 *
 * Private to lib/dns. A dns_known is one block: its key and the answer with all that it points to.
 * It is counted: the cache holds it, and whoever is being told it; so an answer stays whole while
 * askers that hear it ask for more, and push it out.
 *
 * The cache is bounded in entries and octets; what was used longest ago goes first. Names come off
 * the network, so the hash has a secret.
 *
 * THREADS  one loop's
 * ERRORS   null, E_NOMEM
 */
#ifndef HATO_LIB_DNS_KNOWN_H
#define HATO_LIB_DNS_KNOWN_H

#include "lib/dns.h"

struct dns_known {
	int holders;
	size_t octets;      /* of the block */
	int64_t expires_us; /* by clock_mono_us */
	enum dns_type type;
	struct dns_answer answer;
	const char *name;
	uint64_t hash; /* from here on: the cache's */
	struct dns_known *next_alike, *newer, *older;
};

/* The answer that a message of the servers is; the key only if it is none (octets null). Nonsense
 * and rcodes of failure are DNS_TEMPORARY. name: as dns_name gives it. */
struct dns_known *dns_known_new(const char *name, enum dns_type type, const uint8_t *octets,
				size_t n);
struct dns_known *dns_known_ref(struct dns_known *k);
void dns_known_unref(struct dns_known *k);

struct dns_cache;

int dns_cache_new(size_t entries, size_t octets, struct dns_cache **out); /* E_NOMEM, E_IO */
void dns_cache_free(struct dns_cache *c);
/* Borrowed until the next dns_cache_put; null: not known, or no longer. */
struct dns_known *dns_cache_find(struct dns_cache *c, const char *name, enum dns_type type,
				 int64_t now_us);
/* In place of what was known. Takes a reference of its own. */
void dns_cache_put(struct dns_cache *c, struct dns_known *k);
size_t dns_cache_count(const struct dns_cache *c);
size_t dns_cache_octets(const struct dns_cache *c);

#endif
