/* The address directory as consumers ask it. */
#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"
#include "db/freezes.h"
#include "db/outbox.h"
#include "lib/err.h"

#define LIST_MAX 1000

static bool is_behind(int64_t behind_us, const struct binding *b)
{
	return lease_is_behind(&(struct nas_row){.behind_us = behind_us}, b);
}

/* One statement, no allocation. */
static int check(struct engine *e, const char *realm, const struct addr *source, uint16_t port,
		 struct binding *b, bool *behind)
{
	int64_t behind_us = 0;
	int err = binding_row_check(e, realm, source, port, b, &behind_us);

	*behind = !err && is_behind(behind_us, b);
	engine_assert_idle(e);
	return err;
}

/* Asked before every step of popgw. The view is taken before the look: what is committed between
 * the two is looked at once more. */
void binding_check(struct db_port *port, const char *realm, const struct addr *source,
		   uint16_t port_number, struct binding_told *seen, binding_checked *checked,
		   void *arg)
{
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);
	uint64_t view = e ? engine_view(e) : 0;

	if (e && (!view || view != seen->view)) {
		err = check(e, realm, source, port_number, &seen->b, &seen->behind);
		seen->view = err ? 0 : view;
	}
	checked(arg, err, err ? NULL : &seen->b, err ? false : seen->behind);
}

int binding_doubts_read(struct engine *e, struct binding_doubts *d)
{
	struct query q;

	query_begin(&q, e, STMT_CONTAINED);
	int err = query_run_int(&q, &d->any);
	if (err)
		return err;
	query_begin(&q, e, STMT_NAS_BEHIND_NEWEST);
	return query_run_int(&q, &d->behind_us);
}

int binding_doubt(struct engine *e, const struct binding_doubts *d, struct binding *b, bool *behind)
{
	int64_t behind_us = 0;
	struct query q;

	*behind = false;
	if (is_behind(d->behind_us, b)) {
		query_begin(&q, e, STMT_NAS_BEHIND_OF_SESSION);
		query_int(&q, b->session);
		int err = query_run_int(&q, &behind_us);
		if (err && err != E_NOT_FOUND)
			return err;
		*behind = is_behind(behind_us, b);
	}
	return d->any ? binding_contain(e, d->any, b) : 0;
}

/* A row by its key, as a check tells of it. */
static void check_key(struct engine *e, const struct binding_doubts *d, const struct key *k,
		      binding_checked *checked, void *arg)
{
	struct binding b;
	bool behind = false;
	int err = binding_row_get(e, k, &b);

	if (!err)
		err = binding_doubt(e, d, &b, &behind);
	checked(arg, err, err ? NULL : &b, behind);
}

/* One view for all: a transaction for each would cost as much as the look. What was kept of the
 * keys' lengths is of an older one. */
static int view(struct engine *e)
{
	struct query q;

	*e->lengths[0].realm = *e->lengths[1].realm = 0;
	query_begin(&q, e, STMT_VIEW);
	return query_run(&q);
}

int binding_check_all(struct db_port *port, const struct key *const *keys, size_t n,
		      binding_checked *checked, void *arg)
{
	struct binding_doubts doubts;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (!e)
		return err;
	err = view(e);
	if (!err)
		err = binding_doubts_read(e, &doubts);
	for (size_t i = 0; !err && i < n; i++)
		check_key(e, &doubts, keys[i], checked, arg);
	engine_rollback(e);
	engine_assert_idle(e);
	return err;
}

/* ---- of datagrams ---- */

int bindings_commit(struct engine *e, int64_t *number)
{
	struct query q;

	query_begin(&q, e, STMT_COUNTER_GET);
	query_text(&q, "commit");
	return query_run_int(&q, number);
}

/* The row as it was seen. It was neither frozen nor was its NAS behind, or nothing was to be sent:
 * that, too, only a commit changes. */
static void check_seen(const struct trigger_out *out, binding_checked *checked, void *arg)
{
	struct binding b = {.key = out->key,
			    .state = out->seen.state,
			    .generation = out->generation,
			    .subscriber = out->subscriber,
			    .expires_us = out->seen.expires_us,
			    .host = out->seen.host};

	memcpy(b.trigger_key, out->seen.trigger_key, sizeof b.trigger_key);
	checked(arg, 0, &b, false);
}

int bindings_look(struct engine *e, const struct trigger_out *list, size_t n,
		  binding_checked *checked, void *arg)
{
	struct binding_doubts doubts;
	int64_t commit = 0;
	int err = view(e);

	if (!err)
		err = bindings_commit(e, &commit);
	if (!err)
		err = binding_doubts_read(e, &doubts);
	for (size_t i = 0; !err && i < n; i++)
		if (list[i].seen.commit && list[i].seen.commit == commit)
			check_seen(&list[i], checked, arg);
		else
			check_key(e, &doubts, &list[i].key, checked, arg);
	engine_rollback(e);
	engine_assert_idle(e);
	return err;
}

int triggers_check(struct db_port *port, const struct trigger_out *list, size_t n,
		   binding_checked *checked, void *arg)
{
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	return e ? bindings_look(e, list, n, checked, arg) : err;
}

static int find_key(struct engine *e, const struct key *k, struct binding_found *found)
{
	struct query q;
	int64_t any = 0;

	query_begin(&q, e, STMT_BINDING_FIND);
	query_key(&q, k);
	int err = query_first(&q);
	if (!err)
		binding_found_read(&q, found, &any);
	query_end(&q);
	return err || !any ? err : binding_found_contain(e, any, found);
}

void binding_find(struct db_port *port, const char *realm, const struct addr *source,
		  uint16_t port_number, binding_got *got, void *arg)
{
	char first_address[ADDRESS_MAX];
	struct binding_found found;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = binding_row_owner(e, realm, source, port_number, &found, first_address);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &found);
}

/* Mostly the first one, which the look has brought, is all. */
static int read_more_addresses(struct engine *e, struct subscriber *s)
{
	struct query q;

	query_begin(&q, e, STMT_ADDRESSES_MORE);
	query_int(&q, s->id);
	query_int(&q, SUBSCRIBER_ADDRESSES - 1);
	while (query_next(&q))
		query_get_text(&q, s->addresses[s->address_count++].shown, ADDRESS_MAX);
	return query_end(&q);
}

static int find_owner(struct engine *e, const char *realm, const struct addr *source, uint16_t port,
		      struct binding_found *found, struct subscriber *owner)
{
	char first[ADDRESS_MAX];
	int err = binding_row_owner(e, realm, source, port, found, first);

	if (err)
		return err;
	owner->id = found->b.subscriber;
	memcpy(owner->msisdn, found->msisdn, sizeof owner->msisdn);
	memcpy(owner->imsi, found->imsi, sizeof owner->imsi);
	owner->has_sim_key = found->has_sim_key;
	memcpy(owner->addresses[0].shown, first, sizeof first);
	owner->address_count = *first ? 1 : 0;
	return *first ? read_more_addresses(e, owner) : 0;
}

void binding_find_owner(struct db_port *port, const char *realm, const struct addr *source,
			uint16_t port_number, binding_owner_got *got, void *arg)
{
	struct binding_found found;
	struct subscriber owner;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = view(e);
		if (!err)
			err = find_owner(e, realm, source, port_number, &found, &owner);
		engine_rollback(e);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &found, err ? NULL : &owner);
}

void binding_find_caller(struct db_port *port, const char *realm, const struct addr *source,
			 uint16_t port_number, binding_got *got, void *arg)
{
	struct binding_found found = {0};
	int64_t behind_us = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		found.view = engine_view(e);
		err = binding_row_caller(e, realm, source, port_number, &found.b, &behind_us,
					 found.msisdn);
		found.behind = !err && is_behind(behind_us, &found.b);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : &found);
}

/* Rows of a prepared query -> the callback. */
static void answer_list(struct query *q, size_t limit, binding_list_got *got, void *arg)
{
	struct engine *e = q->engine;
	struct binding_found *list = malloc((limit ? limit : 1) * sizeof *list);
	int64_t any = 0;
	size_t n = 0;

	if (!list)
		q->err = q->err ? q->err : E_NOMEM;
	while (n < limit && query_next(q))
		binding_found_read(q, &list[n++], &any);
	int err = query_end(q);
	for (size_t i = 0; !err && any && i < n; i++)
		err = binding_found_contain(e, any, &list[i]);
	engine_assert_idle(e);
	got(arg, err, list, err ? 0 : n);
	free(list);
}

static int find_of_subscriber(struct engine *e, const char *realm, int64_t subscriber,
			      struct binding_found **out, size_t *n)
{
	struct binding held[SUBSCRIBER_BINDINGS];
	size_t count;
	int err = bindings_of(e, realm, subscriber, held, &count);

	if (err)
		return err;
	struct binding_found *list = malloc((count ? count : 1) * sizeof *list);
	if (!list)
		return E_NOMEM;
	*n = 0;
	for (size_t i = 0; !err && i < count; i++) {
		err = find_key(e, &held[i].key, &list[*n]);
		if (!err && list[*n].b.subscriber == subscriber)
			(*n)++;
		if (err == E_NOT_FOUND) /* moved between the two reads */
			err = 0;
	}
	*out = list;
	return err;
}

void binding_of_subscriber(struct db_port *port, const char *realm, int64_t subscriber,
			   binding_list_got *got, void *arg)
{
	struct binding_found *list = NULL;
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e) {
		err = find_of_subscriber(e, realm, subscriber, &list, &n);
		engine_assert_idle(e);
	}
	got(arg, err, list, err ? 0 : n);
	free(list);
}

/* Only IPv4 addresses are shared; of an IPv6 one there is the prefix that it lies in. */
void binding_sharing(struct db_port *port, const char *realm, const struct addr *address,
		     size_t limit, binding_list_got *got, void *arg)
{
	struct binding b;
	struct query q;
	int64_t behind_us;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (addr_is_v4(address))
		b.key = (struct key){.addr = *address, .plen = KEY_PLEN_V4};
	else if (e)
		err = binding_row_check(e, realm, address, 0, &b, &behind_us);
	if (err) {
		got(arg, err, NULL, 0);
		return;
	}
	if (limit > LIST_MAX)
		limit = LIST_MAX;
	query_begin(&q, e, STMT_BINDING_SHARING);
	query_text(&q, realm);
	query_blob(&q, b.key.addr.bytes, sizeof b.key.addr.bytes);
	query_int(&q, b.key.plen);
	query_int(&q, (int64_t)limit);
	answer_list(&q, limit, got, arg);
}

/* "192.0.2.1#1024-2047" as key_format writes it. */
static int parse_key_text(const char *realm, const char *text, struct key *k)
{
	char prefix[KEY_TEXT_MAX];
	const char *hash = strchr(text, '#');
	size_t len = hash ? (size_t)(hash - text) : strlen(text);
	char *end = NULL;

	if (len >= sizeof prefix)
		return E_SYNTAX;
	memcpy(prefix, text, len);
	prefix[len] = '\0';
	int err = key_of_prefix(realm, prefix, k);
	if (err || !hash)
		return err;
	unsigned long first = strtoul(hash + 1, &end, 10);
	if (end == hash + 1 || *end != '-' || first > UINT16_MAX)
		return E_SYNTAX;
	k->port_first = (uint16_t)first;
	return 0;
}

void binding_quarantined(struct db_port *port, const char *realm, const char *after, size_t limit,
			 binding_list_got *got, void *arg)
{
	struct key from = {0};
	struct query q;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e && *after)
		err = parse_key_text(realm, after, &from);
	if (err) {
		got(arg, err, NULL, 0);
		return;
	}
	if (limit > LIST_MAX)
		limit = LIST_MAX;
	query_begin(&q, e, STMT_BINDING_QUARANTINED);
	query_text(&q, realm);
	query_blob(&q, from.addr.bytes, sizeof from.addr.bytes);
	query_int(&q, *after ? from.plen : -1);
	query_int(&q, from.port_first);
	query_int(&q, (int64_t)limit);
	answer_list(&q, limit, got, arg);
}
