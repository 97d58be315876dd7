/* hato notification show|set|reset: docs/sms.md, "What a subscriber may choose" */
#include <stdio.h>
#include <string.h>

#include "hato/choices.h"

/* The quiet hours of a row on one line. */
static void flatten(json_t *row)
{
	const json_t *quiet = json_object_get(row, "quiet");
	char text[160];

	if (!json_is_object(quiet))
		return;
	snprintf(text, sizeof text, "%s-%s %s%s", json_string_value(json_object_get(quiet, "from")),
		 json_string_value(json_object_get(quiet, "to")),
		 json_string_value(json_object_get(quiet, "zone")),
		 strcmp(json_string_value(json_object_get(quiet, "udp")), "go") ? "" : " udp=go");
	json_object_set_new(row, "quiet", json_string(text));
}

static void print(json_t *answer)
{
	static const char *const columns[] = {"mode",         "quiet",        "replace", "sender",
					      "udp_per_hour", "sms_per_hour", "default", NULL};

	flatten(answer);
	json_t *rows = json_pack("[O]", answer);
	table_print(rows, columns);
	json_decref(rows);
}

/* ---- the members of `quiet` ---- */

static json_t *quiet_of(json_t *body)
{
	json_t *quiet = json_object_get(body, "quiet");

	if (!quiet) {
		quiet = json_object();
		json_object_set_new(body, "quiet", quiet);
	}
	return quiet;
}

/* 22:00-07:00 */
static bool set_hours(json_t *body, const char *name, const char *value)
{
	const char *dash = strchr(value, '-');

	(void)name;
	if (!dash)
		return false;
	json_object_set_new(quiet_of(body), "from", json_stringn(value, (size_t)(dash - value)));
	return choice_text(quiet_of(body), "to", dash + 1);
}

static bool set_of_quiet(json_t *body, const char *name, const char *value)
{
	return choice_text(quiet_of(body), name, value);
}

static const struct choice members[] = {
	{"quiet", set_hours},
	{"zone", set_of_quiet},
	{"udp", set_of_quiet},
	{"replace", choice_flag},
	{"sender", choice_flag},
	{"udp_per_hour", choice_number},
	{"sms_per_hour", choice_number},
	{NULL, NULL},
};

static const struct choices notification = {
	.resource = "notification",
	.print = print,
	.reset = "is told as everybody who chose nothing",
	.usage = "quiet=22:00-07:00 zone=Asia/Tokyo udp=wait|go replace=yes|no sender=yes|no "
		 "udp_per_hour=N sms_per_hour=N",
	.members = members,
};

int command_notification_show(const struct command_line *line)
{
	return choices_show(&notification, line);
}

int command_notification_reset(const struct command_line *line)
{
	return choices_reset(&notification, line);
}

int command_notification_set(const struct command_line *line)
{
	json_t *body = json_object();

	choice_text(body, "mode", line->args[1]);
	return choices_set(&notification, line, 2, body);
}
