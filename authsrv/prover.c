#include "authsrv/prover.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

static const struct fault {
	const char *name, *detail;
} faults[PROOF_FAULTS] = {
	[FAULT_FOREIGN] = {"foreign", "this challenge was not given for that: ask for another"},
	[FAULT_OLD] = {"old-generation", "the challenge is from before: ask for another"},
	[FAULT_EXPIRED] = {"expired", "the challenge is over: ask for another"},
	[FAULT_WRONG] = {"wrong", "this is not the SIM's proof"},
	[FAULT_REPLAYED] = {"replayed", "the challenge was answered: ask for another"},
	[FAULT_AUTS] = {"auts", "this is not the SIM's AUTS"},
};

void proof_fault_log(struct worker *w, struct http_request *r, enum proof_fault fault,
		     const struct binding_found *f, const char *imsi)
{
	char ip[KEY_TEXT_MAX];
	int64_t unsaid;

	count_proof_fault(fault);
	pthread_mutex_lock(&w->shared->complaints_lock);
	bool say = complaints_say(&w->shared->complaints, http_peer(r, NULL), fault, clock_now_us(),
				  &unsaid);
	pthread_mutex_unlock(&w->shared->complaints_lock);
	if (!say)
		return;
	log_event(LOG_WARN, "proof-refused", LOG_TEXT("why", faults[fault].name),
		  LOG_TEXT("realm", f->b.key.realm), LOG_TEXT("ip", key_format(&f->b.key, ip)),
		  LOG_INT("generation", f->b.generation), LOG_TEXT("bound_imsi", f->imsi),
		  LOG_TEXT("claimed_imsi", imsi), LOG_INT("unsaid", unsaid), LOG_END);
}

const char *proof_fault_detail(enum proof_fault fault)
{
	return faults[fault].detail;
}

/* ---- the ways out ---- */

void prover_end(struct prover *p)
{
	explicit_bzero(p->trigger_key, sizeof p->trigger_key);
	call_end(p);
}

void prover_refuse(struct prover *p, enum handset_outcome why, const char *detail)
{
	handset_refuse(p->call.worker, p->call.r, why, detail);
	prover_end(p);
}

void prover_fail(struct prover *p, int err)
{
	explicit_bzero(p->trigger_key, sizeof p->trigger_key);
	handset_fail(&p->call, err);
}

void prover_again(struct prover *p)
{
	if (p->tries < PROVER_TRIES_MAX)
		prover_check(p);
	else
		prover_fail(p, E_CONFLICT);
}

static void contradict(struct prover *p)
{
	claim_contradict(p->call.worker, p->call.r, p->claim.imsi);
	prover_end(p);
}

/* A sign-up that the operator allows is no contradiction, even if it came too late. */
static void on_allowed(void *arg, int err)
{
	struct prover *p = arg;

	if (err == E_NOT_FOUND)
		contradict(p);
	else if (err)
		prover_fail(p, err);
	else
		prover_refuse(p, OUTCOME_PROOF_REQUIRED, "ask for another challenge");
}

void prover_disbelieve(struct prover *p, enum proof_fault fault)
{
	proof_fault_log(p->call.worker, p->call.r, fault, &p->found, p->claim.imsi);
	if (!strcmp(p->claim.imsi, p->found.imsi))
		prover_refuse(p, OUTCOME_PROOF_REQUIRED, faults[fault].detail);
	else if (p->kind == CHALLENGE_SIM)
		sim_change_check(p->call.worker->port, p->found.b.subscriber, p->claim.imsi,
				 on_allowed, p);
	else
		contradict(p);
}

/* ---- the way through ---- */

/* 0, E_AUTH: not this SIM's. */
static int verify(struct prover *p, const struct sim_secret *secret)
{
	const char *purpose = p->kind == CHALLENGE_SIM ? PROOF_PURPOSE_SIM : PROOF_PURPOSE;
	char key[KEY_TEXT_MAX];
	uint8_t proof[PROOF_BYTES];
	struct sim_session session;
	int err = aka_session(&secret->key, p->challenge.rand, &session);

	if (!err)
		err = aka_proof(session.proof_key, purpose, p->found.b.key.realm,
				key_format(&p->found.b.key, key), p->claim.challenge,
				strlen(p->claim.challenge), proof);
	if (!err && !ct_equal(proof, p->claim.proof, sizeof proof))
		err = E_AUTH;
	if (!err)
		memcpy(p->trigger_key, session.trigger_key, sizeof p->trigger_key);
	explicit_bzero(&session, sizeof session);
	return err;
}

static void on_secret(void *arg, int err, const struct sim_secret *secret)
{
	struct prover *p = arg;

	if (!err)
		err = verify(p, secret);
	if (err == E_AUTH || err == E_NOT_FOUND) {
		prover_disbelieve(p, FAULT_WRONG);
	} else if (err) {
		prover_fail(p, err);
	} else {
		p->owner = secret->owner;
		p->next(p);
	}
}

static void judge(struct prover *p)
{
	int err =
		challenge_open(p->call.worker->ring, p->claim.challenge, strlen(p->claim.challenge),
			       &p->found.b.key, clock_now_s(), &p->challenge);
	bool opened = !err || err == E_EXPIRED;

	if (err == E_AUTH || (opened && (p->challenge.kind != p->kind ||
					 strcmp(p->challenge.imsi, p->claim.imsi) != 0)))
		prover_disbelieve(p, FAULT_FOREIGN);
	else if (opened && p->challenge.generation != p->found.b.generation)
		prover_disbelieve(p, FAULT_OLD);
	else if (err == E_EXPIRED)
		prover_disbelieve(p, FAULT_EXPIRED);
	else if (err)
		prover_fail(p, err);
	else
		sim_secret_get(p->call.worker->port, p->claim.imsi, on_secret, p);
}

/* A sign-up stands on the feed's word, as a bare claim does; a proof for a token on the SIM's. */
static void on_found(void *arg, int err, const struct binding_found *f)
{
	struct prover *p = arg;
	enum key_state state = err ? KEY_FREE : binding_state_at(&f->b, clock_now_us());

	if (err && err != E_NOT_FOUND) {
		prover_fail(p, err);
		return;
	}
	if (state == KEY_FREE) {
		prover_refuse(p, OUTCOME_NO_BINDING, NULL);
		return;
	}
	p->found = *f;
	breakers_attempt(p->call.worker, f);
	if (f->b.frozen)
		prover_refuse(p, OUTCOME_FROZEN, NULL);
	else if (p->kind != CHALLENGE_SIM)
		judge(p);
	else if (f->behind || f->tripped)
		prover_refuse(p, f->behind ? OUTCOME_BEHIND : OUTCOME_BREAKER, NULL);
	else if (state == KEY_CONTESTED || state == KEY_QUARANTINED)
		prover_refuse(p, state == KEY_CONTESTED ? OUTCOME_CONTESTED : OUTCOME_QUARANTINED,
			      NULL);
	else
		judge(p);
}

void prover_check(struct prover *p)
{
	uint16_t port;
	const struct addr *source = http_peer(p->call.r, &port);

	p->tries++;
	binding_find(p->call.worker->port, http_realm(p->call.r), source, port, on_found, p);
}

struct prover *prover_new(struct worker *w, struct http_request *r, const struct claim *claim,
			  enum challenge_kind kind, size_t size, void (*next)(struct prover *p))
{
	struct prover *p = call_begin(w, r, size);

	if (p) {
		p->claim = *claim;
		p->kind = kind;
		p->next = next;
	}
	return p;
}
