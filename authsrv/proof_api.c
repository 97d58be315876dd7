/* proof_api -- POST /v1/token with a SIM proof
 *
 * The prover says whose SIM answered; the rules decide what that does to the binding, committed
 * with the SQN and the trigger key that the SIM derived; then the token is sealed. A NAS that is
 * behind does not stop it: this is no bare word.
 */
#include <stdio.h>
#include <string.h>

#include "authsrv/prover.h"
#include "authsrv/subscriber_json.h"
#include "lib/err.h"
#include "lib/log.h"

struct proof_call {
	struct prover prover;
	struct binding now; /* as committed */
};

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct proof_call *c = arg;
	struct binding now = c->now;

	if (err) {
		prover_fail(&c->prover, err);
		return;
	}
	explicit_bzero(c->prover.trigger_key, sizeof c->prover.trigger_key);
	handset_answer_token(&c->prover.call, &now, s->msisdn, subscriber_addresses_write(s),
			     OUTCOME_ISSUED);
}

static void accuse(struct prover *p)
{
	char ip[KEY_TEXT_MAX];

	if (p->found.b.state != KEY_QUARANTINED) {
		count_quarantine(QUARANTINE_PROOF_OF_OTHER);
		log_event(LOG_WARN, "proof-of-other", LOG_TEXT("realm", p->found.b.key.realm),
			  LOG_TEXT("ip", key_format(&p->found.b.key, ip)),
			  LOG_INT("generation", p->found.b.generation),
			  LOG_INT("bound", p->found.b.subscriber), LOG_INT("proof_of", p->owner),
			  LOG_END);
	}
	prover_refuse(p, OUTCOME_QUARANTINED, NULL);
}

static void on_decided(void *arg, int err, enum claim_answer answer, const struct binding *now)
{
	struct proof_call *c = arg;
	struct prover *p = &c->prover;

	if (err == E_CONFLICT) {
		prover_again(p);
	} else if (err) {
		prover_fail(p, err);
	} else if (answer == CLAIM_ACCEPTED) {
		count(COUNT_PROVED, 1);
		c->now = *now;
		subscriber_by_id(p->call.worker->port, now->subscriber, on_subscriber, c);
	} else if (answer == CLAIM_REPLAYED) {
		prover_disbelieve(p, FAULT_REPLAYED);
	} else if (answer == CLAIM_QUARANTINED) {
		accuse(p);
	} else {
		prover_refuse(p, outcome_of(answer), NULL);
	}
}

static void decide(struct prover *p)
{
	struct binding_proof proof = {.subscriber = p->owner, .sqn = (int64_t)p->challenge.sqn};

	if (!p->owner) { /* its owner lost it while the challenge was out */
		prover_disbelieve(p, FAULT_FOREIGN);
		return;
	}
	memcpy(proof.trigger_key, p->trigger_key, sizeof proof.trigger_key);
	binding_prove(p->call.worker->port, &p->found.b.key, p->found.b.generation, &proof,
		      http_peer(p->call.r, NULL), on_decided, p);
	explicit_bzero(&proof, sizeof proof);
}

void token_by_proof(struct worker *w, struct http_request *r, const struct claim *claim)
{
	struct prover *p =
		prover_new(w, r, claim, CHALLENGE_TOKEN, sizeof(struct proof_call), decide);

	if (p)
		prover_check(p);
}
