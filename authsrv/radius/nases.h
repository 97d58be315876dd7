/* radius_nases -- the way back to each NAS: where its accounting last came from
 *
 * A NAS is known by realm and name; the way to it is the client (so: the secret) and the address by
 * which its packets come, which is a proxy's where one stands between (RFC 5176 3.2 lets a proxy
 * pass Disconnect-Requests on). Kept in memory, bounded: the longest silent gives way.
 *
 * OWNERSHIP  the client is borrowed; texts are copied. THREADS its worker's
 */
#ifndef HATO_AUTHSRV_RADIUS_NASES_H
#define HATO_AUTHSRV_RADIUS_NASES_H

#include "authsrv/radius/clients.h"

struct radius_nas {
	char realm[REALM_MAX];
	char nas_id[NAS_ID_MAX];
	const struct radius_client *client; /* null: an empty place */
	struct addr addr;
	int64_t heard_us;
};

struct radius_nases;

int radius_nases_new(size_t most, struct radius_nases **out);
void radius_nases_free(struct radius_nases *n);
struct radius_nas *radius_nases_heard(struct radius_nases *n, const char *realm, const char *nas_id,
				      const struct radius_client *client, const struct addr *addr,
				      int64_t now_us);
/* Null: not heard of. */
struct radius_nas *radius_nases_find(struct radius_nases *n, const char *realm, const char *nas_id);

#endif
