/* device_api -- the device table: /v1/devices */
#include <stdio.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "lib/err.h"
#include "lib/log.h"

#define KIND_TEXT_MAX 16

struct device_call {
	struct call call;
	const struct network_key *key;
	const char *realm;
	struct device device;
	char msisdn[MSISDN_MAX];
	bool created;
};

static const char *kind_of(const char *name, struct device *d)
{
	return device_kind_parse(name, &d->kind) ? "the kind is none of client-id, hw-address, "
						   "circuit-id, remote-id, subscriber-id"
						 : NULL;
}

static const char *value_of(const char *text, struct device *d)
{
	return device_parse(text, d) ? "the value is no hexadecimal text of 1 to 255 octets" : NULL;
}

/* Scope, realm and the device of the path; null: answered. */
static struct device_call *begin(struct worker *w, struct http_request *r)
{
	const struct network_key *key = network_key_with(r, SCOPE_PROVISION);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	struct device d = {0};

	if (!realm)
		return NULL;
	const char *wrong = kind_of(http_param(r, "kind"), &d);
	if (!wrong)
		wrong = value_of(http_param(r, "value"), &d);
	if (wrong) {
		network_malformed(r, wrong);
		return NULL;
	}
	struct device_call *c = call_begin(w, r, sizeof *c);
	if (c) {
		c->key = key;
		c->realm = realm;
		c->device = d;
	}
	return c;
}

static json_t *device_json(const struct device_row *row)
{
	char text[DEVICE_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s}", "kind", device_kind_name(row->device.kind), "value",
			 device_format(&row->device, text), "msisdn", row->msisdn);
}

static void on_got(void *arg, int err, const struct device_row *row)
{
	struct device_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "nobody's device");
		return;
	}
	http_reply_json(c->call.r, c->created ? 201 : 200, device_json(row));
	call_end(c);
}

void device_get_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct device_call *c = begin(w, r);

	if (c)
		device_get(w->port, c->realm, &c->device, on_got, c);
}

static void log_change(const struct device_call *c, const char *event)
{
	char text[DEVICE_TEXT_MAX];

	log_event(LOG_INFO, event, LOG_TEXT("realm", c->realm),
		  LOG_TEXT("kind", device_kind_name(c->device.kind)),
		  LOG_TEXT("value", device_format(&c->device, text)), LOG_TEXT("msisdn", c->msisdn),
		  LOG_TEXT("key", c->key->conf->id), LOG_END);
}

static void on_put(void *arg, int err, bool created)
{
	struct device_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	log_change(c, "device-put");
	c->created = created;
	device_get(c->call.worker->port, c->realm, &c->device, on_got, c);
}

void device_put_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	char msisdn[MSISDN_MAX];
	size_t length;
	const char *text = http_body(r, &length);
	struct device_call *c = begin(w, r);

	if (!c)
		return;
	json_t *body = body_read(text, length);
	enum field found = json_is_object(body) ? field_msisdn(body, msisdn) : FIELD_ABSENT;
	json_decref(body);
	if (found != FIELD_GOOD) {
		network_malformed(r, "a device names its msisdn, 3 to 15 digits");
		call_end(c);
		return;
	}
	memcpy(c->msisdn, msisdn, sizeof c->msisdn);
	device_put(w->port, c->realm, &c->device, msisdn, on_put, c);
}

static void on_removed(void *arg, int err)
{
	struct device_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "nobody's device");
		return;
	}
	log_change(c, "device-removed");
	http_reply_json(c->call.r, 204, NULL);
	call_end(c);
}

void device_delete_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct device_call *c = begin(w, r);

	if (c)
		device_remove(w->port, c->realm, &c->device, on_removed, c);
}

/* ---- the list ---- */

static void on_list(void *arg, int err, const struct device_row *rows, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(array, device_json(&rows[i]));
	network_list(arg, err, array);
}

/* "KIND/VALUE" of the last one shown. */
static bool after_of(const char *text, struct device *d)
{
	char kind[KIND_TEXT_MAX];
	const char *slash = strchr(text, '/');

	if (!slash || (size_t)(slash - text) >= sizeof kind)
		return false;
	snprintf(kind, sizeof kind, "%.*s", (int)(slash - text), text);
	return !kind_of(kind, d) && !value_of(slash + 1, d);
}

void device_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_PROVISION);
	const char *realm = key ? network_realm(w, r, key) : NULL;
	struct device after;
	struct page page;

	if (!realm || !network_page(r, &page))
		return;
	if (*page.after && !after_of(page.after, &after)) {
		network_malformed(r, "after is KIND/VALUE of a device");
		return;
	}
	struct call *c = call_begin(w, r, sizeof *c);
	if (c)
		device_list(w->port, realm, *page.after ? &after : NULL, page.limit, on_list, c);
}
