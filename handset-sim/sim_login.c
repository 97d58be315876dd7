#include "handset-sim/sim_login.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/keyfile.h"
#include "lib/wire/base64.h"

#define ROUNDS_MAX     8   /* challenges for one token */
#define TICKS_IN_STEP  100 /* how far behind the network a SIM in step is */
#define CHALLENGE_PATH "/v1/challenge"

int sim_login_init(struct sim_login *l, const char *imsi, bool is_new)
{
	*l = (struct sim_login){.imsi = imsi};
	return sim_init(&l->sim, imsi, is_new ? 0 : clock_now_us() / AKA_TICK_US - TICKS_IN_STEP);
}

static void on_challenge(void *arg, unsigned status, const json_t *answer);

static void ask(struct sim_login *l, const char *challenge, const uint8_t *auts)
{
	json_t *body = json_pack("{s:s}", "imsi", l->imsi);
	char text[2 * AUTS_BYTES + 1];

	if (auts) {
		keyfile_hex(auts, AUTS_BYTES, text);
		json_object_set_new(body, "challenge", json_string(challenge));
		json_object_set_new(body, "auts", json_string(text));
	}
	l->rounds++;
	http_channel_call(l->api, "POST", CHALLENGE_PATH, NULL, body, on_challenge, l);
	json_decref(body);
}

static bool prove(struct sim_login *l, const json_t *answer, const struct sim_session *session)
{
	const char *challenge = json_string_value(json_object_get(answer, "challenge"));
	const char *realm = json_string_value(json_object_get(answer, "realm"));
	const char *key = json_string_value(json_object_get(answer, "key"));
	char text[BASE64_TEXT_MAX(PROOF_BYTES)];
	uint8_t proof[PROOF_BYTES];

	/* Somebody else's challenge may be passed on to us: it would be for his address. */
	if (!realm || !key || strcmp(key, l->ip) != 0 ||
	    aka_proof(session->proof_key, PROOF_PURPOSE, realm, key, challenge, strlen(challenge),
		      proof))
		return false;
	base64_encode(BASE64_URL, proof, sizeof proof, text);
	memcpy(l->trigger_key, session->trigger_key, sizeof l->trigger_key);
	json_t *body = json_pack("{s:s, s:s, s:s}", "imsi", l->imsi, "challenge", challenge,
				 "proof", text);
	http_channel_call(l->api, "POST", "/v1/token", NULL, body, l->done, l->arg);
	json_decref(body);
	return true;
}

/* Two members of so many hexadecimal digits. */
static bool octets_of(const json_t *answer, const char *name, uint8_t *out, size_t n)
{
	const char *text = json_string_value(json_object_get(answer, name));

	return text && strlen(text) == 2 * n && keyfile_unhex(text, out, n);
}

static void on_challenge(void *arg, unsigned status, const json_t *answer)
{
	struct sim_login *l = arg;
	const char *challenge = json_string_value(json_object_get(answer, "challenge"));
	uint8_t rand[RAND_BYTES], autn[AUTN_BYTES], auts[AUTS_BYTES];
	struct sim_session session;

	if (status != 200 || !challenge || !octets_of(answer, "rand", rand, sizeof rand) ||
	    !octets_of(answer, "autn", autn, sizeof autn)) {
		l->done(l->arg, status == 200 ? 0 : status, answer);
		return;
	}
	switch (sim_challenge(&l->sim, rand, autn, &session, auts)) {
	case SIM_PROVES:
		if (prove(l, answer, &session))
			return;
		break;
	case SIM_OUT_OF_STEP:
		if (l->rounds < ROUNDS_MAX) {
			ask(l, challenge, auts);
			return;
		}
		break;
	case SIM_REFUSES:
		break;
	}
	l->done(l->arg, 0, NULL);
}

void sim_login_start(struct sim_login *l, struct http_channel *api, const struct addr *own,
		     http_answered *done, void *arg)
{
	l->api = api;
	l->done = done;
	l->arg = arg;
	l->rounds = 0;
	addr_format(own, l->ip);
	ask(l, NULL, NULL);
}
