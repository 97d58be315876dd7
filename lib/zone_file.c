#include "lib/zone_file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/err.h"

#define FOLDER          "/usr/share/zoneinfo/"
#define NAME_MAX_OCTETS 63
#define MAGIC           "TZif"
#define TAIL_MAX        (ZONE_RULE_MAX + 2)

/* "+09:00" as "<+0900>-09:00": POSIX counts the other way. */
static int fixed_rule(const char *name, char rule[ZONE_RULE_MAX])
{
	struct zone z;

	if (strlen(name) != 6 || !isdigit((unsigned char)name[1]) ||
	    !isdigit((unsigned char)name[2]) || name[3] != ':' ||
	    !isdigit((unsigned char)name[4]) || !isdigit((unsigned char)name[5]))
		return E_SYNTAX;
	snprintf(rule, ZONE_RULE_MAX, "<%.3s%.2s>%c%.5s", name, name + 4,
		 name[0] == '+' ? '-' : '+', name + 1);
	return zone_parse(rule, &z);
}

static int check_name(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_OCTETS || *name == '/' || name[len - 1] == '/')
		return E_SYNTAX;
	for (const char *c = name; *c; c++) {
		if (!isalnum((unsigned char)*c) && !strchr("_+-/", *c))
			return E_SYNTAX;
	}
	return 0;
}

/* The text between the last two newlines of the file. */
static int read_footer(FILE *file, char rule[ZONE_RULE_MAX])
{
	char magic[sizeof MAGIC] = "", tail[TAIL_MAX + 1];
	struct zone z;

	if (fread(magic, 1, sizeof MAGIC - 1, file) != sizeof MAGIC - 1 ||
	    strcmp(magic, MAGIC) != 0 || fseek(file, -(long)TAIL_MAX, SEEK_END))
		return E_NOT_FOUND;
	size_t n = fread(tail, 1, TAIL_MAX, file);
	if (n < 2 || tail[n - 1] != '\n')
		return E_NOT_FOUND;
	tail[n - 1] = '\0';
	const char *line = memrchr(tail, '\n', n - 1);
	if (!line || strlen(line + 1) >= ZONE_RULE_MAX || zone_parse(line + 1, &z))
		return E_NOT_FOUND;
	snprintf(rule, ZONE_RULE_MAX, "%s", line + 1);
	return 0;
}

int zone_file_rule(const char *name, char rule[ZONE_RULE_MAX])
{
	char path[sizeof FOLDER + NAME_MAX_OCTETS];
	struct stat st;

	if (strcmp(name, "Z") == 0) {
		snprintf(rule, ZONE_RULE_MAX, "UTC0");
		return 0;
	}
	if (*name == '+' || *name == '-')
		return fixed_rule(name, rule);
	if (check_name(name))
		return E_SYNTAX;
	snprintf(path, sizeof path, FOLDER "%s", name);
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return E_NOT_FOUND;
	FILE *file = fopen(path, "rb");
	if (!file)
		return E_NOT_FOUND;
	int err = read_footer(file, rule);
	(void)fclose(file);
	return err;
}
