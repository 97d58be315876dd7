/* sim_login -- a token by SIM proof: challenge, the SIM's answer, token
 *
 * Over the handset's own channel: POST /v1/challenge, again with AUTS if the SIM is out of step
 * (also when two challenges came in one tick of the network's clock), then POST /v1/token with the
 * proof. A challenge for another address than the handset's own is not answered. The caller may
 * free the channel at any time; then nothing is heard any more.
 *
 * OWNERSHIP inside its phone. SEE handset-sim/sim.h, docs/sim-proof.md
 */
#ifndef HATO_HANDSET_SIM_SIM_LOGIN_H
#define HATO_HANDSET_SIM_SIM_LOGIN_H

#include "handset-sim/http_channel.h"
#include "handset-sim/sim.h"

struct sim_login {
	struct sim sim;
	struct http_channel *api;
	const char *imsi;
	char ip[ADDR_TEXT_MAX];
	unsigned rounds;
	uint8_t trigger_key[16]; /* of the last proof: valid when the token's answer has none */
	http_answered *done;
	void *arg;
};

/* new: the SIM never saw this network, so it is out of step. */
int sim_login_init(struct sim_login *l, const char *imsi, bool is_new);
/* done hears the answer to POST /v1/token, or the first answer that was none of the good ones. */
void sim_login_start(struct sim_login *l, struct http_channel *api, const struct addr *own,
		     http_answered *done, void *arg);

#endif
