/* hato sim add|remove, hato subscriber sim-change */
#include <stdlib.h>

#include "hato/command.h"

int command_sim_add(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;

	if (!line->k || !line->opc)
		return command_fail("sim add: --k and --opc are needed");
	json_t *body = json_pack("{s:s, s:s}", "k", line->k, "opc", line->opc);
	char *target = api_target(line, "/v1/sims/%s", url_escape(line->args[0], escaped));
	int status = body ? api_call(line, "PUT", target, body, &answer)
			  : command_fail("a key is no text");
	if (!status && !line->json)
		printf("%s waits for its subscriber\n", line->args[0]);
	if (!status)
		json_decref(answer);
	json_decref(body);
	free(target);
	return status;
}

int command_sim_remove(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;
	char *target = api_target(line, "/v1/sims/%s", url_escape(line->args[0], escaped));
	int status = api_call(line, "DELETE", target, NULL, &answer);

	if (!status && !line->json)
		printf("%s is forgotten\n", line->args[0]);
	if (!status)
		json_decref(answer);
	free(target);
	return status;
}

int command_sim_change(const struct command_line *line)
{
	static const char *const columns[] = {"msisdn", "imsi", "until", NULL};
	char escaped[URL_ESCAPED_MAX];
	json_t *answer, *body = json_object();
	char *target = api_target(line, "/v1/subscribers/%s/sim-change",
				  url_escape(line->args[0], escaped));

	if (line->imsi)
		json_object_set_new(body, "imsi", json_string(line->imsi));
	int status = api_call(line, "POST", target, body, &answer);
	if (!status && line->json)
		json_print(answer);
	if (!status) {
		json_t *rows = json_pack("[o]", answer);
		if (!line->json)
			table_print(rows, columns);
		json_decref(rows);
	}
	json_decref(body);
	free(target);
	return status;
}
