/* key -- what a binding is a binding of: (realm, address prefix, port block)
 *
 * Never the bare address: carriers' private pools overlap, so an address means something only
 * inside its realm (the incident of 25 July 2012). The realm comes from where a packet came in,
 * never from what it says. The usual key is an IPv4 /32 or an IPv6 /64 with all ports. Pure values,
 * any thread. SEE binding rules 1.
 */
#ifndef HATO_LIB_KEY_H
#define HATO_LIB_KEY_H

#include "lib/addr.h"

#define REALM_MAX       32 /* with its NUL; [a-z0-9-], first a letter or digit */
#define REALM_DEFAULT   "default"
#define KEY_PLEN_V4     128 /* prefix lengths count in the 16-octet form */
#define KEY_PLEN_V6     64
#define KEY_PLEN_V6_MIN 48 /* a delegated prefix may be shorter than a /64, within reason */
#define KEY_TEXT_MAX    64
#define KEY_BYTES_MAX   21 /* address 16, prefix length 1, first port 2, last port 2 */

struct key {
	char realm[REALM_MAX];
	struct addr addr; /* masked to plen */
	uint8_t plen;
	uint16_t port_first, port_last; /* 0..65535 is the whole address */
};

bool realm_is_valid(const char *realm);

/* The default key for a source address: /32 or /64, all ports. E_RANGE: the realm or the address
 * can hold no binding. */
int key_of_addr(const char *realm, const struct addr *a, struct key *out);

/* "2001:db8:1::/64" -> key. E_SYNTAX; E_RANGE: bits behind the prefix, a length outside 48..64, not
 * bindable. */
int key_of_prefix(const char *realm, const char *text, struct key *out);

/* A carrier-grade NAT gives each subscriber behind one public address a block of its ports:
 * "1024-2047" (one port: "7000-7000") makes a key that block's. E_SYNTAX: no two whole numbers
 * without leading zeros and a dash; E_RANGE: the first is the greater, beyond 65535, or the key is
 * no IPv4 /32. */
int key_set_ports(struct key *k, const char *text);
bool key_is_block(const struct key *k); /* less than all ports */

bool key_equal(const struct key *a, const struct key *b);
bool key_covers(const struct key *k, const struct addr *a);
bool key_overlaps(const struct key *a, const struct key *b);

/* "192.0.2.1" or "2001:db8:1::/64", a port block "192.0.2.1#1024-2047": without the realm. Returns
 * `text`. */
const char *key_format(const struct key *k, char text[KEY_TEXT_MAX]);

/* Its two halves, for what shows them apart: without the block, and "1024-2047". */
#define KEY_PORTS_MAX 12
const char *key_format_prefix(const struct key *k, char text[KEY_TEXT_MAX]);
const char *key_format_ports(const struct key *k, char text[KEY_PORTS_MAX]);

/* The canonical octets, without the realm: associated data of tokens. Returns KEY_BYTES_MAX. */
size_t key_bytes(const struct key *k, uint8_t out[KEY_BYTES_MAX]);

#endif
