/* subscriber_api -- provisioning: /v1/subscribers */
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "authsrv/subscriber_json.h"
#include "lib/err.h"
#include "lib/log.h"

struct subscriber_call {
	struct call call;
	const struct network_key *key;
	char msisdn[MSISDN_MAX];
	bool created;
};

/* The {msisdn} of the path, and the key's scope. False: answered. */
static bool begin(struct http_request *r, const struct network_key **key, char msisdn[MSISDN_MAX])
{
	*key = network_key_with(r, SCOPE_PROVISION);
	if (!*key)
		return false;
	if (msisdn_read(http_param(r, "msisdn"), msisdn))
		return true;
	network_malformed(r, "msisdn is not 3 to 15 digits");
	return false;
}

static struct subscriber_call *call_of(struct worker *w, struct http_request *r,
				       const struct network_key *key, const char *msisdn)
{
	struct subscriber_call *c = call_begin(w, r, sizeof *c);

	if (c) {
		c->key = key;
		memcpy(c->msisdn, msisdn, sizeof c->msisdn);
	}
	return c;
}

static void on_got(void *arg, int err, const struct subscriber *s)
{
	struct subscriber_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	http_reply_json(c->call.r, c->created ? 201 : 200, subscriber_json_write(s));
	call_end(c);
}

static void on_put(void *arg, int err, int64_t id, bool created)
{
	struct subscriber_call *c = arg;

	if (err) {
		network_fail(&c->call, err,
			     "the IMSI or an address is another's, or was not long enough unused");
		return;
	}
	log_event(LOG_INFO, "subscriber-put", LOG_TEXT("msisdn", c->msisdn), LOG_INT("id", id),
		  LOG_TEXT("key", c->key->conf->id), LOG_INT("created", created), LOG_END);
	c->created = created;
	subscriber_by_msisdn(c->call.worker->port, c->msisdn, on_got, c);
}

static void store(struct worker *w, struct http_request *r, const struct network_key *key,
		  const struct subscriber_put *put)
{
	if (put->set_sim_key && !w->shared->keeps_sim_keys) {
		http_problem(r, 503, "overloaded", "without paths.secret_key no k and opc are kept",
			     worker_retry_after(w));
		return;
	}
	struct subscriber_call *c = call_of(w, r, key, put->subscriber.msisdn);
	if (c)
		subscriber_put(w->port, put, on_put, c);
}

void subscriber_put_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key;
	char msisdn[MSISDN_MAX];
	struct subscriber_put put;
	size_t length;

	if (!begin(r, &key, msisdn))
		return;
	const char *text = http_body(r, &length);
	json_t *body = body_read(text, length);
	const char *wrong = subscriber_json_read(body, msisdn, &put);
	json_decref(body);
	if (wrong)
		network_malformed(r, wrong);
	else
		store(w, r, key, &put);
	explicit_bzero(&put, sizeof put);
}

void subscriber_get_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key;
	char msisdn[MSISDN_MAX];

	if (!begin(r, &key, msisdn))
		return;
	struct subscriber_call *c = call_of(w, r, key, msisdn);
	if (c)
		subscriber_by_msisdn(w->port, msisdn, on_got, c);
}

static void on_removed(void *arg, int err)
{
	struct subscriber_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	log_event(LOG_INFO, "subscriber-removed", LOG_TEXT("msisdn", c->msisdn),
		  LOG_TEXT("key", c->key->conf->id), LOG_END);
	http_reply_json(c->call.r, 204, NULL);
	call_end(c);
}

void subscriber_delete_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key;
	char msisdn[MSISDN_MAX];

	if (!begin(r, &key, msisdn))
		return;
	struct subscriber_call *c = call_of(w, r, key, msisdn);
	if (c)
		subscriber_remove(w->port, msisdn, on_removed, c);
}

static void on_list(void *arg, int err, const struct subscriber *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(array, subscriber_json_write(&list[i]));
	network_list(arg, err, array);
}

void subscriber_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct page page;

	if (!network_key_with(r, SCOPE_PROVISION) || !network_page(r, &page))
		return;
	struct call *c = call_begin(w, r, sizeof *c);
	if (c)
		subscriber_list(w->port, page.after, page.limit, on_list, c);
}
