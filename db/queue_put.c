/* Mail comes into the queue. */
#include <stdalign.h>
#include <string.h>

#include "db/mail.h"
#include "db/queue_rows.h"
#include "lib/clock.h"
#include "lib/err.h"

#define TELL_LANES 8 /* a mail for more of them is told of once */

/* ---- rows ---- */

static int insert_mail(struct engine *e, const struct queue_new *m, int64_t mail)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_MAIL_INSERT);
	query_int(&q, mail);
	query_int(&q, m->via ? m->via->subscriber : 0);
	query_text(&q, m->reverse_path);
	query_text(&q, m->envid);
	query_int(&q, m->ret);
	query_int(&q, m->is_utf8);
	query_int(&q, m->is_8bit);
	query_int(&q, (int64_t)m->size);
	query_int(&q, m->received_us);
	query_int(&q, (int64_t)m->recipient_count);
	return query_run(&q);
}

static int insert_recipient(struct engine *e, int64_t mail, size_t number,
			    const struct queue_recipient_new *r, int64_t lane, int64_t next_us)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_RECIPIENT_INSERT);
	query_int(&q, mail);
	query_int(&q, (int64_t)number);
	query_int(&q, lane);
	query_int(&q, next_us);
	query_text(&q, r->address);
	query_text(&q, r->canonical);
	query_int(&q, r->notify);
	query_text(&q, r->orcpt);
	return query_run(&q);
}

/* The lanes that a mail was put into, as far as each is told of. */
struct told {
	int64_t lanes[TELL_LANES];
	size_t count;
	bool is_full;
};

static void note_lane(struct told *t, int64_t lane)
{
	for (size_t i = 0; i < t->count; i++) {
		if (t->lanes[i] == lane)
			return;
	}
	if (t->count == TELL_LANES)
		t->is_full = true;
	else
		t->lanes[t->count++] = lane;
}

static int tell(struct engine *e, const struct told *t)
{
	int err = 0;

	if (t->is_full)
		return queue_tell(e, 0);
	for (size_t i = 0; !err && i < t->count; i++)
		err = queue_tell(e, t->lanes[i]);
	return err;
}

static int insert_recipients(struct engine *e, const struct queue_new *m, int64_t mail)
{
	int64_t next_us = m->next_us ? m->next_us : m->received_us, lane = 0;
	const char *name = NULL; /* of `lane` */
	struct told told = {.count = 0};
	int err = 0;

	for (size_t i = 0; !err && i < m->recipient_count; i++) {
		const struct queue_recipient_new *r = &m->recipients[i];
		if (!name || strcmp(name, r->lane) != 0)
			err = queue_lane_due(e, r->lane, next_us, &lane);
		name = r->lane;
		note_lane(&told, lane);
		if (!err)
			err = insert_recipient(e, mail, i + 1, r, lane, next_us);
	}
	return err ? err : tell(e, &told);
}

int queue_mail_store(struct engine *e, const struct queue_new *m, int64_t *mail)
{
	int64_t id = m->body;
	int err = m->octets ? body_put(e, m->octets, (size_t)m->size, 1, m->received_us, &id)
			    : body_take(e, id, m->size, 1);

	if (err == E_NOT_FOUND)
		err = E_CONFLICT;
	if (!err)
		err = insert_mail(e, m, id);
	if (!err)
		err = insert_recipients(e, m, id);
	if (!err)
		*mail = id;
	return err;
}

/* ---- queue_put ---- */

struct put_write {
	struct write write;
	queue_put_done *done;
	void *arg;
	struct queue_new mail;
	int64_t id;
	alignas(max_align_t) uint8_t copies[];
};

/* E_FULL. */
static int has_room(struct engine *e, const struct db_options *o, uint64_t size)
{
	struct query q;
	uint64_t mails = 0, octets = 0;

	query_begin(&q, e, STMT_QUEUE_TOTAL);
	int err = query_first(&q);
	if (!err) {
		mails = (uint64_t)query_get_int(&q);
		octets = (uint64_t)query_get_int(&q);
	}
	query_end(&q);
	if (err)
		return err;
	bool is_full =
		(o->queue_mails && mails >= o->queue_mails) ||
		(o->queue_octets && (size > o->queue_octets || octets > o->queue_octets - size));
	return is_full ? E_FULL : 0;
}

static int run_put(struct write *write, struct engine *e)
{
	struct put_write *w = (struct put_write *)write;
	const struct queue_new *m = &w->mail;
	bool opens = true;
	int err = m->via ? access_check(e, m->via, clock_now_us(), &opens) : 0;

	if (!err && !opens)
		err = E_CONFLICT;
	if (!err)
		err = has_room(e, &write->port->db->options, m->size);
	return err ? err : queue_mail_store(e, m, &w->id);
}

static void put_done(struct write *write)
{
	struct put_write *w = (struct put_write *)write;

	if (w->done)
		w->done(w->arg, write->err, write->err ? 0 : w->id);
}

int queue_new_judge(const struct queue_new *m)
{
	if (m->recipient_count == 0 || m->recipient_count > QUEUE_RECIPIENTS_MAX)
		return E_RANGE;
	for (size_t i = 0; i < m->recipient_count; i++) {
		if (strlen(m->recipients[i].lane) >= QUEUE_LANE_MAX)
			return E_TOO_LARGE;
	}
	return 0;
}

void queue_put(struct db_port *port, const struct queue_new *m, queue_put_done *done, void *arg)
{
	struct packer measure = {.at = NULL};
	struct queue_new scratch;
	int err = queue_new_judge(m);

	if (!err)
		queue_new_pack(&measure, m, &scratch);
	struct put_write *w = err ? NULL : write_new(sizeof *w + measure.n, 0, run_put, put_done);
	if (!w) {
		done(arg, err ? err : E_NOMEM, 0);
		return;
	}
	w->done = done;
	w->arg = arg;
	queue_new_pack(&(struct packer){.at = w->copies}, m, &w->mail);
	write_submit(port, DB_QUEUE, w);
}

void queue_body_append(struct db_port *port, int64_t body, uint32_t piece, const uint8_t *octets,
		       size_t n, body_stored *done, void *arg)
{
	body_append_in(port, DB_QUEUE, body, piece, octets, n, done, arg);
}
