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
 *
 * With a radio (modem.h) it hears triggers by SMS too, and writes texts. A phone that `sleeps` has
 * an address only while it needs one: a trigger by SMS makes it attach, and after a while without
 * mail it gives the address back. Any phone can be switched off, be in a tunnel (no radio of either
 * kind; its lease stays), roam (what it hears and says by radio comes later) and have no memory for
 * short messages. phone.c: attach, token, fetch; phone_heard.c: what is heard; phone_radio.c: the
 * SMS side, and what happens to a phone. OWNERSHIP the world's array. THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_PHONE_H
#define HATO_HANDSET_SIM_PHONE_H

#include "handset-sim/heed.h"
#include "handset-sim/modem.h"
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
	struct pop_fetch *fetch;    /* a session under way */
	struct smtp_submit *submit; /* likewise */
	int64_t submit_us;          /* the next one not before */
	bool seen_ready;
	int64_t asked_us, told_us;
	struct loop_timer *retry;
	unsigned tries;
	struct heed heed;
	struct kept_push early;   /* heard before it had a token: the newest */
	struct kept_push strange; /* for another's mailbox, not reported yet: the newest */
	size_t reported_size;     /* of the one whose report is under way */
	bool sleeps, is_off, in_tunnel;
	int64_t latency_us; /* of the radio: it roams */
	int64_t used_us;    /* its address, last */
	struct modem modem;
	struct loop_timer *modem_timer; /* null: it has no radio */
};

int phone_init(struct phone *p, struct world *w, uint32_t index);
void phone_fini(struct phone *p);
/* For the first time: world_phone_ready when it can be triggered. */
void phone_start(struct phone *p);
void phone_attach(struct phone *p, uint32_t address);
/* It leaves its address. tell: the network says so; else its Stop is lost. */
void phone_detach(struct phone *p, bool tell);
/* A datagram came to its address. */
void phone_heard(struct phone *p, const uint8_t *datagram, size_t n);

/* Its token was refused: it asks for another one. */
void phone_ask_anew(struct phone *p);

/* ---- what happens to it ---- */

/* Off: it gives its address back; a third of the Stops are lost. */
void phone_power(struct phone *p, bool on);
void phone_tunnel(struct phone *p, bool in);
void phone_roam(struct phone *p, int64_t latency_us); /* 0: it is at home */
void phone_memory(struct phone *p, bool full);

/* ---- its radio ---- */

int phone_radio_init(struct phone *p);
void phone_radio_fini(struct phone *p);
void phone_radio_linked(struct phone *p, bool up);
void phone_radio_heard(struct phone *p, const struct radio_frame *frame);
/* What was held while it roamed. */
void phone_radio_arrived(struct phone *p, enum roaming_what what, unsigned tag,
			 const uint8_t *octets, size_t n);
/* Text `index` of the world's; false: it has too many to send already. */
bool phone_write(struct phone *p, uint32_t index);

/* ---- between the files ---- */

void phone_hear_push(struct phone *p, enum bearer by, const uint8_t *push, size_t n);
void phone_hear_datagram(struct phone *p, const uint8_t *datagram, size_t n);
/* The tunnel is over: its connections are made anew. */
void phone_reconnect(struct phone *p);
void phone_disconnect(struct phone *p);
/* It has a token now: what came early is looked at. */
void phone_hear_early(struct phone *p);
/* Tells of another's trigger, if there is one and nothing else is being asked. */
void phone_report(struct phone *p);
/* Fetches if there is something to fetch for, or wakes up for it; else looks again when there may
 * be. */
void phone_follow(struct phone *p);

#endif
