/* prover -- a handset that shows a challenge and a proof: is it a SIM's, and whose?
 *
 * Finds the binding of the caller's address, opens the challenge with the key as it is stored,
 * compares use, IMSI and generation, and computes the proof with the SIM's K. Whoever does not pass
 * has been answered and the call has ended: who names the bound SIM gets `proof-required` (it may
 * ask for another challenge), who names another one is a bare word that contradicts. For the others
 * `next` runs with `owner`, who may be another than the bound subscriber: the rules decide what
 * that means. A challenge of an earlier generation proves nothing about this one: its answer may
 * have been on its way when the address moved.
 *
 * OWNERSHIP a struct prover begins a handler's own struct and is a struct call (server.h); its end
 * is prover_end, which wipes what the SIM derived. SEE binding rules 8, lib/aka.h
 */
#ifndef HATO_AUTHSRV_PROVER_H
#define HATO_AUTHSRV_PROVER_H

#include "authsrv/handset_api.h"

#define PROVER_TRIES_MAX 4

struct prover {
	struct call call;
	struct claim claim;
	enum challenge_kind kind; /* what the challenge must be for */
	struct binding_found found;
	struct challenge challenge;
	int64_t owner; /* whose SIM it is; 0: nobody's yet */
	uint8_t trigger_key[TRIGGER_KEY_BYTES];
	unsigned tries;
	void (*next)(struct prover *p);
};

/* Null: answered. */
struct prover *prover_new(struct worker *w, struct http_request *r, const struct claim *claim,
			  enum challenge_kind kind, size_t size, void (*next)(struct prover *p));
void prover_check(struct prover *p);
/* E_CONFLICT of the store: the binding moved meanwhile. Looks again, or says later. */
void prover_again(struct prover *p);
/* Counts the fault, logs it, answers `proof-required` or contests, and ends. */
void prover_disbelieve(struct prover *p, enum proof_fault fault);
void prover_refuse(struct prover *p, enum handset_outcome why, const char *detail);
void prover_fail(struct prover *p, int err);
void prover_end(struct prover *p);

/* The parts that the challenge's own handler shares. The log says it once a source, fault and
 * minute.
 */
const char *proof_fault_detail(enum proof_fault fault);
void proof_fault_log(struct worker *w, struct http_request *r, enum proof_fault fault,
		     const struct binding_found *f, const char *imsi);

#endif
