/* Clients that were caught at a trap. */
#include <stdlib.h>
#include <string.h>

#include "db/client_rows.h"
#include "lib/err.h"

#define LIST_MAX 1000

/* ---- reading ---- */

static void read_row(struct query *q, struct trap_client *out)
{
	size_t n;
	const void *client = query_get_blob(q, &n);

	if (client && n == sizeof out->client.bytes)
		memcpy(out->client.bytes, client, n);
	out->hits = (uint32_t)query_get_int(q);
	out->first_us = query_get_int(q);
	out->last_us = query_get_int(q);
	out->expires_us = query_get_int(q);
}

static int get(struct engine *e, const struct addr *network, int64_t now_us,
	       struct trap_client *out)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_TRAP_GET);
	query_blob(&q, network->bytes, sizeof network->bytes);
	query_int(&q, now_us);
	int err = query_first(&q);
	if (!err)
		read_row(&q, out);
	int end = query_end(&q);
	return err ? err : end;
}

void trap_find(struct db_port *port, const struct addr *client, int64_t now_us, trap_got *got,
	       void *arg)
{
	struct addr network = client_network(client, CLIENT_PLEN_V4);
	struct trap_client row = {0};
	int err;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (e) {
		err = get(e, &network, now_us, &row);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &row);
}

void trap_list(struct db_port *port, const struct addr *after, uint32_t hits, int64_t now_us,
	       size_t limit, trap_list_got *got, void *arg)
{
	struct query q;
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	struct trap_client *rows = calloc(limit + 1, sizeof *rows);
	if (e && rows) {
		query_begin(&q, e, STMT_QUEUE_TRAP_AFTER);
		query_blob(&q, after ? after->bytes : (const uint8_t *)"",
			   after ? sizeof after->bytes : 0);
		query_int(&q, hits);
		query_int(&q, now_us);
		query_int(&q, (int64_t)limit);
		while (n < limit && query_next(&q))
			read_row(&q, &rows[n++]);
		err = query_end(&q);
		engine_assert_idle(e);
	} else if (!err) {
		err = E_NOMEM;
	}
	got(arg, err, rows, err ? 0 : n);
	free(rows);
}

/* ---- writing ---- */

struct trap_write {
	struct write write;
	trap_got *got;
	db_done *done;
	void *arg;
	struct trap_hit hit;
	struct trap_client row;
};

static int run_hit(struct write *write, struct engine *e)
{
	struct trap_write *w = (struct trap_write *)write;
	struct greylist_stats stats;
	struct query q;

	query_begin(&q, e, STMT_QUEUE_TRAP_PUT);
	query_blob(&q, w->hit.client.bytes, sizeof w->hit.client.bytes);
	query_int(&q, w->hit.now_us);
	query_int(&q, w->hit.now_us + w->hit.keep_us);
	int err = query_run(&q);
	if (!err)
		err = get(e, &w->hit.client, w->hit.now_us, &w->row);
	if (!err)
		err = client_totals(e, &stats);
	return err ? err : client_evict(e, STMT_QUEUE_TRAP_EVICT, stats.clients, w->hit.rows_max);
}

static int run_remove(struct write *write, struct engine *e)
{
	const struct trap_write *w = (struct trap_write *)write;
	struct query q;

	query_begin(&q, e, STMT_QUEUE_TRAP_DELETE);
	query_blob(&q, w->hit.client.bytes, sizeof w->hit.client.bytes);
	int err = query_run(&q);
	return err || engine_affected(e) ? err : E_NOT_FOUND;
}

static void write_done(struct write *write)
{
	struct trap_write *w = (struct trap_write *)write;

	if (w->got)
		w->got(w->arg, write->err, write->err ? NULL : &w->row);
	else
		w->done(w->arg, write->err);
}

void trap_hit(struct db_port *port, const struct trap_hit *hit, trap_got *got, void *arg)
{
	struct trap_write *w = write_new(sizeof *w, 0, run_hit, write_done);

	if (!w) {
		got(arg, E_NOMEM, NULL);
		return;
	}
	w->got = got;
	w->arg = arg;
	w->hit = *hit;
	w->hit.client = client_network(&hit->client, CLIENT_PLEN_V4);
	write_submit(port, DB_QUEUE, w);
}

void trap_remove(struct db_port *port, const struct addr *client, db_done *done, void *arg)
{
	struct trap_write *w = write_new(sizeof *w, 0, run_remove, write_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->hit.client = client_network(client, CLIENT_PLEN_V4);
	write_submit(port, DB_QUEUE, w);
}
