/* hato freeze, hato thaw, hato breaker, hato report misbinding: docs/containment.md */
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

static const char *const freeze_columns[] = {"id",     "kind",   "msisdn", "nas_id",
					     "prefix", "reason", "since",  NULL};

static const char *const breaker_columns[] = {"pool", "kind", "since",     "attempts",
					      "hard", "bare", "waits_for", NULL};

static const char *const step_columns[] = {"time",   "event", "kind",     "msisdn", "nas_id",
					   "prefix", "by",    "evidence", NULL};
static const char *const misbinding_columns[] = {"when",       "what", "msisdn", "ip",
						 "generation", "uids", "why",    NULL};

/* A word behind a command: an option that was not said is left out. */
static void set_text(json_t *body, const char *name, const char *value)
{
	if (value)
		json_object_set_new(body, name, json_string(value));
}

int command_freeze(const struct command_line *line)
{
	static const char *const members[][2] = {
		{"subscriber", "msisdn"}, {"nas", "nas_id"}, {"prefix", "prefix"}};
	json_t *answer = NULL, *body = json_object();
	char *target = api_target(line, "/v1/freezes");
	int status = -1;

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (!strcmp(line->args[0], members[i][0])) {
			set_text(body, members[i][1], line->args[1]);
			status = 0;
		}
	set_text(body, "reason", line->reason);
	set_text(body, "mail", line->mail);
	if (status)
		status = command_fail("freeze what? subscriber, nas or prefix");
	else
		status = api_call(line, "POST", target, body, &answer);
	if (!status && line->json)
		json_print(answer);
	else if (!status)
		printf("frozen as %lld: %s %s; 'hato thaw %lld' ends it\n",
		       (long long)json_integer_value(json_object_get(answer, "id")), line->args[0],
		       line->args[1], (long long)json_integer_value(json_object_get(answer, "id")));
	json_decref(answer);
	json_decref(body);
	free(target);
	return status;
}

/* All pages of a list whose rows have an `id`. */
static int list_all(const struct command_line *line, const char *path, json_t **out)
{
	json_t *all = json_array(), *page = NULL;
	long long after = 0;
	int status;

	do {
		char *target = api_target(line, "%s?limit=1000&after=%lld", path, after);
		json_decref(page);
		page = NULL;
		status = api_call(line, "GET", target, NULL, &page);
		free(target);
		if (status)
			break;
		json_array_extend(all, page);
		size_t n = json_array_size(page);
		if (n)
			after = (long long)json_integer_value(
				json_object_get(json_array_get(page, n - 1), "id"));
	} while (json_array_size(page) == 1000);
	json_decref(page);
	*out = all;
	return status;
}

static int show_all(const struct command_line *line, const char *path, const char *const *columns)
{
	json_t *all;
	int status = list_all(line, path, &all);

	if (!status && line->json)
		json_print(all);
	else if (!status)
		table_print(all, columns);
	json_decref(all);
	return status;
}

int command_freeze_list(const struct command_line *line)
{
	return show_all(line, "/v1/freezes", freeze_columns);
}

int command_breaker_list(const struct command_line *line)
{
	return show_all(line, "/v1/breakers", breaker_columns);
}

int command_breaker_release(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;
	char *target =
		api_target(line, "/v1/breakers/%s/release", url_escape(line->args[0], escaped));
	int status = api_call(line, "POST", target, NULL, &answer);

	if (!status && line->json)
		json_print(answer);
	else if (!status)
		printf("%s is released: bare words are believed there again, and counted anew\n",
		       line->args[0]);
	json_decref(answer);
	free(target);
	return status;
}

int command_thaw(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;
	char *target = api_target(line, "/v1/freezes/%s", url_escape(line->args[0], escaped));
	int status = api_call(line, "DELETE", target, NULL, &answer);

	if (!status && !line->json)
		printf("%s is thawed\n", line->args[0]);
	json_decref(answer);
	free(target);
	return status;
}

int command_containment(const struct command_line *line)
{
	json_t *rows = NULL;
	char *target = api_target(line, "/v1/containment?limit=1000");
	int status = api_call(line, "GET", target, NULL, &rows);

	if (!status && line->json)
		json_print(rows);
	else if (!status)
		table_print(rows, step_columns);
	json_decref(rows);
	free(target);
	return status;
}

/* Its pages, one after the other: the answer's `next` is where the following one begins. */
int command_report_misbinding(const struct command_line *line)
{
	char since[URL_ESCAPED_MAX], until[URL_ESCAPED_MAX] = "", place[64] = "";
	json_t *all = json_array(), *page = NULL;
	int status = line->since ? 0 : command_fail("since when? --since TIME (RFC 3339)");

	if (!status)
		url_escape(line->since, since);
	if (line->until)
		url_escape(line->until, until);
	do {
		if (status)
			break;
		char *target = api_target(
			line, "/v1/reports/misbinding?limit=1000&since=%s&until=%s&after=%s", since,
			until, place);
		json_decref(page);
		page = NULL;
		status = api_call(line, "GET", target, NULL, &page);
		free(target);
		json_array_extend(all, json_object_get(page, "accesses"));
		const char *next = json_string_value(json_object_get(page, "next"));
		snprintf(place, sizeof place, "%s", next ? next : "");
	} while (*place);
	if (!status && line->json)
		json_print(all);
	else if (!status)
		table_print(all, misbinding_columns);
	json_decref(page);
	json_decref(all);
	return status;
}
