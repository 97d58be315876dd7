#include "hato/http_client.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/conn.h"
#include "lib/err.h"

#define ANSWER_MAX (64 * 1024 * 1024)

struct fetch {
	struct conn *conn;
	http_fetched *done;
	void *arg;
	char *answer;
	size_t length, size;
	int err;
};

static void keep(struct fetch *f, const uint8_t *octets, size_t n)
{
	if (f->length + n + 1 > f->size) {
		size_t size = (f->length + n + 1) * 2;
		char *grown = f->length + n > ANSWER_MAX ? NULL : realloc(f->answer, size);
		if (!grown) {
			f->err = E_TOO_LARGE;
			conn_abort(f->conn);
			return;
		}
		f->answer = grown;
		f->size = size;
	}
	memcpy(f->answer + f->length, octets, n);
	f->length += n;
	f->answer[f->length] = 0;
}

static const char *header_find(const char *head, const char *end, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line && line < end;
	     line = strstr(line + 2, "\r\n"))
		if (!strncasecmp(line + 2, name, n) && line[2 + n] == ':')
			return line + 3 + n + strspn(line + 3 + n, " \t");
	return NULL;
}

/* Is the answer whole? *status and *body are set when it is. */
static int answer_parse(const struct fetch *f, bool closed, unsigned *status, const char **body,
			size_t *length)
{
	const char *end = f->answer ? strstr(f->answer, "\r\n\r\n") : NULL;

	if (!end)
		return closed ? E_SYNTAX : E_AGAIN;
	if (strncmp(f->answer, "HTTP/1.", 7) || strlen(f->answer) < 12)
		return E_SYNTAX;
	*status = (unsigned)strtoul(f->answer + 9, NULL, 10);
	*body = end + 4;
	*length = f->length - (size_t)(*body - f->answer);
	const char *declared = header_find(f->answer, end, "Content-Length");
	if (!declared)
		return closed ? 0 : E_AGAIN;
	size_t wanted = strtoull(declared, NULL, 10);
	if (*length < wanted)
		return closed ? E_CLOSED : E_AGAIN;
	*length = wanted;
	return 0;
}

static void on_input(void *session)
{
	struct fetch *f = session;
	unsigned status;
	const char *body;
	size_t n, length;

	for (;;) {
		const uint8_t *octets = conn_peek(f->conn, 65536, &n);
		if (!n)
			break;
		keep(f, octets, n);
		conn_take(f->conn, n);
		if (f->err)
			return;
	}
	if (answer_parse(f, false, &status, &body, &length) != E_AGAIN)
		conn_abort(f->conn);
}

static void on_closed(void *session, enum conn_end why)
{
	struct fetch *f = session;
	unsigned status = 0;
	const char *body = "";
	size_t length = 0;

	(void)why;
	if (!f->err)
		f->err = f->length ? answer_parse(f, true, &status, &body, &length) : E_CLOSED;
	f->done(f->arg, f->err, status, body, length);
	free(f->answer);
	free(f);
}

static const struct conn_ops fetch_ops = {.input = on_input, .closed = on_closed};

int http_fetch(struct loop *loop, const struct http_fetch *request, http_fetched *done, void *arg)
{
	struct fetch *f = calloc(1, sizeof *f);

	if (!f)
		return E_NOMEM;
	f->done = done;
	f->arg = arg;
	int rc = request->unix_path
			 ? conn_connect_unix(loop, request->unix_path, &fetch_ops, f, &f->conn)
			 : conn_connect(loop, &request->addr, request->port, &fetch_ops, f,
					&f->conn);
	if (rc) {
		free(f);
		return rc;
	}
	conn_set_total(f->conn, request->timeout_s);
	conn_printf(f->conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
		    request->method, request->target);
	if (request->bearer)
		conn_printf(f->conn, "Authorization: Bearer %s\r\n", request->bearer);
	if (request->body)
		conn_printf(f->conn, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			    strlen(request->body));
	conn_write(f->conn, "\r\n", 2);
	if (request->body)
		conn_write(f->conn, request->body, strlen(request->body));
	return 0;
}

struct waiting {
	struct loop *loop;
	unsigned status;
	char *body;
	int err;
};

static void on_answer(void *arg, int err, unsigned status, const char *body, size_t length)
{
	struct waiting *w = arg;

	w->err = err;
	w->status = status;
	if (!err && !(w->body = strndup(body, length)))
		w->err = E_NOMEM;
	loop_stop(w->loop);
}

int http_fetch_wait(const struct http_fetch *request, unsigned *status, char **body)
{
	struct waiting w = {.err = E_IO};
	int rc = loop_new(&w.loop);

	if (rc)
		return rc;
	rc = http_fetch(w.loop, request, on_answer, &w);
	if (!rc) {
		loop_run(w.loop);
		rc = w.err;
	}
	loop_free(w.loop);
	if (!rc) {
		*status = w.status;
		*body = w.body;
	}
	return rc;
}
