#include "lib/wire/sms/time.h"

#include <string.h>
#include <time.h>

#include "lib/err.h"

#define QUARTER_S 900
#define ZONE_SIGN 0x08 /* of the zone's octet: negative */
#define FIELDS    6    /* year to second */

/* Enhanced validity, TS 23.040 9.2.3.12.3: its first octet. */
#define ENHANCED_MORE        0x80 /* another octet of functions: reserved */
#define ENHANCED_SINGLE_SHOT 0x40
#define ENHANCED_FORM        0x07

enum enhanced_form {
	ENHANCED_NONE = 0,
	ENHANCED_STEPS = 1,
	ENHANCED_SECONDS = 2,
	ENHANCED_DIGITS = 3
};

static uint8_t swapped(int value)
{
	return (uint8_t)(value % 10 << 4 | value / 10);
}

/* A half octet that is no digit counts as 0, says TS 23.040 9.2.3.11. */
static int digits_of(uint8_t octet)
{
	int tens = octet & 0x0f, ones = octet >> 4;

	return (tens > 9 ? 0 : tens) * 10 + (ones > 9 ? 0 : ones);
}

int sms_time_put(struct octets_writer *w, const struct sms_time *time)
{
	static const uint8_t unknown[SMS_TIME_LEN];
	int zone = time->zone_quarters, distance = zone < 0 ? -zone : zone;
	time_t local;
	struct tm tm;

	if (!time->is_known) {
		octets_put(w, unknown, sizeof unknown);
		return w->is_full ? E_TOO_LARGE : 0;
	}
	if (time->time_s < 0 || time->time_s > SMS_TIME_MOST_S + 86400 || distance > SMS_ZONE_MAX)
		return E_RANGE;
	local = (time_t)(time->time_s + (int64_t)zone * QUARTER_S);
	if (local < SMS_TIME_LEAST_S || local > SMS_TIME_MOST_S)
		return E_RANGE;
	gmtime_r(&local, &tm);
	octets_put_u8(w, swapped(tm.tm_year - 100));
	octets_put_u8(w, swapped(tm.tm_mon + 1));
	octets_put_u8(w, swapped(tm.tm_mday));
	octets_put_u8(w, swapped(tm.tm_hour));
	octets_put_u8(w, swapped(tm.tm_min));
	octets_put_u8(w, swapped(tm.tm_sec));
	octets_put_u8(w, (uint8_t)(swapped(distance) | (zone < 0 ? ZONE_SIGN : 0)));
	return w->is_full ? E_TOO_LARGE : 0;
}

/* Is it a day of the calendar? timegm() would carry a 31 February over into March. */
static bool is_time(const struct tm *tm)
{
	struct tm same = *tm;

	(void)timegm(&same);
	return same.tm_mon == tm->tm_mon && same.tm_mday == tm->tm_mday &&
	       same.tm_hour == tm->tm_hour && same.tm_min == tm->tm_min &&
	       same.tm_sec == tm->tm_sec;
}

int sms_time_take(struct octets_reader *r, struct sms_time *out)
{
	const uint8_t *at;
	struct tm tm = {0};

	if (!octets_take(r, SMS_TIME_LEN, &at))
		return E_SYNTAX;
	*out = (struct sms_time){0};
	tm.tm_year = digits_of(at[0]) + 100;
	tm.tm_mon = digits_of(at[1]) - 1;
	tm.tm_mday = digits_of(at[2]);
	tm.tm_hour = digits_of(at[3]);
	tm.tm_min = digits_of(at[4]);
	tm.tm_sec = digits_of(at[5]);
	if (!is_time(&tm))
		return 0;
	int zone = digits_of(at[FIELDS] & (uint8_t)~ZONE_SIGN);
	if (at[FIELDS] & ZONE_SIGN)
		zone = -zone;
	out->is_known = true;
	out->zone_quarters = (int8_t)zone;
	out->time_s = (int64_t)timegm(&tm) - (int64_t)zone * QUARTER_S;
	return 0;
}

/* The steps of a relative period: up to `last`, each step_s long, the first value's period. */
static const struct {
	uint8_t first, last;
	uint32_t base_s, step_s; /* of value v: base_s + (v - first) * step_s */
} steps[] = {
	{0, 143, 300, 300},
	{144, 167, 12 * 3600 + 1800, 1800},
	{168, 196, 2 * 86400, 86400},
	{197, 255, 5 * 604800, 604800},
};

#define STEPS (sizeof steps / sizeof steps[0])

static uint32_t steps_seconds(uint8_t value)
{
	size_t i = 0;

	while (value > steps[i].last)
		i++;
	return steps[i].base_s + (uint32_t)(value - steps[i].first) * steps[i].step_s;
}

static int put_steps(struct octets_writer *w, uint32_t period_s)
{
	size_t i = 0;

	if (period_s == 0 || period_s > SMS_VALIDITY_MAX_S)
		return E_RANGE;
	while (period_s > steps_seconds(steps[i].last))
		i++;
	uint32_t over = period_s > steps[i].base_s ? period_s - steps[i].base_s : 0;
	octets_put_u8(w,
		      (uint8_t)(steps[i].first + (over + steps[i].step_s - 1) / steps[i].step_s));
	return 0;
}

/* The shortest exact form there is: seconds, digits; else steps, rounded up. */
static int put_enhanced(struct octets_writer *w, const struct sms_validity *v)
{
	uint8_t field[SMS_TIME_LEN] = {v->is_single_shot ? ENHANCED_SINGLE_SHOT : 0};
	struct octets_writer steps_at = {.at = field + 1, .room = 1};
	int err = 0;

	if (v->has_period && v->period_s == 0)
		return E_RANGE;
	if (v->has_period && v->period_s <= UINT8_MAX) {
		field[0] |= ENHANCED_SECONDS;
		field[1] = (uint8_t)v->period_s;
	} else if (v->has_period && v->period_s <= SMS_VALIDITY_DIGITS_S) {
		field[0] |= ENHANCED_DIGITS;
		field[1] = swapped((int)(v->period_s / 3600));
		field[2] = swapped((int)(v->period_s / 60 % 60));
		field[3] = swapped((int)(v->period_s % 60));
	} else if (v->has_period) {
		field[0] |= ENHANCED_STEPS;
		err = put_steps(&steps_at, v->period_s);
	}
	if (!err)
		octets_put(w, field, sizeof field);
	return err;
}

int sms_validity_put(struct octets_writer *w, const struct sms_validity *validity)
{
	int err = 0;

	switch (validity->form) {
	case SMS_VALIDITY_NONE:
		break;
	case SMS_VALIDITY_RELATIVE:
		err = put_steps(w, validity->period_s);
		break;
	case SMS_VALIDITY_ABSOLUTE:
		err = validity->until.is_known ? sms_time_put(w, &validity->until) : E_RANGE;
		break;
	case SMS_VALIDITY_ENHANCED:
		err = put_enhanced(w, validity);
		break;
	}
	return err ? err : w->is_full ? E_TOO_LARGE : 0;
}

static bool is_digits(uint8_t octet)
{
	return (octet & 0x0f) <= 9 && octet >> 4 <= 9;
}

static int take_enhanced(const uint8_t field[SMS_TIME_LEN], struct sms_validity *v)
{
	if (field[0] & ENHANCED_MORE)
		return E_SYNTAX;
	v->is_single_shot = field[0] & ENHANCED_SINGLE_SHOT;
	v->has_period = true;
	switch (field[0] & ENHANCED_FORM) {
	case ENHANCED_NONE:
		v->has_period = false;
		return 0;
	case ENHANCED_STEPS:
		v->period_s = steps_seconds(field[1]);
		return 0;
	case ENHANCED_SECONDS:
		v->period_s = field[1];
		break;
	case ENHANCED_DIGITS:
		for (size_t i = 1; i <= 3; i++) {
			if (!is_digits(field[i]))
				return E_SYNTAX;
			v->period_s = v->period_s * 60 + (uint32_t)digits_of(field[i]);
		}
		break;
	default:
		return E_SYNTAX;
	}
	return v->period_s > 0 ? 0 : E_SYNTAX;
}

int sms_validity_take(struct octets_reader *r, enum sms_validity_form form,
		      struct sms_validity *out)
{
	struct sms_validity v = {.form = form};
	const uint8_t *at;
	uint8_t value;
	int err = 0;

	switch (form) {
	case SMS_VALIDITY_NONE:
		break;
	case SMS_VALIDITY_RELATIVE:
		if (!octets_take_u8(r, &value))
			return E_SYNTAX;
		v.period_s = steps_seconds(value);
		break;
	case SMS_VALIDITY_ABSOLUTE:
		err = sms_time_take(r, &v.until);
		if (!err && !v.until.is_known)
			err = E_SYNTAX;
		break;
	case SMS_VALIDITY_ENHANCED:
		err = octets_take(r, SMS_TIME_LEN, &at) ? take_enhanced(at, &v) : E_SYNTAX;
		break;
	}
	if (!err)
		*out = v;
	return err;
}
