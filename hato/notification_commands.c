/* hato notification show|set|reset: docs/sms.md, "What a subscriber may choose" */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

static char *target_of(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];

	return api_target(line, "/v1/subscribers/%s/notification",
			  url_escape(line->args[0], escaped));
}

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

static void show(const struct command_line *line, json_t *answer)
{
	static const char *const columns[] = {"mode",         "quiet",        "replace", "sender",
					      "udp_per_hour", "sms_per_hour", "default", NULL};

	if (line->json) {
		json_print(answer);
		return;
	}
	flatten(answer);
	json_t *rows = json_pack("[O]", answer);
	table_print(rows, columns);
	json_decref(rows);
}

static int ask(const struct command_line *line, const char *method, const json_t *body)
{
	json_t *answer = NULL;
	char *target = target_of(line);
	int status = api_call(line, method, target, body, &answer);

	if (!status && answer)
		show(line, answer);
	json_decref(answer);
	free(target);
	return status;
}

int command_notification_show(const struct command_line *line)
{
	return ask(line, "GET", NULL);
}

int command_notification_reset(const struct command_line *line)
{
	int status = ask(line, "DELETE", NULL);

	if (!status && !line->json)
		printf("%s is told as everybody who chose nothing\n", line->args[0]);
	return status;
}

/* ---- NAME=VALUE ---- */

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
static bool set_quiet(json_t *body, const char *value)
{
	const char *dash = strchr(value, '-');

	if (!dash)
		return false;
	json_object_set_new(quiet_of(body), "from", json_stringn(value, (size_t)(dash - value)));
	json_object_set_new(quiet_of(body), "to", json_string(dash + 1));
	return true;
}

static bool set_zone(json_t *body, const char *value)
{
	return json_object_set_new(quiet_of(body), "zone", json_string(value)) == 0;
}

static bool set_udp(json_t *body, const char *value)
{
	return json_object_set_new(quiet_of(body), "udp", json_string(value)) == 0;
}

static bool set_flag(json_t *body, const char *name, const char *value)
{
	bool is_yes = !strcmp(value, "yes");

	return (is_yes || !strcmp(value, "no")) &&
	       json_object_set_new(body, name, json_boolean(is_yes)) == 0;
}

static bool set_replace(json_t *body, const char *value)
{
	return set_flag(body, "replace", value);
}

static bool set_sender(json_t *body, const char *value)
{
	return set_flag(body, "sender", value);
}

static bool set_rate(json_t *body, const char *name, const char *value)
{
	char *end;
	long long n = strtoll(value, &end, 10);

	return *value && !*end && json_object_set_new(body, name, json_integer(n)) == 0;
}

static bool set_udp_rate(json_t *body, const char *value)
{
	return set_rate(body, "udp_per_hour", value);
}

static bool set_sms_rate(json_t *body, const char *value)
{
	return set_rate(body, "sms_per_hour", value);
}

static const struct {
	const char *name;
	bool (*set)(json_t *body, const char *value);
} members[] = {
	{"quiet=", set_quiet},           {"zone=", set_zone},     {"udp=", set_udp},
	{"replace=", set_replace},       {"sender=", set_sender}, {"udp_per_hour=", set_udp_rate},
	{"sms_per_hour=", set_sms_rate},
};

#define MEMBERS (sizeof members / sizeof members[0])

static bool set_member(json_t *body, const char *word)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		size_t len = strlen(members[i].name);

		if (!strncmp(word, members[i].name, len))
			return members[i].set(body, word + len);
	}
	return false;
}

int command_notification_set(const struct command_line *line)
{
	json_t *body = json_object();
	int status = 0;

	json_object_set_new(body, "mode", json_string(line->args[1]));
	for (size_t i = 2; !status && i < line->arg_count; i++)
		if (!set_member(body, line->args[i]))
			status = command_fail("what is %s? quiet=22:00-07:00 zone=Asia/Tokyo "
					      "udp=wait|go replace=yes|no sender=yes|no "
					      "udp_per_hour=N sms_per_hour=N",
					      line->args[i]);
	if (!status)
		status = ask(line, "PUT", body);
	json_decref(body);
	return status;
}
