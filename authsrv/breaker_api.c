/* breaker_api -- pools whose bare words are not believed, and their release by hand: /v1/breakers
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/network_api.h"
#include "db/containment.h"
#include "lib/clock.h"
#include "lib/log.h"

static json_t *row_json(const struct breaker_row *row)
{
	char pool[BREAKER_POOL_MAX], since[CLOCK_TEXT_MAX];
	json_t *waits = json_array();

	for (size_t i = 0; i < row->wait_count; i++)
		json_array_append_new(waits, json_string(row->waits[i]));
	return json_pack(
		"{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o}", "id", (json_int_t)row->id,
		"realm", row->pool.realm, "pool", breaker_pool_name(&row->pool, pool), "kind",
		row->pool.is_prefix ? "prefix" : "nas", "state", "tripped", "since",
		clock_format(row->tripped_us, since), "attempts", (json_int_t)row->attempts, "hard",
		(json_int_t)row->hard, "bare", (json_int_t)row->bare, "waits_for", waits);
}

static void on_list(void *arg, int err, const struct breaker_row *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(array, row_json(&list[i]));
	network_list(arg, err, array);
}

void breaker_list_route(void *arg, struct http_request *r)
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
		breaker_list(w->port, realm, after, page.limit, on_list, c);
}

struct release_call {
	struct call call;
	const struct network_key *by;
	const char *realm;
};

static void on_released(void *arg, int err)
{
	struct release_call *c = arg;
	const char *pool = http_param(c->call.r, "pool");

	if (err) {
		network_fail(&c->call, err, "the breaker of that pool is not tripped");
		return;
	}
	log_event(LOG_WARN, "breaker-released", LOG_TEXT("realm", c->realm), LOG_TEXT("pool", pool),
		  LOG_TEXT("by", c->by->conf->id), LOG_END);
	http_reply_json(
		c->call.r, 200,
		json_pack("{s:s, s:s, s:s}", "realm", c->realm, "pool", pool, "state", "released"));
	call_end(c);
}

void breaker_release_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	const char *realm = by ? network_realm(w, r, by) : NULL;
	const char *pool = http_param(r, "pool");

	/* A key that is kept to some NASes has no prefix among them. */
	if (!realm || !network_nas(r, by, pool))
		return;
	struct release_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->by = by;
	c->realm = realm;
	breaker_release(w->port, realm, pool, by->conf->id, on_released, c);
}
