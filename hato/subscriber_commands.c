/* hato subscriber add|show|list|remove */
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

static const char *const columns[] = {"msisdn", "imsi", "addresses", "sim_key", NULL};

static void show(const struct command_line *line, json_t *answer)
{
	if (line->json) {
		json_print(answer);
	} else if (json_is_array(answer)) {
		table_print(answer, columns);
	} else {
		json_t *rows = json_pack("[O]", answer);
		table_print(rows, columns);
		json_decref(rows);
	}
	json_decref(answer);
}

int command_subscriber_add(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *body = json_object(), *addresses = json_array(), *answer;

	for (size_t i = 0; i < line->address_count; i++)
		json_array_append_new(addresses, json_string(line->addresses[i]));
	json_object_set_new(body, "addresses", addresses);
	if (line->imsi)
		json_object_set_new(body, "imsi", json_string(line->imsi));
	if (line->k)
		json_object_set_new(body, "k", json_string(line->k));
	if (line->opc)
		json_object_set_new(body, "opc", json_string(line->opc));
	char *target = api_target(line, "/v1/subscribers/%s", url_escape(line->args[0], escaped));
	int status = api_call(line, "PUT", target, body, &answer);
	if (!status)
		show(line, answer);
	json_decref(body);
	free(target);
	return status;
}

int command_subscriber_show(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;
	char *target = api_target(line, "/v1/subscribers/%s", url_escape(line->args[0], escaped));
	int status = api_call(line, "GET", target, NULL, &answer);

	if (!status)
		show(line, answer);
	free(target);
	return status;
}

/* Page by page, so that a million subscribers cost neither side much memory at a time. */
int command_subscriber_list(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	char after[64] = "";
	json_t *all = json_array();
	int status;

	for (;;) {
		json_t *page;
		char *target = api_target(line, "/v1/subscribers?limit=1000&after=%s",
					  url_escape(after, escaped));
		status = api_call(line, "GET", target, NULL, &page);
		free(target);
		if (status)
			break;
		size_t n = json_array_size(page);
		const char *last = n ? json_string_value(json_object_get(
					       json_array_get(page, n - 1), "msisdn"))
				     : NULL;
		if (last)
			snprintf(after, sizeof after, "%s", last);
		json_array_extend(all, page);
		json_decref(page);
		if (n < 1000 || !last)
			break;
	}
	if (status)
		json_decref(all);
	else
		show(line, all);
	return status;
}

int command_subscriber_remove(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;
	char *target = api_target(line, "/v1/subscribers/%s", url_escape(line->args[0], escaped));
	int status = api_call(line, "DELETE", target, NULL, &answer);

	if (!status && !line->json)
		printf("%s is removed; its mail is deleted, its number and addresses stay unused\n",
		       line->args[0]);
	json_decref(answer);
	free(target);
	return status;
}
