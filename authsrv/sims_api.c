/* sims_api -- SIMs that no subscriber has yet: /v1/sims/{imsi}, and who may sign up with one:
 * POST /v1/subscribers/{msisdn}/sim-change */
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "authsrv/sim_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

struct sims_call {
	struct call call;
	const struct network_key *key;
	const char *event; /* of the log */
	char imsi[IMSI_MAX], msisdn[MSISDN_MAX];
	int64_t until_us;
};

static struct sims_call *call_of(struct worker *w, struct http_request *r,
				 const struct network_key *key, const char *event)
{
	struct sims_call *c = call_begin(w, r, sizeof *c);

	if (c) {
		c->key = key;
		c->event = event;
	}
	return c;
}

static void log_call(const struct sims_call *c)
{
	log_event(LOG_INFO, c->event, LOG_TEXT("imsi", *c->imsi ? c->imsi : NULL),
		  LOG_TEXT("msisdn", *c->msisdn ? c->msisdn : NULL),
		  LOG_TEXT("key", c->key->conf->id), LOG_END);
}

/* ---- SIMs ---- */

static void on_changed(void *arg, int err)
{
	struct sims_call *c = arg;

	if (err) {
		network_fail(&c->call, err,
			     err == E_CONFLICT ? "the SIM is a subscriber's"
					       : "no SIM of this IMSI waits here");
		return;
	}
	log_call(c);
	http_reply_json(c->call.r, 204, NULL);
	call_end(c);
}

/* The {imsi} of the path and the key's scope. Null: answered. */
static const struct network_key *begin(struct http_request *r, char imsi[IMSI_MAX])
{
	const struct network_key *key = network_key_with(r, SCOPE_PROVISION);

	if (!key || imsi_read(http_param(r, "imsi"), imsi))
		return key;
	network_malformed(r, "imsi is not 6 to 15 digits");
	return NULL;
}

void sims_put_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	char imsi[IMSI_MAX];
	const struct network_key *key = begin(r, imsi);
	struct sim_key sim;
	size_t length;

	if (!key)
		return;
	const char *body = http_body(r, &length);
	const char *wrong = sim_key_json_read(body, length, &sim);
	struct sims_call *c = NULL;
	if (wrong)
		network_malformed(r, wrong);
	else if (!w->shared->keeps_sim_keys)
		http_problem(r, 503, "overloaded", "without paths.secret_key no k and opc are kept",
			     worker_retry_after(w));
	else
		c = call_of(w, r, key, "sim-put");
	if (c) {
		memcpy(c->imsi, imsi, sizeof imsi);
		sim_put(w->port, imsi, &sim, on_changed, c);
	}
	explicit_bzero(&sim, sizeof sim);
}

void sims_delete_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	char imsi[IMSI_MAX];
	const struct network_key *key = begin(r, imsi);
	struct sims_call *c = key ? call_of(w, r, key, "sim-removed") : NULL;

	if (!c)
		return;
	memcpy(c->imsi, imsi, sizeof imsi);
	sim_remove(w->port, imsi, on_changed, c);
}

/* ---- one sign-up ---- */

static void on_permitted(void *arg, int err)
{
	struct sims_call *c = arg;
	char until[CLOCK_TEXT_MAX];

	if (err) {
		network_fail(&c->call, err,
			     err == E_CONFLICT ? "the SIM is a subscriber's"
					       : "no such subscriber");
		return;
	}
	log_call(c);
	http_reply_json(c->call.r, 200,
			json_pack("{s:s, s:s?, s:s}", "msisdn", c->msisdn, "imsi",
				  *c->imsi ? c->imsi : NULL, "until",
				  clock_format(c->until_us, until)));
	call_end(c);
}

void sim_change_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *key = network_key_with(r, SCOPE_PROVISION);
	char imsi[IMSI_MAX], msisdn[MSISDN_MAX];
	size_t length;

	if (!key)
		return;
	const char *body = http_body(r, &length);
	const char *wrong = sim_change_json_read(body, length, imsi);
	if (!wrong && !msisdn_read(http_param(r, "msisdn"), msisdn))
		wrong = "msisdn is not 3 to 15 digits";
	if (wrong) {
		network_malformed(r, wrong);
		return;
	}
	struct sims_call *c = call_of(w, r, key, "sim-change-allowed");
	if (!c)
		return;
	memcpy(c->imsi, imsi, sizeof imsi);
	memcpy(c->msisdn, msisdn, sizeof msisdn);
	c->until_us = clock_now_us() + w->shared->conf->authsrv_sim_change * CLOCK_S;
	sim_change_allow(w->port, msisdn, imsi, c->until_us, on_permitted, c);
}
