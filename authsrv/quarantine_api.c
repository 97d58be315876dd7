/* quarantine_api -- the operator's view of doubted bindings, and their release: /v1/quarantine */
#include "authsrv/binding_json.h"
#include "authsrv/counters.h"
#include "authsrv/network_api.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

struct release_call {
	struct call call;
	const struct network_key *by;
	struct key key;
	struct addr probe;
	uint16_t port;
};

static void on_list(void *arg, int err, const struct binding_found *list, size_t n)
{
	int64_t now_us = clock_now_us();
	json_t *array = json_array();

	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(array, binding_json_write(&list[i], now_us));
	network_list(arg, err == E_NOT_FOUND ? 0 : err, array);
}

void quarantine_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	struct page page;

	if (!realm || !network_page(r, &page))
		return;
	struct call *c = call_begin(w, r, sizeof *c);
	if (c)
		binding_quarantined(w->port, realm, page.after, page.limit, on_list, c);
}

/* What the binding is after its release: unconfirmed, or nobody's. */
static void on_after(void *arg, int err, const struct binding_found *f)
{
	struct release_call *c = arg;
	char ip[KEY_TEXT_MAX];

	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
		return;
	}
	http_reply_json(c->call.r, 200,
			err ? json_pack("{s:s, s:s, s:s}", "realm", c->key.realm, "ip",
					key_format(&c->key, ip), "state", key_state_name(KEY_FREE))
			    : binding_json_write(f, clock_now_us()));
	call_end(c);
}

static void on_released(void *arg, int err)
{
	struct release_call *c = arg;
	char ip[KEY_TEXT_MAX];

	if (err) {
		network_fail(&c->call, err, "it is not quarantined");
		return;
	}
	count(COUNT_RELEASED, 1);
	log_event(LOG_WARN, "released", LOG_TEXT("realm", c->key.realm),
		  LOG_TEXT("ip", key_format(&c->key, ip)), LOG_TEXT("by", c->by->conf->id),
		  LOG_END);
	binding_find(c->call.worker->port, c->key.realm, &c->probe, c->port, on_after, c);
}

/* The address may lie in a wider prefix: the key that holds it. */
static void on_held(void *arg, int err, const struct binding_found *f)
{
	struct release_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "it is not quarantined");
		return;
	}
	c->key = f->b.key;
	binding_release(c->call.worker->port, &c->key, c->by->conf->id, on_released, c);
}

void quarantine_release_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	const char *realm = by ? network_realm(w, r, by) : NULL;
	struct addr probe;
	struct key key;
	int port;

	if (!realm || !network_target(r, realm, &key, &probe) || !network_port(r, &port))
		return;
	struct release_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->by = by;
	c->key = key;
	c->probe = probe;
	c->port = port < 0 ? 0 : (uint16_t)port;
	binding_find(w->port, realm, &probe, c->port, on_held, c);
}
