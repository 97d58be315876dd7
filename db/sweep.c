/* What is over goes: a bounded piece a call, in the writer's groups like anything else. A piece
 * that ran out of its time with work left submits the next one, so that other writes get between.
 */
#include <string.h>

#include "db/bindings.h"
#include "db/db_private.h"
#include "db/handed_over.h"
#include "db/mail.h"
#include "db/pop_login.h"
#include "db/queue.h"
#include "lib/clock.h"
#include "lib/err.h"

#define STEPS_MAX      12 /* of one file */
#define ROUNDS_MAX     20 /* pieces a call */
#define CHANGE_BATCH   1000
#define ROW_BATCH      200
#define SESSION_BATCH  2000
#define CHUNK_BATCH    8
#define VACUUM_PAGES   64
#define FREE_PAGES_MIN 2048 /* 8 MB of free pages are kept for what comes next */

struct sweep_write {
	struct write write;
	enum db_file file;
	db_done *done;
	void *arg;
	int64_t now_us;
	int rounds;
	bool more;
};

/* Each step does a little, and says whether there is more of it. */
typedef int sweep_step(const struct sweep_write *w, struct engine *e, bool *more);

static int run_aged(struct engine *e, enum statement id, int64_t before_us, int64_t limit,
		    bool *more)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, before_us);
	query_int(&q, limit);
	int err = query_run(&q);
	*more = !err && engine_affected(e) >= limit;
	return err;
}

static int sweep_changes(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_CHANGE_SWEEP, w->now_us - CHANGE_KEEP_US, CHANGE_BATCH, more);
}

/* Pages that were freed go back to the disk, a few at a time. */
static int vacuum(const struct sweep_write *w, struct engine *e, bool *more)
{
	struct query q;
	int64_t free_pages = 0;

	(void)w;
	query_begin(&q, e, STMT_FREE_PAGES);
	int err = query_run_int(&q, &free_pages);
	if (err || free_pages < FREE_PAGES_MIN)
		return err;
	query_begin(&q, e, STMT_VACUUM);
	for (int i = 0; i < VACUUM_PAGES && query_next(&q); i++)
		;
	*more = free_pages - VACUUM_PAGES >= FREE_PAGES_MIN;
	return query_end(&q);
}

/* ---- bindings.db ---- */

static int expire_lease(const struct sweep_write *w, struct engine *e, bool *more)
{
	struct query q;
	struct binding before;

	query_begin(&q, e, STMT_BINDING_EXPIRED);
	query_int(&q, w->now_us);
	int err = query_first(&q);
	if (!err)
		binding_read(&q, &before);
	query_end(&q);
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	struct binding after = before;
	binding_free_apply(&after);
	*more = true;
	return binding_change(w->write.port->db, e, &before, &after,
			      &(struct history_entry){.event = "expired",
						      .outcome = "applied",
						      .time_us = before.expires_us,
						      .received_us = w->now_us});
}

static int session_piece(struct engine *e, int64_t after, int64_t *last)
{
	struct query q;

	query_begin(&q, e, STMT_SESSION_PIECE);
	query_int(&q, after);
	query_int(&q, SESSION_BATCH);
	return query_run_int(&q, last);
}

/* Walks round the table, a piece a call: an index on what ended would cost each lease event. */
static int sweep_sessions(const struct sweep_write *w, struct engine *e, bool *more)
{
	struct db *db = w->write.port->db;
	struct query q;
	int64_t last = 0;
	int err = session_piece(e, db->session_cursor, &last);

	(void)more;
	if (!err && !last && db->session_cursor) {
		db->session_cursor = 0;
		err = session_piece(e, 0, &last);
	}
	if (err || !last)
		return err;
	query_begin(&q, e, STMT_SESSION_SWEEP);
	query_int(&q, db->session_cursor);
	query_int(&q, last);
	query_int(&q, w->now_us - ENDED_KEEP_US);
	query_int(&q, w->now_us - IDLE_SESSION_US);
	err = query_run(&q);
	if (!err)
		db->session_cursor = last;
	return err;
}

static int index_history(const struct sweep_write *w, struct engine *e, bool *more)
{
	(void)w;
	return history_index(e, more);
}

static int sweep_history(const struct sweep_write *w, struct engine *e, bool *more)
{
	return history_sweep(e, w->now_us - w->write.port->db->options.history_keep_us, more);
}

static int sweep_names(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_NAME_TOMBSTONE_SWEEP, w->now_us, ROW_BATCH, more);
}

static int sweep_gone(const struct sweep_write *w, struct engine *e, bool *more)
{
	int64_t keep_us = w->write.port->db->options.tombstone_us;

	return run_aged(e, STMT_GONE_SWEEP, w->now_us - keep_us, ROW_BATCH, more);
}

/* ---- mail.db ---- */

static int sweep_bodies(const struct sweep_write *w, struct engine *e, bool *more)
{
	return body_sweep(e, w->now_us, CHUNK_BATCH, more);
}

static int sweep_send_log(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_SEND_LOG_SWEEP, w->now_us - SEND_LOG_KEEP_US, ROW_BATCH, more);
}

static int sweep_told(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_TOLD_SWEEP, w->now_us, ROW_BATCH, more);
}

static int sweep_sms(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_SMS_SWEEP, w->now_us - SMS_KEEP_US, ROW_BATCH, more);
}

static int sweep_access(const struct sweep_write *w, struct engine *e, bool *more)
{
	return access_sweep(e, w->now_us - w->write.port->db->options.history_keep_us, more);
}

static int index_access(const struct sweep_write *w, struct engine *e, bool *more)
{
	(void)w;
	return access_index(e, more);
}

static int sweep_message_tombstones(const struct sweep_write *w, struct engine *e, bool *more)
{
	int64_t keep_us = w->write.port->db->options.tombstone_us;

	return run_aged(e, STMT_MESSAGE_TOMBSTONE_SWEEP, w->now_us - keep_us, ROW_BATCH, more);
}

static int sweep_pop_logins(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_POP_LOGIN_SWEEP, w->now_us - POP_LOGIN_KEEP_US, ROW_BATCH, more);
}

static int sweep_handed_over(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_HANDED_OVER_SWEEP, w->now_us - HANDED_OVER_KEEP_US, CHANGE_BATCH,
			more);
}

/* ---- queue.db ---- */

static int sweep_suppressions(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_QUEUE_SUPPRESSION_SWEEP, w->now_us, ROW_BATCH, more);
}

static int sweep_triplets(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_QUEUE_GREYLIST_SWEEP, w->now_us, ROW_BATCH, more);
}

static int sweep_trap_clients(const struct sweep_write *w, struct engine *e, bool *more)
{
	return run_aged(e, STMT_QUEUE_TRAP_SWEEP, w->now_us, ROW_BATCH, more);
}

/* ---- a piece ---- */

static sweep_step *const steps[DB_FILES][STEPS_MAX] = {
	[DB_BINDINGS] = {expire_lease, sweep_changes, sweep_sessions, index_history, sweep_history,
			 sweep_names, sweep_gone, vacuum},
	[DB_MAIL] = {sweep_changes, sweep_bodies, sweep_send_log, sweep_sms, sweep_told,
		     index_access, sweep_access, sweep_message_tombstones, sweep_pop_logins,
		     sweep_handed_over, vacuum},
	[DB_QUEUE] = {sweep_changes, sweep_bodies, sweep_suppressions, sweep_triplets,
		      sweep_trap_clients, vacuum},
};

/* Every step once, then those with more to do, while there is time. */
static int run_sweep(struct write *write, struct engine *e)
{
	struct sweep_write *w = (struct sweep_write *)write;
	sweep_step *const *todo = steps[w->file];
	int64_t begun_us = clock_mono_us();
	bool more[STEPS_MAX];
	int err = 0;

	memset(more, true, sizeof more);
	do {
		w->more = false;
		for (int i = 0; !err && i < STEPS_MAX && todo[i]; i++) {
			if (!more[i])
				continue;
			more[i] = false;
			err = todo[i](w, e, &more[i]);
			w->more |= more[i];
		}
	} while (!err && w->more && clock_mono_us() - begun_us < SWEEP_BUDGET_US);
	return err;
}

static void sweep_submit(struct db_port *port, struct sweep_write *from);

static void sweep_done(struct write *write)
{
	struct sweep_write *w = (struct sweep_write *)write;

	if (!write->err && w->more && w->rounds < ROUNDS_MAX)
		sweep_submit(write->port, w);
	else if (w->done)
		w->done(w->arg, write->err);
}

static void sweep_submit(struct db_port *port, struct sweep_write *from)
{
	struct sweep_write *w = write_new(sizeof *w, 0, run_sweep, sweep_done);

	if (!w) {
		if (from->done)
			from->done(from->arg, E_NOMEM);
		return;
	}
	w->file = from->file;
	w->done = from->done;
	w->arg = from->arg;
	w->now_us = from->now_us;
	w->rounds = from->rounds + 1;
	write_submit(port, w->file, w);
}

void bindings_sweep(struct db_port *port, int64_t now_us, db_done *done, void *arg)
{
	sweep_submit(port,
		     &(struct sweep_write){
			     .file = DB_BINDINGS, .done = done, .arg = arg, .now_us = now_us});
}

void mail_sweep(struct db_port *port, int64_t now_us, db_done *done, void *arg)
{
	sweep_submit(port, &(struct sweep_write){
				   .file = DB_MAIL, .done = done, .arg = arg, .now_us = now_us});
}

void queue_sweep(struct db_port *port, int64_t now_us, db_done *done, void *arg)
{
	sweep_submit(port, &(struct sweep_write){
				   .file = DB_QUEUE, .done = done, .arg = arg, .now_us = now_us});
}
