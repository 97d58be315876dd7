/* Devices: the device table's word on who a DHCP client is. binding-rules 3, "Devices". */
#include "lib/err.h"
#include "lib/rules/lease_private.h"

/* One more word on who it is: two of two subscribers contradict each other, and so does one with a
 * number or IMSI that is nobody's. */
static void hear(struct applying *a, int64_t subscriber)
{
	if (a->identified && subscriber != a->subscriber)
		a->contradictory = true;
	if (!a->identified)
		a->subscriber = subscriber;
	a->identified = true;
}

/* A device that the table does not know says nothing. */
int lease_ask_devices(struct applying *a)
{
	const struct lease_store *s = a->store;
	const struct lease_devices *devices = a->ev->devices;

	for (size_t i = 0; i < devices->count; i++) {
		int64_t subscriber;
		int rc = s->device_find(s->ctx, a->ev->realm, &devices->list[i], &subscriber);
		if (rc && rc != E_NOT_FOUND)
			return rc;
		if (!rc)
			hear(a, subscriber);
	}
	if (a->contradictory)
		a->subscriber = 0;
	a->strange_devices = !a->identified;
	return 0;
}
