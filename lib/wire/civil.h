/* civil -- seconds since 1970 and the calendar's date and time of day, without a time zone
 *
 * The C library's own would ask the environment for a zone and has no inverse that everybody has.
 * Whoever has a zone adds it before or after. Callers: EMN's timestamp, SMPP's and SMS's times.
 *
 * OWNERSHIP  values. THREADS any. SEE the proleptic Gregorian calendar, from the year 1 on
 */
#ifndef HATO_LIB_WIRE_CIVIL_H
#define HATO_LIB_WIRE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

struct civil {
	int64_t year; /* from 1 on */
	unsigned month, day, hour, minute, second;
};

/* Such a day and such a time exist; no leap seconds. */
bool civil_is_valid(const struct civil *c);
unsigned civil_month_days(int64_t year, unsigned month); /* month 1 to 12 */
/* Of what is valid. */
int64_t civil_seconds(const struct civil *c);
void civil_of_seconds(int64_t time_s, struct civil *c);

#endif
