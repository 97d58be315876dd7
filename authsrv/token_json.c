#include "authsrv/token_json.h"

#include <stdio.h>
#include <stdlib.h>
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

#define SERVICE_FORMAT          "{\"host\":\"%s\",\"port\":%u,\"tls\":%s}"
#define SERVICE_VALUES(host, s) (host), (unsigned)(s).port, (s).tls ? "true" : "false"

/* By hand: in a storm it is written some thousand times a second, and a tree of it would cost five
 * times as much. But for the addresses no text in it has a character that JSON writes otherwise. */
char *token_json_write(const struct token_answer *a)
{
	const struct binding *b = a->binding;
	char key[BASE64_TEXT_MAX(TRIGGER_KEY_BYTES)] = "";
	char *addresses = json_dumps(a->addresses, JSON_COMPACT), *text = NULL;

	if (!b->proved_sqn)
		base64_encode(BASE64_URL, b->trigger_key, sizeof b->trigger_key, key);
	if (addresses &&
	    asprintf(&text,
		     "{\"token\":\"%s\",\"token_type\":\"Bearer\",\"expires_in\":%lld,"
		     "\"login\":\"%s\",\"addresses\":%s,\"pop\":" SERVICE_FORMAT
		     ",\"submission\":" SERVICE_FORMAT ",\"trigger\":{\"port\":%u%s%s%s,"
		     "\"realm\":\"%s\",\"generation\":%lu}}",
		     a->token, (long long)a->expires_in_s, a->login, addresses,
		     SERVICE_VALUES(a->host, a->pop), SERVICE_VALUES(a->host, a->submission),
		     (unsigned)a->trigger_port, *key ? ",\"key\":\"" : "", key, *key ? "\"" : "",
		     b->key.realm, (unsigned long)b->generation) < 0)
		text = NULL;
	explicit_bzero(key, sizeof key);
	free(addresses);
	json_decref(a->addresses);
	return text;
}
