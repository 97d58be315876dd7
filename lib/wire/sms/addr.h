/* sms_addr -- addresses as short messages carry them, and the decimal digits in them
 *
 * Whoever sent a message, whoever it is for, a service centre's own number. Two layouts share the
 * octets: a TPDU counts *digits* before the type of address (TS 23.040 9.1.2.5), the RP layer
 * counts *octets* with it (TS 24.011 8.2.5.1). Digits lie swapped, the low half of an octet first;
 * an odd one out is followed by 1111. A name (type 5) is text in the 7-bit alphabet and its count
 * is that of the half octets used.
 *
 * Text is digits without `+`: the type says whether they are international. Half octets over 9 are
 * `*`, `#`, `a`, `b`, `c` as TS 24.008 has them, but not in an international E.164 number, which
 * has digits alone; 1111 inside a number is refused, and a fill that is not 1111.
 *
 * OWNERSHIP  values. THREADS any. TRUST octets: any
 * ERRORS     E_SYNTAX; E_TOO_LARGE: over the bounds, or does not fit; E_RANGE: a name with a
 *            character that the 7-bit alphabet has not
 * SEE        TS 23.040 9.1.2.3, 9.1.2.5; TS 24.011 8.2.5.1, 8.2.5.2; TS 24.008 10.5.4.7
 */
#ifndef HATO_LIB_WIRE_SMS_ADDR_H
#define HATO_LIB_WIRE_SMS_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/octets.h"

#define SMS_ADDR_DIGITS_MAX 20
#define SMS_ADDR_NAME_MAX   11 /* septets of a name */
#define SMS_ADDR_TEXT_MAX   33 /* octets: a name of 11 characters in UTF-8 */

/* The values are SMPP's too. */
enum sms_ton {
	SMS_TON_UNKNOWN = 0,
	SMS_TON_INTERNATIONAL = 1,
	SMS_TON_NATIONAL = 2,
	SMS_TON_NETWORK = 3,
	SMS_TON_SUBSCRIBER = 4,
	SMS_TON_ALPHANUMERIC = 5,
	SMS_TON_ABBREVIATED = 6
};

#define SMS_NPI_UNKNOWN 0
#define SMS_NPI_E164    1

struct sms_addr {
	uint8_t ton; /* enum sms_ton, or 7: reserved */
	uint8_t npi; /* 0..15; 0 of a name */
	char text[SMS_ADDR_TEXT_MAX + 1];
};

/* An international number. E_SYNTAX, E_TOO_LARGE: over SMS_ADDR_DIGITS_MAX. */
int sms_addr_number(const char *digits, struct sms_addr *out);
bool sms_addr_equal(const struct sms_addr *a, const struct sms_addr *b);

/* In a TPDU. */
int sms_addr_put(struct octets_writer *w, const struct sms_addr *addr);
int sms_addr_take(struct octets_reader *r, struct sms_addr *out);

/* In the RP layer: numbers only. None at all (text "") is one octet, 0. */
int sms_addr_put_rp(struct octets_writer *w, const struct sms_addr *addr);
int sms_addr_take_rp(struct octets_reader *r, struct sms_addr *out);

#endif
