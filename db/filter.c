/* Which mail a subscriber takes. */
#include "db/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_private.h"
#include "lib/err.h"

/* ---- reading ---- */

/* Reads FILTER_COLUMNS. */
static int read_row(struct query *q, struct filter **out)
{
	struct filter f = filter_default();
	size_t len[FILTER_LISTS];

	f.from = (enum filter_from)query_get_int(q);
	f.forged = (enum filter_forged)query_get_int(q);
	f.refuses_urls = query_get_int(q) != 0;
	f.strips_receipts = query_get_int(q) != 0;
	f.max_size = (uint64_t)query_get_int(q);
	for (size_t i = 0; i < FILTER_LISTS; i++) {
		const char *list = query_get_blob(q, &len[i]);
		f.lists[i] = len[i] > 0 ? list : "";
	}
	*out = filter_make(&f, len);
	return *out ? 0 : E_NOMEM;
}

/* Of a statement that gives one. *out null: he never chose. */
static int read_one(struct query *q, struct filter **out)
{
	int err = query_first(q);

	*out = NULL;
	if (!err)
		err = read_row(q, out);
	query_end(q);
	return err == E_NOT_FOUND ? 0 : err;
}

static void tell(int err, struct filter *own, filter_got *got, void *arg)
{
	const struct filter otherwise = filter_default();

	got(arg, err, err ? NULL : own ? own : &otherwise, own != NULL);
	free(own);
}

/* E_NOT_FOUND. */
static int find_owner(struct engine *e, const char *msisdn, int64_t *id)
{
	struct query q;

	if (*msisdn) {
		query_begin(&q, e, STMT_SUBSCRIBER_ID_BY_MSISDN);
		query_text(&q, msisdn);
		return query_run_int(&q, id);
	}
	query_begin(&q, e, STMT_SUBSCRIBER_BY_ID);
	query_int(&q, *id);
	int err = query_first(&q);
	query_end(&q);
	return err;
}

void filter_get(struct db_port *port, const struct filter_owner *owner, filter_got *got, void *arg)
{
	struct filter *own = NULL;
	struct query q;
	int64_t id = owner->id;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = find_owner(e, owner->msisdn ? owner->msisdn : "", &id);
		if (!err) {
			query_begin(&q, e, STMT_FILTER_GET);
			query_int(&q, id);
			err = read_one(&q, &own);
		}
		engine_assert_idle(e);
	}
	tell(err, own, got, arg);
}

void filter_of_address(struct db_port *port, const char *canonical, filter_got *got, void *arg)
{
	struct filter *own = NULL;
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		query_begin(&q, e, STMT_FILTER_OF_ADDRESS);
		query_text(&q, canonical);
		err = read_one(&q, &own);
		engine_assert_idle(e);
	}
	tell(err, own, got, arg);
}

/* ---- writing ---- */

struct filter_write {
	struct write write;
	db_done *done;
	void *arg;
	char msisdn[MSISDN_MAX]; /* "": by id */
	int64_t id;
	struct filter *filter; /* null: reset */
};

static void write_done(struct write *write)
{
	struct filter_write *w = (struct filter_write *)write;

	free(w->filter);
	w->done(w->arg, write->err);
}

static int put(struct engine *e, int64_t id, const struct filter *f)
{
	struct query q;

	query_begin(&q, e, STMT_FILTER_PUT);
	query_int(&q, id);
	query_int(&q, f->from);
	query_int(&q, f->forged);
	query_int(&q, f->refuses_urls);
	query_int(&q, f->strips_receipts);
	query_int(&q, (int64_t)f->max_size);
	for (size_t i = 0; i < FILTER_LISTS; i++)
		query_text(&q, f->lists[i]);
	return query_run(&q);
}

static int reset(struct engine *e, int64_t id)
{
	struct query q;

	query_begin(&q, e, STMT_FILTER_DELETE);
	query_int(&q, id);
	return query_run(&q);
}

static int run(struct write *write, struct engine *e)
{
	const struct filter_write *w = (const struct filter_write *)write;
	int64_t id = w->id;
	int err = find_owner(e, w->msisdn, &id);

	if (err)
		return err;
	return w->filter ? put(e, id, w->filter) : reset(e, id);
}

/* Takes `filter` over. */
static void submit(struct db_port *port, const struct filter_owner *owner, struct filter *filter,
		   db_done *done, void *arg)
{
	struct filter_write *w = write_new(sizeof *w, 0, run, write_done);

	if (!w) {
		free(filter);
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->id = owner->id;
	w->filter = filter;
	if (owner->msisdn)
		snprintf(w->msisdn, sizeof w->msisdn, "%s", owner->msisdn);
	write_submit(port, DB_BINDINGS, w);
}

void filter_put(struct db_port *port, const struct filter_owner *owner, const struct filter *f,
		db_done *done, void *arg)
{
	struct filter *own = filter_copy(f);

	if (own)
		submit(port, owner, own, done, arg);
	else
		done(arg, E_NOMEM);
}

void filter_reset(struct db_port *port, const struct filter_owner *owner, db_done *done, void *arg)
{
	submit(port, owner, NULL, done, arg);
}
