#include "lib/wire/push/trigger.h"

#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/key.h"
#include "lib/wire/base64.h"

#define MAC_LABEL  "hato-trigger-1"
#define MAC_OCTETS 8
#define MAC_BLANK  "AAAAAAAAAAA" /* stands where the MAC goes while it is computed */

_Static_assert(sizeof MAC_BLANK == TRIGGER_MAC_TEXT + 1, "the blank is as long as the MAC");

static bool is_application(uint32_t id)
{
	return id == WSP_APPLICATION_EMN || id == WSP_APPLICATION_SPMODE;
}

/* Where the MAC's characters are. */
static int mac_find(const struct wsp_push *push, const uint8_t *datagram, size_t *offset)
{
	const char *mac = NULL;

	for (size_t i = 0; i < push->header_count; i++) {
		if (strcmp(push->headers[i].name, TRIGGER_MAC_HEADER) != 0)
			continue;
		if (mac)
			return E_SYNTAX;
		mac = push->headers[i].value;
	}
	if (!mac)
		return E_NOT_FOUND;
	if (strlen(mac) != TRIGGER_MAC_TEXT)
		return E_SYNTAX;
	*offset = (size_t)((const uint8_t *)mac - datagram);
	return 0;
}

/* The MAC's text of a datagram, whatever stands at `offset` now. */
static int mac_of(const uint8_t *datagram, size_t len, size_t offset, const struct trigger *t,
		  const uint8_t *key, size_t key_len, char text[BASE64_TEXT_MAX(MAC_OCTETS)])
{
	uint8_t input[sizeof MAC_LABEL + REALM_MAX + 4 + TRIGGER_MAX], mac[SHA256_LEN];
	size_t realm_len = strlen(t->realm) + 1, used = sizeof MAC_LABEL;
	int err;

	memcpy(input, MAC_LABEL, used);
	memcpy(input + used, t->realm, realm_len);
	used += realm_len;
	for (int shift = 24; shift >= 0; shift -= 8)
		input[used++] = (uint8_t)(t->generation >> shift & 0xff);
	memcpy(input + used, datagram, len);
	memcpy(input + used + offset, MAC_BLANK, TRIGGER_MAC_TEXT);
	err = hmac_sha256(key, key_len, input, used + len, mac);
	if (!err)
		base64_encode(BASE64_URL, mac, MAC_OCTETS, text);
	return err;
}

static int mac_write(const struct trigger *t, const uint8_t *key, size_t key_len, uint8_t *datagram,
		     size_t len)
{
	char text[BASE64_TEXT_MAX(MAC_OCTETS)];
	struct wsp_push push;
	size_t offset;
	int err = wsp_push_decode(datagram, len, &push);

	if (!err)
		err = mac_find(&push, datagram, &offset);
	if (!err)
		err = mac_of(datagram, len, offset, t, key, key_len, text);
	if (!err)
		memcpy(datagram + offset, text, TRIGGER_MAC_TEXT);
	return err;
}

int trigger_encode(const struct trigger *t, const uint8_t *key, size_t key_len,
		   uint8_t out[TRIGGER_MAX], size_t *len)
{
	struct wsp_push push = {.tid = t->tid,
				.content_type = WSP_CONTENT_EMN,
				.application_id = t->application_id,
				.headers = {{TRIGGER_MAC_HEADER, MAC_BLANK}},
				.header_count = key ? 1 : 0};
	struct emn emn = {.timestamp_s = t->timestamp_s};
	uint8_t body[EMN_MAX], datagram[TRIGGER_MAX];
	size_t used;
	int err;

	if (!is_application(t->application_id))
		return E_RANGE;
	if (key && (!t->realm || !realm_is_valid(t->realm)))
		return E_SYNTAX;
	memcpy(emn.mailbox, t->mailbox, sizeof emn.mailbox);
	err = emn_encode(&emn, body, sizeof body, &push.body_len);
	if (err)
		return err;
	push.body = body;
	err = wsp_push_encode(&push, datagram, sizeof datagram, &used);
	if (!err && key)
		err = mac_write(t, key, key_len, datagram, used);
	if (err)
		return err;
	memcpy(out, datagram, used);
	*len = used;
	return 0;
}

static int decode(const uint8_t *datagram, size_t len, struct wsp_push *push, struct emn *emn)
{
	int err;

	if (len > TRIGGER_MAX)
		return E_TOO_LARGE;
	err = wsp_push_decode(datagram, len, push);
	if (err)
		return err;
	if (push->content_type != WSP_CONTENT_EMN || !is_application(push->application_id))
		return E_RANGE;
	return emn_decode(push->body, push->body_len, emn);
}

int trigger_decode(const uint8_t *datagram, size_t len, struct trigger *out)
{
	struct wsp_push push;
	struct emn emn;
	int err = decode(datagram, len, &push, &emn);

	if (err)
		return err;
	*out = (struct trigger){.tid = push.tid,
				.application_id = push.application_id,
				.timestamp_s = emn.timestamp_s};
	memcpy(out->mailbox, emn.mailbox, sizeof emn.mailbox);
	return 0;
}

int trigger_verify(const uint8_t *datagram, size_t len, const uint8_t *key, size_t key_len,
		   const char *realm, uint32_t generation)
{
	const struct trigger binding = {.realm = realm, .generation = generation};
	char text[BASE64_TEXT_MAX(MAC_OCTETS)];
	struct wsp_push push;
	struct emn emn;
	size_t offset;
	int err = decode(datagram, len, &push, &emn);

	if (!err)
		err = mac_find(&push, datagram, &offset);
	if (!err && !realm_is_valid(realm))
		err = E_AUTH;
	if (!err)
		err = mac_of(datagram, len, offset, &binding, key, key_len, text);
	if (err)
		return err;
	return ct_equal(datagram + offset, text, TRIGGER_MAC_TEXT) ? 0 : E_AUTH;
}
