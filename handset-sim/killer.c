/* authsrv is killed in the middle of the storm, as an operator's machine would do it: without a
 * word. Its pid is what the running system's console says. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "handset-sim/incident.h"
#include "lib/err.h"

enum { KILL_NOT_YET, KILL_ASKED, KILL_DONE };

static void on_status(void *arg, unsigned status, const json_t *answer)
{
	struct incident *in = arg;
	const json_t *daemons = json_object_get(answer, "daemons"), *d;
	size_t i;

	in->kill_state = KILL_DONE;
	json_array_foreach(daemons, i, d)
	{
		const char *name = json_string_value(json_object_get(d, "name"));
		int pid = (int)json_integer_value(json_object_get(d, "pid"));
		/* 0 and less would be more than one process. */
		if (name && !strcmp(name, "authsrv") && pid > 1 && !kill(pid, SIGKILL))
			in->killed_pid = pid;
	}
	if (!in->killed_pid)
		fprintf(stderr, "handset-sim: authsrv was not killed (console: %u)\n", status);
}

void killer_strike(struct incident *in)
{
	struct http_target target = {.port = (uint16_t)in->conf->hato_console_port};

	if (in->kill_state != KILL_NOT_YET || in->scenario->no_kill)
		return;
	in->kill_state = KILL_ASKED;
	addr_parse("127.0.0.1", &target.to);
	if (!target.port || http_channel_new(in->loop, &target, &in->console)) {
		in->kill_state = KILL_DONE;
		return;
	}
	http_channel_call(in->console, "GET", "/status", NULL, NULL, on_status, in);
}
