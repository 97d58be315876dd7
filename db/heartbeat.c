/* authsrv's own downtime: longer than feeds repeat, and nobody knows what was missed. */
#include <stdio.h>

#include "db/db_private.h"
#include "db/nases.h"
#include "lib/err.h"

struct heartbeat_write {
	struct write write;
	db_done *done;
	void *arg;
	int64_t now_us;
	bool starting;
};

static int last_heartbeat(struct engine *e, int64_t *at_us)
{
	struct query q;

	query_begin(&q, e, STMT_COUNTER_GET);
	query_text(&q, "heartbeat");
	return query_run_int(&q, at_us);
}

static int all_behind(struct engine *e, int64_t now_us)
{
	struct query q;

	nas_rows_forget(e);
	query_begin(&q, e, STMT_NAS_ALL_BEHIND);
	query_int(&q, now_us);
	return query_run(&q);
}

static int run_heartbeat(struct write *write, struct engine *e)
{
	struct heartbeat_write *w = (struct heartbeat_write *)write;
	int64_t last_us = 0;
	struct query q;
	int err = last_heartbeat(e, &last_us);

	/* A clock that was set back is a gap of unknown length. */
	if (!err && w->starting &&
	    (w->now_us - last_us > write->port->db->options.lease.lag_us || w->now_us < last_us))
		err = all_behind(e, w->now_us);
	if (err)
		return err;
	query_begin(&q, e, STMT_COUNTER_SET);
	query_text(&q, "heartbeat");
	query_int(&q, w->now_us);
	return query_run(&q);
}

static void heartbeat_done(struct write *write)
{
	struct heartbeat_write *w = (struct heartbeat_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

static void submit(struct db_port *port, int64_t now_us, bool starting, db_done *done, void *arg)
{
	struct heartbeat_write *w = write_new(sizeof *w, 0, run_heartbeat, heartbeat_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->now_us = now_us;
	w->starting = starting;
	write_submit(port, DB_BINDINGS, w);
}

void feed_started(struct db_port *port, int64_t now_us, db_done *done, void *arg)
{
	submit(port, now_us, true, done, arg);
}

void feed_heartbeat(struct db_port *port, int64_t now_us, db_done *done, void *arg)
{
	submit(port, now_us, false, done, arg);
}

/* ---- a feed that lost something ---- */

struct behind_write {
	struct write write;
	db_done *done;
	void *arg;
	char realm[REALM_MAX], nas_id[NAS_ID_MAX]; /* nas_id "": all of the realm */
	int64_t now_us;
};

static int run_behind(struct write *write, struct engine *e)
{
	struct behind_write *w = (struct behind_write *)write;
	struct query q;

	nas_rows_forget(e);
	query_begin(&q, e, *w->nas_id ? STMT_NAS_BEHIND : STMT_NAS_REALM_BEHIND);
	query_text(&q, w->realm);
	if (*w->nas_id)
		query_text(&q, w->nas_id);
	query_int(&q, w->now_us);
	return query_run(&q);
}

static void behind_done(struct write *write)
{
	struct behind_write *w = (struct behind_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

void feed_behind(struct db_port *port, const char *realm, const char *nas_id, int64_t now_us,
		 db_done *done, void *arg)
{
	struct behind_write *w = write_new(sizeof *w, 0, run_behind, behind_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->now_us = now_us;
	snprintf(w->realm, sizeof w->realm, "%s", realm);
	snprintf(w->nas_id, sizeof w->nas_id, "%s", nas_id ? nas_id : "");
	write_submit(port, DB_BINDINGS, w);
}
