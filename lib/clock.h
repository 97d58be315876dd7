/* clock -- what time it is, and how a time is written
 *
 * Times are int64_t microseconds since 1970 (`_us`), without leap seconds, as the kernel counts
 * them. Whoever compares an event with a binding uses clock_now_us(); whoever measures a wait uses
 * clock_mono_us(), which never goes back and says nothing about the date. The text is RFC 3339, the
 * time of lease events and logs.
 *
 * TRUST      texts come off the network: any length, any bytes
 * THREADS    any
 * SEE        RFC 3339 5.6, 5.7
 */
#ifndef HATO_LIB_CLOCK_H
#define HATO_LIB_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_MAX 28                          /* "9999-12-31T23:59:59.999999Z" and its NUL */
#define CLOCK_MAX_US   INT64_C(253402300799999999) /* the end of the year 9999 */
#define CLOCK_S        INT64_C(1000000)            /* microseconds in a second */

int64_t clock_now_us(void);
int64_t clock_now_s(void);
int64_t clock_mono_us(void);

/* A date-time of RFC 3339: `T` and `Z` in either case, or a numeric offset (-00:00 too: the instant
 * is the same); one to nine digits of a fraction, what is finer than a microsecond is cut off. A
 * leap second (only where one can be: 23:59:60 UTC at the end of a month) is the last microsecond
 * before it. E_SYNTAX; E_RANGE: no such date or time, or not in 1970..9999 UTC. */
int clock_parse(const char *text, size_t len, int64_t *time_us);

/* "2026-08-01T12:00:00Z", or with six digits of a fraction unless it is zero. A time outside
 * 0..CLOCK_MAX_US is written as the nearer end. Returns `text`. */
const char *clock_format(int64_t time_us, char text[CLOCK_TEXT_MAX]);

#endif
