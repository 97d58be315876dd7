#include "authsrv/network_api.h"

#include <stdlib.h>
#include <string.h>

#include "authsrv/counters.h"
#include "authsrv/whole.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

const struct http_route network_routes[] = {
	{"POST", "/v1/lease-events", lease_events_post},
	{"POST", "/v1/nas/{nas_id}/resync", resync_post},
	{"GET", "/v1/subscribers", subscriber_list_route},
	{"PUT", "/v1/subscribers/{msisdn}", subscriber_put_route},
	{"GET", "/v1/subscribers/{msisdn}", subscriber_get_route},
	{"DELETE", "/v1/subscribers/{msisdn}", subscriber_delete_route},
	{"PUT", "/v1/subscribers/{msisdn}/notification", notification_put_route},
	{"GET", "/v1/subscribers/{msisdn}/notification", notification_get_route},
	{"DELETE", "/v1/subscribers/{msisdn}/notification", notification_delete_route},
	{"PUT", "/v1/subscribers/{msisdn}/filter", filter_put_route},
	{"GET", "/v1/subscribers/{msisdn}/filter", filter_get_route},
	{"DELETE", "/v1/subscribers/{msisdn}/filter", filter_delete_route},
	{"GET", "/v1/devices", device_list_route},
	{"PUT", "/v1/devices/{kind}/{value}", device_put_route},
	{"GET", "/v1/devices/{kind}/{value}", device_get_route},
	{"DELETE", "/v1/devices/{kind}/{value}", device_delete_route},
	{"POST", "/v1/subscribers/{msisdn}/sim-change", sim_change_route},
	{"PUT", "/v1/sims/{imsi}", sims_put_route},
	{"DELETE", "/v1/sims/{imsi}", sims_delete_route},
	{"GET", "/v1/bindings", binding_list_route},
	{"GET", "/v1/bindings/{ip}", binding_get_route},
	{"GET", "/v1/bindings/{ip}/history", binding_history_route},
	{"GET", "/v1/quarantine", quarantine_list_route},
	{"POST", "/v1/quarantine/{ip}/release", quarantine_release_route},
	{"POST", "/v1/freezes", freeze_post_route},
	{"GET", "/v1/freezes", freeze_list_route},
	{"DELETE", "/v1/freezes/{id}", freeze_delete_route},
	{"GET", "/v1/breakers", breaker_list_route},
	{"POST", "/v1/breakers/{pool}/release", breaker_release_route},
	{"GET", "/v1/reports/misbinding", misbinding_report_route},
	{"GET", "/v1/containment", containment_route},
	{"GET", "/v1/queue", queue_list_route},
	{"DELETE", "/v1/queue", queue_lane_drop_route},
	{"POST", "/v1/queue/retry", queue_lane_retry_route},
	{"POST", "/v1/queue/hold", queue_lane_hold_route},
	{"POST", "/v1/queue/release", queue_lane_release_route},
	{"GET", "/v1/queue/{id}", queue_get_route},
	{"DELETE", "/v1/queue/{id}", queue_mail_drop_route},
	{"POST", "/v1/queue/{id}/retry", queue_mail_retry_route},
	{"POST", "/v1/queue/{id}/hold", queue_mail_hold_route},
	{"POST", "/v1/queue/{id}/release", queue_mail_release_route},
	{"GET", "/v1/subscribers/{msisdn}/suppression", suppression_list_route},
	{"DELETE", "/v1/subscribers/{msisdn}/suppression", suppression_clear_route},
	{"DELETE", "/v1/subscribers/{msisdn}/suppression/{address}", suppression_clear_route},
	{"GET", "/v1/trap-clients", trap_list_route},
	{"DELETE", "/v1/trap-clients/{ip}", trap_clear_route},
	{0},
};

bool network_guard(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key;

	if (w->stopping) {
		http_problem(r, 503, "overloaded", "stopping", worker_retry_after(w));
		return true;
	}
	key = network_keys_find(w->shared->keys, http_header(r, "Authorization"));
	if (key) {
		http_set_note(r, key);
		return false;
	}
	count(COUNT_UNAUTHORIZED, 1);
	http_add_header(r, "WWW-Authenticate", "Bearer realm=\"hato-network\"");
	http_problem(r, 401, "unauthorized", "a network key is needed", 0);
	return true;
}

static void forbid(struct http_request *r, const struct network_key *key, const char *detail)
{
	count(COUNT_FORBIDDEN, 1);
	log_event(LOG_WARN, "network-forbidden", LOG_TEXT("key", key->conf->id),
		  LOG_TEXT("path", http_path(r)), LOG_TEXT("why", detail), LOG_END);
	http_problem(r, 403, "forbidden", detail, 0);
}

const struct network_key *network_key_with(struct http_request *r, unsigned scope)
{
	const struct network_key *key = http_note(r);

	if (network_key_has(key, scope))
		return key;
	forbid(r, key, "not in this key's scopes");
	return NULL;
}

const char *network_realm(struct worker *w, struct http_request *r, const struct network_key *key)
{
	const char *realm = http_query(r, "realm");

	return network_realm_named(w, r, key, realm ? realm : network_key_realm(key));
}

const char *network_realm_named(struct worker *w, struct http_request *r,
				const struct network_key *key, const char *realm)
{
	const struct conf_realm *found;

	if (!realm_is_valid(realm)) {
		network_malformed(r, "realm is no realm's name");
		return NULL;
	}
	if (!network_key_serves_realm(key, realm)) {
		forbid(r, key, "not this key's realm");
		return NULL;
	}
	found = conf_realm(w->shared->conf, realm);
	if (!found) {
		http_problem(r, 404, "not-found", "there is no such realm", 0);
		return NULL;
	}
	return found->name;
}

bool network_nas(struct http_request *r, const struct network_key *key, const char *nas_id)
{
	if (network_key_speaks_for(key, nas_id))
		return true;
	forbid(r, key, "not one of this key's NASes");
	return false;
}

bool network_page(struct http_request *r, struct page *out)
{
	const char *after = http_query(r, "after");
	const char *limit = http_query(r, "limit");
	size_t digits = limit ? strspn(limit, "0123456789") : 0;

	*out = (struct page){.after = after ? after : "", .limit = PAGE_DEFAULT};
	if (!limit)
		return true;
	if (!digits || limit[digits] || strspn(limit, "0") == digits) {
		network_malformed(r, "limit is a whole number from 1");
		return false;
	}
	out->limit = digits > 9 ? PAGE_MAX : (size_t)atol(limit);
	if (out->limit > PAGE_MAX)
		out->limit = PAGE_MAX;
	return true;
}

bool network_page_of_ids(struct http_request *r, struct page *out, int64_t *after)
{
	*after = 0;
	if (!network_page(r, out))
		return false;
	if (!*out->after || whole_read(out->after, after))
		return true;
	network_malformed(r, "after is an id of this list");
	return false;
}

bool network_port(struct http_request *r, int *port)
{
	const char *text = http_query(r, "port");
	size_t digits = text ? strspn(text, "0123456789") : 0;

	*port = -1;
	if (!text)
		return true;
	if (digits && digits <= 5 && !text[digits])
		*port = atoi(text);
	if (*port >= 0 && *port <= UINT16_MAX)
		return true;
	network_malformed(r, "port is a whole number of 0 to 65535");
	return false;
}

/* A `+` of its offset comes as a blank. */
bool network_time(struct http_request *r, const char *name, int64_t *out)
{
	char text[64];
	const char *value = http_query(r, name);

	if (!value || !*value)
		return true;
	size_t length = strnlen(value, sizeof text - 1);
	memcpy(text, value, length);
	for (size_t i = 0; i < length; i++)
		if (text[i] == ' ')
			text[i] = '+';
	if (!value[length] && !clock_parse(text, length, out))
		return true;
	network_malformed(r, "a time is as RFC 3339 writes it");
	return false;
}

bool network_target(struct http_request *r, const char *realm, struct key *key, struct addr *probe)
{
	const char *text = http_param(r, "ip");
	int rc;

	if (strchr(text, '/')) {
		rc = key_of_prefix(realm, text, key);
		if (!rc)
			*probe = key->addr;
	} else {
		rc = addr_parse(text, probe);
		if (!rc)
			rc = key_of_addr(realm, probe, key);
	}
	if (rc)
		network_malformed(r, rc == E_RANGE ? "nobody can hold that address"
						   : "neither an address nor a prefix");
	return rc == 0;
}

void network_fail(struct call *call, int err, const char *detail)
{
	struct http_request *r = call->r;

	switch (err) {
	case E_NOT_FOUND:
		http_problem(r, 404, "not-found", detail, 0);
		break;
	case E_CONFLICT:
	case E_EXISTS:
		http_problem(r, 409, "conflict", detail, 0);
		break;
	case E_SYNTAX:
	case E_RANGE:
		network_malformed(r, "after is nothing that a list shows");
		break;
	default:
		if (err != E_BUSY && err != E_CLOSED)
			log_event(LOG_ERROR, "store-failed", LOG_TEXT("path", http_path(r)),
				  LOG_TEXT("why", err_text(err)), LOG_END);
		http_problem(r, 503, "overloaded", "the store cannot do it now",
			     worker_retry_after(call->worker));
	}
	call_end(call);
}

void network_list(struct call *call, int err, json_t *list)
{
	if (err) {
		json_decref(list);
		network_fail(call, err, NULL);
		return;
	}
	http_reply_json(call->r, 200, list);
	call_end(call);
}

void network_malformed(struct http_request *r, const char *detail)
{
	http_problem(r, 400, "malformed", detail, 0);
}
