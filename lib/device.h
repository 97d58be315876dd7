/* device -- what a DHCP server knows its client by: a kind and octets
 *
 * There is no MSISDN in DHCP. A client shows a client identifier and a hardware address (its own
 * word); the relay in front of it adds option 82 (the network's word). The device table (db/) maps
 * each to a subscriber. In text the octets are hexadecimal digits, a colon between two octets at
 * will; the canonical form is lower case without colons. Pure values: no ownership, any thread. SEE
 * RFC 2132 9.14 and RFC 4361 (client-id), RFC 3046 (circuit-id, remote-id), RFC 3993
 * (subscriber-id); a DHCPv6 DUID (RFC 8415 11) is a client-id.
 */
#ifndef HATO_LIB_DEVICE_H
#define HATO_LIB_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVICE_OCTETS_MAX 255                         /* a DHCP option's */
#define DEVICE_TEXT_MAX   (2 * DEVICE_OCTETS_MAX + 1) /* canonical, with its NUL */

/* In the order in which they are asked: the network's word first, the most particular one first. */
enum device_kind {
	DEVICE_SUBSCRIBER_ID,
	DEVICE_CIRCUIT_ID,
	DEVICE_REMOTE_ID,
	DEVICE_CLIENT_ID,
	DEVICE_HW_ADDRESS,
	DEVICE_KINDS
};

struct device {
	enum device_kind kind;
	size_t length; /* 1 to DEVICE_OCTETS_MAX */
	uint8_t octets[DEVICE_OCTETS_MAX];
};

/* "subscriber-id", "circuit-id", "remote-id", "client-id", "hw-address" */
const char *device_kind_name(enum device_kind kind);
/* E_SYNTAX: none of them. */
int device_kind_parse(const char *name, enum device_kind *out);

/* Hexadecimal text -> octets; the kind is left alone. E_SYNTAX; E_TOO_LARGE: over 255 octets. */
int device_parse(const char *text, struct device *out);
/* The canonical text of the octets. Returns `text`. */
const char *device_format(const struct device *d, char text[DEVICE_TEXT_MAX]);
bool device_equal(const struct device *a, const struct device *b);

#endif
