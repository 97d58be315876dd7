#include "authsrv/counters.h"

#include <stddef.h>

#include "db/queue.h"
#include "lib/clock.h"
#include "lib/metrics.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#define HANDSET(outcome)                                                                           \
	{                                                                                          \
		.name = "hato_authsrv_handset_total{outcome=\"" outcome "\"}",                     \
		.help = "Requests of handsets by what became of them", .kind = METRIC_COUNTER      \
	}
static struct metric handset[HANDSET_OUTCOMES] = {
	[OUTCOME_ISSUED] = HANDSET("issued"),
	[OUTCOME_REFRESHED] = HANDSET("refreshed"),
	[OUTCOME_ENDED] = HANDSET("ended"),
	[OUTCOME_CHALLENGED] = HANDSET("challenged"),
	[OUTCOME_SIGNED_UP] = HANDSET("signed-up"),
	[OUTCOME_MALFORMED] = HANDSET("malformed"),
	[OUTCOME_OVERLOADED] = HANDSET("overloaded"),
	[OUTCOME_BEHIND] = HANDSET("behind"),
	[OUTCOME_NO_BINDING] = HANDSET("no-binding"),
	[OUTCOME_MISMATCH] = HANDSET("claim-mismatch"),
	[OUTCOME_CONTESTED] = HANDSET("contested"),
	[OUTCOME_QUARANTINED] = HANDSET("quarantined"),
	[OUTCOME_INVALID_TOKEN] = HANDSET("invalid-token"),
	[OUTCOME_EXPIRED_TOKEN] = HANDSET("expired-token"),
	[OUTCOME_PROOF_REQUIRED] = HANDSET("proof-required"),
	[OUTCOME_FROZEN] = HANDSET("frozen"),
	[OUTCOME_BREAKER] = HANDSET("breaker"),
	[OUTCOME_NO_SIM_KEY] = HANDSET("no-sim-key"),
	[OUTCOME_SIM_BOUND] = HANDSET("sim-bound"),
};

#define LEASES(result)                                                                             \
	{                                                                                          \
		.name = "hato_authsrv_lease_events_total{result=\"" result "\"}",                  \
		.help = "Lease events by result", .kind = METRIC_COUNTER                           \
	}
static struct metric leases[] = {
	[LEASE_APPLIED] = LEASES("applied"),         [LEASE_STALE] = LEASES("stale"),
	[LEASE_DUPLICATE] = LEASES("duplicate"),     [LEASE_ERROR] = LEASES("error"),
	[LEASE_QUARANTINED] = LEASES("quarantined"),
};

#define STATES(state)                                                                              \
	{                                                                                          \
		.name = "hato_authsrv_key_changes_total{state=\"" state "\"}",                     \
		.help = "Keys that came into a state", .kind = METRIC_COUNTER                      \
	}
static struct metric states[KEY_STATES] = {
	[KEY_FREE] = STATES("free"),
	[KEY_UNCONFIRMED] = STATES("unconfirmed"),
	[KEY_CONFIRMED] = STATES("confirmed"),
	[KEY_CONTESTED] = STATES("contested"),
	[KEY_QUARANTINED] = STATES("quarantined"),
};

#define QUARANTINES(reason)                                                                        \
	{                                                                                          \
		.name = "hato_authsrv_quarantines_total{reason=\"" reason "\"}",                   \
		.help = "Bindings put into quarantine on evidence that authsrv saw",               \
		.kind = METRIC_COUNTER                                                             \
	}
static struct metric token_of_other = QUARANTINES("token-of-other");
static struct metric proof_of_other = QUARANTINES("proof-of-other");
static struct metric misdirected = QUARANTINES("misdirected");
static struct metric by_feed = QUARANTINES("feed");

#define COUNTER(what, text)                                                                        \
	{                                                                                          \
		.name = "hato_authsrv_" what "_total", .help = text, .kind = METRIC_COUNTER        \
	}
static struct metric counters[COUNTERS] = {
	[COUNT_PROVED] = COUNTER("proved", "SIM proofs that were believed"),
	[COUNT_RESYNC] = COUNTER("sim_resyncs", "SIMs whose sequence was out of step"),
	[COUNT_REPORT_CONFIRMED] =
		COUNTER("reports_confirmed", "Misdirected triggers that the send log knows"),
	[COUNT_REPORT_FORGED] =
		COUNTER("reports_forged", "Reports of triggers that the send log does not know"),
	[COUNT_LEASE_TIME_REPLACED] =
		COUNTER("lease_time_replaced", "Lease events whose time was out of bounds"),
	[COUNT_LEASE_UNKNOWN_SUBSCRIBER] =
		COUNTER("lease_unknown_subscriber", "Lease events of nobody we know"),
	[COUNT_WHOLE_LISTS] = COUNTER("whole_lists", "Whole lists of a NAS that were applied"),
	[COUNT_LEASE_SHED] = COUNTER("lease_shed", "Lease events answered with 503"),
	[COUNT_UNAUTHORIZED] =
		COUNTER("network_unauthorized", "Network requests without a good key"),
	[COUNT_FORBIDDEN] =
		COUNTER("network_forbidden", "Network requests beyond what their key may do"),
	[COUNT_RELEASED] = COUNTER("released", "Bindings released from quarantine by an operator"),
	[COUNT_BREAKER_WORDS] =
		COUNTER("breaker_words", "Bare words that contradicted a binding, not just after a "
					 "Start of the claimant"),
	[COUNT_BREAKER_EVIDENCE] =
		COUNTER("breaker_evidence", "Hard evidence that the breakers heard of"),
	[COUNT_BREAKER_TRIPS] = COUNTER("breaker_trips", "Pools whose breaker tripped"),
	[COUNT_BREAKER_RELEASES] =
		COUNTER("breaker_releases", "Tripped breakers that were released"),
	[COUNT_FROZEN] = COUNTER("frozen", "Freezes by an operator"),
	[COUNT_THAWED] = COUNTER("thawed", "Freezes that an operator ended"),
	[COUNT_KEYRING_UNREADABLE] =
		COUNTER("keyring_unreadable", "Times that a changed keyring could not be read"),
};

static struct metric balanced[BALANCED_OUTCOMES] = BALANCED_METRICS("authsrv");

#define PROOFS(why)                                                                                \
	{                                                                                          \
		.name = "hato_authsrv_proofs_refused_total{why=\"" why "\"}",                      \
		.help = "Answers to challenges that were not believed", .kind = METRIC_COUNTER     \
	}
static struct metric faults[PROOF_FAULTS] = {
	[FAULT_FOREIGN] = PROOFS("foreign"),   [FAULT_OLD] = PROOFS("old-generation"),
	[FAULT_EXPIRED] = PROOFS("expired"),   [FAULT_WRONG] = PROOFS("wrong"),
	[FAULT_REPLAYED] = PROOFS("replayed"), [FAULT_AUTS] = PROOFS("auts"),
};

#define GAUGE(what, text)                                                                          \
	{                                                                                          \
		.name = "hato_authsrv_store_" what, .help = text, .kind = METRIC_GAUGE             \
	}
static struct metric queue_depth = GAUGE("queue_depth", "Writes that wait for the store's writer");
static struct metric wal_bytes = GAUGE("wal_bytes", "Size of the write-ahead log of bindings.db");
static struct metric worst_group = GAUGE("worst_group_us", "The slowest commit group so far");
static struct metric commits = GAUGE("commits", "Commit groups since the start");

#define QUEUE(what, text)                                                                          \
	{                                                                                          \
		.name = "hato_queue_" what, .help = text, .kind = METRIC_GAUGE                     \
	}
static struct metric outbound[] = {
	QUEUE("mails", "Mails that wait to go out"),
	QUEUE("octets", "Octets of the mails that wait to go out"),
	QUEUE("held", "Mails that an operator holds"),
	QUEUE("lanes", "Destinations that mail waits for"),
	QUEUE("oldest_seconds", "Age of the oldest mail that waits to go out"),
	QUEUE("suppressions", "Addresses that a sender is not to try again"),
};

void counters_queue(const struct queue_stats *s, int64_t now_us)
{
	const int64_t values[COUNT_OF(outbound)] = {(int64_t)s->mails,
						    (int64_t)s->octets,
						    (int64_t)s->held,
						    (int64_t)s->lanes,
						    s->mails ? (now_us - s->oldest_us) / CLOCK_S
							     : 0,
						    (int64_t)s->suppressions};

	for (size_t i = 0; i < COUNT_OF(outbound); i++)
		metric_set(&outbound[i], values[i]);
}

static struct metric breakers_tripped = {.name = "hato_authsrv_breakers_tripped",
					 .help = "Pools whose breaker is tripped now",
					 .kind = METRIC_GAUGE};

void counters_breakers(size_t tripped)
{
	metric_set(&breakers_tripped, (int64_t)tripped);
}

static void register_all(struct metric *metrics, size_t n)
{
	for (size_t i = 0; i < n; i++)
		metric_register(&metrics[i]);
}

void counters_register(void)
{
	struct metric *const single[] = {&token_of_other, &proof_of_other, &misdirected,
					 &by_feed,        &queue_depth,    &wal_bytes,
					 &worst_group,    &commits,        &breakers_tripped};

	register_all(handset, COUNT_OF(handset));
	register_all(leases, COUNT_OF(leases));
	register_all(states, COUNT_OF(states));
	register_all(counters, COUNT_OF(counters));
	register_all(faults, COUNT_OF(faults));
	register_all(balanced, COUNT_OF(balanced));
	register_all(outbound, COUNT_OF(outbound));
	for (size_t i = 0; i < COUNT_OF(single); i++)
		metric_register(single[i]);
}

struct metric *counters_balanced(void)
{
	return balanced;
}

void count_handset(enum handset_outcome outcome)
{
	metric_add(&handset[outcome], 1);
}

void count_leases(enum lease_result result, int64_t n)
{
	metric_add(&leases[result], n);
	if (result == LEASE_QUARANTINED)
		metric_add(&by_feed, n);
}

void count_quarantine(enum quarantine_reason reason)
{
	metric_add(reason == QUARANTINE_TOKEN_OF_OTHER   ? &token_of_other
		   : reason == QUARANTINE_PROOF_OF_OTHER ? &proof_of_other
							 : &misdirected,
		   1);
}

void count_proof_fault(enum proof_fault fault)
{
	metric_add(&faults[fault], 1);
}

void count_state(enum key_state state)
{
	metric_add(&states[state], 1);
}

void count(enum counter counter, int64_t n)
{
	metric_add(&counters[counter], n);
}

void counters_store(const struct db_stats *stats)
{
	metric_set(&queue_depth, (int64_t)stats->queue_depth);
	metric_set(&wal_bytes, (int64_t)stats->wal_bytes[DB_BINDINGS]);
	metric_set(&worst_group, stats->worst_group_us);
	metric_set(&commits, (int64_t)stats->commits);
}
