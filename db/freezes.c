#include "db/freezes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_private.h"
#include "db/feed.h"
#include "db/history.h"
#include "lib/clock.h"
#include "lib/err.h"

#define LIST_MAX 1000

static const char *const kind_names[FREEZE_KINDS] = {
	[FREEZE_SUBSCRIBER] = "subscriber", [FREEZE_NAS] = "nas", [FREEZE_PREFIX] = "prefix"};

const char *freeze_kind_name(enum freeze_kind k)
{
	return k < FREEZE_KINDS ? kind_names[k] : "?";
}

/* ---- at the moment of use ---- */

struct addr key_last(const struct key *k)
{
	return addr_range_last(&(struct addr_range){.base = k->addr, .plen = k->plen});
}

int binding_contain(struct engine *e, int64_t any, struct binding *b)
{
	struct addr last = key_last(&b->key);
	int64_t covered = 0;
	struct query q;

	if (!(any & CONTAINED_FREEZE))
		return 0;
	query_begin(&q, e, STMT_FREEZE_COVERS);
	query_text(&q, b->key.realm);
	query_int(&q, b->subscriber);
	query_int(&q, b->session);
	query_blob(&q, b->key.addr.bytes, sizeof b->key.addr.bytes);
	query_blob(&q, last.bytes, sizeof last.bytes);
	int err = query_run_int(&q, &covered);
	if (!err)
		b->frozen = covered != 0;
	return err;
}

int binding_contain_row(struct engine *e, struct binding *b)
{
	struct query q;
	int64_t any = 0;

	query_begin(&q, e, STMT_CONTAINED);
	int err = query_run_int(&q, &any);
	return err ? err : binding_contain(e, any, b);
}

/* ---- writing ---- */

struct freeze_write {
	struct write write;
	union {
		freeze_put_done *put;
		db_done *plain;
	} done;
	void *arg;
	size_t max;
	struct freeze freeze;
};

static struct key key_of(const struct freeze *f)
{
	struct key k = {.addr = f->prefix.base, .plen = f->prefix.plen, .port_last = UINT16_MAX};

	memcpy(k.realm, f->realm, sizeof k.realm);
	return k;
}

/* The history's row and the word to all daemons. */
static int tell(struct engine *e, const struct freeze *f, enum change_kind kind, const char *feeder,
		int64_t now_us)
{
	struct key k = key_of(f);
	int err = history_append(
		e, &(struct history_entry){.key = &k, /* of a realm alone, if it is no prefix's */
					   .event = kind == CHANGE_FREEZE ? "frozen" : "thawed",
					   .outcome = freeze_kind_name(f->kind),
					   .msisdn = f->msisdn,
					   .imsi = f->imsi,
					   .nas_id = f->nas_id,
					   .feeder = feeder,
					   .evidence = f->reason,
					   .time_us = now_us,
					   .received_us = now_us});
	return err ? err
		   : feed_append(e, &(struct change){
					    .kind = kind, .subscriber = f->subscriber, .key = k});
}

/* Fills in who the subscriber is. E_NOT_FOUND. */
static int identify(struct engine *e, struct freeze *f)
{
	struct query q;

	if (f->kind != FREEZE_SUBSCRIBER)
		return 0;
	query_begin(&q, e, *f->msisdn ? STMT_SUBSCRIBER_BY_MSISDN : STMT_SUBSCRIBER_BY_IMSI);
	query_text(&q, *f->msisdn ? f->msisdn : f->imsi);
	int err = query_first(&q);
	if (!err) {
		f->subscriber = query_get_int(&q);
		query_get_text(&q, f->msisdn, sizeof f->msisdn);
		query_get_text(&q, f->imsi, sizeof f->imsi);
	}
	query_end(&q);
	return err;
}

/* Is there room, and none of the kind yet? */
static int may_put(struct engine *e, const struct freeze *f, size_t max)
{
	struct query q;
	int64_t count = 0, there = 0;

	query_begin(&q, e, STMT_FREEZE_COUNT);
	int err = query_run_int(&q, &count);
	if (err)
		return err;
	query_begin(&q, e, STMT_FREEZE_FIND);
	query_int(&q, f->kind);
	query_text(&q, f->realm);
	query_int(&q, f->subscriber);
	query_text(&q, f->nas_id);
	query_blob(&q, f->prefix.base.bytes, sizeof f->prefix.base.bytes);
	query_int(&q, f->prefix.plen);
	err = query_run_int(&q, &there);
	if (err != E_NOT_FOUND)
		return err ? err : E_EXISTS;
	return (size_t)count < max ? 0 : E_FULL;
}

static int insert(struct engine *e, struct freeze *f)
{
	struct addr last = addr_range_last(&f->prefix);
	struct query q;

	query_begin(&q, e, STMT_FREEZE_INSERT);
	query_int(&q, f->kind);
	query_text(&q, f->realm);
	query_int(&q, f->subscriber);
	query_text(&q, f->nas_id);
	query_blob(&q, f->prefix.base.bytes, sizeof f->prefix.base.bytes);
	query_blob(&q, last.bytes, sizeof last.bytes);
	query_int(&q, f->prefix.plen);
	query_int(&q, f->defers_mail);
	query_text(&q, f->reason);
	query_text(&q, f->feeder);
	query_int(&q, f->frozen_us);
	int err = query_run(&q);
	if (!err)
		f->id = engine_inserted(e);
	return err;
}

static int run_put(struct write *write, struct engine *e)
{
	struct freeze_write *w = (struct freeze_write *)write;
	struct freeze *f = &w->freeze;
	int err = identify(e, f);

	f->frozen_us = clock_now_us();
	if (!err)
		err = may_put(e, f, w->max);
	if (!err)
		err = insert(e, f);
	return err ? err : tell(e, f, CHANGE_FREEZE, f->feeder, f->frozen_us);
}

static void put_done(struct write *write)
{
	struct freeze_write *w = (struct freeze_write *)write;

	w->done.put(w->arg, write->err, w->freeze.id);
}

void freeze_put(struct db_port *port, const struct freeze *freeze, size_t max,
		freeze_put_done *done, void *arg)
{
	struct freeze_write *w = write_new(sizeof *w, 0, run_put, put_done);

	if (!w) {
		done(arg, E_NOMEM, 0);
		return;
	}
	w->done.put = done;
	w->arg = arg;
	w->max = max;
	w->freeze = *freeze;
	write_submit(port, DB_BINDINGS, w);
}

/* Reads FREEZE_COLUMNS. */
static void read_freeze(struct query *q, struct freeze *f)
{
	size_t n;

	memset(f, 0, sizeof *f);
	f->id = query_get_int(q);
	f->kind = (enum freeze_kind)query_get_int(q);
	query_get_text(q, f->realm, sizeof f->realm);
	f->subscriber = query_get_int(q);
	query_get_text(q, f->msisdn, sizeof f->msisdn);
	query_get_text(q, f->imsi, sizeof f->imsi);
	query_get_text(q, f->nas_id, sizeof f->nas_id);
	const void *addr = query_get_blob(q, &n);
	if (n == sizeof f->prefix.base.bytes)
		memcpy(f->prefix.base.bytes, addr, n);
	f->prefix.plen = (uint8_t)query_get_int(q);
	f->defers_mail = query_get_int(q) != 0;
	query_get_text(q, f->reason, sizeof f->reason);
	query_get_text(q, f->feeder, sizeof f->feeder);
	f->frozen_us = query_get_int(q);
}

static int run_remove(struct write *write, struct engine *e)
{
	struct freeze_write *w = (struct freeze_write *)write;
	struct freeze f;
	struct query q;

	query_begin(&q, e, STMT_FREEZE_GET);
	query_text(&q, w->freeze.realm);
	query_int(&q, w->freeze.id);
	int err = query_first(&q);
	if (!err)
		read_freeze(&q, &f);
	query_end(&q);
	if (err)
		return err;
	query_begin(&q, e, STMT_FREEZE_DELETE);
	query_int(&q, f.id);
	err = query_run(&q);
	return err ? err : tell(e, &f, CHANGE_THAW, w->freeze.feeder, clock_now_us());
}

static void remove_done(struct write *write)
{
	struct freeze_write *w = (struct freeze_write *)write;

	w->done.plain(w->arg, write->err);
}

void freeze_remove(struct db_port *port, const char *realm, int64_t id, const char *feeder,
		   db_done *done, void *arg)
{
	struct freeze_write *w = write_new(sizeof *w, 0, run_remove, remove_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done.plain = done;
	w->arg = arg;
	w->freeze.id = id;
	snprintf(w->freeze.realm, sizeof w->freeze.realm, "%s", realm);
	snprintf(w->freeze.feeder, sizeof w->freeze.feeder, "%s", feeder);
	write_submit(port, DB_BINDINGS, w);
}

/* ---- listing ---- */

static int read_list(struct engine *e, const char *realm, int64_t after, size_t limit,
		     struct freeze *list, size_t *n)
{
	struct query q;

	query_begin(&q, e, STMT_FREEZE_AFTER);
	query_text(&q, realm);
	query_int(&q, after);
	query_int(&q, (int64_t)limit);
	while (*n < limit && query_next(&q))
		read_freeze(&q, &list[(*n)++]);
	return query_end(&q);
}

void freeze_list(struct db_port *port, const char *realm, int64_t after, size_t limit,
		 freeze_list_got *got, void *arg)
{
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	struct freeze *list = malloc((limit ? limit : 1) * sizeof *list);
	if (!list)
		err = E_NOMEM;
	if (!err)
		err = read_list(e, realm, after, limit, list, &n);
	if (e)
		engine_assert_idle(e);
	got(arg, err, list, err ? 0 : n);
	free(list);
}
