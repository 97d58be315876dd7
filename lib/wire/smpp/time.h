/* smpp_time -- SMPP's times, 16 characters: YYMMDDhhmmss, tenths, and where from
 *
 * Absolute: `+` or `-` and the quarter hours that local time is ahead of or behind UTC, so
 * "260105183016036+" is 18:30:16 in Tokyo (t 0, nn 36, +). Relative: "000R" at the end, counted
 * from the moment the SMSC reads it: years and months by the calendar (the 31st of a shorter month
 * is its last day), the rest in seconds; fields over their usual bound (90 minutes) are taken.
 * Years are 2000 to 2099. An empty text is "now" or "the default": its reader's business.
 *
 * OWNERSHIP  values. THREADS any. TRUST the text comes off the network, NUL-ended
 * ERRORS     E_SYNTAX: not of the form; E_RANGE: no such date, or one that cannot be written so
 * SEE        SMPP 3.4 7.1.1; protocols 3.1
 */
#ifndef HATO_LIB_WIRE_SMPP_TIME_H
#define HATO_LIB_WIRE_SMPP_TIME_H

#include <stddef.h>
#include <stdint.h>

#define SMPP_TIME_LEN            16
#define SMPP_TIME_RELATIVE_MAX_S (31 * INT64_C(86400))

/* The moment that `text` means to one who reads it at now_us. */
int smpp_time_parse(const char *text, int64_t now_us, int64_t *at_us);
/* Absolute, in a zone so many quarter hours ahead of UTC (-48..48); tenths are cut. */
int smpp_time_absolute(int64_t at_us, int quarters, char out[SMPP_TIME_LEN + 1]);
/* Relative: 0 to SMPP_TIME_RELATIVE_MAX_S seconds (whoever needs more writes an absolute one). */
int smpp_time_relative(int64_t seconds, char out[SMPP_TIME_LEN + 1]);

/* "YYMMDDhhmmss" of a moment from 2000 to 2099, and back, there also without the seconds (`count`
 * is 10 or 12): receipts write it so, without a zone. */
int smpp_time_digits(int64_t s, char out[13]);
int smpp_time_of_digits(const char *digits, size_t count, int64_t *s);

#endif
