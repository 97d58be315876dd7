#include "lib/conf_running.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"

#define SETS_MAX 512

static char *sets_path(const struct conf *c)
{
	char *run = conf_path(c, c->paths_run), *path = NULL;

	if (run && asprintf(&path, "%s/sets", run) < 0)
		path = NULL;
	free(run);
	return path;
}

/* Lines of the file -> sets[], each allocated. An absent file has none. */
static size_t sets_read(const char *path, char *sets[SETS_MAX])
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0, n = 0;

	while (f && n < SETS_MAX && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (*line && (sets[n] = strdup(line)))
			n++;
	}
	free(line);
	if (f)
		fclose(f);
	return n;
}

int conf_load_running(const char *dir, const char *const *sets, size_t set_count, struct conf **out,
		      char error[256])
{
	char *all[SETS_MAX];
	char *path = NULL, *running = NULL;
	struct conf *c = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", dir, CONF_FILE) < 0)
		return E_NOMEM;
	if (stat(path, &st)) {
		snprintf(error, 256, "%.180s: no Hato lives there (hato init --dir makes one)",
			 dir);
		free(path);
		return E_NOT_FOUND;
	}
	int rc = conf_load(path, NULL, NULL, 0, &c, error);
	size_t n = 0;
	if (!rc && (running = sets_path(c)))
		n = sets_read(running, all);
	size_t own = n;
	for (size_t i = 0; i < set_count && n < SETS_MAX; i++)
		all[n++] = (char *)(uintptr_t)sets[i];
	if (!rc && n) {
		conf_free(c);
		rc = conf_load(path, NULL, (const char *const *)all, n, &c, error);
	}
	for (size_t i = 0; i < own; i++)
		free(all[i]);
	free(running);
	free(path);
	if (!rc)
		*out = c;
	return rc;
}

int conf_running_write(const struct conf *c, const char *const *sets, size_t set_count)
{
	char *path = sets_path(c);
	FILE *f = path ? fopen(path, "we") : NULL;
	int rc = f ? 0 : E_IO;

	for (size_t i = 0; f && i < set_count; i++)
		if (fprintf(f, "%s\n", sets[i]) < 0)
			rc = E_IO;
	if (f && fclose(f))
		rc = E_IO;
	free(path);
	return rc;
}

void conf_running_remove(const struct conf *c)
{
	char *path = sets_path(c);

	if (path)
		unlink(path);
	free(path);
}
