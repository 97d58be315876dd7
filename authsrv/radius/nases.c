#include "authsrv/radius/nases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define PLACES 8 /* where one may lie */

struct radius_nases {
	size_t most;
	struct radius_nas at[];
};

int radius_nases_new(size_t most, struct radius_nases **out)
{
	struct radius_nases *n = calloc(1, sizeof *n + most * sizeof n->at[0]);

	if (!n)
		return E_NOMEM;
	n->most = most;
	*out = n;
	return 0;
}

void radius_nases_free(struct radius_nases *n)
{
	free(n);
}

static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(1099511628211);
	return (h ^ 0xff) * UINT64_C(1099511628211);
}

static struct radius_nas *place(struct radius_nases *n, const char *realm, const char *nas_id,
				bool *found)
{
	uint64_t first = hash(hash(UINT64_C(14695981039346656037), realm), nas_id);
	struct radius_nas *oldest = NULL;

	first ^= first >> 31;
	for (size_t i = 0; i < PLACES; i++) {
		struct radius_nas *at = &n->at[(first + i) % n->most];
		*found = at->client && !strcmp(at->nas_id, nas_id) && !strcmp(at->realm, realm);
		if (*found)
			return at;
		if (!oldest || at->heard_us < oldest->heard_us)
			oldest = at;
	}
	return oldest;
}

struct radius_nas *radius_nases_heard(struct radius_nases *n, const char *realm, const char *nas_id,
				      const struct radius_client *client, const struct addr *addr,
				      int64_t now_us)
{
	bool found;
	struct radius_nas *nas = place(n, realm, nas_id, &found);

	if (!found) {
		*nas = (struct radius_nas){.client = client};
		snprintf(nas->realm, sizeof nas->realm, "%s", realm);
		snprintf(nas->nas_id, sizeof nas->nas_id, "%s", nas_id);
	}
	nas->client = client;
	nas->addr = *addr;
	nas->heard_us = now_us;
	return nas;
}

struct radius_nas *radius_nases_find(struct radius_nases *n, const char *realm, const char *nas_id)
{
	bool found;
	struct radius_nas *nas = place(n, realm, nas_id, &found);

	return found ? nas : NULL;
}
