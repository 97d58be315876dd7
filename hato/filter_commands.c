/* hato filter show|set|reset: docs/filter.md */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

static char *target_of(const struct command_line *line)
{
	char escaped[URL_ESCAPED_MAX];

	return api_target(line, "/v1/subscribers/%s/filter", url_escape(line->args[0], escaped));
}

static void print_list(const json_t *answer, const char *name)
{
	const json_t *list = json_object_get(answer, name);

	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%-9s %s\n", name, json_string_value(json_array_get(list, i)));
}

static void show(const struct command_line *line, json_t *answer)
{
	static const char *const columns[] = {"from",     "forged",  "urls", "max_size",
					      "receipts", "default", NULL};

	if (line->json) {
		json_print(answer);
		return;
	}
	json_t *rows = json_pack("[O]", answer);
	table_print(rows, columns);
	json_decref(rows);
	print_list(answer, "allow");
	print_list(answer, "allow_to");
	print_list(answer, "deny");
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

int command_filter_show(const struct command_line *line)
{
	return ask(line, "GET", NULL);
}

int command_filter_reset(const struct command_line *line)
{
	int status = ask(line, "DELETE", NULL);

	if (!status && !line->json)
		printf("%s takes all mail, as everybody who chose nothing\n", line->args[0]);
	return status;
}

/* ---- NAME=VALUE ---- */

static bool set_text(json_t *body, const char *name, const char *value)
{
	return json_object_set_new(body, name, json_string(value)) == 0;
}

static bool set_flag(json_t *body, const char *name, const char *value)
{
	bool is_yes = !strcmp(value, "yes");

	return (is_yes || !strcmp(value, "no")) &&
	       json_object_set_new(body, name, json_boolean(is_yes)) == 0;
}

static bool set_number(json_t *body, const char *name, const char *value)
{
	char *end;
	long long n = strtoll(value, &end, 10);

	return *value && !*end && json_object_set_new(body, name, json_integer(n)) == 0;
}

/* a,b,c; said twice it is one list. */
static bool set_list(json_t *body, const char *name, const char *value)
{
	json_t *list = json_object_get(body, name);

	if (!list) {
		list = json_array();
		json_object_set_new(body, name, list);
	}
	while (*value) {
		size_t n = strcspn(value, ",");
		if (n > 0 && json_array_append_new(list, json_stringn(value, n)) != 0)
			return false;
		value += n + (value[n] == ',');
	}
	return true;
}

static const struct {
	const char *name;
	bool (*set)(json_t *body, const char *name, const char *value);
} members[] = {
	{"from", set_text},     {"forged", set_text},     {"urls", set_flag},
	{"receipts", set_flag}, {"max_size", set_number}, {"allow", set_list},
	{"allow_to", set_list}, {"deny", set_list},
};

static bool set_member(json_t *body, const char *word)
{
	size_t n = strcspn(word, "=");

	for (size_t i = 0; word[n] && i < sizeof members / sizeof members[0]; i++)
		if (strlen(members[i].name) == n && !strncmp(word, members[i].name, n))
			return members[i].set(body, members[i].name, word + n + 1);
	return false;
}

int command_filter_set(const struct command_line *line)
{
	json_t *body = json_object();
	int status = 0;

	for (size_t i = 1; !status && i < line->arg_count; i++)
		if (!set_member(body, line->args[i]))
			status = command_fail("what is %s? from=anyone|carriers|listed "
					      "forged=off|low|middle|high|header urls=yes|no "
					      "receipts=yes|no max_size=N allow=A,B allow_to=A,B "
					      "deny=A,B",
					      line->args[i]);
	if (!status)
		status = ask(line, "PUT", body);
	json_decref(body);
	return status;
}
