/* The device table: what DHCP servers know a subscriber's phone by. */
#include "db/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/lease_scope.h"
#include "lib/err.h"

#define LIST_MAX 1000

/* ---- one device ---- */

/* `text` must live as long as the query. */
static void bind_device(struct query *q, const char *realm, const struct device *d,
			char text[DEVICE_TEXT_MAX])
{
	query_text(q, realm);
	query_text(q, device_kind_name(d->kind));
	query_text(q, device_format(d, text));
}

int device_owner(struct engine *e, const char *realm, const struct device *d, int64_t *subscriber)
{
	char text[DEVICE_TEXT_MAX];
	struct query q;

	query_begin(&q, e, STMT_DEVICE_OWNER);
	bind_device(&q, realm, d, text);
	return query_run_int(&q, subscriber);
}

int device_owner_msisdn(struct engine *e, int64_t subscriber, char msisdn[MSISDN_MAX])
{
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_BY_ID);
	query_int(&q, subscriber);
	int err = query_first(&q);
	if (!err) {
		query_get_int(&q);
		query_get_text(&q, msisdn, MSISDN_MAX);
	}
	query_end(&q);
	return err;
}

void devices_evidence(const struct lease_devices *devices, const char *detail,
		      char out[DEVICES_EVIDENCE_MAX])
{
	char text[LEASE_DEVICES_TEXT_MAX];

	snprintf(out, DEVICES_EVIDENCE_MAX, "%s%s%s", lease_devices_format(devices, text),
		 detail ? "; " : "", detail ? detail : "");
}

/* ---- reading ---- */

static int read_row(struct query *q, struct device_row *row)
{
	char kind[16], text[DEVICE_TEXT_MAX];

	query_get_text(q, kind, sizeof kind);
	query_get_text(q, text, sizeof text);
	query_get_text(q, row->msisdn, sizeof row->msisdn);
	return device_kind_parse(kind, &row->device.kind) || device_parse(text, &row->device) ? E_IO
											      : 0;
}

void device_get(struct db_port *port, const char *realm, const struct device *d, device_got *got,
		void *arg)
{
	char text[DEVICE_TEXT_MAX];
	struct device_row row;
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		query_begin(&q, e, STMT_DEVICE_GET);
		bind_device(&q, realm, d, text);
		err = query_first(&q);
		if (!err)
			err = read_row(&q, &row);
		query_end(&q);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &row);
}

static int read_list(struct engine *e, const char *realm, const struct device *after, size_t limit,
		     struct device_row *rows, size_t *n)
{
	char text[DEVICE_TEXT_MAX];
	struct query q;
	int err = 0;

	query_begin(&q, e, STMT_DEVICE_AFTER);
	query_text(&q, realm);
	query_text(&q, after ? device_kind_name(after->kind) : "");
	query_text(&q, after ? device_format(after, text) : "");
	query_int(&q, (int64_t)limit);
	while (!err && *n < limit && query_next(&q))
		err = read_row(&q, &rows[(*n)++]);
	int end = query_end(&q);
	engine_assert_idle(e);
	return err ? err : end;
}

void device_list(struct db_port *port, const char *realm, const struct device *after, size_t limit,
		 device_list_got *got, void *arg)
{
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	struct device_row *rows = malloc((limit ? limit : 1) * sizeof *rows);
	if (!rows)
		err = E_NOMEM;
	else if (e)
		err = read_list(e, realm, after, limit, rows, &n);
	got(arg, err, rows, err ? 0 : n);
	free(rows);
}

/* ---- writing ---- */

struct device_write {
	struct write write;
	union {
		device_put_done *put;
		db_done *removed;
	} done;
	void *arg;
	char realm[REALM_MAX], msisdn[MSISDN_MAX];
	struct device device;
	bool created;
};

static struct device_write *device_write_new(const char *realm, const struct device *d, void *arg,
					     int (*run)(struct write *, struct engine *),
					     void (*done)(struct write *))
{
	struct device_write *w = write_new(sizeof *w, 0, run, done);

	if (w) {
		w->arg = arg;
		w->device = *d;
		snprintf(w->realm, sizeof w->realm, "%s", realm);
	}
	return w;
}

static int subscriber_of(struct engine *e, const char *msisdn, int64_t *id)
{
	struct query q;

	query_begin(&q, e, STMT_SUBSCRIBER_ID_BY_MSISDN);
	query_text(&q, msisdn);
	return query_run_int(&q, id);
}

static int run_put(struct write *write, struct engine *e)
{
	struct device_write *w = (struct device_write *)write;
	char text[DEVICE_TEXT_MAX];
	int64_t owner = 0, former = 0;
	struct query q;
	int err = subscriber_of(e, w->msisdn, &owner);

	if (err)
		return err;
	err = device_owner(e, w->realm, &w->device, &former);
	if (err && err != E_NOT_FOUND)
		return err;
	w->created = !former;
	if (owner == former)
		return 0;
	query_begin(&q, e, STMT_DEVICE_PUT);
	bind_device(&q, w->realm, &w->device, text);
	query_int(&q, owner);
	err = query_run(&q);
	if (!err && former)
		err = lease_scope_end_in(write->port->db, e, w->realm, former, "device-moved");
	return err;
}

static void put_done(struct write *write)
{
	struct device_write *w = (struct device_write *)write;

	w->done.put(w->arg, write->err, !write->err && w->created);
}

void device_put(struct db_port *port, const char *realm, const struct device *d, const char *msisdn,
		device_put_done *done, void *arg)
{
	struct device_write *w = device_write_new(realm, d, arg, run_put, put_done);

	if (!w) {
		done(arg, E_NOMEM, false);
		return;
	}
	w->done.put = done;
	snprintf(w->msisdn, sizeof w->msisdn, "%s", msisdn);
	write_submit(port, DB_BINDINGS, w);
}

static int run_remove(struct write *write, struct engine *e)
{
	struct device_write *w = (struct device_write *)write;
	char text[DEVICE_TEXT_MAX];
	int64_t former;
	struct query q;
	int err = device_owner(e, w->realm, &w->device, &former);

	if (err)
		return err;
	query_begin(&q, e, STMT_DEVICE_DELETE);
	bind_device(&q, w->realm, &w->device, text);
	err = query_run(&q);
	return err ? err
		   : lease_scope_end_in(write->port->db, e, w->realm, former, "device-removed");
}

static void remove_done(struct write *write)
{
	struct device_write *w = (struct device_write *)write;

	w->done.removed(w->arg, write->err);
}

void device_remove(struct db_port *port, const char *realm, const struct device *d, db_done *done,
		   void *arg)
{
	struct device_write *w = device_write_new(realm, d, arg, run_remove, remove_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done.removed = done;
	write_submit(port, DB_BINDINGS, w);
}
