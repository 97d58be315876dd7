/* Devices: the device table's word on who a DHCP client is. binding-rules 3, "Devices". */
#include <stdio.h>

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

const char *lease_devices_format(const struct lease_devices *devices,
				 char text[LEASE_DEVICES_TEXT_MAX])
{
	char octets[DEVICE_TEXT_MAX];
	size_t n = 0;

	*text = 0;
	for (size_t i = 0; i < devices->count; i++)
		n += (size_t)snprintf(text + n, LEASE_DEVICES_TEXT_MAX - n, "%s%s=%s", i ? " " : "",
				      device_kind_name(devices->list[i].kind),
				      device_format(&devices->list[i], octets));
	return text;
}
