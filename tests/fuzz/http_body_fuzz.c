/* Any body of the HTTP API: octet 0 chooses what it is taken for. What is taken must be within its
 * bounds. */
#include <stdlib.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/lease_json.h"
#include "authsrv/resync_json.h"
#include "authsrv/sim_json.h"
#include "authsrv/subscriber_json.h"
#include "authsrv/token_json.h"
#include "lib/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool ends_within(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static void check_event(const json_t *json)
{
	static char nas_ids[] = "";
	static const struct conf_network_key row = {
		.id = "feeder", .realm = "default", .nas_ids = nas_ids};
	static const struct network_key key = {.conf = &row};
	const struct lease_context c = {
		.key = &key, .realm = "default", .received_us = 1, .batch = 1};
	struct lease_fault fault = {0};
	struct lease_event ev;
	enum lease_reading reading = lease_json_read(json, &c, &ev, &fault);

	struct lease_devices devices = {0};
	if (ev.devices)
		devices = *ev.devices;
	lease_json_release(&ev);
	must(devices.count <= DEVICE_KINDS);
	for (size_t i = 0; i < devices.count; i++)
		must(devices.list[i].length && devices.list[i].length <= DEVICE_OCTETS_MAX);
	must((reading == LEASE_READ) == (fault.detail == NULL));
	must((reading == LEASE_READ_BADLY) == (reading != LEASE_REFUSED && ev.unreadable));
	if (reading == LEASE_REFUSED)
		return;
	must(ev.key_count <= 2 && ev.time_us >= 0 && ev.lease_us >= 0);
	must(ends_within(ev.msisdn, sizeof ev.msisdn) && ends_within(ev.imsi, sizeof ev.imsi));
	must(ends_within(ev.session_id, sizeof ev.session_id));
	must(*ev.nas_id && ends_within(ev.nas_id, sizeof ev.nas_id));
	for (size_t i = 0; i < ev.key_count; i++)
		must(addr_is_bindable(&ev.keys[i].addr) || ev.keys[i].plen == KEY_PLEN_V6);
	if (reading == LEASE_READ && (ev.kind == LEASE_START || ev.kind == LEASE_UPDATE))
		must(ev.key_count && (*ev.msisdn || *ev.imsi || devices.count));
}

static void check_events(const char *body, size_t length)
{
	json_t *json = body_read(body, length);

	if (json_is_object(json))
		check_event(json);
	for (size_t i = 0; i < json_array_size(json); i++)
		check_event(json_array_get(json, i));
	json_decref(json);
}

static void check_subscriber(const char *body, size_t length)
{
	struct subscriber_put put;
	json_t *json = body_read(body, length);
	const char *wrong = subscriber_json_read(json, "819012345678", &put);

	json_decref(json);
	if (wrong)
		return;
	must(put.subscriber.address_count >= 1);
	must(put.subscriber.address_count <= SUBSCRIBER_ADDRESSES);
	must(strlen(put.subscriber.addresses[0].shown) <= FIRST_ADDRESS_MAX);
	json = subscriber_json_write(&put.subscriber);
	must(json != NULL);
	json_decref(json);
}

static bool is_imsi(const char *imsi)
{
	return strspn(imsi, "0123456789") == strlen(imsi) && strlen(imsi) >= IMSI_DIGITS_MIN;
}

static void check_sim(const char *body, size_t length)
{
	struct challenge_request request;
	struct sim_key key;
	char imsi[IMSI_MAX];

	if (!challenge_json_read(body, length, &request)) {
		must(is_imsi(request.imsi));
		must(request.kind == CHALLENGE_TOKEN || request.kind == CHALLENGE_SIM);
		must(ends_within(request.challenge, sizeof request.challenge));
		must(request.has_auts == (*request.challenge != 0));
	}
	sim_key_json_read(body, length, &key);
	if (!sim_change_json_read(body, length, imsi))
		must(!*imsi || is_imsi(imsi));
}

static void check_handset(const char *body, size_t length)
{
	uint8_t datagram[REPORT_DATAGRAM_MAX];
	struct claim claim;
	size_t n = 0;

	if (!claim_json_read(body, length, &claim)) {
		must(is_imsi(claim.imsi));
		must(ends_within(claim.challenge, sizeof claim.challenge));
		must(claim.has_proof == (*claim.challenge != 0));
	}
	if (!report_json_read(body, length, datagram, &n))
		must(n <= sizeof datagram);
}

/* A NAS's whole list, in pieces of one. */
static void check_list(const char *body, size_t length)
{
	static char nas_ids[] = "";
	static const struct conf_network_key row = {
		.id = "feeder", .realm = "default", .nas_ids = nas_ids};
	static const struct network_key key = {.conf = &row};
	struct resync_json j;
	int rc;

	resync_json_init(
		&j, body, length, 8,
		&(struct lease_context){.key = &key, .realm = "default", .received_us = 1});
	while ((rc = resync_json_read(&j, 1)) == E_AGAIN)
		must(j.at <= j.length);
	must((rc == E_SYNTAX) == (j.wrong != NULL));
	must(j.count <= 8 && (rc || (j.has_time && j.has_sessions && j.time_us > 0)));
	for (size_t i = 0; i < j.count; i++) {
		const struct resync_entry *e = &j.entries[i];
		must(e->key_count <= 2 && strlen(e->session_id) < SESSION_ID_MAX);
		must(ends_within(e->msisdn, sizeof e->msisdn));
		must(e->key_count || e->problem);
	}
	resync_json_free(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(const char *, size_t) = {
		check_events, check_subscriber, check_handset, check_sim, check_list};

	if (size)
		checks[data[0] % 5]((const char *)data + 1, size - 1);
	return 0;
}
