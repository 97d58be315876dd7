/* notification_api -- how a subscriber is told of his mail: /v1/subscribers/{msisdn}/notification
 */
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "authsrv/notification_json.h"
#include "db/notification.h"
#include "lib/err.h"
#include "lib/log.h"

struct notification_call {
	struct call call;
	const struct network_key *key;
	char msisdn[MSISDN_MAX];
};

/* The {msisdn} of the path, and the key's scope. Null: answered. */
static const struct network_key *begin(struct http_request *r, char msisdn[MSISDN_MAX])
{
	const struct network_key *key = network_key_with(r, SCOPE_PROVISION);

	if (!key || msisdn_read(http_param(r, "msisdn"), msisdn))
		return key;
	network_malformed(r, "msisdn is not 3 to 15 digits");
	return NULL;
}

static struct notification_call *call_of(struct worker *w, struct http_request *r,
					 const struct network_key *key, const char *msisdn)
{
	struct notification_call *c = call_begin(w, r, sizeof *c);

	if (c) {
		c->key = key;
		memcpy(c->msisdn, msisdn, sizeof c->msisdn);
	}
	return c;
}

static void on_got(void *arg, int err, const struct notification *n, bool is_own)
{
	struct notification_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	http_reply_json(c->call.r, 200, notification_json_write(n, is_own));
	call_end(c);
}

void notification_get_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	char msisdn[MSISDN_MAX];
	const struct network_key *key = begin(r, msisdn);
	struct notification_call *c = key ? call_of(w, r, key, msisdn) : NULL;

	if (c)
		notification_get(w->port, msisdn, on_got, c);
}

static void log_call(const struct notification_call *c, const char *event)
{
	log_event(LOG_INFO, event, LOG_TEXT("msisdn", c->msisdn), LOG_TEXT("key", c->key->conf->id),
		  LOG_END);
}

static void on_put(void *arg, int err)
{
	struct notification_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	log_call(c, "notification-put");
	notification_get(c->call.worker->port, c->msisdn, on_got, c);
}

void notification_put_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	char msisdn[MSISDN_MAX];
	const struct network_key *key = begin(r, msisdn);
	struct notification n;
	size_t length;

	if (!key)
		return;
	const char *text = http_body(r, &length);
	json_t *body = body_read(text, length);
	const char *wrong = notification_json_read(body, &n);
	json_decref(body);
	if (wrong) {
		network_malformed(r, wrong);
		return;
	}
	struct notification_call *c = call_of(w, r, key, msisdn);
	if (c)
		notification_put(w->port, msisdn, &n, on_put, c);
}

static void on_reset(void *arg, int err)
{
	struct notification_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	log_call(c, "notification-reset");
	http_reply_json(c->call.r, 204, NULL);
	call_end(c);
}

void notification_delete_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	char msisdn[MSISDN_MAX];
	const struct network_key *key = begin(r, msisdn);
	struct notification_call *c = key ? call_of(w, r, key, msisdn) : NULL;

	if (c)
		notification_reset(w->port, msisdn, on_reset, c);
}
