#include "authsrv/handset_api.h"

#include <assert.h>
#include <string.h>

#include "authsrv/host_guard.h"
#include "authsrv/token_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/token.h"

const struct http_route handset_routes[] = {
	{"POST", "/v1/challenge", challenge_post},
	{"POST", "/v1/token", token_post},
	{"DELETE", "/v1/token", token_delete},
	{"POST", "/v1/token/refresh", token_refresh},
	{"PUT", "/v1/sim", sim_put_route},
	{"POST", "/v1/reports/misdirected", report_post},
	{"GET", "/v1/suppression", own_suppression_list_route},
	{"DELETE", "/v1/suppression/{address}", own_suppression_clear_route},
	{"GET", "/v1/filter", own_filter_get},
	{"PUT", "/v1/filter", own_filter_put},
	{"DELETE", "/v1/filter", own_filter_delete},
	{0},
};

/* How each refusal sounds. `later`: with Retry-After; `challenge`: WWW-Authenticate, which every
 * 401 has. */
static const struct refusal {
	unsigned status;
	const char *name;
	int64_t later; /* Retry-After: so many times the usual; 0: none */
	const char *challenge;
	const char *detail; /* if the caller has none */
} refusals[HANDSET_OUTCOMES] = {
	[OUTCOME_MALFORMED] = {400, "malformed", 0, NULL, NULL},
	[OUTCOME_OVERLOADED] = {503, "overloaded", 1, NULL, NULL},
	[OUTCOME_BEHIND] =
		{503, "overloaded", 1, NULL,
		 "the network is behind: what it said meanwhile is not known yet; come again "
		 "when it has spoken"},
	[OUTCOME_NO_BINDING] = {403, "no-binding", 1, NULL, NULL},
	[OUTCOME_MISMATCH] = {403, "claim-mismatch", 1, NULL, NULL},
	[OUTCOME_CONTESTED] = {403, "contested", 1, NULL, NULL},
	[OUTCOME_QUARANTINED] = {403, "quarantined", 1, NULL, NULL},
	[OUTCOME_INVALID_TOKEN] = {401, "invalid-token", 0, "Bearer error=\"invalid_token\"", NULL},
	[OUTCOME_EXPIRED_TOKEN] = {401, "expired-token", 0,
				   "Bearer error=\"invalid_token\", error_description=\"expired\"",
				   NULL},
	[OUTCOME_PROOF_REQUIRED] = {401, "proof-required", 0, "Bearer", NULL},
	[OUTCOME_FROZEN] = {403, "quarantined", 1, NULL, "frozen by the operator"},
	[OUTCOME_BREAKER] = {503, "overloaded", 10, NULL,
			     "too many claims contradict the network's word here: only SIM proofs "
			     "are taken until it is put right"},
	[OUTCOME_NO_SIM_KEY] = {404, "not-found", 0, NULL, NULL},
	[OUTCOME_SIM_BOUND] = {409, "conflict", 0, NULL, NULL},
};

void handset_refuse(struct worker *w, struct http_request *r, enum handset_outcome why,
		    const char *detail)
{
	const struct refusal *refusal = &refusals[why];

	assert(refusal->status);
	count_handset(why);
	if (refusal->challenge)
		http_add_header(r, "WWW-Authenticate", refusal->challenge);
	http_problem(r, refusal->status, refusal->name, detail ? detail : refusal->detail,
		     refusal->later * worker_retry_after(w));
}

void handset_refuse_call(struct call *call, enum handset_outcome why)
{
	handset_refuse(call->worker, call->r, why, NULL);
	call_end(call);
}

void handset_fail(struct call *call, int err)
{
	if (err != E_BUSY && err != E_CLOSED && err != E_CONFLICT)
		log_event(LOG_ERROR, "store-failed", LOG_TEXT("path", http_path(call->r)),
			  LOG_TEXT("why", err_text(err)), LOG_END);
	handset_refuse_call(call, OUTCOME_OVERLOADED);
}

enum handset_outcome outcome_of(enum claim_answer answer)
{
	static const enum handset_outcome outcomes[] = {
		[CLAIM_ACCEPTED] = OUTCOME_ISSUED,
		[CLAIM_NO_BINDING] = OUTCOME_NO_BINDING,
		[CLAIM_MISMATCH] = OUTCOME_MISMATCH,
		[CLAIM_CONTESTED] = OUTCOME_CONTESTED,
		[CLAIM_QUARANTINED] = OUTCOME_QUARANTINED,
		[CLAIM_PROOF_REQUIRED] = OUTCOME_PROOF_REQUIRED,
		[CLAIM_STALE] = OUTCOME_PROOF_REQUIRED,
		[CLAIM_REPLAYED] = OUTCOME_PROOF_REQUIRED,
		[CLAIM_FROZEN] = OUTCOME_FROZEN,
	};
	return outcomes[answer];
}

static bool has_body(const struct http_request *r)
{
	const char *length = http_header(r, "Content-Length");

	return http_header(r, "Transfer-Encoding") ||
	       (length && strspn(length, "0") != strlen(length));
}

bool handset_guard(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const char *wrong =
		host_guard_check(w->shared->conf->authsrv_handset_names,
				 &(struct guarded){.host = http_header(r, "Host"),
						   .origin = http_header(r, "Origin"),
						   .content_type = http_header(r, "Content-Type"),
						   .has_body = has_body(r)});

	if (wrong)
		handset_refuse(w, r, OUTCOME_MALFORMED, wrong);
	else if (w->stopping)
		handset_refuse(w, r, OUTCOME_OVERLOADED, "stopping");
	else if (worker_sheds(w)) /* before its body is read */
		handset_refuse(w, r, OUTCOME_OVERLOADED, NULL);
	else
		return false;
	return true;
}

void handset_answer_token(struct call *call, const struct binding *b, const char *login,
			  json_t *addresses, enum handset_outcome how)
{
	struct http_request *r = call->r;
	const struct conf *c = call->worker->shared->conf;
	const struct conf_realm *realm = conf_realm(c, b->key.realm);
	char text[TOKEN_TEXT + 1], host[ADDR_TEXT_MAX];
	struct token token = {.subscriber = b->subscriber,
			      .generation = b->generation,
			      .expires_s = clock_now_s() + c->authsrv_token_seconds};
	int rc = realm ? token_seal(call->worker->ring, &token, &b->key, text) : E_NOT_FOUND;

	if (rc) {
		log_event(LOG_ERROR, "seal-failed", LOG_TEXT("why", err_text(rc)), LOG_END);
		json_decref(addresses);
		handset_refuse_call(call, OUTCOME_OVERLOADED);
		return;
	}
	bool tls = http_is_tls(r);
	struct token_answer answer = {
		.token = text,
		.expires_in_s = c->authsrv_token_seconds,
		.login = login,
		.addresses = addresses,
		.host = addr_format(http_local(r), host),
		.pop = service_choose(realm->pop3_port, realm->pop3s_port,
				      tls || c->popgw_auth_requires_tls),
		.submission = service_choose(realm->submission_port, realm->submissions_port,
					     tls || c->smtpgw_auth_requires_tls),
		.trigger_port = realm->trigger_port,
		.binding = b,
	};
	count_handset(how);
	http_reply_json_text(r, how == OUTCOME_ISSUED ? 201 : 200, token_json_write(&answer));
	call_end(call);
}
