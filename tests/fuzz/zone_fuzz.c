/* Eight octets of time, then any text as the rule of a zone. What is taken has a clock: it shows
 * one of two offsets, and the next change is after now and soon. Of a rule whose changes keep well
 * apart, and off the year's ends, nothing changes before that. */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/zone.h"

#define YEAR_S  (366 * INT64_C(86400))
#define TIME_S  (INT64_C(253402300800)) /* of the year 10000 */
#define EAST_S  (25 * 3600)             /* 24:59:59, as POSIX has it */
#define RULE_AT sizeof(uint64_t)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool is_between(const struct zone_change *c)
{
	return c->kind == ZONE_DAY_OF_MONTH && c->month > 1 && c->month < 12;
}

static bool is_ordinary(const struct zone *z)
{
	return is_between(&z->to_summer) && is_between(&z->to_standard) &&
	       abs(z->to_summer.month - z->to_standard.month) > 2;
}

static void check_clock(const struct zone *z, int64_t at)
{
	int32_t offset_s = zone_offset_s(z, at);
	int64_t next = zone_next_change(z, at);

	must(offset_s == z->standard_s || (z->has_summer && offset_s == z->summer_s));
	must(z->has_summer == (next != INT64_MAX));
	if (!z->has_summer)
		return;
	must(next > at && next - at < 2 * YEAR_S);
	if (!is_ordinary(z))
		return;
	must(zone_offset_s(z, next - 1) == offset_s);
	must(z->standard_s == z->summer_s || zone_offset_s(z, next) != offset_s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct zone z;
	uint64_t at;

	if (size < RULE_AT)
		return 0;
	memcpy(&at, data, sizeof at);
	char *rule = strndup((const char *)data + RULE_AT, size - RULE_AT);
	must(rule != NULL);
	int err = zone_parse(rule, &z);
	must(!err || err == E_SYNTAX);
	must(err || strlen(rule) < ZONE_RULE_MAX);
	free(rule);
	if (err)
		return 0;
	must(abs(z.standard_s) < EAST_S && abs(z.summer_s) < EAST_S + 3600);
	check_clock(&z, (int64_t)(at % TIME_S));
	return 0;
}
