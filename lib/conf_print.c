/* conf_print -- the settings for people: an example file, and the list of --help */
#include <string.h>

#include "lib/conf_private.h"

static void section_name(const char *section, char out[64])
{
	size_t i = 0;

	for (; i < 63 && section[i]; i++)
		out[i] = section[i] == '_' ? '-' : section[i];
	out[i] = 0;
}

static void bounds_print(FILE *to, const struct conf_row *row)
{
	if (row->kind == CONF_INT || row->kind == CONF_LIST)
		fprintf(to, " (%lld..%lld %s)", (long long)row->least, (long long)row->most,
			row->unit);
}

void conf_print_example(FILE *to)
{
	size_t count;
	const struct conf_row *rows = conf_rows(&count);
	const char *section = "";

	fputs("# Hato's configuration. Every key with its default; remove the ';' to change one.\n",
	      to);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(section, rows[i].section)) {
			char name[64];
			section = rows[i].section;
			section_name(section, name);
			fprintf(to, "\n[%s]\n", name);
		}
		fprintf(to, "; %s", rows[i].text);
		bounds_print(to, &rows[i]);
		fprintf(to, "\n;%s = %s\n", rows[i].name, rows[i].def);
	}
}

void conf_print_settings(FILE *to, const char *section)
{
	size_t count;
	const struct conf_row *rows = conf_rows(&count);

	for (size_t i = 0; i < count; i++) {
		char name[64], key[128];
		if (section && !conf_section_is(section, rows[i].section))
			continue;
		section_name(rows[i].section, name);
		snprintf(key, sizeof key, "%s.%s", name, rows[i].name);
		fprintf(to, "  %-40s %s", key, rows[i].text);
		bounds_print(to, &rows[i]);
		fprintf(to, " [%s]\n", rows[i].def);
	}
}
