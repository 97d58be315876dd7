/* bearer_udp -- triggers as datagrams, each realm by its own way out
 *
 * Another realm may use the same addresses, so a datagram leaves by the egress of its binding's
 * realm or not at all: its source address, its network device, from port
 * pushsrv.trigger_source_port (shared with other sockets, since realms differ by device only).
 * Sockets never block and are never read: there is no answer at this layer, and what comes back is
 * dropped by a filter.
 *
 * OWNERSHIP  bearer_udp_close frees all; realms are borrowed from the configuration.
 * THREADS    one at a time
 * SEE        design 6 "Trigger", binding rules 6, protocols 1.6
 */
#ifndef HATO_PUSHSRV_BEARER_UDP_H
#define HATO_PUSHSRV_BEARER_UDP_H

#include "lib/conf.h"
#include "lib/wire/push/trigger.h"

struct bearer_udp;

/* E_IO, E_SYNTAX with error[] filled: a source address that is none, is not ours, or is taken; a
 * device we may not use. */
int bearer_udp_open(const struct conf *c, struct bearer_udp **out, char error[256]);
void bearer_udp_close(struct bearer_udp *b);

/* Where handsets of the realm listen; 0: no such realm. */
uint16_t bearer_udp_port(const struct bearer_udp *b, const char *realm);

struct datagram {
	const char *realm;
	struct addr to; /* at the realm's trigger port */
	uint8_t octets[TRIGGER_MAX];
	size_t size;
	int err; /* set by bearer_udp_send. E_AGAIN: the socket is full, try soon; E_NOT_FOUND: the
		    realm has no egress for this family of addresses; E_IO: the network refused */
};
/* Those that leave by the same egress one after the other go in one sendmmsg(2). */
void bearer_udp_send(const struct bearer_udp *b, struct datagram *list, size_t n);

#endif
