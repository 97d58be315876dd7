/* network -- a simulated mobile network that tells about its leases, badly
 *
 * It knows who really holds which address, and what its NASes say of it: each with a clock of its
 * own (right, hasty, in 1970, in 2036), over a way on which messages are lost, doubled, late and
 * overtaken; feeds that say wrong things; handsets that say right and wrong ones. All of it comes
 * out of one number, the seed: the same seed is the same history. Pure; one thread.
 */
#ifndef HATO_TESTS_MODEL_NETWORK_H
#define HATO_TESTS_MODEL_NETWORK_H

#include "tests/model/reference.h"

#define NET_REALMS      2
#define NET_NASES       4 /* two a realm */
#define NET_SUBSCRIBERS 4
#define NET_NAMES       200
#define HISTORY_STEPS   64

enum step_kind {
	STEP_EVENT,
	STEP_CLAIM,
	STEP_PROOF,
	STEP_REFRESH,
	STEP_QUARANTINE,
	STEP_RELEASE,
	STEP_RESTART,
	STEP_SWEEP,
	STEP_REMOVE
};

struct step {
	enum step_kind kind;
	struct model_event ev; /* STEP_EVENT */
	int key, who, realm;   /* the others */
	int64_t sqn, now_us;
	int8_t holders[MODEL_KEYS]; /* who really holds each key after it */
};

struct history {
	uint64_t seed;
	bool is_perfect; /* nothing lost, late or wrong: the bindings are the truth at each step */
	bool names_are_new; /* no session's name comes twice, and all clocks are fair */
	int step_count;
	struct step steps[HISTORY_STEPS];
};

/* The keys of both realms: IPv4 addresses, port blocks of one, /64s, and a /56 and /48 around some
 * of them. */
extern const struct model_key net_keys[];
extern const int net_key_count;
/* The same key for lib/rules. */
struct key net_key(int key);

void network_make(uint64_t seed, struct history *out);

#endif
