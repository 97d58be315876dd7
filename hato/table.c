/* table -- JSON rows as columns for people */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"

#define COLUMNS_MAX 12
#define CELL_MAX    256

static void cell_text(const json_t *row, const char *column, char text[CELL_MAX])
{
	const json_t *value = json_object_get(row, column);

	*text = 0;
	if (json_is_string(value))
		snprintf(text, CELL_MAX, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(text, CELL_MAX, "%lld", (long long)json_integer_value(value));
	else if (json_is_boolean(value))
		snprintf(text, CELL_MAX, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		for (size_t i = 0; i < json_array_size(value); i++) {
			const json_t *item = json_array_get(value, i);
			size_t n = strlen(text);
			if (json_is_integer(item))
				snprintf(text + n, CELL_MAX - n, "%s%lld", i ? " " : "",
					 (long long)json_integer_value(item));
			else
				snprintf(text + n, CELL_MAX - n, "%s%s", i ? " " : "",
					 json_is_string(item) ? json_string_value(item) : "");
		}
	if (!*text)
		strcpy(text, "-");
}

void table_print(const json_t *rows, const char *const *columns)
{
	int width[COLUMNS_MAX] = {0};
	size_t n = 0;
	char text[CELL_MAX];

	for (; n < COLUMNS_MAX && columns[n]; n++)
		width[n] = (int)strlen(columns[n]);
	for (size_t r = 0; r < json_array_size(rows); r++)
		for (size_t i = 0; i < n; i++) {
			cell_text(json_array_get(rows, r), columns[i], text);
			if ((int)strlen(text) > width[i])
				width[i] = (int)strlen(text);
		}
	for (size_t i = 0; i < n; i++)
		printf("%-*s%s", i + 1 < n ? width[i] : 0, columns[i], i + 1 < n ? "  " : "\n");
	for (size_t r = 0; r < json_array_size(rows); r++)
		for (size_t i = 0; i < n; i++) {
			cell_text(json_array_get(rows, r), columns[i], text);
			printf("%-*s%s", i + 1 < n ? width[i] : 0, text, i + 1 < n ? "  " : "\n");
		}
}

void json_print(const json_t *value)
{
	json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
	putchar('\n');
}
