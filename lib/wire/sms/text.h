/* sms_text -- text as short messages carry it: the 7-bit default alphabet and UCS-2
 *
 * The 7-bit alphabet has 127 characters and, behind ESC, nine more that cost two septets; text with
 * any other character goes as UCS-2, two octets a UTF-16 unit, big endian. Septets lie here one an
 * octet (as SMPP's data_coding 0 has them); packing puts eight of them into seven octets, the first
 * character in the low bits, after 0 to 6 fill bits where a user data header went before.
 *
 * Reading is lenient where TS 23.038 says so: an unknown character behind ESC shows as the one of
 * the basic table, ESC ESC and an ESC at the end as a space. A lone half of a surrogate pair is
 * U+FFFD, and U+0000 too, so that text has no NUL inside.
 *
 * OWNERSHIP  the caller's buffers; text is not NUL-ended. THREADS any. TRUST input: any octets
 * ERRORS     E_SYNTAX: not UTF-8, or an odd number of octets; E_RANGE: a character that the 7-bit
 *            alphabet has not; E_TOO_LARGE: `size` is too small. Nothing is counted then.
 * SEE        TS 23.038 6.1.2.1 (packing), 6.2.1 (alphabet), 6.2.1.1 (extension), 6.2.3 (UCS-2)
 */
#ifndef HATO_LIB_WIRE_SMS_TEXT_H
#define HATO_LIB_WIRE_SMS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMS_ESCAPE 0x1B

int sms_text_to_septets(const char *text, size_t len, uint8_t *septets, size_t size, size_t *n);
int sms_text_from_septets(const uint8_t *septets, size_t n, char *text, size_t size, size_t *len);

int sms_text_to_ucs2(const char *text, size_t len, uint8_t *octets, size_t size, size_t *n);
int sms_text_from_ucs2(const uint8_t *octets, size_t n, char *text, size_t size, size_t *len);

/* The shortest coding that can say it: SMS_DCS_GSM7, else SMS_DCS_UCS2; *n septets or octets. */
int sms_text_encode(const char *text, size_t len, uint8_t *body, size_t size, size_t *n,
		    uint8_t *dcs);
/* What a message says. E_RANGE: 8-bit data, or compressed. */
int sms_text_decode(uint8_t dcs, const uint8_t *body, size_t n, char *text, size_t size,
		    size_t *len);

/* `out` has room for (fill_bits + 7 n + 7) / 8 octets. The bits that are left over are 0. */
void sms_septets_pack(const uint8_t *septets, size_t n, unsigned fill_bits, uint8_t *out);
/* `packed` has (fill_bits + 7 n + 7) / 8 octets at least. */
void sms_septets_unpack(const uint8_t *packed, size_t n, unsigned fill_bits, uint8_t *septets);

#endif
