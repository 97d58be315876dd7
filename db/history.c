#include "db/history.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"

#define INDEX_BATCH 4096 /* the more at a time, the more share a page: some 15 ms */
#define SWEEP_BATCH 200
#define ROWS_MAX    10000

static const char *text(const char *t)
{
	return t ? t : "";
}

/* ---- writing ---- */

/* What lease_event.mark says: few rows have one, and an index leads to those. */
enum mark { MARK_NONE, MARK_STEP, MARK_DOUBT };

#define DOUBT_US (5 * CLOCK_S) /* how late a Start may be that evicts: binding-rules 9 */

static bool is_one_of(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

static enum mark mark_of(const struct history_entry *entry)
{
	static const char *const steps[] = {"frozen", "thawed", "breaker-tripped",
					    "breaker-released", NULL};
	static const char *const doubtful[] = {"start", "update", "resync", "quarantined", NULL};
	static const char *const outcomes[] = {"stale",       "proof-of-other", "token-of-other",
					       "identities",  "two-sessions",   "session-identity",
					       "misdirected", "operator",       NULL};
	bool is_start = strcmp(entry->event, "start") == 0;
	bool late = !is_start || entry->received_us - entry->time_us > DOUBT_US;

	if (!is_start && is_one_of(entry->event, steps))
		return MARK_STEP;
	if (!is_one_of(entry->event, doubtful))
		return MARK_NONE;
	return (entry->decides && late) || is_one_of(text(entry->outcome), outcomes) ? MARK_DOUBT
										     : MARK_NONE;
}

int history_append(struct engine *e, const struct history_entry *entry)
{
	static const struct key no_key;
	const struct key *k = entry->key ? entry->key : &no_key;
	struct query q;

	query_begin(&q, e, STMT_HISTORY_APPEND);
	query_int(&q, e->commit_no);
	query_int(&q, entry->received_us);
	query_int(&q, entry->time_us);
	query_text(&q, entry->event);
	query_text(&q, text(entry->outcome));
	query_text(&q, k->realm);
	if (entry->key)
		query_blob(&q, k->addr.bytes, sizeof k->addr.bytes);
	else
		query_null(&q);
	query_int(&q, k->plen);
	query_int(&q, k->port_first);
	query_int(&q, k->port_last);
	query_int(&q, entry->generation);
	query_int(&q, entry->decides);
	query_text(&q, text(entry->msisdn));
	query_text(&q, text(entry->imsi));
	query_text(&q, text(entry->session_id));
	query_text(&q, text(entry->nas_id));
	query_text(&q, text(entry->feeder));
	query_text(&q, text(entry->evidence));
	query_int(&q, mark_of(entry));
	return query_run(&q);
}

static int counter_get(struct engine *e, const char *name, int64_t *value)
{
	struct query q;

	query_begin(&q, e, STMT_COUNTER_GET);
	query_text(&q, name);
	return query_run_int(&q, value);
}

static int piece_end(struct engine *e, enum statement id, int64_t after, int64_t limit,
		     int64_t *last)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, after);
	query_int(&q, limit);
	return query_run_int(&q, last);
}

static int run_range(struct engine *e, enum statement id, int64_t first, int64_t last)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, first);
	query_int(&q, last);
	return query_run(&q);
}

int history_index(struct engine *e, bool *more)
{
	int64_t indexed, last = 0;
	struct query q;
	int err = counter_get(e, "indexed", &indexed);

	if (!err)
		err = piece_end(e, STMT_HISTORY_PIECE, indexed, INDEX_BATCH, &last);
	*more = !err && last >= indexed + INDEX_BATCH;
	if (err || !last)
		return err;
	err = run_range(e, STMT_HISTORY_INDEX, indexed, last);
	if (err)
		return err;
	query_begin(&q, e, STMT_COUNTER_SET);
	query_text(&q, "indexed");
	query_int(&q, last);
	return query_run(&q);
}

int history_sweep(struct engine *e, int64_t before_us, bool *more)
{
	struct query q;
	int64_t last;

	*more = false;
	query_begin(&q, e, STMT_HISTORY_OLD);
	query_int(&q, before_us);
	query_int(&q, SWEEP_BATCH);
	int err = query_run_int(&q, &last);
	if (err || !last)
		return err;
	err = run_range(e, STMT_HISTORY_UNINDEX, 0, last);
	if (!err)
		err = run_range(e, STMT_HISTORY_SWEEP, 0, last);
	*more = !err && engine_affected(e) >= SWEEP_BATCH;
	return err;
}

/* ---- reading ---- */

static void read_row(struct query *q, struct history_row *r)
{
	r->id = query_get_int(q);
	query_get_text(q, r->event, sizeof r->event);
	query_get_text(q, r->outcome, sizeof r->outcome);
	query_get_text(q, r->msisdn, sizeof r->msisdn);
	query_get_text(q, r->imsi, sizeof r->imsi);
	query_get_text(q, r->session_id, sizeof r->session_id);
	query_get_text(q, r->nas_id, sizeof r->nas_id);
	query_get_text(q, r->feeder, sizeof r->feeder);
	r->time_us = query_get_int(q);
	r->received_us = query_get_int(q);
	r->generation = (uint32_t)query_get_int(q);
	r->commit = query_get_int(q);
	query_get_key(q, &r->key);
}

static int read_rows(struct query *q, struct history_row *rows, size_t limit, size_t *n)
{
	while (*n < limit && query_next(q))
		read_row(q, &rows[(*n)++]);
	return query_end(q);
}

static void reverse(struct history_row *rows, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		struct history_row row = rows[i];
		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = row;
	}
}

static int read_after(struct engine *e, const struct key *k, int64_t id, int64_t received_us,
		      size_t limit, struct history_row *rows, size_t *n)
{
	struct query q;

	query_begin(&q, e, STMT_HISTORY_AFTER);
	query_key(&q, k);
	query_int(&q, id);
	query_int(&q, received_us);
	query_int(&q, (int64_t)limit);
	return read_rows(&q, rows, limit, n);
}

/* The newest rows, or those from the one that decides who held the key at at_us. */
static int read_history(struct engine *e, const struct key *k, int64_t at_us, size_t limit,
			struct history_row *rows, size_t *n)
{
	struct query q;
	int64_t from = 0;

	if (at_us == 0) {
		query_begin(&q, e, STMT_HISTORY_NEWEST);
		query_key(&q, k);
		query_int(&q, (int64_t)limit);
		int err = read_rows(&q, rows, limit, n);
		reverse(rows, *n);
		return err;
	}
	query_begin(&q, e, STMT_HISTORY_DECIDER);
	query_key(&q, k);
	query_int(&q, at_us);
	int err = query_run_int(&q, &from);
	if (err || !from) /* nobody had held it yet */
		return err;
	return read_after(e, k, from - 1, INT64_MIN, limit, rows, n);
}

void binding_history(struct db_port *port, const struct key *k, const struct history_question *ask,
		     binding_history_got *got, void *arg)
{
	size_t n = 0, limit = ask->limit;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (limit > ROWS_MAX)
		limit = ROWS_MAX;
	struct history_row *rows = malloc((limit ? limit : 1) * sizeof *rows);
	if (!rows)
		err = E_NOMEM;
	else if (e)
		err = ask->is_page ? read_after(e, k, ask->after_id, ask->after_us, limit, rows, &n)
				   : read_history(e, k, ask->at_us, limit, rows, &n);
	if (e)
		engine_assert_idle(e);
	got(arg, err, rows, err ? 0 : n);
	free(rows);
}
