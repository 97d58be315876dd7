/* api -- the commands' way to the network API */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "hato/command.h"
#include "hato/http_client.h"
#include "lib/conf_running.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define TIMEOUT_S 30

int command_fail(const char *format, ...)
{
	va_list ap;

	fputs("hato: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

const char *url_escape(const char *text, char out[URL_ESCAPED_MAX])
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *text && n + 4 < URL_ESCAPED_MAX; text++) {
		unsigned char c = (unsigned char)*text;
		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		    strchr("-._~:", c)) {
			out[n++] = (char)c;
		} else {
			out[n++] = '%';
			out[n++] = hex[c >> 4];
			out[n++] = hex[c & 15];
		}
	}
	out[n] = 0;
	return out;
}

/* `path`, which is freed, with one more member of its query. */
static char *query_add(char *path, const char *name, const char *value)
{
	char escaped[URL_ESCAPED_MAX], *longer = NULL;

	if (!path || !value)
		return path;
	if (asprintf(&longer, "%s%c%s=%s", path, strchr(path, '?') ? '&' : '?', name,
		     url_escape(value, escaped)) < 0)
		longer = NULL;
	free(path);
	return longer;
}

char *api_target(const struct command_line *line, const char *format, ...)
{
	char *path = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&path, format, ap) < 0)
		path = NULL;
	va_end(ap);
	return query_add(query_add(path, "realm", line->realm), "port", line->port);
}

static int key_read(const struct conf *c, char **key)
{
	char *path = conf_path(c, c->paths_feeder_key);
	size_t length;
	int rc = path ? keyfile_read(path, key, &length, NULL) : E_NOMEM;

	if (rc)
		command_fail("%s: %s", path ? path : "feeder key", err_text(rc));
	else
		(*key)[strcspn(*key, "\r\n")] = 0;
	free(path);
	return rc ? 1 : 0;
}

static int problem_print(unsigned status, const json_t *problem)
{
	const char *title = json_string_value(json_object_get(problem, "title"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));

	return command_fail("%u %s%s%s", status, title ? title : "refused", detail ? ": " : "",
			    detail ? detail : "");
}

static int answer_read(unsigned status, const char *text, json_t **answer)
{
	json_t *value = *text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

	if (status / 100 == 2) {
		*answer = value;
		return 0;
	}
	int rc = problem_print(status, value);
	json_decref(value);
	return rc;
}

int api_call(const struct command_line *line, const char *method, const char *target,
	     const json_t *body, json_t **answer)
{
	char *sent = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int status = api_send(line, method, target, sent, answer);

	free(sent);
	return status;
}

int api_send(const struct command_line *line, const char *method, const char *target,
	     const char *body, json_t **answer)
{
	struct conf *c = NULL;
	char error[256], *key = NULL, *text = NULL;
	unsigned http_status = 0;
	int status = 1;

	*answer = NULL;
	if (!target || conf_load_running(line->dir, line->sets, line->set_count, &c, error)) {
		command_fail("%s", target ? error : "out of memory");
		goto out;
	}
	if (key_read(c, &key))
		goto out;
	struct http_fetch f = {.port = (uint16_t)c->authsrv_network_port,
			       .method = method,
			       .target = target,
			       .bearer = key,
			       .body = body,
			       .timeout_s = TIMEOUT_S};
	addr_parse(c->authsrv_network_listen, &f.addr);
	int rc = http_fetch_wait(&f, &http_status, &text);
	if (rc)
		command_fail("the network API at %s:%u does not answer (%s): is hato running?",
			     c->authsrv_network_listen, f.port, err_text(rc));
	else
		status = answer_read(http_status, text, answer);
out:
	free(text);
	if (key)
		keyfile_wipe(key, strlen(key));
	conf_free(c);
	return status;
}
