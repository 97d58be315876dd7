/* sim_api -- PUT /v1/sim: online sign-up, a SIM becomes that of the subscriber who is bound here
 *
 * Once for each permission of the operator (sims_api.c), never without a proof of the SIM, never
 * where the binding is in doubt. It stands on the feed's word for the number and on the proof for
 * the SIM. Afterwards the binding is unconfirmed in a new generation: the handset proves itself for
 * its token as always.
 */
#include "authsrv/prover.h"
#include "authsrv/subscriber_json.h"
#include "lib/err.h"
#include "lib/log.h"

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct prover *p = arg;

	if (err) {
		prover_fail(p, err);
		return;
	}
	count_handset(OUTCOME_SIGNED_UP);
	http_reply_json(p->call.r, 200, subscriber_json_write(s));
	prover_end(p);
}

static void log_sign_up(const struct prover *p, const char *event)
{
	char ip[KEY_TEXT_MAX];

	log_event(LOG_WARN, event, LOG_TEXT("realm", p->found.b.key.realm),
		  LOG_TEXT("ip", key_format(&p->found.b.key, ip)),
		  LOG_INT("generation", p->found.b.generation),
		  LOG_INT("subscriber", p->found.b.subscriber), LOG_TEXT("was_imsi", p->found.imsi),
		  LOG_TEXT("imsi", p->claim.imsi), LOG_END);
}

static void on_decided(void *arg, int err, enum claim_answer answer, const struct binding *now)
{
	struct prover *p = arg;

	(void)now;
	if (err == E_CONFLICT) {
		prover_again(p);
	} else if (err) {
		prover_fail(p, err);
	} else if (answer == CLAIM_ACCEPTED) {
		count(COUNT_PROVED, 1);
		log_sign_up(p, "sim-signed-up");
		subscriber_by_id(p->call.worker->port, p->found.b.subscriber, on_subscriber, p);
	} else if (answer == CLAIM_MISMATCH) {
		prover_disbelieve(p, FAULT_FOREIGN); /* what allowed it is used up */
	} else {
		if (p->owner && answer == CLAIM_QUARANTINED) {
			count_quarantine(QUARANTINE_PROOF_OF_OTHER);
			log_sign_up(p, "proof-of-other");
		}
		prover_refuse(p, outcome_of(answer), NULL);
	}
}

static void decide(struct prover *p)
{
	if (p->owner == p->found.b.subscriber)
		prover_refuse(p, OUTCOME_SIM_BOUND, "this SIM is the subscriber's already");
	else
		sim_sign_up(p->call.worker->port, &p->found.b.key, p->found.b.generation,
			    p->claim.imsi, (int64_t)p->challenge.sqn, on_decided, p);
}

void sim_put_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	size_t length;
	const char *body = http_body(r, &length);
	struct claim claim;
	const char *wrong = claim_json_read(body, length, &claim);

	if (!wrong && !claim.has_proof)
		wrong = "a sign-up needs challenge and proof";
	if (wrong || worker_sheds(w)) {
		handset_refuse(w, r, wrong ? OUTCOME_MALFORMED : OUTCOME_OVERLOADED, wrong);
		return;
	}
	struct prover *p = prover_new(w, r, &claim, CHALLENGE_SIM, sizeof(struct prover), decide);
	if (p)
		prover_check(p);
}
