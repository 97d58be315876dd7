#include "authsrv/sim_json.h"

#include <string.h>

#include "authsrv/json_field.h"
#include "lib/keyfile.h"

static const char *use_read(const json_t *json, struct challenge_request *out)
{
	char text[8];

	switch (field_text(json, "for", text, sizeof text)) {
	case FIELD_ABSENT:
		out->kind = CHALLENGE_TOKEN;
		return NULL;
	case FIELD_GOOD:
		out->kind = !strcmp(text, PROOF_PURPOSE_SIM) ? CHALLENGE_SIM : CHALLENGE_TOKEN;
		if (out->kind == CHALLENGE_SIM || !strcmp(text, PROOF_PURPOSE))
			return NULL;
		break;
	case FIELD_BAD:
		break;
	}
	return "for is token or sim";
}

static const char *auts_read(const json_t *json, struct challenge_request *out)
{
	enum field challenge = field_text(json, "challenge", out->challenge, sizeof out->challenge);
	enum field auts = field_hex(json, "auts", out->auts, sizeof out->auts);

	out->has_auts = challenge == FIELD_GOOD && auts == FIELD_GOOD;
	if (out->has_auts || (challenge == FIELD_ABSENT && auts == FIELD_ABSENT))
		return NULL;
	return "auts is 28 hexadecimal digits, with its challenge";
}

const char *challenge_json_read(const char *body, size_t length, struct challenge_request *out)
{
	json_t *json = body_read(body, length);
	const char *wrong = NULL;

	*out = (struct challenge_request){.has_auts = false};
	if (!json_is_object(json))
		wrong = "the body is no JSON object";
	else if (field_imsi(json, out->imsi) != FIELD_GOOD)
		wrong = "imsi is not 6 to 15 digits";
	if (!wrong)
		wrong = use_read(json, out);
	if (!wrong)
		wrong = auts_read(json, out);
	json_decref(json);
	return wrong;
}

json_t *challenge_json_write(const struct challenge_answer *a)
{
	char rand[2 * RAND_BYTES + 1], autn[2 * AUTN_BYTES + 1];

	keyfile_hex(a->rand, RAND_BYTES, rand);
	keyfile_hex(a->autn, AUTN_BYTES, autn);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I}", "challenge", a->challenge, "rand", rand,
			 "autn", autn, "realm", a->realm, "key", a->key, "expires_in",
			 (json_int_t)a->expires_in_s);
}

const char *sim_key_json_read(const char *body, size_t length, struct sim_key *out)
{
	json_t *json = body_read(body, length);
	const char *wrong = NULL;

	if (!json_is_object(json))
		wrong = "the body is no JSON object";
	else if (field_hex(json, "k", out->k, sizeof out->k) != FIELD_GOOD ||
		 field_hex(json, "opc", out->opc, sizeof out->opc) != FIELD_GOOD)
		wrong = "k and opc are 32 hexadecimal digits each";
	json_decref(json);
	return wrong;
}

const char *sim_change_json_read(const char *body, size_t length, char imsi[IMSI_MAX])
{
	const char *wrong = NULL;

	*imsi = 0;
	if (!length)
		return NULL;
	json_t *json = body_read(body, length);
	if (!json_is_object(json))
		wrong = "the body is no JSON object";
	else if (field_imsi(json, imsi) == FIELD_BAD)
		wrong = "imsi is not 6 to 15 digits";
	json_decref(json);
	return wrong;
}
