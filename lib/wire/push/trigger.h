/* trigger -- the datagram that wakes a handset
 *
 * A WSP connectionless Push with an EMN in it (wsp.h, emn.h), and one header of our own,
 * x-hato-mac: eleven base64url characters, the first eight octets of HMAC-SHA-256 over
 *
 *     "hato-trigger-1" NUL realm NUL generation (4 octets, big endian), then the datagram with
 *     those eleven characters as "A"
 *
 * under the trigger key that authsrv gave with the token. It proves to the phone that its own
 * operator, speaking of this very binding, sent the datagram. Without a key the header is left
 * out, and the datagram is sp mode's to the byte. The longest one is 133 octets, so that it also
 * fits one SMS. Callers: pushsrv encodes; handset-sim decodes and verifies; authsrv reads reports.
 *
 * OWNERSHIP  values; `realm` is borrowed. THREADS any. TRUST a datagram comes off the network
 * ERRORS     encode: E_SYNTAX (mailbox, realm), E_RANGE (time, application id), E_TOO_LARGE (the
 *            mailbox is over 80 octets), E_NOMEM
 *            decode: E_SYNTAX; E_TOO_LARGE; E_RANGE: a push that is no trigger
 *            verify: E_AUTH: altered, or of another binding or key; E_NOT_FOUND: no MAC in it;
 *            or what decode says
 * SEE        design 6 "Trigger", binding rules 6, protocols 1
 */
#ifndef HATO_LIB_WIRE_TRIGGER_H
#define HATO_LIB_WIRE_TRIGGER_H

#include "lib/wire/push/emn.h"
#include "lib/wire/push/wsp.h"

#define TRIGGER_MAX         133 /* octets: 140 of an SMS less the port header's 7 */
#define TRIGGER_MAILBOX_MAX EMN_MAILBOX_MAX
#define TRIGGER_MAC_HEADER  "x-hato-mac"
#define TRIGGER_MAC_TEXT    11

struct trigger {
	uint8_t tid;                           /* new for each sending */
	uint32_t application_id;               /* WSP_APPLICATION_EMN or WSP_APPLICATION_SPMODE */
	char mailbox[TRIGGER_MAILBOX_MAX + 1]; /* byte for byte as provisioned */
	int64_t timestamp_s;
	const char *realm;   /* for the MAC only: not in the datagram, null when decoded */
	uint32_t generation; /* likewise; 0 when decoded */
};

/* key null: no MAC, realm and generation do not matter. */
int trigger_encode(const struct trigger *t, const uint8_t *key, size_t key_len,
		   uint8_t out[TRIGGER_MAX], size_t *len);
int trigger_decode(const uint8_t *datagram, size_t len, struct trigger *out);
int trigger_verify(const uint8_t *datagram, size_t len, const uint8_t *key, size_t key_len,
		   const char *realm, uint32_t generation);

#endif
