/* The trigger's outbox, row by row: a row a mailbox with unread news; what is found in the send
 * log. The groups that are sent are taken in outbox_take.c. */
#include "db/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "db/mail.h"
#include "lib/clock.h"
#include "lib/err.h"

#define MISSED_MAX 1000

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

int outbox_raise(struct engine *e, const struct schedule *s, struct mailbox *box, uint32_t uid,
		 int64_t received_us, struct outbox_row *row, bool *made)
{
	int err = outbox_row_get(e, box->subscriber, row);

	*made = err == E_NOT_FOUND;
	if (err && !*made)
		return err;
	if (*made)
		*row = (struct outbox_row){.subscriber = box->subscriber,
					   .covered_uid = uid,
					   .timestamp_s = outbox_timestamp(box, received_us),
					   .next_us = received_us};
	row->newest_uid = uid;
	row->mailed_us = received_us;
	if (*made) {
		err = write_row(e, STMT_OUTBOX_INSERT, row);
		row->id = engine_inserted(e);
		return err;
	}
	schedule_news(s, received_us, row);
	return outbox_row_put(e, row);
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

/* ---- whose lease was confirmed meanwhile ---- */

/* Rows that no datagram is due of, from `after` on. */
static int read_waiting(struct engine *e, int64_t after, size_t limit, int64_t now_us,
			struct outbox_row *rows, size_t *n, int64_t *last)
{
	struct query q;
	size_t seen = 0;

	query_begin(&q, e, STMT_OUTBOX_AFTER);
	query_int(&q, after);
	query_int(&q, (int64_t)limit);
	for (; seen < limit && query_next(&q); seen++) {
		outbox_read(&q, &rows[*n]);
		*last = rows[*n].subscriber;
		if (rows[*n].next_us > now_us || rows[*n].bearer != BEARER_UDP)
			(*n)++;
	}
	if (seen < limit)
		*last = 0;
	return query_end(&q);
}

/* All at one moment: a transaction for each look would cost more than the look. */
static int read_missed(struct engine *e, const struct schedule *s, const struct outbox_row *rows,
		       size_t n, int64_t *subscribers, size_t *count)
{
	struct query q;

	query_begin(&q, e, STMT_VIEW);
	int err = query_run(&q);
	for (size_t i = 0; !err && i < n; i++) {
		int64_t confirmed_us = 0;
		query_begin(&q, e, STMT_CONFIRMED_LAST);
		query_int(&q, rows[i].subscriber);
		err = query_run_int(&q, &confirmed_us);
		if (confirmed_us && schedule_missed(s, &rows[i], confirmed_us))
			subscribers[(*count)++] = rows[i].subscriber;
	}
	engine_rollback(e);
	return err;
}

void outbox_missed(struct db_port *port, int64_t after, size_t limit, int64_t now_us,
		   outbox_missed_got *got, void *arg)
{
	size_t n = 0, count = 0;
	int64_t last = after;
	int err, bindings_err;
	struct engine *mail = port_reader(port, DB_MAIL, &err);
	struct engine *bindings = port_reader(port, DB_BINDINGS, &bindings_err);

	if (limit > MISSED_MAX)
		limit = MISSED_MAX;
	struct outbox_row *rows = malloc((limit + 1) * sizeof *rows);
	int64_t *subscribers = malloc((limit + 1) * sizeof *subscribers);
	if (!err)
		err = bindings_err;
	if (!err && (!rows || !subscribers))
		err = E_NOMEM;
	if (!err)
		err = read_waiting(mail, after, limit, now_us, rows, &n, &last);
	if (!err)
		err = read_missed(bindings, &port->db->options.schedule, rows, n, subscribers,
				  &count);
	if (!err) {
		engine_assert_idle(mail);
		engine_assert_idle(bindings);
	}
	got(arg, err, subscribers, err ? 0 : count, last);
	free(rows);
	free(subscribers);
}
