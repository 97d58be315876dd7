/* hato binding show|history, hato quarantine list|release */
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

static const char *const binding_columns[] = {"ip",      "port_range", "state",      "msisdn",
					      "imsi",    "generation", "session_id", "started",
					      "expires", NULL};
static const char *const history_columns[] = {"time",    "event",      "port_range", "msisdn",
					      "imsi",    "session_id", "nas_id",     "generation",
					      "outcome", NULL};
static const char *const quarantine_columns[] = {"ip",         "port_range", "reason", "msisdn",
						 "generation", "started",    NULL};

static int ask_and_show(const struct command_line *line, char *target, const char *const *columns)
{
	json_t *answer;
	int status = api_call(line, "GET", target, NULL, &answer);

	free(target);
	if (status)
		return status;
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
	return 0;
}

/* An address has a dot or a colon; anything else is a number: MSISDN. */
int command_binding_show(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	const char *whom = line->args[0];

	if (strpbrk(whom, ".:"))
		return ask_and_show(line,
				    api_target(line, "/v1/bindings/%s", url_escape(whom, escaped)),
				    binding_columns);
	return ask_and_show(line,
			    api_target(line, "/v1/bindings?msisdn=%s", url_escape(whom, escaped)),
			    binding_columns);
}

int command_binding_history(const struct command_line *line)
{
	char ip[URL_ESCAPED_MAX], at[URL_ESCAPED_MAX];

	url_escape(line->args[0], ip);
	if (!line->at)
		return ask_and_show(line, api_target(line, "/v1/bindings/%s/history", ip),
				    history_columns);
	return ask_and_show(
		line,
		api_target(line, "/v1/bindings/%s/history?at=%s", ip, url_escape(line->at, at)),
		history_columns);
}

int command_quarantine_list(const struct command_line *line)
{
	return ask_and_show(line, api_target(line, "/v1/quarantine"), quarantine_columns);
}

int command_quarantine_release(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer;
	char *target =
		api_target(line, "/v1/quarantine/%s/release", url_escape(line->args[0], escaped));
	int status = api_call(line, "POST", target, NULL, &answer);

	if (!status && line->json && answer)
		json_print(answer);
	else if (!status && !line->json)
		printf("%s is released: its holder's tokens are void, he asks for a new one\n",
		       line->args[0]);
	json_decref(answer);
	free(target);
	return status;
}
