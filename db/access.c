/* The access record: which uids went through which key and generation. Appended without an index,
 * which follows behind in batches, as the history's does (db/history.h). */
#include <stdlib.h>

#include "db/bindings.h"
#include "db/freezes.h"
#include "db/mail.h"
#include "lib/err.h"

int access_check(struct engine *e, const struct access_via *via, int64_t now_us, bool *opens)
{
	struct binding b;
	int err = binding_row_get(e, &via->key, &b);

	if (!err)
		err = binding_contain_row(e, &b);
	*opens = !err && binding_opens_mail(&b, via->subscriber, via->generation, now_us);
	return err == E_NOT_FOUND ? 0 : err;
}

static const char *const kind_names[] = {
	[ACCESS_READ] = "read", [ACCESS_DELETED] = "deleted", [ACCESS_TRIGGERED] = "triggered"};

int access_append(struct engine *e, const struct access_via *via, enum access_kind what,
		  const uint32_t *uids, size_t n, int64_t at_us)
{
	struct query q;
	uint8_t *packed = malloc(n * 4 + 1);

	if (!packed)
		return E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		packed[i * 4] = (uint8_t)(uids[i] >> 24);
		packed[i * 4 + 1] = (uint8_t)(uids[i] >> 16);
		packed[i * 4 + 2] = (uint8_t)(uids[i] >> 8);
		packed[i * 4 + 3] = (uint8_t)uids[i];
	}
	query_begin(&q, e, STMT_ACCESS_APPEND);
	query_int(&q, at_us);
	query_text(&q, kind_names[what]);
	query_key(&q, &via->key);
	query_int(&q, via->generation);
	query_int(&q, via->subscriber);
	query_blob(&q, packed, n * 4);
	int err = query_run(&q);
	free(packed);
	return err;
}

/* ---- the index behind it ---- */

#define INDEX_BATCH 500
#define SWEEP_BATCH 200

static int value_of(struct engine *e, enum statement id, int64_t a, int64_t b, int64_t *out)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, a);
	query_int(&q, b);
	return query_run_int(&q, out);
}

static int run_upto(struct engine *e, enum statement id, int64_t last)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, last);
	return query_run(&q);
}

int access_index(struct engine *e, bool *more)
{
	int64_t indexed = 0, last = 0;
	struct query q;

	*more = false;
	query_begin(&q, e, STMT_ACCESS_INDEXED);
	int err = query_run_int(&q, &indexed);
	if (!err)
		err = value_of(e, STMT_ACCESS_PIECE, indexed, INDEX_BATCH, &last);
	if (err || !last)
		return err;
	*more = last >= indexed + INDEX_BATCH;
	query_begin(&q, e, STMT_ACCESS_INDEX);
	query_int(&q, indexed);
	query_int(&q, last);
	err = query_run(&q);
	return err ? err : run_upto(e, STMT_ACCESS_SET_INDEXED, last);
}

int access_sweep(struct engine *e, int64_t before_us, bool *more)
{
	int64_t last = 0;
	int err = value_of(e, STMT_ACCESS_OLD, before_us, SWEEP_BATCH, &last);

	*more = false;
	if (err || !last)
		return err;
	err = run_upto(e, STMT_ACCESS_UNINDEX, last);
	if (!err)
		err = run_upto(e, STMT_ACCESS_SWEEP, last);
	*more = !err && engine_affected(e) >= SWEEP_BATCH;
	return err;
}
