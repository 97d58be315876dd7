/* sms_dcs -- TP-Data-Coding-Scheme: which alphabet, which class, what indication
 *
 * Reserved codings are read as the 7-bit alphabet without class, as TS 23.038 4 orders.
 *
 * OWNERSHIP  values. THREADS any. ERRORS none. SEE TS 23.038 4; protocols 2.4
 */
#ifndef HATO_LIB_WIRE_SMS_DCS_H
#define HATO_LIB_WIRE_SMS_DCS_H

#include <stdbool.h>
#include <stdint.h>

#define SMS_DCS_GSM7         0x00
#define SMS_DCS_8_BIT        0x04
#define SMS_DCS_UCS2         0x08
#define SMS_DCS_8_BIT_CLASS1 0xF5 /* the usual one of a WAP push */

enum sms_alphabet { SMS_GSM7, SMS_8_BIT, SMS_UCS2 };

enum sms_indication_kind {
	SMS_WAITING_VOICE,
	SMS_WAITING_FAX,
	SMS_WAITING_EMAIL,
	SMS_WAITING_OTHER
};

struct sms_dcs {
	enum sms_alphabet alphabet;
	int8_t message_class; /* 0..3, -1: none */
	bool is_compressed;   /* then the user data are octets, whatever the alphabet */
	bool is_auto_delete;  /* marked for deletion when it was read */
	bool is_indication;   /* message waiting: what kind, on or off, to be kept or dropped */
	bool is_waiting, is_dropped;
	enum sms_indication_kind kind;
};

struct sms_dcs sms_dcs_read(uint8_t dcs);
/* How the user data lie: SMS_8_BIT as well when they are compressed. */
enum sms_alphabet sms_dcs_layout(uint8_t dcs);

#endif
