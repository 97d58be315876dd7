/* Any octets as an Accounting-Request: nothing proves itself under a secret that nobody knows; what
 * parses is the same after it was built again, proves itself then, and gives a lease event whose
 * texts end inside their fields. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/radius/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char secret[] = "a secret that no fuzzer finds";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

/* Names are of visible ASCII, and come back where they were not too long. */
static void check_name(const uint8_t *octets, size_t n, size_t size)
{
	char name[SESSION_ID_MAX];
	uint8_t back[RADIUS_VALUE_MAX];
	size_t got;

	radius_name(octets, n, name, size);
	must(ends(name, size));
	for (const char *p = name; *p; p++)
		must(*p > ' ' && *p < 0x7f);
	if (radius_unname(name, back, &got))
		must(got == n && !memcmp(back, octets, n));
	else
		must(!n || !strncmp(name, "sha256:", 7));
}

static void check_event(const struct radius_packet *p, const char *apns)
{
	const struct radius_context c = {.realm = "default",
					 .feeder = "radius:fuzz",
					 .apns = apns,
					 .nas_ids = "",
					 .received_us = INT64_C(1767600000000000)};
	struct lease_event ev;
	struct radius_notes notes;

	if (radius_event_read(p, &c, &ev, &notes) != RADIUS_EVENT)
		return;
	must(ends(ev.nas_id, sizeof ev.nas_id) && *ev.nas_id);
	must(ends(ev.session_id, sizeof ev.session_id));
	must(ends(ev.msisdn, sizeof ev.msisdn) && ends(ev.imsi, sizeof ev.imsi));
	must(strspn(ev.msisdn, "0123456789") == strlen(ev.msisdn));
	must(strspn(ev.imsi, "0123456789") == strlen(ev.imsi));
	must(ev.key_count <= 2);
	must(ev.key_count < 2 || (addr_is_v4(&ev.keys[0].addr) && !addr_is_v4(&ev.keys[1].addr)));
	for (size_t i = 0; i < ev.key_count; i++)
		must(addr_is_v4(&ev.keys[i].addr) ? ev.keys[i].plen == KEY_PLEN_V4
						  : ev.keys[i].plen >= KEY_PLEN_V6_MIN &&
							    ev.keys[i].plen <= KEY_PLEN_V6);
	must(ev.kind != LEASE_START || ev.unreadable || *ev.msisdn || *ev.imsi);
	must(ev.time_us >= 0 && ev.delay_us >= 0);
}

static void build_again(const struct radius_packet *p)
{
	struct radius_builder b;
	struct radius_packet again;
	struct radius_attribute a;
	size_t at = 0;
	bool has_mac = false;

	radius_begin(&b, (enum radius_code)p->code, p->id);
	while (radius_next(p, &at, &a)) {
		radius_put(&b, a.type, a.value, a.length);
		has_mac = has_mac || a.type == RADIUS_MESSAGE_AUTHENTICATOR;
		check_name(a.value, a.length, SESSION_ID_MAX);
		check_name(a.value, a.length, NAS_ID_MAX);
	}
	must(at == p->length || p->length == RADIUS_HEADER_LEN);
	must(!radius_finish_request(&b, secret, sizeof secret));
	must(radius_parse(b.octets, b.length, &again) == RADIUS_GOOD);
	must(again.length == p->length &&
	     !memcmp(again.octets + 20, p->octets + 20, p->length - 20));
	must(radius_request_verify(&again, secret, sizeof secret) ==
	     (has_mac ? RADIUS_BAD_MESSAGE_AUTHENTICATOR : RADIUS_GOOD));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct radius_packet p;

	if (radius_parse(data, size, &p) != RADIUS_GOOD)
		return 0;
	must(p.length <= size && p.length >= RADIUS_HEADER_LEN && p.length <= RADIUS_PACKET_MAX);
	must(radius_request_verify(&p, secret, sizeof secret) == RADIUS_BAD_AUTHENTICATOR);
	must(radius_response_verify(&p, p.authenticator, secret, sizeof secret) ==
	     RADIUS_BAD_AUTHENTICATOR);
	build_again(&p);
	check_event(&p, "");
	check_event(&p, "internet, mms");
	return 0;
}
