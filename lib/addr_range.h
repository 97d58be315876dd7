/* addr_range -- a prefix of addresses, and lists of them as the configuration writes them
 *
 * "192.0.2.0/24", "2001:db8::/32", or one address. Both families may stand in one list, separated
 * by commas or blanks. Pure values, any thread.
 */
#ifndef HATO_LIB_ADDR_RANGE_H
#define HATO_LIB_ADDR_RANGE_H

#include "lib/addr.h"

#define ADDR_RANGE_TEXT_MAX (ADDR_TEXT_MAX + 4)

struct addr_range {
	struct addr base; /* masked to plen */
	uint8_t plen;     /* in the 16-octet form: an IPv4 /24 is 120 */
};

/* E_SYNTAX: no address, a length beyond the family's; E_RANGE: bits behind the prefix. */
int addr_range_parse(const char *text, struct addr_range *out);
/* Of one family only: 0.0.0.0/0 holds no IPv6 address, and ::/0 no IPv4 one. */
bool addr_range_holds(const struct addr_range *r, const struct addr *a);

/* A single address without its length. Returns `text`. */
const char *addr_range_format(const struct addr_range *r, char text[ADDR_RANGE_TEXT_MAX]);
struct addr addr_range_last(const struct addr_range *r);

/* E_SYNTAX, E_RANGE as above; E_TOO_LARGE: more than `max`. An empty list is none. */
int addr_ranges_parse(const char *list, struct addr_range *out, size_t max, size_t *n);
bool addr_ranges_hold(const struct addr_range *ranges, size_t n, const struct addr *a);

#endif
