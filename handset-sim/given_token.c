#include "handset-sim/given_token.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/key.h"
#include "lib/wire/base64.h"

/* Absent is empty; false: too long. */
static bool take(const json_t *in, const char *name, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(in, name));
	int n = snprintf(out, size, "%s", text ? text : "");

	return n >= 0 && (size_t)n < size;
}

int given_token_read(const json_t *answer, struct given_token *out)
{
	struct given_token got = {0};
	const json_t *trigger = json_object_get(answer, "trigger");
	const char *key = json_string_value(json_object_get(trigger, "key"));

	if (!take(answer, "token", got.text, sizeof got.text) || !*got.text ||
	    !take(answer, "login", got.login, sizeof got.login) ||
	    !take(trigger, "realm", got.realm, sizeof got.realm))
		return E_SYNTAX;
	if (!*got.realm)
		snprintf(got.realm, sizeof got.realm, "%s", REALM_DEFAULT);
	got.generation = (uint32_t)json_integer_value(json_object_get(trigger, "generation"));
	if (key &&
	    base64_decode(BASE64_URL, key, strlen(key), got.key, sizeof got.key, &got.key_size))
		return E_SYNTAX;
	*out = got;
	return 0;
}
