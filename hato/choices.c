#include "hato/choices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ask(const struct choices *kind, const struct command_line *line, const char *method,
	       const json_t *body)
{
	char escaped[URL_ESCAPED_MAX];
	json_t *answer = NULL;
	char *target = api_target(line, "/v1/subscribers/%s/%s", url_escape(line->args[0], escaped),
				  kind->resource);
	int status = api_call(line, method, target, body, &answer);

	if (!status && answer) {
		if (line->json)
			json_print(answer);
		else
			kind->print(answer);
	}
	json_decref(answer);
	free(target);
	return status;
}

int choices_show(const struct choices *kind, const struct command_line *line)
{
	return ask(kind, line, "GET", NULL);
}

int choices_reset(const struct choices *kind, const struct command_line *line)
{
	int status = ask(kind, line, "DELETE", NULL);

	if (!status && !line->json)
		printf("%s %s\n", line->args[0], kind->reset);
	return status;
}

static bool set_member(const struct choices *kind, json_t *body, const char *word)
{
	size_t n = strcspn(word, "=");

	for (const struct choice *c = kind->members; word[n] && c->name; c++)
		if (strlen(c->name) == n && !strncmp(word, c->name, n))
			return c->set(body, c->name, word + n + 1);
	return false;
}

int choices_set(const struct choices *kind, const struct command_line *line, size_t first,
		json_t *body)
{
	int status = 0;

	for (size_t i = first; !status && i < line->arg_count; i++)
		if (!set_member(kind, body, line->args[i]))
			status = command_fail("what is %s? %s", line->args[i], kind->usage);
	if (!status)
		status = ask(kind, line, "PUT", body);
	json_decref(body);
	return status;
}

bool choice_text(json_t *body, const char *name, const char *value)
{
	return json_object_set_new(body, name, json_string(value)) == 0;
}

bool choice_flag(json_t *body, const char *name, const char *value)
{
	bool is_yes = !strcmp(value, "yes");

	return (is_yes || !strcmp(value, "no")) &&
	       json_object_set_new(body, name, json_boolean(is_yes)) == 0;
}

bool choice_number(json_t *body, const char *name, const char *value)
{
	char *end;
	long long n = strtoll(value, &end, 10);

	return *value && !*end && json_object_set_new(body, name, json_integer(n)) == 0;
}
