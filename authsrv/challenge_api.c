/* challenge_api -- POST /v1/challenge: RAND and AUTN for the SIM that is bound at the caller
 *
 * Nothing is stored for it; what the answer will need is sealed into `challenge`. An IMSI that is
 * not the bound one gets no AUTN, but what its bare word gets: the key is contested. The exception
 * is a sign-up that the operator allowed, for a SIM that is nobody's yet. An AUTS turns the SIM's
 * sequence to where it is, once; then it is challenged anew.
 */
#include <string.h>

#include "authsrv/prover.h"
#include "authsrv/sim_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define TRIES_MAX 4

struct challenge_call {
	struct call call;
	struct challenge_request request;
	struct binding_found found;
	unsigned tries;
};

static void look_up(struct challenge_call *c);

static void refuse(struct challenge_call *c, enum handset_outcome why, const char *detail)
{
	handset_refuse(c->call.worker, c->call.r, why, detail);
	call_end(c);
}

static void contradict(struct challenge_call *c)
{
	claim_contradict(c->call.worker, c->call.r, c->request.imsi);
	call_end(c);
}

static void again(struct challenge_call *c)
{
	if (c->tries < TRIES_MAX)
		look_up(c);
	else
		handset_fail(&c->call, E_CONFLICT);
}

/* ---- the answer ---- */

static int make(struct challenge_call *c, const struct sim_secret *secret,
		struct challenge *challenge, uint8_t autn[AUTN_BYTES],
		char text[CHALLENGE_TEXT + 1])
{
	const struct conf *conf = c->call.worker->shared->conf;
	int64_t now_us = clock_now_us();

	*challenge = (struct challenge){.kind = c->request.kind,
					.generation = c->found.b.generation,
					.expires_s = (now_us + CLOCK_S - 1) / CLOCK_S +
						     conf->authsrv_challenge_seconds};
	memcpy(challenge->imsi, c->request.imsi, sizeof challenge->imsi);
	int err = random_bytes(challenge->rand, sizeof challenge->rand);
	if (!err)
		err = aka_sqn(now_us, secret->seq_dif, (unsigned)conf->authsrv_aka_ind,
			      &challenge->sqn);
	if (!err)
		err = aka_autn(&secret->key, challenge->rand, challenge->sqn,
			       (uint16_t)conf->authsrv_aka_amf, autn);
	return err ? err : challenge_seal(c->call.worker->ring, challenge, &c->found.b.key, text);
}

static void give(struct challenge_call *c, const struct sim_secret *secret)
{
	char text[CHALLENGE_TEXT + 1], key[KEY_TEXT_MAX];
	uint8_t autn[AUTN_BYTES];
	struct challenge challenge;
	int err = make(c, secret, &challenge, autn, text);

	if (err) {
		log_event(LOG_ERROR, "challenge-failed", LOG_TEXT("imsi", c->request.imsi),
			  LOG_TEXT("why", err == E_RANGE ? "the SIM's sequence is used up"
							 : err_text(err)),
			  LOG_END);
		refuse(c, OUTCOME_OVERLOADED, NULL);
		return;
	}
	struct challenge_answer answer = {
		.challenge = text,
		.rand = challenge.rand,
		.autn = autn,
		.realm = c->found.b.key.realm,
		.key = key_format(&c->found.b.key, key),
		.expires_in_s = c->call.worker->shared->conf->authsrv_challenge_seconds,
	};
	count_handset(OUTCOME_CHALLENGED);
	http_reply_json(c->call.r, 200, challenge_json_write(&answer));
	call_end(c);
}

/* ---- a SIM that is out of step ---- */

static void on_resynced(void *arg, int err)
{
	struct challenge_call *c = arg;

	if (err) {
		handset_fail(&c->call, err);
		return;
	}
	count(COUNT_RESYNC, 1);
	c->request.has_auts = false;
	again(c);
}

/* The AUTS must answer a challenge of ours, for this SIM at this key and in this generation. */
static int auts_open(struct challenge_call *c, const struct sim_secret *secret, uint64_t *sqn_ms,
		     enum proof_fault *fault)
{
	struct challenge asked;
	int err = challenge_open(c->call.worker->ring, c->request.challenge,
				 strlen(c->request.challenge), &c->found.b.key, clock_now_s(),
				 &asked);

	*fault = err == E_EXPIRED ? FAULT_EXPIRED : FAULT_FOREIGN;
	if (!err && (asked.kind != c->request.kind || strcmp(asked.imsi, c->request.imsi) != 0))
		err = E_AUTH;
	if (!err && asked.generation != c->found.b.generation) {
		*fault = FAULT_OLD;
		err = E_AUTH;
	}
	if (err)
		return err;
	*fault = FAULT_AUTS;
	return aka_auts_open(&secret->key, asked.rand, c->request.auts, sqn_ms);
}

static void resync(struct challenge_call *c, const struct sim_secret *secret)
{
	enum proof_fault fault;
	uint64_t sqn_ms;
	int err = auts_open(c, secret, &sqn_ms, &fault);

	if (err == E_AUTH || err == E_EXPIRED) {
		proof_fault_log(c->call.worker, c->call.r, fault, &c->found, c->request.imsi);
		refuse(c, OUTCOME_PROOF_REQUIRED, proof_fault_detail(fault));
		return;
	}
	if (err) {
		handset_fail(&c->call, err);
		return;
	}
	int64_t dif = aka_resync(clock_now_us(), secret->seq_dif, sqn_ms);
	if (dif == secret->seq_dif)
		give(c, secret);
	else
		sim_resync(c->call.worker->port, c->request.imsi, dif, on_resynced, c);
}

/* ---- who asks for which SIM ---- */

static void on_secret(void *arg, int err, const struct sim_secret *secret)
{
	struct challenge_call *c = arg;
	bool signs_up = c->request.kind == CHALLENGE_SIM;

	if (err == E_NOT_FOUND && !signs_up)
		refuse(c, OUTCOME_NO_SIM_KEY, "this SIM has no key here: its imsi is claimed");
	else if (err == E_NOT_FOUND || (!err && signs_up && secret->owner))
		contradict(c);
	else if (err)
		handset_fail(&c->call, err);
	else if (!signs_up && secret->owner != c->found.b.subscriber)
		again(c); /* it changed hands between two reads */
	else if (c->request.has_auts)
		resync(c, secret);
	else
		give(c, secret);
}

static void on_allowed(void *arg, int err)
{
	struct challenge_call *c = arg;

	if (err == E_NOT_FOUND)
		contradict(c);
	else if (err)
		handset_fail(&c->call, err);
	else
		sim_secret_get(c->call.worker->port, c->request.imsi, on_secret, c);
}

static void for_sign_up(struct challenge_call *c, enum key_state state)
{
	if (c->found.behind || c->found.tripped)
		refuse(c, c->found.behind ? OUTCOME_BEHIND : OUTCOME_BREAKER, NULL);
	else if (state == KEY_CONTESTED || state == KEY_QUARANTINED)
		refuse(c, state == KEY_CONTESTED ? OUTCOME_CONTESTED : OUTCOME_QUARANTINED, NULL);
	else if (!strcmp(c->request.imsi, c->found.imsi))
		refuse(c, OUTCOME_SIM_BOUND, "this SIM is the subscriber's already");
	else
		sim_change_check(c->call.worker->port, c->found.b.subscriber, c->request.imsi,
				 on_allowed, c);
}

static void on_found(void *arg, int err, const struct binding_found *f)
{
	struct challenge_call *c = arg;
	enum key_state state = err ? KEY_FREE : binding_state_at(&f->b, clock_now_us());

	if (err && err != E_NOT_FOUND) {
		handset_fail(&c->call, err);
		return;
	}
	if (state == KEY_FREE) {
		refuse(c, OUTCOME_NO_BINDING, NULL);
		return;
	}
	c->found = *f;
	if (f->b.frozen)
		refuse(c, OUTCOME_FROZEN, NULL);
	else if (c->request.kind == CHALLENGE_SIM)
		for_sign_up(c, state);
	else if (strcmp(c->request.imsi, f->imsi) != 0)
		contradict(c);
	else
		sim_secret_get(c->call.worker->port, c->request.imsi, on_secret, c);
}

static void look_up(struct challenge_call *c)
{
	uint16_t port;
	const struct addr *source = http_peer(c->call.r, &port);

	c->tries++;
	binding_find(c->call.worker->port, http_realm(c->call.r), source, port, on_found, c);
}

void challenge_post(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	size_t length;
	const char *body = http_body(r, &length);
	struct challenge_request request;
	const char *wrong = challenge_json_read(body, length, &request);

	if (wrong || worker_sheds(w)) {
		handset_refuse(w, r, wrong ? OUTCOME_MALFORMED : OUTCOME_OVERLOADED, wrong);
		return;
	}
	struct challenge_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->request = request;
	look_up(c);
}
