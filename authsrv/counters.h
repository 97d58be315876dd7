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
	HANDSET_OUTCOMES
};

enum counter {
	COUNT_REPORT_CONFIRMED,
	COUNT_REPORT_FORGED,
	COUNT_LEASE_TIME_REPLACED,
	COUNT_LEASE_UNKNOWN_SUBSCRIBER,
	COUNT_LEASE_SHED,
	COUNT_UNAUTHORIZED,
	COUNT_FORBIDDEN,
	COUNT_RELEASED,
	COUNT_KEYRING_UNREADABLE,
	COUNT_FROZEN,
	COUNT_THAWED,
	COUNTERS
};

void counters_register(void);
struct metric *counters_balanced(void); /* [BALANCED_OUTCOMES] */
void count_handset(enum handset_outcome outcome);
void count_leases(enum lease_result result, int64_t n);
void count_quarantine(enum quarantine_reason reason);
void count(enum counter counter, int64_t n);
/* A key came into this state, by whoever's word. */
void count_state(enum key_state state);
/* Gauges of the store; called now and then by one worker. */
void counters_store(const struct db_stats *stats);

#endif
