#include "authsrv/radius/event.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "authsrv/json_field.h"
#include "authsrv/radius/clients.h"
#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/keyfile.h"

#define DAY_US         (86400 * CLOCK_S)
#define HASHED         "sha256:"
#define HASHED_OCTETS  16
#define ADDRESS_NONE_1 0xffffffffu /* RFC 2865 5.8: the user, or the NAS, selects one */
#define ADDRESS_NONE_2 0xfffffffeu

/* What of a packet means something here; the first of each counts. */
enum slot {
	SLOT_NAS_IP,
	SLOT_FRAMED_IP,
	SLOT_CALLED,
	SLOT_CALLING,
	SLOT_NAS_ID,
	SLOT_STATUS,
	SLOT_DELAY,
	SLOT_SESSION,
	SLOT_TIMESTAMP,
	SLOT_NAS_IP6,
	SLOT_PREFIX,
	SLOT_DELEGATED,
	SLOT_ADDRESS6,
	SLOT_IMSI,
	SLOT_CHARGING,
	SLOT_LAST,
	SLOTS
};

static const struct {
	uint8_t type;
	bool is_3gpp;
	bool is_single; /* two that differ contradict each other */
} wanted[SLOTS] = {
	[SLOT_NAS_IP] = {RADIUS_NAS_IP_ADDRESS, false, true},
	[SLOT_FRAMED_IP] = {RADIUS_FRAMED_IP_ADDRESS, false, true},
	[SLOT_CALLED] = {RADIUS_CALLED_STATION_ID, false, false},
	[SLOT_CALLING] = {RADIUS_CALLING_STATION_ID, false, true},
	[SLOT_NAS_ID] = {RADIUS_NAS_IDENTIFIER, false, true},
	[SLOT_STATUS] = {RADIUS_ACCT_STATUS_TYPE, false, true},
	[SLOT_DELAY] = {RADIUS_ACCT_DELAY_TIME, false, false},
	[SLOT_SESSION] = {RADIUS_ACCT_SESSION_ID, false, true},
	[SLOT_TIMESTAMP] = {RADIUS_EVENT_TIMESTAMP, false, false},
	[SLOT_NAS_IP6] = {RADIUS_NAS_IPV6_ADDRESS, false, true},
	[SLOT_PREFIX] = {RADIUS_FRAMED_IPV6_PREFIX, false, false},
	[SLOT_DELEGATED] = {RADIUS_DELEGATED_IPV6_PREFIX, false, false},
	[SLOT_ADDRESS6] = {RADIUS_FRAMED_IPV6_ADDRESS, false, false},
	[SLOT_IMSI] = {RADIUS_3GPP_IMSI, true, true},
	[SLOT_CHARGING] = {RADIUS_3GPP_CHARGING_ID, true, false},
	[SLOT_LAST] = {RADIUS_3GPP_SESSION_STOP_INDICATOR, true, false},
};

struct gathered {
	struct radius_attribute at[SLOTS]; /* value null: not there */
	bool contradicts;
};

static void keep(struct gathered *g, const struct radius_attribute *a, bool is_3gpp)
{
	for (size_t i = 0; i < SLOTS; i++) {
		struct radius_attribute *known = &g->at[i];
		if (wanted[i].type != a->type || wanted[i].is_3gpp != is_3gpp)
			continue;
		if (!known->value)
			*known = *a;
		else if (wanted[i].is_single &&
			 (known->length != a->length || memcmp(known->value, a->value, a->length)))
			g->contradicts = true;
		return;
	}
}

static void gather(const struct radius_packet *p, struct gathered *g)
{
	struct radius_attribute a, inner;
	size_t at = 0;

	while (radius_next(p, &at, &a)) {
		size_t in = 0;
		while (radius_next_3gpp(&a, &in, &inner))
			keep(g, &inner, true);
		keep(g, &a, false);
	}
}

static bool has(const struct gathered *g, enum slot slot)
{
	return g->at[slot].value != NULL;
}

static bool number(const struct gathered *g, enum slot slot, uint32_t *out)
{
	return has(g, slot) && radius_u32(&g->at[slot], out);
}

/* ---- names ---- */

void radius_name(const uint8_t *octets, size_t n, char *name, size_t size)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t digest[SHA256_LEN] = {0};
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		bool plain = octets[i] > ' ' && octets[i] < 0x7f && octets[i] != '%';
		if (length + (plain ? 1 : 3) >= size)
			goto hash;
		if (plain) {
			name[length++] = (char)octets[i];
		} else {
			name[length++] = '%';
			name[length++] = digits[octets[i] >> 4];
			name[length++] = digits[octets[i] & 15];
		}
	}
	name[length] = '\0';
	return;
hash:
	/* Without memory for a digest all long names are one: their sessions conflict, and nobody
	 * gets what is another's. */
	if (sha256(octets, n, digest))
		memset(digest, 0, sizeof digest);
	memcpy(name, HASHED, sizeof HASHED - 1);
	keyfile_hex(digest, HASHED_OCTETS, name + sizeof HASHED - 1);
}

bool radius_unname(const char *name, uint8_t octets[RADIUS_VALUE_MAX], size_t *n)
{
	size_t length = 0;

	if (!*name || !strncmp(name, HASHED, sizeof HASHED - 1))
		return false;
	for (; *name; name++) {
		if (length == RADIUS_VALUE_MAX)
			return false;
		if (*name != '%') {
			octets[length++] = (uint8_t)*name;
			continue;
		}
		if (!keyfile_unhex(name + 1, &octets[length++], 1))
			return false;
		name += 2;
	}
	*n = length;
	return true;
}

static void addr_of_v4(const uint8_t octets[4], struct addr *a)
{
	*a = (struct addr){.bytes = {[10] = 0xff, [11] = 0xff}};
	memcpy(a->bytes + 12, octets, 4);
}

static bool address_of(const struct radius_attribute *a, struct addr *out)
{
	if (a->length == 4)
		addr_of_v4(a->value, out);
	else if (a->length == 16)
		memcpy(out->bytes, a->value, 16);
	else
		return false;
	return true;
}

/* NAS-Identifier, else the address that the NAS gives for itself. */
static bool read_nas(const struct gathered *g, char nas_id[NAS_ID_MAX])
{
	const struct radius_attribute *id = &g->at[SLOT_NAS_ID];
	struct addr a;

	if (id->value && id->length) {
		radius_name(id->value, id->length, nas_id, NAS_ID_MAX);
		return true;
	}
	if ((has(g, SLOT_NAS_IP6) && g->at[SLOT_NAS_IP6].length == 16 &&
	     address_of(&g->at[SLOT_NAS_IP6], &a)) ||
	    (has(g, SLOT_NAS_IP) && g->at[SLOT_NAS_IP].length == 4 &&
	     address_of(&g->at[SLOT_NAS_IP], &a))) {
		addr_format(&a, nas_id);
		return true;
	}
	return false;
}

/* ---- addresses ---- */

static void keep_key(struct lease_event *ev, const struct key *k)
{
	ev->keys[ev->key_count++] = *k;
}

static const char *read_v4(const struct gathered *g, struct lease_event *ev)
{
	const struct radius_attribute *a = &g->at[SLOT_FRAMED_IP];
	struct addr addr;
	struct key k;
	uint32_t n;

	if (!a->value)
		return NULL;
	if (!radius_u32(a, &n))
		return "Framed-IP-Address is not 4 octets";
	if (n == 0 || n == ADDRESS_NONE_1 || n == ADDRESS_NONE_2)
		return NULL; /* it has none of this family */
	addr_of_v4(a->value, &addr);
	if (key_of_addr(ev->realm, &addr, &k))
		return "Framed-IP-Address is an address that nobody can hold";
	keep_key(ev, &k);
	return NULL;
}

/* The key of a prefix: as it is, or the /64 that holds a longer one. */
static bool prefix_key(const char *realm, const struct radius_attribute *a, struct key *k)
{
	char text[KEY_TEXT_MAX], address[ADDR_TEXT_MAX];
	struct addr addr;
	uint8_t bits;

	if (!radius_prefix(a, addr.bytes, &bits) || addr_is_v4(&addr))
		return false;
	if (bits > KEY_PLEN_V6)
		return key_of_addr(realm, &addr, k) == 0;
	snprintf(text, sizeof text, "%s/%u", addr_format(&addr, address), bits);
	return key_of_prefix(realm, text, k) == 0;
}

/* One key of IPv6: the handset's own prefix; the delegated one if it holds that, or is alone. */
static const char *read_v6(const struct gathered *g, struct lease_event *ev)
{
	const struct radius_attribute *full = &g->at[SLOT_ADDRESS6];
	struct key framed, delegated;
	struct addr addr;
	bool has_framed = false, has_delegated = false;

	if (has(g, SLOT_PREFIX)) {
		if (!prefix_key(ev->realm, &g->at[SLOT_PREFIX], &framed))
			return "Framed-IPv6-Prefix is no prefix of /48 or longer";
		has_framed = true;
	} else if (full->value) {
		if (full->length != 16 || !address_of(full, &addr) || addr_is_v4(&addr) ||
		    key_of_addr(ev->realm, &addr, &framed))
			return "Framed-IPv6-Address is an address that nobody can hold";
		has_framed = true;
	}
	if (has(g, SLOT_DELEGATED)) {
		if (!prefix_key(ev->realm, &g->at[SLOT_DELEGATED], &delegated))
			return "Delegated-IPv6-Prefix is no prefix of /48 or longer";
		has_delegated = true;
	}
	if (has_delegated && (!has_framed || key_covers(&delegated, &framed.addr)))
		keep_key(ev, &delegated);
	else if (has_framed)
		keep_key(ev, &framed);
	return NULL;
}

/* ---- identities ---- */

static bool text_of(const struct radius_attribute *a, char text[32])
{
	if (a->length >= 32 || memchr(a->value, 0, a->length))
		return false;
	memcpy(text, a->value, a->length);
	text[a->length] = '\0';
	return true;
}

static const char *read_identities(const struct gathered *g, struct lease_event *ev)
{
	char text[32];
	const char *wrong = NULL;

	/* An empty one says nothing. */
	if (has(g, SLOT_CALLING) && g->at[SLOT_CALLING].length &&
	    (!text_of(&g->at[SLOT_CALLING], text) || !msisdn_read(text, ev->msisdn)))
		wrong = "Calling-Station-Id is not 3 to 15 digits";
	if (has(g, SLOT_IMSI) && g->at[SLOT_IMSI].length &&
	    (!text_of(&g->at[SLOT_IMSI], text) || !imsi_read(text, ev->imsi)))
		wrong = "3GPP-IMSI is not 6 to 15 digits";
	if (!wrong && ev->kind == LEASE_START && !*ev->msisdn && !*ev->imsi)
		wrong = "neither Calling-Station-Id nor 3GPP-IMSI";
	return wrong;
}

/* ---- time ---- */

/* A time that lies a day and more before the delay that the NAS itself tells is none: arrival less
 * delay, as for one that lies ahead or is very old (lease.h). */
static void read_time(const struct gathered *g, struct lease_event *ev, struct radius_notes *notes)
{
	uint32_t delay, at;
	bool told = number(g, SLOT_DELAY, &delay);

	if (told)
		ev->delay_us = (int64_t)delay * CLOCK_S;
	if (!number(g, SLOT_TIMESTAMP, &at))
		return;
	int64_t time_us = (int64_t)at * CLOCK_S;
	if (told && time_us < ev->received_us - ev->delay_us - DAY_US)
		notes->clock_wrong = true;
	else
		ev->time_us = time_us ? time_us : 1; /* 0 would be: not said */
}

/* ---- the whole ---- */

static bool read_kind(uint32_t status, enum lease_kind *kind)
{
	static const struct {
		uint32_t status;
		enum lease_kind kind;
	} kinds[] = {{RADIUS_START, LEASE_START},
		     {RADIUS_STOP, LEASE_STOP},
		     {RADIUS_INTERIM_UPDATE, LEASE_UPDATE},
		     {RADIUS_ACCOUNTING_ON, LEASE_NAS_ON},
		     {RADIUS_ACCOUNTING_OFF, LEASE_NAS_OFF}};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].status == status) {
			*kind = kinds[i].kind;
			return true;
		}
	return false;
}

/* "internet" is also "internet.mnc010.mcc440.gprs" (TS 23.003 9.1: network and operator
 * identifier). Case does not matter. */
static bool apn_is(const char *word, size_t n, const struct radius_attribute *called)
{
	if (called->length < n || strncasecmp(word, (const char *)called->value, n))
		return false;
	size_t left = called->length - n;
	const char *rest = (const char *)called->value + n;
	return left == 0 || (left > 9 && !strncasecmp(rest, ".mnc", 4) &&
			     !strncasecmp(rest + left - 5, ".gprs", 5));
}

/* Who names no APN is not of another one. */
static bool is_other_apn(const struct gathered *g, const char *apns)
{
	const char separators[] = ", \t";

	if (!has(g, SLOT_CALLED) || !*(apns += strspn(apns, separators)))
		return false;
	for (; *apns; apns += strspn(apns, separators)) {
		size_t n = strcspn(apns, separators);
		if (apn_is(apns, n, &g->at[SLOT_CALLED]))
			return false;
		apns += n;
	}
	return true;
}

static void read_lease(const struct gathered *g, const struct radius_context *c,
		       struct lease_event *ev, struct radius_notes *notes)
{
	static const char *(*const readers[])(const struct gathered *, struct lease_event *) = {
		read_v4, read_v6, read_identities};
	const struct radius_attribute *session = &g->at[SLOT_SESSION];

	if (session->value && session->length)
		radius_name(session->value, session->length, ev->session_id, sizeof ev->session_id);
	for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
		const char *wrong = readers[i](g, ev);
		notes->fault = notes->fault ? notes->fault : wrong;
	}
	if (g->contradicts && !notes->fault)
		notes->fault = "an attribute is there twice, with two values";
	ev->unreadable = notes->fault != NULL;
	ev->lease_us = c->lease_us;
	if (number(g, SLOT_CHARGING, &ev->bearer))
		ev->last_bearer = has(g, SLOT_LAST);
}

enum radius_reading radius_event_read(const struct radius_packet *p, const struct radius_context *c,
				      struct lease_event *ev, struct radius_notes *notes)
{
	struct gathered g = {.contradicts = false};
	uint32_t status;

	gather(p, &g);
	*ev = (struct lease_event){.received_us = c->received_us};
	*notes = (struct radius_notes){.fault = NULL};
	if (!number(&g, SLOT_STATUS, &status))
		return RADIUS_NO_STATUS;
	if (!read_nas(&g, ev->nas_id) || (*c->nas_ids && !radius_list_has(c->nas_ids, ev->nas_id)))
		return RADIUS_NO_NAS;
	if (!read_kind(status, &ev->kind))
		return RADIUS_OTHER_STATUS;
	snprintf(ev->realm, sizeof ev->realm, "%s", c->realm);
	snprintf(ev->feeder, sizeof ev->feeder, "%s", c->feeder);
	read_time(&g, ev, notes);
	/* A NAS that begins or ends is about no address and nobody. */
	if (ev->kind == LEASE_NAS_ON || ev->kind == LEASE_NAS_OFF)
		return RADIUS_EVENT;
	if (is_other_apn(&g, c->apns))
		return RADIUS_OTHER_APN;
	read_lease(&g, c, ev, notes);
	return RADIUS_EVENT;
}
