/* radius -- RADIUS packets: accounting in, Disconnect and CoA out, and what proves them
 *
 * A packet is parsed once, in place: radius_parse() has seen every attribute's length, so walking
 * cannot leave the packet; octets behind the packet's own Length are padding. Values are read by
 * getters that want the right length: a value of another length is no value. The 3GPP's attributes
 * lie inside Vendor-Specific ones (vendor 10415), several in one if the NAS likes.
 *
 * A packet is built attribute by attribute; the first that does not fit sets is_full and finishing
 * fails. Message-Authenticator goes last and is filled in by the finishing, before the
 * authenticator.
 *
 * OWNERSHIP  a parsed packet points into the caller's octets; secrets are borrowed for the call
 * THREADS any. TRUST octets: none, until radius_request_verify / radius_response_verify said 0
 * SEE        RFC 2865 3, 5; RFC 2866 3, 4, 5; RFC 2869 5.14; RFC 3162; RFC 4818; RFC 5176;
 *            RFC 6911; 3GPP TS 29.061 16.4.7
 */
#ifndef HATO_LIB_WIRE_RADIUS_H
#define HATO_LIB_WIRE_RADIUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIUS_HEADER_LEN        20
#define RADIUS_PACKET_MAX        4096
#define RADIUS_AUTHENTICATOR_LEN 16
#define RADIUS_VALUE_MAX         253
#define RADIUS_SECRET_MAX        128
#define RADIUS_VENDOR_3GPP       10415

enum radius_code {
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45
};

enum radius_attribute_type {
	RADIUS_NAS_IP_ADDRESS = 4,
	RADIUS_FRAMED_IP_ADDRESS = 8,
	RADIUS_FILTER_ID = 11,
	RADIUS_VENDOR_SPECIFIC = 26,
	RADIUS_CALLED_STATION_ID = 30,
	RADIUS_CALLING_STATION_ID = 31,
	RADIUS_NAS_IDENTIFIER = 32,
	RADIUS_PROXY_STATE = 33,
	RADIUS_ACCT_STATUS_TYPE = 40,
	RADIUS_ACCT_DELAY_TIME = 41,
	RADIUS_ACCT_SESSION_ID = 44,
	RADIUS_EVENT_TIMESTAMP = 55,
	RADIUS_MESSAGE_AUTHENTICATOR = 80,
	RADIUS_NAS_IPV6_ADDRESS = 95,
	RADIUS_FRAMED_IPV6_PREFIX = 97,
	RADIUS_ERROR_CAUSE = 101,
	RADIUS_DELEGATED_IPV6_PREFIX = 123,
	RADIUS_FRAMED_IPV6_ADDRESS = 168
};

/* Inside Vendor-Specific, vendor 10415. */
enum radius_3gpp_type {
	RADIUS_3GPP_IMSI = 1,
	RADIUS_3GPP_CHARGING_ID = 2,
	RADIUS_3GPP_SESSION_STOP_INDICATOR = 11
};

enum radius_acct_status {
	RADIUS_START = 1,
	RADIUS_STOP = 2,
	RADIUS_INTERIM_UPDATE = 3,
	RADIUS_ACCOUNTING_ON = 7,
	RADIUS_ACCOUNTING_OFF = 8
};

/* Why a datagram is none of ours. */
enum radius_fault {
	RADIUS_GOOD,
	RADIUS_TRUNCATED,         /* shorter than a header, or than it says itself */
	RADIUS_BAD_LENGTH,        /* Length below 20 or over 4096 */
	RADIUS_BAD_ATTRIBUTE,     /* of length 0 or 1, or reaching out of the packet */
	RADIUS_BAD_AUTHENTICATOR, /* not made with this secret, or altered */
	RADIUS_BAD_MESSAGE_AUTHENTICATOR,
	RADIUS_FAULTS
};

struct radius_packet {
	const uint8_t *octets; /* `length` of them */
	size_t length;
	uint8_t code, id;
	const uint8_t *authenticator; /* RADIUS_AUTHENTICATOR_LEN, in octets */
};

struct radius_attribute {
	uint8_t type, length; /* of the value: 0..253 */
	const uint8_t *value;
};

enum radius_fault radius_parse(const uint8_t *octets, size_t n, struct radius_packet *out);

/* Walks: *at 0 at first; false at the end. */
bool radius_next(const struct radius_packet *p, size_t *at, struct radius_attribute *out);
/* The next attribute of the 3GPP inside `a`, if that is a Vendor-Specific of theirs: *at 0 at
 * first. What is malformed inside ends the walk. */
bool radius_next_3gpp(const struct radius_attribute *a, size_t *at, struct radius_attribute *out);
bool radius_find(const struct radius_packet *p, uint8_t type, struct radius_attribute *out);

bool radius_u32(const struct radius_attribute *a, uint32_t *value);
/* Framed-IPv6-Prefix, Delegated-IPv6-Prefix: 2 to 18 octets; bits behind the length are zeroed. */
bool radius_prefix(const struct radius_attribute *a, uint8_t prefix[16], uint8_t *bits);

/* Of an Accounting-, Disconnect- or CoA-Request: the authenticator, and the Message-Authenticator
 * if there is one. */
enum radius_fault radius_request_verify(const struct radius_packet *p, const void *secret,
					size_t secret_len);
/* Of an answer to the request that carried this authenticator. */
enum radius_fault radius_response_verify(const struct radius_packet *p,
					 const uint8_t request[RADIUS_AUTHENTICATOR_LEN],
					 const void *secret, size_t secret_len);

/* ---- building ---- */

struct radius_builder {
	uint8_t octets[RADIUS_PACKET_MAX];
	size_t length;
	size_t message_authenticator; /* where its value lies; 0: none */
	bool is_full;
};

void radius_begin(struct radius_builder *b, enum radius_code code, uint8_t id);
void radius_put(struct radius_builder *b, uint8_t type, const void *value, size_t length);
void radius_put_text(struct radius_builder *b, uint8_t type, const char *text);
void radius_put_u32(struct radius_builder *b, uint8_t type, uint32_t value);
void radius_put_prefix(struct radius_builder *b, uint8_t type, const uint8_t prefix[16],
		       uint8_t bits);
void radius_put_message_authenticator(struct radius_builder *b);
/* Length and authenticators. E_TOO_LARGE: it did not fit; E_NOMEM. */
int radius_finish_request(struct radius_builder *b, const void *secret, size_t secret_len);
int radius_finish_response(struct radius_builder *b,
			   const uint8_t request[RADIUS_AUTHENTICATOR_LEN], const void *secret,
			   size_t secret_len);

#endif
