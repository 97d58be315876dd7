/* sms_parts -- a message that is longer than one TPDU takes, cut into parts
 *
 * Every part has a header with the concatenation (and the ports, if there are some); a message that
 * fits into one has no concatenation. A cut never falls between ESC and its character, nor into a
 * surrogate pair; so a part may have a septet or a unit to spare.
 *
 * Called by pushsrv (triggers and texts) and smsc-sim (message_payload).
 *
 * OWNERSHIP  the caller's arrays. THREADS any. TRUST body: any octets
 * ERRORS     E_TOO_LARGE: over `max` or SMS_PARTS_MAX parts; E_SYNTAX: UCS-2 with an odd number of
 *            octets; E_RANGE: ports or a reference that no header can say
 * SEE        TS 23.040 9.2.3.24.1, 9.2.3.24.8; TS 23.038 6.2.1.1; protocols 2.4
 */
#ifndef HATO_LIB_WIRE_SMS_PARTS_H
#define HATO_LIB_WIRE_SMS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/sms/data.h"
#include "lib/wire/sms/udh.h"

#define SMS_PARTS_MAX 255

struct sms_split {
	uint8_t dcs;
	bool has_ports;
	struct sms_ports ports;
	uint16_t reference; /* the same in all parts; another for the next message to this phone */
	bool is_16_bit;     /* the reference; else its low octet alone counts */
};

/* `body`: septets, one an octet, or octets, by the coding. An empty one is one part. */
int sms_split(const struct sms_split *how, const uint8_t *body, size_t len, struct sms_data *parts,
	      size_t max, size_t *count);

#endif
