/* zone -- a zone's clock: how far it is from UTC, and when that changes
 *
 * A rule of POSIX TZ, as the last line of a zoneinfo file has it ("JST-9",
 * "CET-1CEST,M3.5.0,M10.5.0/3"): it holds for now and the years to come, not for history, and needs
 * no file. lib/zone_file.h finds the rule of a zone's name.
 *
 * OWNERSHIP  values. THREADS any. Pure. ERRORS zone_parse: E_SYNTAX
 * SEE        POSIX.1-2017 8.3 (TZ), RFC 8536 3.3.1 (hours from -167 to 167)
 */
#ifndef HATO_LIB_RULES_ZONE_H
#define HATO_LIB_RULES_ZONE_H

#include <stdbool.h>
#include <stdint.h>

#define ZONE_RULE_MAX 64 /* with its NUL */

enum zone_day {
	ZONE_DAY_JULIAN,  /* 1 to 365; 29 February is never counted */
	ZONE_DAY_OF_YEAR, /* 0 to 365 */
	ZONE_DAY_OF_MONTH /* the nth weekday of a month */
};

struct zone_change {
	enum zone_day kind;
	int16_t day; /* of the first two kinds */
	int8_t month, week, weekday;
	int32_t at_s; /* wall clock of the time that ends */
};

struct zone {
	int32_t standard_s; /* east of UTC */
	bool has_summer;
	int32_t summer_s;
	struct zone_change to_summer, to_standard;
};

int zone_parse(const char *rule, struct zone *out);
/* Seconds east of UTC at an instant. */
int32_t zone_offset_s(const struct zone *z, int64_t unix_s);
/* The first instant after unix_s at which the offset may change; INT64_MAX: none. */
int64_t zone_next_change(const struct zone *z, int64_t unix_s);

#endif
