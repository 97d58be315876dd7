/* network -- the operator's side: provisions the subscribers, tells of every attach and detach as
 * the network would
 *
 * Lease events that come while the channels are busy leave together in one batch. Each carries its
 * event time, since batches on several connections may overtake each other.
 */
#ifndef HATO_HANDSET_SIM_NETWORK_H
#define HATO_HANDSET_SIM_NETWORK_H

#include "handset-sim/http_channel.h"
#include "handset-sim/scenario.h"

struct network;

struct network_event {
	bool is_start;
	char ip[ADDR_TEXT_MAX];
	char msisdn[16];
	char session_id[48];
};

/* applied: the start was taken (or the stop); false: refused, or no answer. */
typedef void network_done(void *arg, bool applied);

/* Over `channels` connections. */
int network_new(struct loop *loop, const struct http_target *target, const char *key,
		unsigned channels, struct network **out);
void network_free(struct network *n);
/* The event is copied; done may be null. */
void network_tell(struct network *n, const struct network_event *ev, network_done *done, void *arg);
/* Subscriber `number`..`number + count - 1`; done once, false if one was refused. */
/* Before it: whose SIMs get a key (sim.h); null: nobody's. */
void network_give_sims(struct network *n, const struct scenario *s);
void network_provision(struct network *n, uint32_t first, uint32_t count, network_done *done,
		       void *arg);
/* Subscribers that have not been sent yet. */
uint32_t network_unprovisioned(const struct network *n);
/* Nothing queued, nothing under way. */
bool network_is_quiet(const struct network *n);

#define SIM_DOMAIN "hato.example"
void network_names(uint32_t number, char msisdn[16], char imsi[16], char address[64]);

#endif
