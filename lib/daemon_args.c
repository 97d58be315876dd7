#include "lib/daemon_args.h"

#include <getopt.h>
#include <stdio.h>

static void help_print(const struct daemon_program *program)
{
	printf("%s: %s\n\n"
	       "usage: %s --config FILE [--set section.key=value]... [--check-config]\n\n"
	       "  --config FILE              the configuration; its folder is DIR, where the state "
	       "lies\n"
	       "  --set section.key=value    one key on top of the file; may be repeated\n"
	       "  --check-config             read the configuration, say what is wrong, leave\n"
	       "  --help                     this text\n\n"
	       "Exit status: 0 stopped cleanly, 1 it failed, 2 usage or configuration.\n\n"
	       "Keys of its section (default in brackets):\n",
	       program->name, program->summary, program->name);
	conf_print_settings(stdout, program->name);
	puts("\nKeys that all share:");
	conf_print_settings(stdout, "db");
	conf_print_settings(stdout, "paths");
	conf_print_settings(stdout, "log");
}

static int usage(const struct daemon_program *program)
{
	fprintf(stderr, "%s: see '%s --help'\n", program->name, program->name);
	return 2;
}

int daemon_args_read(const struct daemon_program *program, int argc, char **argv,
		     struct daemon_args *out)
{
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
						{"set", required_argument, NULL, 's'},
						{"check-config", no_argument, NULL, 'k'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int option;

	*out = (struct daemon_args){.dir = "."};
	while ((option = getopt_long(argc, argv, "c:s:h", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			out->config = optarg;
			break;
		case 's':
			if (out->set_count == DAEMON_SETS_MAX) {
				fprintf(stderr, "%s: more than %d times --set\n", program->name,
					DAEMON_SETS_MAX);
				return 2;
			}
			out->sets[out->set_count++] = optarg;
			break;
		case 'k':
			out->check_only = true;
			break;
		case 'h':
			help_print(program);
			return 0;
		default:
			return usage(program);
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: '%s' is no option\n", program->name, argv[optind]);
		return usage(program);
	}
	if (!out->config) {
		fprintf(stderr, "%s: --config FILE is needed\n", program->name);
		return usage(program);
	}
	return -1;
}
