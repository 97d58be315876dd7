/* rp -- the relay layer between a phone and its service centre
 *
 * RP-DATA carries a TPDU; RP-ACK says that it arrived, RP-ERROR why it did not, and each may carry
 * the TPDU of a report; RP-SMMA is a phone's "memory available again". A message's type tells its
 * way too (the odd ones come from the network). The reference is the sender's; an answer repeats
 * it. Optional elements that we do not know are passed over by their length (TS 24.007 11.2.4).
 *
 * OWNERSHIP  a decoded message's tpdu goes into the octets; encoding borrows. THREADS any.
 * TRUST      octets: any. ERRORS E_SYNTAX; E_RANGE: not a message of that way, or no such one;
 *            E_TOO_LARGE: does not fit, a TPDU over RP_TPDU_MAX
 * SEE        TS 24.011 7.3 (messages), 8.2 (elements), 8.2.5.4 (causes), annex E
 */
#ifndef HATO_LIB_WIRE_RP_H
#define HATO_LIB_WIRE_RP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/sms/addr.h"

#define RP_TPDU_MAX    232 /* TS 24.011 8.2.5.3, RP-DATA */
#define RP_MESSAGE_MAX 270 /* any of ours fits */

enum rp_way { RP_TO_CENTRE, RP_TO_PHONE };
enum rp_type { RP_DATA, RP_ACK, RP_ERROR, RP_SMMA };

enum rp_cause {
	RP_UNASSIGNED_NUMBER = 1,
	RP_OPERATOR_BARRING = 8,
	RP_CALL_BARRED = 10,
	RP_TRANSFER_REJECTED = 21,
	RP_MEMORY_EXCEEDED = 22,
	RP_DESTINATION_OUT_OF_ORDER = 27,
	RP_UNIDENTIFIED_SUBSCRIBER = 28,
	RP_FACILITY_REJECTED = 29,
	RP_UNKNOWN_SUBSCRIBER = 30,
	RP_NETWORK_OUT_OF_ORDER = 38,
	RP_TEMPORARY_FAILURE = 41,
	RP_CONGESTION = 42,
	RP_RESOURCES_UNAVAILABLE = 47,
	RP_NOT_SUBSCRIBED = 50,
	RP_NOT_IMPLEMENTED = 69,
	RP_INVALID_REFERENCE = 81,
	RP_SEMANTICALLY_INCORRECT = 95,
	RP_INVALID_INFORMATION = 96,
	RP_UNKNOWN_TYPE = 97,
	RP_WRONG_STATE = 98,
	RP_UNKNOWN_ELEMENT = 99,
	RP_PROTOCOL_ERROR = 111,
	RP_INTERWORKING = 127
};

struct rp_message {
	enum rp_way way;
	enum rp_type type;
	uint8_t reference;
	struct sms_addr centre; /* RP_DATA: the service centre's number; text "": not said */
	uint8_t cause;          /* RP_ERROR: enum rp_cause, or another below 128 */
	bool has_diagnostic;
	uint8_t diagnostic;  /* RP_ERROR */
	const uint8_t *tpdu; /* RP_DATA; RP_ACK and RP_ERROR when tpdu_len > 0 */
	size_t tpdu_len;
};

int rp_encode(const struct rp_message *message, uint8_t *out, size_t size, size_t *len);
/* E_RANGE: that type does not go this way. */
int rp_decode(enum rp_way way, const uint8_t *octets, size_t len, struct rp_message *out);

/* "memory capacity exceeded"; "cause 5" has no name: NULL. */
const char *rp_cause_name(uint8_t cause);
/* Is it worth to try the same message again later? */
bool rp_cause_is_temporary(uint8_t cause);

#endif
