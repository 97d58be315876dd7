/* hato status: is it running, and how is each daemon? */
#include <stdlib.h>

#include "hato/command.h"
#include "hato/http_client.h"
#include "lib/conf_running.h"
#include "lib/err.h"

static int show(const struct command_line *line, const char *text)
{
	static const char *const columns[] = {"name", "ready", "pid", "restarts", NULL};
	json_t *status = json_loads(text, 0, NULL);

	if (!status)
		return command_fail("the console's answer is not JSON");
	bool ready = json_is_true(json_object_get(status, "ready"));
	if (line->json) {
		json_print(status);
	} else {
		printf("%s for %lld s\n", ready ? "ready" : "not ready",
		       (long long)json_integer_value(json_object_get(status, "uptime_s")));
		table_print(json_object_get(status, "daemons"), columns);
	}
	json_decref(status);
	return ready ? 0 : 1;
}

int command_status(const struct command_line *line)
{
	struct conf *c;
	char error[256], *text = NULL, *path = NULL;
	unsigned http_status;

	if (conf_load_running(line->dir, line->sets, line->set_count, &c, error))
		return command_fail("%s", error);
	char *run = conf_path(c, c->paths_run);
	int rc = run && asprintf(&path, "%s/hato.admin", run) > 0
			 ? http_fetch_wait(&(struct http_fetch){.unix_path = path,
								.method = "GET",
								.target = "/status",
								.timeout_s = 5},
					   &http_status, &text)
			 : E_NOMEM;
	int status = rc ? command_fail("nothing runs in %s (%s)", line->dir, err_text(rc))
			: show(line, text);
	free(text);
	free(run);
	free(path);
	conf_free(c);
	return status;
}
