/* network_auth -- who may speak on the network side: bearer keys with scopes, a realm and NAS ids
 *
 * The keys are rows of the configuration; each one's secret is the first line of its file, read
 * once at start. Comparing takes the same time for every key and every text of up to
 * NETWORK_SECRET_MAX octets. OWNERSHIP network_keys_free frees all; a key borrows its texts from
 * the conf, which outlives it. THREADS read-only after load. SEE binding rules 7
 */
#ifndef HATO_AUTHSRV_NETWORK_AUTH_H
#define HATO_AUTHSRV_NETWORK_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/conf.h"

#define NETWORK_SECRET_MIN 16
#define NETWORK_SECRET_MAX 255

struct network_key {
	const struct conf_network_key *conf; /* id, scopes, realm, nas_ids */
	char secret[NETWORK_SECRET_MAX + 1]; /* zeros behind it */
};

struct network_keys;

/* E_IO, E_SYNTAX with error[] filled: no such file, too short or long, the same secret twice. */
int network_keys_load(const struct conf *conf, struct network_keys **out, char error[256]);
void network_keys_free(struct network_keys *keys);

/* Whose this Authorization field (may be null) is; null: nobody's. */
const struct network_key *network_keys_find(const struct network_keys *keys,
					    const char *authorization);

bool network_key_has(const struct network_key *key, unsigned scope);
bool network_key_serves_realm(const struct network_key *key, const char *realm);
bool network_key_speaks_for(const struct network_key *key, const char *nas_id);
/* The realm of a request that names none. */
const char *network_key_realm(const struct network_key *key);

#endif
