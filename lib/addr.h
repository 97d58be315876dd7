/* addr -- an IP address, of either family, as one value
 *
 * Sixteen octets; an IPv4 address is kept v4-mapped (::ffff:a.b.c.d), so that "a v4-mapped IPv6
 * address is the IPv4 address" (binding rules 1) holds by construction. Pure values: no ownership,
 * any thread. SEE RFC 4291 2.5.5.2, RFC 5952 (text form), RFC 6052 (64:ff9b::/96)
 */
#ifndef HATO_LIB_ADDR_H
#define HATO_LIB_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_TEXT_MAX 46 /* INET6_ADDRSTRLEN */

struct addr {
	uint8_t bytes[16];
};

/* Text of either family (no brackets, no zone, no port) -> *out. E_SYNTAX. */
int addr_parse(const char *text, struct addr *out);

/* "192.0.2.1" for a v4-mapped address, RFC 5952 otherwise. Returns `text`. */
const char *addr_format(const struct addr *a, char text[ADDR_TEXT_MAX]);

bool addr_is_v4(const struct addr *a);
bool addr_is_loopback(const struct addr *a);
bool addr_equal(const struct addr *a, const struct addr *b);

/* False for what nobody can hold: unspecified, multicast, IPv4 broadcast, link-local, 64:ff9b::/96.
 */
bool addr_is_bindable(const struct addr *a);

/* Zeroes all bits after the first `plen` (0..128, counted in the 16-octet form: an IPv4 /24 is
 * 120). */
void addr_mask(struct addr *a, uint8_t plen);

/* AF_INET and AF_INET6 only, else E_RANGE; *port (host order) may be null. */
int addr_from_sockaddr(const struct sockaddr *sa, struct addr *out, uint16_t *port);

/* Fills *ss with AF_INET for IPv4, else AF_INET6; returns its length. */
socklen_t addr_to_sockaddr(const struct addr *a, uint16_t port, struct sockaddr_storage *ss);

#endif
