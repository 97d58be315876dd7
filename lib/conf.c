#include "lib/conf.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conf_private.h"
#include "lib/err.h"

/* ---- the rows ---- */

#define MEMBER(section, name) offsetof(struct conf, section##_##name)
static const struct conf_row rows[] = {
#define SETTING_INT(section, name, def, least, most, unit, text)                                   \
	{#section, #name, CONF_INT, MEMBER(section, name), #def, least, most, unit, text},
#define SETTING_TEXT(section, name, def, text)                                                     \
	{#section, #name, CONF_TEXT, MEMBER(section, name), def, 0, 0, "", text},
#define SETTING_FLAG(section, name, def, text)                                                     \
	{#section, #name, CONF_FLAG, MEMBER(section, name), (def) ? "yes" : "no", 0, 0, "", text},
#define SETTING_LIST(section, name, def, least, most, unit, text)                                  \
	{#section, #name, CONF_LIST, MEMBER(section, name), def, least, most, unit, text},
#include "lib/settings.def"
#undef SETTING_INT
#undef SETTING_TEXT
#undef SETTING_FLAG
#undef SETTING_LIST
};

const struct conf_row *conf_rows(size_t *count)
{
	*count = sizeof rows / sizeof *rows;
	return rows;
}

/* "smsc-sim" in the file is smsc_sim in the code. */
bool conf_section_is(const char *text, const char *section)
{
	for (; *text && *section; text++, section++)
		if (*text != *section && !(*text == '-' && *section == '_'))
			return false;
	return !*text && !*section;
}

static const struct conf_row *row_find(const char *section, const char *name, bool *section_known)
{
	*section_known = false;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (conf_section_is(section, rows[i].section)) {
			*section_known = true;
			if (!strcmp(name, rows[i].name))
				return &rows[i];
		}
	return NULL;
}

/* ---- values ---- */

int conf_number(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;

	if (!isdigit((unsigned char)*text) && *text != '-')
		return E_SYNTAX;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (*end || errno)
		return E_SYNTAX;
	if (n < least || n > most)
		return E_RANGE;
	*out = n;
	return 0;
}

int conf_seconds(const char *text, int64_t least, int64_t most, int64_t *out)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	char number[32];
	size_t n = strlen(text);
	int64_t each = 0, count;

	for (size_t i = 0; n > 1 && i < sizeof units / sizeof *units; i++)
		if (text[n - 1] == units[i].unit)
			each = units[i].seconds;
	if (!each)
		return conf_number(text, least, most, out);
	if (n > sizeof number)
		return E_SYNTAX;
	memcpy(number, text, n - 1);
	number[n - 1] = '\0';
	int rc = conf_number(number, 0, INT64_MAX / each, &count);
	if (!rc && (count * each < least || count * each > most))
		rc = E_RANGE;
	if (!rc)
		*out = count * each;
	return rc;
}

int conf_number_set(const char *name, const char *value, int64_t least, int64_t most, int64_t *out,
		    char error[256])
{
	int rc = conf_number(value, least, most, out);

	if (rc)
		snprintf(error, 256, "%s: '%.40s' is not a whole number in %lld..%lld", name, value,
			 (long long)least, (long long)most);
	return rc;
}

int conf_word_set(const char *name, const char *value, const char *const *words, unsigned *out,
		  char error[256])
{
	char list[128] = "";

	for (unsigned i = 0; words[i]; i++) {
		if (!strcmp(value, words[i])) {
			*out = i;
			return 0;
		}
		strncat(list, i ? ", " : "", sizeof list - strlen(list) - 1);
		strncat(list, words[i], sizeof list - strlen(list) - 1);
	}
	snprintf(error, 256, "%s: '%.40s' is none of %s", name, value, list);
	return E_SYNTAX;
}

static int flag_parse(const char *text, bool *out)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"yes", true}, {"on", true},   {"true", true},   {"1", true},
		     {"no", false}, {"off", false}, {"false", false}, {"0", false}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(text, words[i].word)) {
			*out = words[i].value;
			return 0;
		}
	return E_SYNTAX;
}

int conf_list_parse(const char *text, int64_t least, int64_t most, struct conf_list *out)
{
	struct conf_list list = {.count = 0};
	char copy[256];
	char *save = NULL;

	if (strlen(text) >= sizeof copy)
		return E_TOO_LARGE;
	strcpy(copy, text);
	for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		if (list.count == CONF_LIST_MAX)
			return E_TOO_LARGE;
		int rc = conf_number(word, least, most, &list.value[list.count++]);
		if (rc)
			return rc;
	}
	*out = list;
	return 0;
}

int conf_text_set(char **at, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return E_NOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static int row_set(struct conf *c, const struct conf_row *row, const char *text)
{
	void *at = (char *)c + row->offset;

	switch (row->kind) {
	case CONF_INT:
		if (!strcmp(row->unit, "s"))
			return conf_seconds(text, row->least, row->most, at);
		return conf_number(text, row->least, row->most, at);
	case CONF_TEXT:
		return conf_text_set(at, text);
	case CONF_FLAG:
		return flag_parse(text, at);
	case CONF_LIST:
		return conf_list_parse(text, row->least, row->most, at);
	}
	return E_SYNTAX;
}

static void explain(const struct conf_row *row, int rc, const char *value, char error[256])
{
	if (row->kind == CONF_FLAG)
		snprintf(error, 256, "%s.%s: '%.40s' is neither yes nor no", row->section,
			 row->name, value);
	else if (row->kind == CONF_TEXT)
		snprintf(error, 256, "%s.%s: %s", row->section, row->name, err_text(rc));
	else
		snprintf(error, 256, "%s.%s: '%.40s' is not %s %lld..%lld (%s)", row->section,
			 row->name, value,
			 row->kind == CONF_LIST ? "a list of whole numbers in"
						: "a whole number in",
			 (long long)row->least, (long long)row->most, row->unit);
}

static int conf_set(struct conf *c, const char *section, const char *name, const char *value,
		    char error[256])
{
	if (!strncmp(section, "realm ", 6))
		return conf_realm_set(c, section + 6, name, value, error);
	if (!strncmp(section, "network-key ", 12))
		return conf_network_key_set(c, section + 12, name, value, error);
	if (!strncmp(section, "radius-client ", 14))
		return conf_radius_client_set(c, section + 14, name, value, error);
	if (!strncmp(section, "esme ", 5))
		return conf_esme_set(c, section + 5, name, value, error);
	if (!strncmp(section, "smsc ", 5))
		return conf_smsc_set(c, section + 5, name, value, error);
	if (!strncmp(section, "route ", 6))
		return conf_route_set(c, section + 6, name, value, error);

	bool section_known;
	const struct conf_row *row = row_find(section, name, &section_known);
	if (!row) {
		if (section_known)
			snprintf(error, 256, "unknown key %.60s.%.60s", section, name);
		else
			snprintf(error, 256, "unknown section [%.60s]", section);
		return E_SYNTAX;
	}
	int rc = row_set(c, row, value);
	if (rc)
		explain(row, rc, value, error);
	return rc;
}

/* ---- the file ---- */

struct reading {
	struct conf *c;
	const char *path;
	char *error;
	char why[256];
	int rc;
};

static int on_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *r = arg;

	r->rc = conf_set(r->c, section, name, value, r->why);
	return r->rc == 0;
}

static int file_read(struct conf *c, const char *path, char error[256])
{
	struct reading r = {.c = c, .path = path};
	int line = ini_parse(path, on_pair, &r);

	if (line == 0)
		return 0;
	if (line == -1)
		snprintf(error, 256, "%.150s: %s", path, strerror(errno));
	else if (r.rc)
		snprintf(error, 256, "%.100s:%d: %.140s", path, line, r.why);
	else
		snprintf(error, 256, "%.150s:%d: neither [section] nor key = value", path, line);
	return E_SYNTAX;
}

static int set_apply(struct conf *c, const char *set, char error[256])
{
	char section[64];
	const char *dot = strrchr(set, '.'), *equals = strchr(set, '=');
	char name[64];

	/* The dot that counts stands before the '='; a value may have dots of its own. */
	if (equals) {
		dot = NULL;
		for (const char *p = set; p < equals; p++)
			if (*p == '.')
				dot = p;
	}
	if (!equals || !dot || dot == set || (size_t)(dot - set) >= sizeof section ||
	    (size_t)(equals - dot) > sizeof name) {
		snprintf(error, 256, "--set %.100s: not of the form section.key=value", set);
		return E_SYNTAX;
	}
	snprintf(section, sizeof section, "%.*s", (int)(dot - set), set);
	snprintf(name, sizeof name, "%.*s", (int)(equals - dot - 1), dot + 1);

	char why[256];
	int rc = conf_set(c, section, name, equals + 1, why);
	if (rc)
		snprintf(error, 256, "--set: %.240s", why);
	return rc;
}

static int defaults_set(struct conf *c)
{
	char why[256];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int rc = row_set(c, &rows[i], rows[i].def);
		if (rc)
			return rc;
	}
	snprintf(c->realms[0].name, sizeof c->realms[0].name, "%s", REALM_DEFAULT);
	c->realm_count = 1;
	int rc = conf_radius_default(c);
	if (!rc)
		rc = conf_esme_default(c);
	if (rc)
		return rc;
	return conf_network_key_set(c, "feeder", "scopes", "lease,provision,operate", why);
}

/* The folder of the file, or `dir`, made absolute. */
static int dir_set(struct conf *c, const char *path, const char *dir, char error[256])
{
	char folder[PATH_MAX];

	if (path) {
		const char *slash = strrchr(path, '/');
		snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1,
			 slash ? path : ".");
		if (!*folder)
			strcpy(folder, "/");
		dir = folder;
	}
	c->dir = realpath(dir, NULL);
	if (!c->dir)
		snprintf(error, 256, "%.200s: %s", dir, strerror(errno));
	return c->dir ? 0 : E_IO;
}

int conf_load(const char *path, const char *dir, const char *const *sets, size_t set_count,
	      struct conf **out, char error[256])
{
	struct conf *c = calloc(1, sizeof *c);

	if (!c)
		return E_NOMEM;
	*error = 0;
	int rc = defaults_set(c);
	if (!rc)
		rc = dir_set(c, path, dir, error);
	if (!rc && path)
		rc = file_read(c, path, error);
	for (size_t i = 0; !rc && i < set_count; i++)
		rc = set_apply(c, sets[i], error);
	if (!rc)
		rc = conf_check(c, error);
	if (rc) {
		conf_free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].kind == CONF_TEXT)
			free(*(char **)((char *)c + rows[i].offset));
	for (size_t i = 0; i < c->realm_count; i++) {
		free(c->realms[i].device);
		free(c->realms[i].trigger_source);
		free(c->realms[i].trigger_device);
		free(c->realms[i].proxy_from);
		free(c->realms[i].apns);
	}
	for (size_t i = 0; i < c->network_key_count; i++) {
		free(c->network_keys[i].file);
		free(c->network_keys[i].nas_ids);
	}
	conf_radius_free(c);
	conf_esme_free(c);
	conf_smsc_free(c);
	conf_route_free(c);
	free(c->dir);
	free(c);
}

char *conf_path(const struct conf *c, const char *relative)
{
	char *path = NULL;

	if (*relative == '/')
		return strdup(relative);
	return asprintf(&path, "%s/%s", c->dir, relative) < 0 ? NULL : path;
}
