/* incident -- 20 December 2011 once more: `handset-sim --scenario incident-2011`
 *
 * Customers with leases by the thousand or the million (carrier.h: where they really are), some of
 * them as live phones that get mail (live_phone.h), the others as leases and token requests
 * (claims.h); a feed that is late, forgetful and out of order, and in its faulty variant wrong
 * (lease_feed.h). What happens when is incident.c, the cut and the storm are storm.c. Docs:
 * docs/incident-2011.md. THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_INCIDENT_H
#define HATO_HANDSET_SIM_INCIDENT_H

#include "handset-sim/air.h"
#include "handset-sim/carrier.h"
#include "handset-sim/killer.h"
#include "handset-sim/lease_feed.h"
#include "handset-sim/ledger.h"
#include "handset-sim/mail_sender.h"
#include "handset-sim/network.h"
#include "handset-sim/scenario.h"
#include "lib/conf.h"

#define INCIDENT_TICK_US 20000
#define INCIDENT_NASES   9       /* the rest of the country's, and Kansai's */
#define INCIDENT_PAPER   6700000 /* sp mode's subscribers in December 2011 */

struct live_phone;
struct claims;

enum phase {
	PHASE_PROVISION, /* subscribers by REST */
	PHASE_LEASES,    /* everybody has an address */
	PHASE_STEADY,    /* live phones get tokens; some move; mail begins */
	PHASE_HOLD,      /* some open a mail session, and will not close it */
	PHASE_STORM,     /* the cut, and all come back at once */
	PHASE_LATE,      /* what was late: Stops, and Starts of long ago */
	PHASE_CORRECT,   /* the faulty feed is mended */
	PHASE_TOKENS,    /* until every phone has a working token */
	PHASE_RETURN,    /* those who were away come back */
	PHASE_MAIL,      /* until every mail is read */
	PHASE_AUDIT,     /* the system's bindings against the truth */
	PHASE_OVER
};

/* How the system said no to a handset. */
enum no {
	NO_BINDING,
	NO_MISMATCH,
	NO_CONTESTED,
	NO_QUARANTINED,
	NO_OVERLOADED,
	NO_ANSWER,
	NO_OTHER,
	NOES
};

struct tally {
	uint64_t tokens, no[NOES];
	uint64_t tokens_refused; /* old, copied, from elsewhere: by POP3 */
	uint64_t wrong_tokens;   /* such a one that opened, or one that was given to another */
	uint64_t lies;           /* claims with another's IMSI */
	uint64_t held, held_cut; /* mail sessions left open, and cut without a message */
	uint64_t wrong_starts, corrections; /* what a list found to differ, or Starts */
	uint64_t lists;
	uint64_t breakers; /* pools whose circuit breaker had tripped before the correction */
	uint64_t audited, wrong_bindings;
};

struct incident {
	const struct scenario *scenario;
	const struct conf *conf;
	struct loop *loop;
	struct carrier carrier;
	struct lease_feed *feed;
	struct claims *claims;
	struct network *network; /* provisioning */
	struct air *air;
	struct ledger ledger;
	struct mail_sender *sender;
	struct http_channel *audit;
	struct killer killer;
	char *key; /* the feeder's */

	struct live_phone *phones; /* customers 0 up to phone_count - 1 */
	uint32_t phone_count;
	uint32_t kansai, reattached; /* customers; those that came back */
	uint32_t *returning;         /* the order in which they come back */
	uint32_t returning_count;
	uint32_t *wronged; /* whom the correction is about */
	uint32_t wronged_count, wronged_room;

	enum phase phase;
	int64_t began_us, phase_us, ended_us; /* monotonic */
	double seconds[PHASE_OVER + 1];
	struct loop_timer *tick;
	int64_t progress_us;
	uint32_t next; /* of what the phase goes through */
	uint32_t kansai_nases, next_nas, list_tries;
	struct loop_timer *list_again;
	bool is_correcting;
	uint32_t waiting;                     /* customers without a working token */
	uint32_t sockets;                     /* of live phones */
	int64_t last_event_us, last_token_us; /* monotonic */
	int64_t last_start_us, cut_us;        /* event times */
	double resync_s;
	bool sent_all, failed, unfinished, is_synchronised;
	int64_t last_time_us; /* of incident_event_time */
	uint32_t audited;
	bool is_struck; /* authsrv was to be killed */
	struct tally tally;
};

/* The exit status. */
int incident_main(const struct scenario *s, const struct conf *c, const struct corpus *corpus);

/* ---- for the parts ---- */

void incident_enter(struct incident *in, enum phase to);
void incident_progress(struct incident *in);
/* A customer came to an address, or its old token died: it waits for one; and it has it. */
void incident_waits(struct incident *in, uint32_t customer);
void incident_has_token(struct incident *in, uint32_t customer);
/* What an answer other than a token means: counted. */
void incident_refused(struct incident *in, unsigned status, const json_t *answer);
/* What to wait before asking again: what the answer says, at least, and longer with every try. */
int64_t incident_pause_us(struct incident *in, unsigned retry_after_s, unsigned tries);
/* Number and name of the NAS that speaks for a customer: 0 is the rest of the country. */
uint8_t incident_nas_of(const struct incident *in, uint32_t customer);
const char *incident_nas_name(uint8_t nas);
bool incident_is_live(const struct incident *in, uint32_t customer);
/* Now, and never the same twice: an order can be told by it. */
int64_t incident_event_time(struct incident *in);
/* An event of time_us leaves the feed in_us from now. */
void incident_tell(struct incident *in, enum feed_kind kind, enum feed_part part, uint32_t customer,
		   uint32_t address, uint32_t session, int64_t time_us, int64_t in_us);
/* Customer takes an address: truth, Start, and it asks for its token. late_us: the Start's delay;
 * negative: none is sent. */
void incident_attach(struct incident *in, uint32_t customer, uint32_t address, int64_t late_us);

/* incident.c: what the world tells the incident */
extern const char *const incident_nas_names[INCIDENT_NASES];
void incident_acked(void *incident, const struct feed_event *ev, enum feed_result result);
void incident_heard(void *incident, const struct addr *to, const uint8_t *datagram, size_t n);
void incident_provisioned(void *incident, bool all);
void incident_all_sent(void *incident);
void incident_tick(void *incident);

/* storm.c */
int storm_plan(struct incident *in);
void storm_cut(struct incident *in);
bool storm_step(struct incident *in); /* true: all are back */
void storm_late(struct incident *in);
void storm_power_cycle(struct incident *in);
bool storm_lies_are_told(const struct incident *in);
/* correction.c */
void correction_begin(struct incident *in);
void correction_again(void *incident);

/* audit.c: true when all were asked */
bool audit_step(struct incident *in);

const char *incident_phase_name(enum phase p);
void incident_report(struct incident *in);
bool incident_is_clean(const struct incident *in);

#endif
