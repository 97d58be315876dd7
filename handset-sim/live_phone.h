/* live_phone -- a phone in the incident that gets mail
 *
 * It knows what a phone knows: its SIM, the address it was given, the tokens that it has kept. It
 * does not know what the feed says. When it comes to an address it tries at once what it has kept
 * (its old token: a cached identity), then asks for a token and takes its mail, as triggers tell it
 * to. Some are worse than that:
 *
 *   ABSENT  was away from the steady state on and comes back at the end; its mail waits. Some leave
 *           a mail session open when the fibre is cut (held_session.h). Its address goes to:
 *   COPIER  has a copy of the former holder's tokens, and tries both: the one of an older address
 * at once, the one of this address when the network has spoken LIAR    claims the former holder's
 * IMSI when the network has spoken, before its own
 *
 * What it still wants to do is a set of bits, done one at a time in their order. OWNERSHIP the
 * incident's array. THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_LIVE_PHONE_H
#define HATO_HANDSET_SIM_LIVE_PHONE_H

#include "handset-sim/heed.h"
#include "handset-sim/incident.h"
#include "handset-sim/held_session.h"
#include "handset-sim/pop_fetch.h"

enum live_role { ROLE_HONEST, ROLE_ABSENT, ROLE_COPIER, ROLE_LIAR };

enum live_want {
	WANT_COPY_OTHER = 1, /* the former holder's, of another address */
	WANT_OLD = 2,        /* its own token of before */
	WANT_COPY_HERE = 4,  /* the former holder's, of this address and an earlier generation */
	WANT_LIE = 8,        /* the former holder's IMSI */
	WANT_STOLEN = 16,    /* the token that the lie brought */
	WANT_TOKEN = 32,
	WANT_FETCH = 64
};

struct kept_token {
	struct given_token given;
	uint32_t address;
	int64_t got_us; /* monotonic; 0: none */
};

struct live_phone {
	struct incident *in;
	uint32_t customer;
	enum live_role role;
	unsigned wants, doing; /* doing: one of them; 0: nothing */
	bool is_deaf;          /* it does not fetch */
	bool has_token, has_lied;
	bool is_wrong;                          /* what is tried now must be refused */
	int64_t token_after_us, fetch_after_us; /* monotonic: not before */
	int64_t started_us;                     /* event time of its last Start */
	struct kept_token token, older;         /* older: of the address before */
	struct kept_token copies[2]; /* the former holder's: of this address, of another */
	uint32_t victim;             /* the former holder; NOBODY */
	uint32_t fetch_address;      /* where the session under way comes from */
	struct http_channel *api;
	struct pop_fetch *fetch;
	struct held_session *held;
	bool holds; /* the open session has shown that there is mail */
	struct loop_timer *again;
	unsigned tries;
	struct heed heed;
};

int live_phone_init(struct live_phone *p, struct incident *in, uint32_t customer);
void live_phone_fini(struct live_phone *p);

void live_phone_arrive(struct live_phone *p); /* it has an address, says the truth */
void live_phone_leave(struct live_phone *p);  /* the radio is gone; an open session hangs */
/* The network's word about the phone's address was acknowledged. */
void live_phone_told(struct live_phone *p, enum feed_part part);
/* Its session was begun anew by the network: what token it has is over. */
void live_phone_renew(struct live_phone *p);
void live_phone_heard(struct live_phone *p, const uint8_t *datagram, size_t n);
void live_phone_want(struct live_phone *p, unsigned wants);
/* Opens a mail session and keeps it. */
void live_phone_hold(struct live_phone *p);

#endif
