/* subscriber_json -- a subscriber as provisioning writes and reads it
 *
 * {"imsi","addresses":[...],"k","opc"} in; the same without K and OPc out: those are never shown.
 * An address keeps the spelling it was provisioned with (dequoted), since the first one names the
 * mailbox in triggers byte for byte; it is compared in lower case. Carriers' local parts (`a..b@`,
 * `a.@`) are let in. OWNERSHIP values; the writer's result is the caller's. TRUST any JSON. THREADS
 * any. SEE design.md 5, 6
 */
#ifndef HATO_AUTHSRV_SUBSCRIBER_JSON_H
#define HATO_AUTHSRV_SUBSCRIBER_JSON_H

#include <jansson.h>

#include "db/db.h"

#define FIRST_ADDRESS_MAX 80 /* octets: what a trigger holds */

/* Null and *out filled, or what is wrong (static). msisdn: that of the path, well formed. */
const char *subscriber_json_read(const json_t *body, const char *msisdn,
				 struct subscriber_put *out);
json_t *subscriber_json_write(const struct subscriber *s);
/* The addresses as provisioned. */
json_t *subscriber_addresses_write(const struct subscriber *s);

#endif
