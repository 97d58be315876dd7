#include "db/smsc.h"

#include <stdlib.h>
#include <string.h>

#include "db/db_private.h"
#include "lib/err.h"

#define CHANGES_FIRST 64
#define OCTETS_FIRST  8192

enum change_of { CHANGE_PUT, CHANGE_UPDATE, CHANGE_FORGET };

struct smsc_change {
	enum change_of what;
	struct smsc_row row;
	size_t octets_at, tlvs_at; /* of a put: in the batch's octets, which move when they grow */
};

struct smsc_batch {
	struct write write;
	struct smsc_change *changes;
	size_t count, size;
	uint8_t *octets;
	size_t octet_count, octet_size;
	db_done *done;
	void *arg;
};

/* ---- gathering ---- */

static void release(struct smsc_batch *b)
{
	free(b->changes);
	free(b->octets);
}

void smsc_batch_free(struct smsc_batch *b)
{
	if (!b)
		return;
	release(b);
	free(b);
}

size_t smsc_batch_count(const struct smsc_batch *b)
{
	return b->count;
}

static int reserve(struct smsc_batch *b, size_t octets)
{
	if (b->count == b->size) {
		size_t size = b->size ? b->size * 2 : CHANGES_FIRST;
		struct smsc_change *changes = realloc(b->changes, size * sizeof *changes);
		if (!changes)
			return E_NOMEM;
		b->changes = changes;
		b->size = size;
	}
	if (b->octet_count + octets > b->octet_size) {
		size_t size = b->octet_size ? b->octet_size * 2 : OCTETS_FIRST;
		while (size < b->octet_count + octets)
			size *= 2;
		uint8_t *grown = realloc(b->octets, size);
		if (!grown)
			return E_NOMEM;
		b->octets = grown;
		b->octet_size = size;
	}
	return 0;
}

static size_t keep(struct smsc_batch *b, const uint8_t *octets, size_t n)
{
	size_t at = b->octet_count;

	if (n)
		memcpy(b->octets + at, octets, n);
	b->octet_count += n;
	return at;
}

static int add(struct smsc_batch *b, enum change_of what, const struct smsc_row *row)
{
	size_t octets = what == CHANGE_PUT ? row->length + row->tlvs_length : 0;
	int rc = reserve(b, octets);

	if (rc)
		return rc;
	struct smsc_change *c = &b->changes[b->count++];
	c->what = what;
	c->row = *row;
	if (what == CHANGE_PUT) {
		c->octets_at = keep(b, row->octets, row->length);
		c->tlvs_at = keep(b, row->tlvs, row->tlvs_length);
	}
	b->write.bytes += sizeof *c + octets;
	return 0;
}

int smsc_batch_put(struct smsc_batch *b, const struct smsc_row *row)
{
	return add(b, CHANGE_PUT, row);
}

int smsc_batch_update(struct smsc_batch *b, const struct smsc_row *row)
{
	return add(b, CHANGE_UPDATE, row);
}

int smsc_batch_forget(struct smsc_batch *b, int64_t id)
{
	return add(b, CHANGE_FORGET, &(struct smsc_row){.id = id});
}

/* ---- writing ---- */

static void bind_party(struct query *q, const struct smsc_party *p)
{
	query_int(q, p->ton);
	query_int(q, p->npi);
	query_text(q, p->number);
}

static void bind_what(struct query *q, const struct smsc_row *r, const uint8_t *octets,
		      const uint8_t *tlvs)
{
	query_int(q, r->id);
	query_int(q, r->shown_id);
	query_text(q, r->account);
	query_int(q, r->origin);
	query_int(q, r->reference);
	bind_party(q, &r->source);
	bind_party(q, &r->destination);
	query_text(q, r->service_type);
	query_int(q, r->esm_class);
	query_int(q, r->protocol_id);
	query_int(q, r->priority);
	query_int(q, r->data_coding);
	query_int(q, r->registered);
	query_blob(q, octets, r->length);
	query_blob(q, tlvs, r->tlvs_length);
}

static void bind_course(struct query *q, const struct smsc_row *r)
{
	query_int(q, r->schedule_us);
	query_int(q, r->expires_us);
	query_int(q, r->next_us);
	query_int(q, r->done_us);
	query_int(q, r->concat_reference);
	query_int(q, r->part);
	query_int(q, r->notice);
	query_int(q, r->told);
}

static int put(struct engine *e, const struct smsc_row *r, const uint8_t *octets,
	       const uint8_t *tlvs)
{
	struct query q;

	query_begin(&q, e, STMT_SMSC_PUT);
	bind_what(&q, r, octets, tlvs);
	query_int(&q, r->state);
	query_int(&q, r->outcome);
	query_int(&q, r->attempts);
	query_int(&q, r->error);
	query_int(&q, r->submitted_us);
	bind_course(&q, r);
	return query_run(&q);
}

static int update(struct engine *e, const struct smsc_row *r)
{
	struct query q;

	query_begin(&q, e, STMT_SMSC_UPDATE);
	query_int(&q, r->id);
	query_int(&q, r->state);
	query_int(&q, r->outcome);
	query_int(&q, r->attempts);
	query_int(&q, r->error);
	bind_course(&q, r);
	query_int(&q, r->registered);
	return query_run(&q);
}

static int forget(struct engine *e, int64_t id)
{
	struct query q;

	query_begin(&q, e, STMT_SMSC_FORGET);
	query_int(&q, id);
	return query_run(&q);
}

static int batch_run(struct write *w, struct engine *e)
{
	const struct smsc_batch *b = (const struct smsc_batch *)w;
	int err = 0;

	for (size_t i = 0; !err && i < b->count; i++) {
		const struct smsc_change *c = &b->changes[i];
		if (c->what == CHANGE_PUT)
			err = put(e, &c->row, b->octets + c->octets_at, b->octets + c->tlvs_at);
		else if (c->what == CHANGE_UPDATE)
			err = update(e, &c->row);
		else
			err = forget(e, c->row.id);
	}
	return err;
}

static void batch_done(struct write *w)
{
	struct smsc_batch *b = (struct smsc_batch *)w;

	b->done(b->arg, w->err);
	release(b);
}

struct smsc_batch *smsc_batch_new(void)
{
	return write_new(sizeof(struct smsc_batch), 0, batch_run, batch_done);
}

void smsc_batch_commit(struct db_port *port, struct smsc_batch *b, db_done *done, void *arg)
{
	b->done = done;
	b->arg = arg;
	write_submit(port, DB_SMSC, b);
}

/* ---- reading ---- */

static void get_party(struct query *q, struct smsc_party *p)
{
	p->ton = (uint8_t)query_get_int(q);
	p->npi = (uint8_t)query_get_int(q);
	query_get_text(q, p->number, sizeof p->number);
}

static int get_octets(struct query *q, const uint8_t **out, size_t *n)
{
	const void *octets = query_get_blob(q, n);
	uint8_t *copy = *n ? malloc(*n) : NULL;

	if (*n && !copy)
		return E_NOMEM;
	if (copy)
		memcpy(copy, octets, *n);
	*out = copy;
	return 0;
}

static int get_what(struct query *q, struct smsc_row *r)
{
	r->id = query_get_int(q);
	r->shown_id = query_get_int(q);
	query_get_text(q, r->account, sizeof r->account);
	r->origin = (uint8_t)query_get_int(q);
	r->reference = (uint8_t)query_get_int(q);
	get_party(q, &r->source);
	get_party(q, &r->destination);
	query_get_text(q, r->service_type, sizeof r->service_type);
	r->esm_class = (uint8_t)query_get_int(q);
	r->protocol_id = (uint8_t)query_get_int(q);
	r->priority = (uint8_t)query_get_int(q);
	r->data_coding = (uint8_t)query_get_int(q);
	r->registered = (uint8_t)query_get_int(q);
	int err = get_octets(q, &r->octets, &r->length);
	return err ? err : get_octets(q, &r->tlvs, &r->tlvs_length);
}

static void get_life(struct query *q, struct smsc_row *r)
{
	r->state = (uint8_t)query_get_int(q);
	r->outcome = (uint8_t)query_get_int(q);
	r->attempts = (uint16_t)query_get_int(q);
	r->error = (uint16_t)query_get_int(q);
	r->submitted_us = query_get_int(q);
	r->schedule_us = query_get_int(q);
	r->expires_us = query_get_int(q);
	r->next_us = query_get_int(q);
	r->done_us = query_get_int(q);
	r->concat_reference = (uint16_t)query_get_int(q);
	r->part = (uint8_t)query_get_int(q);
	r->notice = (uint8_t)query_get_int(q);
	r->told = (uint8_t)query_get_int(q);
}

static int read_rows(struct engine *e, int64_t after, size_t limit, struct smsc_row *rows,
		     size_t *n)
{
	struct query q;
	int err = 0;

	query_begin(&q, e, STMT_SMSC_AFTER);
	query_int(&q, after);
	query_int(&q, (int64_t)limit);
	while (!err && *n < limit && query_next(&q)) {
		struct smsc_row *r = &rows[(*n)++];
		err = get_what(&q, r);
		get_life(&q, r);
	}
	int end = query_end(&q);
	engine_assert_idle(e);
	return err ? err : end;
}

void smsc_load(struct db_port *port, int64_t after, size_t limit, smsc_loaded *loaded, void *arg)
{
	struct smsc_row *rows = calloc(limit, sizeof *rows);
	size_t n = 0;
	int err = rows ? 0 : E_NOMEM;
	struct engine *e = err ? NULL : port_reader(port, DB_SMSC, &err);

	if (e)
		err = read_rows(e, after, limit, rows, &n);
	loaded(arg, err, rows, err ? 0 : n);
	for (size_t i = 0; i < n; i++) {
		free((void *)(uintptr_t)rows[i].octets);
		free((void *)(uintptr_t)rows[i].tlvs);
	}
	free(rows);
}
