/* smpp -- the PDUs of SMPP 3.4 in both directions
 *
 * A PDU is 16 octets of header and a body: fixed fields in the order of one table (smpp_layout.c,
 * which decoding and encoding both walk), then TLVs (smpp_tlv.h). smpp_frame() finds a whole PDU
 * at the front of a stream; smpp_decode() reads it; smpp_encode() writes one. pushsrv speaks as
 * the ESME, smsc-sim as the SMSC.
 *
 * What decoding holds to: texts end with a NUL inside their bound and are ASCII; times are of
 * their form where an ESME sends them; a short_message is at most 254 octets and never beside a
 * message_payload; TLVs end where the PDU ends, and from an ESME their lengths are those of the
 * standard (an SMSC's are let pass: a receipt must not be lost for a TLV that nobody reads). The
 * values of esm_class, data_coding, TON and the like are not judged here. A response whose status
 * is not zero may have a body: it is passed over, but for its TLVs. A response without the body it
 * should have is one with empty fields.
 *
 * If decoding refuses, `refusal` is the answer to send: the header of the request's response, or
 * of a generic_nack where there is none, with the standard's status. An id of 0 says that nothing
 * is to be sent (a response or an alert_notification that is broken).
 *
 * OWNERSHIP  texts lie inside the struct; spans and lists point into the octets that were decoded,
 *            or that the caller lent for encoding
 * THREADS    any. TRUST the octets come off the network: any length, any octets. A text may hold
 *            control characters
 * ERRORS     frame: E_AGAIN: not whole yet; E_SYNTAX: no length that a PDU has, or over `max`:
 * answer generic_nack RINVCMDLEN and close, the stream cannot be read on decode: E_SYNTAX, with
 * `refusal` encode: E_TOO_LARGE: does not fit `size`; E_SYNTAX: a text, time, message or TLV that
 *            decoding would refuse; E_NOT_FOUND: no such command
 * SEE        SMPP Protocol Specification 3.4 Issue 1.2, 3.2, 4, 5; protocols 3.1, 3.2
 */
#ifndef HATO_LIB_WIRE_SMPP_H
#define HATO_LIB_WIRE_SMPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/smpp/status.h"
#include "lib/wire/smpp/tlv.h"

#define SMPP_HEADER_LEN   16
#define SMPP_VERSION      0x34
#define SMPP_SEQUENCE_MAX 0x7FFFFFFFU
#define SMPP_MESSAGE_MAX  254   /* octets of a short_message */
#define SMPP_PDU_MAX      70000 /* a whole message_payload, and all other fields */
#define SMPP_SMALL_MAX    1024  /* any PDU without lists, payload and other long TLVs */

/* Sizes with the NUL. */
#define SMPP_SYSTEM_ID_SIZE    16
#define SMPP_PASSWORD_SIZE     9
#define SMPP_SYSTEM_TYPE_SIZE  13
#define SMPP_RANGE_SIZE        41
#define SMPP_SERVICE_TYPE_SIZE 6
#define SMPP_TIME_SIZE         17
#define SMPP_MESSAGE_ID_SIZE   65
#define SMPP_NUMBER_SIZE       21 /* data_sm and alert_notification: SMPP_NUMBER_LONG_SIZE */
#define SMPP_NUMBER_LONG_SIZE  65
#define SMPP_DESTINATIONS_MAX  254
#define SMPP_UNSUCCESSFUL_MAX  254

#define SMPP_RESPONSE_BIT 0x80000000U

#define SMPP_BIND_RECEIVER      0x00000001U
#define SMPP_BIND_TRANSMITTER   0x00000002U
#define SMPP_QUERY_SM           0x00000003U
#define SMPP_SUBMIT_SM          0x00000004U
#define SMPP_DELIVER_SM         0x00000005U
#define SMPP_UNBIND             0x00000006U
#define SMPP_REPLACE_SM         0x00000007U
#define SMPP_CANCEL_SM          0x00000008U
#define SMPP_BIND_TRANSCEIVER   0x00000009U
#define SMPP_OUTBIND            0x0000000BU
#define SMPP_ENQUIRE_LINK       0x00000015U
#define SMPP_SUBMIT_MULTI       0x00000021U
#define SMPP_ALERT_NOTIFICATION 0x00000102U
#define SMPP_DATA_SM            0x00000103U

#define SMPP_GENERIC_NACK          0x80000000U
#define SMPP_BIND_RECEIVER_RESP    0x80000001U
#define SMPP_BIND_TRANSMITTER_RESP 0x80000002U
#define SMPP_QUERY_SM_RESP         0x80000003U
#define SMPP_SUBMIT_SM_RESP        0x80000004U
#define SMPP_DELIVER_SM_RESP       0x80000005U
#define SMPP_UNBIND_RESP           0x80000006U
#define SMPP_REPLACE_SM_RESP       0x80000007U
#define SMPP_CANCEL_SM_RESP        0x80000008U
#define SMPP_BIND_TRANSCEIVER_RESP 0x80000009U
#define SMPP_ENQUIRE_LINK_RESP     0x80000015U
#define SMPP_SUBMIT_MULTI_RESP     0x80000021U
#define SMPP_DATA_SM_RESP          0x80000103U

/* esm_class */
#define SMPP_ESM_MODE         0x03 /* mask, from an ESME */
#define SMPP_ESM_DATAGRAM     0x01
#define SMPP_ESM_TRANSACTION  0x02
#define SMPP_ESM_STORE        0x03
#define SMPP_ESM_TYPE         0x3C /* mask */
#define SMPP_ESM_RECEIPT      0x04 /* from an SMSC: a delivery receipt */
#define SMPP_ESM_DELIVERY_ACK 0x08
#define SMPP_ESM_USER_ACK     0x10
#define SMPP_ESM_ABORT        0x18
#define SMPP_ESM_INTERMEDIATE 0x20 /* from an SMSC: an intermediate notification */
#define SMPP_ESM_UDHI         0x40 /* the message begins with a user data header */
#define SMPP_ESM_REPLY_PATH   0x80

/* registered_delivery */
#define SMPP_REGISTERED_RECEIPT      0x03 /* mask */
#define SMPP_REGISTERED_NONE         0x00
#define SMPP_REGISTERED_FINAL        0x01 /* success or failure */
#define SMPP_REGISTERED_FAILURE      0x02
#define SMPP_REGISTERED_INTERMEDIATE 0x10

/* data_coding */
#define SMPP_CODING_DEFAULT      0x00
#define SMPP_CODING_IA5          0x01
#define SMPP_CODING_OCTETS_1     0x02
#define SMPP_CODING_LATIN1       0x03
#define SMPP_CODING_OCTETS       0x04
#define SMPP_CODING_UCS2         0x08
#define SMPP_CODING_8BIT_CLASS_1 0xF5

enum smpp_ton {
	SMPP_TON_UNKNOWN,
	SMPP_TON_INTERNATIONAL,
	SMPP_TON_NATIONAL,
	SMPP_TON_NETWORK,
	SMPP_TON_SUBSCRIBER,
	SMPP_TON_ALPHANUMERIC,
	SMPP_TON_ABBREVIATED
};

enum smpp_npi {
	SMPP_NPI_UNKNOWN = 0,
	SMPP_NPI_E164 = 1,
	SMPP_NPI_X121 = 3,
	SMPP_NPI_NATIONAL = 8,
	SMPP_NPI_PRIVATE = 9,
	SMPP_NPI_INTERNET = 14,
	SMPP_NPI_WAP_CLIENT = 18
};

/* message_state; 0 is of 5.0, and our word for a message that waits for its time. */
enum smpp_state {
	SMPP_STATE_SCHEDULED = 0,
	SMPP_STATE_ENROUTE = 1,
	SMPP_STATE_DELIVERED = 2,
	SMPP_STATE_EXPIRED = 3,
	SMPP_STATE_DELETED = 4,
	SMPP_STATE_UNDELIVERABLE = 5,
	SMPP_STATE_ACCEPTED = 6,
	SMPP_STATE_UNKNOWN = 7,
	SMPP_STATE_REJECTED = 8
};

struct smpp_address {
	uint8_t ton, npi;
	char number[SMPP_NUMBER_LONG_SIZE];
};

/* Many of something, as octets: smpp_next_destination(), smpp_next_unsuccessful(). */
struct smpp_list {
	const uint8_t *octets;
	size_t len;
	uint8_t count;
};

struct smpp_bind {
	char system_id[SMPP_SYSTEM_ID_SIZE];
	char password[SMPP_PASSWORD_SIZE];
	char system_type[SMPP_SYSTEM_TYPE_SIZE];
	uint8_t interface_version;
	uint8_t addr_ton, addr_npi;
	char address_range[SMPP_RANGE_SIZE];
};

struct smpp_bind_resp {
	char system_id[SMPP_SYSTEM_ID_SIZE];
};

struct smpp_outbind {
	char system_id[SMPP_SYSTEM_ID_SIZE];
	char password[SMPP_PASSWORD_SIZE];
};

/* submit_sm, deliver_sm, submit_multi (`destinations` instead of `destination`) and data_sm (of
 * the later ones only esm_class, registered_delivery and data_coding). */
struct smpp_message {
	char service_type[SMPP_SERVICE_TYPE_SIZE];
	struct smpp_address source, destination;
	struct smpp_list destinations;
	uint8_t esm_class, protocol_id, priority_flag;
	char schedule_delivery_time[SMPP_TIME_SIZE]; /* smpp_time.h; "" now */
	char validity_period[SMPP_TIME_SIZE];        /* "" the SMSC's default */
	uint8_t registered_delivery, replace_if_present, data_coding, sm_default_msg_id;
	struct smpp_span short_message; /* smpp_message_octets() looks at message_payload too */
};

/* submit_sm_resp, deliver_sm_resp (an empty id), data_sm_resp, submit_multi_resp */
struct smpp_message_resp {
	char message_id[SMPP_MESSAGE_ID_SIZE]; /* a text: never a number */
	struct smpp_list unsuccessful;         /* submit_multi_resp only */
};

struct smpp_query {
	char message_id[SMPP_MESSAGE_ID_SIZE];
	struct smpp_address source;
};

struct smpp_query_resp {
	char message_id[SMPP_MESSAGE_ID_SIZE];
	char final_date[SMPP_TIME_SIZE];
	uint8_t message_state; /* enum smpp_state */
	uint8_t error_code;
};

struct smpp_cancel {
	char service_type[SMPP_SERVICE_TYPE_SIZE];
	char message_id[SMPP_MESSAGE_ID_SIZE]; /* "": all of source to destination */
	struct smpp_address source, destination;
};

struct smpp_replace {
	char message_id[SMPP_MESSAGE_ID_SIZE];
	struct smpp_address source;
	char schedule_delivery_time[SMPP_TIME_SIZE]; /* "": as it was */
	char validity_period[SMPP_TIME_SIZE];        /* "": as it was */
	uint8_t registered_delivery, sm_default_msg_id;
	struct smpp_span short_message;
};

struct smpp_alert {
	struct smpp_address source; /* who can be reached now */
	struct smpp_address esme;   /* who asked to be told */
};

struct smpp_pdu {
	uint32_t id;       /* SMPP_SUBMIT_SM ... */
	uint32_t status;   /* enum smpp_status or a vendor's; 0 in requests */
	uint32_t sequence; /* 1..SMPP_SEQUENCE_MAX; a response has its request's */
	union {
		struct smpp_bind bind; /* the three binds */
		struct smpp_bind_resp bind_resp;
		struct smpp_outbind outbind;
		struct smpp_message message;
		struct smpp_message_resp message_resp;
		struct smpp_query query;
		struct smpp_query_resp query_resp;
		struct smpp_cancel cancel;
		struct smpp_replace replace;
		struct smpp_alert alert;
	};
	struct smpp_span tlvs;
};

struct smpp_header {
	uint32_t id, status, sequence;
};

/* One destination of a submit_multi: an address, or the name of a distribution list. */
struct smpp_destination {
	bool is_list;
	struct smpp_address address;
	char list[SMPP_NUMBER_SIZE];
};

/* One destination that a submit_multi did not reach. */
struct smpp_unsuccessful {
	struct smpp_address address;
	uint32_t status;
};

/* Is there a whole PDU of at most `max` octets at the front? */
int smpp_frame(const uint8_t *octets, size_t n, size_t max, size_t *len);
/* `len` octets that smpp_frame() found. */
int smpp_decode(const uint8_t *octets, size_t len, struct smpp_pdu *out,
		struct smpp_header *refusal);
/* Of a response with a status the body is left out, but for data_sm_resp's if it has TLVs. */
int smpp_encode(const struct smpp_pdu *pdu, uint8_t *out, size_t size, size_t *len);

/* An empty response to `request` with this status; for a request without one, a generic_nack. */
struct smpp_pdu smpp_respond(const struct smpp_pdu *request, uint32_t status);
bool smpp_is_response(uint32_t id); /* generic_nack too */
bool smpp_is_known(uint32_t id);
/* "submit_sm_resp"; for an id of no command "unknown". */
const char *smpp_command_name(uint32_t id);
const char *smpp_state_name(uint8_t state); /* "DELIVRD", as receipts write it; "UNKNOWN" */

/* What a submit_sm, deliver_sm, submit_multi, data_sm or replace_sm says: short_message, or
 * message_payload where that is empty. */
struct smpp_span smpp_message_octets(const struct smpp_pdu *pdu);

/* Walk: *at 0 at first; false at the end. */
bool smpp_next_destination(const struct smpp_list *l, size_t *at, struct smpp_destination *out);
bool smpp_next_unsuccessful(const struct smpp_list *l, size_t *at, struct smpp_unsuccessful *out);
/* Append to a buffer, which becomes the list's octets; counting is the caller's. A text over its
 * bound sets is_full. */
void smpp_put_destination(struct octets_writer *w, const struct smpp_destination *d);
void smpp_put_unsuccessful(struct octets_writer *w, const struct smpp_unsuccessful *u);

#endif
