#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/listener.h"

#define BUCKETS_MIN 64
#define BUCKETS_MAX 65536
#define V6_PLEN     64

/* An address with at least one open connection. */
struct source {
	struct source *next;
	struct addr addr;
	size_t open;
};

struct admission {
	/* Protects everything below `open`, and writes of `open`. Held for one look into the table.
	 */
	pthread_mutex_t lock;
	size_t max, max_per_address, open;
	uint64_t seed; /* so that nobody can aim addresses at one bucket */
	size_t bucket_count;
	struct source **buckets;
};

struct admission *admission_new(size_t max_connections, size_t max_per_address)
{
	struct admission *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	a->bucket_count = BUCKETS_MIN;
	while (a->bucket_count < max_connections && a->bucket_count < BUCKETS_MAX)
		a->bucket_count *= 2;
	a->buckets = calloc(a->bucket_count, sizeof(struct source *));
	if (!a->buckets) {
		free(a);
		return NULL;
	}
	pthread_mutex_init(&a->lock, NULL);
	a->max = max_connections;
	a->max_per_address = max_per_address;
	a->seed = (uint64_t)clock_mono_us() ^ (uint64_t)(uintptr_t)a->buckets;
	return a;
}

void admission_free(struct admission *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->bucket_count; i++) {
		while (a->buckets[i]) {
			struct source *gone = a->buckets[i];

			a->buckets[i] = gone->next;
			free(gone);
		}
	}
	pthread_mutex_destroy(&a->lock);
	free(a->buckets);
	free(a);
}

size_t admission_open(const struct admission *a)
{
	struct admission *unconst = (struct admission *)(uintptr_t)a;

	pthread_mutex_lock(&unconst->lock);
	size_t open = a->open;
	pthread_mutex_unlock(&unconst->lock);
	return open;
}

static struct addr source_key(const struct addr *addr)
{
	struct addr key = *addr;

	if (!addr_is_v4(addr))
		addr_mask(&key, V6_PLEN);
	return key;
}

/* splitmix64's finisher over both halves. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* Where the source is linked, or would be. */
static struct source **source_find(struct admission *a, const struct addr *key)
{
	uint64_t half[2];

	memcpy(half, key->bytes, sizeof half);
	struct source **at =
		&a->buckets[mix(mix(half[0] ^ a->seed) ^ half[1]) & (a->bucket_count - 1)];
	while (*at && !addr_equal(&(*at)->addr, key))
		at = &(*at)->next;
	return at;
}

static bool source_enter(struct admission *a, const struct addr *addr)
{
	struct addr key = source_key(addr);
	struct source **at = source_find(a, &key);

	if (*at && (*at)->open >= a->max_per_address)
		return false;
	if (!*at) {
		*at = calloc(1, sizeof **at);
		if (!*at)
			return false;
		(*at)->addr = key;
	}
	(*at)->open++;
	return true;
}

static void source_leave(struct admission *a, const struct addr *addr)
{
	struct addr key = source_key(addr);
	struct source **at = source_find(a, &key);

	assert(*at && (*at)->open);
	if (--(*at)->open)
		return;
	struct source *gone = *at;
	*at = gone->next;
	free(gone);
}

/* Counts in all only: no handset has such a peer. */
static bool is_no_source(const struct conn_peer *peer)
{
	return peer->is_unix || peer->is_nameless;
}

bool admission_enter(struct admission *a, const struct conn_peer *peer)
{
	if (!a)
		return true;
	pthread_mutex_lock(&a->lock);
	bool in = a->open < a->max && (is_no_source(peer) || source_enter(a, &peer->addr));
	if (in)
		a->open++;
	pthread_mutex_unlock(&a->lock);
	return in;
}

void admission_leave(struct admission *a, const struct conn_peer *peer)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	assert(a->open);
	a->open--;
	if (!is_no_source(peer))
		source_leave(a, &peer->addr);
	pthread_mutex_unlock(&a->lock);
}
