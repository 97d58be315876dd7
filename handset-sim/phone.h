/* phone -- one simulated handset
 *
 *   OFF        no address
 *   ATTACHING  the network was told of its address; not answered yet
 *   ASKING     it asks for a token from its address
 *   READY      it has a token and waits for triggers; fetches when one comes
 *
 * What a trigger makes it do is heed.h's: this is what it does. A datagram that comes before it has
 * a token is kept until it can check it. One for another's mailbox is never followed but reported
 * (POST /v1/reports/misdirected). When mail is refused with [AUTH] it asks for a new token.
 * phone.c: attach, token, fetch; phone_heard.c: what is heard. OWNERSHIP the world's array
 */
#ifndef HATO_HANDSET_SIM_PHONE_H
#define HATO_HANDSET_SIM_PHONE_H

#include "handset-sim/heed.h"
#include "handset-sim/pop_fetch.h"
#include "handset-sim/sim_login.h"
#include "handset-sim/world.h"

enum phone_state { PHONE_OFF, PHONE_ATTACHING, PHONE_ASKING, PHONE_READY };

/* A push as it came; size 0: none. */
struct kept_push {
	uint8_t octets[TRIGGER_MAX];
	size_t size;
};

struct phone {
	struct world *world;
	uint32_t index, address; /* the latter into the world's addresses */
	enum phone_state state;
	char msisdn[16], imsi[16], mailbox[64];
	uint32_t sessions;
	char session_id[48];
	struct given_token token;
	struct sim_login *sim;    /* null: its SIM has no key, its word is bare */
	struct http_channel *api; /* from its address; null: none */
	struct air_ear *ear;
	struct pop_fetch *fetch; /* a session under way */
	bool seen_ready;
	int64_t asked_us, told_us;
	struct loop_timer *retry;
	unsigned tries;
	struct heed heed;
	struct kept_push early;   /* heard before it had a token: the newest */
	struct kept_push strange; /* for another's mailbox, not reported yet: the newest */
};

int phone_init(struct phone *p, struct world *w, uint32_t index);
void phone_fini(struct phone *p);
void phone_attach(struct phone *p, uint32_t address);
/* It leaves its address. tell: the network says so; else its Stop is lost. */
void phone_detach(struct phone *p, bool tell);
/* A datagram came to its address. */
void phone_heard(struct phone *p, const uint8_t *datagram, size_t n);

/* ---- between the two files ---- */

/* It has a token now: what came early is looked at. */
void phone_hear_early(struct phone *p);
/* Tells of another's trigger, if there is one and nothing else is being asked. */
void phone_report(struct phone *p);
/* Fetches if there is something to fetch for, else looks again when there may be. */
void phone_follow(struct phone *p);

#endif
