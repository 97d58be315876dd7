/* devices -- the device table, inside a transaction: whose device it is, and what the history says
 * of it */
#ifndef HATO_DB_DEVICES_H
#define HATO_DB_DEVICES_H

#include "db/db_private.h"

/* Every device of an event with its kind's name, and a sentence. */
#define DEVICES_EVIDENCE_MAX (LEASE_DEVICES_TEXT_MAX + 128)

/* E_NOT_FOUND: nobody's. */
int device_owner(struct engine *e, const char *realm, const struct device *d, int64_t *subscriber);
int device_owner_msisdn(struct engine *e, int64_t subscriber, char msisdn[MSISDN_MAX]);
/* "client-id=01aabb hw-address=02...; DETAIL". `detail` may be null. */
void devices_evidence(const struct lease_devices *devices, const char *detail,
		      char out[DEVICES_EVIDENCE_MAX]);

#endif
