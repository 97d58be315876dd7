/* radius_clients -- who may speak RADIUS to us: address ranges, secrets, realms, NASes
 *
 * Made at start from the sections [radius-client NAME], read-only then. The longest range that
 * holds a packet's source tells the client, and the client tells secret and realm: nothing that the
 * packet says does. A client that names its NASes speaks for no other.
 *
 * OWNERSHIP  radius_clients_free frees and wipes; names are borrowed from the configuration
 * THREADS    any, after the start
 */
#ifndef HATO_AUTHSRV_RADIUS_CLIENTS_H
#define HATO_AUTHSRV_RADIUS_CLIENTS_H

#include "lib/conf.h"
#include "lib/rules/lease.h"
#include "lib/wire/radius/radius.h"

#define RADIUS_RANGES_MAX 300 /* of all clients: what a socket filter can hold of IPv6 */
#define RADIUS_SECRET_MIN 8

struct radius_client {
	const struct conf_radius_client *conf;
	const struct conf_realm *realm;
	char secret[RADIUS_SECRET_MAX + 1];
	size_t secret_len;
	char feeder[FEEDER_MAX]; /* in the history: "radius:NAME" */
};

struct radius_range {
	struct addr addr; /* masked */
	uint8_t plen;     /* in the 16-octet form */
	const struct radius_client *client;
};

struct radius_clients {
	size_t count, range_count;
	struct radius_client client[CONF_RADIUS_CLIENTS_MAX];
	struct radius_range range[RADIUS_RANGES_MAX]; /* the longest prefix first */
};

/* The default client without a secret file is no client (a warning); any other fault is one line in
 * error[]. */
int radius_clients_load(const struct conf *conf, struct radius_clients **out, char error[256]);
void radius_clients_free(struct radius_clients *c);
/* Null: a stranger. */
const struct radius_client *radius_clients_find(const struct radius_clients *c,
						const struct addr *source);

/* "192.0.2.0/24", "2001:db8::/32", or an address. E_SYNTAX. */
int radius_range_parse(const char *text, struct addr *addr, uint8_t *plen);
bool radius_range_is_v4(const struct radius_range *r);
/* Is it a word of this list (commas and blanks)? An empty list has none. */
bool radius_list_has(const char *list, const char *word);

#endif
