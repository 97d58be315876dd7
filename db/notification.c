/* How a subscriber is told. */
#include "db/notification.h"

#include <stdio.h>
#include <string.h>

#include "db/db_private.h"
#include "db/feed.h"
#include "lib/err.h"

/* ---- reading ---- */

/* Reads NOTIFICATION_COLUMNS. */
static int read_row(struct query *q, struct notification *n)
{
	struct notify_quiet *quiet = &n->quiet;

	memset(n, 0, sizeof *n);
	n->mode = (enum notify_mode)query_get_int(q);
	n->replaces = query_get_int(q) != 0;
	n->hides_sender = query_get_int(q) != 0;
	quiet->from_min = (uint16_t)query_get_int(q);
	quiet->to_min = (uint16_t)query_get_int(q);
	quiet->lets_udp_through = query_get_int(q) != 0;
	query_get_text(q, quiet->zone, sizeof quiet->zone);
	query_get_text(q, quiet->rule_text, sizeof quiet->rule_text);
	n->udp_per_hour = (int32_t)query_get_int(q);
	n->sms_per_hour = (int32_t)query_get_int(q);
	if (quiet->from_min == quiet->to_min)
		return 0;
	return zone_parse(quiet->rule_text, &quiet->rule) ? E_IO : 0;
}

int notification_read(struct engine *e, int64_t subscriber, struct notification *out, bool *is_own)
{
	struct query q;

	query_begin(&q, e, STMT_NOTIFICATION_GET);
	query_int(&q, subscriber);
	int err = query_first(&q);
	*is_own = !err;
	if (!err)
		err = read_row(&q, out);
	query_end(&q);
	if (err == E_NOT_FOUND)
		*out = notify_default();
	return err == E_NOT_FOUND ? 0 : err;
}

static int subscriber_of(struct engine *e, const char *msisdn, int64_t *id)
{
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_ID_BY_MSISDN);
	query_text(&q, msisdn);
	return query_run_int(&q, id);
}

void notification_get(struct db_port *port, const char *msisdn, notification_got *got, void *arg)
{
	struct notification n;
	bool is_own = false;
	int64_t id;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = subscriber_of(e, msisdn, &id);
		if (!err)
			err = notification_read(e, id, &n, &is_own);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &n, is_own);
}

/* ---- writing ---- */

struct notification_write {
	struct write write;
	db_done *done;
	void *arg;
	char msisdn[MSISDN_MAX];
	struct notification notification;
};

static void write_done(struct write *write)
{
	struct notification_write *w = (struct notification_write *)write;

	w->done(w->arg, write->err);
}

static void submit(struct db_port *port, const char *msisdn, const struct notification *n,
		   int (*run)(struct write *, struct engine *), db_done *done, void *arg)
{
	struct notification_write *w = write_new(sizeof *w, 0, run, write_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->notification = *n;
	snprintf(w->msisdn, sizeof w->msisdn, "%s", msisdn);
	write_submit(port, DB_BINDINGS, w);
}

static int tell(struct engine *e, int64_t subscriber)
{
	return feed_append(e,
			   &(struct change){.kind = CHANGE_NOTIFICATION, .subscriber = subscriber});
}

static int run_put(struct write *write, struct engine *e)
{
	struct notification_write *w = (struct notification_write *)write;
	const struct notification *n = &w->notification;
	const struct notify_quiet *quiet = &n->quiet;
	struct query q;
	int64_t id;
	int err = subscriber_of(e, w->msisdn, &id);

	if (err)
		return err;
	query_begin(&q, e, STMT_NOTIFICATION_PUT);
	query_int(&q, id);
	query_int(&q, n->mode);
	query_int(&q, n->replaces);
	query_int(&q, n->hides_sender);
	query_int(&q, quiet->from_min);
	query_int(&q, quiet->to_min);
	query_int(&q, quiet->lets_udp_through);
	query_text(&q, quiet->zone);
	query_text(&q, quiet->rule_text);
	query_int(&q, n->udp_per_hour);
	query_int(&q, n->sms_per_hour);
	err = query_run(&q);
	return err ? err : tell(e, id);
}

void notification_put(struct db_port *port, const char *msisdn, const struct notification *n,
		      db_done *done, void *arg)
{
	submit(port, msisdn, n, run_put, done, arg);
}

static int run_reset(struct write *write, struct engine *e)
{
	struct notification_write *w = (struct notification_write *)write;
	struct query q;
	int64_t id;
	int err = subscriber_of(e, w->msisdn, &id);

	if (err)
		return err;
	query_begin(&q, e, STMT_NOTIFICATION_DELETE);
	query_int(&q, id);
	err = query_run(&q);
	return err ? err : tell(e, id);
}

void notification_reset(struct db_port *port, const char *msisdn, db_done *done, void *arg)
{
	static const struct notification none;

	submit(port, msisdn, &none, run_reset, done, arg);
}
