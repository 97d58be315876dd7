/* What a text says, and what becomes of a row when its subscriber chose otherwise. */
#include <stdio.h>

#include "db/mail.h"
#include "db/notification.h"
#include "db/outbox.h"
#include "lib/err.h"

static int read_mail(struct engine *e, int64_t subscriber, uint32_t uid, struct notice *out)
{
	struct query q;

	query_begin(&q, e, STMT_NOTICE_GET);
	query_int(&q, subscriber);
	query_text(&q, MAILBOX_NAME);
	query_int(&q, uid);
	int err = query_first(&q);
	if (!err) {
		query_get_text(&q, out->sender, sizeof out->sender);
		out->messages = (uint32_t)query_get_int(&q);
	}
	query_end(&q);
	return err;
}

int notice_get(struct db_port *port, int64_t subscriber, uint32_t uid, struct notice *out)
{
	struct notice notice = {.replaces = false};
	struct notification n;
	bool is_own;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (!err)
		err = notification_read(e, subscriber, &n, &is_own);
	if (!err)
		e = port_reader(port, DB_MAIL, &err);
	if (!err)
		err = read_mail(e, subscriber, uid, &notice);
	if (err)
		return err;
	notice.replaces = n.replaces;
	if (n.hides_sender)
		notice.sender[0] = '\0';
	*out = notice;
	return 0;
}

/* ---- a row is looked at again ---- */

struct look_write {
	struct write write;
	db_done *done;
	void *arg;
	int64_t subscriber, now_us;
};

static int run_look(struct write *write, struct engine *e)
{
	const struct look_write *w = (const struct look_write *)write;
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_LOOK);
	query_int(&q, w->subscriber);
	query_int(&q, w->now_us);
	return query_run(&q);
}

static void look_done(struct write *write)
{
	struct look_write *w = (struct look_write *)write;

	w->done(w->arg, write->err);
}

void outbox_look(struct db_port *port, int64_t subscriber, int64_t now_us, db_done *done, void *arg)
{
	struct look_write *w = write_new(sizeof *w, 0, run_look, look_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->subscriber = subscriber;
	w->now_us = now_us;
	write_submit(port, DB_MAIL, w);
}
