/* Tripped breakers: rows that stand until the feed has resynchronised or an operator releases them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db_private.h"
#include "db/feed.h"
#include "db/freezes.h"
#include "db/history.h"
#include "lib/clock.h"
#include "lib/err.h"

#define LIST_MAX 1000
#define PLEN_NAS (-1)
#define NAMELESS "-" /* the NAS of feeds that name none */

const char *breaker_pool_name(const struct breaker_pool *p, char text[BREAKER_POOL_MAX])
{
	if (p->is_prefix)
		addr_range_format(&p->prefix, text);
	else
		snprintf(text, BREAKER_POOL_MAX, "%s", *p->nas_id ? p->nas_id : NAMELESS);
	return text;
}

/* ---- at the moment of use ---- */

int breaker_covers(struct engine *e, int64_t any, const struct binding *b, bool *tripped)
{
	struct addr last = key_last(&b->key);
	int64_t covered = 0;
	struct query q;

	*tripped = false;
	if (!(any & CONTAINED_BREAKER))
		return 0;
	query_begin(&q, e, STMT_BREAKER_COVERS);
	query_text(&q, b->key.realm);
	query_int(&q, b->session);
	query_blob(&q, b->key.addr.bytes, sizeof b->key.addr.bytes);
	query_blob(&q, last.bytes, sizeof last.bytes);
	int err = query_run_int(&q, &covered);
	*tripped = covered != 0;
	return err;
}

/* ---- the rows ---- */

/* Reads BREAKER_COLUMNS. */
static void read_breaker(struct query *q, struct breaker_row *r)
{
	struct breaker_pool *p = &r->pool;
	size_t n;

	memset(r, 0, sizeof *r);
	r->id = query_get_int(q);
	query_get_text(q, p->realm, sizeof p->realm);
	query_get_text(q, p->nas_id, sizeof p->nas_id);
	const void *addr = query_get_blob(q, &n);
	if (n == sizeof p->prefix.base.bytes)
		memcpy(p->prefix.base.bytes, addr, n);
	int64_t plen = query_get_int(q);
	p->is_prefix = plen != PLEN_NAS;
	p->prefix.plen = p->is_prefix ? (uint8_t)plen : 0;
	r->attempts = query_get_int(q);
	r->hard = query_get_int(q);
	r->bare = query_get_int(q);
	r->tripped_us = query_get_int(q);
}

static int read_waits(struct engine *e, struct breaker_row *r)
{
	struct query q;

	query_begin(&q, e, STMT_BREAKER_WAITS);
	query_int(&q, r->id);
	query_int(&q, BREAKER_WAITS_MAX);
	while (r->wait_count < BREAKER_WAITS_MAX && query_next(&q))
		query_get_text(&q, r->waits[r->wait_count++], NAS_ID_MAX);
	return query_end(&q);
}

static int get_breaker(struct engine *e, int64_t id, struct breaker_row *r)
{
	struct query q;

	query_begin(&q, e, STMT_BREAKER_GET);
	query_int(&q, id);
	int err = query_first(&q);
	if (!err)
		read_breaker(&q, r);
	query_end(&q);
	return err ? err : read_waits(e, r);
}

/* ---- writing ---- */

struct breaker_write {
	struct write write;
	db_done *done;
	void *arg;
	struct breaker_row row;
	char pool[BREAKER_POOL_MAX];
	char feeder[FEEDER_MAX];
};

static void write_done(struct write *write)
{
	struct breaker_write *w = (struct breaker_write *)write;

	w->done(w->arg, write->err);
}

/* The history's row and the word to all daemons. */
static int tell(struct engine *e, const struct breaker_row *r, const char *event,
		const char *feeder, const char *evidence, int64_t now_us)
{
	const struct breaker_pool *p = &r->pool;
	struct key k = {.addr = p->prefix.base, .plen = p->prefix.plen, .port_last = UINT16_MAX};

	memcpy(k.realm, p->realm, sizeof k.realm);
	int err = history_append(e,
				 &(struct history_entry){.key = &k,
							 .event = event,
							 .outcome = p->is_prefix ? "prefix" : "nas",
							 .nas_id = p->nas_id,
							 .feeder = feeder,
							 .evidence = evidence,
							 .time_us = now_us,
							 .received_us = now_us});
	return err ? err : feed_append(e, &(struct change){.kind = CHANGE_BREAKER, .key = k});
}

static int find(struct engine *e, const struct breaker_pool *p, int64_t *id)
{
	struct query q;

	query_begin(&q, e, STMT_BREAKER_FIND);
	query_text(&q, p->realm);
	query_text(&q, p->nas_id);
	query_blob(&q, p->prefix.base.bytes, sizeof p->prefix.base.bytes);
	query_int(&q, p->is_prefix ? p->prefix.plen : PLEN_NAS);
	return query_run_int(&q, id);
}

static int insert(struct engine *e, const struct breaker_row *r, int64_t *id)
{
	const struct breaker_pool *p = &r->pool;
	struct addr last = addr_range_last(&p->prefix);
	struct query q;

	query_begin(&q, e, STMT_BREAKER_INSERT);
	query_text(&q, p->realm);
	query_text(&q, p->nas_id);
	query_blob(&q, p->prefix.base.bytes, sizeof p->prefix.base.bytes);
	query_blob(&q, last.bytes, sizeof last.bytes);
	query_int(&q, p->is_prefix ? p->prefix.plen : PLEN_NAS);
	query_int(&q, r->attempts);
	query_int(&q, r->hard);
	query_int(&q, r->bare);
	query_int(&q, r->tripped_us);
	int err = query_run(&q);
	if (!err)
		*id = engine_inserted(e);
	return err;
}

static int run_put(struct write *write, struct engine *e)
{
	struct breaker_write *w = (struct breaker_write *)write;
	char evidence[160];
	struct query q;
	int64_t id = 0;
	int err = find(e, &w->row.pool, &id);

	if (err != E_NOT_FOUND)
		return err ? err : E_EXISTS;
	w->row.tripped_us = clock_now_us();
	err = insert(e, &w->row, &id);
	for (size_t i = 0; !err && i < w->row.wait_count; i++) {
		query_begin(&q, e, STMT_BREAKER_WAIT_PUT);
		query_int(&q, id);
		query_text(&q, w->row.waits[i]);
		err = query_run(&q);
	}
	snprintf(evidence, sizeof evidence,
		 "of %lld subscribers who attempted, hard evidence against %lld, bare words "
		 "against %lld",
		 (long long)w->row.attempts, (long long)w->row.hard, (long long)w->row.bare);
	return err ? err
		   : tell(e, &w->row, "breaker-tripped", write->port->db->daemon, evidence,
			  w->row.tripped_us);
}

void breaker_put(struct db_port *port, const struct breaker_row *row, db_done *done, void *arg)
{
	struct breaker_write *w = write_new(sizeof *w, 0, run_put, write_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->row = *row;
	write_submit(port, DB_BINDINGS, w);
}

static int release(struct engine *e, int64_t id, const char *feeder, const char *why,
		   int64_t now_us)
{
	struct breaker_row row;
	struct query q;
	int err = get_breaker(e, id, &row);

	if (err)
		return err;
	query_begin(&q, e, STMT_BREAKER_DELETE);
	query_int(&q, id);
	err = query_run(&q);
	return err ? err : tell(e, &row, "breaker-released", feeder, why, now_us);
}

static int find_named(struct engine *e, const char *realm, const char *name, int64_t *id)
{
	struct breaker_pool p = {0};

	snprintf(p.realm, sizeof p.realm, "%s", realm);
	snprintf(p.nas_id, sizeof p.nas_id, "%s", strcmp(name, NAMELESS) ? name : "");
	int err = find(e, &p, id);
	if (err != E_NOT_FOUND)
		return err;
	p.nas_id[0] = '\0';
	p.is_prefix = true;
	return addr_range_parse(name, &p.prefix) ? E_NOT_FOUND : find(e, &p, id);
}

static int run_release(struct write *write, struct engine *e)
{
	struct breaker_write *w = (struct breaker_write *)write;
	int64_t id = 0;
	int err = find_named(e, w->row.pool.realm, w->pool, &id);

	return err ? err : release(e, id, w->feeder, "by the operator", clock_now_us());
}

void breaker_release(struct db_port *port, const char *realm, const char *pool, const char *feeder,
		     db_done *done, void *arg)
{
	if (strlen(pool) >= BREAKER_POOL_MAX) {
		done(arg, E_NOT_FOUND);
		return;
	}
	struct breaker_write *w = write_new(sizeof *w, 0, run_release, write_done);
	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	snprintf(w->row.pool.realm, sizeof w->row.pool.realm, "%s", realm);
	snprintf(w->pool, sizeof w->pool, "%s", pool);
	snprintf(w->feeder, sizeof w->feeder, "%s", feeder);
	write_submit(port, DB_BINDINGS, w);
}

/* ---- the feed has resynchronised ---- */

static int next_waiting(struct engine *e, const char *realm, const char *nas_id, int64_t *id)
{
	struct query q;

	query_begin(&q, e, STMT_BREAKER_WAIT_FIND);
	query_text(&q, nas_id);
	query_text(&q, realm);
	return query_run_int(&q, id);
}

int breakers_resynchronised(struct engine *e, const char *realm, const char *nas_id,
			    const char *feeder, int64_t now_us)
{
	struct breaker_row row;
	struct query q;
	int64_t id;
	int err;

	while (!(err = next_waiting(e, realm, nas_id, &id))) {
		query_begin(&q, e, STMT_BREAKER_WAIT_END);
		query_int(&q, id);
		query_text(&q, nas_id);
		err = query_run(&q);
		if (!err)
			err = get_breaker(e, id, &row);
		if (!err && !row.wait_count)
			err = release(e, id, feeder, "resynchronised", now_us);
		if (err)
			return err;
	}
	return err == E_NOT_FOUND ? 0 : err;
}

/* ---- listing ---- */

static int read_list(struct engine *e, const char *realm, int64_t after, size_t limit,
		     struct breaker_row *list, size_t *n)
{
	struct query q;

	query_begin(&q, e, STMT_BREAKER_AFTER);
	query_text(&q, realm);
	query_int(&q, after);
	query_int(&q, (int64_t)limit);
	while (*n < limit && query_next(&q))
		read_breaker(&q, &list[(*n)++]);
	int err = query_end(&q);
	for (size_t i = 0; !err && i < *n; i++)
		err = read_waits(e, &list[i]);
	return err;
}

void breaker_list(struct db_port *port, const char *realm, int64_t after, size_t limit,
		  breaker_list_got *got, void *arg)
{
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (limit > LIST_MAX)
		limit = LIST_MAX;
	struct breaker_row *list = malloc((limit ? limit : 1) * sizeof *list);
	if (!list)
		err = E_NOMEM;
	if (!err)
		err = read_list(e, realm, after, limit, list, &n);
	if (e)
		engine_assert_idle(e);
	got(arg, err, list, err ? 0 : n);
	free(list);
}
