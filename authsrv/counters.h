/* counters -- what authsrv counts, for /metrics
 *
 * THREADS counters_register before the workers start; counting from any thread.
 */
#ifndef HATO_AUTHSRV_COUNTERS_H
#define HATO_AUTHSRV_COUNTERS_H

#include <stdint.h>

#include "db/db.h"
#include "lib/balancers.h"

/* What became of a handset's request. */
enum handset_outcome {
	OUTCOME_ISSUED,
	OUTCOME_REFRESHED,
	OUTCOME_ENDED,
	OUTCOME_CHALLENGED,
	OUTCOME_SIGNED_UP,
	OUTCOME_MALFORMED,
	OUTCOME_OVERLOADED,
	OUTCOME_BEHIND,
	OUTCOME_NO_BINDING,
	OUTCOME_MISMATCH,
	OUTCOME_CONTESTED,
	OUTCOME_QUARANTINED,
	OUTCOME_INVALID_TOKEN,
	OUTCOME_EXPIRED_TOKEN,
	OUTCOME_PROOF_REQUIRED,
	OUTCOME_FROZEN,
	OUTCOME_BREAKER,
	OUTCOME_NO_SIM_KEY,
	OUTCOME_SIM_BOUND,
	HANDSET_OUTCOMES
};

enum counter {
	COUNT_REPORT_CONFIRMED,
	COUNT_REPORT_FORGED,
	COUNT_LEASE_TIME_REPLACED,
	COUNT_LEASE_UNKNOWN_SUBSCRIBER,
	COUNT_LEASE_SHED,
	COUNT_WHOLE_LISTS,
	COUNT_UNAUTHORIZED,
	COUNT_FORBIDDEN,
	COUNT_RELEASED,
	COUNT_KEYRING_UNREADABLE,
	COUNT_BREAKER_WORDS,
	COUNT_BREAKER_EVIDENCE,
	COUNT_BREAKER_TRIPS,
	COUNT_BREAKER_RELEASES,
	COUNT_FROZEN,
	COUNT_THAWED,
	COUNT_PROVED,
	COUNT_RESYNC,
	COUNTERS
};

/* Why a challenge's answer was not believed. */
enum proof_fault {
	FAULT_FOREIGN,  /* not our challenge, or for another key, realm, IMSI or use */
	FAULT_OLD,      /* for another generation of this key */
	FAULT_EXPIRED,  /* it came too late */
	FAULT_WRONG,    /* not this SIM's proof */
	FAULT_REPLAYED, /* its SQN is not greater than the last one's */
	FAULT_AUTS,     /* not this SIM's AUTS */
	PROOF_FAULTS
};

void counters_register(void);
void count_proof_fault(enum proof_fault fault);
struct metric *counters_balanced(void); /* [BALANCED_OUTCOMES] */
void count_handset(enum handset_outcome outcome);
void count_leases(enum lease_result result, int64_t n);
void count_quarantine(enum quarantine_reason reason);
void count(enum counter counter, int64_t n);
/* A key came into this state, by whoever's word. */
void count_state(enum key_state state);
/* How many breakers are tripped now. */
void counters_breakers(size_t tripped);
/* Gauges of the store; called now and then by one worker. */
void counters_store(const struct db_stats *stats);
struct queue_stats;
void counters_queue(const struct queue_stats *stats, int64_t now_us);

#endif
