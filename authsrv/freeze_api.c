/* freeze_api -- the operator's switch for one subscriber, one NAS, one prefix: /v1/freezes */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/counters.h"
#include "authsrv/freeze_json.h"
#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "authsrv/whole.h"
#include "lib/err.h"
#include "lib/log.h"

struct freeze_call {
	struct call call;
	const struct network_key *by;
	struct freeze freeze;
};

static void fail(struct freeze_call *c, int err)
{
	if (err == E_FULL) {
		http_problem(c->call.r, 409, "conflict", "there are authsrv.max_freezes of them",
			     0);
		call_end(c);
		return;
	}
	network_fail(&c->call, err,
		     err == E_EXISTS ? "it is frozen already" : "no such subscriber");
}

static void log_freeze(const char *event, const struct freeze *f, const char *by)
{
	char prefix[ADDR_RANGE_TEXT_MAX];

	log_event(LOG_WARN, event, LOG_INT("id", f->id), LOG_TEXT("realm", f->realm),
		  LOG_TEXT("kind", freeze_kind_name(f->kind)), LOG_TEXT("msisdn", f->msisdn),
		  LOG_TEXT("imsi", f->imsi), LOG_TEXT("nas_id", f->nas_id),
		  LOG_TEXT("prefix",
			   f->kind == FREEZE_PREFIX ? addr_range_format(&f->prefix, prefix) : NULL),
		  LOG_TEXT("reason", f->reason), LOG_TEXT("by", by), LOG_END);
}

/* As it is in force now: the list begins with it. */
static void on_stored(void *arg, int err, const struct freeze *list, size_t n)
{
	struct freeze_call *c = arg;

	if (err || !n || list->id != c->freeze.id) {
		fail(c, err ? err : E_CONFLICT); /* thawed in the same moment */
		return;
	}
	http_reply_json(c->call.r, 201, freeze_json_write(list));
	call_end(c);
}

static void on_frozen(void *arg, int err, int64_t id)
{
	struct freeze_call *c = arg;

	if (err) {
		fail(c, err);
		return;
	}
	c->freeze.id = id;
	count(COUNT_FROZEN, 1);
	log_freeze("frozen", &c->freeze, c->by->conf->id);
	freeze_list(c->call.worker->port, c->freeze.realm, id - 1, 1, on_stored, c);
}

/* The realm and the NAS must be the key's; false: answered. */
static bool is_allowed(struct worker *w, struct http_request *r, const struct network_key *key,
		       struct freeze *f)
{
	const char *realm =
		*f->realm ? network_realm_named(w, r, key, f->realm) : network_realm(w, r, key);

	if (!realm || (f->kind == FREEZE_NAS && !network_nas(r, key, f->nas_id)))
		return false;
	snprintf(f->realm, sizeof f->realm, "%s", realm);
	snprintf(f->feeder, sizeof f->feeder, "%s", key->conf->id);
	return true;
}

void freeze_post_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);
	struct freeze f;
	size_t length;

	if (!key)
		return;
	const char *text = http_body(r, &length);
	json_t *body = body_read(text, length);
	const char *wrong = freeze_json_read(body, &f);
	json_decref(body);
	if (wrong) {
		network_malformed(r, wrong);
		return;
	}
	if (!is_allowed(w, r, key, &f))
		return;
	struct freeze_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->by = key;
	c->freeze = f;
	freeze_put(w->port, &c->freeze, (size_t)w->shared->conf->authsrv_max_freezes, on_frozen, c);
}

/* ---- the end of one ---- */

static void on_thawed(void *arg, int err)
{
	struct freeze_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such freeze");
		return;
	}
	count(COUNT_THAWED, 1);
	log_event(LOG_WARN, "thawed", LOG_INT("id", c->freeze.id),
		  LOG_TEXT("realm", c->freeze.realm), LOG_TEXT("by", c->by->conf->id), LOG_END);
	http_reply_json(c->call.r, 204, NULL);
	call_end(c);
}

void freeze_delete_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	int64_t id;

	if (!realm)
		return;
	if (!whole_read(http_param(r, "id"), &id)) {
		network_malformed(r, "the number of a freeze is needed");
		return;
	}
	struct freeze_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->by = key;
	c->freeze.id = id;
	snprintf(c->freeze.realm, sizeof c->freeze.realm, "%s", realm);
	freeze_remove(w->port, realm, id, key->conf->id, on_thawed, c);
}

/* ---- what is in force ---- */

static void on_list(void *arg, int err, const struct freeze *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(array, freeze_json_write(&list[i]));
	network_list(arg, err, array);
}

void freeze_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	struct page page;
	int64_t after;

	if (!realm || !network_page_of_ids(r, &page, &after))
		return;
	struct call *c = call_begin(w, r, sizeof *c);
	if (c)
		freeze_list(w->port, realm, after, page.limit, on_list, c);
}
