/* What may be tried now: lanes with something due, jobs of one of them, a mail's octets. */
#include <stdlib.h>

#include "db/mail.h"
#include "db/queue_flight.h"
#include "db/queue_rows.h"
#include "lib/err.h"

/* ---- lanes ---- */

static int read_lanes(struct engine *e, int64_t now_us, const struct queue_lane *after,
		      size_t limit, struct queue_lane *lanes, size_t *n)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_LANES_DUE);
	query_int(&q, now_us);
	query_int(&q, after ? after->next_us : 0);
	query_int(&q, after ? after->id : 0);
	query_int(&q, (int64_t)limit);
	while (*n < limit && query_next(&q)) {
		struct queue_lane *l = &lanes[(*n)++];
		l->id = query_get_int(&q);
		query_get_text(&q, l->name, sizeof l->name);
		l->next_us = query_get_int(&q);
	}
	return query_end(&q);
}

static int later(struct engine *e, int64_t now_us, int64_t *next_us)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_LANES_LATER);
	query_int(&q, now_us);
	int err = query_run_int(&q, next_us);
	return err == E_NOT_FOUND ? 0 : err;
}

void queue_lanes(struct db_port *port, int64_t now_us, const struct queue_lane *after, size_t limit,
		 queue_lanes_got *got, void *arg)
{
	struct queue_lane *lanes = calloc(limit + 1, sizeof *lanes);
	int64_t next_us = INT64_MAX;
	size_t n = 0;
	int err = lanes ? 0 : E_NOMEM;
	struct engine *e = err ? NULL : port_reader(port, DB_QUEUE, &err);

	if (e) {
		err = read_lanes(e, now_us, after, limit, lanes, &n);
		if (!err)
			err = later(e, now_us, &next_us);
		engine_assert_idle(e);
	}
	got(arg, err, lanes, err ? 0 : n, next_us);
	free(lanes);
}

/* ---- jobs ---- */

struct taking {
	struct db_port *port;
	struct engine *engine;
	const struct queue_take *take;
	struct shelf shelf;
	struct queue_job *jobs;
	size_t count;
	struct queue_recipient *recipients; /* of all jobs; they move as it grows */
	size_t recipient_count, recipient_size;
};

static int view_begin(struct engine *e)
{
	struct query q;

	query_begin(&q, e, STMT_VIEW);
	return query_run(&q);
}

static int read_recipient(struct taking *t, int64_t mail, uint32_t number)
{
	struct query q;

	if (t->recipient_count == t->recipient_size) {
		size_t size = t->recipient_size ? t->recipient_size * 2 : 64;
		struct queue_recipient *all = realloc(t->recipients, size * sizeof *all);
		if (!all)
			return E_NOMEM;
		t->recipients = all;
		t->recipient_size = size;
	}
	query_begin(&q, t->engine, STMT_QUEUE_RECIPIENT_GET);
	query_int(&q, mail);
	query_int(&q, number);
	int err = query_first(&q);
	if (!err)
		queue_recipient_read(&q, &t->shelf, &t->recipients[t->recipient_count++]);
	query_end(&q);
	return err ? err : t->shelf.err;
}

static int read_job(struct taking *t, int64_t mail, struct queue_job *j)
{
	struct query q;

	query_begin(&q, t->engine, STMT_QUEUE_MAIL_GET);
	query_int(&q, mail);
	int err = query_first(&q);
	if (!err) {
		j->mail = query_get_int(&q);
		j->sender = query_get_int(&q);
		j->reverse_path = shelf_text(&t->shelf, &q);
		j->envid = shelf_text(&t->shelf, &q);
		j->ret = (enum smtp_ret)query_get_int(&q);
		j->is_utf8 = query_get_int(&q) != 0;
		j->is_8bit = query_get_int(&q) != 0;
		j->size = (uint64_t)query_get_int(&q);
		j->received_us = query_get_int(&q);
	}
	query_end(&q);
	return err ? err : t->shelf.err;
}

/* One more recipient: of the last job, or of a new one. E_AGAIN: there is no job left for it. */
static int add(struct taking *t, int64_t mail, uint32_t number)
{
	struct queue_job *last = t->count ? &t->jobs[t->count - 1] : NULL;

	if (!last || last->mail != mail || last->recipient_count == t->take->recipients) {
		if (t->count == t->take->jobs)
			return E_AGAIN;
		last = &t->jobs[t->count];
		int err = read_job(t, mail, last);
		if (err)
			return err;
		t->count++;
	}
	last->recipient_count++;
	return read_recipient(t, mail, number);
}

/* In the order of the index: (next_us, mail, number). Those in flight stand first and are passed
 * over; nothing else is. */
static int collect(struct taking *t)
{
	struct query q;
	int err = 0;

	query_begin(&q, t->engine, STMT_QUEUE_DUE);
	query_int(&q, t->take->lane);
	query_int(&q, t->take->now_us);
	while (!err && query_next(&q)) {
		int64_t mail = query_get_int(&q);
		uint32_t number = (uint32_t)query_get_int(&q);
		if (!queue_flight_has(t->port->flight, mail, number))
			err = add(t, mail, number);
	}
	int failed = query_end(&q);
	return err && err != E_AGAIN ? err : failed;
}

static int is_open(struct taking *t)
{
	struct query q;
	int64_t one;

	query_begin(&q, t->engine, STMT_QUEUE_LANE_IS_OPEN);
	query_int(&q, t->take->lane);
	return query_run_int(&q, &one);
}

static int read_jobs(struct taking *t)
{
	int err = view_begin(t->engine);

	if (!err)
		err = is_open(t);
	if (!err)
		err = collect(t);
	engine_rollback(t->engine);
	engine_assert_idle(t->engine);
	return err == E_NOT_FOUND ? 0 : err;
}

static void put_back(struct taking *t, const struct queue_job *j)
{
	for (size_t i = 0; i < j->recipient_count; i++)
		queue_flight_remove(t->port->flight, j->mail, j->recipients[i].id);
}

/* The recipients have their places now. None of them was in flight before. */
static int take_off(struct taking *t)
{
	const struct queue_recipient *at = t->recipients;
	int err = 0;

	for (size_t i = 0; i < t->count; i++) {
		struct queue_job *j = &t->jobs[i];
		j->recipients = at;
		at += j->recipient_count;
		for (size_t k = 0; !err && k < j->recipient_count; k++)
			err = queue_flight_add(t->port->flight, j->mail, j->recipients[k].id);
	}
	for (size_t i = 0; err && i < t->count; i++)
		put_back(t, &t->jobs[i]);
	return err;
}

void queue_lane_take(struct db_port *port, const struct queue_take *take, queue_taken *got,
		     void *arg)
{
	struct taking t = {.port = port, .take = take};
	int err = 0;

	t.jobs = calloc(take->jobs + 1, sizeof *t.jobs);
	if (!port->flight)
		port->flight = queue_flight_new();
	if (!t.jobs || !port->flight)
		err = E_NOMEM;
	if (!err)
		t.engine = port_reader(port, DB_QUEUE, &err);
	if (!err)
		err = read_jobs(&t);
	if (!err)
		err = take_off(&t);
	got(arg, err, t.jobs, err ? 0 : t.count);
	free(t.jobs);
	free(t.recipients);
	shelf_free(&t.shelf);
}

void queue_give_back(struct db_port *port, int64_t mail, const uint32_t *recipients, size_t n)
{
	if (!port->flight)
		return;
	for (size_t i = 0; i < n; i++)
		queue_flight_remove(port->flight, mail, recipients[i]);
	if (!n)
		queue_flight_remove_mail(port->flight, mail);
}

/* ---- octets ---- */

static int read_octets(struct db_port *port, int64_t mail, uint64_t offset, size_t *n)
{
	struct query q;
	int err;
	uint64_t size = 0;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (!e)
		return err;
	query_begin(&q, e, STMT_BODY_GET);
	query_int(&q, mail);
	err = query_first(&q);
	if (!err && query_get_int(&q) == 0)
		err = E_NOT_FOUND; /* not taken yet, or dropped */
	if (!err) {
		query_get_int(&q);
		size = (uint64_t)query_get_int(&q);
	}
	query_end(&q);
	bool is_first = true;
	for (*n = 0; !err && offset + *n < size && *n < BODY_PIECE_MAX; is_first = false) {
		size_t more = 0;
		err = body_read_chunk(e, mail, offset + *n, is_first, port->piece + *n,
				      BODY_PIECE_MAX - *n, &more);
		*n += more;
	}
	engine_assert_idle(e);
	return err == E_NOT_FOUND && *n ? 0 : err;
}

void queue_octets(struct db_port *port, int64_t mail, uint64_t offset, message_octets *got,
		  void *arg)
{
	size_t n = 0;
	int err = 0;

	if (!port->piece && !(port->piece = malloc(BODY_PIECE_MAX)))
		err = E_NOMEM;
	if (!err)
		err = read_octets(port, mail, offset, &n);
	got(arg, err, err ? NULL : port->piece, err ? 0 : n);
}
