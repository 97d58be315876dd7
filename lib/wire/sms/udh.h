/* sms_udh -- the user data header: ports, and which part of a longer message this is
 *
 * Octets before the text: a length, then elements (id, length, value). Read here: the port
 * addresses (04 with 8 bits, 05 with 16), concatenation (00 with a reference of 8 bits, 08 with
 * 16); the others are kept as they stand, the first SMS_UDH_OTHERS_MAX of them, and counted beyond
 * that. Of elements that exclude or repeat each other the last counts, and a concatenation
 * whose number or total is 0 or whose number is over the total is passed over, all by TS 23.040
 * 9.2.3.24; so is a port or concatenation element of a wrong length: it is one of the others.
 *
 * A header that is longer than the user data, or whose last element does not end where it does, is
 * E_SYNTAX. TS 23.040 has the receiver ignore such a header; the caller decides what is left of the
 * message then (for us: it has no port, so it is for nobody).
 *
 * OWNERSHIP  others[].value goes into the octets decoded; encoding borrows. THREADS any.
 * TRUST      octets: any. ERRORS E_SYNTAX; E_RANGE: ports, parts or sizes that cannot be written;
 *            E_TOO_LARGE: does not fit
 * SEE        TS 23.040 9.2.3.24, 9.2.3.24.1, .3, .4, .8; protocols 2.1
 */
#ifndef HATO_LIB_WIRE_SMS_UDH_H
#define HATO_LIB_WIRE_SMS_UDH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMS_UDH_MAX        140 /* with its length octet */
#define SMS_UDH_OTHERS_MAX 8

#define SMS_PORT_WSP_PUSH     2948 /* wap-push, what a trigger goes to */
#define SMS_PORT_WSP          9200 /* wap-wsp, what it comes from */
#define SMS_PORT_8_BIT_LOWEST 240

enum sms_udh_ie {
	SMS_IE_CONCAT_8 = 0x00,
	SMS_IE_PORTS_8 = 0x04,
	SMS_IE_PORTS_16 = 0x05,
	SMS_IE_CONCAT_16 = 0x08
};

struct sms_ports {
	uint16_t destination, source;
	bool is_8_bit;
};

struct sms_concat {
	uint16_t reference;
	uint8_t total;  /* 1.. */
	uint8_t number; /* 1..total */
	bool is_16_bit;
};

struct sms_udh_other {
	uint8_t id;
	uint8_t len;
	const uint8_t *value;
};

struct sms_udh {
	bool has_ports, has_concat;
	struct sms_ports ports;
	struct sms_concat concat;
	struct sms_udh_other others[SMS_UDH_OTHERS_MAX];
	size_t other_count;   /* of those kept */
	size_t others_beyond; /* passed over: there were more */
};

/* Ports first, then the concatenation, then the others. A header without elements is E_RANGE. */
int sms_udh_encode(const struct sms_udh *udh, uint8_t *out, size_t size, size_t *len);
/* From the front of user data. *len: the octets that the header takes, its length octet too. */
int sms_udh_decode(const uint8_t *octets, size_t size, struct sms_udh *out, size_t *len);

#endif
