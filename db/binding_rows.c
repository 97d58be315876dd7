#include <assert.h>
#include <string.h>

#include "db/bindings.h"
#include "db/feed.h"
#include "db/freezes.h"
#include "db/sessions.h"
#include "lib/clock.h"
#include "lib/err.h"

void binding_read(struct query *q, struct binding *b)
{
	size_t n;

	memset(b, 0, sizeof *b);
	query_get_key(q, &b->key);
	b->state = (enum key_state)query_get_int(q);
	b->generation = (uint32_t)query_get_int(q);
	b->subscriber = query_get_int(q);
	b->session = query_get_int(q);
	b->watermark_us = query_get_int(q);
	b->watermark_batch = query_get_int(q);
	b->started_us = query_get_int(q);
	b->expires_us = query_get_int(q);
	b->renewed_us = query_get_int(q);
	b->confirmed_us = query_get_int(q);
	b->rival = query_get_int(q);
	b->reason = (enum quarantine_reason)query_get_int(q);
	const void *trigger_key = query_get_blob(q, &n);
	if (n == sizeof b->trigger_key)
		memcpy(b->trigger_key, trigger_key, n);
	const void *host = query_get_blob(q, &n);
	if (n == sizeof b->host.bytes)
		memcpy(b->host.bytes, host, n);
	b->proved_sqn = query_get_int(q);
	b->rival_us = query_get_int(q);
}

static int first_binding(struct query *q, struct binding *b)
{
	int err = query_first(q);

	if (!err)
		binding_read(q, b);
	query_end(q);
	return err;
}

int binding_row_get(struct engine *e, const struct key *k, struct binding *b)
{
	struct query q;

	query_begin(&q, e, STMT_BINDING_GET);
	query_key(&q, k);
	return first_binding(&q, b);
}

/* ---- by address ---- */

static int read_lengths(struct engine *e, const char *realm, bool v4, struct key_lengths *out)
{
	struct query q;

	*out = (struct key_lengths){.count = 0};
	query_begin(&q, e, STMT_KEY_LENGTHS);
	query_text(&q, realm);
	query_int(&q, v4);
	while (out->count < KEY_LENGTHS_MAX && query_next(&q)) {
		out->plens[out->count++] = (uint8_t)query_get_int(&q);
		out->has_blocks |= query_get_int(&q) != 0;
	}
	int err = query_end(&q);
	if (!err)
		memcpy(out->realm, realm, strlen(realm) + 1);
	return err;
}

/* The prefix lengths that occur, longest first. In the writer's transaction they are read once a
 * group; outside of it another process may have added one since. */
static int lengths(struct engine *e, const char *realm, bool v4, const struct key_lengths **out)
{
	struct key_lengths *kept = &e->lengths[v4];

	*out = kept;
	if (engine_in_transaction(e) && !strcmp(kept->realm, realm))
		return 0;
	*kept->realm = 0;
	return read_lengths(e, realm, v4, kept);
}

static uint8_t usual_length(const struct addr *a)
{
	return addr_is_v4(a) ? KEY_PLEN_V4 : KEY_PLEN_V6;
}

void binding_found_read(struct query *q, struct binding_found *f, int64_t *any)
{
	memset(f, 0, sizeof *f);
	binding_read(q, &f->b);
	f->behind = lease_is_behind(&(struct nas_row){.behind_us = query_get_int(q)}, &f->b);
	*any = query_get_int(q);
	query_get_text(q, f->msisdn, sizeof f->msisdn);
	query_get_text(q, f->imsi, sizeof f->imsi);
	f->has_sim_key = query_get_int(q) != 0;
	query_get_text(q, f->nas_id, sizeof f->nas_id);
	query_get_text(q, f->session_id, sizeof f->session_id);
}

int binding_found_contain(struct engine *e, int64_t any, struct binding_found *f)
{
	int err = binding_contain(e, any, &f->b);

	return err ? err : breaker_covers(e, any, &f->b, &f->tripped);
}

/* Who holds an address: where the answer goes, and the statement that gives it. */
struct look {
	enum statement statement;
	const char *realm;
	const struct addr *source;
	uint16_t port;
	struct binding *b;
	int64_t *behind_us;
	char *msisdn;                /* null: not asked for */
	struct binding_found *found; /* if not null, it and the first address take the place of b */
	char *first_address;
};

/* A row of the look's statement. */
static void look_read(const struct look *l, struct query *q, int64_t *any)
{
	if (l->found) {
		binding_found_read(q, l->found, any);
		query_get_text(q, l->first_address, ADDRESS_MAX);
		return;
	}
	binding_read(q, l->b);
	*l->behind_us = query_get_int(q);
	*any = query_get_int(q);
	if (l->msisdn)
		query_get_text(q, l->msisdn, MSISDN_MAX);
}

static int check_length(struct engine *e, const struct look *l, uint8_t plen)
{
	struct addr base = *l->source;
	struct query q;

	addr_mask(&base, plen);
	query_begin(&q, e, l->statement);
	query_text(&q, l->realm);
	query_blob(&q, base.bytes, sizeof base.bytes);
	query_int(&q, plen);
	query_int(&q, l->port);
	query_int(&q, l->port);
	int64_t any = 0;
	int err = query_first(&q);
	if (!err)
		look_read(l, &q, &any);
	query_end(&q);
	if (err || !any)
		return err;
	return l->found ? binding_found_contain(e, any, l->found) : binding_contain(e, any, l->b);
}

/* The usual length first; the others only where they occur. Active keys do not overlap, so the
 * first hit is the only one. */
static int look(struct engine *e, const struct look *l)
{
	const struct key_lengths *occur;
	uint8_t usual = usual_length(l->source);
	int err = check_length(e, l, usual);

	if (err != E_NOT_FOUND)
		return err;
	err = lengths(e, l->realm, addr_is_v4(l->source), &occur);
	if (err)
		return err;
	for (size_t i = 0; i < occur->count; i++) {
		if (occur->plens[i] == usual)
			continue;
		err = check_length(e, l, occur->plens[i]);
		if (err != E_NOT_FOUND)
			return err;
	}
	return E_NOT_FOUND;
}

int binding_row_check(struct engine *e, const char *realm, const struct addr *source, uint16_t port,
		      struct binding *b, int64_t *behind_us)
{
	return look(e, &(struct look){.statement = STMT_BINDING_CHECK,
				      .realm = realm,
				      .source = source,
				      .port = port,
				      .b = b,
				      .behind_us = behind_us});
}

int binding_row_caller(struct engine *e, const char *realm, const struct addr *source,
		       uint16_t port, struct binding *b, int64_t *behind_us,
		       char msisdn[MSISDN_MAX])
{
	return look(e, &(struct look){.statement = STMT_BINDING_CALLER,
				      .realm = realm,
				      .source = source,
				      .port = port,
				      .b = b,
				      .behind_us = behind_us,
				      .msisdn = msisdn});
}

int binding_row_owner(struct engine *e, const char *realm, const struct addr *source, uint16_t port,
		      struct binding_found *found, char first_address[ADDRESS_MAX])
{
	return look(e, &(struct look){.statement = STMT_BINDING_OWNER,
				      .realm = realm,
				      .source = source,
				      .port = port,
				      .found = found,
				      .first_address = first_address});
}

/* ---- overlaps ---- */

/* The last address of k's prefix. A prefix of the family's longest length holds no narrower key:
 * its own address will do, which also keeps ::/64 from walking through every v4-mapped row behind
 * it. */
static struct addr last_address(const struct key *k)
{
	struct addr a = k->addr;

	if (k->plen >= usual_length(&k->addr))
		return a;
	for (unsigned bit = k->plen; bit < 128; bit++)
		a.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return a;
}

struct overlap_question {
	const struct key *key;
	int64_t newer_us;
	const struct key *after; /* null: from the first */
};

static int overlap_inside(struct engine *e, const struct overlap_question *ask, struct binding *b)
{
	const struct key *k = ask->key;
	bool on = ask->after != NULL;
	struct addr last = last_address(k);
	struct addr from = on ? ask->after->addr : k->addr;
	struct query q;
	int err = E_NOT_FOUND;

	query_begin(&q, e, STMT_BINDING_INSIDE);
	query_text(&q, k->realm);
	query_blob(&q, from.bytes, sizeof from.bytes);
	query_blob(&q, last.bytes, sizeof last.bytes);
	query_int(&q, on ? ask->after->plen : -1);
	query_int(&q, k->port_first);
	query_int(&q, k->port_last);
	query_int(&q, ask->newer_us);
	query_int(&q, on ? ask->after->port_first : 0);
	query_int(&q, on ? ask->after->port_last : 0);
	query_int(&q, k->plen);
	while (err && query_next(&q)) {
		binding_read(&q, b);
		if (key_overlaps(&b->key, k) && !key_equal(&b->key, k))
			err = 0;
	}
	int failed = query_end(&q);
	return failed ? failed : err;
}

static int overlap_around(struct engine *e, const struct overlap_question *ask, uint8_t plen,
			  struct binding *b)
{
	const struct key *k = ask->key;
	bool on = ask->after && ask->after->plen == plen;
	struct addr base = k->addr;
	struct query q;

	addr_mask(&base, plen);
	query_begin(&q, e, STMT_BINDING_AROUND);
	query_text(&q, k->realm);
	query_blob(&q, base.bytes, sizeof base.bytes);
	query_int(&q, plen);
	query_int(&q, k->port_first);
	query_int(&q, k->port_last);
	query_int(&q, ask->newer_us);
	query_int(&q, on ? ask->after->port_first : -1);
	query_int(&q, on ? ask->after->port_last : -1);
	return first_binding(&q, b);
}

/* Whether anything can lie inside k: a narrower key, or one that shares its address by ports. */
static bool may_hold_others(const struct key *k, const struct key_lengths *occur)
{
	return key_is_block(k) || occur->has_blocks || (occur->count && occur->plens[0] > k->plen);
}

/* First what lies inside, in order of key; then what lies around, the narrowest first. Mostly all
 * keys are of one length and whole addresses, and nothing is asked. */
int binding_row_overlapping(struct engine *e, const struct key *k, int64_t newer_us,
			    const struct key *after, struct binding *b)
{
	struct overlap_question ask = {.key = k, .newer_us = newer_us, .after = after};
	bool inside = !after || after->plen >= k->plen;
	const struct key_lengths *occur;
	int err = lengths(e, k->realm, addr_is_v4(&k->addr), &occur);

	if (err)
		return err;
	if (inside && may_hold_others(k, occur)) {
		err = overlap_inside(e, &ask, b);
		if (err != E_NOT_FOUND)
			return err;
	}
	for (size_t i = 0; i < occur->count; i++) {
		uint8_t plen = occur->plens[i];
		if (plen >= k->plen || (!inside && plen > after->plen))
			continue;
		err = overlap_around(e, &ask, plen, b);
		if (err != E_NOT_FOUND)
			return err;
	}
	return E_NOT_FOUND;
}

/* ---- by session and subscriber ---- */

/* The session says where to look, the key's row whether it is so. */
int binding_row_of_session(struct engine *e, int64_t session, struct binding out[2], size_t *n)
{
	struct session_stored s;
	int err = session_row_get(e, session, &s);

	*n = 0;
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	for (size_t i = 0; !err && i < 2; i++) {
		if (!s.has_key[i])
			continue;
		err = binding_row_get(e, &s.keys[i], &out[*n]);
		if (!err && out[*n].session == session)
			(*n)++;
		if (err == E_NOT_FOUND)
			err = 0;
	}
	return err;
}

int bindings_of(struct engine *e, const char *realm, int64_t subscriber,
		struct binding out[SUBSCRIBER_BINDINGS], size_t *n)
{
	int64_t sessions[SUBSCRIBER_BINDINGS / 2 + 1];
	struct query q;
	size_t count = 0, found;

	*n = 0;
	query_begin(&q, e, STMT_SESSION_IDS_ACTIVE);
	query_int(&q, subscriber);
	query_text(&q, realm);
	query_int(&q, SUBSCRIBER_BINDINGS / 2 + 1);
	while (count <= SUBSCRIBER_BINDINGS / 2 && query_next(&q))
		sessions[count++] = query_get_int(&q);
	int err = query_end(&q);
	if (!err && count > SUBSCRIBER_BINDINGS / 2)
		return E_TOO_LARGE;
	for (size_t i = 0; !err && i < count; i++, *n += found)
		err = binding_row_of_session(e, sessions[i], &out[*n], &found);
	return err;
}

/* ---- writing ---- */

/* All zero is none: it costs the row nothing. */
static void put_blob_or_null(struct query *q, const uint8_t *octets, size_t n)
{
	static const uint8_t none[16];

	assert(n <= sizeof none);
	if (memcmp(octets, none, n) == 0)
		query_null(q);
	else
		query_blob(q, octets, n);
}

static int run_put(struct engine *e, enum statement id, const struct binding *b)
{
	struct query q;

	query_begin(&q, e, id);
	query_key(&q, &b->key);
	query_int(&q, b->state);
	query_int(&q, b->generation);
	query_int(&q, b->subscriber);
	query_int(&q, b->session);
	query_int(&q, b->watermark_us);
	query_int(&q, b->watermark_batch);
	query_int(&q, b->started_us);
	query_int(&q, b->expires_us);
	query_int(&q, b->renewed_us);
	query_int(&q, b->confirmed_us);
	query_int(&q, b->rival);
	query_int(&q, b->reason);
	put_blob_or_null(&q, b->trigger_key, sizeof b->trigger_key);
	put_blob_or_null(&q, b->host.bytes, sizeof b->host.bytes);
	query_int(&q, b->proved_sqn);
	query_int(&q, b->rival_us);
	return query_run(&q);
}

/* Nearly every row is there already and keeps its end: the cheap way is tried first. */
static int put_row(struct engine *e, const struct binding *before, const struct binding *b)
{
	if (before->generation > 0 && before->expires_us == b->expires_us) {
		int err = run_put(e, STMT_BINDING_SET, b);
		if (err || engine_affected(e) == 1)
			return err;
	}
	int err = run_put(e, STMT_BINDING_PUT, b);
	return !err && engine_affected(e) != 1 ? E_CONFLICT : err; /* its generation would lessen */
}

static int put_length(struct engine *e, const struct key *k)
{
	struct query q;

	query_begin(&q, e, STMT_KEY_LENGTH_PUT);
	query_text(&q, k->realm);
	query_int(&q, addr_is_v4(&k->addr));
	query_int(&q, k->plen);
	query_int(&q, key_is_block(k));
	*e->lengths[addr_is_v4(&k->addr)].realm = 0;
	return query_run(&q);
}

bool binding_decides(const struct binding *before, const struct binding *after)
{
	return before->generation != after->generation || before->subscriber != after->subscriber ||
	       before->session != after->session ||
	       (before->state == KEY_FREE) != (after->state == KEY_FREE);
}

static int append_history(const struct db *db, struct engine *e, const struct binding *before,
			  const struct binding *after, const struct history_entry *entry)
{
	struct history_entry row = *entry;

	row.key = &after->key;
	row.generation = after->generation;
	row.decides = binding_decides(before, after);
	if (!row.feeder)
		row.feeder = db->daemon;
	if (!row.received_us)
		row.received_us = clock_now_us();
	if (!row.time_us)
		row.time_us = row.received_us;
	return history_append(e, &row);
}

int binding_row_put(struct engine *e, const struct binding *before, const struct binding *after)
{
	int err = put_row(e, before, after);

	if (!err && before->generation == 0)
		err = put_length(e, &after->key);
	return err;
}

int binding_tell(struct engine *e, const struct binding *before, const struct binding *after)
{
	if (before->state == after->state && before->generation == after->generation &&
	    before->subscriber == after->subscriber)
		return 0;
	return binding_announce(e, before, after);
}

int binding_announce(struct engine *e, const struct binding *before, const struct binding *after)
{
	return feed_append(e, &(struct change){.kind = CHANGE_BINDING,
					       .subscriber = after->subscriber,
					       .former = before->subscriber,
					       .key = after->key,
					       .generation = after->generation,
					       .state = after->state});
}

int binding_report(const struct db *db, struct engine *e, const struct binding *before,
		   const struct binding *after, const struct history_entry *entry)
{
	int err = entry ? append_history(db, e, before, after, entry) : 0;

	return err ? err : binding_tell(e, before, after);
}

int binding_change(const struct db *db, struct engine *e, const struct binding *before,
		   const struct binding *after, const struct history_entry *entry)
{
	int err = binding_row_put(e, before, after);

	return err ? err : binding_report(db, e, before, after, entry);
}
