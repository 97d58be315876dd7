/* Whose lease was confirmed while nobody was there to see it: by the bindings' change feed, as far
 * as it reaches back, and row by row through the whole outbox. */
#include <stdlib.h>

#include "db/feed.h"
#include "db/mail.h"
#include "db/outbox.h"
#include "lib/err.h"

#define PIECE_MAX 1000

/* What a piece is looked at with. */
struct look {
	struct engine *mail, *bindings;
	int64_t now_us;
	size_t limit;
	struct outbox_row *rows; /* no datagram is due of them */
	size_t rows_count;
	struct change *changes;
	int64_t *subscribers; /* found */
	size_t count;
	int64_t last;
};

/* A row that a datagram is due of is looked at anyway. */
static bool is_waiting(const struct outbox_row *row, int64_t now_us)
{
	return row->next_us > now_us || row->bearer != BEARER_UDP;
}

/* ---- row by row ---- */

static int read_rows(struct look *l)
{
	struct query q;
	size_t seen = 0;

	query_begin(&q, l->mail, STMT_OUTBOX_AFTER);
	query_int(&q, l->last);
	query_int(&q, (int64_t)l->limit);
	for (; seen < l->limit && query_next(&q); seen++) {
		struct outbox_row *row = &l->rows[l->rows_count];
		outbox_read(&q, row);
		l->last = row->subscriber;
		l->rows_count += is_waiting(row, l->now_us);
	}
	if (seen < l->limit)
		l->last = 0;
	return query_end(&q);
}

/* ---- by the feed ---- */

/* Rows up to `upto`; E_NOT_FOUND: it does not reach back to `after`. */
static int read_feed(struct look *l, int64_t upto, size_t *n)
{
	int64_t oldest = 0;
	struct query q;
	int err = feed_read(l->bindings, l->last, l->changes, l->limit, n);

	if (err)
		return err;
	/* After the rows: what went meanwhile counts as missing, not as read. */
	query_begin(&q, l->bindings, STMT_CHANGE_OLDEST);
	err = query_run_int(&q, &oldest);
	if (err || l->last < oldest - 1 || l->last > upto)
		return err ? err : E_NOT_FOUND;
	while (*n && l->changes[*n - 1].seq > upto)
		(*n)--;
	return 0;
}

/* 0: nobody. */
static int64_t concerns(const struct change *c)
{
	bool is_confirmed = c->kind == CHANGE_BINDING && c->state == KEY_CONFIRMED;

	return is_confirmed || c->kind == CHANGE_THAW || c->kind == CHANGE_NOTIFICATION
		       ? c->subscriber
		       : 0;
}

static bool is_among(const struct look *l, int64_t subscriber)
{
	for (size_t i = 0; i < l->rows_count; i++)
		if (l->rows[i].subscriber == subscriber)
			return true;
	return false;
}

static int read_rows_of_feed(struct look *l, int64_t upto)
{
	size_t n = 0;
	int err = read_feed(l, upto, &n);

	for (size_t i = 0; !err && i < n; i++) {
		struct outbox_row *row = &l->rows[l->rows_count];
		int64_t subscriber = concerns(&l->changes[i]);
		if (!subscriber && l->changes[i].kind == CHANGE_THAW)
			return E_NOT_FOUND; /* whoever it kept from being told */
		if (!subscriber || is_among(l, subscriber))
			continue;
		err = outbox_row_get(l->mail, subscriber, row);
		if (!err)
			l->rows_count += is_waiting(row, l->now_us);
		else if (err == E_NOT_FOUND)
			err = 0; /* no mail waits for him */
	}
	l->last = n && l->changes[n - 1].seq < upto ? l->changes[n - 1].seq : 0;
	return err;
}

/* ---- is there a lease? ---- */

/* All at one moment: a transaction for each look would cost more than the look. */
static int find_missed(struct look *l, const struct schedule *s)
{
	struct query q;

	query_begin(&q, l->bindings, STMT_VIEW);
	int err = query_run(&q);
	for (size_t i = 0; !err && i < l->rows_count; i++) {
		int64_t confirmed_us = 0;
		query_begin(&q, l->bindings, STMT_CONFIRMED_OF);
		query_int(&q, l->rows[i].subscriber);
		while (query_next(&q)) {
			int64_t at_us = query_get_int(&q);
			confirmed_us = at_us > confirmed_us ? at_us : confirmed_us;
		}
		err = query_end(&q);
		if (confirmed_us && schedule_missed(s, &l->rows[i], confirmed_us))
			l->subscribers[l->count++] = l->rows[i].subscriber;
	}
	engine_rollback(l->bindings);
	return err;
}

static int open_look(struct db_port *port, struct look *l)
{
	int err;

	l->limit = l->limit < PIECE_MAX ? l->limit : PIECE_MAX;
	l->mail = port_reader(port, DB_MAIL, &err);
	if (!err)
		l->bindings = port_reader(port, DB_BINDINGS, &err);
	l->rows = malloc((l->limit + 1) * sizeof *l->rows);
	l->subscribers = malloc((l->limit + 1) * sizeof *l->subscribers);
	l->changes = malloc((l->limit + 1) * sizeof *l->changes);
	return err ? err : l->rows && l->subscribers && l->changes ? 0 : E_NOMEM;
}

static void answer(struct db_port *port, struct look *l, int err, outbox_missed_got *got, void *arg)
{
	if (!err)
		err = find_missed(l, &port->db->options.schedule);
	if (!err) {
		engine_assert_idle(l->mail);
		engine_assert_idle(l->bindings);
	}
	got(arg, err, l->subscribers, err ? 0 : l->count, l->last);
	free(l->rows);
	free(l->subscribers);
	free(l->changes);
}

void outbox_missed(struct db_port *port, int64_t after, size_t limit, int64_t now_us,
		   outbox_missed_got *got, void *arg)
{
	struct look l = {.now_us = now_us, .limit = limit, .last = after};
	int err = open_look(port, &l);

	answer(port, &l, err ? err : read_rows(&l), got, arg);
}

void outbox_missed_since(struct db_port *port, int64_t after, int64_t upto, size_t limit,
			 int64_t now_us, outbox_missed_got *got, void *arg)
{
	struct look l = {.now_us = now_us, .limit = limit, .last = after};
	int err = open_look(port, &l);

	answer(port, &l, err ? err : read_rows_of_feed(&l, upto), got, arg);
}

/* ---- how far the feed was followed ---- */

int outbox_heard(struct engine *e, int64_t seq)
{
	struct query q;

	query_begin(&q, e, STMT_HEARD_SET);
	query_int(&q, seq);
	return query_run(&q);
}

int bindings_heard(struct db_port *port, int64_t *seq)
{
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (!e)
		return err;
	query_begin(&q, e, STMT_HEARD_GET);
	err = query_run_int(&q, seq);
	engine_assert_idle(e);
	return err;
}
