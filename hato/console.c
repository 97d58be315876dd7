#include "hato/console.h"

#include <stdlib.h>
#include <string.h>

#include "hato/http_client.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/http.h"

#define DAEMONS_MAX   8
#define ASK_TIMEOUT_S 2

struct console {
	struct loop *loop;
	const struct conf *conf;
	const struct supervisor *supervisor;
	struct http_server *servers[2];
	int64_t started_us;
	size_t gathering; /* answers under way: they hold us */
	bool closed;
};

static void console_free(struct console *c)
{
	if (c->closed && !c->gathering)
		free(c);
}

/* ---- /metrics: one question to each daemon, the answers joined in order ---- */

struct gather {
	struct console *console;
	struct http_request *request;
	size_t waiting, count;
	struct part {
		struct gather *gather;
		char *text;
		size_t length;
	} parts[DAEMONS_MAX];
};

static void gather_finish(struct gather *g)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	for (size_t i = 0; i < g->count; i++) {
		if (to && g->parts[i].text)
			fwrite(g->parts[i].text, 1, g->parts[i].length, to);
		free(g->parts[i].text);
	}
	if (to)
		fclose(to);
	if (!g->console->closed) /* else the server has answered it when it closed */
		http_reply_text(g->request, 200, "text/plain; version=0.0.4", text ? text : "",
				length);
	free(text);
	g->console->gathering--;
	console_free(g->console);
	free(g);
}

static void on_part(void *arg, int err, unsigned status, const char *body, size_t length)
{
	struct part *p = arg;
	struct gather *g = p->gather;

	if (!err && status == 200 && (p->text = malloc(length + 1))) {
		memcpy(p->text, body, length);
		p->length = length;
	}
	if (--g->waiting == 0)
		gather_finish(g);
}

static void ask_daemon(struct gather *g, const char *name)
{
	struct part *p = &g->parts[g->count++];
	char *run = conf_path(g->console->conf, g->console->conf->paths_run), *path = NULL;

	p->gather = g;
	if (run && asprintf(&path, "%s/%s.admin", run, name) > 0) {
		struct http_fetch f = {.unix_path = path,
				       .method = "GET",
				       .target = "/metrics",
				       .timeout_s = ASK_TIMEOUT_S};
		if (!http_fetch(g->console->loop, &f, on_part, p))
			g->waiting++;
	}
	free(run);
	free(path);
}

static void show_metrics(void *arg, struct http_request *r)
{
	struct console *c = arg;
	struct daemon_view views[DAEMONS_MAX];
	size_t n = supervisor_view(c->supervisor, views, DAEMONS_MAX);
	struct gather *g = calloc(1, sizeof *g);

	if (!g) {
		http_problem(r, 503, "overloaded", "out of memory", 1);
		return;
	}
	g->console = c;
	g->request = r;
	c->gathering++;
	g->waiting = 1; /* held until all were asked */
	for (size_t i = 0; i < n; i++)
		ask_daemon(g, views[i].name);
	if (--g->waiting == 0)
		gather_finish(g);
}

/* ---- the supervisor's own view ---- */

static void show_health(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_text(r, 200, "text/plain", "ok\n", 3);
}

static bool all_ready(const struct daemon_view *views, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!views[i].ready)
			return false;
	return n > 0;
}

static void show_ready(void *arg, struct http_request *r)
{
	struct console *c = arg;
	struct daemon_view views[DAEMONS_MAX];
	size_t n = supervisor_view(c->supervisor, views, DAEMONS_MAX);

	if (all_ready(views, n))
		http_reply_text(r, 200, "text/plain", "ready\n", 6);
	else
		http_reply_text(r, 503, "text/plain", "not ready\n", 10);
}

static void show_status(void *arg, struct http_request *r)
{
	struct console *c = arg;
	struct daemon_view views[DAEMONS_MAX];
	size_t n = supervisor_view(c->supervisor, views, DAEMONS_MAX);
	json_t *daemons = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(daemons, json_pack("{s:s, s:i, s:b, s:i}", "name",
							 views[i].name, "pid", (int)views[i].pid,
							 "ready", (int)views[i].ready, "restarts",
							 (int)views[i].restarts));
	http_reply_json(r, 200,
			json_pack("{s:b, s:I, s:o}", "ready", (int)all_ready(views, n), "uptime_s",
				  (json_int_t)((clock_mono_us() - c->started_us) / 1000000),
				  "daemons", daemons));
}

static const struct http_route routes[] = {{"GET", "/metrics", show_metrics},
					   {"GET", "/healthz", show_health},
					   {"GET", "/readyz", show_ready},
					   {"GET", "/status", show_status},
					   {0}};

int console_open(struct loop *loop, const struct conf *conf, const struct supervisor *s,
		 struct console **out, char error[256])
{
	struct console *c = calloc(1, sizeof *c);
	char *run = conf_path(conf, conf->paths_run), *path = NULL;
	struct http_options o = {.max_body = 1024,
				 .max_connections = 256,
				 .max_connections_per_address = 256,
				 .idle_s = 30,
				 .routes = routes,
				 .arg = c};
	int rc = E_NOMEM;

	if (!c || !run || asprintf(&path, "%s/hato.admin", run) < 0)
		goto out;
	c->loop = loop;
	c->conf = conf;
	c->supervisor = s;
	c->started_us = clock_mono_us();
	o.unix_path = path;
	rc = http_server_open(loop, &o, &c->servers[0]);
	if (rc)
		snprintf(error, 256, "%.200s: %s", path, err_text(rc));
	o.unix_path = NULL;
	o.port = (uint16_t)conf->hato_console_port;
	addr_parse("127.0.0.1", &o.addr);
	if (!rc && o.port && (rc = http_server_open(loop, &o, &c->servers[1])))
		snprintf(error, 256, "hato.console_port %u: %s", o.port,
			 rc == E_EXISTS ? "in use" : err_text(rc));
out:
	free(run);
	free(path);
	if (rc) {
		if (c)
			console_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void console_close(struct console *c)
{
	c->closed = true;
	for (int i = 0; i < 2; i++)
		if (c->servers[i])
			http_server_close(c->servers[i]);
	console_free(c);
}
