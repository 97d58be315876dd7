#include "db/nases.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"

static struct nas_kept *kept_by_name(struct engine *e, const char *realm, const char *nas_id)
{
	for (size_t i = 0; i < NASES_KEPT; i++) {
		struct nas_kept *k = &e->nases[i];
		if (k->id && !strcmp(k->row.nas_id, nas_id) && !strcmp(k->row.realm, realm))
			return k;
	}
	return NULL;
}

static struct nas_kept *keep(struct engine *e, int64_t id, const struct nas_row *row, bool whole)
{
	struct nas_kept *k = kept_by_name(e, row->realm, row->nas_id);

	if (!k) {
		k = &e->nases[e->nas_next];
		e->nas_next = (e->nas_next + 1) % NASES_KEPT;
	}
	*k = (struct nas_kept){.id = id, .row = *row, .is_whole = whole};
	return k;
}

static void read_nas(struct query *q, struct nas_row *n, int64_t *id)
{
	memset(n, 0, sizeof *n);
	*id = query_get_int(q);
	query_get_text(q, n->realm, sizeof n->realm);
	query_get_text(q, n->nas_id, sizeof n->nas_id);
	n->epoch = (uint32_t)query_get_int(q);
	n->on_us = query_get_int(q);
	n->offset_us = query_get_int(q);
	n->offset_known = query_get_int(q) != 0;
	n->behind_us = query_get_int(q);
	n->listed_us = query_get_int(q);
}

/* Outside of the writer's transaction another process may have written since. */
static int first_nas(struct query *q, struct engine *e, struct nas_row *row, int64_t *id)
{
	int err = query_first(q);

	if (!err) {
		read_nas(q, row, id);
		keep(e, *id, row, engine_in_transaction(e));
	}
	query_end(q);
	return err;
}

int nas_row_get(struct engine *e, const char *realm, const char *nas_id, struct nas_row *out)
{
	const struct nas_kept *k = kept_by_name(e, realm, nas_id);
	struct query q;
	int64_t id;

	if (k && k->is_whole) {
		*out = k->row;
		return 0;
	}
	query_begin(&q, e, STMT_NAS_GET);
	query_text(&q, realm);
	query_text(&q, nas_id);
	return first_nas(&q, e, out, &id);
}

int nas_row_put(struct engine *e, const struct nas_row *nas)
{
	struct query q;
	int64_t id = 0;

	query_begin(&q, e, STMT_NAS_PUT);
	query_text(&q, nas->realm);
	query_text(&q, nas->nas_id);
	query_int(&q, nas->epoch);
	query_int(&q, nas->on_us);
	query_int(&q, nas->offset_us);
	query_int(&q, nas->offset_known);
	query_int(&q, nas->behind_us);
	query_int(&q, nas->listed_us);
	int err = query_run_int(&q, &id);
	if (!err)
		keep(e, id, nas, true);
	return err;
}

int nas_row_id(struct engine *e, const char *realm, const char *nas_id, int64_t *id)
{
	const struct nas_kept *k = kept_by_name(e, realm, nas_id);
	struct nas_row row;
	struct query q;

	if (k) {
		*id = k->id;
		return 0;
	}
	query_begin(&q, e, STMT_NAS_GET);
	query_text(&q, realm);
	query_text(&q, nas_id);
	return first_nas(&q, e, &row, id);
}

int nas_row_name(struct engine *e, int64_t id, char nas_id[NAS_ID_MAX])
{
	struct nas_row row;
	struct query q;
	int64_t same;

	for (size_t i = 0; i < NASES_KEPT; i++) {
		if (e->nases[i].id == id) {
			memcpy(nas_id, e->nases[i].row.nas_id, NAS_ID_MAX);
			return 0;
		}
	}
	query_begin(&q, e, STMT_NAS_BY_ID);
	query_int(&q, id);
	int err = first_nas(&q, e, &row, &same);
	if (!err)
		memcpy(nas_id, row.nas_id, NAS_ID_MAX);
	return err;
}

void nas_rows_forget(struct engine *e)
{
	for (size_t i = 0; i < NASES_KEPT; i++)
		e->nases[i].is_whole = false;
}
