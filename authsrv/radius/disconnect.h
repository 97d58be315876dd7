/* radius_disconnect -- telling a NAS that an address of its is quarantined
 *
 * When a key comes into quarantine, by whoever's evidence, its session is looked up, and with it
 * its NAS and the way there (radius_nases.h). What that client's section says is sent: a
 * Disconnect-Request, which ends the session, or a CoA-Request with a Filter-Id, which confines it.
 * Repeated by radius_retry.h until an answer that proves itself comes from where it was sent;
 * answers are logged and counted. Nothing here changes a binding: the NAS's own Stop or Start does.
 *
 * Answers come to a socket of our own for each family of addresses; a request's Identifier is its
 * place in the table. OWNERSHIP the NASes and clients are borrowed. THREADS its worker's
 * SEE RFC 5176 2.1, 2.2, 3; docs/radius.md
 */
#ifndef HATO_AUTHSRV_RADIUS_DISCONNECT_H
#define HATO_AUTHSRV_RADIUS_DISCONNECT_H

#include "authsrv/radius/nases.h"
#include "db/db.h"

#define RADIUS_DISCONNECTS_MAX 256 /* Identifiers */

struct radius_disconnects;

int radius_disconnects_open(struct loop *loop, struct db_port *port,
			    const struct radius_clients *clients, struct radius_nases *nases,
			    size_t most, struct radius_disconnects **out);
/* After the port was closed: look-ups may still be on their way before. */
void radius_disconnects_close(struct radius_disconnects *d);
/* The key came into quarantine in this generation. */
void radius_disconnect(struct radius_disconnects *d, const struct key *key, uint32_t generation);

/* The request itself. */
struct radius_disconnect_request {
	const struct conf_radius_client *conf;
	uint8_t id;
	const struct key *key;
	const char *nas_id, *session_id; /* as stored: names of radius_event.h, or derived */
	int64_t now_us;
};
/* E_TOO_LARGE, E_NOMEM. */
int radius_disconnect_build(struct radius_builder *b, const struct radius_disconnect_request *r,
			    const char *secret, size_t secret_len);

#endif
