#include "lib/rules/memory_store.h"

#include <assert.h>
#include <string.h>

#include "lib/err.h"

static int subscriber_find(void *ctx, const char *msisdn, const char *imsi, int64_t *id)
{
	const struct memory_store *m = ctx;
	int64_t by_msisdn = 0, by_imsi = 0;

	for (size_t i = 0; i < m->subscriber_count; i++) {
		if (*msisdn && !strcmp(m->subscribers[i].msisdn, msisdn))
			by_msisdn = (int64_t)i + 1;
		if (*imsi && !strcmp(m->subscribers[i].imsi, imsi))
			by_imsi = (int64_t)i + 1;
	}
	if (*msisdn && *imsi && by_msisdn != by_imsi)
		return E_CONFLICT;
	if (!by_msisdn && !by_imsi)
		return E_NOT_FOUND;
	*id = by_msisdn ? by_msisdn : by_imsi;
	return 0;
}

static int device_find(void *ctx, const char *realm, const struct device *d, int64_t *id)
{
	const struct memory_store *m = ctx;

	(void)realm;
	for (size_t i = 0; i < m->device_count; i++)
		if (device_equal(&m->devices[i].device, d)) {
			*id = m->devices[i].subscriber;
			return 0;
		}
	return E_NOT_FOUND;
}

static struct nas_row *nas_at(struct memory_store *m, const char *realm, const char *nas_id)
{
	for (size_t i = 0; i < m->nas_count; i++)
		if (!strcmp(m->nases[i].realm, realm) && !strcmp(m->nases[i].nas_id, nas_id))
			return &m->nases[i];
	return NULL;
}

static int nas_get(void *ctx, const char *realm, const char *nas_id, struct nas_row *out)
{
	const struct nas_row *row = nas_at(ctx, realm, nas_id);

	if (!row)
		return E_NOT_FOUND;
	*out = *row;
	return 0;
}

static int nas_put(void *ctx, const struct nas_row *nas)
{
	struct memory_store *m = ctx;
	struct nas_row *row = nas_at(m, nas->realm, nas->nas_id);

	if (!row) {
		assert(m->nas_count < MEMORY_ROWS);
		row = &m->nases[m->nas_count++];
	}
	*row = *nas;
	return 0;
}

static struct binding *binding_at(struct memory_store *m, const struct key *k)
{
	for (size_t i = 0; i < m->binding_count; i++)
		if (key_equal(&m->bindings[i].key, k))
			return &m->bindings[i];
	return NULL;
}

const struct binding *memory_store_binding(const struct memory_store *m, const struct key *k)
{
	for (size_t i = 0; i < m->binding_count; i++)
		if (key_equal(&m->bindings[i].key, k))
			return &m->bindings[i];
	return NULL;
}

static int binding_get(void *ctx, const struct key *k, struct binding *out)
{
	const struct binding *row = binding_at(ctx, k);

	if (!row)
		return E_NOT_FOUND;
	*out = *row;
	return 0;
}

/* Where a key stands among those that overlap k: first what lies inside k, in order of key; then
 * what lies around it, the narrowest first. */
static int overlap_order(const struct key *k, const struct key *a, const struct key *b)
{
	bool a_around = a->plen < k->plen, b_around = b->plen < k->plen;
	int by_addr = memcmp(&a->addr, &b->addr, sizeof a->addr);

	if (a_around != b_around)
		return a_around ? 1 : -1;
	if (!a_around && by_addr)
		return by_addr;
	if (a->plen != b->plen)
		return a_around ? b->plen - a->plen : a->plen - b->plen;
	if (a->port_first != b->port_first)
		return a->port_first - b->port_first;
	return a->port_last - b->port_last;
}

static int binding_overlapping(void *ctx, const struct key *k, int64_t newer_us,
			       const struct key *after, struct binding *out)
{
	struct memory_store *m = ctx;
	const struct binding *next = NULL;

	for (size_t i = 0; i < m->binding_count; i++) {
		const struct binding *b = &m->bindings[i];
		if ((b->state != KEY_FREE || b->watermark_us > newer_us) &&
		    key_overlaps(&b->key, k) && !key_equal(&b->key, k) &&
		    (!after || overlap_order(k, &b->key, after) > 0) &&
		    (!next || overlap_order(k, &b->key, &next->key) < 0))
			next = b;
	}
	if (!next)
		return E_NOT_FOUND;
	*out = *next;
	return 0;
}

static int binding_put(void *ctx, const struct binding *b)
{
	struct memory_store *m = ctx;
	struct binding *row = binding_at(m, &b->key), other;

	if (!row) {
		assert(m->binding_count < MEMORY_ROWS);
		row = &m->bindings[m->binding_count++];
		*row = (struct binding){.key = b->key};
	}
	assert(b->generation >= row->generation);
	bool overlaps = binding_overlapping(m, &b->key, INT64_MAX, NULL, &other) == 0;
	assert(b->state == KEY_FREE || !overlaps);
	assert(b->state != KEY_FREE || (!b->subscriber && !b->session));
	*row = *b;
	return 0;
}

static int session_find(void *ctx, const char *realm, const char *nas_id, const char *session_id,
			uint32_t epoch, struct session_row *out)
{
	const struct memory_store *m = ctx;
	const struct session_row *best = NULL;

	for (size_t i = 0; i < m->session_count; i++) {
		const struct session_row *s = &m->sessions[i];
		if (!strcmp(s->realm, realm) && !strcmp(s->nas_id, nas_id) &&
		    !strcmp(s->session_id, session_id) && s->epoch <= epoch &&
		    (!best || s->epoch > best->epoch))
			best = s;
	}
	if (!best)
		return E_NOT_FOUND;
	*out = *best;
	return 0;
}

static int session_get(void *ctx, int64_t id, struct session_row *out)
{
	const struct memory_store *m = ctx;

	if (id < 1 || (size_t)id > m->session_count)
		return E_NOT_FOUND;
	*out = m->sessions[id - 1];
	return 0;
}

static int session_active(void *ctx, const char *realm, int64_t subscriber, struct session_row *out)
{
	const struct memory_store *m = ctx;

	for (size_t i = 0; i < m->session_count; i++)
		if (m->sessions[i].active && m->sessions[i].subscriber == subscriber &&
		    !strcmp(m->sessions[i].realm, realm)) {
			*out = m->sessions[i];
			return 0;
		}
	return E_NOT_FOUND;
}

static int session_put(void *ctx, struct session_row *s)
{
	struct memory_store *m = ctx;

	if (!s->id) {
		assert(m->session_count < MEMORY_ROWS);
		s->id = (int64_t)++m->session_count;
	}
	m->sessions[s->id - 1].active = false;
	for (size_t i = 0; i < m->session_count; i++) {
		bool same = (int64_t)i + 1 != s->id && m->sessions[i].epoch == s->epoch &&
			    !strcmp(m->sessions[i].realm, s->realm) &&
			    !strcmp(m->sessions[i].nas_id, s->nas_id) &&
			    !strcmp(m->sessions[i].session_id, s->session_id);
		assert(!same);
	}
	for (size_t i = 0; s->active && i < m->session_count; i++) {
		struct session_row *former = &m->sessions[i];
		if (former->subscriber == s->subscriber && !strcmp(former->realm, s->realm))
			former->active = false;
	}
	m->sessions[s->id - 1] = *s;
	return 0;
}

static int session_bindings(void *ctx, int64_t session, struct binding out[2], size_t *n)
{
	const struct memory_store *m = ctx;

	*n = 0;
	for (size_t i = 0; i < m->binding_count; i++)
		if (m->bindings[i].session == session) {
			assert(*n < 2);
			out[(*n)++] = m->bindings[i];
		}
	return 0;
}

static int session_before(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			  struct session_row *out)
{
	const struct memory_store *m = ctx;

	for (size_t i = 0; i < m->session_count; i++) {
		const struct session_row *s = &m->sessions[i];
		if (!s->ended_us && s->started_us < time_us && !strcmp(s->realm, realm) &&
		    !strcmp(s->nas_id, nas_id)) {
			*out = *s;
			return 0;
		}
	}
	return E_NOT_FOUND;
}

static bool is_after(const struct session_row *s, const struct session_cursor *at)
{
	return s->started_us != at->started_us ? s->started_us > at->started_us : s->id > at->id;
}

static int sessions_open(void *ctx, const char *realm, const char *nas_id, int64_t time_us,
			 struct session_cursor *at, int64_t *ids, size_t max, size_t *n)
{
	const struct memory_store *m = ctx;

	for (*n = 0; *n < max; (*n)++) {
		const struct session_row *next = NULL;

		for (size_t i = 0; i < m->session_count; i++) {
			const struct session_row *s = &m->sessions[i];
			if (!s->ended_us && s->started_us < time_us && is_after(s, at) &&
			    !strcmp(s->realm, realm) && !strcmp(s->nas_id, nas_id) &&
			    (!next ||
			     is_after(next, &(struct session_cursor){s->started_us, s->id})))
				next = s;
		}
		if (!next)
			break;
		*at = (struct session_cursor){next->started_us, next->id};
		ids[*n] = next->id;
	}
	return 0;
}

struct lease_store memory_store_port(struct memory_store *m)
{
	return (struct lease_store){.ctx = m,
				    .subscriber_find = subscriber_find,
				    .device_find = device_find,
				    .nas_get = nas_get,
				    .nas_put = nas_put,
				    .binding_get = binding_get,
				    .binding_overlapping = binding_overlapping,
				    .binding_put = binding_put,
				    .session_find = session_find,
				    .session_get = session_get,
				    .session_active = session_active,
				    .session_put = session_put,
				    .session_bindings = session_bindings,
				    .session_before = session_before,
				    .sessions_open = sessions_open};
}
