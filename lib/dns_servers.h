/* dns_servers -- the list of name servers as the configuration writes it
 *
 * ADDR, ADDR:PORT or [ADDR6]:PORT, divided by commas or blanks. For lib/dns
 * and for the check of the configuration. Values; any thread.
 */
#ifndef HATO_LIB_DNS_SERVERS_H
#define HATO_LIB_DNS_SERVERS_H

#include "lib/addr.h"

#define DNS_PORT        53
#define DNS_SERVERS_MAX 8

struct dns_server {
	struct addr addr;
	uint16_t port;
};

/* An empty list is none. E_SYNTAX; E_TOO_LARGE: more than max. */
int dns_servers_parse(const char *list, struct dns_server *out, size_t max, size_t *n);

#endif
