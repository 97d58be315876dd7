#include "authsrv/lease_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "lib/clock.h"

static bool read_kind(const json_t *json, enum lease_kind *out)
{
	char name[16];

	if (field_text(json, "event", name, sizeof name) != FIELD_GOOD)
		return false;
	for (int k = 0; k < LEASE_KINDS; k++)
		if (!strcmp(name, lease_kind_name((enum lease_kind)k))) {
			*out = (enum lease_kind)k;
			return true;
		}
	return false;
}

/* The NAS decides whether the key may speak at all; the feeder is its own NAS if it names none. */
static const char *read_nas(const json_t *json, const struct lease_context *c,
			    struct lease_event *ev, const char **problem)
{
	enum field nas = field_text(json, "nas_id", ev->nas_id, sizeof ev->nas_id);

	*problem = "malformed";
	if (nas == FIELD_BAD)
		return "nas_id is no text of 1 to 63 octets";
	if (nas == FIELD_ABSENT)
		snprintf(ev->nas_id, sizeof ev->nas_id, "%s", c->key->conf->id);
	if (network_key_speaks_for(c->key, ev->nas_id))
		return NULL;
	*problem = "forbidden";
	return "nas_id is not one of this key's";
}

/* ---- the readers: null, or what is wrong; each fills in what it can ---- */

static void keep_key(struct lease_event *ev, const struct key *k)
{
	ev->keys[ev->key_count++] = *k;
}

static const char *read_ip(const json_t *json, struct lease_event *ev)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;
	struct key k;
	enum field ip = field_text(json, "ip", text, sizeof text);

	if (ip == FIELD_ABSENT)
		return NULL;
	if (ip == FIELD_BAD || addr_parse(text, &a))
		return "ip is no address";
	if (key_of_addr(ev->realm, &a, &k))
		return "ip is an address that nobody can hold";
	keep_key(ev, &k);
	return NULL;
}

static const char *read_prefix(const json_t *json, struct lease_event *ev)
{
	char text[KEY_TEXT_MAX];
	struct key k;
	enum field prefix = field_text(json, "ipv6_prefix", text, sizeof text);

	if (prefix == FIELD_ABSENT)
		return NULL;
	if (prefix == FIELD_BAD || key_of_prefix(ev->realm, text, &k) || addr_is_v4(&k.addr))
		return "ipv6_prefix is no prefix of /48 to /64";
	if (ev->key_count && !addr_is_v4(&ev->keys[0].addr)) {
		/* The address and the prefix it lies in are one key: the prefix. */
		if (key_covers(&k, &ev->keys[0].addr)) {
			ev->keys[0] = k;
			return NULL;
		}
		keep_key(ev, &k);
		return "ip lies outside ipv6_prefix";
	}
	keep_key(ev, &k);
	return NULL;
}

/* Of a block that cannot be read any part may be another's now: then the event is about the whole
 * address, which its Start frees. */
static const char *read_ports(const json_t *json, struct lease_event *ev)
{
	char text[KEY_PORTS_MAX];
	enum field ports = field_text(json, "port_range", text, sizeof text);

	if (ports == FIELD_ABSENT)
		return NULL;
	if (!ev->key_count || !addr_is_v4(&ev->keys[0].addr))
		return "port_range is of an IPv4 ip";
	if (ports == FIELD_BAD || key_set_ports(&ev->keys[0], text))
		return "port_range is not FIRST-LAST, ports of 0 to 65535";
	return NULL;
}

static const char *read_identities(const json_t *json, struct lease_event *ev)
{
	bool msisdn = field_msisdn(json, ev->msisdn) != FIELD_BAD;
	bool imsi = field_imsi(json, ev->imsi) != FIELD_BAD;

	if (!msisdn)
		return "msisdn is not 3 to 15 digits";
	return imsi ? NULL : "imsi is not 6 to 15 digits";
}

static const struct {
	const char *name;
	enum device_kind kind;
} device_members[] = {{"subscriber_id", DEVICE_SUBSCRIBER_ID},
		      {"circuit_id", DEVICE_CIRCUIT_ID},
		      {"remote_id", DEVICE_REMOTE_ID},
		      {"client_id", DEVICE_CLIENT_ID},
		      {"hw_address", DEVICE_HW_ADDRESS}};

/* False: a member that is no hexadecimal text. */
static bool collect_devices(const json_t *json, struct lease_devices *devices)
{
	char text[3 * DEVICE_OCTETS_MAX];

	for (size_t i = 0; i < sizeof device_members / sizeof *device_members; i++) {
		struct device *d = &devices->list[devices->count];
		enum field found = field_text(json, device_members[i].name, text, sizeof text);
		d->kind = device_members[i].kind;
		if (found == FIELD_BAD || (found == FIELD_GOOD && device_parse(text, d)))
			return false;
		devices->count += found == FIELD_GOOD;
	}
	return true;
}

static const char *read_devices(const json_t *json, struct lease_event *ev)
{
	struct lease_devices devices = {0};

	if (!collect_devices(json, &devices))
		return "client_id, hw_address, circuit_id, remote_id and subscriber_id are "
		       "hexadecimal, 1 to 255 octets";
	if (!devices.count)
		return NULL;
	struct lease_devices *kept = malloc(sizeof *kept);
	if (!kept)
		return "no memory for its devices";
	*kept = devices;
	ev->devices = kept;
	return NULL;
}

static const char *read_recurs(const json_t *json, struct lease_event *ev)
{
	const json_t *recurs = json_object_get(json, "session_recurs");

	ev->session_recurs = json_is_true(recurs);
	return !recurs || json_is_boolean(recurs) || json_is_null(recurs)
		       ? NULL
		       : "session_recurs is neither true nor false";
}

static const char *read_session(const json_t *json, struct lease_event *ev)
{
	return field_text(json, "session_id", ev->session_id, sizeof ev->session_id) == FIELD_BAD
		       ? "session_id is no text of 1 to 127 octets"
		       : NULL;
}

static const char *read_time(const json_t *json, struct lease_event *ev)
{
	return field_time(json, "time", &ev->time_us) == FIELD_BAD
		       ? "time is no RFC 3339 time of 1970 to 9999"
		       : NULL;
}

static const char *read_lease(const json_t *json, struct lease_event *ev)
{
	int64_t seconds = 0;

	if (field_whole(json, "lease_seconds", 1, LEASE_SECONDS_MAX, &seconds) == FIELD_BAD)
		return "lease_seconds is no whole number of 1 to 4294967295";
	ev->lease_us = seconds * CLOCK_S;
	return NULL;
}

/* ---- what a kind needs ---- */

static const char *missing(const struct lease_event *ev)
{
	bool identity = *ev->msisdn || *ev->imsi || ev->devices;

	if (ev->kind == LEASE_STOP && !*ev->session_id && !(ev->key_count && identity))
		return "a stop names its session_id, or its address and subscriber";
	if (ev->kind == LEASE_STOP)
		return NULL;
	if (!ev->key_count)
		return "ip or ipv6_prefix is missing";
	return identity ? NULL : "msisdn, imsi or a device is missing";
}

static const char *check(const json_t *json, struct lease_event *ev)
{
	static const char *(*const readers[])(const json_t *, struct lease_event *) = {
		read_ip,      read_prefix, read_ports, read_identities, read_devices,
		read_session, read_recurs, read_time,  read_lease,
	};
	const char *wrong = NULL;

	/* A NAS that begins or ends is about no address and nobody. */
	if (ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF)
		return read_time(json, ev);
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		const char *found = readers[i](json, ev);
		wrong = wrong ? wrong : found;
	}
	return wrong ? wrong : missing(ev);
}

static enum lease_reading refuse(struct lease_fault *fault, const char *problem, const char *detail)
{
	*fault = (struct lease_fault){.problem = problem, .detail = detail};
	return LEASE_REFUSED;
}

enum lease_reading lease_json_read(const json_t *json, const struct lease_context *c,
				   struct lease_event *ev, struct lease_fault *fault)
{
	const char *problem;

	*ev = (struct lease_event){.received_us = c->received_us, .batch = c->batch};
	snprintf(ev->realm, sizeof ev->realm, "%s", c->realm);
	snprintf(ev->feeder, sizeof ev->feeder, "%s", c->key->conf->id);
	if (!json_is_object(json))
		return refuse(fault, "malformed", "an event is an object");
	if (!read_kind(json, &ev->kind))
		return refuse(fault, "malformed",
			      "event is none of start, update, stop, nas-on, nas-off");
	const char *wrong = read_nas(json, c, ev, &problem);
	if (wrong)
		return refuse(fault, problem, wrong);
	wrong = check(json, ev);
	if (!wrong)
		return LEASE_READ;
	refuse(fault, "malformed", wrong);
	if (ev->kind != LEASE_START || !ev->key_count)
		return LEASE_REFUSED;
	ev->unreadable = true;
	return LEASE_READ_BADLY;
}

enum lease_reading lease_json_read_session(const json_t *json, const struct lease_context *c,
					   struct lease_event *ev, struct lease_fault *fault)
{
	*ev = (struct lease_event){.kind = LEASE_START, .received_us = c->received_us};
	snprintf(ev->realm, sizeof ev->realm, "%s", c->realm);
	if (!json_is_object(json))
		return refuse(fault, "malformed", "a session is an object");
	const char *wrong = check(json, ev);
	ev->time_us = 0;
	if (field_time(json, "started", &ev->time_us) == FIELD_BAD && !wrong)
		wrong = "started is no RFC 3339 time of 1970 to 9999";
	if (!wrong)
		return LEASE_READ;
	refuse(fault, "malformed", wrong);
	if (!ev->key_count)
		return LEASE_REFUSED;
	ev->unreadable = true;
	return LEASE_READ_BADLY;
}

void lease_json_release(struct lease_event *ev)
{
	free((void *)(uintptr_t)ev->devices);
	ev->devices = NULL;
}
