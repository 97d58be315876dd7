/* The trigger's outbox: a row a mailbox with unread news, its timestamp committed before any
 * datagram carries it; the send log. */
#include <stdlib.h>
#include <string.h>

#include "db/mail.h"
#include "lib/clock.h"
#include "lib/err.h"

#define DUE_MAX 10000

static void read_outbox(struct query *q, struct outbox_row *r)
{
	r->subscriber = query_get_int(q);
	r->newest_uid = (uint32_t)query_get_int(q);
	r->covered_uid = (uint32_t)query_get_int(q);
	r->timestamp_s = query_get_int(q);
	r->attempts = (uint32_t)query_get_int(q);
	r->next_us = query_get_int(q);
	r->mailed_us = query_get_int(q);
}

static int get_outbox(struct engine *e, int64_t subscriber, struct outbox_row *r)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_GET);
	query_int(&q, subscriber);
	int err = query_first(&q);
	if (!err)
		read_outbox(&q, r);
	query_end(&q);
	return err;
}

static int put_outbox(struct engine *e, const struct outbox_row *r)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_PUT);
	query_int(&q, r->subscriber);
	query_int(&q, r->newest_uid);
	query_int(&q, r->covered_uid);
	query_int(&q, r->timestamp_s);
	query_int(&q, r->attempts);
	query_int(&q, r->next_us);
	query_int(&q, r->mailed_us);
	return query_run(&q);
}

/* max(second of the newest mail, last one + 1): a phone takes an equal or older one for a repeat.
 */
static int64_t next_timestamp(struct mailbox *box, int64_t mailed_us)
{
	int64_t second = mailed_us / CLOCK_S;

	if (second <= box->last_timestamp_s)
		second = box->last_timestamp_s + 1;
	box->last_timestamp_s = second;
	return second;
}

int outbox_raise(struct engine *e, struct mailbox *box, uint32_t uid, int64_t received_us)
{
	struct outbox_row row;
	int err = get_outbox(e, box->subscriber, &row);

	if (err == E_NOT_FOUND) {
		row = (struct outbox_row){.subscriber = box->subscriber,
					  .covered_uid = uid,
					  .timestamp_s = next_timestamp(box, received_us),
					  .next_us = received_us};
		err = 0;
	}
	row.newest_uid = uid;
	row.mailed_us = received_us;
	if (received_us < row.next_us) /* asleep, or waiting to repeat: there is news */
		row.next_us = received_us;
	return err ? err : put_outbox(e, &row);
}

int outbox_clear(struct engine *e, int64_t subscriber, uint32_t listed_uid)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_CLEAR);
	query_int(&q, subscriber);
	query_int(&q, listed_uid);
	return query_run(&q);
}

/* ---- reading ---- */

static int read_due(struct engine *e, int64_t now_us, size_t limit, struct outbox_row *rows,
		    size_t *n, int64_t *next_us)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_DUE);
	query_int(&q, now_us);
	query_int(&q, (int64_t)limit);
	while (*n < limit && query_next(&q))
		read_outbox(&q, &rows[(*n)++]);
	int err = query_end(&q);
	if (err)
		return err;
	query_begin(&q, e, STMT_OUTBOX_NEXT);
	query_int(&q, now_us);
	err = query_run_int(&q, next_us);
	return err == E_NOT_FOUND ? 0 : err;
}

void outbox_due(struct db_port *port, int64_t now_us, size_t limit, outbox_got *got, void *arg)
{
	size_t n = 0;
	int64_t next_us = INT64_MAX;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (limit > DUE_MAX)
		limit = DUE_MAX;
	struct outbox_row *rows = malloc((limit ? limit : 1) * sizeof *rows);
	if (!rows)
		err = E_NOMEM;
	else if (e)
		err = read_due(e, now_us, limit, rows, &n, &next_us);
	if (e)
		engine_assert_idle(e);
	got(arg, err, rows, err ? 0 : n, next_us);
	free(rows);
}

static int read_after(struct engine *e, int64_t after, size_t limit, struct outbox_row *rows,
		      size_t *n)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_AFTER);
	query_int(&q, after);
	query_int(&q, (int64_t)limit);
	while (*n < limit && query_next(&q))
		read_outbox(&q, &rows[(*n)++]);
	return query_end(&q);
}

void outbox_after(struct db_port *port, int64_t after, size_t limit, outbox_got *got, void *arg)
{
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (limit > DUE_MAX)
		limit = DUE_MAX;
	struct outbox_row *rows = malloc((limit ? limit : 1) * sizeof *rows);
	if (!rows)
		err = E_NOMEM;
	else if (e)
		err = read_after(e, after, limit, rows, &n);
	if (e)
		engine_assert_idle(e);
	got(arg, err, rows, err ? 0 : n, INT64_MAX);
	free(rows);
}

void outbox_get(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	struct outbox_row row;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (e) {
		err = get_outbox(e, subscriber, &row);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &row);
}

void send_log_find(struct db_port *port, const struct key *k, uint8_t tid, int64_t timestamp_s,
		   send_log_got *got, void *arg)
{
	struct query q;
	int64_t subscriber = 0, generation = 0;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (e) {
		query_begin(&q, e, STMT_SEND_LOG_FIND);
		query_int(&q, timestamp_s);
		query_int(&q, tid);
		query_key(&q, k);
		err = query_first(&q);
		if (!err) {
			subscriber = query_get_int(&q);
			generation = query_get_int(&q);
		}
		query_end(&q);
		engine_assert_idle(e);
	}
	got(arg, err, subscriber, (uint32_t)generation);
}

/* ---- writing ---- */

struct outbox_write {
	struct write write;
	union {
		outbox_row_got *row;
		db_done *plain;
	} done;
	void *arg;
	int64_t subscriber;
	int64_t time_us; /* postpone: until; wake: now */
	struct trigger_sent sent;
	struct outbox_row row;
};

static struct outbox_write *outbox_write_new(int64_t subscriber, void *arg,
					     int (*run)(struct write *, struct engine *),
					     void (*done)(struct write *))
{
	struct outbox_write *w = write_new(sizeof *w, 0, run, done);

	if (w) {
		w->subscriber = subscriber;
		w->arg = arg;
	}
	return w;
}

static void plain_done(struct write *write)
{
	struct outbox_write *w = (struct outbox_write *)write;

	if (w->done.plain)
		w->done.plain(w->arg, write->err);
}

static void row_done(struct write *write)
{
	struct outbox_write *w = (struct outbox_write *)write;

	if (w->done.row)
		w->done.row(w->arg, write->err, write->err ? NULL : &w->row);
}

static int run_renew(struct write *write, struct engine *e)
{
	struct outbox_write *w = (struct outbox_write *)write;
	struct mailbox box;
	int err = get_outbox(e, w->subscriber, &w->row);

	if (err || w->row.covered_uid >= w->row.newest_uid)
		return err;
	err = mailbox_get(e, w->subscriber, &box);
	if (err)
		return err;
	w->row.timestamp_s = next_timestamp(&box, w->row.mailed_us);
	w->row.covered_uid = w->row.newest_uid;
	w->row.attempts = 0;
	err = mailbox_put(e, &box);
	return err ? err : put_outbox(e, &w->row);
}

void outbox_renew(struct db_port *port, int64_t subscriber, outbox_row_got *done, void *arg)
{
	struct outbox_write *w = outbox_write_new(subscriber, arg, run_renew, row_done);

	if (!w) {
		done(arg, E_NOMEM, NULL);
		return;
	}
	w->done.row = done;
	write_submit(port, DB_MAIL, w);
}

static int put_send_log(struct engine *e, const struct trigger_sent *t)
{
	struct query q;

	query_begin(&q, e, STMT_SEND_LOG_PUT);
	query_int(&q, t->sent_us);
	query_int(&q, t->timestamp_s);
	query_int(&q, t->tid);
	query_key(&q, &t->via.key);
	query_int(&q, t->via.generation);
	query_int(&q, t->via.subscriber);
	query_int(&q, t->covered_uid);
	return query_run(&q);
}

/* A row that was renewed meanwhile stands for other mail: its attempts are not this datagram's.
 * Mail that came meanwhile keeps the row due. */
static int count_attempt(struct engine *e, const struct trigger_sent *t)
{
	struct outbox_row row;
	int err = get_outbox(e, t->via.subscriber, &row);

	if (err)
		return err == E_NOT_FOUND ? 0 : err; /* fetched already */
	if (row.covered_uid != t->covered_uid || row.timestamp_s != t->timestamp_s)
		return 0;
	row.attempts = t->attempts;
	if (row.newest_uid == row.covered_uid || t->next_us < row.next_us)
		row.next_us = t->next_us;
	return put_outbox(e, &row);
}

static int run_record(struct write *write, struct engine *e)
{
	const struct trigger_sent *t = &((struct outbox_write *)write)->sent;
	int err = put_send_log(e, t);

	if (!err)
		err = access_append(e, &t->via, ACCESS_TRIGGERED, &t->covered_uid, 1, t->sent_us);
	return err ? err : count_attempt(e, t);
}

void trigger_record(struct db_port *port, const struct trigger_sent *sent, db_done *done, void *arg)
{
	struct outbox_write *w =
		outbox_write_new(sent->via.subscriber, arg, run_record, plain_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	w->sent = *sent;
	write_submit(port, DB_MAIL, w);
}

static int run_postpone(struct write *write, struct engine *e)
{
	struct outbox_write *w = (struct outbox_write *)write;
	int err = get_outbox(e, w->subscriber, &w->row);

	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	w->row.next_us = w->time_us;
	return put_outbox(e, &w->row);
}

void trigger_postpone(struct db_port *port, int64_t subscriber, int64_t next_us, db_done *done,
		      void *arg)
{
	struct outbox_write *w = outbox_write_new(subscriber, arg, run_postpone, plain_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	w->time_us = next_us;
	write_submit(port, DB_MAIL, w);
}

static int run_wake(struct write *write, struct engine *e)
{
	struct outbox_write *w = (struct outbox_write *)write;
	int err = get_outbox(e, w->subscriber, &w->row);

	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	w->row.next_us = w->time_us;
	w->row.attempts = 0;
	return put_outbox(e, &w->row);
}

void trigger_wake(struct db_port *port, int64_t subscriber, int64_t now_us, db_done *done,
		  void *arg)
{
	struct outbox_write *w = outbox_write_new(subscriber, arg, run_wake, plain_done);

	if (!w) {
		if (done)
			done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	w->time_us = now_us;
	write_submit(port, DB_MAIL, w);
}
