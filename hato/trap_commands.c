/* hato traps list|clear: docs/smtp-checks.md */
#include <stdio.h>
#include <stdlib.h>

#include "hato/command.h"

#define PAGE 1000

static const char *const columns[] = {"client", "hits", "first", "last", "expires", NULL};

static int all(const struct command_line *line, json_t *rows)
{
	char escaped[URL_ESCAPED_MAX], after[64] = "";
	size_t n;

	do {
		json_t *page = NULL;
		char *target = api_target(line, "/v1/trap-clients?limit=%d&after=%s", PAGE,
					  url_escape(after, escaped));
		int status = api_call(line, "GET", target, NULL, &page);
		free(target);
		if (status)
			return status;
		n = json_array_size(page);
		const char *last = n ? json_string_value(json_object_get(
					       json_array_get(page, n - 1), "client"))
				     : NULL;
		snprintf(after, sizeof after, "%s", last ? last : "");
		json_array_extend(rows, page);
		json_decref(page);
	} while (n == PAGE);
	return 0;
}

int command_traps_list(const struct command_line *line)
{
	json_t *rows = json_array();
	int status = all(line, rows);

	if (!status && line->json)
		json_print(rows);
	else if (!status)
		table_print(rows, columns);
	json_decref(rows);
	return status;
}

int command_traps_clear(const struct command_line *line)
{
	char ip[URL_ESCAPED_MAX];
	json_t *answer = NULL;
	char *target = api_target(line, "/v1/trap-clients/%s", url_escape(line->args[0], ip));
	int status = api_call(line, "DELETE", target, NULL, &answer);

	if (!status && !line->json)
		printf("%s is forgotten\n", line->args[0]);
	json_decref(answer);
	free(target);
	return status;
}
