#include "authsrv/notification_json.h"

#include <stdio.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "lib/err.h"
#include "lib/zone_file.h"

#define CLOCK_TEXT 6 /* "22:00" and NUL */

/* False: a member that has no meaning there. */
static bool knows_all(const json_t *object, const char *const *names)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value)
	{
		size_t i = 0;

		while (names[i] && strcmp(names[i], key) != 0)
			i++;
		if (!names[i])
			return false;
	}
	return true;
}

/* What is absent leaves *out. */
static bool read_flag(const json_t *body, const char *name, bool *out)
{
	const json_t *value = json_object_get(body, name);

	if (!value || json_is_null(value))
		return true;
	*out = json_is_true(value);
	return json_is_boolean(value);
}

/* "22:00": two digits each, so that 7:00 and 07:0 are not guessed at. */
static bool read_clock(const json_t *quiet, const char *name, uint16_t *minutes)
{
	char text[CLOCK_TEXT];
	unsigned hour, minute;

	if (field_text(quiet, name, text, sizeof text) != FIELD_GOOD || strlen(text) != 5 ||
	    strspn(text, "0123456789") != 2 || text[2] != ':' ||
	    strspn(text + 3, "0123456789") != 2 || sscanf(text, "%2u:%2u", &hour, &minute) != 2 ||
	    hour > 23 || minute > 59)
		return false;
	*minutes = (uint16_t)(hour * 60 + minute);
	return true;
}

static const char *read_zone(const json_t *quiet, struct notify_quiet *q)
{
	if (field_text(quiet, "zone", q->zone, sizeof q->zone) != FIELD_GOOD)
		return "quiet.zone is missing, or no text of up to 63 octets";
	switch (zone_file_rule(q->zone, q->rule_text)) {
	case 0:
		return zone_parse(q->rule_text, &q->rule) ? "quiet.zone has no rule" : NULL;
	case E_NOT_FOUND:
		return "quiet.zone is not known here: a name like Asia/Tokyo, an offset like "
		       "+09:00";
	default:
		return "quiet.zone is no zone: a name like Asia/Tokyo, an offset like +09:00, or Z";
	}
}

static const char *read_quiet(const json_t *body, struct notify_quiet *q)
{
	static const char *const names[] = {"from", "to", "zone", "udp", NULL};
	const json_t *quiet = json_object_get(body, "quiet");
	char udp[8] = "wait";

	if (!quiet || json_is_null(quiet))
		return NULL;
	if (!json_is_object(quiet))
		return "quiet is an object with from, to and zone";
	if (!knows_all(quiet, names))
		return "quiet has members from, to, zone and udp, and no other";
	if (!read_clock(quiet, "from", &q->from_min))
		return "quiet.from is no time of day like 22:00";
	if (!read_clock(quiet, "to", &q->to_min))
		return "quiet.to is no time of day like 07:00";
	if (q->from_min == q->to_min)
		return "quiet.from and quiet.to are the same: for never, mode is off";
	if (field_text(quiet, "udp", udp, sizeof udp) == FIELD_BAD ||
	    (strcmp(udp, "wait") != 0 && strcmp(udp, "go") != 0))
		return "quiet.udp is wait or go";
	q->lets_udp_through = !strcmp(udp, "go");
	return read_zone(quiet, q);
}

static bool read_rate(const json_t *body, const char *name, int32_t *out)
{
	int64_t value = NOTIFY_RATE_DEFAULT;

	if (field_whole(body, name, 0, NOTIFY_PER_HOUR_MAX, &value) == FIELD_BAD)
		return false;
	*out = (int32_t)value;
	return true;
}

static const char *read_members(const json_t *body, struct notification *n)
{
	char mode[8] = "";
	bool shows_sender = true;

	if (field_text(body, "mode", mode, sizeof mode) != FIELD_GOOD ||
	    notify_mode_parse(mode, &n->mode))
		return "mode is push, text or off";
	if (!read_flag(body, "replace", &n->replaces))
		return "replace is true or false";
	if (!read_flag(body, "sender", &shows_sender))
		return "sender is true or false";
	n->hides_sender = !shows_sender;
	if (!read_rate(body, "udp_per_hour", &n->udp_per_hour))
		return "udp_per_hour is 0 to 3600";
	if (!read_rate(body, "sms_per_hour", &n->sms_per_hour))
		return "sms_per_hour is 0 to 3600";
	return read_quiet(body, &n->quiet);
}

const char *notification_json_read(const json_t *body, struct notification *out)
{
	static const char *const names[] = {"mode",         "replace",      "sender", "quiet",
					    "udp_per_hour", "sms_per_hour", NULL};
	struct notification n = notify_default();

	if (!json_is_object(body))
		return "a notification is an object";
	if (!knows_all(body, names))
		return "a member is none of mode, replace, sender, quiet, udp_per_hour, "
		       "sms_per_hour";
	const char *wrong = read_members(body, &n);
	if (!wrong)
		*out = n;
	return wrong;
}

static json_t *write_quiet(const struct notify_quiet *q)
{
	char from[16], to[16];

	if (q->from_min == q->to_min)
		return json_null();
	snprintf(from, sizeof from, "%02u:%02u", q->from_min / 60u, q->from_min % 60u);
	snprintf(to, sizeof to, "%02u:%02u", q->to_min / 60u, q->to_min % 60u);
	return json_pack("{s:s, s:s, s:s, s:s}", "from", from, "to", to, "zone", q->zone, "udp",
			 q->lets_udp_through ? "go" : "wait");
}

static json_t *write_rate(int32_t per_hour)
{
	return per_hour == NOTIFY_RATE_DEFAULT ? json_null() : json_integer(per_hour);
}

json_t *notification_json_write(const struct notification *n, bool is_own)
{
	return json_pack("{s:s, s:b, s:b, s:o, s:o, s:o, s:b}", "mode", notify_mode_name(n->mode),
			 "replace", (int)n->replaces, "sender", (int)!n->hides_sender, "quiet",
			 write_quiet(&n->quiet), "udp_per_hour", write_rate(n->udp_per_hour),
			 "sms_per_hour", write_rate(n->sms_per_hour), "default", (int)!is_own);
}
