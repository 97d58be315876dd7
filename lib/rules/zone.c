#include "lib/rules/zone.h"

#include <ctype.h>
#include <string.h>

#include "lib/err.h"

#define DAY_S          INT64_C(86400)
#define OFFSET_HOURS   24
#define CHANGE_HOURS   167 /* RFC 8536: beyond POSIX's 24 */
#define CHANGE_DEFAULT 7200

/* ---- reading a rule ---- */

static bool take_char(const char **at, char c)
{
	if (**at != c)
		return false;
	(*at)++;
	return true;
}

static bool take_number(const char **at, int least, int most, int *out)
{
	int value = 0;

	if (!isdigit((unsigned char)**at))
		return false;
	while (isdigit((unsigned char)**at)) {
		value = value * 10 + (*(*at)++ - '0');
		if (value > most)
			return false;
	}
	*out = value;
	return value >= least;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(const char **at, int hours_max, int32_t *out)
{
	bool is_negative = take_char(at, '-');
	int hours, minutes = 0, seconds = 0;

	if (!is_negative)
		(void)take_char(at, '+');
	if (!take_number(at, 0, hours_max, &hours))
		return false;
	if (take_char(at, ':')) {
		if (!take_number(at, 0, 59, &minutes))
			return false;
		if (take_char(at, ':') && !take_number(at, 0, 59, &seconds))
			return false;
	}
	*out = hours * 3600 + minutes * 60 + seconds;
	if (is_negative)
		*out = -*out;
	return true;
}

/* Three letters or more, or <...> with digits and signs too. Nobody asks for it. */
static bool skip_name(const char **at)
{
	const char *from = *at;

	if (take_char(at, '<')) {
		while (isalnum((unsigned char)**at) || **at == '+' || **at == '-')
			(*at)++;
		return *at - from > 3 && take_char(at, '>');
	}
	while (isalpha((unsigned char)**at))
		(*at)++;
	return *at - from >= 3;
}

/* POSIX counts west of UTC. */
static bool take_offset(const char **at, int32_t *east_s)
{
	int32_t west_s;

	if (!take_time(at, OFFSET_HOURS, &west_s))
		return false;
	*east_s = -west_s;
	return true;
}

static bool take_day(const char **at, struct zone_change *c)
{
	int a, b, d;

	if (take_char(at, 'M')) {
		c->kind = ZONE_DAY_OF_MONTH;
		if (!take_number(at, 1, 12, &a) || !take_char(at, '.') ||
		    !take_number(at, 1, 5, &b) || !take_char(at, '.') || !take_number(at, 0, 6, &d))
			return false;
		c->month = (int8_t)a;
		c->week = (int8_t)b;
		c->weekday = (int8_t)d;
		return true;
	}
	bool is_julian = take_char(at, 'J');
	c->kind = is_julian ? ZONE_DAY_JULIAN : ZONE_DAY_OF_YEAR;
	if (!take_number(at, is_julian, 365, &a))
		return false;
	c->day = (int16_t)a;
	return true;
}

static bool take_change(const char **at, struct zone_change *c)
{
	c->at_s = CHANGE_DEFAULT;
	return take_char(at, ',') && take_day(at, c) &&
	       (!take_char(at, '/') || take_time(at, CHANGE_HOURS, &c->at_s));
}

int zone_parse(const char *rule, struct zone *out)
{
	struct zone z = {0};

	if (strlen(rule) >= ZONE_RULE_MAX || !skip_name(&rule) ||
	    !take_offset(&rule, &z.standard_s))
		return E_SYNTAX;
	if (*rule) {
		z.has_summer = true;
		z.summer_s = z.standard_s + 3600;
		if (!skip_name(&rule) || (*rule != ',' && !take_offset(&rule, &z.summer_s)) ||
		    !take_change(&rule, &z.to_summer) || !take_change(&rule, &z.to_standard) ||
		    *rule)
			return E_SYNTAX;
	}
	*out = z;
	return 0;
}

/* ---- the calendar ---- */

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days from 1970-01-01 to the first of January. */
static int64_t year_start(int64_t year)
{
	int64_t y = year - 1;

	return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) -
	       (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t year_of(int64_t local_s)
{
	int64_t days = local_s / DAY_S, year = 1970 + days / 366;

	while (year_start(year + 1) <= days)
		year++;
	return year;
}

/* The day of the year on which it is the nth such weekday of the month; 5: the last one. */
static int64_t weekday_in_month(int64_t year, const struct zone_change *c)
{
	static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
	int leap_before = is_leap(year) && c->month > 2,
	    leap_after = is_leap(year) && c->month >= 2;
	int64_t first = before[c->month - 1] + leap_before, end = before[c->month] + leap_after;
	int64_t weekday = (year_start(year) + first + 4) % 7; /* 1970-01-01 was a Thursday */
	int64_t day = first + (c->weekday - weekday + 7) % 7 + 7 * (c->week - 1);

	while (day >= end)
		day -= 7;
	return day;
}

/* When the change comes in a year, from the time that is east_s of UTC. */
static int64_t change_in(int64_t year, const struct zone_change *c, int32_t east_s)
{
	int64_t day = c->day;

	if (c->kind == ZONE_DAY_OF_MONTH)
		day = weekday_in_month(year, c);
	else if (c->kind == ZONE_DAY_JULIAN)
		day = c->day - 1 + (is_leap(year) && c->day >= 60);
	return (year_start(year) + day) * DAY_S + c->at_s - east_s;
}

int32_t zone_offset_s(const struct zone *z, int64_t unix_s)
{
	if (!z->has_summer)
		return z->standard_s;
	int64_t year = year_of(unix_s + z->standard_s);
	int64_t summer = change_in(year, &z->to_summer, z->standard_s);
	int64_t standard = change_in(year, &z->to_standard, z->summer_s);
	bool is_summer = summer < standard ? unix_s >= summer && unix_s < standard
					   : unix_s >= summer || unix_s < standard;
	return is_summer ? z->summer_s : z->standard_s;
}

int64_t zone_next_change(const struct zone *z, int64_t unix_s)
{
	int64_t next = INT64_MAX, year;

	if (!z->has_summer)
		return next;
	year = year_of(unix_s + z->standard_s);
	for (int64_t y = year - 1; y <= year + 1; y++) {
		int64_t at[] = {change_in(y, &z->to_summer, z->standard_s),
				change_in(y, &z->to_standard, z->summer_s)};

		for (int i = 0; i < 2; i++)
			if (at[i] > unix_s && at[i] < next)
				next = at[i];
	}
	return next;
}
