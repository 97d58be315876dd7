/* claim_api -- POST /v1/token: a handset says who it is, and gets a token if the binding says so
 * too
 *
 * find the caller's binding -> find whose IMSI it claims -> let the rules decide, committed ->
 * seal. Lost against a change of the binding (compare-and-set), it looks again. The order of the
 * refusals is design 5's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/handset_api.h"
#include "authsrv/subscriber_json.h"
#include "authsrv/token_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/rules/weaken.h"

#define TRIES_MAX      4
#define CLAIM_FRESH_US (60 * CLOCK_S) /* an agreeing claim so young need not be committed again */

struct claim_call {
	struct call call;
	char imsi[IMSI_MAX];
	bool contradicts; /* it comes from elsewhere because it does not agree: no token for it */
	unsigned tries;
	struct binding_found found;
	enum handset_outcome may; /* what its state allows: a token, or it is contested */
	int64_t claimed;          /* 0: nobody's IMSI */
	char login[MSISDN_MAX];
	json_t *addresses;
};

static void look_up(struct claim_call *c);

static void refuse(struct claim_call *c, enum handset_outcome why)
{
	json_decref(c->addresses);
	handset_refuse_call(&c->call, why);
}

static void fail(struct claim_call *c, int err)
{
	json_decref(c->addresses);
	handset_fail(&c->call, err);
}

static void issue(struct claim_call *c, const struct binding *b)
{
	json_t *addresses = c->addresses;

	/* (key, generation) is one subscriber's, and that is whose names we are about to tell. */
	if (PROTECTED(CLAIM) && b->subscriber != c->claimed) {
		fail(c, E_IO);
		return;
	}
	c->addresses = NULL;
	handset_answer_token(&c->call, b, c->login, addresses, OUTCOME_ISSUED);
}

static void log_mismatch(const struct claim_call *c)
{
	char ip[KEY_TEXT_MAX];

	log_event(LOG_WARN, "claim-mismatch", LOG_TEXT("realm", c->found.b.key.realm),
		  LOG_TEXT("ip", key_format(&c->found.b.key, ip)),
		  LOG_INT("generation", c->found.b.generation),
		  LOG_TEXT("bound_imsi", c->found.imsi), LOG_TEXT("claimed_imsi", c->imsi),
		  LOG_TEXT("nas_id", c->found.nas_id), LOG_END);
}

static void on_decided(void *arg, int err, enum claim_answer answer, const struct binding *now)
{
	struct claim_call *c = arg;

	if (err == E_CONFLICT && c->tries < TRIES_MAX) {
		look_up(c);
		return;
	}
	if (err) {
		fail(c, err);
		return;
	}
	if (answer == CLAIM_MISMATCH) {
		log_mismatch(c);
		breakers_disagree(c->call.worker, &c->found, c->claimed);
	}
	if (answer == CLAIM_ACCEPTED)
		issue(c, now);
	else
		refuse(c, outcome_of(answer));
}

/* The committed row has this very claim already: nothing is left to decide or to commit. */
static bool is_confirmed_lately(const struct claim_call *c)
{
	const struct binding *b = &c->found.b;

	return b->state == KEY_CONFIRMED && !b->rival &&
	       addr_equal(&b->host, http_peer(c->call.r, NULL)) &&
	       b->confirmed_us > clock_now_us() - CLAIM_FRESH_US;
}

static void decide(struct claim_call *c)
{
	const struct binding *b = &c->found.b;
	bool agrees = c->claimed && c->claimed == b->subscriber;

	if (c->may != OUTCOME_ISSUED) {
		/* Contested stays contested, whoever calls; but it counts who still disagrees. */
		breakers_disagree(c->call.worker, &c->found, c->claimed);
		refuse(c, c->may);
		return;
	}
	if (agrees && c->contradicts) /* not any more: the binding moved in between */
		refuse(c, OUTCOME_OVERLOADED);
	else if (agrees && c->found.has_sim_key)
		refuse(c, OUTCOME_PROOF_REQUIRED);
	else if (agrees && is_confirmed_lately(c))
		issue(c, b);
	else
		binding_claim(c->call.worker->port, &b->key, b->generation, c->claimed,
			      http_peer(c->call.r, NULL), on_decided, c);
}

static void on_claimant(void *arg, int err, const struct subscriber *s)
{
	struct claim_call *c = arg;

	if (err && err != E_NOT_FOUND) {
		fail(c, err);
		return;
	}
	json_decref(c->addresses);
	c->addresses = err ? NULL : subscriber_addresses_write(s);
	c->claimed = err ? 0 : s->id;
	memcpy(c->login, err ? "" : s->msisdn, err ? 1 : sizeof c->login);
	decide(c);
}

static void on_found(void *arg, int err, const struct binding_found *f,
		     const struct subscriber *owner)
{
	static const enum handset_outcome cell[KEY_STATES] = {
		[KEY_FREE] = OUTCOME_NO_BINDING,         [KEY_UNCONFIRMED] = OUTCOME_ISSUED,
		[KEY_CONFIRMED] = OUTCOME_ISSUED,        [KEY_CONTESTED] = OUTCOME_CONTESTED,
		[KEY_QUARANTINED] = OUTCOME_QUARANTINED,
	};
	struct claim_call *c = arg;

	if (err == E_NOT_FOUND) {
		refuse(c, OUTCOME_NO_BINDING);
		return;
	}
	if (err) {
		fail(c, err);
		return;
	}
	enum handset_outcome may = cell[binding_state_at(&f->b, clock_now_us())];
	if (f->b.frozen && may != OUTCOME_NO_BINDING)
		may = OUTCOME_FROZEN;
	if (f->tripped && !f->has_sim_key && may != OUTCOME_NO_BINDING)
		may = OUTCOME_BREAKER;
	if (f->behind)
		may = OUTCOME_BEHIND;
	if (may != OUTCOME_ISSUED && may != OUTCOME_CONTESTED) {
		refuse(c, may);
		return;
	}
	breakers_attempt(c->call.worker, f);
	c->may = may;
	c->found = *f;
	/* An IMSI is one subscriber's, and his was read at the same moment. */
	if (owner->id && strcmp(owner->imsi, c->imsi) == 0)
		on_claimant(c, 0, owner);
	else
		subscriber_by_imsi(c->call.worker->port, c->imsi, on_claimant, c);
}

static void look_up(struct claim_call *c)
{
	uint16_t port;
	const struct addr *source = http_peer(c->call.r, &port);

	c->tries++;
	binding_find_owner(c->call.worker->port, http_realm(c->call.r), source, port, on_found, c);
}

static void claim_begin(struct worker *w, struct http_request *r, const char *imsi,
			bool contradicts)
{
	struct claim_call *c = call_begin(w, r, sizeof *c);

	if (!c)
		return;
	snprintf(c->imsi, sizeof c->imsi, "%s", imsi);
	c->contradicts = contradicts;
	look_up(c);
}

void claim_contradict(struct worker *w, struct http_request *r, const char *imsi)
{
	claim_begin(w, r, imsi, true);
}

void token_post(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	size_t length;
	const char *body = http_body(r, &length);
	struct claim claim;
	const char *wrong = claim_json_read(body, length, &claim);

	if (wrong || worker_sheds(w)) {
		handset_refuse(w, r, wrong ? OUTCOME_MALFORMED : OUTCOME_OVERLOADED, wrong);
		return;
	}
	if (claim.has_proof)
		token_by_proof(w, r, &claim);
	else
		claim_begin(w, r, claim.imsi, false);
}
