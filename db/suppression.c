/* The addresses that a sender is not to try again. */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "db/queue_rows.h"
#include "lib/err.h"

/* ---- writing ---- */

static int row_write(struct engine *e, enum statement how, const struct suppression *s)
{
	struct query q;

	query_begin(&q, e, how);
	query_int(&q, s->sender);
	query_text(&q, s->address);
	queue_reply_bind(&q, &s->reason);
	query_int(&q, s->since_us);
	query_int(&q, s->expires_us);
	return query_run(&q);
}

int suppression_row_put(struct engine *e, const struct suppression *s)
{
	return row_write(e, STMT_QUEUE_SUPPRESSION_PUT, s);
}

struct suppression_write {
	struct write write;
	db_done *done;
	void *arg;
	struct suppression what;
	bool is_all;
	alignas(max_align_t) uint8_t copies[];
};

static int run_put(struct write *write, struct engine *e)
{
	return suppression_row_put(e, &((struct suppression_write *)write)->what);
}

static int run_note(struct write *write, struct engine *e)
{
	const struct suppression_write *w = (struct suppression_write *)write;
	int err = row_write(e, STMT_QUEUE_SUPPRESSION_NOTE, &w->what);

	return err || engine_affected(e) ? err : E_EXISTS;
}

static int run_remove(struct write *write, struct engine *e)
{
	const struct suppression_write *w = (struct suppression_write *)write;
	struct query q;

	query_begin(&q, e,
		    w->is_all ? STMT_QUEUE_SUPPRESSION_DELETE_ALL : STMT_QUEUE_SUPPRESSION_DELETE);
	query_int(&q, w->what.sender);
	if (!w->is_all)
		query_text(&q, w->what.address);
	int err = query_run(&q);
	return err || engine_affected(e) ? err : E_NOT_FOUND;
}

static void write_done(struct write *write)
{
	struct suppression_write *w = (struct suppression_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

static void submit(struct db_port *port, const struct suppression *s,
		   int (*run)(struct write *, struct engine *), bool is_all, db_done *done,
		   void *arg)
{
	struct packer measure = {.at = NULL};
	struct suppression scratch;

	suppression_pack(&measure, s, &scratch);
	struct suppression_write *w = write_new(sizeof *w + measure.n, 0, run, write_done);
	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->is_all = is_all;
	suppression_pack(&(struct packer){.at = w->copies}, s, &w->what);
	write_submit(port, DB_QUEUE, w);
}

void suppression_put(struct db_port *port, const struct suppression *s, db_done *done, void *arg)
{
	submit(port, s, run_put, false, done, arg);
}

void suppression_note(struct db_port *port, const struct suppression *s, db_done *done, void *arg)
{
	submit(port, s, run_note, false, done, arg);
}

void suppression_remove(struct db_port *port, int64_t sender, const char *address, db_done *done,
			void *arg)
{
	const struct suppression s = {.sender = sender,
				      .address = address ? address : "",
				      .reason = {.enhanced = "", .text = "", .remote = ""}};

	submit(port, &s, run_remove, !address, done, arg);
}

/* ---- reading ---- */

static int read_rows(struct query *q, struct shelf *shelf, int64_t sender, struct suppression *out,
		     size_t limit, size_t *n)
{
	while (*n < limit && query_next(q)) {
		struct suppression *s = &out[(*n)++];
		s->sender = sender;
		s->address = shelf_text(shelf, q);
		queue_reply_read(q, shelf, &s->reason);
		s->count = (uint32_t)query_get_int(q);
		s->since_us = query_get_int(q);
		s->expires_us = query_get_int(q);
	}
	int err = query_end(q);
	engine_assert_idle(q->engine);
	return err ? err : shelf->err;
}

void suppression_find(struct db_port *port, int64_t sender, const char *address, int64_t now_us,
		      suppression_got *got, void *arg)
{
	struct suppression s = {0};
	struct shelf shelf = {0};
	struct query q;
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (e) {
		query_begin(&q, e, STMT_QUEUE_SUPPRESSION_GET);
		query_int(&q, sender);
		query_text(&q, address);
		query_int(&q, now_us);
		err = read_rows(&q, &shelf, sender, &s, 1, &n);
	}
	if (!err && !n)
		err = E_NOT_FOUND;
	got(arg, err, err ? NULL : &s);
	shelf_free(&shelf);
}

void suppression_list(struct db_port *port, int64_t sender, const char *after, int64_t now_us,
		      size_t limit, suppression_list_got *got, void *arg)
{
	struct suppression *all = calloc(limit + 1, sizeof *all);
	struct shelf shelf = {0};
	struct query q;
	size_t n = 0;
	int err = all ? 0 : E_NOMEM;
	struct engine *e = err ? NULL : port_reader(port, DB_QUEUE, &err);

	if (e) {
		query_begin(&q, e, STMT_QUEUE_SUPPRESSION_AFTER);
		query_int(&q, sender);
		query_text(&q, after);
		query_int(&q, now_us);
		query_int(&q, (int64_t)limit);
		err = read_rows(&q, &shelf, sender, all, limit, &n);
	}
	got(arg, err, all, err ? 0 : n);
	free(all);
	shelf_free(&shelf);
}
