#include "smsc-sim/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define SETTING "--set=smsc-sim.scenario="

int scenario_read(const struct conf *c, struct fault_script *out,
		  char problem[SCENARIO_PROBLEM_MAX])
{
	char why[FAULT_PROBLEM_MAX];

	if (!*c->smsc_sim_scenario)
		return E_NOT_FOUND;
	char *path = conf_path(c, c->smsc_sim_scenario);
	if (!path)
		return E_NOMEM;
	bool good = fault_script_load(path, out, why);
	if (!good)
		snprintf(problem, SCENARIO_PROBLEM_MAX, "%.200s: %s", path, why);
	free(path);
	return good ? 0 : E_SYNTAX;
}

/* The file of a --scenario at argv[i], and whether it takes the next word too; null: it is none. */
static const char *scenario_of(int argc, char **argv, int i, bool *takes_next)
{
	static const char option[] = "--scenario";
	size_t n = sizeof option - 1;

	*takes_next = false;
	if (strncmp(argv[i], option, n) != 0)
		return NULL;
	if (argv[i][n] == '=')
		return argv[i] + n + 1;
	if (argv[i][n] || i + 1 == argc)
		return NULL;
	*takes_next = true;
	return argv[i + 1];
}

/* A path that does not resolve is told of by who opens it. */
static char *setting_of(const char *file)
{
	char *path = realpath(file, NULL), *word = NULL;
	const char *text = path ? path : file;
	size_t size = sizeof SETTING + strlen(text);

	word = malloc(size);
	if (word)
		snprintf(word, size, SETTING "%s", text);
	free(path);
	return word;
}

char **scenario_args(int argc, char **argv)
{
	char **args = calloc((size_t)argc + 1, sizeof *args);
	bool takes_next = false;

	for (int i = 0, at = 0; args && i < argc; i++, at++) {
		const char *file = scenario_of(argc, argv, i, &takes_next);
		args[at] = file ? setting_of(file) : strdup(argv[i]);
		i += takes_next;
		if (!args[at]) {
			scenario_args_free(args);
			return NULL;
		}
	}
	return args;
}

void scenario_args_free(char **args)
{
	for (size_t i = 0; args && args[i]; i++)
		free(args[i]);
	free(args);
}
