#include <stdlib.h>
#include <string.h>

#include "db/feed.h"
#include "db/mail.h"
#include "lib/clock.h"
#include "lib/err.h"

/* ---- the row ---- */

int mailbox_look(struct engine *e, int64_t subscriber, struct mailbox *box, struct query *q)
{
	query_begin(q, e, STMT_MAILBOX_GET);
	query_int(q, subscriber);
	query_text(q, MAILBOX_NAME);
	int err = query_first(q);
	if (!err) {
		box->id = query_get_int(q);
		box->subscriber = subscriber;
		box->uidvalidity = (uint32_t)query_get_int(q);
		box->uidnext = (uint32_t)query_get_int(q);
		box->modseq = query_get_int(q);
		box->messages = (uint64_t)query_get_int(q);
		box->bytes = (uint64_t)query_get_int(q);
		box->last_timestamp_s = query_get_int(q);
	}
	return err;
}

int mailbox_get(struct engine *e, int64_t subscriber, struct mailbox *box)
{
	struct query q;
	int err = mailbox_look(e, subscriber, box, &q);

	query_end(&q);
	return err;
}

/* The second of its making: never zero, and greater for a mailbox that were made anew. */
static uint32_t new_uidvalidity(int64_t now_us)
{
	uint32_t second = (uint32_t)(now_us / CLOCK_S);

	return second ? second : 1;
}

int mailbox_make(struct engine *e, int64_t subscriber, int64_t now_us, struct mailbox *box)
{
	struct query q;
	int err = mailbox_get(e, subscriber, box);

	if (err != E_NOT_FOUND)
		return err;
	*box = (struct mailbox){
		.subscriber = subscriber, .uidvalidity = new_uidvalidity(now_us), .uidnext = 1};
	query_begin(&q, e, STMT_MAILBOX_INSERT);
	query_int(&q, subscriber);
	query_text(&q, MAILBOX_NAME);
	query_int(&q, box->uidvalidity);
	err = query_run(&q);
	if (!err)
		box->id = engine_inserted(e);
	return err;
}

int mailbox_put(struct engine *e, const struct mailbox *box)
{
	struct query q;

	query_begin(&q, e, STMT_MAILBOX_UPDATE);
	query_int(&q, box->id);
	query_int(&q, box->uidnext);
	query_int(&q, box->modseq);
	query_int(&q, (int64_t)box->messages);
	query_int(&q, (int64_t)box->bytes);
	query_int(&q, box->last_timestamp_s);
	return query_run(&q);
}

/* ---- deleting ---- */

static int put_tombstone(struct engine *e, const struct mailbox *box, uint32_t uid, int64_t now_us)
{
	struct query q;

	query_begin(&q, e, STMT_MESSAGE_TOMBSTONE_PUT);
	query_int(&q, box->id);
	query_int(&q, uid);
	query_int(&q, box->modseq);
	query_int(&q, now_us);
	return query_run(&q);
}

int message_delete(struct engine *e, struct mailbox *box, uint32_t uid, int64_t now_us)
{
	struct query q;
	int64_t body = 0;
	uint64_t bytes = 0;

	query_begin(&q, e, STMT_MESSAGE_DELETE);
	query_int(&q, box->id);
	query_int(&q, uid);
	int err = query_first(&q);
	if (!err) {
		body = query_get_int(&q);
		bytes = (uint64_t)query_get_int(&q);
	}
	int failed = query_end(&q);
	if (err || failed)
		return err ? err : failed;
	box->modseq++;
	box->messages -= box->messages ? 1 : 0;
	box->bytes -= bytes < box->bytes ? bytes : box->bytes;
	err = put_tombstone(e, box, uid, now_us);
	return err ? err : body_drop(e, body);
}

/* ---- the operator's view ---- */

static int read_info(struct engine *e, int64_t subscriber, struct mailbox_info *info)
{
	struct query q;
	struct mailbox box;
	int err = mailbox_get(e, subscriber, &box);

	if (err)
		return err;
	*info = (struct mailbox_info){.subscriber = subscriber,
				      .messages = (uint32_t)box.messages,
				      .uidnext = box.uidnext,
				      .uidvalidity = box.uidvalidity,
				      .bytes = box.bytes};
	query_begin(&q, e, STMT_MAILBOX_AGES);
	query_int(&q, box.id);
	err = query_first(&q);
	if (!err) {
		info->oldest_us = query_get_int(&q);
		info->newest_us = query_get_int(&q);
	}
	query_end(&q);
	query_begin(&q, e, STMT_OUTBOX_GET);
	query_int(&q, subscriber);
	info->trigger_pending = query_next(&q);
	if (info->trigger_pending) {
		q.column = OUTBOX_ATTEMPTS_COLUMN;
		info->trigger_attempts = (uint32_t)query_get_int(&q);
	}
	int failed = query_end(&q);
	return err ? err : failed;
}

void mailbox_info(struct db_port *port, int64_t subscriber, mailbox_info_got *got, void *arg)
{
	struct mailbox_info info;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (e) {
		err = read_info(e, subscriber, &info);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &info);
}

/* ---- the mail of subscribers who are gone ---- */

#define PURGE_BATCH 200

struct purge_write {
	struct write write;
	mail_purged *done;
	void *arg;
	uint64_t total;
	uint64_t batch; /* of this piece */
	bool more;
};

static int next_gone(struct engine *e, int64_t *subscriber)
{
	struct query q;

	query_begin(&q, e, STMT_MAILBOX_GONE);
	return query_run_int(&q, subscriber);
}

/* A piece of one mailbox; the row itself goes when it is empty. */
static int purge_piece(struct engine *e, struct mailbox *box, struct purge_write *w)
{
	uint32_t uids[PURGE_BATCH];
	struct query q;
	size_t n = 0;

	query_begin(&q, e, STMT_MESSAGE_UIDS);
	query_int(&q, box->id);
	query_int(&q, PURGE_BATCH);
	while (n < PURGE_BATCH && query_next(&q))
		uids[n++] = (uint32_t)query_get_int(&q);
	int err = query_end(&q);
	for (size_t i = 0; !err && i < n; i++)
		err = message_delete(e, box, uids[i], clock_now_us());
	w->batch = n;
	if (err || n)
		return err ? err : mailbox_put(e, box);
	query_begin(&q, e, STMT_MAILBOX_DELETE);
	query_int(&q, box->id);
	err = query_run(&q);
	return err ? err : outbox_clear(e, box->subscriber, UINT32_MAX);
}

static int run_purge(struct write *write, struct engine *e)
{
	struct purge_write *w = (struct purge_write *)write;
	struct mailbox box;
	int64_t subscriber;
	int err = next_gone(e, &subscriber);

	w->batch = 0;
	w->more = !err;
	if (!err)
		err = mailbox_get(e, subscriber, &box);
	if (!err)
		err = purge_piece(e, &box, w);
	return err == E_NOT_FOUND ? 0 : err;
}

static void purge_submit(struct db_port *port, mail_purged *done, void *arg, uint64_t total);

static void purge_done(struct write *write)
{
	struct purge_write *w = (struct purge_write *)write;
	uint64_t total = w->total + (write->err ? 0 : w->batch);

	if (!write->err && w->more)
		purge_submit(write->port, w->done, w->arg, total);
	else if (w->done)
		w->done(w->arg, write->err, total);
}

static void purge_submit(struct db_port *port, mail_purged *done, void *arg, uint64_t total)
{
	struct purge_write *w = write_new(sizeof *w, 0, run_purge, purge_done);

	if (!w) {
		done(arg, E_NOMEM, total);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->total = total;
	write_submit(port, DB_MAIL, w);
}

void mail_purge_gone(struct db_port *port, mail_purged *done, void *arg)
{
	purge_submit(port, done, arg, 0);
}
