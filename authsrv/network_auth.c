#include "authsrv/network_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/bearer.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define ANY_REALM "*"

struct network_keys {
	size_t count;
	struct network_key key[CONF_KEYS_MAX];
};

/* The first line of the file, without the blanks around it. */
static int secret_take(struct network_key *key, const char *text)
{
	text += strspn(text, " \t");
	size_t length = strcspn(text, "\r\n");

	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	if (length < NETWORK_SECRET_MIN || length > NETWORK_SECRET_MAX)
		return E_RANGE;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return E_SYNTAX;
	memcpy(key->secret, text, length);
	return 0;
}

static int key_load(const struct conf *conf, struct network_key *key, char error[256])
{
	char *path = conf_path(conf, key->conf->file);
	char *text = NULL;
	size_t length = 0;
	int rc = path ? keyfile_read(path, &text, &length, NULL) : E_NOMEM;

	if (rc) {
		snprintf(error, 256, "network key %s: cannot read %s: %s", key->conf->id,
			 path ? path : key->conf->file, err_text(rc));
		goto out;
	}
	rc = secret_take(key, text);
	if (rc)
		snprintf(error, 256, "network key %s: %s: a line of %d to %d visible characters",
			 key->conf->id, path, NETWORK_SECRET_MIN, NETWORK_SECRET_MAX);
	keyfile_wipe(text, length);
out:
	free(path);
	return rc;
}

/* Every key is compared, whichever it is. `padded` has NETWORK_SECRET_MAX + 1 octets. */
static const struct network_key *find(const struct network_keys *keys, const char *padded)
{
	const struct network_key *found = NULL;

	for (size_t i = 0; i < keys->count; i++)
		if (ct_equal(keys->key[i].secret, padded, sizeof keys->key[i].secret))
			found = &keys->key[i];
	return found;
}

int network_keys_load(const struct conf *conf, struct network_keys **out, char error[256])
{
	struct network_keys *keys = calloc(1, sizeof *keys);
	int rc = keys ? 0 : E_NOMEM;

	if (rc)
		snprintf(error, 256, "out of memory");
	for (size_t i = 0; !rc && i < conf->network_key_count; i++) {
		struct network_key *key = &keys->key[i];
		key->conf = &conf->network_keys[i];
		rc = key_load(conf, key, error);
		const struct network_key *twin = rc ? NULL : find(keys, key->secret);
		if (twin) {
			snprintf(error, 256, "network keys %s and %s are the same key",
				 twin->conf->id, key->conf->id);
			rc = E_SYNTAX;
		}
		keys->count++;
	}
	if (rc)
		network_keys_free(keys);
	else
		*out = keys;
	return rc;
}

void network_keys_free(struct network_keys *keys)
{
	if (!keys)
		return;
	explicit_bzero(keys, sizeof *keys);
	free(keys);
}

const struct network_key *network_keys_find(const struct network_keys *keys,
					    const char *authorization)
{
	char padded[NETWORK_SECRET_MAX + 1] = {0};
	const char *token;
	size_t length;

	if (!bearer_read(authorization, &token, &length) || length > NETWORK_SECRET_MAX)
		return NULL;
	memcpy(padded, token, length);
	return find(keys, padded);
}

bool network_key_has(const struct network_key *key, unsigned scope)
{
	return (key->conf->scopes & scope) != 0;
}

bool network_key_serves_realm(const struct network_key *key, const char *realm)
{
	return !strcmp(key->conf->realm, ANY_REALM) || !strcmp(key->conf->realm, realm);
}

const char *network_key_realm(const struct network_key *key)
{
	return strcmp(key->conf->realm, ANY_REALM) ? key->conf->realm : REALM_DEFAULT;
}

bool network_key_speaks_for(const struct network_key *key, const char *nas_id)
{
	const char *ids = key->conf->nas_ids;
	size_t length = strlen(nas_id);
	bool any = true;

	while (*ids) {
		ids += strspn(ids, ", \t");
		size_t n = strcspn(ids, ", \t");
		if (n && n == length && !memcmp(ids, nas_id, n))
			return true;
		any = any && !n;
		ids += n;
	}
	return any;
}
