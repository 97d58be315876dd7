/* hato device add|remove|list */
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

#define PAGE 1000

static char *device_target(const struct command_line *line)
{
	char kind[URL_ESCAPED_MAX], value[URL_ESCAPED_MAX];

	return api_target(line, "/v1/devices/%s/%s", url_escape(line->args[0], kind),
			  url_escape(line->args[1], value));
}

static void show(const struct command_line *line, json_t *rows)
{
	static const char *const columns[] = {"kind", "value", "msisdn", NULL};

	if (line->json)
		json_print(rows);
	else
		table_print(rows, columns);
}

int command_device_add(const struct command_line *line)
{
	json_t *body = json_pack("{s:s}", "msisdn", line->args[2]), *answer;
	char *target = device_target(line);
	int status = body ? api_call(line, "PUT", target, body, &answer)
			  : command_fail("MSISDN is no text");

	if (!status) {
		json_t *rows = json_pack("[o]", answer);
		show(line, line->json ? json_array_get(rows, 0) : rows);
		json_decref(rows);
	}
	json_decref(body);
	free(target);
	return status;
}

int command_device_remove(const struct command_line *line)
{
	json_t *answer;
	char *target = device_target(line);
	int status = api_call(line, "DELETE", target, NULL, &answer);

	if (!status && !line->json)
		printf("%s %s is nobody's\n", line->args[0], line->args[1]);
	if (!status)
		json_decref(answer);
	free(target);
	return status;
}

/* The target of the page after the last row of `all`. */
static char *page_target(const struct command_line *line, const json_t *all)
{
	char after[URL_ESCAPED_MAX] = "";
	size_t n = json_array_size(all);
	const json_t *last = n ? json_array_get(all, n - 1) : NULL;
	const char *kind = json_string_value(json_object_get(last, "kind"));
	const char *value = json_string_value(json_object_get(last, "value"));

	if (!kind || !value)
		return api_target(line, "/v1/devices?limit=%d", PAGE);
	return api_target(line, "/v1/devices?limit=%d&after=%s/%s", PAGE, kind,
			  url_escape(value, after));
}

int command_device_list(const struct command_line *line)
{
	json_t *all = json_array();
	size_t n;
	int status;

	do {
		json_t *page;
		char *target = page_target(line, all);
		status = api_call(line, "GET", target, NULL, &page);
		free(target);
		if (status)
			break;
		n = json_array_size(page);
		json_array_extend(all, page);
		json_decref(page);
	} while (n == PAGE);
	if (!status)
		show(line, all);
	json_decref(all);
	return status;
}
