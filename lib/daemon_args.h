/* daemon_args -- the command line that every daemon has */
#ifndef HATO_LIB_DAEMON_ARGS_H
#define HATO_LIB_DAEMON_ARGS_H

#include "lib/daemon.h"

#define DAEMON_SETS_MAX 256

struct daemon_args {
	const char *config; /* --config FILE; null: defaults below the current folder */
	const char *dir;
	const char *sets[DAEMON_SETS_MAX]; /* borrowed from argv */
	size_t set_count;
	bool check_only;
};

/* -1: go on; else the exit status: --help was printed (0), or the usage was wrong and said so (2).
 */
int daemon_args_read(const struct daemon_program *program, int argc, char **argv,
		     struct daemon_args *out);

#endif
