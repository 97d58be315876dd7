#include "db/sessions.h"

#include <string.h>

#include "db/nases.h"
#include "lib/err.h"

#define BEARER_OCTETS 5

size_t session_family(const struct key *k)
{
	return addr_is_v4(&k->addr) ? 0 : 1;
}

/* ---- bearers and keys as octets ---- */

static void read_bearers(struct query *q, struct session_row *r)
{
	size_t n = 0;
	const uint8_t *at = query_get_blob(q, &n);

	for (; n >= BEARER_OCTETS && r->bearer_count < SESSION_BEARERS_MAX;
	     at += BEARER_OCTETS, n -= BEARER_OCTETS)
		r->bearers[r->bearer_count++] = (struct session_bearer){
			.id = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 |
			      at[3],
			.ended = at[4] != 0};
}

/* The octets must live until query_end. */
static void bind_bearers(struct query *q, const struct session_row *r,
			 uint8_t octets[SESSION_BEARERS_MAX * BEARER_OCTETS])
{
	if (!r->bearer_count) {
		query_null(q);
		return;
	}
	for (size_t i = 0; i < r->bearer_count; i++) {
		const struct session_bearer *b = &r->bearers[i];
		uint8_t *at = octets + i * BEARER_OCTETS;
		at[0] = (uint8_t)(b->id >> 24);
		at[1] = (uint8_t)(b->id >> 16);
		at[2] = (uint8_t)(b->id >> 8);
		at[3] = (uint8_t)b->id;
		at[4] = b->ended;
	}
	query_blob(q, octets, r->bearer_count * BEARER_OCTETS);
}

/* What key_bytes wrote. */
static void read_key(struct query *q, struct session_stored *s, size_t family)
{
	struct key *k = &s->keys[family];
	size_t n;
	const uint8_t *p = query_get_blob(q, &n);

	s->has_key[family] = n == KEY_BYTES_MAX;
	if (!s->has_key[family])
		return;
	*k = (struct key){.plen = p[16],
			  .port_first = (uint16_t)(p[17] << 8 | p[18]),
			  .port_last = (uint16_t)(p[19] << 8 | p[20])};
	memcpy(k->realm, s->row.realm, sizeof k->realm);
	memcpy(k->addr.bytes, p, sizeof k->addr.bytes);
}

static void bind_key(struct query *q, const struct session_stored *s, size_t family,
		     uint8_t octets[KEY_BYTES_MAX])
{
	if (s->has_key[family])
		query_blob(q, octets, key_bytes(&s->keys[family], octets));
	else
		query_null(q);
}

/* ---- reading ---- */

static void read_session(struct query *q, struct session_stored *s, int64_t *nas)
{
	struct session_row *r = &s->row;

	memset(r, 0, sizeof *r);
	r->id = query_get_int(q);
	query_get_text(q, r->realm, sizeof r->realm);
	*nas = query_get_int(q);
	query_get_text(q, r->session_id, sizeof r->session_id);
	r->epoch = (uint32_t)query_get_int(q);
	r->subscriber = query_get_int(q);
	r->started_us = query_get_int(q);
	r->normalised_us = query_get_int(q);
	r->renewed_us = query_get_int(q);
	r->ended_us = query_get_int(q);
	read_bearers(q, r);
	read_key(q, s, 0);
	read_key(q, s, 1);
	r->active = query_get_int(q) != 0;
}

static int first_session(struct query *q, struct session_stored *out)
{
	struct engine *e = q->engine;
	int64_t nas = 0;
	int err = query_first(q);

	if (!err)
		read_session(q, out, &nas);
	query_end(q);
	return err ? err : nas_row_name(e, nas, out->row.nas_id);
}

int session_row_find(struct engine *e, const char *realm, const char *nas_id,
		     const char *session_id, uint32_t epoch, struct session_stored *out)
{
	struct query q;
	int64_t nas;
	int err = nas_row_id(e, realm, nas_id, &nas);

	if (err)
		return err;
	query_begin(&q, e, STMT_SESSION_FIND);
	query_int(&q, nas);
	query_text(&q, session_id);
	query_int(&q, epoch);
	return first_session(&q, out);
}

int session_row_get(struct engine *e, int64_t id, struct session_stored *out)
{
	struct query q;

	query_begin(&q, e, STMT_SESSION_GET);
	query_int(&q, id);
	return first_session(&q, out);
}

int session_row_active(struct engine *e, const char *realm, int64_t subscriber,
		       struct session_stored *out)
{
	struct query q;

	query_begin(&q, e, *realm ? STMT_SESSION_ACTIVE : STMT_SESSION_ACTIVE_ANY);
	query_int(&q, subscriber);
	if (*realm)
		query_text(&q, realm);
	return first_session(&q, out);
}

int session_row_before(struct engine *e, const char *realm, const char *nas_id, int64_t time_us,
		       struct session_stored *out)
{
	struct query q;
	int64_t nas;
	int err = nas_row_id(e, realm, nas_id, &nas);

	if (err)
		return err;
	query_begin(&q, e, STMT_SESSION_BEFORE);
	query_int(&q, nas);
	query_int(&q, time_us);
	return first_session(&q, out);
}

static void open_begin(struct query *q, struct engine *e, enum statement id, int64_t nas,
		       int64_t time_us, int64_t started_us)
{
	query_begin(q, e, id);
	query_int(q, nas);
	query_int(q, time_us);
	query_int(q, started_us);
}

static int open_take(struct query *q, struct session_cursor *at, int64_t *ids, size_t max,
		     size_t *n)
{
	query_int(q, (int64_t)(max - *n));
	for (; *n < max && query_next(q); (*n)++) {
		at->started_us = query_get_int(q);
		at->id = ids[*n] = query_get_int(q);
	}
	return query_end(q);
}

int session_rows_open(struct engine *e, const char *realm, const char *nas_id, int64_t time_us,
		      struct session_cursor *at, int64_t *ids, size_t max, size_t *n)
{
	struct query q;
	int64_t nas;
	int err = nas_row_id(e, realm, nas_id, &nas);

	*n = 0;
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	open_begin(&q, e, STMT_SESSIONS_OPEN_AT, nas, time_us, at->started_us);
	query_int(&q, at->id);
	err = open_take(&q, at, ids, max, n);
	if (err || *n == max)
		return err;
	open_begin(&q, e, STMT_SESSIONS_OPEN, nas, time_us, at->started_us);
	return open_take(&q, at, ids, max, n);
}

/* ---- whose session ---- */

static int run_current(struct engine *e, enum statement id, const struct session_row *r)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, r->subscriber);
	query_text(&q, r->realm);
	query_int(&q, r->id);
	return query_run(&q);
}

/* Mostly he had one before: its row is taken over where it is. */
static int put_current(struct engine *e, const struct session_row *r)
{
	int err = run_current(e, STMT_CURRENT_SET, r);

	return err || engine_affected(e) == 1 ? err : run_current(e, STMT_CURRENT_INSERT, r);
}

/* ---- writing ---- */

int session_row_insert(struct engine *e, struct session_stored *s)
{
	uint8_t bearers[SESSION_BEARERS_MAX * BEARER_OCTETS], keys[2][KEY_BYTES_MAX];
	struct session_row *r = &s->row;
	struct query q;
	int64_t nas = 0;
	int err = nas_row_id(e, r->realm, r->nas_id, &nas);

	if (err)
		return err == E_NOT_FOUND ? E_CONFLICT : err; /* the rules put the NAS first */
	query_begin(&q, e, STMT_SESSION_INSERT);
	query_int(&q, nas);
	query_text(&q, r->session_id);
	query_int(&q, r->epoch);
	query_text(&q, r->realm);
	query_int(&q, r->subscriber);
	query_int(&q, r->started_us);
	query_int(&q, r->normalised_us);
	query_int(&q, r->renewed_us);
	query_int(&q, r->ended_us);
	bind_bearers(&q, r, bearers);
	bind_key(&q, s, 0, keys[0]);
	bind_key(&q, s, 1, keys[1]);
	err = query_run(&q);
	if (err)
		return err;
	r->id = engine_inserted(e);
	return r->active ? put_current(e, r) : 0;
}

static bool same_bearers(const struct session_row *a, const struct session_row *b)
{
	if (a->bearer_count != b->bearer_count)
		return false;
	for (size_t i = 0; i < a->bearer_count; i++)
		if (a->bearers[i].id != b->bearers[i].id ||
		    a->bearers[i].ended != b->bearers[i].ended)
			return false;
	return true;
}

static int set_bearers(struct engine *e, const struct session_row *r)
{
	uint8_t octets[SESSION_BEARERS_MAX * BEARER_OCTETS];
	struct query q;

	query_begin(&q, e, STMT_SESSION_SET_BEARERS);
	query_int(&q, r->id);
	bind_bearers(&q, r, octets);
	return query_run(&q);
}

/* SQLite writes the indexes of every column that is named, also where the value stays: so what
 * changes most has its own statement. */
static int set_times(struct engine *e, const struct session_row *was, const struct session_row *r)
{
	bool same = was->subscriber == r->subscriber && was->started_us == r->started_us &&
		    was->normalised_us == r->normalised_us && was->ended_us == r->ended_us;
	struct query q;

	if (same && was->renewed_us == r->renewed_us)
		return 0;
	query_begin(&q, e, same ? STMT_SESSION_RENEW : STMT_SESSION_UPDATE);
	query_int(&q, r->id);
	query_int(&q, r->renewed_us);
	if (!same) {
		query_int(&q, r->subscriber);
		query_int(&q, r->started_us);
		query_int(&q, r->normalised_us);
		query_int(&q, r->ended_us);
	}
	return query_run(&q);
}

int session_row_update(struct engine *e, const struct session_row *was,
		       const struct session_row *now)
{
	bool moved = was->active != now->active || was->subscriber != now->subscriber;
	int err = same_bearers(was, now) ? 0 : set_bearers(e, now);

	if (!err)
		err = set_times(e, was, now);
	if (!err && was->active && moved)
		err = run_current(e, STMT_CURRENT_DELETE, was);
	if (!err && now->active && moved)
		err = put_current(e, now);
	return err;
}

int session_row_note_key(struct engine *e, int64_t session, const struct key *k)
{
	uint8_t octets[KEY_BYTES_MAX];
	struct query q;

	query_begin(&q, e,
		    addr_is_v4(&k->addr) ? STMT_SESSION_SET_KEY_V4 : STMT_SESSION_SET_KEY_V6);
	query_int(&q, session);
	query_blob(&q, octets, key_bytes(k, octets));
	return query_run(&q);
}
