/* sim_json -- challenges, sign-up and SIM keys as JSON
 *
 * Pure. OWNERSHIP the writer's result is the caller's; who read a key wipes it. TRUST any octets.
 * THREADS any. SEE docs/sim-proof.md
 */
#ifndef HATO_AUTHSRV_SIM_JSON_H
#define HATO_AUTHSRV_SIM_JSON_H

#include <jansson.h>

#include "lib/challenge.h"

/* {"imsi"}, and if it is to become the subscriber's: {"for":"sim"}; from a SIM that is out of step
 * also {"challenge","auts"}. */
struct challenge_request {
	char imsi[IMSI_MAX];
	enum challenge_kind kind;
	bool has_auts;
	char challenge[CHALLENGE_TEXT + 1];
	uint8_t auts[AUTS_BYTES];
};
/* Null, or what is wrong (static). */
const char *challenge_json_read(const char *body, size_t length, struct challenge_request *out);

struct challenge_answer {
	const char *challenge; /* sealed */
	const uint8_t *rand, *autn;
	const char *realm, *key; /* what the proof is for */
	int64_t expires_in_s;
};
json_t *challenge_json_write(const struct challenge_answer *a);

/* {"k","opc"}, both. */
const char *sim_key_json_read(const char *body, size_t length, struct sim_key *out);
/* {"imsi"} or nothing at all: "". */
const char *sim_change_json_read(const char *body, size_t length, char imsi[IMSI_MAX]);

#endif
