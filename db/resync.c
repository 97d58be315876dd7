/* A NAS's whole list. It is looked at on the port's loop, a few entries at a time, against what is
 * committed; then one write applies what differs. What changed between the look and the write shows
 * in the change feed: those entries are judged anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/feed.h"
#include "db/freezes.h"
#include "db/lease_scope.h"
#include "lib/clock.h"
#include "lib/err.h"

#define LOOK_BATCH   64
#define LOOK_US      2000  /* of one turn of the loop */
#define CHANGED_MAX  65536 /* keys; over it all entries are judged anew */
#define CHANGES_READ 512

struct resync_job {
	struct resync_job *next, **at;
	struct db_port *port;
	struct loop_timer *turn;
	struct resync_list *list;
	nas_resynced *done;
	void *arg;
	size_t looked;
	int64_t seq; /* the newest change before the first look */
};

struct resync_write {
	struct write write;
	struct resync_list *list;
	nas_resynced *done;
	void *arg;
	int64_t seq;
	int64_t begun_us;
	struct resync_report report;
};

/* ---- the history ---- */

static const char *said(const struct binding *before, const struct binding *after)
{
	if (after->state == KEY_QUARANTINED)
		return quarantine_reason_name(after->reason);
	if (after->state == KEY_FREE)
		return "ended";
	return before->session == after->session ? "released" : "bound";
}

static bool say(void *arg, const struct binding *before, const struct binding *after,
		struct history_entry *entry)
{
	const struct resync_write *w = arg;
	const struct resync_entry *e = after->state == KEY_FREE ? NULL : w->list->turn;

	*entry = (struct history_entry){.event = "resync",
					.outcome = said(before, after),
					.msisdn = e ? e->msisdn : NULL,
					.imsi = e ? e->imsi : NULL,
					.session_id = e ? e->session_id : NULL,
					.nas_id = w->list->nas_id,
					.feeder = w->list->feeder,
					.time_us = w->list->time_us,
					.received_us = w->list->received_us};
	return before->state != after->state || before->generation != after->generation;
}

static int append_summary(struct engine *e, const struct resync_write *w)
{
	const struct resync_report *r = &w->report;
	char evidence[256];

	snprintf(evidence, sizeof evidence,
		 "%zu sessions: %zu kept, %zu added, %zu moved, %zu refused; %zu ended, %zu "
		 "released",
		 w->list->count, r->fates[RESYNC_KEPT], r->fates[RESYNC_ADDED],
		 r->fates[RESYNC_MOVED], r->fates[RESYNC_REFUSED], r->ended, r->released);
	return history_append(e, &(struct history_entry){.event = "resync",
							 .outcome = "applied",
							 .nas_id = w->list->nas_id,
							 .feeder = w->list->feeder,
							 .evidence = evidence,
							 .time_us = r->time_us,
							 .received_us = w->list->received_us});
}

/* ---- what changed since the look ---- */

static int by_key(const void *a, const void *b)
{
	uint8_t x[KEY_BYTES_MAX], y[KEY_BYTES_MAX];

	key_bytes(a, x);
	key_bytes(b, y);
	return memcmp(x, y, sizeof x);
}

/* E_FULL: too many, or some are not to be had any more. */
static int read_changed(struct engine *e, const struct resync_write *w, struct key *keys, size_t *n)
{
	int64_t seq = w->seq;
	size_t rows;

	*n = 0;
	do {
		struct query q;
		query_begin(&q, e, STMT_CHANGE_AFTER);
		query_int(&q, seq);
		query_int(&q, CHANGES_READ);
		for (rows = 0; query_next(&q); rows++) {
			int64_t expected = seq + 1;
			seq = query_get_int(&q);
			enum change_kind kind = (enum change_kind)query_get_int(&q);
			query_get_int(&q); /* subscriber, former */
			query_get_int(&q);
			if (seq != expected || *n == CHANGED_MAX) {
				query_end(&q);
				return E_FULL;
			}
			if (kind != CHANGE_BINDING)
				continue;
			query_get_key(&q, &keys[*n]);
			if (!strcmp(keys[*n].realm, w->list->realm))
				(*n)++;
		}
		int err = query_end(&q);
		if (err)
			return err;
	} while (rows == CHANGES_READ);
	return 0;
}

static bool is_changed(const struct resync_write *w, const struct resync_entry *e,
		       const struct key *keys, size_t n)
{
	for (size_t i = 0; i < e->key_count; i++) {
		struct key k = {.addr = e->keys[i].addr,
				.plen = e->keys[i].plen,
				.port_first = e->keys[i].port_first,
				.port_last = e->keys[i].port_last};
		memcpy(k.realm, w->list->realm, sizeof k.realm);
		if (bsearch(&k, keys, n, sizeof *keys, by_key))
			return true;
	}
	return false;
}

static int unsettle_changed(struct engine *e, const struct resync_write *w)
{
	struct key *keys = malloc(CHANGED_MAX * sizeof *keys);
	size_t n;

	if (!keys)
		return E_NOMEM;
	int err = read_changed(e, w, keys, &n);
	bool all = err == E_FULL;
	if (!err)
		qsort(keys, n, sizeof *keys, by_key);
	for (size_t i = 0; (all || (!err && n)) && i < w->list->count; i++) {
		struct resync_entry *entry = &w->list->entries[i];
		if (entry->settled && (all || is_changed(w, entry, keys, n)))
			entry->settled = false;
	}
	free(keys);
	return all ? 0 : err;
}

/* ---- the write ---- */

static int run_resync(struct write *write, struct engine *e)
{
	struct resync_write *w = (struct resync_write *)write;
	const struct db *db = write->port->db;
	struct lease_voice voice = {.say = say, .arg = w};
	struct lease_scope *scope;

	w->begun_us = clock_mono_us();
	int err = unsettle_changed(e, w);
	if (!err)
		err = lease_scope_new(db, e, &voice, &scope);
	if (err)
		return err;
	err = resync_apply(lease_scope_store(scope), &db->options.lease, w->list, &w->report);
	lease_scope_free(scope);
	if (!err)
		err = breakers_resynchronised(e, w->list->realm, w->list->nas_id, w->list->feeder,
					      w->list->received_us);
	return err ? err : append_summary(e, w);
}

static void resync_done(struct write *write)
{
	struct resync_write *w = (struct resync_write *)write;
	int64_t locked_us = w->begun_us ? clock_mono_us() - w->begun_us : 0;

	w->done(w->arg, write->err, write->err ? NULL : &w->report, locked_us);
}

/* ---- the look ---- */

static void job_free(struct resync_job *job)
{
	*job->at = job->next;
	if (job->next)
		job->next->at = job->at;
	loop_timer_free(job->turn);
	free(job);
}

static void job_fail(struct resync_job *job, int err)
{
	nas_resynced *done = job->done;
	void *arg = job->arg;

	job_free(job);
	done(arg, err, NULL, 0);
}

/* Its bytes are more than a group's: it has one for itself. */
static void job_submit(struct resync_job *job)
{
	struct resync_write *w =
		write_new(sizeof *w, job->port->db->options.group_bytes, run_resync, resync_done);

	if (!w) {
		job_fail(job, E_NOMEM);
		return;
	}
	w->list = job->list;
	w->done = job->done;
	w->arg = job->arg;
	w->seq = job->seq;
	struct db_port *port = job->port;
	job_free(job);
	write_submit(port, DB_BINDINGS, w);
}

static int look(struct resync_job *job)
{
	const struct db *db = job->port->db;
	int64_t begun_us = clock_mono_us();
	struct lease_scope *scope;
	int err;
	struct engine *e = port_reader(job->port, DB_BINDINGS, &err);

	if (e)
		err = lease_scope_new(db, e, NULL, &scope);
	if (err)
		return err;
	do {
		err = resync_look(lease_scope_store(scope), &db->options.lease, job->list,
				  job->looked, LOOK_BATCH);
		job->looked += LOOK_BATCH;
	} while (!err && job->looked < job->list->count && clock_mono_us() - begun_us < LOOK_US);
	lease_scope_free(scope);
	engine_assert_idle(e);
	return err;
}

static void on_turn(void *arg)
{
	struct resync_job *job = arg;
	int err = look(job);

	if (err)
		job_fail(job, err);
	else if (job->looked < job->list->count)
		loop_timer_set(job->turn, 0);
	else
		job_submit(job);
}

static int newest_change(struct db_port *port, int64_t *seq)
{
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (!e)
		return err;
	query_begin(&q, e, STMT_CHANGE_NEWEST);
	return query_run_int(&q, seq);
}

void nas_resync(struct db_port *port, struct resync_list *list, nas_resynced *done, void *arg)
{
	struct resync_job *job = calloc(1, sizeof *job);
	int64_t seq = 0;
	int err = job ? newest_change(port, &seq) : E_NOMEM;

	if (!err && !(job->turn = loop_timer_new(port->loop, on_turn, job)))
		err = E_NOMEM;
	if (err) {
		free(job);
		done(arg, err, NULL, 0);
		return;
	}
	job->port = port;
	job->list = list;
	job->done = done;
	job->arg = arg;
	job->seq = seq;
	job->next = port->resyncs;
	job->at = &port->resyncs;
	if (job->next)
		job->next->at = &job->next;
	port->resyncs = job;
	loop_timer_set(job->turn, 0);
}

void resync_abandon(struct db_port *port)
{
	while (port->resyncs)
		job_fail(port->resyncs, E_CLOSED);
}
