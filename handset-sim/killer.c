#include "handset-sim/killer.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

static int pid_of(const json_t *answer, const char *name)
{
	const json_t *daemons = json_object_get(answer, "daemons"), *d;
	size_t i;

	json_array_foreach(daemons, i, d)
	{
		const char *it = json_string_value(json_object_get(d, "name"));
		if (it && !strcmp(it, name))
			return (int)json_integer_value(json_object_get(d, "pid"));
	}
	return 0;
}

static void on_status(void *arg, unsigned status, const json_t *answer)
{
	struct killer *k = arg;
	int pid = pid_of(answer, k->victim);

	/* 0 and less would be more than one process. */
	if (pid > 1 && !kill(pid, SIGKILL))
		k->kills++;
	else
		fprintf(stderr, "handset-sim: %s was not killed (console: %u)\n", k->victim,
			status);
	k->victim = NULL;
}

int killer_init(struct killer *k, struct loop *loop, const struct conf *c)
{
	struct http_target target = {.port = (uint16_t)c->hato_console_port};

	*k = (struct killer){0};
	addr_parse("127.0.0.1", &target.to);
	return target.port ? http_channel_new(loop, &target, &k->console) : E_NOT_FOUND;
}

void killer_fini(struct killer *k)
{
	http_channel_free(k->console);
	k->console = NULL;
}

bool killer_strike(struct killer *k, const char *victim)
{
	if (k->victim || !k->console)
		return false;
	k->victim = victim;
	http_channel_call(k->console, "GET", "/status", NULL, NULL, on_status, k);
	return true;
}
