#include "lib/rules/resync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/resync_private.h"

#define OPEN_BATCH 128

const char *resync_fate_name(enum resync_fate f)
{
	static const char *const names[RESYNC_FATES] = {[RESYNC_KEPT] = "kept",
							[RESYNC_ADDED] = "added",
							[RESYNC_MOVED] = "moved",
							[RESYNC_REFUSED] = "refused"};
	return f < RESYNC_FATES ? names[f] : "?";
}

/* ---- the list and its NAS ---- */

/* A clock that runs ahead may not end what has not begun. */
static void settle_time(struct resync *r)
{
	r->time_us = r->list->time_us;
	if (r->time_us > r->list->received_us + r->limits->max_skew_us) {
		r->time_us = r->list->received_us;
		if (r->report)
			r->report->time_replaced = true;
	}
}

static int begin(struct resync *r)
{
	const struct lease_store *s = r->store;
	int rc = s->nas_get(s->ctx, r->list->realm, r->list->nas_id, &r->nas);

	if (rc && rc != E_NOT_FOUND)
		return rc;
	if (rc) {
		r->nas = (struct nas_row){.on_us = INT64_MIN};
		snprintf(r->nas.realm, sizeof r->nas.realm, "%s", r->list->realm);
		snprintf(r->nas.nas_id, sizeof r->nas.nas_id, "%s", r->list->nas_id);
	}
	settle_time(r);
	r->ours_us = r->nas.offset_known ? r->time_us + r->nas.offset_us : r->time_us;
	if (r->ours_us > r->list->received_us)
		r->ours_us = r->list->received_us;
	return r->time_us < r->nas.listed_us || r->time_us < r->nas.on_us ? E_CONFLICT : 0;
}

static int finish(struct resync *r)
{
	const struct lease_store *s = r->store;

	r->nas.listed_us = r->time_us;
	if (r->nas.behind_us && r->ours_us >= r->nas.behind_us)
		r->nas.behind_us = 0;
	r->report->behind = r->nas.behind_us != 0;
	r->report->time_us = r->time_us;
	for (size_t i = 0; i < r->list->count; i++)
		r->report->fates[r->list->entries[i].fate]++;
	return s->nas_put(s->ctx, &r->nas);
}

/* ---- which sessions are listed ---- */

static int by_session(const void *a, const void *b)
{
	const struct resync_index *x = a, *y = b;

	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	return (x->entry > y->entry) - (x->entry < y->entry);
}

/* The first of those that name it. */
struct resync_entry *resync_listed(const struct resync *r, int64_t session)
{
	const struct resync_index *index = r->list->index;
	size_t low = 0, high = r->indexed;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index[middle].session < session)
			low = middle + 1;
		else
			high = middle;
	}
	return low < r->indexed && index[low].session == session ? index[low].entry : NULL;
}

/* A session that was only made now has a higher id than all before it. */
void resync_index_add(struct resync *r, int64_t session, struct resync_entry *e)
{
	r->list->index[r->indexed++] = (struct resync_index){session, e};
}

static int resolve(struct resync *r)
{
	struct session_row own;

	for (size_t i = 0; i < r->list->count; i++) {
		struct resync_entry *e = &r->list->entries[i];
		e->fate = RESYNC_KEPT;
		e->displaced = e->waits = false;
		/* The NAS began anew since: what held the keys then is over. */
		if (e->epoch != r->nas.epoch)
			e->settled = false;
		if (!e->settled) {
			int rc = resync_identify(r, e);
			if (!rc)
				rc = resync_session(r, e, &own);
			if (rc)
				return rc;
			e->session = own.id;
		}
		if (e->session)
			resync_index_add(r, e->session, e);
	}
	qsort(r->list->index, r->indexed, sizeof *r->list->index, by_session);
	return 0;
}

/* ---- what is not listed is over ---- */

void resync_release(struct resync *r, struct binding *b)
{
	if (b->state == KEY_QUARANTINED) {
		r->report->released += binding_release_apply(b);
	} else if (b->state == KEY_CONTESTED) {
		binding_restart(b);
		r->report->released++;
	}
}

int resync_free(struct resync *r, struct binding *b)
{
	if (b->state == KEY_QUARANTINED)
		resync_release(r, b);
	binding_free_apply(b);
	return r->store->binding_put(r->store->ctx, b);
}

static void show_ended(struct resync *r, const struct session_row *s, const struct binding held[2],
		       size_t n)
{
	struct resync_report *report = r->report;

	if (!s->active && !n)
		return;
	if (report->ended < RESYNC_SHOWN) {
		struct resync_ended *shown = &report->ended_first[report->ended];
		snprintf(shown->session_id, sizeof shown->session_id, "%s", s->session_id);
		shown->subscriber = s->subscriber;
		shown->key_count = n;
		for (size_t i = 0; i < n; i++)
			shown->keys[i] = held[i].key;
	}
	report->ended++;
}

static int end_session(struct resync *r, int64_t id)
{
	const struct lease_store *store = r->store;
	struct session_row s;
	struct binding held[2];
	size_t n = 0;
	int rc = store->session_get(store->ctx, id, &s);

	if (!rc)
		rc = store->session_bindings(store->ctx, id, held, &n);
	/* Its Start came again since. */
	for (size_t i = 0; !rc && i < n; i++)
		if (held[i].watermark_us > r->time_us)
			return 0;
	if (rc)
		return rc;
	show_ended(r, &s, held, n);
	/* Just before the list: a Stop at its very moment is another thing, and ends what is
	 * listed. */
	s.ended_us = r->time_us - 1 > s.started_us ? r->time_us - 1 : s.started_us;
	s.active = false;
	rc = store->session_put(store->ctx, &s);
	for (size_t i = 0; !rc && i < n; i++)
		rc = resync_free(r, &held[i]);
	return rc;
}

static int end_unlisted(struct resync *r)
{
	const struct lease_store *s = r->store;
	struct session_cursor at = {.started_us = INT64_MIN};
	int64_t ids[OPEN_BATCH];
	size_t n;

	do {
		int rc = s->sessions_open(s->ctx, r->list->realm, r->list->nas_id, r->time_us, &at,
					  ids, OPEN_BATCH, &n);
		for (size_t i = 0; !rc && i < n; i++)
			if (!resync_listed(r, ids[i]))
				rc = end_session(r, ids[i]);
		if (rc)
			return rc;
	} while (n == OPEN_BATCH);
	return 0;
}

/* ---- all of it ---- */

/* Who was in the way of one entry may have gone by another: until nothing moves any more. */
static int take_waiting(struct resync *r)
{
	bool again;

	do {
		again = false;
		for (size_t i = 0; i < r->list->count; i++) {
			struct resync_entry *e = &r->list->entries[i];
			if (!e->waits)
				continue;
			int rc = resync_take(r, e);
			if (rc)
				return rc;
			again = again || !e->waits;
		}
	} while (again);
	return 0;
}

int resync_apply(const struct lease_store *store, const struct lease_limits *limits,
		 struct resync_list *list, struct resync_report *report)
{
	struct resync r = {.store = store, .limits = limits, .list = list, .report = report};

	memset(report, 0, sizeof *report);
	list->turn = NULL;
	int rc = begin(&r);
	if (rc)
		return rc;
	/* A session names its NAS: that must be there first. */
	rc = store->nas_put(store->ctx, &r.nas);
	if (!rc)
		rc = resolve(&r);
	if (!rc)
		rc = end_unlisted(&r);
	for (size_t i = 0; !rc && i < list->count; i++)
		if (!list->entries[i].settled)
			rc = resync_take(&r, &list->entries[i]);
	if (!rc)
		rc = take_waiting(&r);
	return rc ? rc : finish(&r);
}

static int look(const struct resync *r, struct resync_entry *e)
{
	struct session_row own;
	int rc = resync_identify(r, e);

	if (!rc)
		rc = resync_session(r, e, &own);
	if (rc)
		return rc;
	e->session = own.id;
	e->epoch = r->nas.epoch;
	return resync_is_settled(r, e, &own, &e->settled);
}

int resync_look(const struct lease_store *store, const struct lease_limits *limits,
		const struct resync_list *list, size_t first, size_t n)
{
	struct resync_list unchanged = *list;
	struct resync r = {.store = store, .limits = limits, .list = &unchanged};
	int rc = begin(&r);

	for (size_t i = first; !rc && i < first + n && i < list->count; i++)
		rc = look(&r, &list->entries[i]);
	return rc;
}
