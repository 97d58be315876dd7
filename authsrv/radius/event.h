/* radius_event -- an Accounting-Request as a lease event
 *
 * Pure: a verified packet and what is known of its sender in, a lease event (or: acknowledge and
 * forget; drop) out. The NAS is who the packet says it is (NAS-Identifier, else its address), not
 * where it came from: a proxy may stand between. The realm is the client's. What the packet got
 * wrong about addresses or identities does not make a Start harmless: it evicts (binding
 * rules 3.1).
 *
 * Names of any octets become names of visible ASCII by %XX, one to one; one that is too long then
 * becomes its SHA-256. SEE docs/radius.md; RFC 2866; protocol reference 4.1; binding rules 3
 */
#ifndef HATO_AUTHSRV_RADIUS_EVENT_H
#define HATO_AUTHSRV_RADIUS_EVENT_H

#include "lib/rules/lease.h"
#include "lib/wire/radius/radius.h"

struct radius_context {
	const char *realm, *feeder;
	const char *apns;    /* list; "" = every APN is ours */
	const char *nas_ids; /* list; "" = any */
	int64_t received_us;
	int64_t lease_us; /* what a Start or update is good for; 0: until the Stop */
};

enum radius_reading {
	RADIUS_EVENT,        /* *ev is to be applied, and acknowledged after its commit */
	RADIUS_OTHER_APN,    /* acknowledged and ignored */
	RADIUS_OTHER_STATUS, /* likewise: Failed, tunnels, what comes next */
	RADIUS_NO_STATUS,    /* dropped: no Acct-Status-Type, or no readable one */
	RADIUS_NO_NAS        /* dropped: names no NAS, or one that is not the client's */
};

struct radius_notes {
	bool clock_wrong;  /* its Event-Timestamp was not used */
	const char *fault; /* static: what was unreadable; null: nothing */
};

enum radius_reading radius_event_read(const struct radius_packet *p, const struct radius_context *c,
				      struct lease_event *ev, struct radius_notes *notes);

/* Octets -> a name of ours in `size` octets (at least 40), and back where it can be gone back;
 * false: it cannot. */
void radius_name(const uint8_t *octets, size_t n, char *name, size_t size);
bool radius_unname(const char *name, uint8_t octets[RADIUS_VALUE_MAX], size_t *n);

#endif
