/* binding_api -- who holds an address, which addresses a subscriber has, and who held one when:
 * /v1/bindings */
#include <stdlib.h>
#include <string.h>

#include "authsrv/binding_json.h"
#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "lib/clock.h"
#include "lib/err.h"

struct binding_call {
	struct call call;
	const char *realm;
	struct key key;
	char imsi[IMSI_MAX]; /* ?imsi= beside ?msisdn= */
	char after[KEY_TEXT_MAX];
	size_t limit;
	struct history_question history;
	int port; /* -1: none named */
};

static void answer(struct binding_call *c, unsigned status, json_t *json)
{
	http_reply_json(c->call.r, status, json);
	call_end(c);
}

/* The key's scope and the realm; null: answered. */
static const char *begin(struct worker *w, struct http_request *r)
{
	const struct network_key *key = network_key_with(r, SCOPE_OPERATE);

	return key ? network_realm(w, r, key) : NULL;
}

/* An address that nobody shares is found by any port. */
static uint16_t probe_port(int port)
{
	return port < 0 ? 0 : (uint16_t)port;
}

/* ---- one address ---- */

static void on_found(void *arg, int err, const struct binding_found *f)
{
	struct binding_call *c = arg;
	int64_t now_us = clock_now_us();

	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
	} else if (err || binding_state_at(&f->b, now_us) == KEY_FREE) {
		http_problem(c->call.r, 404, "no-binding",
			     "nobody holds it now (of a shared address: with this ?port=)", 0);
		call_end(c);
	} else {
		answer(c, 200, binding_json_write(f, now_us));
	}
}

void binding_get_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const char *realm = begin(w, r);
	struct addr probe;
	struct key key;
	int port;

	if (!realm || !network_target(r, realm, &key, &probe) || !network_port(r, &port))
		return;
	struct binding_call *c = call_begin(w, r, sizeof *c);
	if (c)
		binding_find(w->port, realm, &probe, probe_port(port), on_found, c);
}

/* ---- those who share an address, and a subscriber's ---- */

static void on_bindings(void *arg, int err, const struct binding_found *list, size_t n)
{
	struct binding_call *c = arg;
	int64_t now_us = clock_now_us();
	char text[KEY_TEXT_MAX];

	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; !err && i < n && json_array_size(array) < c->limit; i++)
		if (binding_state_at(&list[i].b, now_us) != KEY_FREE &&
		    strcmp(key_format(&list[i].b.key, text), c->after) > 0)
			json_array_append_new(array, binding_json_write(&list[i], now_us));
	answer(c, 200, array);
}

/* Whoever is not known has no addresses; nor has he who is two. */
static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct binding_call *c = arg;

	if (err && err != E_NOT_FOUND)
		network_fail(&c->call, err, NULL);
	else if (err || (*c->imsi && strcmp(c->imsi, s->imsi) != 0))
		answer(c, 200, json_array());
	else
		binding_of_subscriber(c->call.worker->port, c->realm, s->id, on_bindings, c);
}

static void list_sharing(struct worker *w, struct http_request *r, const char *realm,
			 const char *ip, size_t limit)
{
	struct addr address;
	struct binding_call *c;

	if (addr_parse(ip, &address)) {
		network_malformed(r, "ip is no address");
		return;
	}
	c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->limit = limit;
	binding_sharing(w->port, realm, &address, limit, on_bindings, c);
}

void binding_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const char *realm = begin(w, r);
	const char *ip = http_query(r, "ip");
	const char *msisdn = http_query(r, "msisdn"), *imsi = http_query(r, "imsi");
	char number[MSISDN_MAX], sim[IMSI_MAX] = "";
	struct page page;

	if (!realm || !network_page(r, &page))
		return;
	if (ip) {
		list_sharing(w, r, realm, ip, page.limit);
		return;
	}
	/* A `+` in a query is a blank. */
	if (msisdn && *msisdn == ' ')
		msisdn++;
	if ((!msisdn && !imsi) || (msisdn && !msisdn_read(msisdn, number)) ||
	    (imsi && !imsi_read(imsi, sim))) {
		network_malformed(r, "msisdn= (3 to 15 digits), imsi= (6 to 15) or ip= is needed");
		return;
	}
	struct binding_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->realm = realm;
	c->limit = page.limit;
	memcpy(c->imsi, sim, sizeof sim);
	strncpy(c->after, page.after, sizeof c->after - 1);
	if (msisdn)
		subscriber_by_msisdn(w->port, number, on_subscriber, c);
	else
		subscriber_by_imsi(w->port, sim, on_subscriber, c);
}

/* ---- history ---- */

/* Each row has an id; `after` with the last one's is the next page. */
static void on_history(void *arg, int err, const struct history_row *rows, size_t n)
{
	struct binding_call *c = arg;

	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
		return;
	}
	json_t *array = json_array();
	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(array, history_json_write(&rows[i]));
	answer(c, 200, array);
}

/* The address may lie in a wider prefix that is bound: that key's history then. */
static void on_history_key(void *arg, int err, const struct binding_found *f)
{
	struct binding_call *c = arg;

	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
		return;
	}
	if (!err) {
		c->key.addr = f->b.key.addr;
		c->key.plen = f->b.key.plen;
	}
	if (c->port >= 0)
		c->key.port_first = c->key.port_last = (uint16_t)c->port;
	binding_history(c->call.worker->port, &c->key, &c->history, on_history, c);
}

/* A row's id, or a time of arrival: rows of one batch share that, so that only ids lead on safely.
 */
static bool page_query(struct http_request *r, struct history_question *ask)
{
	const char *after = http_query(r, "after");

	ask->after_us = INT64_MIN;
	ask->is_page = after && *after;
	if (!ask->is_page)
		return true;
	size_t digits = strspn(after, "0123456789");
	if (after[digits] || digits > 18)
		return network_time(r, "after", &ask->after_us);
	ask->after_id = strtoll(after, NULL, 10);
	return true;
}

void binding_history_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const char *realm = begin(w, r);
	struct addr probe;
	struct page page;
	struct history_question ask = {0};
	struct key key;
	int port;

	if (!realm || !network_target(r, realm, &key, &probe) || !network_page(r, &page) ||
	    !network_port(r, &port) || !network_time(r, "at", &ask.at_us) || !page_query(r, &ask))
		return;
	struct binding_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->key = key;
	ask.limit = page.limit;
	c->history = ask;
	c->port = port;
	binding_find(w->port, realm, &probe, probe_port(port), on_history_key, c);
}
