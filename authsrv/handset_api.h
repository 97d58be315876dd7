/* handset_api -- the handset side of the HTTP API: its routes, its guard, and how it says no
 *
 * The TCP source address is the caller's identity, the listener its realm; no header changes
 * either. Every refusal is a row of one table: status, name, whether time may mend it. SEE design 5
 * (order of checks), binding rules 2 (the states' cells)
 */
#ifndef HATO_AUTHSRV_HANDSET_API_H
#define HATO_AUTHSRV_HANDSET_API_H

#include "authsrv/counters.h"
#include "authsrv/server.h"
#include "authsrv/token_json.h"

extern const struct http_route handset_routes[];
bool handset_guard(void *arg, struct http_request *r);

/* The handlers, by file. */
void token_post(void *arg, struct http_request *r);     /* claim_api.c */
void challenge_post(void *arg, struct http_request *r); /* challenge_api.c */
void sim_put_route(void *arg, struct http_request *r);  /* sim_api.c */
void token_refresh(void *arg, struct http_request *r);  /* token_api.c */
void token_delete(void *arg, struct http_request *r);
void report_post(void *arg, struct http_request *r);                /* report_api.c */
void own_suppression_list_route(void *arg, struct http_request *r); /* suppression_api.c */
void own_suppression_clear_route(void *arg, struct http_request *r);
void own_filter_get(void *arg, struct http_request *r); /* filter_api.c */
void own_filter_put(void *arg, struct http_request *r);
void own_filter_delete(void *arg, struct http_request *r);

/* POST /v1/token with a proof: proof_api.c. */
void token_by_proof(struct worker *w, struct http_request *r, const struct claim *claim);
/* Answers with what a bare word of this IMSI gets that is not the bound one: the state's answer, or
 * the key is contested. */
void claim_contradict(struct worker *w, struct http_request *r, const char *imsi);

/* Answers and counts. why is OUTCOME_MALFORMED or after it; detail may be null. */
void handset_refuse(struct worker *w, struct http_request *r, enum handset_outcome why,
		    const char *detail);
/* The same for a call, which ends. */
void handset_refuse_call(struct call *call, enum handset_outcome why);
/* What a failed operation of the store means to a handset: later. Ends the call. */
void handset_fail(struct call *call, int err);

/* A rule's answer as an outcome; CLAIM_ACCEPTED has none. */
enum handset_outcome outcome_of(enum claim_answer answer);

/* Seals a token of subscriber b->subscriber for b's key and generation, answers with it and ends
 * the call. */
void handset_answer_token(struct call *call, const struct binding *b, const char *login,
			  json_t *addresses /* stolen */, enum handset_outcome how);

#endif
