/* proxy -- the PROXY protocol's header, versions 1 and 2: whom a balancer speaks for
 *
 * A balancer writes it before the first octet of the connection that it passes on, also before a
 * TLS handshake. Who may be believed is not asked here (lib/balancers). Pure: octets in, values
 * out. TRUST any octets. THREADS any.
 *
 *   1  PROXY TCP4 192.0.2.1 198.51.100.7 40000 1110 CRLF     at most 107 octets
 *   2  12 octets of signature, version and command, family, length, addresses, then TLVs
 *
 * TLVs are walked and skipped, but a CRC-32c (0x03) is verified. What carries no address of a TCP
 * peer (LOCAL, UNKNOWN, UNSPEC, datagrams, unix sockets) is a header without a name.
 * SEE haproxy.org/download/2.6/doc/proxy-protocol.txt
 */
#ifndef HATO_LIB_WIRE_PROXY_H
#define HATO_LIB_WIRE_PROXY_H

#include "lib/addr.h"

#define PROXY_V1_MAX 107  /* CRLF counted */
#define PROXY_MAX    2048 /* a longer header of version 2 is refused; real ones stay below 600 */

struct proxy_header {
	size_t length;    /* octets that belong to it */
	uint8_t version;  /* 1 or 2 */
	bool is_nameless; /* says nobody's address: a health check, or a peer without one */
	struct addr source, destination;
	uint16_t source_port, destination_port;
};

/* E_AGAIN: it is one so far, and more must come; E_SYNTAX: it is none, or a broken one;
 * E_TOO_LARGE: longer than PROXY_MAX. `n` may reach beyond the header. */
int proxy_parse(const uint8_t *octets, size_t n, struct proxy_header *out);

#endif
