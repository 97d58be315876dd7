#include "lib/wire/smpp/time.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/civil.h"

#define DAY_S     INT64_C(86400)
#define SECOND_US INT64_C(1000000)
#define QUARTER_S INT64_C(900)
#define FIRST_S   INT64_C(946684800)  /* 2000-01-01 */
#define END_S     INT64_C(4102444800) /* 2100-01-01 */

#define QUARTERS_MAX 48

static int64_t floor_divide(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int smpp_time_digits(int64_t s, char out[13])
{
	struct civil c;

	if (s < FIRST_S || s >= END_S)
		return E_RANGE;
	civil_of_seconds(s, &c);
	snprintf(out, 13, "%02u%02u%02u%02u%02u%02u", (unsigned)(c.year % 100), c.month % 100,
		 c.day % 100, c.hour % 100, c.minute % 100, c.second % 100);
	return 0;
}

int smpp_time_of_digits(const char *digits, size_t count, int64_t *s)
{
	unsigned f[6] = {0};
	struct civil c;

	if (count != 10 && count != 12)
		return E_SYNTAX;
	for (size_t i = 0; i < count; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return E_SYNTAX;
		f[i / 2] = f[i / 2] * 10 + (unsigned)(digits[i] - '0');
	}
	c = (struct civil){2000 + f[0], f[1], f[2], f[3], f[4], f[5]};
	if (!civil_is_valid(&c))
		return E_RANGE;
	*s = civil_seconds(&c);
	return 0;
}

static unsigned two_digits(const char *text)
{
	return (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
}

/* Counted on from now_us: months by the calendar, the rest as seconds. */
static int64_t relative(const char *text, int64_t now_us)
{
	int64_t now_s = floor_divide(now_us, SECOND_US);
	unsigned months = two_digits(text + 2);
	struct civil c;

	civil_of_seconds(now_s, &c);
	months += c.month - 1;
	c.year += two_digits(text) + months / 12;
	c.month = months % 12 + 1;
	if (c.day > civil_month_days(c.year, c.month))
		c.day = civil_month_days(c.year, c.month);
	return (civil_seconds(&c) + two_digits(text + 4) * DAY_S + two_digits(text + 6) * 3600 +
		two_digits(text + 8) * 60 + two_digits(text + 10) - now_s) *
		       SECOND_US +
	       now_us;
}

int smpp_time_parse(const char *text, int64_t now_us, int64_t *at_us)
{
	int64_t s, ahead_s;
	int err;

	if (strnlen(text, SMPP_TIME_LEN + 1) != SMPP_TIME_LEN || strspn(text, "0123456789") != 15 ||
	    !strchr("+-R", text[15]))
		return E_SYNTAX;
	if (text[15] == 'R') {
		*at_us = relative(text, now_us);
		return 0;
	}
	ahead_s = two_digits(text + 13) * QUARTER_S;
	if (ahead_s > QUARTERS_MAX * QUARTER_S)
		return E_RANGE;
	err = smpp_time_of_digits(text, 12, &s);
	if (err)
		return err;
	s -= text[15] == '+' ? ahead_s : -ahead_s;
	*at_us = s * SECOND_US + (text[12] - '0') * (SECOND_US / 10);
	return 0;
}

int smpp_time_absolute(int64_t at_us, int quarters, char out[SMPP_TIME_LEN + 1])
{
	char digits[13];

	if (quarters < -QUARTERS_MAX || quarters > QUARTERS_MAX ||
	    smpp_time_digits(floor_divide(at_us, SECOND_US) + quarters * QUARTER_S, digits))
		return E_RANGE;
	snprintf(out, SMPP_TIME_LEN + 1, "%s0%02u%c", digits,
		 (unsigned)(quarters < 0 ? -quarters : quarters) % 100, quarters < 0 ? '-' : '+');
	return 0;
}

int smpp_time_relative(int64_t seconds, char out[SMPP_TIME_LEN + 1])
{
	if (seconds < 0 || seconds > SMPP_TIME_RELATIVE_MAX_S)
		return E_RANGE;
	snprintf(out, SMPP_TIME_LEN + 1, "0000%02u%02u%02u%02u000R",
		 (unsigned)(seconds / DAY_S) % 100, (unsigned)(seconds / 3600 % 24),
		 (unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
	return 0;
}
