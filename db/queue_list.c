/* The queue as an operator looks at it. A page costs what it shows, or at most STEPS of the index
 * when it filters. */
#include <stdlib.h>
#include <string.h>

#include "db/queue_rows.h"
#include "lib/err.h"

#define PAGE_MAX 1000
#define STEPS    2000

struct listing {
	struct engine *engine, *bindings;
	const struct queue_question *asked;
	struct shelf shelf;
	struct queue_mail *mails;
	size_t count, limit;
	struct queue_place place; /* behind what was looked at */
	int64_t lane;             /* 0: of all */
	bool is_whole;            /* nothing comes after it */
};

/* ---- a mail ---- */

static int read_msisdn(struct listing *l, struct queue_mail *m)
{
	struct query q;

	m->msisdn = "";
	if (!m->sender)
		return 0;
	query_begin(&q, l->bindings, STMT_QUEUE_MSISDN_OF);
	query_int(&q, m->sender);
	int err = query_first(&q);
	if (!err)
		m->msisdn = shelf_text(&l->shelf, &q);
	query_end(&q);
	return err == E_NOT_FOUND ? 0 : err;
}

static void read_mail(struct query *q, struct shelf *s, struct queue_mail *m)
{
	m->id = query_get_int(q);
	m->sender = query_get_int(q);
	m->reverse_path = shelf_text(s, q);
	m->size = (uint64_t)query_get_int(q);
	m->received_us = query_get_int(q);
	m->left = (size_t)query_get_int(q);
	m->is_held = query_get_int(q) != 0;
}

static int read_waiting(struct query *q, struct shelf *s, struct queue_waiting *w)
{
	queue_recipient_read(q, s, &w->recipient);
	w->lane = shelf_text(s, q);
	w->is_lane_held = query_get_int(q) != 0;
	return s->err;
}

/* Its first recipient stands for all. */
static int read_first(struct listing *l, struct queue_mail *m)
{
	struct queue_waiting first;
	struct query q;

	query_begin(&q, l->engine, STMT_QUEUE_RECIPIENTS_OF);
	query_int(&q, m->id);
	query_int(&q, 1);
	int err = query_first(&q);
	if (!err)
		err = read_waiting(&q, &l->shelf, &first);
	query_end(&q);
	if (err)
		return err;
	m->next_us = first.recipient.next_us;
	m->attempts = first.recipient.attempts;
	m->first = first.recipient.address;
	m->last = first.recipient.last;
	m->lane = first.lane;
	m->is_lane_held = first.is_lane_held;
	return read_msisdn(l, m);
}

static int add_mail(struct listing *l, int64_t mail)
{
	struct queue_mail *m = &l->mails[l->count];
	struct query q;

	query_begin(&q, l->engine, STMT_QUEUE_MAIL_SHOWN);
	query_int(&q, mail);
	int err = query_first(&q);
	if (!err)
		read_mail(&q, &l->shelf, m);
	query_end(&q);
	if (err || (l->asked->sender && m->sender != l->asked->sender))
		return err;
	err = read_first(l, m);
	if (!err)
		l->count++;
	return err ? err : l->shelf.err;
}

/* ---- in the order of ids ---- */

static int list_by_id(struct listing *l)
{
	int64_t sender = l->asked->sender;
	struct query q;
	int err = 0;

	query_begin(&q, l->engine,
		    sender ? STMT_QUEUE_MAIL_OF_SENDER_AFTER : STMT_QUEUE_MAIL_AFTER);
	query_int(&q, l->place.mail);
	query_int(&q, (int64_t)l->limit);
	if (sender)
		query_int(&q, sender);
	while (!err && l->count < l->limit && query_next(&q)) {
		l->place.mail = query_get_int(&q);
		err = add_mail(l, l->place.mail);
	}
	l->is_whole = !err && l->count < l->limit;
	int failed = query_end(&q);
	return err ? err : failed;
}

/* ---- in the order of a lane: those held by id, then by (next_us, id) ---- */

/* Another recipient of the mail stands before this place. */
static int stood_before(struct listing *l, const struct queue_place *at, bool *before)
{
	struct query q;
	int64_t one;

	*before = at->next_us == l->place.next_us && at->mail == l->place.mail;
	if (*before || !at->next_us)
		return 0;
	query_begin(&q, l->engine, STMT_QUEUE_STOOD_BEFORE);
	query_int(&q, at->mail);
	query_int(&q, l->lane);
	query_int(&q, at->next_us);
	int err = query_run_int(&q, &one);
	*before = !err;
	return err == E_NOT_FOUND ? 0 : err;
}

/* A mail is shown once, where its first recipient stands. */
static int walk(struct listing *l, struct query *q, size_t *steps)
{
	size_t rows = 0;
	int err = 0;

	while (!err && l->count < l->limit && query_next(q)) {
		struct queue_place at;
		at.next_us = query_get_int(q);
		at.mail = query_get_int(q);
		bool before;
		rows++;
		err = stood_before(l, &at, &before);
		if (!err && !before)
			err = add_mail(l, at.mail);
		l->place = at;
	}
	int failed = query_end(q);
	*steps -= rows;
	return err ? err : failed;
}

static int list_lane(struct listing *l)
{
	struct query q;
	size_t steps = STEPS;
	int err = queue_lane_find(l->engine, l->asked->lane, &l->lane);

	if (err)
		return err;
	if (!l->place.next_us) {
		query_begin(&q, l->engine, STMT_QUEUE_LANE_HELD_AFTER);
		query_int(&q, l->lane);
		query_int(&q, l->place.mail);
		query_int(&q, (int64_t)steps);
		err = walk(l, &q, &steps);
		if (!err && steps && l->count < l->limit)
			l->place = (struct queue_place){.next_us = 1};
	}
	if (!err && steps && l->count < l->limit) {
		query_begin(&q, l->engine, STMT_QUEUE_LANE_AFTER);
		query_int(&q, l->lane);
		query_int(&q, l->place.next_us);
		query_int(&q, l->place.mail);
		query_int(&q, (int64_t)steps);
		err = walk(l, &q, &steps);
		l->is_whole = steps && l->count < l->limit;
	}
	return err;
}

/* ---- calls ---- */

static int open_view(struct db_port *port, struct listing *l)
{
	struct query q;
	int err;

	l->bindings = port_reader(port, DB_BINDINGS, &err);
	if (!err)
		l->engine = port_reader(port, DB_QUEUE, &err);
	if (err)
		return err;
	query_begin(&q, l->engine, STMT_VIEW);
	return query_run(&q);
}

static void close_view(struct listing *l)
{
	if (!l->engine)
		return;
	engine_rollback(l->engine);
	engine_assert_idle(l->engine);
	engine_assert_idle(l->bindings);
}

void queue_list(struct db_port *port, const struct queue_question *asked, queue_list_got *got,
		void *arg)
{
	struct listing l = {.asked = asked, .place = asked->after};
	int err = 0;

	l.limit = asked->limit < PAGE_MAX ? asked->limit : PAGE_MAX;
	l.mails = calloc(l.limit + 1, sizeof *l.mails);
	if (!l.mails)
		err = E_NOMEM;
	if (!err)
		err = open_view(port, &l);
	if (!err)
		err = asked->lane ? list_lane(&l) : list_by_id(&l);
	close_view(&l);
	if (l.is_whole)
		l.place = (struct queue_place){0};
	got(arg, err, l.mails, err ? 0 : l.count, &l.place);
	free(l.mails);
	shelf_free(&l.shelf);
}

static int read_recipients(struct listing *l, int64_t mail, struct queue_waiting *out, size_t size,
			   size_t *n)
{
	struct query q;
	int err = 0;

	query_begin(&q, l->engine, STMT_QUEUE_RECIPIENTS_OF);
	query_int(&q, mail);
	query_int(&q, (int64_t)size);
	while (!err && *n < size && query_next(&q))
		err = read_waiting(&q, &l->shelf, &out[(*n)++]);
	int failed = query_end(&q);
	return err ? err : failed;
}

void queue_get(struct db_port *port, int64_t mail, queue_got *got, void *arg)
{
	static const struct queue_question any = {.limit = 1};
	struct queue_mail m = {0};
	struct listing l = {.asked = &any, .mails = &m, .limit = 1};
	struct queue_waiting *recipients = NULL;
	size_t n = 0;
	int err = open_view(port, &l);

	if (!err)
		err = add_mail(&l, mail);
	if (!err && !(recipients = calloc(m.left + 1, sizeof *recipients)))
		err = E_NOMEM;
	if (!err)
		err = read_recipients(&l, mail, recipients, m.left, &n);
	close_view(&l);
	got(arg, err, err ? NULL : &m, recipients, err ? 0 : n);
	free(recipients);
	shelf_free(&l.shelf);
}

static int read_stats(struct engine *e, struct queue_stats *s)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_TOTAL);
	int err = query_first(&q);
	if (!err) {
		s->mails = (uint64_t)query_get_int(&q);
		s->octets = (uint64_t)query_get_int(&q);
		s->held = (uint64_t)query_get_int(&q);
		s->lanes = (uint64_t)query_get_int(&q);
		s->suppressions = (uint64_t)query_get_int(&q);
	}
	query_end(&q);
	if (err)
		return err;
	query_begin(&q, e, STMT_QUEUE_OLDEST);
	err = query_run_int(&q, &s->oldest_us);
	return err == E_NOT_FOUND ? 0 : err;
}

void queue_stats(struct db_port *port, queue_stats_got *got, void *arg)
{
	struct queue_stats s = {0};
	int err;
	struct engine *e = port_reader(port, DB_QUEUE, &err);

	if (e) {
		err = read_stats(e, &s);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &s);
}
