#include "authsrv/token_json.h"

#include <string.h>

#include "authsrv/json_field.h"
#include "lib/err.h"
#include "lib/wire/base64.h"

/* Both or neither. */
static const char *proof_read(const json_t *json, struct claim *c)
{
	enum field challenge = field_text(json, "challenge", c->challenge, sizeof c->challenge);
	enum field proof = field_base64(json, "proof", c->proof, sizeof c->proof);

	c->has_proof = challenge == FIELD_GOOD && proof == FIELD_GOOD;
	if (c->has_proof || (challenge == FIELD_ABSENT && proof == FIELD_ABSENT))
		return NULL;
	return "a proof is 32 octets in base64url, with its challenge";
}

const char *claim_json_read(const char *body, size_t length, struct claim *out)
{
	json_t *json = body_read(body, length);
	const char *wrong = NULL;

	*out = (struct claim){.has_proof = false};
	if (!json_is_object(json))
		wrong = "the body is no JSON object";
	else if (field_imsi(json, out->imsi) != FIELD_GOOD)
		wrong = "imsi is not 6 to 15 digits";
	else
		wrong = proof_read(json, out);
	json_decref(json);
	return wrong;
}

/* Phones' libraries write either alphabet. */
static int either_decode(const char *text, size_t length, uint8_t *out, size_t *n)
{
	int rc = base64_decode(BASE64_STD, text, length, out, REPORT_DATAGRAM_MAX, n);

	return rc == E_SYNTAX ? base64_decode(BASE64_URL, text, length, out, REPORT_DATAGRAM_MAX, n)
			      : rc;
}

const char *report_json_read(const char *body, size_t length, uint8_t datagram[REPORT_DATAGRAM_MAX],
			     size_t *datagram_length)
{
	json_t *json = body_read(body, length);
	const json_t *trigger = json_object_get(json, "trigger");
	const char *text = json_string_value(trigger);
	const char *wrong = NULL;

	if (!json_is_object(json))
		wrong = "the body is no JSON object";
	else if (!text ||
		 either_decode(text, json_string_length(trigger), datagram, datagram_length))
		wrong = "trigger is no datagram in base64";
	json_decref(json);
	return wrong;
}

struct service service_choose(uint16_t plain_port, uint16_t tls_port, bool want_tls)
{
	bool tls = tls_port && (want_tls || !plain_port);

	return (struct service){.port = tls ? tls_port : plain_port, .tls = tls};
}

static json_t *service_json(const char *host, const struct service *d)
{
	return json_pack("{s:s, s:i, s:b}", "host", host, "port", (int)d->port, "tls", (int)d->tls);
}

json_t *token_json_write(const struct token_answer *a)
{
	const struct binding *b = a->binding;
	char key[BASE64_TEXT_MAX(TRIGGER_KEY_BYTES)];

	base64_encode(BASE64_URL, b->trigger_key, sizeof b->trigger_key, key);
	json_t *trigger = json_pack("{s:i, s:s*, s:s, s:I}", "port", (int)a->trigger_port, "key",
				    b->proved_sqn ? NULL : key, "realm", b->key.realm, "generation",
				    (json_int_t)b->generation);
	explicit_bzero(key, sizeof key);
	return json_pack("{s:s, s:s, s:I, s:s, s:o, s:o, s:o, s:o}", "token", a->token,
			 "token_type", "Bearer", "expires_in", (json_int_t)a->expires_in_s, "login",
			 a->login, "addresses", a->addresses, "pop", service_json(a->host, &a->pop),
			 "submission", service_json(a->host, &a->submission), "trigger", trigger);
}
