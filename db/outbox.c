/* The trigger's outbox, row by row: a row a mailbox with unread news; what is found in the send
 * log. The groups that are sent are taken in outbox_take.c. */
#include "db/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "db/mail.h"
#include "lib/clock.h"
#include "lib/err.h"

void outbox_read(struct query *q, struct outbox_row *r)
{
	r->subscriber = query_get_int(q);
	r->newest_uid = (uint32_t)query_get_int(q);
	r->covered_uid = (uint32_t)query_get_int(q);
	r->timestamp_s = query_get_int(q);
	r->attempts = (uint32_t)query_get_int(q);
	r->next_us = query_get_int(q);
	r->mailed_us = query_get_int(q);
	r->bearer = (enum bearer)query_get_int(q);
	r->sms_attempts = (uint32_t)query_get_int(q);
	r->sms_state = (enum sms_state)query_get_int(q);
	r->sent_us = query_get_int(q);
	r->sms_us = query_get_int(q);
	r->waiting_us = query_get_int(q);
	r->id = query_get_int(q);
}

int outbox_row_get(struct engine *e, int64_t subscriber, struct outbox_row *r)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_GET);
	query_int(&q, subscriber);
	int err = query_first(&q);
	if (!err)
		outbox_read(&q, r);
	query_end(&q);
	return err;
}

static int write_row(struct engine *e, enum statement id, const struct outbox_row *r)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, r->subscriber);
	query_int(&q, r->newest_uid);
	query_int(&q, r->covered_uid);
	query_int(&q, r->timestamp_s);
	query_int(&q, r->attempts);
	query_int(&q, r->next_us);
	query_int(&q, r->mailed_us);
	query_int(&q, r->bearer);
	query_int(&q, r->sms_attempts);
	query_int(&q, r->sms_state);
	query_int(&q, r->sent_us);
	query_int(&q, r->sms_us);
	query_int(&q, r->waiting_us);
	query_int(&q, r->id);
	return query_run(&q);
}

int outbox_row_put(struct engine *e, const struct outbox_row *r)
{
	return write_row(e, STMT_OUTBOX_UPDATE, r);
}

int64_t outbox_timestamp(struct mailbox *box, int64_t mailed_us)
{
	int64_t second = mailed_us / CLOCK_S;

	if (second <= box->last_timestamp_s)
		second = box->last_timestamp_s + 1;
	box->last_timestamp_s = second;
	return second;
}

static int make_row(struct engine *e, struct mailbox *box, uint32_t uid, int64_t received_us,
		    struct outbox_row *row)
{
	*row = (struct outbox_row){.subscriber = box->subscriber,
				   .newest_uid = uid,
				   .covered_uid = uid,
				   .timestamp_s = outbox_timestamp(box, received_us),
				   .next_us = received_us,
				   .mailed_us = received_us};
	int err = write_row(e, STMT_OUTBOX_INSERT, row);

	row->id = engine_inserted(e);
	return err;
}

/* All else stays, and with it the row's place in its queue. */
static int join_row(struct engine *e, const struct outbox_row *row)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_JOIN);
	query_int(&q, row->id);
	query_int(&q, row->newest_uid);
	query_int(&q, row->mailed_us);
	return query_run(&q);
}

int outbox_raise(struct engine *e, const struct schedule *s, struct mailbox *box, uint32_t uid,
		 int64_t received_us, struct outbox_row *row, enum outbox_raised *how)
{
	int err = outbox_row_get(e, box->subscriber, row);

	if (err == E_NOT_FOUND) {
		*how = OUTBOX_MADE;
		return make_row(e, box, uid, received_us, row);
	}
	if (err)
		return err;
	*how = schedule_news(s, received_us, row) ? OUTBOX_MOVED : OUTBOX_JOINED;
	row->newest_uid = uid;
	row->mailed_us = received_us;
	return *how == OUTBOX_JOINED ? join_row(e, row) : outbox_row_put(e, row);
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

void outbox_get(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	struct outbox_row row;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (e) {
		err = outbox_row_get(e, subscriber, &row);
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

/* ---- the end, and what a crash leaves ---- */

/* In the place of a number: a row that is of no sending. */
#define ALL_LEFT "-"

struct doubt_write {
	struct write write;
	db_done *done;
	void *arg;
	int64_t now_us, before_us, within_us;
	int64_t heard; /* triggers_all_left */
	size_t limit;
	struct doubtful {
		int64_t subscriber, timestamp_s;
	} list[];
};

static int run_all_left(struct write *write, struct engine *e)
{
	static const struct key none;
	int64_t newest = 0;
	int64_t heard = ((struct doubt_write *)write)->heard;
	struct query q;

	query_begin(&q, e, STMT_SEND_LOG_NEWEST);
	int err = query_run_int(&q, &newest);
	if (err)
		return err;
	query_begin(&q, e, STMT_SEND_LOG_PUT);
	query_int(&q, newest + 1);
	query_int(&q, clock_now_us());
	query_int(&q, 0);
	query_int(&q, 0);
	query_key(&q, &none);
	query_int(&q, 0);
	query_int(&q, 0);
	query_int(&q, 0);
	query_text(&q, ALL_LEFT);
	err = query_run(&q);
	return err || !heard ? err : outbox_heard(e, heard);
}

/* From the newest datagram back. */
static int read_doubtful(struct doubt_write *w, struct engine *e, size_t *n)
{
	int64_t newest_us = 0;
	char to[MSISDN_MAX];
	struct query q;

	query_begin(&q, e, STMT_SEND_LOG_LAST);
	query_int(&q, (int64_t)w->limit);
	while (*n < w->limit && query_next(&q)) {
		int64_t sent_us = query_get_int(&q);
		query_get_text(&q, to, sizeof to);
		if (sent_us >= w->before_us) /* ours */
			continue;
		newest_us = newest_us ? newest_us : sent_us;
		if (sent_us <= newest_us - w->within_us || strcmp(to, ALL_LEFT) == 0)
			break;
		if (*to) /* a short message: the schedule repeats it */
			continue;
		w->list[*n].subscriber = query_get_int(&q);
		w->list[(*n)++].timestamp_s = query_get_int(&q);
	}
	return query_end(&q);
}

static int run_doubt(struct write *write, struct engine *e)
{
	struct doubt_write *w = (struct doubt_write *)write;
	size_t n = 0;
	int err = read_doubtful(w, e, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct outbox_row row;
		err = outbox_row_get(e, w->list[i].subscriber, &row);
		if (err == E_NOT_FOUND || (!err && row.timestamp_s != w->list[i].timestamp_s)) {
			err = 0;
			continue;
		}
		/* Once, to however many bindings it went. */
		if (!err && row.sent_us) {
			schedule_doubt(w->now_us, &row);
			err = outbox_row_put(e, &row);
		}
	}
	return err;
}

static void doubt_done(struct write *write)
{
	struct doubt_write *w = (struct doubt_write *)write;

	w->done(w->arg, write->err);
}

void triggers_all_left(struct db_port *port, int64_t heard, db_done *done, void *arg)
{
	struct doubt_write *w = write_new(sizeof *w, 0, run_all_left, doubt_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->heard = heard;
	write_submit(port, DB_MAIL, w);
}

void triggers_doubt(struct db_port *port, size_t limit, int64_t before_us, int64_t within_us,
		    db_done *done, void *arg)
{
	struct doubt_write *w =
		write_new(sizeof *w + limit * sizeof *w->list, 0, run_doubt, doubt_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->now_us = clock_now_us();
	w->before_us = before_us;
	w->within_us = within_us;
	w->limit = limit;
	write_submit(port, DB_MAIL, w);
}
