/* lease_json -- one JSON event of POST /v1/lease-events -> struct lease_event
 *
 * Pure: no I/O, no clock. Unknown members are ignored; a known one of a wrong type or outside its
 * bounds makes the event malformed. But a Start whose address can be read goes on all the same, as
 * unreadable: it must evict the address's former holder (binding rules 3; a refused Start that
 * leaves the old owner on the address is the fault of 2011). What is not the key's to say
 * (another's NAS) goes nowhere. TRUST   any JSON. THREADS any. SEE design.md 5, binding rules 1 and
 * 3
 */
#ifndef HATO_AUTHSRV_LEASE_JSON_H
#define HATO_AUTHSRV_LEASE_JSON_H

#include <jansson.h>

#include "authsrv/network_auth.h"
#include "lib/rules/lease.h"

#define LEASE_EVENTS_MAX  10000
#define LEASE_SECONDS_MAX INT64_C(4294967295) /* DHCP's infinity */

/* What all events of one request share. */
struct lease_context {
	const struct network_key *key; /* its id is the feeder */
	const char *realm;
	int64_t received_us;
	int64_t batch;
};

enum lease_reading {
	LEASE_READ,       /* apply it */
	LEASE_READ_BADLY, /* apply it, so that it evicts; *fault says what was wrong with it */
	LEASE_REFUSED     /* *fault is the answer */
};

struct lease_fault {
	const char *problem, *detail; /* static */
};

/* Whatever the result, what *ev borrows (its devices) is the caller's to release. */
enum lease_reading lease_json_read(const json_t *json, const struct lease_context *c,
				   struct lease_event *ev, struct lease_fault *fault);
/* One session of a NAS's whole list, read as the Start of it: no `event`, no `nas_id`, and `time`
 * is `started`. */
enum lease_reading lease_json_read_session(const json_t *json, const struct lease_context *c,
					   struct lease_event *ev, struct lease_fault *fault);
void lease_json_release(struct lease_event *ev);

#endif
