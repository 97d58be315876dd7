/* hato filter show|set|reset: docs/filter.md */
#include <stdio.h>
#include <string.h>

#include "hato/choices.h"

static void print_list(const json_t *answer, const char *name)
{
	const json_t *list = json_object_get(answer, name);

	for (size_t i = 0; i < json_array_size(list); i++)
		printf("%-9s %s\n", name, json_string_value(json_array_get(list, i)));
}

static void print(json_t *answer)
{
	static const char *const columns[] = {"from",     "forged",  "urls", "max_size",
					      "receipts", "default", NULL};
	json_t *rows = json_pack("[O]", answer);

	table_print(rows, columns);
	json_decref(rows);
	print_list(answer, "allow");
	print_list(answer, "allow_to");
	print_list(answer, "deny");
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

static const struct choice members[] = {
	{"from", choice_text},     {"forged", choice_text},     {"urls", choice_flag},
	{"receipts", choice_flag}, {"max_size", choice_number}, {"allow", set_list},
	{"allow_to", set_list},    {"deny", set_list},          {NULL, NULL},
};

static const struct choices filter = {
	.resource = "filter",
	.print = print,
	.reset = "takes all mail, as everybody who chose nothing",
	.usage = "from=anyone|carriers|listed forged=off|low|middle|high|header urls=yes|no "
		 "receipts=yes|no max_size=N allow=A,B allow_to=A,B deny=A,B",
	.members = members,
};

int command_filter_show(const struct command_line *line)
{
	return choices_show(&filter, line);
}

int command_filter_reset(const struct command_line *line)
{
	return choices_reset(&filter, line);
}

int command_filter_set(const struct command_line *line)
{
	return choices_set(&filter, line, 1, json_object());
}
