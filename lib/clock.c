#include "lib/clock.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"

#define DAY_S 86400

static int64_t clock_read_us(clockid_t id)
{
	struct timespec now;
	int failed = clock_gettime(id, &now);

	assert(!failed);
	(void)failed;
	return now.tv_sec * CLOCK_S + now.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	return clock_read_us(CLOCK_REALTIME);
}

int64_t clock_now_s(void)
{
	return clock_now_us() / CLOCK_S;
}

int64_t clock_mono_us(void)
{
	return clock_read_us(CLOCK_MONOTONIC);
}

/* A date as its count of days since 1970. The year is counted from March, so that the leap day
 * comes last: the days before a month are then a straight line through 30.6 days a month. */
static int64_t days_of_date(int year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t from_march = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - 719468;
}

static void date_of_days(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097, in_era = z % 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
	int64_t from_march = (5 * in_year + 2) / 153;

	*day = (int)(in_year - (153 * from_march + 2) / 5 + 1);
	*month = (int)(from_march < 10 ? from_march + 3 : from_march - 9);
	*year = (int)(era * 400 + y + (*month <= 2));
}

static int month_days(int year, int month)
{
	static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return DAYS[month - 1] + (month == 2 && leap);
}

struct cursor {
	const char *at, *end;
};

/* Exactly `count` digits. */
static bool take_digits(struct cursor *c, int count, int *value)
{
	int sum = 0;

	for (int i = 0; i < count; i++) {
		if (c->at == c->end || *c->at < '0' || *c->at > '9')
			return false;
		sum = sum * 10 + (*c->at++ - '0');
	}
	*value = sum;
	return true;
}

static bool take_char(struct cursor *c, char upper, char lower)
{
	if (c->at == c->end || (*c->at != upper && *c->at != lower))
		return false;
	c->at++;
	return true;
}

/* One to nine digits, if there is a dot at all. */
static bool take_fraction(struct cursor *c, int *us)
{
	int digit, digits = 0, scale = 100000;

	*us = 0;
	if (!take_char(c, '.', '.'))
		return true;
	while (take_digits(c, 1, &digit)) {
		*us += digit * scale;
		scale /= 10;
		digits++;
	}
	return digits >= 1 && digits <= 9;
}

struct moment {
	int year, month, day, hour, minute, second, us;
	int offset_sign, offset_hour, offset_minute;
};

static bool take_offset(struct cursor *c, struct moment *m)
{
	m->offset_sign = 1;
	m->offset_hour = m->offset_minute = 0;
	if (take_char(c, 'Z', 'z'))
		return true;
	if (take_char(c, '-', '-'))
		m->offset_sign = -1;
	else if (!take_char(c, '+', '+'))
		return false;
	return take_digits(c, 2, &m->offset_hour) && take_char(c, ':', ':') &&
	       take_digits(c, 2, &m->offset_minute);
}

static bool take_moment(struct cursor *c, struct moment *m)
{
	return take_digits(c, 4, &m->year) && take_char(c, '-', '-') &&
	       take_digits(c, 2, &m->month) && take_char(c, '-', '-') &&
	       take_digits(c, 2, &m->day) && take_char(c, 'T', 't') &&
	       take_digits(c, 2, &m->hour) && take_char(c, ':', ':') &&
	       take_digits(c, 2, &m->minute) && take_char(c, ':', ':') &&
	       take_digits(c, 2, &m->second) && take_fraction(c, &m->us) && take_offset(c, m) &&
	       c->at == c->end;
}

static bool moment_exists(const struct moment *m)
{
	return m->month >= 1 && m->month <= 12 && m->day >= 1 &&
	       m->day <= month_days(m->year, m->month) && m->hour <= 23 && m->minute <= 59 &&
	       m->second <= 60 && m->offset_hour <= 23 && m->offset_minute <= 59;
}

int clock_parse(const char *text, size_t len, int64_t *time_us)
{
	struct cursor c = {text, text + len};
	struct moment m;
	int64_t seconds, us;

	if (!take_moment(&c, &m))
		return E_SYNTAX;
	if (!moment_exists(&m))
		return E_RANGE;
	seconds = days_of_date(m.year, m.month, m.day) * DAY_S + m.hour * 3600 + m.minute * 60 +
		  m.second;
	seconds -= m.offset_sign * (m.offset_hour * 3600 + m.offset_minute * 60);
	us = seconds * CLOCK_S + m.us;
	if (m.second == 60) {
		int year, month, day;

		/* Counted on, :60 is the first second of the next minute: that must begin a month.
		 */
		if (seconds <= 0 || seconds % DAY_S != 0)
			return E_RANGE;
		date_of_days(seconds / DAY_S, &year, &month, &day);
		if (day != 1)
			return E_RANGE;
		us = seconds * CLOCK_S - 1;
	}
	if (us < 0 || us > CLOCK_MAX_US)
		return E_RANGE;
	*time_us = us;
	return 0;
}

const char *clock_format(int64_t time_us, char text[CLOCK_TEXT_MAX])
{
	int64_t us = time_us < 0 ? 0 : time_us > CLOCK_MAX_US ? CLOCK_MAX_US : time_us;
	int64_t seconds = us / CLOCK_S;
	int in_day = (int)(seconds % DAY_S), fraction = (int)(us % CLOCK_S);
	int year, month, day, len;

	date_of_days(seconds / DAY_S, &year, &month, &day);
	len = snprintf(text, CLOCK_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
		       in_day / 3600, in_day / 60 % 60, in_day % 60);
	if (fraction)
		len += snprintf(text + len, (size_t)(CLOCK_TEXT_MAX - len), ".%06d", fraction);
	assert(len < CLOCK_TEXT_MAX - 1);
	text[len] = 'Z';
	text[len + 1] = '\0';
	return text;
}
