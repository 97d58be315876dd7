/* phone -- one simulated handset
 *
 *   OFF        no address
 *   ATTACHING  the network was told of its address; not answered yet
 *   ASKING     it asks for a token from its address
 *   READY      it has a token and waits for triggers; fetches when one comes
 *
 * A trigger whose MAC is good makes it fetch; one without a MAC (trigger_mac off) too. One for
 * another's mailbox is counted, never followed. When mail is refused with [AUTH] it asks for a new
 * token. OWNERSHIP the world's array
 */
#ifndef HATO_HANDSET_SIM_PHONE_H
#define HATO_HANDSET_SIM_PHONE_H

#include "handset-sim/pop_fetch.h"
#include "handset-sim/sim_login.h"
#include "handset-sim/world.h"

enum phone_state { PHONE_OFF, PHONE_ATTACHING, PHONE_ASKING, PHONE_READY };

struct phone {
	struct world *world;
	uint32_t index, address; /* the latter into the world's addresses */
	enum phone_state state;
	char msisdn[16], imsi[16], mailbox[64];
	uint32_t sessions;
	char session_id[48];
	char token[64], realm[32];
	uint8_t trigger_key[64];
	size_t trigger_key_size;
	uint32_t generation;
	struct sim_login *sim;    /* null: its SIM has no key, its word is bare */
	struct http_channel *api; /* from its address; null: none */
	struct air_ear *ear;
	struct pop_fetch *fetch;             /* a session under way */
	bool again, seen_ready;              /* another trigger came meanwhile */
	int64_t asked_us, told_us, newest_s; /* newest_s: the last timestamp that was fetched for */
	struct loop_timer *retry;
	unsigned tries;
};

int phone_init(struct phone *p, struct world *w, uint32_t index);
void phone_fini(struct phone *p);
void phone_attach(struct phone *p, uint32_t address);
/* It leaves its address. tell: the network says so; else its Stop is lost. */
void phone_detach(struct phone *p, bool tell);
void phone_heard(struct phone *p, const uint8_t *datagram, size_t n);

#endif
