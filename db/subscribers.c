/* Subscribers and their addresses. Their SIMs: sims.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"
#include "db/db_private.h"
#include "db/feed.h"
#include "db/lease_scope.h"
#include "db/sims.h"
#include "lib/clock.h"
#include "lib/err.h"

#define LIST_MAX 1000

/* ---- reading ---- */

static void read_subscriber(struct query *q, struct subscriber *s)
{
	memset(s, 0, sizeof *s);
	s->id = query_get_int(q);
	query_get_text(q, s->msisdn, sizeof s->msisdn);
	query_get_text(q, s->imsi, sizeof s->imsi);
	s->has_sim_key = query_get_int(q) != 0;
}

static int read_addresses(struct engine *e, struct subscriber *s)
{
	struct query q;

	query_begin(&q, e, STMT_ADDRESSES_OF);
	query_int(&q, s->id);
	query_int(&q, SUBSCRIBER_ADDRESSES);
	while (query_next(&q)) {
		size_t i = s->address_count++;
		query_get_text(&q, s->addresses[i].shown, sizeof s->addresses[i].shown);
		query_get_text(&q, s->addresses[i].canonical, sizeof s->addresses[i].canonical);
	}
	return query_end(&q);
}

static int first_subscriber(struct query *q, struct subscriber *s)
{
	struct engine *e = q->engine;
	int err = query_first(q);

	if (!err)
		read_subscriber(q, s);
	query_end(q);
	return err ? err : read_addresses(e, s);
}

/* One subscriber by a text. */
static void answer_by_text(struct db_port *port, enum statement id, const char *text,
			   subscriber_got *got, void *arg)
{
	struct subscriber s;
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		query_begin(&q, e, id);
		query_text(&q, text);
		err = first_subscriber(&q, &s);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &s);
}

void subscriber_by_msisdn(struct db_port *port, const char *msisdn, subscriber_got *got, void *arg)
{
	answer_by_text(port, STMT_SUBSCRIBER_BY_MSISDN, msisdn, got, arg);
}

void subscriber_by_imsi(struct db_port *port, const char *imsi, subscriber_got *got, void *arg)
{
	answer_by_text(port, STMT_SUBSCRIBER_BY_IMSI, imsi, got, arg);
}

void subscriber_by_address(struct db_port *port, const char *canonical, subscriber_got *got,
			   void *arg)
{
	answer_by_text(port, STMT_SUBSCRIBER_BY_ADDRESS, canonical, got, arg);
}

void subscriber_by_id(struct db_port *port, int64_t id, subscriber_got *got, void *arg)
{
	struct subscriber s;
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		query_begin(&q, e, STMT_SUBSCRIBER_BY_ID);
		query_int(&q, id);
		err = first_subscriber(&q, &s);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &s);
}

static int read_list(struct engine *e, const char *after, size_t limit, struct subscriber *list,
		     size_t *n)
{
	struct query q;
	int err;

	query_begin(&q, e, STMT_SUBSCRIBER_AFTER);
	query_text(&q, after);
	query_int(&q, (int64_t)limit);
	while (*n < limit && query_next(&q))
		read_subscriber(&q, &list[(*n)++]);
	err = query_end(&q);
	for (size_t i = 0; !err && i < *n; i++)
		err = read_addresses(e, &list[i]);
	engine_assert_idle(e);
	return err;
}

void subscriber_list(struct db_port *port, const char *after, size_t limit,
		     subscriber_list_got *got, void *arg)
{
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	struct subscriber *list = malloc((limit ? limit : 1) * sizeof *list);
	if (!list)
		err = E_NOMEM;
	else if (e)
		err = read_list(e, after, limit, list, &n);
	got(arg, err, list, err ? 0 : n);
	free(list);
}

/* ---- subscriber_put ---- */

struct put_write {
	struct write write;
	subscriber_put_done *done;
	void *arg;
	struct subscriber_put put;
	int64_t id;
	bool created;
};

static int is_tombstone(struct engine *e, const char *kind, const char *name)
{
	struct query q;
	int64_t one;

	query_begin(&q, e, STMT_NAME_TOMBSTONE_GET);
	query_text(&q, kind);
	query_text(&q, name);
	query_int(&q, clock_now_us());
	int err = query_run_int(&q, &one);
	return err == E_NOT_FOUND ? 0 : err ? err : E_CONFLICT;
}

/* 0: the text leads to nobody, or to `id`. */
static int is_others(struct engine *e, enum statement owner, const char *text, int64_t id)
{
	struct query q;
	int64_t found;

	query_begin(&q, e, owner);
	query_text(&q, text);
	int err = query_run_int(&q, &found);
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	return found == id ? 0 : E_CONFLICT;
}

/* Everything that can refuse, before the first row is written. */
static int may_put(struct engine *e, const struct subscriber *s, int64_t id)
{
	int err = id ? 0 : is_tombstone(e, "msisdn", s->msisdn);

	if (!err && *s->imsi)
		err = is_others(e, STMT_SUBSCRIBER_ID_BY_IMSI, s->imsi, id);
	for (size_t i = 0; !err && i < s->address_count; i++) {
		err = is_others(e, STMT_ADDRESS_OWNER, s->addresses[i].canonical, id);
		if (!err)
			err = is_tombstone(e, "address", s->addresses[i].canonical);
		for (size_t j = 0; !err && j < i; j++) {
			if (!strcmp(s->addresses[i].canonical, s->addresses[j].canonical))
				err = E_CONFLICT;
		}
	}
	return err;
}

static int put_addresses(struct engine *e, const struct subscriber *s, int64_t id)
{
	struct query q;

	query_begin(&q, e, STMT_ADDRESSES_DELETE);
	query_int(&q, id);
	int err = query_run(&q);
	for (size_t i = 0; !err && i < s->address_count; i++) {
		query_begin(&q, e, STMT_ADDRESS_INSERT);
		query_text(&q, s->addresses[i].canonical);
		query_int(&q, id);
		query_int(&q, (int64_t)i);
		query_text(&q, s->addresses[i].shown);
		err = query_run(&q);
	}
	if (err)
		return err;
	query_begin(&q, e, STMT_SUBSCRIBER_FIRST_ADDRESS);
	query_int(&q, id);
	query_text(&q, s->address_count ? s->addresses[0].shown : "");
	return query_run(&q);
}

static int insert_subscriber(struct engine *e, const struct subscriber *s, int64_t *id)
{
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_INSERT);
	query_text(&q, s->msisdn);
	query_text_or_null(&q, s->imsi);
	int err = query_run(&q);
	if (!err)
		*id = engine_inserted(e);
	return err;
}

/* The SIM of a subscriber that is there: another IMSI brings its own key, or none. */
static int put_sim(const struct db *db, struct engine *e, struct put_write *w,
		   const struct subscriber *before)
{
	struct sim_taken sim = {.given = w->put.set_sim_key};
	bool another = strcmp(before->imsi, w->put.subscriber.imsi) != 0, changed = false;
	int err = 0;

	memcpy(sim.key.k, w->put.k, sizeof sim.key.k);
	memcpy(sim.key.opc, w->put.opc, sizeof sim.key.opc);
	if (another)
		err = sim_take(db, e, w->put.subscriber.imsi, &sim);
	if (!err && another && !w->created)
		err = sim_set_imsi(e, w->id, w->put.subscriber.imsi);
	if (!err && sim.given)
		err = sim_set_key(db, e, w->id, &sim, &changed);
	else if (!err && another && before->has_sim_key)
		err = sim_set_no_key(e, w->id);
	if (!err && !w->created && (another || changed))
		err = sim_changed(db, e, w->id, "applied");
	explicit_bzero(&sim, sizeof sim);
	return err;
}

static int run_put(struct write *write, struct engine *e)
{
	struct put_write *w = (struct put_write *)write;
	const struct db *db = write->port->db;
	const struct subscriber *s = &w->put.subscriber;
	struct subscriber before;
	struct query q;

	if (w->put.set_sim_key && !db->has_secret)
		return E_IO;
	query_begin(&q, e, STMT_SUBSCRIBER_BY_MSISDN);
	query_text(&q, s->msisdn);
	int err = first_subscriber(&q, &before);
	w->created = err == E_NOT_FOUND;
	w->id = w->created || err ? 0 : before.id;
	if (w->created)
		before = (struct subscriber){.id = 0};
	if (!err || w->created)
		err = may_put(e, s, w->id);
	if (!err && w->created)
		err = insert_subscriber(e, s, &w->id);
	if (!err)
		err = put_addresses(e, s, w->id);
	return err ? err : put_sim(db, e, w, &before);
}

static void put_done(struct write *write)
{
	struct put_write *w = (struct put_write *)write;

	explicit_bzero(w->put.k, sizeof w->put.k);
	explicit_bzero(w->put.opc, sizeof w->put.opc);
	if (w->done)
		w->done(w->arg, write->err, write->err ? 0 : w->id,
			write->err ? false : w->created);
}

void subscriber_put(struct db_port *port, const struct subscriber_put *put,
		    subscriber_put_done *done, void *arg)
{
	struct put_write *w = write_new(sizeof *w, 0, run_put, put_done);

	if (!w) {
		done(arg, E_NOMEM, 0, false);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->put = *put;
	write_submit(port, DB_BINDINGS, w);
}

/* ---- subscriber_remove ---- */

struct remove_write {
	struct write write;
	db_done *done;
	void *arg;
	char msisdn[MSISDN_MAX];
};

static int put_tombstone(const struct db *db, struct engine *e, const char *kind, const char *name)
{
	struct query q;

	query_begin(&q, e, STMT_NAME_TOMBSTONE_PUT);
	query_text(&q, kind);
	query_text(&q, name);
	query_int(&q, clock_now_us() + db->options.tombstone_us);
	return query_run(&q);
}

static int put_tombstones(const struct db *db, struct engine *e, const struct subscriber *s)
{
	int err = put_tombstone(db, e, "msisdn", s->msisdn);

	for (size_t i = 0; !err && i < s->address_count; i++)
		err = put_tombstone(db, e, "address", s->addresses[i].canonical);
	return err;
}

static int remember_gone(struct engine *e, int64_t subscriber)
{
	struct query q;

	query_begin(&q, e, STMT_GONE_PUT);
	query_int(&q, subscriber);
	query_int(&q, clock_now_us());
	int err = query_run(&q);
	if (err)
		return err;
	query_begin(&q, e, STMT_SUBSCRIBER_DELETE);
	query_int(&q, subscriber);
	err = query_run(&q);
	return err ? err
		   : feed_append(e,
				 &(struct change){.kind = CHANGE_GONE, .subscriber = subscriber});
}

static int run_remove(struct write *write, struct engine *e)
{
	struct remove_write *w = (struct remove_write *)write;
	const struct db *db = write->port->db;
	struct subscriber s;
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_BY_MSISDN);
	query_text(&q, w->msisdn);
	int err = first_subscriber(&q, &s);
	if (!err)
		err = lease_scope_end_all(db, e, s.id, "subscriber-removed");
	if (!err)
		err = put_tombstones(db, e, &s);
	return err ? err : remember_gone(e, s.id);
}

static void remove_done(struct write *write)
{
	struct remove_write *w = (struct remove_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

void subscriber_remove(struct db_port *port, const char *msisdn, db_done *done, void *arg)
{
	struct remove_write *w = write_new(sizeof *w, 0, run_remove, remove_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	snprintf(w->msisdn, sizeof w->msisdn, "%s", msisdn);
	write_submit(port, DB_BINDINGS, w);
}
