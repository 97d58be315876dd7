/* name -- names of the domain name system, as text
 *
 * A name is kept in lower case (ASCII letters) and without a final dot; the root is "". DNS knows
 * more than host names (_dmarc, what SPF macros make of a local part): every octet but a control
 * character may stand in a label, and a dot always divides. Whoever wants a host name looks for
 * itself.
 *
 * OWNERSHIP  values. THREADS any. TRUST any text, also from the network
 * ERRORS     E_SYNTAX, E_RANGE; `out` is untouched then
 * SEE        RFC 1035 2.3.4 and 3.5, RFC 2181 11, RFC 3596 2.5, RFC 5782 2.1 and 2.4
 */
#ifndef HATO_LIB_WIRE_DNS_NAME_H
#define HATO_LIB_WIRE_DNS_NAME_H

#include <stddef.h>

#include "lib/addr.h"

#define DNS_NAME_MAX  254 /* 253 octets and the NUL */
#define DNS_LABEL_MAX 63

/* As it is kept. "." is the root too. E_SYNTAX: an empty label, one of more than 63 octets, more
 * than 253 in all, a control character. */
int dns_name(const char *text, char out[DNS_NAME_MAX]);

/* Where an address is looked up below a zone: "99.2.0.192.ZONE", or 32 nibbles for IPv6. zone null:
 * in-addr.arpa or ip6.arpa. E_RANGE: too long together. */
int dns_name_of(const struct addr *a, const char *zone, char out[DNS_NAME_MAX]);

#endif
