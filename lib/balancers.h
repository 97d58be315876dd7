/* balancers -- who may stand before a listener and say for whom: the PROXY protocol's believed ones
 *
 * One per door of a realm, made of the settings `proxy_from` and `proxy_wait`; shared by the
 * workers. A connection from one of these addresses must begin with a PROXY header, which is its
 * peer's address from then on; from anybody else such octets are garbage to the protocol. Nothing
 * that comes later, and no header of HTTP, changes a peer.
 *
 * OWNERSHIP  balancers_free frees all; the counters are borrowed
 * THREADS    read-only after balancers_new, but the counters, which are atomic
 * SEE        lib/wire/proxy.h, docs/realms.md
 */
#ifndef HATO_LIB_BALANCERS_H
#define HATO_LIB_BALANCERS_H

#include "lib/addr_range.h"
#include "lib/metrics.h"

#define BALANCERS_MAX 32 /* ranges in one list */

/* What became of a balancer's connection. */
enum balanced {
	BALANCED_NAMED,    /* it told whom it speaks for */
	BALANCED_NAMELESS, /* a health check, or a peer that it does not know */
	BALANCED_REFUSED,  /* no header, or a broken one */
	BALANCED_LATE,     /* not within the time */
	BALANCED_EMPTY,    /* it hung up before it said anything (a bare health check) */
	BALANCED_CROWDED,  /* too many wait for their header */
	BALANCED_OUTCOMES
};

struct balancers {
	struct addr_range from[BALANCERS_MAX];
	size_t from_count;
	int64_t wait_ms;        /* for the whole header */
	size_t max_waiting;     /* connections of one listener without their header */
	struct metric *counted; /* [BALANCED_OUTCOMES]; may be null */
};

/* `from`: the setting. E_SYNTAX, E_RANGE, E_TOO_LARGE: it is no list of ranges. An empty list gives
 * a null, which no listener asks. */
int balancers_new(const char *from, int64_t wait_ms, size_t max_waiting, struct metric *counted,
		  struct balancers **out);
void balancers_free(struct balancers *b);

bool balancers_include(const struct balancers *b, const struct addr *a); /* null: nobody */
void balancers_count(const struct balancers *b, enum balanced what);

/* The rows of a daemon's counters, in the order of enum balanced. */
#define BALANCED_METRIC(daemon, result)                                                            \
	{                                                                                          \
		.name = "hato_" daemon "_balanced_total{result=\"" result "\"}",                   \
		.help = "Connections from balancers by what their PROXY header said",              \
		.kind = METRIC_COUNTER                                                             \
	}
#define BALANCED_METRICS(daemon)                                                                   \
	{                                                                                          \
		[BALANCED_NAMED] = BALANCED_METRIC(daemon, "named"),                               \
		[BALANCED_NAMELESS] = BALANCED_METRIC(daemon, "nameless"),                         \
		[BALANCED_REFUSED] = BALANCED_METRIC(daemon, "refused"),                           \
		[BALANCED_LATE] = BALANCED_METRIC(daemon, "late"),                                 \
		[BALANCED_EMPTY] = BALANCED_METRIC(daemon, "empty"),                               \
		[BALANCED_CROWDED] = BALANCED_METRIC(daemon, "crowded"),                           \
	}

#endif
