#include "lib/wire/civil.h"

#define DAY_S             86400
#define DAYS_0000_TO_1970 719468 /* from 0000-03-01, where the years of this count begin */
#define DAYS_400_YEARS    146097

unsigned civil_month_days(int64_t year, unsigned month)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return lengths[month - 1] + (month == 2 && is_leap ? 1U : 0U);
}

bool civil_is_valid(const struct civil *c)
{
	return c->year >= 1 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
	       c->day <= civil_month_days(c->year, c->month) && c->hour < 24 && c->minute < 60 &&
	       c->second < 60;
}

/* Days are counted from 1 March, so that the leap day is a year's last (the usual algorithm). */
int64_t civil_seconds(const struct civil *c)
{
	int64_t year = c->year - (c->month <= 2);
	int64_t era = year / 400, year_of_era = year % 400;
	int64_t month = (c->month + 9) % 12;
	int64_t day_of_year = (153 * month + 2) / 5 + c->day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	int64_t days = era * DAYS_400_YEARS + day_of_era - DAYS_0000_TO_1970;

	return days * DAY_S + c->hour * 3600 + c->minute * 60 + c->second;
}

void civil_of_seconds(int64_t time_s, struct civil *c)
{
	int64_t since = time_s + DAYS_0000_TO_1970 * INT64_C(86400); /* not before the year 1 */
	int64_t days = since / DAY_S;
	unsigned rest = (unsigned)(since % DAY_S);
	int64_t era = days / DAYS_400_YEARS;
	unsigned doe = (unsigned)(days % DAYS_400_YEARS);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned month = (5 * doy + 2) / 153;

	c->day = doy - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = (int64_t)yoe + era * 400 + (c->month <= 2);
	c->hour = rest / 3600;
	c->minute = rest / 60 % 60;
	c->second = rest % 60;
}
