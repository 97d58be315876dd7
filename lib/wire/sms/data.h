/* sms_data -- the user data of a TPDU: coding, header and text
 *
 * On the wire: a length (TP-UDL), then the header, fill bits where the text is septets, the text.
 * The length counts septets, the header and its fill among them, or octets, by the coding. Here
 * the header lies as it came (lib/wire/sms/udh.h reads it) and the text unpacked: one septet an
 * octet in the 7-bit alphabet, octets otherwise and when compressed.
 *
 * OWNERSHIP  values. THREADS any. TRUST octets: any
 * ERRORS     E_SYNTAX: fewer octets than the length says, a header over the user data;
 *            E_TOO_LARGE: over `octets_max`, or does not fit
 * SEE        TS 23.040 9.2.3.16 (TP-UDL), 9.2.3.24 (TP-UD); TS 23.038 6.1.2.1; protocols 2.1, 2.4
 */
#ifndef HATO_LIB_WIRE_SMS_DATA_H
#define HATO_LIB_WIRE_SMS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/octets.h"

#define SMS_DATA_OCTETS_MAX   140 /* of SMS-DELIVER and SMS-SUBMIT */
#define SMS_DATA_SEPTETS_MAX  160
#define SMS_REPORT_OCTETS_MAX 159 /* the most that any report may have */
#define SMS_BODY_MAX          181 /* septets in so many octets */

struct sms_data {
	uint8_t dcs;
	uint8_t udh[SMS_REPORT_OCTETS_MAX]; /* with its length octet */
	size_t udh_len;                     /* 0: there is none */
	uint8_t body[SMS_BODY_MAX];
	size_t body_len;
};

/* How many septets or octets of text fit beside a header, by the coding. */
size_t sms_data_room(uint8_t dcs, size_t udh_len, size_t octets_max);

/* TP-UDL and TP-UD. */
int sms_data_put(struct octets_writer *w, const struct sms_data *data, size_t octets_max);
/* `out->dcs` is given; whether there is a header, too: TP-UDHI stands elsewhere. */
int sms_data_take(struct octets_reader *r, bool has_udh, size_t octets_max, struct sms_data *out);

#endif
